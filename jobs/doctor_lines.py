"""Say what a source's refused lines have in common, and which setting would read them."""

import difflib
import itertools
import json
import os
import statistics
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from jobs.doctor import CHANGED, Finding
from monitor.settings import Source, Unit
from monitor.sources.archives import Limits, content
from monitor.sources.files import scan
from monitor.sources.lines import FORMATS
from monitor.sources.mapping import compiled
from monitor.sources.record import Record, Refused
from monitor.sources.sniff_json import CHECKS
from monitor.sources.wrappers import unwrap
from monitor.store.symptoms import Refusal

MOST_BYTES, MOST_LINES = 1024 * 1024, 1000
ENOUGH_LINES, ENOUGH_SHARE = 100, 0.98
SETTLED_US = 15 * 60 * 1_000_000
QUARTER_S = 900
NEAR_S = 120.0  # how far line and wrapper may differ beside the zone
ADVICE = {
    "invalid_encoding": "name the encoding the API writes: encoding: cp1252 or latin-1",
    "nul_hole": "have the API open its log for appending, or let it rotate by renaming instead of copying",
    "line_too_long": "raise ingest.line_mib if such lines are calls",
    "truncated_last_line": "the API was stopped in the middle of a line; nothing can be done about it",
    "unfinished_record": "the container was stopped between two pieces of a line; if there are many, look at the runtime",
    "archive_damaged": "copy the archive again, or let the rotation end before the files are moved",
    "archive_bomb": "unpack it yourself if you trust it, or raise ingest.archive_ratio or archive_gib",
    "invalid_syntax": "look at the sample: another format writes here too (keep_if, prefix), or the format changed",
    "too_deep": "no call nests that deeply: look who writes such lines",
    "not_a_record": "look at the sample: rows of one call that do not match, or the wrapper is another one",
    "missing_field": "map the field to the key that holds it",
    "wrong_type": "map the field to another key, or tell its unit: {field: ..., unit: ms}",
    "out_of_range": "check the unit of the time, or set score_clip: true for a score that may pass 1",
    "not_finite": "have the API write null, not NaN; a model that answers NaN is itself worth a look",
    "bad_label": "map label to the code, not to a text",
    "no_time_zone": "set zone: to the one the API writes its times in",
    "too_new": "compare the clocks; a zone that is wrong by hours looks like this too",
    "too_old": "map time to the key that holds the time of the call, and tell its unit",
    "half_missing": "raise join.wait_hours if the other file arrives later; else requests have no answer",
    "conflicting_duplicate": "set identity: by_position",
    "store_rejected": "report the sample: a value passed every check and was refused by the database",
}


def of_lines(source: Source, refusals: list[Refusal], counts: dict[str, int]) -> list[Finding]:
    """Judge the lines of a source: whether its files can be read, why lines are refused, whether its zone fits."""
    found = list(_files(source))
    lines = max(sum(counts[f"lines_{one}"] for one in ("read", "rejected", "half")), 1)
    for one in refusals:
        means = f"{one.count:,} ({min(one.count / lines, 1):.1%} of the lines)"
        means += f"; {one.detail}" if one.detail else ""
        means += f"; newest: {one.sample[:120]}" if one.sample else ""
        found.append(Finding(f"{source.name}: {one.reason}", "warn", means, _advice(source, one)))
    newest = [one for one in scan(source) if not one.packed] if source.files and "://" not in source.files else []
    if newest:
        found += _zone(source, _last_lines(newest[-1].path))
    return found


def _files(source: Source) -> Iterator[Finding]:
    if not source.files or "://" in source.files:
        return
    seen = scan(source)
    if not seen:
        yield Finding(
            f"{source.name}: files",
            "bad",
            f"no file matches {source.files}",
            "correct the glob, or let the API write there",
        )
        return
    closed = [one.path for one in seen if not os.access(one.path, os.R_OK)]
    if closed:
        yield Finding(f"{source.name}: files", "bad", f"{len(closed)} of {len(seen)} files may not be read: {closed[0]}",
                      "give the user that runs Vigie the right to read them (a group, or setfacl)")  # fmt: skip
    else:
        yield Finding(f"{source.name}: files", "ok", f"{len(seen)} files match")


