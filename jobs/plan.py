"""The service will keep what people announce: deployments, holidays, campaigns, closures, maintenance."""

from dataclasses import replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from jobs.roles import RANK, role_of
from monitor.config import Config
from monitor.errors import ConfigError
from monitor.plan import Planned, read_words, trouble
from monitor.store import plans
from monitor.store.store import Store
from monitor.window import microseconds

NEEDS = "operator"
LONGEST_NOTE = 80


def add(store: Store, config: Config, now: datetime, kind: str, model: str, *, begin: datetime, end: datetime | None,
        note: str, author: str) -> Planned:  # fmt: skip
    """
    Keep an entry of the plan for `model` ("" for all) and return it.

    Raises ConfigError for an unknown model or kind, ends that do not fit the kind, or somebody who may not.
    """
    one = checked(config, now, kind, model, begin=begin, end=end, note=note, author=author)
    with store.write() as connection:
        return replace(one, id=plans.add(connection, one))


def checked(config: Config, now: datetime, kind: str, model: str, *, begin: datetime, end: datetime | None,
            note: str, author: str) -> Planned:  # fmt: skip
    """Return the entry that `add` keeps, before it has a number; raises what `add` raises."""
    _may(config, author)
    if model and model not in config.models:
        raise ConfigError(f"there is no model {model}", where=str(config.path))
    why = trouble(kind, begin, end)
    if why is None and (len(note) > LONGEST_NOTE or not note.isprintable()):
        why = f"a note has {LONGEST_NOTE} printable characters at most"
    if why is not None:
        raise ConfigError(why)
    return Planned(0, model, kind, microseconds(begin), None if end is None else microseconds(end), note, author,
                   microseconds(now))  # fmt: skip


def remove(store: Store, config: Config, now: datetime, number: int, *, author: str) -> None:
    """Take an entry back: hours that are judged from now on do not heed it."""
    _may(config, author)
    with store.write() as connection:
        plans.remove(connection, number, now)


def apply(connection: Connection, config: Config, one: dict[str, Any], now: datetime) -> None:
    """Apply an action on the plan, `add` or `remove`; it counts as entered now, not when it was asked for."""
    model, author = one["subject"].partition(":")[2], one["actor"]
    if one["verb"] == "remove":
        if not (one["reason"].isascii() and one["reason"].isdigit()):
            raise ConfigError(f"{one['reason'][:20]!r} is no number of an entry")
        number = int(one["reason"])
        if number not in {known.id for known in plans.of_model(connection, model or None)}:
            raise ConfigError(f"there is no entry {number} in the plan")
        plans.remove(connection, number, now)
        return
    words = read_words(one["reason"])
    begin, end = (moment_of(words[name], config) if words[name] else None for name in ("from", "to"))
    entry = checked(config, now, words["kind"], model, begin=begin or now, end=end, note=words["note"], author=author)
    plans.add(connection, entry)


def moment_of(text: str, config: Config) -> datetime:
    """Read an ISO date or time; without an offset it is in the zone people work in. Raises ConfigError for anything else."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigError(f"{text!r} is no ISO date or time, like 2026-12-24 or 2026-12-24T14:00") from None
    return found if found.tzinfo else found.replace(tzinfo=ZoneInfo(config.working_hours.zone))


def _may(config: Config, author: str) -> None:
    if RANK[role_of(config, author)] < RANK[NEEDS]:
        raise ConfigError(f"plan needs the role {NEEDS}")
