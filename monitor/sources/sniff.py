"""Find out from a few hundred lines what wrapped them, which format reads them, and how many it reads."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from monitor.settings import Source
from monitor.sources import preset, sniff_json
from monitor.sources.lines import FORMATS
from monitor.sources.record import Half, Inner, Record, Refused
from monitor.sources.wrappers import WRAPPERS, unwrap

WRAPPED_SHARE = 0.9
ACCESS = {  # every access line is read by each of these presets: which one it is, the line's looks tell
    "ingress_nginx": re.compile(rb'" \d+ [\d.-]+ \[[^\]]*\] \[[^\]]*\] '),
    "torchserve": re.compile(rb'^\d{4}-\d\d-\d\d .{1,80}- /?\S+ "[A-Z]+ \S+ HTTP/[\d.]+" \d+ \d+$'),
    "ray_serve": re.compile(rb" --? [A-Z]+ \S+ \d{3} [\d.]+ms$"),
    "r_plumber": re.compile(rb"^[A-Z]+ \[[\d :-]+\] .* [A-Z]+ /\S* .*\d{3} [\d.e-]+$"),
}
_PREFIX_JSON = re.compile(rb"[^{]{1,200}(?=\{)")
_EXPORT_KEYS = re.compile(rb'"(\w+)":')
_CLOUDWATCH = {b"timestamp", b"message", b"ingestionTime", b"eventId", b"logStreamName", b"events", b"nextForwardToken"}


@dataclass(frozen=True)
class Sample:
    """Hold some whole lines of a file; `written_us` is when it was last written, where the last of them is its last."""

    path: str
    lines: tuple[bytes, ...]
    written_us: int | None = None


@dataclass
class Guess:
    """Hold the settings that read most, what they gave, and the evidence by setting."""

    settings: dict[str, Any]
    records: list[tuple[Record, int | None]] = field(default_factory=list)  # with the wrapper's clock
    shown: list[tuple[bytes, Record]] = field(default_factory=list)  # a few lines beside their rows
    lines: int = 0
    read: int = 0
    other: int = 0
    halves: list[Record] = field(default_factory=list)  # what one of the two lines of a call tells
    refused: Counter[str] = field(default_factory=Counter)
    why: dict[str, str] = field(default_factory=dict)

    @property
    def worth(self) -> tuple[int, int]:
        """
        Return how much was understood: facts, less what was refused, then lines; that two lines are one call is a fact.

        Lines come second because a reading that understands nothing of a line refuses nothing of it.
        """
        rows = [*self.halves, *(record for record, _ in self.records)]
        facts = sum(
            sum(one is not None and one != [] for one in (r.text, r.labels, r.scores, r.latency_ms, r.request_id, r.logged_score))
            for r in rows
        )  # fmt: skip
        return facts + len(self.halves) - self.refused.total(), self.read - self.refused.total()


def sniffed(samples: Sequence[Sample]) -> Guess:
    """Return the settings that read most of the lines; its `read` is 0 where nothing does."""
    lines = [line for one in samples for line in one.lines if line.strip()]
    wrapper = wrapper_of(lines)
    inner = list(unwrapped(lines, wrapper))
    best: Guess | None = None
    encoding = encoding_of([one.line for one in inner])
    around = ({} if wrapper == "none" else {"wrapper": wrapper}) | (
        {} if encoding == "utf-8" else {"encoding": encoding}
    )
    for settings in _candidates([one.line for one in inner]):
        found = tried({**around, **settings}, inner, len(lines))
        if best is None or found.worth > best.worth:
            best = found
    assert best is not None
    best.why["format"] = f"reads {best.read} of {len(inner)} lines, {best.other} are other talk, {best.refused.total()} are refused"  # fmt: skip
    if encoding != "utf-8":
        best.why["encoding"] = "more than 1 % of the lines are no UTF-8, and all of them can be read as this"
    if wrapper != "none":
        best.why["wrapper"] = f"at least {WRAPPED_SHARE:.0%} of the lines are written like that"
    return best


def encoding_of(lines: Sequence[bytes]) -> str:
    """
    Name the encoding that reads the lines; UTF-8 unless more than 1 % of them are none.

    >>> encoding_of(["café".encode("latin-1"), "à".encode("latin-1")]), encoding_of(["café".encode()])
    ('cp1252', 'utf-8')
    """
    foreign = [line for line in lines if not _decodes(line, "utf-8")]
    if len(foreign) <= max(1, 0.01 * len(lines)):
        return "utf-8"
    return next((name for name in ("cp1252", "latin-1") if all(_decodes(line, name) for line in foreign)), "utf-8")


def _decodes(line: bytes, name: str) -> bool:
    try:
        line.decode(name)
    except UnicodeDecodeError:
        return False
    return True


def wrapper_of(lines: Sequence[bytes]) -> str:
    """
    Name what a container runtime or a log store put around the lines.

    >>> wrapper_of([b"2026-11-20T10:33:52.153443515Z stdout F {}"])
    'cri'
    """
    for name in WRAPPERS:
        fitting = sum(_wraps(line, name) for line in lines)
        if lines and fitting >= WRAPPED_SHARE * len(lines):
            return name
    return "none"


def _wraps(line: bytes, name: str) -> bool:
    if name == "kubectl" and not line.startswith(b"[pod/"):
        return False
    if name == "cloudwatch" and not set(_EXPORT_KEYS.findall(line.split(b'"message"')[0])) <= _CLOUDWATCH:
        return False
    try:
        unwrap(line, Source(files="x", wrapper=name))  # type: ignore[arg-type]
    except Refused:
        return False
    return True


def unwrapped(lines: Sequence[bytes], wrapper: str) -> Iterator[Inner]:
    """Yield what the API wrote, its pieces joined; what the wrapper refuses is left out."""
    if wrapper == "none":
        yield from (Inner(line) for line in lines)
        return
    about = Source(files="x", wrapper=wrapper)  # type: ignore[arg-type]
    waiting: dict[str, Inner] = {}
    for line in lines:
        try:
            found = unwrap(line, about) or []
        except Refused:
            continue
        for one in found:
            begun = waiting.pop(one.stream, None)
            whole = one if begun is None else Inner(begun.line + one.line, begun.clock_us, one.identity, one.stream, one.is_piece)  # fmt: skip
            if whole.is_piece:
                waiting[one.stream] = whole
            elif whole.line.strip():
                yield whole


def tried(settings: dict[str, Any], inner: Sequence[Inner], lines: int) -> Guess:
    """Read lines with these settings; a time without an offset is read as UTC, so that a missing zone hides nothing."""
    source = preset.expanded(Source(**{"name": "x", "files": "x", "zone": "UTC", **settings}))
    prefix = re.compile(source.prefix.encode()) if source.prefix else None
    guess = Guess(settings, lines=lines)
    for one in inner:
        line = one.line
        if prefix is not None:
            before = prefix.match(line)
            if before is None:
                guess.other += 1
                continue
            line = line[before.end() :]
        try:
            records = FORMATS[source.format](line, source, one.clock_us)
        except Refused as refused:
            guess.refused[f"{refused.reason} ({refused.detail})" if refused.detail else refused.reason] += 1
            continue
        if records is None:
            guess.other += 1
            continue
        _take(guess, one, records)
    return guess


def _take(guess: Guess, inner: Inner, records: Sequence[Record | Half | Refused]) -> None:
    guess.read += any(not isinstance(one, Refused) for one in records)
    for one in records:
        if isinstance(one, Half):
            guess.halves += one.records
        elif isinstance(one, Refused):
            guess.refused[one.reason] += 1
        else:
            if one.time_us is None:
                one.time_us, one.time_basis = inner.clock_us, "wrapper"
            guess.records.append((one, inner.clock_us))
            if len(guess.shown) < 3 and one.row == 0:
                guess.shown.append((inner.line, one))


def _candidates(lines: Sequence[bytes]) -> Iterator[dict[str, Any]]:
    """Yield settings to try: presets first, so that of two that read the same the named one is kept."""
    as_json = [line for line in lines if line.lstrip().startswith(b"{")]
    talks = sum(line.rstrip().endswith(b"}") and _PREFIX_JSON.match(line) is not None for line in lines)
    yield {"format": "vigie_line"}
    yield from ({"preset": name} for name in preset.names() if name not in {*ACCESS, "gunicorn_us"})
    yield from ({"format": name} for name in FORMATS if name not in {"vigie_line", "json_lines", "access_log"})
    unit = _last_unit(lines)
    for name, looks in ACCESS.items():
        if any(looks.search(line) for line in lines):
            yield {"preset": name}
    if unit == "us":
        yield {"preset": "gunicorn_us"}
    yield {"format": "access_log"}
    if unit is not None:
        yield {"format": "access_log", "map": {"latency_ms": {"field": "last", "unit": unit}}}
    prefixed = not as_json and talks > len(lines) / 2
    bodies = [line[found.end() :] for line in lines if (found := _PREFIX_JSON.match(line))] if prefixed else as_json
    mapped = sniff_json.mapping(bodies)
    if mapped:
        yield {"format": "json_lines", "map": mapped, **({"prefix": r"[^{]*(?=\{)"} if prefixed else {})}


def _last_unit(lines: Sequence[bytes]) -> str | None:
    """Name the unit of the number at the end of access lines, by its size; None where there is none."""
    ends = [float(found[1]) for line in lines if (found := re.search(rb'" (\d+(?:\.\d+)?)$', line.rstrip()))]
    if len(ends) < len(lines) / 2 or not ends:
        return None
    middle = sorted(ends)[len(ends) // 2]
    return "s" if middle < 5 else "ms" if middle < 5000 else "us"
