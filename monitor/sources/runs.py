"""Read the rows of a Parquet or CSV file in bounded pieces, in their order, from any row on: one batch scoring run."""

import contextlib
import csv
import io
import re
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Any

import polars as pl

from monitor.settings import Source
from monitor.sources.archives import Content
from monitor.sources.identity import digest
from monitor.sources.record import Refused, time_us
from monitor.sources.rows import Unreadable, columns_of, require
from monitor.window import moment

ROWS_AT_ONCE = 5_000
STEP_BYTES = 1024 * 1024
PARQUET = b"PAR1"
MODIFIED = "modified"
RUN_TIME = "@run_time"


class Damaged(Exception):
    """Say why the rest of a file will never be read."""


@dataclass(frozen=True)
class Entry:
    """Hold the columns of a row by name, or why it is none."""

    values: dict[str, Any]
    why: str = ""


@dataclass(frozen=True)
class Asked:
    """Say what is wanted of a file: of which source, from which row on, and how many bytes a row has at most."""

    source: Source
    start: int
    row_bytes: int


def is_parquet(found: Content) -> bool:
    """Say whether the first bytes are those of a Parquet file."""
    return not found.packed and found.read(0, len(PARQUET)) == PARQUET


def is_whole(found: Content) -> bool:
    """Say whether a Parquet file has its end: it is written last, so all else is there."""
    size = found.size or 0
    return size >= 3 * len(PARQUET) and found.read(size - len(PARQUET), len(PARQUET)) == PARQUET


def content_digest(found: Content, secret: bytes) -> bytes:
    """Return the keyed digest of everything in the file; what is known of an archive's end is known afterwards."""
    at, whole = 0, b""
    while data := found.read(at, STEP_BYTES):
        whole = digest(secret, whole + data)
        at += len(data)
    return digest(secret, whole + str(at).encode())


def time_of_run(source: Source, path: str, modified_us: int) -> tuple[str, str] | None:
    """
    Return when a run was, as ISO text, and whose word that is (file, path); None where a column tells it.

    Raises Unreadable for a path that tells no time.

    >>> source = Source(files="x", format="table", run_time=r"day=(\\d{4}-\\d\\d-\\d\\d)", zone="UTC")
    >>> time_of_run(source, "/runs/day=2026-11-20/part-0.parquet", 0)
    ('2026-11-20', 'path')
    """
    if source.run_time is None:
        return None
    if source.run_time == MODIFIED:
        return moment(modified_us).astimezone(UTC).isoformat(), "file"
    found = re.search(source.run_time, path)
    if found is None:
        raise Unreadable("its path tells no time: run_time does not match")
    text = found[1] if found.groups() else found[0]
    try:
        time_us(text, source.zone)
    except Refused as refused:
        raise Unreadable(f"its path tells no time: {text} ({refused.reason})") from None
    return text, "path"


def check(found: Content, source: Source, row_bytes: int) -> None:
    """Raise Unreadable where a column that is mapped is not there; only the heading or the end of the file is read."""
    if not is_parquet(found):
        _heading(_records(found, row_bytes), source)
        return
    with contextlib.suppress(Damaged):  # reading it will say so
        _opened_parquet(found, source)


def pieces(found: Content, asked: Asked) -> Iterator[list[Entry]]:
    """
    Yield the rows from `asked.start` on, some thousand at a time.

    Raises Unreadable where a column is missing, Damaged where the rest cannot be read.
    """
    return _parquet(found, asked) if is_parquet(found) else _csv(found, asked)


def _parquet(found: Content, asked: Asked) -> Iterator[list[Entry]]:
    file, wanted = _opened_parquet(found, asked.source)
    held: list[Entry] = []
    with _damage_told():
        for batch in _batches(file, wanted, asked.start):
            held += [Entry(row) for row in pl.DataFrame(pl.from_arrow(batch)).to_dicts()]
            if len(held) >= ROWS_AT_ONCE:
                yield held
                held = []
        if held:
            yield held


def _opened_parquet(found: Content, source: Source) -> tuple[Any, list[str]]:
    """Return the open file and the columns that are wanted of it."""
    import pyarrow as pa
    from pyarrow import parquet

    with _damage_told():
        file = parquet.ParquetFile(pa.PythonFile(_AsFile(found), mode="r"), buffer_size=STEP_BYTES)
        there = file.schema_arrow.names
    wanted = columns_of(source)
    require(wanted, there, "the file")
    return file, wanted


