"""Turn bytes into a batch: predictions, rejects, and how many lines met which fate."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import pairwise

from monitor.batch import Batch, Lines, Reject
from monitor.redaction import one as redacted_text
from monitor.settings import Source
from monitor.sources import plain
from monitor.sources.columns import columns, together
from monitor.sources.door import Door, Origin
from monitor.sources.formats import access_log, java_tostring, json_lines, python_literal, sagemaker_capture, vigie_line
from monitor.sources.frame import frame
from monitor.sources.halves import waiting
from monitor.sources.identity import digest
from monitor.sources.record import Half, Inner, Record, Refused, repaired, score, settled
from monitor.sources.wrappers import unwrap

Read = Callable[[bytes, Source, int | None], list[Record | Half | Refused] | None]
FORMATS: dict[str, Read] = {
    "vigie_line": vigie_line.read_line,
    "json_lines": json_lines.read_line,
    "python_literal": python_literal.read_line,
    "java_tostring": java_tostring.read_line,
    "access_log": access_log.read_line,
    "sagemaker_capture": sagemaker_capture.read_line,
}
_ALONE = Inner(b"")  # what no wrapper knows of a line
BLANK = re.compile(rb"(?:[ \t]*\r?\n)+")
SAMPLE_CHARS = 200
MICROSECONDS_PER_MINUTE = 60_000_000
LONGEST_LINE_US = 10 * MICROSECONDS_PER_MINUTE
OLDEST_US = 0
MOST_ROWS = 10_000


@dataclass(frozen=True)
class Reading:
    """Say what is being read: the source, the file's key and bookmark, and the latest time that is not in the future."""

    source: Source
    file_key: bytes
    bookmark: int
    latest_us: int
    line_bytes: int


@dataclass
class _Pieces:
    """Hold the pieces of a record that goes on: where it began, its wrapper's first clock, and its bytes."""

    position: int
    clock_us: int | None
    parts: list[bytes] = field(default_factory=list)


@dataclass
class _Reader:
    """Collect what the lines of one reading give."""

    reading: Reading
    door: Door
    accepted: list[tuple[Record, Origin]] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    lines: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(("read", "blank", "other", "rejected", "piece", "half"), 0)
    )
    rows_refused: int = 0
    waiting: dict[str, _Pieces] = field(default_factory=dict)
    halves: list[tuple[Half, Origin]] = field(default_factory=list)


def batch_of(data: bytes, start: int, reading: Reading, door: Door, *, is_finished: bool = False) -> Batch:
    """
    Read the complete lines of `data`, whose first byte lies at `start` of the file.

    What follows the last newline is left for the next reading, unless the file is finished: then it is judged as a
    line. A record in pieces is left too, from its first piece on, until its last piece is there.
    """
    end = len(data) if is_finished else data.rfind(b"\n") + 1
    found = _Reader(reading, door)
    door.masked.clear()
    position = 3 if start == 0 and data.startswith(b"\xef\xbb\xbf") else 0
    at_once = _at_once(data, (position, end), start, reading, door)
    for first, last in at_once.rest:
        _one_by_one(found, (data, start), first, last)
    if is_finished:
        _give_up(found, start + end, -1)
    if found.waiting:
        oldest = min(one.position for one in found.waiting.values()) - start
        return batch_of(data[:oldest], start, reading, door)
    rows = columns(found.accepted)
    if at_once.lines:
        found.lines["read"] += at_once.lines
        rows = together(at_once.columns, rows) if found.accepted else at_once.columns
    whole = frame(rows, door, reading.source, reading.file_key, reading.bookmark)
    return Batch(
        start, start + end, whole, tuple(found.rejects), Lines(**found.lines), rows_refused=found.rows_refused,
        masked=dict(door.masked), halves=waiting(found.halves, reading.source, door),
    )  # fmt: skip


def _at_once(data: bytes, span: tuple[int, int], start: int, reading: Reading, door: Door) -> plain.Found:
    """Read what is plain between two bytes of the data, where the source's lines are of a format that can be."""
    source, (position, end) = reading.source, span
    stop = data.rfind(b"\n", position, end) + 1
    if not stop or source.wrapper != "none" or source.prefix is not None or source.format not in plain.FORMATS:
        return plain.Found({}, 0, [span])
    asked = plain.Asked(door.models, source, reading.latest_us, reading.line_bytes, door.secret)
    found = plain.read(data, position, stop, asked)
    found.columns["position"] = [start + at for at in found.columns["position"]]
    return replace(found, rest=[*found.rest, (stop, end)])


