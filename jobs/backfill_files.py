"""The service will read whole log files where a backfill runs, without a store: rows, and what became of every line."""

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace

import polars as pl

from monitor.batch import Batch, Ledger, Lines, Reject, WaitingHalf
from monitor.prediction import empty
from monitor.sources.archives import Content, Limits, content
from monitor.sources.columns import columns
from monitor.sources.door import Door
from monitor.sources.files import end_of_hole, end_of_line, instance_of
from monitor.sources.frame import frame
from monitor.sources.halves import met
from monitor.sources.identity import FIRST_BYTES, digest, first_line
from monitor.sources.lines import Reading, batch_of, too_long

WIDE = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True)
class File:
    """Name a file and say at which place it comes in the order of reading."""

    number: int
    path: str


@dataclass(frozen=True)
class Files:
    """Hold what reading needs, wherever it runs: how a line is read, the privacy door, and the limits."""

    reading: Reading  # its file key and bookmark are set for each file
    door: Door
    limits: Limits
    batch_bytes: int
    written_before_us: float  # a plain file changed later may still grow: its last half line is left

    def __call__(self, task: Iterable[File]) -> Iterator[tuple[pl.DataFrame, Ledger]]:
        """Yield the rows of the files of a task, in their order, each piece with what became of its lines."""
        waiting: dict[tuple[bytes, str], WaitingHalf] = {}
        for file in task:
            try:
                descriptor = os.open(file.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            except OSError as error:
                yield empty(), _unread(file, error.strerror or str(error))
                continue
            try:
                yield from self._file(file, content(descriptor, self.limits), waiting)
            except OSError as error:
                yield empty(), _unread(file, f"from some place on: {error.strerror or error}")
            finally:
                os.close(descriptor)
        if waiting:
            yield empty(), Ledger({"reject half_missing": len(waiting)})

    def _file(
        self, file: File, found: Content, waiting: dict[tuple[bytes, str], WaitingHalf]
    ) -> Iterator[tuple[pl.DataFrame, Ledger]]:
        if found.read(0, 2) in WIDE:
            yield empty(), _unread(file, "UTF-16: convert it to UTF-8")
            return
        reading = replace(self.reading, file_key=self._key(file, found), bookmark=file.number)
        end = 0
        for batch in self._batches(found, reading):
            end = batch.end
            rows, rejects, lines = batch.predictions, list(batch.rejects), batch.lines
            if batch.halves:
                put = met([*waiting.values(), *batch.halves], {})
                waiting.clear()
                waiting.update(put.waiting)
                rejects += put.rejects
                if put.records:
                    more = frame(columns(put.records), self.door, reading.source, reading.file_key, file.number)
                    rows = pl.concat([rows, more], how="diagonal") if rows.height else more
            yield rows, _ledger(file, lines, rejects)
        is_whole = found.bomb or found.damage or not found.read(end, 1)
        unread = () if is_whole else (f"{file.path} (its last line has no end yet)",)
        yield empty(), Ledger({"files": 1}, unread=unread)

    def _key(self, file: File, found: Content) -> bytes:
        """Return what tells this file from others as `Reader` does: copies of one file in one folder have one key."""
        source, secret = self.reading.source, self.door.secret
        head = found.read(0, FIRST_BYTES)
        line = first_line(head)
        key = digest(secret, (head if line is None else line).removeprefix(b"\xef\xbb\xbf"))
        return b"|".join((source.name.encode(), instance_of(source, file.path).encode(), key, b"0"))

    def _batches(self, found: Content, reading: Reading) -> Iterator[Batch]:
        at, data = 0, b""
        most = usual = max(self.batch_bytes, FIRST_BYTES)
        is_over = found.packed or found.raw.about().modified_us <= self.written_before_us
        while data := found.read(at, most):
            is_short = len(data) < most
            batch = batch_of(data, at, reading, self.door, is_finished=is_over and is_short and not found.damage)
            if batch.end == at:
                if is_short:
                    break  # half a line that may still grow, or what an archive's damage left of one
                if data[:1] == b"\x00" and not data.strip(b"\x00"):
                    batch = _hole(found, at, usual, self.door.secret)
                elif most <= reading.line_bytes:
                    most = reading.line_bytes + 1
                    continue
                else:
                    stop, _, ended = end_of_line(found, at + len(data), usual)
                    batch = too_long(data, at, stop, reading, self.door, has_newline=ended)
            yield batch
            at, most = batch.end, usual
        if found.bomb or found.damage:
            reason = "archive_bomb" if found.bomb else "archive_damaged"
            yield Batch(at, at, rejects=(Reject(at, len(data), reason, found.bomb or found.damage),))


def _hole(found: Content, at: int, chunk_bytes: int, secret: bytes) -> Batch:
    stop, _ = end_of_hole(found, at, chunk_bytes)
    return Batch(at, stop, rejects=(Reject(at, stop - at, "nul_hole", f"{stop - at} NUL bytes", digest(secret, b"")),))


def _unread(file: File, why: str) -> Ledger:
    return Ledger({"files unread": 1}, unread=(f"{file.path} ({why})",))


def _ledger(file: File, lines: Lines, rejects: list[Reject]) -> Ledger:
    counts = Counter({f"lines {fate}": count for fate, count in asdict(lines).items()})
    counts.update(f"reject {one.reason}" for one in rejects)
    examples: dict[str, str] = {}
    for one in rejects:
        told = f"{file.path}, byte {one.position}" + (f": {one.detail}" if one.detail else "")
        examples.setdefault(one.reason, told)
    return Ledger(dict(counts), examples)
