"""Hold what a format found in a line, before types and privacy are settled."""

import hashlib
import json
import math
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from monitor.prediction import VARIANTS
from monitor.window import microseconds

UNITS_US = {"s": 1_000_000, "ms": 1_000, "us": 1}
LONGEST_INTEGER = 2**63
DEEPEST = 32
NAME_CHARS = 128
NAMES = {"model_version": NAME_CHARS, "caller": NAME_CHARS, "region": NAME_CHARS, "endpoint": 200, "error": 120}
WHOLE = {"row": 2**31 - 1, "batch_size": 2**31 - 1, "status": 999, "sequence": LONGEST_INTEGER - 1}


class Refused(Exception):
    """Carry the reason of a reject (one of `REJECT_REASONS`) and a sentence that names the field."""

    def __init__(self, reason: str, detail: str = "") -> None:
        """Keep both; `row` is set where a single row of a call is refused."""
        super().__init__(reason)
        self.reason, self.detail = reason, detail
        self.row: int | None = None


@dataclass(slots=True)
class Record:
    """Hold one record of a line; what the format does not log is None."""

    time_us: int | None  # None: the line tells no time, and the wrapper's clock counts
    model: str | None = None
    kind: str = "prediction"  # or request: an access line, without text and answer
    request_id: str | None = None
    row: int = 0
    batch_size: int | None = None
    time_basis: str = "line"
    model_version: str | None = None
    variant: str = "champion"
    endpoint: str | None = None
    caller: str | None = None
    region: str | None = None
    text: str | None = None
    fields: dict[str, Any] = field(default_factory=dict)
    labels: list[str] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)
    logged_score: float | None = None
    decision: str | None = None
    latency_ms: float | None = None
    latency_kind: str = "app"
    status: int | None = None
    retries: int | None = None
    input_stage: str = "raw"  # or preprocessed: the text was stemmed before it was logged
    error: str | None = None
    sampling_rate: float | None = None
    sequence: int | None = None
    flags: list[str] = field(default_factory=list)
    kept: dict[str, Any] | None = None  # hashes and counts of a text that waited for its other half, redacted


@dataclass(slots=True)
class Half:
    """
    Hold one of the two lines of a call, found in either order, in any batch or file.

    `records` have what this line tells, row by row; what is None there is taken from the other half.
    """

    join_id: str
    side: str  # input or answer
    records: list[Record]


@dataclass(slots=True)
class Inner:
    """Hold what the API wrote inside a wrapper's line, with what the wrapper knows of it."""

    line: bytes
    clock_us: int | None = None  # the wrapper's time
    identity: str | None = None  # the wrapper's own id of this line
    stream: str = ""  # pieces of one stream belong together
    is_piece: bool = False  # the record goes on in the next piece of this stream


def settled(record: Record) -> None:
    """Bring names to what every database can hold; a whole number beyond its range or an unknown variant is refused."""
    for name, highest in WHOLE.items():
        value = getattr(record, name)
        if value is not None and not 0 <= value <= highest:
            raise Refused("out_of_range", name)
    for name, value in (("latency_ms", record.latency_ms), ("sampling_rate", record.sampling_rate)):
        if value is not None and not math.isfinite(value):
            raise Refused("not_finite", name)
        if value is not None and (value < 0 or (name == "sampling_rate" and not 0 < value <= 1)):
            raise Refused("out_of_range", name)
    if record.variant not in VARIANTS:
        raise Refused("out_of_range", "variant")
    for name, longest in NAMES.items():
        value = getattr(record, name)
        if value is not None:
            setattr(record, name, repaired(value)[:longest])
    if record.request_id is not None:
        record.request_id = short(repaired(record.request_id))
    record.fields = {repaired(name): _repaired_within(value) for name, value in record.fields.items()}


def short(identity: str) -> str:
    """
    Return an id of at most 128 characters; of a longer one the end is a digest, so that two stay two.

    >>> short("a-7"), len(short("a" * 500)), short("a" * 500) == short("a" * 501)
    ('a-7', 128, False)
    """
    if len(identity) <= NAME_CHARS:
        return identity
    return identity[: NAME_CHARS - 32] + hashlib.blake2b(identity.encode(), digest_size=16).hexdigest()


def repaired(value: str) -> str:
    r"""
    Replace what a database or UTF-8 cannot hold: NUL and lone surrogates become U+FFFD.

    >>> repaired("a\x00b\ud800") == "a\ufffdb\ufffd"
    True
    """
    if value.isascii() and "\x00" not in value:
        return value
    return "".join("\ufffd" if c == "\x00" or "\ud800" <= c <= "\udfff" else c for c in value)


