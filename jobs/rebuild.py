"""The service will check stored profiles against their rows, and mend what differs."""

from datetime import datetime

from monitor.config import Config
from monitor.engines import local
from monitor.errors import NoData
from monitor.store import predictions, profiles
from monitor.store.store import Store
from monitor.window import Window, hour_of


def differing(store: Store, model: str, window: Window) -> list[int]:
    """Return the hours of `window` whose stored profiles are not those their rows give."""
    with store.read() as connection:
        waiting = {hour for name, hour, _ in profiles.dirty(connection) if name == model}
        stored = profiles.hours(connection, model, window)
        built: dict[int, dict[str, object]] = {}
        for key, profile in local.profiles(predictions.counted(connection, model, window)).items():
            built.setdefault(key.hour, {})[key.segment] = profile
    hours = (stored.keys() | built.keys()) - waiting
    return sorted(hour for hour in hours if stored.get(hour) != built.get(hour))


def rebuild(store: Store, config: Config, now: datetime) -> str:
    """
    Recompute yesterday of every model from its rows and replace hours that differ.

    Safe to run twice: the second run finds nothing to mend.
    """
    day = hour_of(now) // 24 - 1
    with store.read() as connection:
        known = [model for model in config.models if profiles.span(connection, model) is not None]
    return "; ".join(mend(store, model, Window(day * 24, day * 24 + 24)) for model in known) or "no profiles yet"


def mend(store: Store, model: str, window: Window) -> str:
    """Recompute `window` of `model`, replace hours that differ, and say how many did; NoData when it has no profiles."""
    with store.read() as connection:
        if profiles.span(connection, model) is None:
            raise NoData(f"{model} has no profiles yet", remedy="vigie once ingest summarise")
    wrong = differing(store, model, window)
    for hour in wrong:
        one = Window(hour, hour + 1)
        with store.write() as connection:
            profiles.replace(connection, model, [hour], local.profiles(predictions.counted(connection, model, one)))
    return f"{model}: {window.hours} hours checked, {len(wrong)} differed"
