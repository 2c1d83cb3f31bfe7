"""The service will read every new log line exactly once."""

import os
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from monitor.config import Config
from monitor.errors import LeaseLost, StoreError, VigieError
from monitor.settings import Source
from monitor.sources.door import Door
from monitor.sources.files import Seen, end_of_line, instance_of, read_verified, scan
from monitor.sources.identity import FIRST_BYTES, TAIL_BYTES, Mark, digest, first_line, is_same
from monitor.sources.lines import Reading, batch_of, too_long
from monitor.store import arrivals
from monitor.store.store import Store
from monitor.window import hour_of, microseconds

MIB = 1024 * 1024
MARK_COLUMNS = tuple(Mark.__dataclass_fields__)


@dataclass
class Pass:
    """Collect what one pass over a source did."""

    accepted: int = 0
    duplicate: int = 0
    rejected: int = 0
    newest_us: int | None = None
    unread_bytes: int = 0
    waiting: int = 0
    unreadable: list[str] = field(default_factory=list)  # files and why

    def told(self) -> str:
        """Say it in a line."""
        line = f"{self.accepted} read, {self.duplicate} duplicate, {self.rejected} rejected"
        return line + (f", cannot open {', '.join(self.unreadable)}" if self.unreadable else "")


def ingest(store: Store, config: Config, now: datetime) -> str:
    """
    Read every source to its end, oldest file first.

    Safe to run twice, or killed anywhere: rows and the place where the next reading begins are one transaction. A source
    that cannot be read does not keep the others waiting; VigieError names it when all had their turn.
    """
    door = Door(
        config.models, {name: config.vocabulary(name) for name in config.models}, config.privacy.store, config.secret
    )
    told: list[str] = []
    broken: list[Exception] = []
    for source in config.sources.values():
        try:
            told.append(f"{source.name}: {_read_source(store, config, source, door, now).told()}")
        except LeaseLost:
            raise
        except (VigieError, OSError) as error:
            broken.append(error)
            told.append(f"{source.name}: failed, {error}")
    if broken:
        raise (StoreError if any(isinstance(one, StoreError) for one in broken) else VigieError)("; ".join(told))
    return "; ".join(told) or "no sources"