@contextlib.contextmanager
def _damage_told() -> Iterator[None]:
    """Turn what pyarrow and polars say of bytes they cannot read into Damaged."""
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowException, pl.exceptions.PolarsError, ValueError, OSError) as error:
        if isinstance(error, OSError) and error.errno:
            raise  # the disk's trouble, not the file's
        raise Damaged(f"parquet: {str(error).splitlines()[0][:150]}") from error


def _batches(file: Any, wanted: list[str], start: int) -> Iterator[Any]:
    """Yield the rows from `start` on, cut group by group: where a piece ends does not depend on where reading began."""
    before = start
    for number in range(file.num_row_groups):
        rows = file.metadata.row_group(number).num_rows
        if before >= rows:
            before -= rows
            continue
        for batch in file.iter_batches(ROWS_AT_ONCE, row_groups=[number], columns=wanted, use_threads=False):
            if before < batch.num_rows:
                yield batch.slice(before)
            before = max(before - batch.num_rows, 0)


class _AsFile(io.RawIOBase):
    """Let a library read a content as if it were a file."""

    def __init__(self, found: Content) -> None:
        self._found, self._at = found, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._found.size or 0}[whence]
        self._at = base + offset
        return self._at

    def readinto(self, buffer: Any) -> int:
        data = self._found.read(self._at, len(buffer))
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)

    def readall(self) -> bytes:
        data = self._found.read(self._at, max((self._found.size or 0) - self._at, 0))
        self._at += len(data)
        return data


def _csv(found: Content, asked: Asked) -> Iterator[list[Entry]]:
    """Read CSV as RFC 4180 has it: a quoted value may hold separators, line ends and doubled quotes."""
    source = asked.source
    records = _records(found, asked.row_bytes)
    places, width = _heading(records, source)
    some: list[Entry] = []
    for number, record in enumerate(records):
        if number < asked.start:
            continue
        some.append(_entry(record, source, places, width))
        if len(some) == ROWS_AT_ONCE:
            yield some
            some = []
    if some:
        yield some


def _heading(records: Iterator[bytes | None], source: Source) -> tuple[dict[str, int], int]:
    """Return where the wanted columns stand, and how many columns there are."""
    heading = (next(records, None) or b"").removeprefix(b"\xef\xbb\xbf")
    try:
        names = _cells(heading.decode(source.encoding), source.separator)
    except (UnicodeDecodeError, csv.Error) as error:
        raise Unreadable(f"its heading cannot be read: {error}") from None
    if len(set(names)) < len(names):
        raise Unreadable(f"two columns are named {next(one for one in names if names.count(one) > 1)}")
    wanted = columns_of(source)
    require(wanted, names, "the heading")
    return {one: names.index(one) for one in wanted}, len(names)


def _entry(record: bytes | None, source: Source, places: dict[str, int], width: int) -> Entry:
    if record is None:
        return Entry({}, "a quote without its end")
    try:
        cells = _cells(record.decode(source.encoding, "surrogateescape"), source.separator)
    except csv.Error as error:
        return Entry({}, str(error))
    if len(cells) != width:
        return Entry({}, f"{len(cells)} columns, not {width}")
    return Entry({name: cells[at] or None for name, at in places.items()})


def _cells(text: str, separator: str) -> Sequence[str]:
    """
    Split a record into its cells.

    >>> _cells('1,"a ""b"", c",', ",")
    ['1', 'a "b", c', '']
    """
    return next(csv.reader([text], delimiter=separator, strict=True), [])


def _records(found: Content, most_bytes: int) -> Iterator[bytes | None]:
    """Yield records without their line ends; None for a line whose quote does not end within `most_bytes`. Blank ones are left out."""
    lines = _lines(found)
    waiting: deque[bytes] = deque()
    while True:
        held: list[bytes] = []
        odd, size = False, 0
        while True:
            line = waiting.popleft() if waiting else next(lines, None)
            if line is None:
                break
            held.append(line)
            size += len(line)
            odd ^= line.count(b'"') % 2 == 1
            if not odd or size > most_bytes:
                break
        if not held:
            return
        if odd:
            waiting.extendleft(reversed(held[1:]))
            yield None
        elif (record := b"".join(held).rstrip(b"\r\n")).strip():
            yield record


def _lines(found: Content) -> Iterator[bytes]:
    """Yield lines with their ends; the last may have none."""
    at, rest = 0, b""
    while data := found.read(at, STEP_BYTES):
        at += len(data)
        lines = (rest + data).split(b"\n")
        rest = lines.pop()
        yield from (line + b"\n" for line in lines)
    if rest:
        yield rest
