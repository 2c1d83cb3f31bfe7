"""The service will read every new log line exactly once."""

import os
import shutil
from collections.abc import Callable, Collection, Generator, Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from jobs.erase import replay
from jobs.reading import Pass, Reader
from jobs.runs import run
from jobs.space import FULL, Space, Usage, space
from jobs.tables import rows
from monitor.config import Config
from monitor.errors import LeaseLost, StoreError, VigieError
from monitor.originals import sealed
from monitor.settings import Source
from monitor.sources import objects
from monitor.sources.door import Door
from monitor.sources.files import Seen, scan
from monitor.sources.rows import Unreadable
from monitor.sources.training import support_of
from monitor.store import arrivals, halves, secret
from monitor.store.day_keys import DayKeys
from monitor.store.finished import finished
from monitor.store.store import Store
from monitor.window import hour_of, microseconds


def ingest(store: Store, config: Config, now: datetime, usage: Usage = shutil.disk_usage) -> str:
    """
    Read every source to its end, oldest file first; nothing while the disk under `data_dir` (measured by `usage`) is nearly full.

    Safe to run twice, or killed anywhere: rows and the place where the next reading begins are one transaction. A source
    that cannot be read does not keep the others waiting; VigieError names it when all had their turn.
    """
    if (left := _space(config, usage)) is not None and left.is_full:
        return (
            f"paused: {left.share:.1%} of the disk under data_dir is free; reading goes on by itself from {FULL:.0%} on"
        )
    with store.write() as connection:
        secret.check(connection, config.secret, str(config.privacy.secret_file or config.data_dir / "secret"))
    replay(store, config, now)
    door = door_of(config)
    work = {name: _source(Reader(store, config, source, door, now, Pass())) for name, source in config.sources.items()}
    told: dict[str, str] = {}
    broken: list[Exception] = []
    while work:  # a batch of each in turns: the backlog of one source does not hold up the others
        for name, turns in list(work.items()):
            try:
                next(turns)
            except StopIteration as over:
                told[name] = f"{name}: {over.value.told()}"
                del work[name]
            except LeaseLost:
                raise
            except (VigieError, OSError) as error:
                broken.append(error)
                told[name] = f"{name}: failed, {error}"
                del work[name]
    line = "; ".join(told[name] for name in config.sources) or "no sources"
    if broken:
        raise (StoreError if any(isinstance(one, StoreError) for one in broken) else VigieError)(line)
    return line


def _space(config: Config, usage: Usage) -> Space | None:
    """Measure the disk; None where that cannot be done, as before there is a folder: watch tells if it stays so."""
    try:
        return space(config, usage)
    except OSError:
        return None


def door_of(config: Config) -> Door:
    """Open the privacy door; a model without a vocabulary of its own knows the words of its training texts."""
    supports = {name: support_of(model.training, config.data_dir / "support" / f"{name}.msgpack")
                for name, model in config.models.items() if model.training is not None}  # fmt: skip
    words: dict[str, Collection[str] | None] = {name: config.vocabulary(name) for name in config.models}
    words |= {name: frozenset(one.words) for name, one in supports.items() if words[name] is None}
    return Door(
        config.models, words, config.privacy.store, config.secret, config.privacy.patterns, _seal(config), supports
    )


def _seal(config: Config) -> Callable[[int, str | None, dict[str, Any]], bytes] | None:
    if config.privacy.store != "full":
        return None
    keys = DayKeys(config.privacy.keys_in(config.data_dir), config.secret)
    return lambda day, text, fields: sealed(day, text, fields, keys.of(day))


def _source(reader: Reader) -> Generator[None, None, Pass]:
    """Read every file or new row of a source, giving way after each batch; returns what was done."""
    source, done, now = reader.source, reader.done, reader.now
    if source.table is not None:
        looked = yield from rows(reader)
        with reader.store.write() as connection:
            if looked:
                _tell(connection, reader)
            elif done.newest_us is not None:  # it broke off: what it is complete to stays as it was
                arrivals.note_source(connection, source.name, "table", newest_us=done.newest_us)
        return done
    read: set[int] = set()
    try:
        listed = _listed(reader, read)
    except Unreadable as error:
        done.unreadable.append(str(error))
        return done
    take = partial(run, reader) if source.format == "table" else reader.file
    yield from _in_turns([take(seen, read) for seen in listed if not seen.packed])
    for seen in listed:
        if seen.packed:
            yield from take(seen, read)
    shorter, done.again = done.again, []
    for seen in shorter:
        yield from take(seen, read)
    with reader.store.write() as connection:
        arrivals.alone(connection, source.name)
        _tell_vanished(connection, source, read, done, microseconds(now))
        done.rejected += halves.expire(connection, source.name, microseconds(now))
        _tell(connection, reader)
    return done


def _tell(connection: Any, reader: Reader) -> None:
    """Keep what this pass over a source found."""
    source, done, now = reader.source, reader.done, reader.now
    facts: dict[str, Any] = {"read_us": microseconds(now), "lag_bytes": done.unread_bytes}
    if done.newest_us is not None:
        facts["newest_us"] = done.newest_us
    if not done.unread_bytes:
        facts["complete_until_hour"] = hour_of(now - timedelta(minutes=reader.config.ingest.grace_minutes))
    arrivals.note_source(connection, source.name, source.format if source.table is None else "table", **facts)


def _listed(reader: Reader, read: set[int]) -> list[Seen]:
    """Return the files of a source, or its objects but for those that were read: these go to `read`, and are not asked for."""
    source = reader.source
    if not objects.is_remote(source):
        return scan(source)
    listed = objects.scan(source)
    with reader.store.read() as connection:
        known = finished(connection, source.name)
    marks = [known.get((one.device, one.inode, one.size, one.modified_us)) for one in listed]
    read.update(mark for mark in marks if mark is not None)
    return [one for one, mark in zip(listed, marks, strict=True) if mark is None]


def _in_turns(files: list[Iterator[None]]) -> Iterator[None]:
    """Read files oldest first, but after each of their batches one of the newest: a backlog does not hold up what is live."""
    while files:
        for at in (0, -1) if len(files) > 1 else (0,):
            try:
                next(files[at])
            except StopIteration:
                del files[at]
                break
            yield


def _tell_vanished(connection: Any, source: Source, read: set[int], done: Pass, now_us: int) -> None:
    for row in arrivals.active(connection, source.name):
        if row.id in read or done.unread_bytes:
            continue  # while files move, what was not met is not missing
        if os.path.exists(row.path_last) and done.waiting:
            continue  # it may be the file in doubt
        if row.position < row.size_seen:
            arrivals.lose(connection, row.id, "vanished", row.size_seen - row.position, now_us)
        else:
            arrivals.note(connection, row.id, state="finished")