def _one_by_one(found: _Reader, of_file: tuple[bytes, int], position: int, end: int) -> None:
    """Judge the lines between two bytes of the data, which begins at a byte of the file."""
    data, start = of_file
    while position < end:
        if data[position] in b"\n\r \t" and (blank := BLANK.match(data, position, end)):
            found.lines["blank"] += data.count(b"\n", position, blank.end())
            position = blank.end()
            continue
        stop = data.find(b"\n", position, end)
        line_end, following = (stop, stop + 1) if stop >= 0 else (end, end)
        line = data[position:line_end]
        if line.endswith(b"\r"):
            line = line[:-1]
        if line.startswith(b"\x00"):  # a writer without append mode, after its file was truncated
            hole = len(line) - len(line.lstrip(b"\x00"))
            found.rejects.append(
                Reject(start + position, hole, "nul_hole", f"{hole} NUL bytes", digest(found.door.secret, b""))
            )
            line, position = line[hole:], position + hole
        found.lines[_judge(found, line, start + position, line_end - position, is_cut=stop < 0)] += 1
        position = following
        if found.waiting:
            _give_up(found, start + position, found.reading.line_bytes)


def too_long(first: bytes, start: int, end: int, reading: Reading, door: Door, *, has_newline: bool) -> Batch:
    """Refuse the line from `start` to `end` of the file, of which only the `first` bytes were kept."""
    found = _Reader(reading, door)
    found.lines[_judge(found, first, start, end - start - has_newline, is_cut=not has_newline)] += 1
    return Batch(start, end, rejects=tuple(found.rejects), lines=Lines(**found.lines))


def _judge(found: _Reader, line: bytes, at: int, length: int, *, is_cut: bool) -> str:
    """Take in what a line gives, and name its fate."""
    if not line.strip():
        return "blank"
    source = found.reading.source
    try:
        if length > found.reading.line_bytes:
            raise Refused("line_too_long", f"{length} bytes")
        if source.wrapper == "none":
            given = _given(found, line, _ALONE, Origin(at, length, digest(found.door.secret, line)), is_cut=is_cut)
            return given or "other"
        return _unwrapped(found, line, at, length, is_cut=is_cut)
    except Refused as refused:
        _refuse(found, line, (at, length), refused, is_cut=is_cut)
        return "rejected"


def _unwrapped(found: _Reader, line: bytes, at: int, length: int, *, is_cut: bool) -> str:
    inners = unwrap(line, found.reading.source)
    if inners is None:
        return "other"
    given = "other"
    for number, inner in enumerate(inners):
        began = at
        _give_up(found, at, found.reading.line_bytes, inner.clock_us)
        if inner.is_piece or inner.stream in found.waiting:
            pieces = found.waiting.setdefault(inner.stream, _Pieces(at, inner.clock_us))
            pieces.parts.append(inner.line)
            if inner.is_piece:
                return "piece"
            del found.waiting[inner.stream]
            began = pieces.position
            inner = Inner(b"".join(pieces.parts), pieces.clock_us, inner.identity, inner.stream)
        stamp = b"" if inner.clock_us is None else str(inner.clock_us).encode() + b"|"
        origin = Origin(began, at + length - began, digest(found.door.secret, stamp + inner.line), number)
        if len(inners) == 1:
            return _given(found, inner.line, inner, origin, is_cut=is_cut) or "other"
        try:
            given = _given(found, inner.line, inner, origin, is_cut=is_cut) or given
        except Refused as refused:  # of many lines in one, this alone
            refused.row = refused.row or 0
            _refuse(found, inner.line, (began, origin.length), refused, is_cut=is_cut, part=number)
            found.rows_refused += 1
            given = "read"
    return given


