"""
Pack what is counted of predictions by model and day, and count such a day: what engines that read in parts have in common.

A day of a model is the unit because its rows must meet before they are counted: the same id twice on a day is one
prediction, the same text twice in an hour a repeat. Texts are not among what is packed.
"""

import io
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import polars as pl

from monitor.batch import Ledger
from monitor.engines import local
from monitor.prediction import FIELD
from monitor.profiles.profile import Key, Profile
from monitor.window import MICROSECONDS_PER_HOUR

MICROSECONDS_PER_DAY = 24 * MICROSECONDS_PER_HOUR
PLACE = ["bookmark", "position", "row"]  # in which order lines were read
ANSWER = ["label", "score_step", "text_hash"]  # two rows with one id should agree on it
COUNTED = [
    "uid", "time", "model", "segment", "variant", "kind", "caller", "region", "text_chars", "words", "unknown_words", "support",
    "score", "decision", "outcome", "latency_ms", "model_version", *ANSWER, *PLACE,
]  # fmt: skip

Read = Callable[[Any], Iterable[tuple[pl.DataFrame, Ledger]]]  # a task -> rows, and what became of their lines


@dataclass(frozen=True)
class Counted:
    """Hold the profiles of everything that was read, and what became of its lines."""

    profiles: dict[Key, Profile]
    ledger: Ledger


def packed(rows: pl.DataFrame) -> Iterator[tuple[str, int, bytes]]:
    """Yield (model, day since 1970, rows as bytes) for each day of each model."""
    days = rows.select(
        *COUNTED,
        pl.selectors.starts_with(FIELD),
        (pl.col("time").dt.epoch("us") // MICROSECONDS_PER_DAY).alias("day"),
    ).partition_by("model", "day", as_dict=True, include_key=True)
    for (model, day), some in days.items():
        body = io.BytesIO()
        some.drop("day").write_ipc_stream(body)
        yield str(model), int(day), body.getvalue()


def counted(parts: Iterable[bytes]) -> tuple[dict[Key, Profile], Ledger]:
    """
    Count one day of one model from all of its packed parts, in whatever order they come.

    Of rows with one id the first that was read counts, as in the store; one that answers otherwise is a reject.
    """
    rows = pl.concat([pl.read_ipc_stream(part) for part in parts], how="diagonal").sort(PLACE)
    first = rows.unique("uid", keep="first", maintain_order=True)
    again = rows.height - first.height
    other = 0
    if again:
        beside = rows.join(first.select("uid", *ANSWER), on="uid", suffix="_first")
        other = beside.filter(
            pl.any_horizontal(pl.col(one).ne_missing(pl.col(f"{one}_first")) for one in ANSWER)
        ).height
    ledger = Ledger({"rows": first.height, "duplicate": again - other, "reject conflicting_duplicate": other})
    return local.profiles(first.select(*COUNTED, pl.selectors.starts_with(FIELD))), ledger


def count(tasks: Iterable[Any], read: Read) -> Counted:
    """Read all tasks and count their days in this process, which holds what is packed of all rows meanwhile."""
    held: dict[tuple[str, int], list[bytes]] = {}
    ledgers: list[Ledger] = []
    for task in tasks:
        for rows, ledger in read(task):
            ledgers.append(ledger)
            for model, day, body in packed(rows):
                held.setdefault((model, day), []).append(body)
    profiles: dict[Key, Profile] = {}
    while held:
        _, parts = held.popitem()
        found, ledger = counted(parts)
        profiles |= found
        ledgers.append(ledger)
    return Counted(profiles, Ledger.sum(ledgers))