def _read_source(store: Store, config: Config, source: Source, door: Door, now: datetime) -> Pass:
    done, read = Pass(), set()
    for seen in scan(source):
        try:
            descriptor = os.open(seen.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:  # rotated away since it was listed; the next pass finds its new name
            done.unread_bytes += seen.size
            continue
        except OSError as error:
            done.unread_bytes += seen.size
            done.unreadable.append(f"{os.path.basename(seen.path)} ({error.strerror})")
            continue
        try:
            mark = _identify(store, config, source, seen, descriptor, now=now)
            if mark is None:
                done.waiting += 1
            elif mark.id not in read:  # a second path to the same content is an alias
                read.add(mark.id)
                _read_file(store, config, (source, door), mark, descriptor, now=now, done=done)
        finally:
            os.close(descriptor)
    with store.write() as connection:
        arrivals.alone(connection, source.name)
        _tell_vanished(connection, source, read, done, microseconds(now))
        facts: dict[str, Any] = {"read_us": microseconds(now), "lag_bytes": done.unread_bytes}
        if done.newest_us is not None:
            facts["newest_us"] = done.newest_us
        if not done.unread_bytes:
            facts["complete_until_hour"] = hour_of(now - timedelta(minutes=config.ingest.grace_minutes))
        arrivals.note_source(connection, source.name, source.format, **facts)
    return done


def _identify(
    store: Store, config: Config, source: Source, seen: Seen, descriptor: int, *, now: datetime
) -> Mark | None:
    """Return the bookmark this file continues, a new one, or None while its content is in doubt."""
    head = os.pread(descriptor, FIRST_BYTES, 0)
    line = first_line(head)
    age_us = _age_us(descriptor, now)
    if line is None and (not head or age_us < config.ingest.finish_minutes * 60e6):
        return None
    key = digest(config.secret, (line if line is not None else head).removeprefix(b"\xef\xbb\xbf"))
    instance = instance_of(source, seen.path)
    size = os.fstat(descriptor).st_size
    with store.write() as connection:
        arrivals.alone(connection, source.name)  # two runners must not take one file twice
        doubtful = False
        for row in arrivals.marks(connection, source.name, instance, key):
            mark = Mark(**{name: getattr(row, name) for name in MARK_COLUMNS})
            same = is_same(mark, descriptor, size, config.secret)
            if same:
                arrivals.note(connection, mark.id, path_last=seen.path, size_seen=size, modified_us=seen.modified_us,
                              device=seen.device, inode=seen.inode, state="active")  # fmt: skip
                return mark
            doubtful |= same is None
        if doubtful and age_us < config.ingest.settle_seconds * 1e6:
            return None
        identity = arrivals.register(connection, {
            "source": source.name, "instance": instance, "first_digest": key, "path_last": seen.path, "size_seen": size,
            "modified_us": seen.modified_us, "device": seen.device, "inode": seen.inode})  # fmt: skip
        row = next(r for r in arrivals.marks(connection, source.name, instance, key) if r.id == identity)
        return Mark(**{name: getattr(row, name) for name in MARK_COLUMNS})


def _read_file(store: Store, config: Config, what: tuple[Source, Door], mark: Mark, descriptor: int, *, now: datetime,
               done: Pass) -> None:  # fmt: skip
    source, door = what
    most = usual = max(int(config.ingest.batch_mib * MIB), FIRST_BYTES)
    latest_us = microseconds(now + timedelta(minutes=config.ingest.future_minutes))
    file_key = b"|".join(
        (source.name.encode(), mark.instance.encode(), mark.first_digest, str(mark.generation).encode())
    )
    reading = Reading(source, file_key, mark.id, latest_us, int(config.ingest.line_mib * MIB))
    old_us = config.ingest.finish_minutes * 60e6
    while True:
        data = read_verified(descriptor, mark, most, config.secret)
        if not data:
            return  # nothing new, or the file was truncated under us: the next pass identifies it again
        finished = len(data) < most and b"\n" not in data[-1:] and _age_us(descriptor, now) > old_us
        batch = batch_of(data, mark.position, reading, door, is_finished=finished)
        consumed = data[: batch.end - batch.start]
        if not consumed:
            if len(data) < most:
                return  # half a line: wait for its end
            if most <= reading.line_bytes:
                most = reading.line_bytes + 1
                continue
            stop, last, ended = end_of_line(descriptor, mark.position + len(data), usual)
            if not ended and _age_us(descriptor, now) <= old_us:
                return
            batch = too_long(data, mark.position, stop, reading, door, has_newline=ended)
            consumed = data + last
        place = _place(descriptor, mark, (consumed, batch.end), config.secret)
        with store.write() as connection:
            saved = arrivals.save(connection, batch, mark.id, place, microseconds(now))
        if not saved.moved:
            return  # another runner was first
        done.accepted += saved.accepted
        done.duplicate += saved.duplicate
        done.rejected += saved.rejected + batch.lines.rejected
        if batch.predictions.height:
            newest = int(batch.predictions["time"].dt.epoch("us").max())  # type: ignore[arg-type]
            done.newest_us = max(done.newest_us or 0, newest)
        mark = Mark(**{**{name: getattr(mark, name) for name in MARK_COLUMNS}, "position": batch.end, **place})
        most = usual


def _age_us(descriptor: int, now: datetime) -> int:
    """Return how long nobody wrote, as seen after what was read before: what came since then makes it young."""
    return microseconds(now) - os.fstat(descriptor).st_mtime_ns // 1000


def _place(descriptor: int, mark: Mark, read: tuple[bytes, int], secret: bytes) -> dict[str, Any]:
    """Return the new tail and head of the bookmark, from the first and last bytes up to the new end that were read."""
    consumed, end = read
    tail = consumed[-TAIL_BYTES:]
    place: dict[str, Any] = {"tail_digest": digest(secret, tail), "tail_length": len(tail)}
    if mark.head_length < FIRST_BYTES:
        head = consumed[:FIRST_BYTES] if mark.position == 0 else os.pread(descriptor, min(end, FIRST_BYTES), 0)
        if mark.position == 0 or digest(secret, head[: mark.head_length]) == mark.head_digest:
            place |= {"head_digest": digest(secret, head), "head_length": len(head)}
    return place


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
