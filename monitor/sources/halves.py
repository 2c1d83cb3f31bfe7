"""
Put the two lines of a call together, in whatever order, batch or file they come.

A half that has to wait is kept as its rows behind the privacy door: the text redacted or gone, its hashes and counts
taken before.
"""

import hmac
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, fields
from typing import Any

import msgspec

from monitor.batch import Reject, WaitingHalf
from monitor.prediction import FIELD
from monitor.settings import Source
from monitor.sources.columns import columns
from monitor.sources.door import Door, Origin
from monitor.sources.frame import frame
from monitor.sources.record import Half, Record, Refused

OTHER = {"input": "answer", "answer": "input"}
KEPT = ("text_hash", "input_hash", "sealed")
COUNTED = ("text_chars", "words", "unknown_words")
_TOGETHER = {"fields", "flags", "labels", "scores", "kept", "row"}


def digest_of(half: Half, source: Source, door: Door) -> bytes:
    """Return the keyed id of a call within its source."""
    return hmac.digest(door.secret, f"join|{source.name}|{half.join_id}".encode("utf-8", "replace"), "sha256")[:16]


def together(one: list[Record], other: list[Record], side: str) -> list[Record]:
    """
    Return the rows of a call from its two halves, `one` being the `side` half.

    The answer's time counts; a latency that neither logged is the difference, of kind pair. Halves with different
    numbers of rows are refused.
    """
    asked, answered = (one, other) if side == "input" else (other, one)
    if len(asked) != len(answered):
        raise Refused("not_a_record", f"{len(asked)} inputs, {len(answered)} answers")
    return [_row(*both) for both in zip(asked, answered, strict=True)]


def _row(asked: Record, answered: Record) -> Record:
    blank = Record(time_us=None)
    whole = Record(time_us=answered.time_us if answered.time_us is not None else asked.time_us)
    for about in fields(Record):
        values = [getattr(one, about.name) for one in (answered, asked)]
        if about.name not in _TOGETHER | {"time_us"}:
            told = [value for value in values if value is not None and value != getattr(blank, about.name)]
            setattr(whole, about.name, told[0] if told else values[0])
    best = answered if answered.labels else asked
    whole.row, whole.labels, whole.scores = asked.row, best.labels, best.scores
    whole.fields = {**{k: v for k, v in answered.fields.items() if v is not None},
                    **{k: v for k, v in asked.fields.items() if v is not None}}  # fmt: skip
    whole.flags, whole.kept = [*dict.fromkeys(asked.flags + answered.flags)], asked.kept or answered.kept
    if whole.latency_ms is None and asked.row == 0 and asked.time_us is not None and answered.time_us is not None:
        took_us = answered.time_us - asked.time_us
        if took_us >= 0:
            whole.latency_ms, whole.latency_kind = took_us / 1000, "pair"
    if whole.text is None and whole.kept is None and not whole.labels:
        raise Refused("missing_field", "text or label")
    return whole


@dataclass
class Met:
    """Hold what became of halves: rows of whole calls, rejects, halves taken from the store, and those that still wait."""

    records: list[tuple[Record, Origin]] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    completed: list[tuple[bytes, str]] = field(default_factory=list)
    waiting: dict[tuple[bytes, str], WaitingHalf] = field(default_factory=dict)


def met(halves: Iterable[WaitingHalf], stored: dict[tuple[bytes, str], bytes]) -> Met:
    """
    Put halves together in the order of their lines, with each other and with those that wait in the store.

    Of two that say the same side of a call, while neither found its other one, the first counts and the second is refused:
    so the result does not depend on how the lines were cut into reads.
    """
    known, found = dict(stored), Met()
    for half in halves:
        mine, other = (half.join_digest, half.side), (half.join_digest, OTHER[half.side])
        if other in known:
            found.completed.append(other)
            payload = known.pop(other)
        elif other in found.waiting:
            payload = found.waiting.pop(other).payload
        elif mine in known or mine in found.waiting:
            found.rejects.append(
                Reject(
                    half.position,
                    half.length,
                    "conflicting_duplicate",
                    f"a second {half.side} of one call",
                    half.digest,
                    record=1,
                )
            )
            continue
        else:
            found.waiting[mine] = half
            continue
        try:
            rows = together(read_back(half.payload), read_back(payload), half.side)
        except Refused as refused:
            found.rejects.append(
                Reject(half.position, half.length, refused.reason, refused.detail, half.digest, record=1)
            )
        else:
            found.records += [(one, Origin(half.position, half.length, half.digest)) for one in rows]
    return found


def waiting(halves: list[tuple[Half, Origin]], source: Source, door: Door) -> tuple[WaitingHalf, ...]:
    """Return halves as they may lie in the store until the others come."""
    rows = [(one, origin) for half, origin in halves for one in half.records]
    if not rows:
        return ()
    behind = iter(frame(columns(rows), door, source, b"", 0).iter_rows(named=True))
    return tuple(
        WaitingHalf(
            digest_of(half, source, door), half.side, origin.position, origin.length, origin.digest,
            next((one.time_us for one in half.records if one.time_us is not None), 0),
            msgspec.json.encode([_safe(one, next(behind)) for one in half.records], enc_hook=str),
        )
        for half, origin in halves
    )  # fmt: skip


def _safe(one: Record, behind: dict[str, Any]) -> dict[str, Any]:
    """Return a record with what the door left of it."""
    kept = {name: behind[name] and behind[name].hex() for name in KEPT} | {name: behind[name] for name in COUNTED}
    plain = {name.removeprefix(FIELD): value for name, value in behind.items() if name.startswith(FIELD)}
    flags = [flag for flag in behind["flags"].split(",") if flag]
    kept_of_text = kept if one.text is not None else None
    return {**asdict(one), "text": behind["text"], "fields": plain, "flags": flags, "kept": kept_of_text}


def read_back(payload: bytes) -> list[Record]:
    """Return the rows of a half that waited."""
    rows: list[dict[str, Any]] = msgspec.json.decode(payload)
    return [Record(**row) for row in rows]
