"""The service will read one log file from its bookmark on, a batch at a time."""

import math
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from jobs.joining import joined
from monitor.batch import Batch, Lines, Reject
from monitor.config import Config
from monitor.engines import local
from monitor.errors import DataRefused
from monitor.settings import Source
from monitor.sources import objects
from monitor.sources.archives import Content, Limits, Raw, content
from monitor.sources.door import Door
from monitor.sources.files import Seen, end_of_hole, end_of_line, instance_of, read_verified
from monitor.sources.identity import FIRST_BYTES, TAIL_BYTES, Mark, digest, first_line, is_same
from monitor.sources.lines import Reading, batch_of, too_long
from monitor.store import arrivals
from monitor.store.arrivals import Saved
from monitor.store.store import Store
from monitor.window import microseconds

MIB, GIB = 1024 * 1024, 1024**3
MARK_COLUMNS = tuple(Mark.__dataclass_fields__)
WIDE = (b"\xff\xfe", b"\xfe\xff")


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
    met: dict[int, Seen] = field(default_factory=dict)  # by bookmark
    again: list[Seen] = field(default_factory=list)  # files whose bookmark went over to a longer one

    def told(self) -> str:
        """Say it in a line."""
        line = f"{self.accepted} read, {self.duplicate} duplicate, {self.rejected} rejected"
        return line + (f", cannot read {', '.join(self.unreadable)}" if self.unreadable else "")

    def count(self, batch: Batch, saved: Saved) -> None:
        """Add what became of a batch."""
        self.accepted += saved.accepted
        self.duplicate += saved.duplicate
        self.rejected += saved.rejected + batch.lines.rejected
        if batch.predictions.height:
            newest = int(batch.predictions["time"].dt.epoch("us").max())  # type: ignore[arg-type]
            self.newest_us = max(self.newest_us or 0, newest)

    def refuse(self, seen: Seen, why: str) -> None:
        """Note a file that cannot be read: what it holds waits."""
        self.unread_bytes += seen.size
        self.unreadable.append(f"{os.path.basename(seen.path)} ({why})")


