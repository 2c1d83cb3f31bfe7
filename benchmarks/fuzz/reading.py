"""Read malformed lines and hold the reading to its promises; run as a module it prints what one process found."""

import json
import random
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from benchmarks.fuzz.mutate import noised, spoiled
from benchmarks.fuzz.seeds import MODEL, TARGETS, Target
from monitor.batch import Batch
from monitor.prediction import REJECT_REASONS
from monitor.settings import Model
from monitor.sources.door import Door
from monitor.sources.identity import digest
from monitor.sources.lines import FORMATS, Reading, batch_of
from monitor.window import microseconds

LATEST_US = microseconds(datetime(2026, 9, 2, tzinfo=UTC))
AT_ONCE = 200
SLOW_S = 1.0
MOST_KEPT = 20  # examples of one kind of failure
LINE_BYTES = 1024 * 1024


@dataclass
class Found:
    """Count what lines gave; whatever breaks a promise is kept with the line that broke it."""

    lines: int = 0
    records: int = 0
    accepted: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    crashes: Counter[str] = field(default_factory=Counter)
    hangs: int = 0
    slowest_s: float = 0.0
    ledgers: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)

    def keep(self, what: str, line: bytes) -> None:
        """Keep the line that broke a promise."""
        if len(self.examples) < MOST_KEPT:
            self.examples.append(f"{what}: {line[:600]!r}")


def targets() -> list[Target]:
    """Return the targets whose format can be read in this version."""
    return [one for one in TARGETS if one.source.format in FORMATS]


def door() -> Door:
    """Return the door that lines are read through."""
    model = Model(name=MODEL, fields={"TYP": "category"}, segment="caller",
                  thresholds=[{"from": "2020-01-01T00:00:00Z", "automatic_at": 0.7}])  # fmt: skip
    return Door({MODEL: model}, {MODEL: frozenset({"card"})}, "redacted", b"k" * 64)


def malformed(target: Target, count: int, draw: random.Random) -> Iterator[bytes]:
    """Yield lines, half spoiled by the grammar, half by bytes; none holds a newline."""
    strangers = [line for one in TARGETS for line in one.lines]
    for number in range(count):
        line = draw.choice(target.lines)
        yield spoiled(line, draw) if number % 2 else noised(line, draw, draw.choice(strangers))


def check(target: Target, lines: list[bytes], through: Door, found: Found) -> None:
    """Read lines together; where that fails or is slow, one by one, so that the guilty line is known."""
    began = time.perf_counter()
    try:
        data = b"\n".join(lines) + b"\n"
        batch = _read(target, data, through)
    except Exception as error:  # any exception at all is what is looked for
        if len(lines) > 1:
            for line in lines:
                check(target, [line], through, found)
            return
        where = traceback.extract_tb(error.__traceback__)[-1]
        found.crashes[f"{target.name}: {type(error).__name__} in {where.name}, line {where.lineno}: {error}"[:160]] += 1
        found.keep("crash", lines[0])
        found.lines += 1
        return
    took = time.perf_counter() - began
    if took > SLOW_S and len(lines) > 1:
        for line in lines:
            check(target, [line], through, found)
        return
    found.slowest_s = max(found.slowest_s, took if len(lines) == 1 else took / len(lines))
    if took > SLOW_S:
        found.hangs += 1
        found.keep(f"hang of {took:.1f} s", lines[0])
    _count(target, data, batch, through, found)


def _read(target: Target, data: bytes, through: Door) -> Batch:
    reading = Reading(target.source, b"file", 1, LATEST_US, LINE_BYTES)
    return batch_of(data, 0, reading, through, is_finished=True)


def _count(target: Target, data: bytes, batch: Batch, through: Door, found: Found) -> None:
    found.lines += data.count(b"\n")
    found.accepted += batch.predictions.height
    found.records += batch.predictions.height + batch.rows_refused
    found.reasons.update(one.reason for one in batch.rejects)
    wholes = sum(one.reason != "nul_hole" and not one.record for one in batch.rejects)
    promises = {
        "lines do not sum": batch.lines.total == data.count(b"\n") and batch.end == len(data),
        "a refused line without a reject": wholes == batch.lines.rejected,
        "a refused row without a reject": sum(bool(one.record) for one in batch.rejects) == batch.rows_refused,
        "a reason outside the list": all(one.reason in REJECT_REASONS for one in batch.rejects),
        "a place outside the file": all(0 <= one.position <= one.position + one.length <= len(data) for one in batch.rejects),
        "a place told twice": len({(one.position, one.record) for one in batch.rejects if one.reason != "nul_hole"})
        == sum(one.reason != "nul_hole" for one in batch.rejects),
        "a digest of other bytes": _digests_hold(target, data, batch, through),
        "a read line without records": batch.lines.read == 0 or batch.predictions.height + batch.rows_refused > 0
        or bool(batch.halves),
        "a value outside its range": _values_hold(batch),
    }  # fmt: skip
    for what, holds in promises.items():
        if not holds:
            found.ledgers[f"{target.name}: {what}"] += 1
            found.keep(what, data)


def _digests_hold(target: Target, data: bytes, batch: Batch, through: Door) -> bool:
    """Say whether each whole line that was refused still has, read again at its place, its digest."""
    if target.source.wrapper != "none":
        return True  # digest of what was inside
    for one in batch.rejects:
        line = data[one.position : one.position + one.length].removesuffix(b"\r")
        if not one.record and one.reason != "nul_hole" and one.digest != digest(through.secret, line):
            return False
    return True


def _values_hold(batch: Batch) -> bool:
    """Say whether every accepted number is one that counting and estimating can bear."""
    rows = batch.predictions
    numbers = rows["latency_ms"], rows["score"], rows["sampling_rate"]
    finite = all(one.drop_nulls().is_finite().all() for one in numbers)
    at_least = (rows["latency_ms"].min() or 0) >= 0 and (rows["score"].min() or 0) >= 0
    rate = rows["sampling_rate"].drop_nulls()
    return finite and at_least and (rows["score"].max() or 0) <= 1 and bool(((rate > 0) & (rate <= 1)).all())


def campaign(count: int, seed: int) -> Found:
    """Read `count` malformed lines, an equal share of every target."""
    found, through, draw = Found(), door(), random.Random(seed)
    chosen = targets()
    for number, target in enumerate(chosen):
        share = count // len(chosen) + (number < count % len(chosen))
        some: list[bytes] = []
        for line in malformed(target, share, draw):
            some.append(line)
            if len(some) == AT_ONCE:
                check(target, some, through, found)
                some = []
        if some:
            check(target, some, through, found)
    return found


if __name__ == "__main__":
    print(json.dumps(vars(campaign(int(sys.argv[1]), int(sys.argv[2])))))
