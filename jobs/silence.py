"""The service will keep what people silence for a while."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from jobs.roles import RANK, role_of
from monitor.config import Config
from monitor.detection.renewal import KIN
from monitor.errors import ConfigError
from monitor.silence import Silence, hours_of, read_words, trouble
from monitor.store import silences
from monitor.store.store import Store
from monitor.window import MICROSECONDS_PER_HOUR, microseconds

NEEDS = "operator"
KINDS = tuple(sorted(set(KIN.values())))  # beside these, field:NAME


def add(store: Store, config: Config, now: datetime, model: str, words: str, *, author: str) -> Silence:
    """
    Keep a silence of `model` ("" for all) as `words_of` wrote it down, from now on, and return it.

    Raises ConfigError for an unknown model or kind, what `trouble` says, or somebody who may not.
    """
    one = checked(config, now, model, words, author=author)
    with store.write() as connection:
        return replace(one, id=silences.add(connection, one))


def end(store: Store, config: Config, now: datetime, number: int, *, author: str) -> None:
    """End a silence: what is still open is told with the next messages."""
    _may(config, author)
    with store.write() as connection:
        silences.end(connection, number, now)


def checked(config: Config, now: datetime, model: str, words: str, *, author: str) -> Silence:
    """Return the silence that `add` keeps, before it has a number; raises what `add` raises."""
    _may(config, author)
    told, begin_us = read_words(words), microseconds(now)
    if model and model not in config.models:
        raise ConfigError(f"there is no model {model}", where=str(config.path))
    fields = {f"field:{name}" for one in config.models.values() for name in one.fields}
    if told["kind"] and told["kind"] not in {*KINDS, *fields}:
        raise ConfigError(f"{told['kind'][:40]!r} is none of {', '.join((*KINDS, *sorted(fields)))}")
    hours = hours_of(told["for"])
    if hours is None:
        raise ConfigError(f"{told['for'][:20]!r} is no length of time, like 12h or 3d")
    one = Silence(0, model, told["kind"], begin_us, begin_us + hours * MICROSECONDS_PER_HOUR, author, told["reason"])
    why = trouble(one, config.alerts.silence_max_days, is_confirmed=bool(told["confirm"]))
    if why is not None:
        raise ConfigError(why)
    return one


def apply(connection: Connection, config: Config, one: dict[str, Any], now: datetime) -> None:
    """Apply an action on silences, `add` or `end`; it counts from now, not from when it was asked for."""
    if one["verb"] == "add":
        model = one["subject"].partition(":")[2]
        silences.add(connection, checked(config, now, model, one["reason"], author=one["actor"]))
        return
    if not (one["reason"].isascii() and one["reason"].isdigit()):
        raise ConfigError(f"{one['reason'][:20]!r} is no number of a silence")
    silences.end(connection, int(one["reason"]), now)


def _may(config: Config, author: str) -> None:
    if RANK[role_of(config, author)] < RANK[NEEDS]:
        raise ConfigError(f"a silence needs the role {NEEDS}")