def _given(found: _Reader, line: bytes, inner: Inner, origin: Origin, *, is_cut: bool) -> str | None:
    """Read what the API wrote: `read` when it gave records, accepted or refused row by row, `half` of a call, or None."""
    source = found.reading.source
    if source.prefix is not None:
        before = _prefix(source.prefix).match(line)
        if before is None:
            return None
        line = line[before.end() :]
    records = FORMATS[source.format](line, source, inner.clock_us)
    if records is None:
        return None
    for record in records:
        if isinstance(record, Half):
            _meet(found, record, origin, inner, is_cut=is_cut)
            return "half"
        try:
            if isinstance(record, Refused):
                raise record
            if record.time_us is None and inner.clock_us is not None:
                record.time_us, record.time_basis = inner.clock_us, "wrapper"
            if record.request_id is None:
                record.request_id = inner.identity
            _settle(record, found.reading, found.door, is_cut=is_cut)
        except Refused as refused:
            if len(records) == 1:
                raise
            refused.row = record.row if isinstance(record, Record) else refused.row
            _refuse(found, line, (origin.position, origin.length), refused, is_cut=is_cut, part=origin.part)
            found.rows_refused += 1
        else:
            found.accepted.append((record, origin))
    return "read"


def _meet(found: _Reader, half: Half, origin: Origin, inner: Inner, *, is_cut: bool) -> None:
    """Take in a half; which other one it belongs to is settled where those that wait are known."""
    for record in half.records:
        if record.time_us is None:
            record.time_us = inner.clock_us
        _settle(record, found.reading, found.door, is_cut=is_cut)
    found.halves.append((half, origin))


@lru_cache(maxsize=64)
def _prefix(pattern: str) -> re.Pattern[bytes]:
    return re.compile(pattern.encode())


def _give_up(found: _Reader, position: int, limit: int, clock_us: int | None = None) -> None:
    """
    Refuse records whose last piece did not come: begun more than `limit` bytes before `position`, or ten minutes before `clock_us`.

    A process that dies in the middle of a line leaves its beginning, which must neither hold up nor swallow what follows.
    """
    for stream, pieces in list(found.waiting.items()):
        begun_us = clock_us if pieces.clock_us is None else pieces.clock_us
        is_old = clock_us is not None and begun_us is not None and clock_us - begun_us > LONGEST_LINE_US
        if is_old or position - pieces.position > limit:
            del found.waiting[stream]
            why = Refused("unfinished_record", f"{len(pieces.parts)} pieces, and no last one")
            _refuse(found, b"".join(pieces.parts), (pieces.position, position - pieces.position), why, is_cut=False)
            found.lines["piece"] -= 1
            found.lines["rejected"] += 1


def _refuse(
    found: _Reader, line: bytes, where: tuple[int, int], refused: Refused, *, is_cut: bool, part: int = 0
) -> None:
    reason = "truncated_last_line" if is_cut and refused.reason == "invalid_syntax" else refused.reason
    keeps = found.door.store_texts in {"redacted", "full"}
    sample = (
        redacted_text(line[:2000].decode("utf-8", "replace"), found.door.patterns)[:SAMPLE_CHARS].replace(
            "\x00", "\ufffd"
        )
        if keeps
        else ""
    )
    record = 0 if refused.row is None else part * (MOST_ROWS + 1) + refused.row + 1
    found.rejects.append(
        Reject(*where, reason, repaired(refused.detail)[:200], digest(found.door.secret, line), sample, record)
    )


def _settle(record: Record, reading: Reading, door: Door, *, is_cut: bool) -> None:
    model = record.model or reading.source.model
    if model is None or model not in door.models:
        raise Refused("out_of_range", f"model {str(model)[:64]} is not in config.yaml")
    settled(record)
    if any(low < high for low, high in pairwise(record.scores)):  # equal scores keep their order
        pairs = sorted(zip(record.labels, record.scores, strict=True), key=lambda pair: -pair[1])
        record.labels, record.scores = [one for one, _ in pairs], [one for _, one in pairs]
    if record.logged_score is not None:
        record.logged_score = score(record.logged_score, record.flags, door.models[model].score_clip)
        if len(record.labels) == 1 and not record.scores:
            record.scores = [record.logged_score]  # one label with one number: it is that label's
    if record.time_us is None:
        raise Refused("missing_field", "time")
    if record.time_us > reading.latest_us:
        raise Refused("too_new", "time lies in the future")
    if record.time_us < OLDEST_US:
        raise Refused("too_old", "time lies before 1970")
    if is_cut:
        record.flags.append("no_newline")