def _repaired_within(value: Any, depth: int = 1) -> Any:
    """Repair every string of a value, however it is nested; refused beyond the depth that any line may have."""
    if isinstance(value, str):
        return repaired(value)
    if not isinstance(value, dict | list):
        return value
    if depth > DEEPEST:
        raise Refused("too_deep")
    if isinstance(value, list):
        return [_repaired_within(one, depth + 1) for one in value]
    return {repaired(name): _repaired_within(one, depth + 1) for name, one in value.items()}


def time_us(value: Any, zone: str | None, clock_us: int | None = None, flags: list[str] | None = None) -> int:
    """
    Read an RFC 3339 time (or one without offset, where the source declares `zone`) as microseconds since 1970.

    In the hour that a zone repeats the reading nearest to the wrapper's clock counts, without one the first, and the
    flag `time_ambiguous` is set. In the hour it skips the time moves on by the gap.

    >>> time_us("1970-01-01T00:00:01.5Z", None), time_us("1970-01-01 01:00:00,250", "Europe/Paris")
    (1500000, 250000)
    >>> first = time_us("2026-10-25 02:30:00", "Europe/Paris")
    >>> time_us("2026-10-25 02:30:00", "Europe/Paris", clock_us=first + 3_601_000_000) - first
    3600000000
    """
    if not isinstance(value, str):
        raise Refused("wrong_type", "time")
    try:
        found = datetime.fromisoformat(value.replace(",", ".", 1).strip())
    except ValueError:
        raise Refused("wrong_type", "time") from None
    try:
        if found.tzinfo is not None:
            return microseconds(found)
        if zone is None:
            raise Refused("no_time_zone", "time")
        first, second = (microseconds(found.replace(tzinfo=ZoneInfo(zone), fold=fold)) for fold in (0, 1))
    except OverflowError:
        raise Refused("out_of_range", "time") from None
    if first >= second:  # the same; or the skipped hour, where the first reading has moved on
        return first
    if flags is not None:
        flags.append("time_ambiguous")
    nearer = clock_us is not None and abs(clock_us - second) < abs(clock_us - first)
    return second if nearer else first


def epoch_us(value: Any, unit: str) -> int:
    """
    Read a number of `unit` since 1970 as microseconds; refused outside the years 2001 to 2099.

    >>> epoch_us(1795170832153, "ms")
    1795170832153000
    """
    number_ = number(value, "time")
    whole = value if isinstance(value, int) else None  # a float would lose the last digits
    found = (whole if whole is not None else int(number_)) // 1000 if unit == "ns" else int(
        (whole if whole is not None else number_) * UNITS_US[unit])  # fmt: skip
    if not 10**15 <= found < 4_102_444_800_000_000:
        raise Refused("out_of_range", f"time is no epoch in {unit}")
    return found


def number(value: Any, name: str) -> float:
    """Return a finite number; a number in quotes is accepted, a boolean is not."""
    if isinstance(value, bool) or value is None:
        raise Refused("wrong_type", name)
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            raise Refused("wrong_type", name) from None
    if not isinstance(value, int | float):
        raise Refused("wrong_type", name)
    if isinstance(value, int) and abs(value) >= LONGEST_INTEGER:
        raise Refused("out_of_range", name)
    if not math.isfinite(value):
        raise Refused("not_finite", name)
    return float(value)


def score(value: Any, flags: list[str], clip: bool = False) -> float:
    """Return a score in [0, 1]; one up to 1.001 counts as 1 with a flag, as does anything where `clip` says so."""
    found = number(value, "score")
    if 0 <= found <= 1:
        return found
    if 1 < found <= 1.001 or clip:
        flags.append("score_clipped")
        return min(max(found, 0.0), 1.0)
    raise Refused("out_of_range", "score")


def label(value: Any) -> str:
    """Return a label of 1 to 128 printable characters."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not 1 <= len(value) <= 128 or not value.isprintable():
        raise Refused("bad_label", "label")
    return value


def text_of(value: Any, flags: list[str]) -> str | None:
    """Return the text with NUL and lone surrogates repaired; None stays None."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise Refused("wrong_type", "text")
    clean = repaired(value)
    if clean != value:
        flags.append("text_repaired")
    return clean


def strict_json(line: str) -> Any:
    """Parse one JSON document the strict way, naming why it is refused."""
    try:
        found = json.loads(line)
    except RecursionError:
        raise Refused("too_deep") from None
    except ValueError as error:
        raise Refused("invalid_syntax", str(error)[:100]) from None
    if _depth(found) > DEEPEST:
        raise Refused("too_deep")
    return found


def not_too_deep(tree: Any, line: bytes) -> None:
    """Refuse what nests deeper than any line may; a line with few brackets is not looked at."""
    if line.count(b"[") + line.count(b"{") > DEEPEST and _depth(tree) > DEEPEST:
        raise Refused("too_deep")


def _depth(value: Any, so_far: int = 1) -> int:
    if so_far > DEEPEST or not isinstance(value, dict | list) or not value:
        return so_far
    return max(_depth(one, so_far + 1) for one in (value.values() if isinstance(value, dict) else value))
