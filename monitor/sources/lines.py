"""Turn bytes into a batch: predictions, rejects, and how many lines met which fate."""

from collections.abc import Callable
from dataclasses import dataclass

from monitor.batch import Batch, Lines, Reject
from monitor.redaction import _mask
from monitor.settings import Source
from monitor.sources.door import Door, Origin, frame
from monitor.sources.formats import json_lines, python_literal, vigie_line
from monitor.sources.identity import digest
from monitor.sources.record import Record, Refused, repaired, settled

FORMATS: dict[str, Callable[[bytes, Source], list[Record] | None]] = {
    "vigie_line": vigie_line.read_line,
    "json_lines": json_lines.read_line,
    "python_literal": python_literal.read_line,
}
SAMPLE_CHARS = 200
MICROSECONDS_PER_MINUTE = 60_000_000
OLDEST_US = 0


@dataclass(frozen=True)
class Reading:
    """Say what is being read: the source, the file's key and bookmark, and the latest time that is not in the future."""

    source: Source
    file_key: bytes
    bookmark: int
    latest_us: int
    line_bytes: int


def batch_of(data: bytes, start: int, reading: Reading, door: Door, *, is_finished: bool = False) -> Batch:
    """
    Read the complete lines of `data`, whose first byte lies at `start` of the file.

    What follows the last newline is left for the next reading, unless the file is finished: then it is judged as a line.
    """
    end = len(data) if is_finished else data.rfind(b"\n") + 1
    accepted: list[tuple[Record, Origin]] = []
    rejects: list[Reject] = []
    lines = Lines()
    position = 0
    while position < end:
        stop = data.find(b"\n", position, end)
        line_end, following = (stop, stop + 1) if stop >= 0 else (end, end)
        line = data[position:line_end].removesuffix(b"\r")
        if position == 0 and start == 0:
            line = line.removeprefix(b"\xef\xbb\xbf")
        hole = len(line) - len(line.lstrip(b"\x00"))
        if hole:  # a writer without append mode, after its file was truncated
            rejects.append(Reject(start + position, hole, "nul_hole", f"{hole} NUL bytes", digest(door.secret, b"")))
            line, position = line[hole:], position + hole
        found, fate = _judge(line, start + position, line_end - position, reading, door, is_cut=stop < 0)
        lines += fate
        accepted += found if isinstance(found, list) else []
        rejects += [found] if isinstance(found, Reject) else []
        position = following
    whole = (
        frame(accepted, door, reading.source, reading.file_key, reading.bookmark)
        if accepted
        else Batch(0, 0).predictions
    )
    return Batch(start, start + end, whole, tuple(rejects), lines)


def too_long(first: bytes, start: int, end: int, reading: Reading, door: Door, *, has_newline: bool) -> Batch:
    """Refuse the line from `start` to `end` of the file, of which only the `first` bytes were kept."""
    found, fate = _judge(first, start, end - start - has_newline, reading, door, is_cut=not has_newline)
    return Batch(start, end, rejects=(found,) if isinstance(found, Reject) else (), lines=fate)


def _judge(line: bytes, at: int, length: int, reading: Reading, door: Door, *, is_cut: bool
           ) -> tuple[list[tuple[Record, Origin]] | Reject | None, Lines]:  # fmt: skip
    if not line.strip():
        return None, Lines(blank=1)
    origin = Origin(at, length, digest(door.secret, line))
    try:
        if length > reading.line_bytes:
            raise Refused("line_too_long", f"{length} bytes")
        records = FORMATS[reading.source.format](line, reading.source)
        if records is None:
            return None, Lines(other=1)
        for record in records:
            _settle(record, reading, door, is_cut=is_cut)
    except Refused as refused:
        reason = "truncated_last_line" if is_cut and refused.reason == "invalid_syntax" else refused.reason
        sample = _mask(line[:2000].decode("utf-8", "replace"))[:SAMPLE_CHARS] if door.store_texts == "redacted" else ""
        detail = repaired(refused.detail)[:200]
        return Reject(at, length, reason, detail, origin.digest, sample.replace("\x00", "\ufffd")), Lines(rejected=1)
    return [(record, origin) for record in records], Lines(read=1)


def _settle(record: Record, reading: Reading, door: Door, *, is_cut: bool) -> None:
    model = record.model or reading.source.model
    if model is None or model not in door.models:
        raise Refused("out_of_range", f"model {str(model)[:64]} is not in config.yaml")
    settled(record)
    if record.time_us is None:
        raise Refused("missing_field", "time")
    if record.time_us > reading.latest_us:
        raise Refused("too_new", "time lies in the future")
    if record.time_us < OLDEST_US:
        raise Refused("too_old", "time lies before 1970")
    if is_cut:
        record.flags.append("no_newline")
