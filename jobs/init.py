"""Look at log files nobody described yet, and gather what config.yaml has to say of them: the look behind `vigie init`."""

import csv
import glob
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from monitor.errors import NoData
from monitor.settings import Source
from monitor.sources import preset, sniff_facts
from monitor.sources.archives import Limits, content
from monitor.sources.files import scan
from monitor.sources.record import Record
from monitor.sources.sniff import Guess, Sample, sniffed, tried, unwrapped, wrapper_of
from monitor.sources.sniff_facts import Told

MOST_LINES, MOST_FILES, MOST_BYTES = 2000, 12, 1024 * 1024
YEAR_2100_US = 4_102_444_800_000_000
LABEL_COLUMNS = ("label", "source", "labelled_at")
_ENDING = re.compile(r"\.(log|jsonl?|ndjson|txt|out|csv|gz|zst|bz2|xz)\b.*$|\.(log|jsonl?)\*.*$")


@dataclass
class Seen:
    """Hold what was found behind one glob."""

    name: str
    files: str
    paths: list[str]
    guess: Guess
    zone: Told | None  # None: the lines carry their offset, or have no time of their own
    instance_from: str | None
    gives: str = "all"
    keep_if: Told | None = None

    @property
    def records(self) -> list[Record]:
        """Return the rows of the sample."""
        return [record for record, _ in self.guess.records]

    @property
    def is_access(self) -> bool:
        """Say whether these are the requests, not the answers."""
        return bool(self.records) and all(one.kind == "request" for one in self.records)

    @property
    def format(self) -> str:
        """Return the format in force, the preset's or the written one."""
        return str(preset.expanded(Source(**{"name": "x", "files": "x", **self.guess.settings})).format)


def look(patterns: Sequence[str]) -> list[Seen]:
    """
    Return what each glob holds, and which of them is the origin of what.

    Raises NoData where no file matches, or no format reads any line.
    """
    found: list[Seen] = []
    for pattern in patterns:
        samples = sampled(pattern)
        guess = sniffed(samples)
        if not guess.read:
            refused = "; ".join(f"{count} x {why}" for why, count in guess.refused.most_common(3))
            raise NoData(f"no format reads any of {guess.lines} lines{': ' + refused if refused else ''}", where=pattern,
                         remedy="docs/formats.md shows the lines that can be read")  # fmt: skip
        name = _unique(_name(pattern), [one.name for one in found])
        paths = [one.path for one in samples]
        found.append(Seen(name, pattern, paths, *_zone(guess, samples), instance_from(paths)))
    services = [one for one in found if one.is_access]
    for one in services:
        one.keep_if = sniff_facts.paths(one.records)
    if len(services) < len(found):
        for one in found:
            one.gives = "service" if one.is_access else "answers" if services else "all"
    return found