@dataclass(frozen=True)
class Reader:
    """Hold what reading a source's files needs; `done` is filled while they are read."""

    store: Store
    config: Config
    source: Source
    door: Door
    now: datetime
    done: Pass

    def file(self, seen: Seen, read: set[int]) -> Iterator[None]:
        """Read a file to its end, giving way after every batch; `read` collects the bookmarks met, an alias is left alone."""
        with self.opened(seen) as found:
            if found is None or self.is_known(seen, read):
                return
            if found.read(0, 2) in WIDE:
                self.done.refuse(seen, "UTF-16: convert it, or have it written as UTF-8")
                return
            mark = self._identify(seen, found)
            if mark is None:
                self.done.waiting += 1
            elif mark.id not in read:
                read.add(mark.id)
                self.done.met[mark.id] = seen
                yield from self._batches(mark, found)
            elif found.read(mark.position, 1):  # it begins like another that was met, and goes on: the mark follows it
                self.done.again.append(self.done.met.get(mark.id, seen))
                self.done.met[mark.id] = seen
                yield from self._batches(mark, found)

    @contextmanager
    def opened(self, seen: Seen) -> Iterator[Content | None]:
        """Lend the content of a file, None where it cannot be read: an error of the disk is told, and what it holds waits."""
        with ExitStack() as held:
            try:
                where, let_go = _lent(seen, self.source)
                held.callback(let_go)
                found = content(where, self._limits)
            except FileNotFoundError:  # rotated away since it was listed; the next pass finds its new name
                self.done.unread_bytes += seen.size
                yield None
                return
            except OSError as error:
                self.done.refuse(seen, error.strerror or str(error))
                yield None
                return
            try:
                yield found
            except OSError as error:
                self.done.refuse(seen, error.strerror or str(error))

    @property
    def _limits(self) -> Limits:
        return Limits(int(self.config.ingest.archive_gib * GIB), self.config.ingest.archive_ratio)

    def is_known(self, seen: Seen, read: set[int]) -> bool:
        """Say whether this very file was read to its end: then an archive is not decompressed again."""
        with self.store.read() as connection:
            known = arrivals.packed(
                connection, self.source.name, (seen.device, seen.inode, seen.size, seen.modified_us)
            )
        read.update(known)
        return bool(known)

    def _identify(self, seen: Seen, found: Content) -> Mark | None:
        """Return the bookmark this file continues, a new one, or None while its content is in doubt."""
        secret, age_us = self.config.secret, untouched_us(found, self.now)
        head = found.read(0, FIRST_BYTES)
        line = first_line(head)
        if line is None and (not head or age_us < self.config.ingest.finish_minutes * 60e6):
            return None
        key = digest(secret, (line if line is not None else head).removeprefix(b"\xef\xbb\xbf"))
        instance = instance_of(self.source, seen.path)
        hints = {"state": "active", "path_last": seen.path, "modified_us": seen.modified_us, "device": seen.device, "inode": seen.inode,
                 "size_seen": 0 if found.packed else found.size}  # fmt: skip
        with self.store.read() as connection:
            known = [mark_of(row) for row in arrivals.marks(connection, self.source.name, instance, key)]
        while True:  # content is compared outside the transaction; what changed meanwhile is compared again
            same, doubtful = self._same(known, found)
            if same is not None and all(getattr(same, name) == value for name, value in hints.items()):
                return same  # nothing moved: nothing to write
            with self.store.write() as connection:
                arrivals.alone(connection, self.source.name)  # two runners must not take one file twice
                now_known = [mark_of(row) for row in arrivals.marks(connection, self.source.name, instance, key)]
                if now_known != known:
                    known = now_known
                    continue
                if same is not None:
                    arrivals.note(connection, same.id, **hints)
                    return same
                if doubtful and age_us < self.config.ingest.settle_seconds * 1e6:
                    return None
                fresh = {"source": self.source.name, "instance": instance, "first_digest": key, "size_seen": 0, **hints}
                return mark_of(arrivals.register(connection, fresh))

    def _same(self, known: Sequence[Mark], found: Content) -> tuple[Mark | None, bool]:
        """Return the furthest bookmark this content continues, if any, and whether it is too short to tell for one."""
        doubtful = False
        for mark in known:
            same = is_same(mark, found, self.config.secret)
            if same:
                return mark, False
            doubtful |= same is None
        return None, doubtful

    def _batches(self, mark: Mark, found: Content) -> Iterator[None]:
        most = usual = max(int(self.config.ingest.batch_mib * MIB), FIRST_BYTES)
        latest_us = microseconds(self.now + timedelta(minutes=self.config.ingest.future_minutes))
        file_key = b"|".join(
            (self.source.name.encode(), mark.instance.encode(), mark.first_digest, str(mark.generation).encode())
        )
        reading = Reading(self.source, file_key, mark.id, latest_us, int(self.config.ingest.line_mib * MIB))
        while True:
            data = read_verified(found, mark, most, self.config.secret)
            if found.bomb:
                self.close(mark, found, Reject(mark.position, 0, "archive_bomb", found.bomb), state="refused")
                return
            if not data:  # nothing new, or the file was truncated under us: the next pass identifies it again
                self._end(mark, found, b"")
                return
            is_last = self._is_over(found) and len(data) < most and not found.damage
            batch = batch_of(data, mark.position, reading, self.door, is_finished=is_last)
            consumed = data[: batch.end - batch.start]
            if not consumed:
                if len(data) < most:
                    self._end(mark, found, data)
                    return  # half a line: wait for its end
                if data[:1] == b"\x00" and not data.strip(b"\x00"):
                    batch, consumed = self._hole(mark, found, usual)
                elif most <= reading.line_bytes:
                    most = reading.line_bytes + 1
                    continue
                else:
                    stop, last, ended = end_of_line(found, mark.position + len(data), usual)
                    if not ended and not self._is_over(found):
                        return
                    batch = too_long(data, mark.position, stop, reading, self.door, has_newline=ended)
                    consumed = data + last
            try:
                moved = self._save(batch, reading, mark, found, consumed)
            except DataRefused as error:
                if batch.lines.total > 1:
                    most = max(len(consumed) // 2, 1)  # look for the line by halves
                    continue
                batch = refused_alone(batch, str(error.what))
                moved = self._save(batch, reading, mark, found, consumed)
            if moved is None:
                return  # another runner was first
            mark, most = moved, usual
            yield

    def _hole(self, mark: Mark, found: Content, usual: int) -> tuple[Batch, bytes]:
        """Pass over NULs that a writer without append mode left after its file was truncated."""
        stop, last = end_of_hole(found, mark.position, usual)
        size = stop - mark.position
        hole = Reject(mark.position, size, "nul_hole", f"{size} NUL bytes", digest(self.config.secret, b""))
        return Batch(mark.position, stop, rejects=(hole,)), last

    def _save(self, batch: Batch, reading: Reading, mark: Mark, found: Content, consumed: bytes) -> Mark | None:
        """Commit a batch and return where the next begins; None when another runner had moved the bookmark."""
        batch = joined(self.store, batch, reading, self.door, microseconds(self.now))
        place = _place(found, mark, (consumed, batch.end), self.config.secret)
        parts = local.profiles(batch.predictions) if self.config.privacy.store == "none" else None
        with self.store.write() as connection:
            saved = arrivals.save(connection, batch, mark.id, place, microseconds(self.now), parts=parts)
        if not saved.moved:
            return None
        self.done.count(batch, saved)
        return Mark(**{**{name: getattr(mark, name) for name in MARK_COLUMNS}, "position": batch.end, **place})

    def _is_over(self, found: Content) -> bool:
        """Say whether nobody will add to what was read: an archive's end, or a file that is left alone."""
        whole = found.packed and found.size is not None and not found.damage
        return whole or untouched_us(found, self.now) > self.config.ingest.finish_minutes * 60e6

    def _end(self, mark: Mark, found: Content, rest: bytes) -> None:
        """Close an archive or object that was read to its end, or as far as its damage lets; a plain file stays open."""
        if not (found.packed or found.raw.about().is_final) or found.size is None or not self._is_over(found):
            return
        damaged = Reject(mark.position, len(rest), "archive_damaged", found.damage) if found.damage else None
        self.close(mark, found, damaged, state="finished")

    def close(self, mark: Mark, found: Content, reject: Reject | None, *, state: str) -> None:
        """Note that a file was read as far as it can be, and the reason where that is not its end."""
        about = found.raw.about()
        hints = {"device": about.device, "inode": about.inode, "modified_us": about.modified_us,
                 "packed_size": about.size, "state": state}  # fmt: skip
        with self.store.write() as connection:
            arrivals.close(connection, mark.id, reject, microseconds(self.now), **hints)
        self.done.rejected += reject is not None


def _lent(seen: Seen, source: Source) -> tuple[int | Raw, Callable[[], None]]:
    """Open a file or an object; the second value lets go of it."""
    if objects.is_remote(source):
        return objects.opened(seen), lambda: None
    descriptor = os.open(seen.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    return descriptor, partial(os.close, descriptor)


def mark_of(row: Any) -> Mark:
    """Return the bookmark a row of the store holds."""
    return Mark(**{name: getattr(row, name) for name in MARK_COLUMNS})


def refused_alone(batch: Batch, why: str) -> Batch:
    """Turn a line that the database cannot hold into a reject."""
    first = batch.predictions.row(0, named=True) if batch.predictions.height else None
    digest_ = b"" if first is None else first["uid"]
    found = Reject(batch.start, batch.end - batch.start, "store_rejected", why[:200], digest_)
    return Batch(batch.start, batch.end, rejects=(found,), lines=Lines(rejected=1))


def untouched_us(found: Content, now: datetime) -> float:
    """Return how long nobody wrote, as seen after what was read before: what came since then makes it young."""
    about = found.raw.about()
    return math.inf if about.is_final else microseconds(now) - about.modified_us


def _place(found: Content, mark: Mark, read: tuple[bytes, int], secret: bytes) -> dict[str, Any]:
    """Return the new tail and head of the bookmark, from the first and last bytes up to the new end that were read."""
    consumed, end = read
    tail = consumed[-TAIL_BYTES:]
    place: dict[str, Any] = {"tail_digest": digest(secret, tail), "tail_length": len(tail)}
    if mark.head_length < FIRST_BYTES and not (found.packed and mark.position):
        head = consumed[:FIRST_BYTES] if mark.position == 0 else found.read(0, min(end, FIRST_BYTES))
        if mark.position == 0 or digest(secret, head[: mark.head_length]) == mark.head_digest:
            place |= {"head_digest": digest(secret, head), "head_length": len(head)}
    return place
