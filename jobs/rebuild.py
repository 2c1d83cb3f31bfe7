"""The service will check stored profiles against their rows, and mend what differs."""

from collections.abc import Callable
from datetime import datetime
from functools import partial

from sqlalchemy import Connection

from jobs.tell import Alert, tell
from monitor.config import Config
from monitor.engines import local
from monitor.errors import NoData
from monitor.said import Said
from monitor.store import predictions, profiles, service_alerts
from monitor.store.store import Store
from monitor.window import MICROSECONDS_PER_HOUR, Window, hour_of

Note = Callable[[Connection, list[int]], None]


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

    Safe to run twice: the second run finds nothing to mend. That hours differed is told, for it should never be.
    """
    day = hour_of(now) // 24 - 1
    with store.read() as connection:
        known = [model for model in config.models if profiles.span(connection, model) is not None]
    window = Window(day * 24, day * 24 + 24)
    told = {model: partial(_tell, config=config, model=model, now=now) for model in known}
    return "; ".join(mend(store, model, window, told[model]) for model in known) or "no profiles yet"


def _tell(connection: Connection, hours: list[int], *, config: Config, model: str, now: datetime) -> None:
    text = f"{model}: the profiles of {len(hours)} hours were not those of their rows, and were counted anew"
    line = Said(text, "watch.mismatch", model=model, count=len(hours))
    alert = Alert(f"{service_alerts.PROFILES}{model}", line, hours[0] * MICROSECONDS_PER_HOUR)
    tell(connection, config, alert, hours[0], now)


def mend(store: Store, model: str, window: Window, note: Note = lambda _connection, _hours: None) -> str:
    """
    Recompute `window` of `model`, replace hours that differ, and say how many did; NoData when it has no profiles.

    `note` is told which these are, in the transaction that replaces the first of them.
    """
    with store.read() as connection:
        if profiles.span(connection, model) is None:
            raise NoData(f"{model} has no profiles yet", remedy="vigie once ingest summarise")
    wrong = differing(store, model, window)
    for hour in wrong:
        one = Window(hour, hour + 1)
        with store.write() as connection:
            if hour == wrong[0]:
                note(connection, wrong)
            profiles.replace(connection, model, [hour], local.profiles(predictions.counted(connection, model, one)))
    return f"{model}: {window.hours} hours checked, {len(wrong)} differed"