def sampled(pattern: str) -> list[Sample]:
    """Return whole lines from the beginning and the end of up to a dozen files."""
    files = [one for one in scan(Source(files=os.path.abspath(pattern))) if one.size]
    if not files:
        raise NoData("no file matches, or all are empty", where=pattern, remedy="put the glob into quotes, so that the shell leaves it alone")  # fmt: skip
    step = max(1, -(-len(files) // MOST_FILES))
    chosen = files[::step]
    share = max(MOST_LINES // len(chosen), 20)
    return [_sample(one.path, share, None if one.packed else one.modified_us) for one in chosen]


def _sample(path: str, most: int, written_us: int | None) -> Sample:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        found = content(descriptor, Limits(50 * 1024 * MOST_BYTES, 500))
        head = found.read(0, MOST_BYTES)
        size = found.size if not found.packed else None
        more = size is not None and size > len(head)
        tail = found.read(max((size or 0) - MOST_BYTES, len(head)), MOST_BYTES) if more else b""
    finally:
        os.close(descriptor)
    first = head.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    first = first[:-1] if len(first) > 1 else first
    last = tail.split(b"\n")[1:-1]
    lines = [line.removesuffix(b"\r") for line in [*first, *last]]
    kept = lines if len(lines) <= most else [*lines[: most // 2], *lines[-(most - most // 2) :]]
    return Sample(path, tuple(kept), written_us)


def _zone(guess: Guess, samples: Sequence[Sample]) -> tuple[Guess, Told | None]:
    """Tell the zone where times need one (read without it, most lines are refused), and read again with it."""
    lines = [line for one in samples for line in one.lines if line.strip()]
    inner = list(unwrapped(lines, wrapper_of(lines)))
    bare = tried({**guess.settings, "zone": None}, inner, len(lines))
    naive = sum(count for why, count in bare.refused.items() if why.startswith("no_time_zone"))
    if naive <= guess.read / 2:
        return guess, None
    told = sniff_facts.zone(guess, samples)
    again = tried({**guess.settings, "zone": told.value}, inner, len(lines))
    return replace(again, settings=guess.settings, why=guess.why), told


def instance_from(paths: Sequence[str]) -> str | None:
    r"""
    Return the pattern that tells pods or hosts apart, by the first folder in which paths differ.

    >>> instance_from(["/logs/pods/ape-1/api/0.log", "/logs/pods/ape-2/api/0.log"])
    'pods/([^/]+)/'
    >>> instance_from(["/logs/a.log", "/logs/a.log.1"]) is None
    True
    """
    parts = [path.split("/")[:-1] for path in paths]
    for level in range(1, min(map(len, parts))):
        if len({one[level] for one in parts}) > 1:
            return f"{re.escape(parts[0][level - 1])}/([^/]+)/"
    return None


def label_file(pattern: str) -> Told:
    """Tell whether exported labels can be read as they are, and how they will find their prediction."""
    names = sorted(glob.glob(pattern))
    if not names:
        return Told(None, "no file matches", is_doubt=True)
    with Path(names[0]).open(newline="", encoding="utf-8", errors="replace") as lines:
        reader = csv.DictReader(lines)
        heading = set(reader.fieldnames or ())
        count = sum(1 for _ in reader)
    missing = [name for name in LABEL_COLUMNS if name not in heading]
    key = next((name for name in ("request_id", "text") if name in heading), None)
    if missing or key is None:
        lacking = ", ".join([*missing, *([] if key else ["request_id or text"])])
        return Told(None, f"{names[0]} lacks {lacking}; it has {', '.join(sorted(heading))}", is_doubt=True)
    return Told(pattern, f"{len(names)} files, {count} labels in the first; they find their prediction by {key}")


def facts(found: Sequence[Seen]) -> dict[str, Told]:
    """Return what the rows of all sources of predictions tell of the model."""
    answers = [one for one in found if not one.is_access]
    records = [record for one in answers for record in [*one.records, *one.guess.halves]]
    score = sniff_facts.score(records)
    told: dict[str, Any] = {
        "score": score, "threshold": sniff_facts.threshold(records, str(score.value)), "labels": sniff_facts.labels(records),
        "fields": sniff_facts.fields(records), "outside": Told(sniff_facts.outside(records), f"of {len(records)} rows"),
        "quantum": Told(sniff_facts.quantum(records), "all scores are multiples of 0.01"),
        "days": Told(*_span(records)),
    }  # fmt: skip
    return told


def _span(records: Sequence[Record]) -> tuple[int | None, str]:
    times = [one.time_us for one in records if one.time_us is not None and 0 <= one.time_us < YEAR_2100_US]
    return (min(times), "the first time in the sample") if times else (None, "no time in the sample")


def _name(pattern: str) -> str:
    """
    Make a source's name from its glob.

    >>> _name("/logs/pods/ape-api-*/api/*.log*"), _name("/logs/ingress/*.log*"), _name("router.jsonl*")
    ('ape-api', 'ingress', 'router')
    """
    parts = pattern.split("/")
    folders = [part for part in parts[:-1] if "*" in part and re.search(r"\w", part)]
    stem = _clean(_ENDING.sub("", parts[-1]))
    chosen = _clean(folders[-1]) if folders else stem or (_clean(parts[-2]) if len(parts) > 1 else "")
    return chosen or "logs"


def _clean(part: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]", "", re.sub(r"[*?]|\[[^]]*\]", "", part)).strip("-_.")[:60]


def _unique(name: str, taken: Sequence[str]) -> str:
    return name if name not in taken else next(f"{name}-{n}" for n in range(2, 100) if f"{name}-{n}" not in taken)
