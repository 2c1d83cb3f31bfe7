"""The service will keep what people announce: deployments, holidays, campaigns, closures, maintenance."""

from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from jobs.act import RANK, role_of
from monitor.config import Config
from monitor.errors import ConfigError
from monitor.plan import Planned, trouble
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
    _may(config, author)
    if model and model not in config.models:
        raise ConfigError(f"there is no model {model}", where=str(config.path))
    why = trouble(kind, begin, end)
    if why is None and (len(note) > LONGEST_NOTE or not note.isprintable()):
        why = f"a note has {LONGEST_NOTE} printable characters at most"
    if why is not None:
        raise ConfigError(why)
    one = Planned(0, model, kind, microseconds(begin), None if end is None else microseconds(end), note, author,
                  microseconds(now))  # fmt: skip
    with store.write() as connection:
        return replace(one, id=plans.add(connection, one))


def remove(store: Store, config: Config, now: datetime, number: int, *, author: str) -> None:
    """Take an entry back: hours that are judged from now on do not heed it."""
    _may(config, author)
    with store.write() as connection:
        plans.remove(connection, number, now)


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