def unread(source: Source, marks: Sequence[Any], now_us: int) -> list[Finding]:
    """Tell files that grow and are not read, and files that were not begun: their content is in doubt, or nobody looked."""
    known = {(one.device, one.inode): one for one in marks}
    growing, unknown = [], []
    for one in scan(source) if source.files and "://" not in source.files else []:
        mark = known.get((one.device, one.inode))
        if not one.size or now_us - one.modified_us < SETTLED_US:
            continue  # the next pass may still come
        if mark is None and not one.packed:  # of an archive its plain file may have been read
            unknown.append(one.path)
        elif (
            mark is not None
            and not one.packed
            and mark.position < one.size
            and mark.state not in {"refused", "finished"}
        ):
            growing.append(f"{one.path} ({one.size - mark.position:,} bytes)")
    found = []
    if growing:
        found.append(Finding(f"{source.name}: unread", "warn", f"{len(growing)} files hold bytes that no pass took: {growing[0]}",
                             "vigie once ingest; if they stay, a line without an end waits there, or the disk is too slow"))  # fmt: skip
    if unknown:
        found.append(Finding(f"{source.name}: not begun", "warn", f"{len(unknown)} files were not begun: {unknown[0]}",
                             "vigie once ingest; a copy of a file that is read counts as known and may stay"))  # fmt: skip
    return found


def slot_too_long(source: Source, slot_s: int) -> list[Finding]:
    """Compare the time between two looks with what rotation leaves: a third of rotations kept times their distance."""
    by_folder: dict[str, list[int]] = {}
    for one in scan(source) if source.files and "://" not in source.files else []:
        by_folder.setdefault(os.path.dirname(one.path), []).append(one.modified_us)
    shortest = None
    for times in by_folder.values():
        ends = sorted(times)[:-1]  # the last one is being written
        if len(ends) >= 2:
            period = statistics.median(after - before for before, after in itertools.pairwise(ends)) / 1e6
            shortest = min(shortest or period * len(ends), period * len(ends))
    if shortest is None or slot_s <= shortest / 3:
        return []
    means = f"rotated files are gone after about {shortest:,.0f} s, and they are looked at every {slot_s} s"
    return [
        Finding(
            f"{source.name}: rotation",
            "warn",
            means,
            "keep more or larger rotated files, or lower schedule.ingest_seconds",
        )
    ]


def _advice(source: Source, refusal: Refusal) -> str:
    has_lines = source.table is None and source.format != "table"
    lines = [line for place in refusal.places for line in _raw(*place)] if has_lines else []
    better = None
    if refusal.reason == "invalid_encoding" and len(lines) >= min(ENOUGH_LINES, refusal.count):
        better = encoding_of(lines)
    elif refusal.reason == "missing_field":
        better = nearest_key(source, refusal.detail, lines)
    elif refusal.reason == "conflicting_duplicate" and source.table is not None:
        better = CHANGED
    return better or ADVICE.get(refusal.reason, "")


def encoding_of(lines: list[bytes]) -> str | None:
    r"""
    Name the encoding that reads nearly all lines that UTF-8 does not.

    >>> encoding_of(["café 5 €".encode("cp1252")] * 100)
    '100 % of them read as cp1252: set encoding: cp1252'
    >>> encoding_of(["a".encode("utf-16")]) is None
    True
    """
    if not lines or any(b"\x00" in line for line in lines):
        return None
    for name in ("cp1252", "latin-1"):
        share = sum(_reads(line, name) for line in lines) / len(lines)
        if share >= ENOUGH_SHARE:
            return f"{100 * share:.0f} % of them read as {name}: set encoding: {name}"
    return None


def _reads(line: bytes, name: str) -> bool:
    try:
        return all(c.isprintable() or c == "\t" for c in line.decode(name))
    except UnicodeDecodeError:
        return False


