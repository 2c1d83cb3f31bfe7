"""The service will bring the hourly profiles up to date with the stored predictions."""

from collections import defaultdict
from datetime import datetime

from monitor.config import Config
from monitor.engines import local
from monitor.store import predictions, profiles
from monitor.store.store import Store
from monitor.window import Window, hour_of

HOURS_A_TURN = 24  # bounds the rows in memory: a day of one model, as they are kept


def summarise(store: Store, config: Config, now: datetime) -> str:
    """
    Rebuild the profile of every hour that got rows since it was last built, and roll up days that are over.

    Safe to run twice: an hour is rebuilt from all its rows and replaced; its mark goes in the same transaction, unless
    more rows came meanwhile.
    """
    with store.read() as connection:
        marks = profiles.dirty(connection)

    by_turn: dict[tuple[str, int], list[tuple[str, int, int]]] = defaultdict(list)
    for model, hour, mark in marks:
        by_turn[model, hour // HOURS_A_TURN].append((model, hour, mark))

    for (model, _), some in by_turn.items():
        hours = {hour for _, hour, _ in some}
        with store.write() as connection:
            rows = predictions.counted(connection, model, Window(min(hours), max(hours) + 1))
            built = {key: profile for key, profile in local.profiles(rows).items() if key.hour in hours}
            profiles.replace(connection, model, sorted(hours), built)
            profiles.clean(connection, some)
    today = hour_of(now) // 24
    with store.read() as connection:
        late = [model for model in config.models if profiles.unrolled(connection, model, today) is not None]
    for model in late:
        with store.write() as connection:
            profiles.roll(connection, model, today)
    return f"{len(marks)} hours summarised"