def nearest_key(source: Source, missing: str, lines: list[bytes]) -> str | None:
    """Tell which key of the refused lines looks like the one that is mapped and not there."""
    seen: dict[str, list[Any]] = defaultdict(list)
    for line in lines:
        try:
            for inner in unwrap(line, source) or [] if source.wrapper != "none" else [line]:
                tree = json.loads(inner if isinstance(inner, bytes) else inner.line)
                for key, value in dict(_keys(tree)).items():
                    seen[key].append(value)
        except (Refused, ValueError, RecursionError):
            continue
    mapped = {step for where in source.map.values() for step in _steps(where)}
    for column in missing.replace(",", " ").split():
        where = source.map.get(column, source.map.get(f"topk_{column}s"))
        names = [] if where is None else _steps(where)
        fits = CHECKS.get(column, _anything)  # a near name is not enough: its values must be such ones
        usual = [key for key, values in seen.items()
                 if key not in mapped and len(values) >= len(lines) / 2 and fits(values, len(lines))]  # fmt: skip
        near = difflib.get_close_matches(names[-1], usual, 1, cutoff=0.5) if names else []
        if near:
            told = f"{'.'.join(names)} is mapped as {column}, and {near[0]} stands in {len(seen[near[0]])} of {len(lines)} of these lines"
            return f"{told}: map {column}: {near[0]}"
    return None


def _steps(where: str | Unit) -> list[str]:
    return [step for step in compiled(where.field if isinstance(where, Unit) else where) if isinstance(step, str)]


def _anything(_values: list[Any], _lines: int) -> bool:
    return True


def _keys(tree: object, depth: int = 0) -> Iterator[tuple[str, Any]]:
    if isinstance(tree, dict) and depth < 8:
        for name, value in tree.items():
            yield name, value
            yield from _keys(value, depth + 1)
    elif isinstance(tree, list) and depth < 8:
        for value in tree[:3]:
            yield from _keys(value, depth + 1)


def _zone(source: Source, lines: list[bytes]) -> list[Finding]:
    away = zone_off(source, lines)
    if away is None:
        return []
    hours = f"{away / 3600:+g} h"
    means = f"{source.zone}: the zone looks wrong by {hours}; line and wrapper are that far apart in nearly all of the newest lines"
    return [Finding(f"{source.name}: zone", "bad", means, f"correct sources.{source.name}.zone, then vigie rebuild")]


def zone_off(source: Source, lines: list[bytes]) -> int | None:
    """Return by how many seconds line and wrapper are apart, where it is the same multiple of 15 minutes, not 0."""
    if source.wrapper == "none" or source.format not in FORMATS:
        return None
    apart: list[float] = []
    for line in lines[-MOST_LINES:]:
        try:
            for inner in unwrap(line, source) or []:
                for record in FORMATS[source.format](inner.line, source, None) or []:
                    if isinstance(record, Record) and record.time_us is not None and inner.clock_us is not None:
                        apart.append((record.time_us - inner.clock_us) / 1e6)
        except Refused:
            continue
    if len(apart) < ENOUGH_LINES:
        return None
    quarters = round(statistics.median(apart) / QUARTER_S) * QUARTER_S
    near = sum(abs(one - quarters) <= NEAR_S for one in apart)
    return quarters if quarters and near >= ENOUGH_SHARE * len(apart) else None


def _raw(path: str, position: int, length: int) -> Iterator[bytes]:
    """Yield the bytes of a refused line, where its file is still there."""
    for data in _bytes(path, position, min(length, MOST_BYTES)):
        yield from (line for line in data.split(b"\n") if line)


def _last_lines(path: str) -> list[bytes]:
    try:
        size = os.path.getsize(path)
    except OSError:
        return []
    start = max(size - MOST_BYTES, 0)
    lines = b"".join(_bytes(path, start, MOST_BYTES)).split(b"\n")
    return [line.removesuffix(b"\r") for line in lines[start > 0 : -1]]


def _bytes(path: str, position: int, length: int) -> Iterator[bytes]:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return
    try:
        yield content(descriptor, Limits(1024 * MOST_BYTES, 500)).read(position, length)
    except OSError:
        return
    finally:
        os.close(descriptor)
