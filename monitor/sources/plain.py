"""
Read lines that have nothing odd all at once, and name the stretches that must be looked at line by line.

A line is plain when a typed decoder takes it as it is: every type, range and length right, a time in UTC, scores that fall,
nothing to repair. Whatever is not plain is left to the careful way, which also says what a plain line means: both give the
same rows.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import accumulate, chain
from typing import Any

import msgspec
import numpy as np
import polars as pl

from monitor.settings import Model, Source
from monitor.sources.columns import Columns, some
from monitor.sources.formats import vigie_line
from monitor.sources.identity import digest

UTC = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-5][0-9](\.[0-9]{1,6})?Z$"
Mask = np.ndarray[Any, np.dtype[np.bool_]]
ODD = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
NUL = b"\\u0000"  # the one escape that decodes and cannot be stored


@dataclass(frozen=True)
class Found:
    """Hold the columns of plain lines, how many they are, and the byte ranges (within the data) left to look at."""

    columns: Columns
    lines: int
    rest: list[tuple[int, int]]


@dataclass(frozen=True)
class Asked:
    """Say what a plain line must agree with: the models there are, the source, the latest time, the longest line, and the key of digests."""

    models: dict[str, Model]
    source: Source
    latest_us: int
    line_bytes: int
    secret: bytes


FORMATS: dict[str, Callable[[list[Any]], Columns]] = {"vigie_line": vigie_line.columns}
DECODERS: dict[str, Callable[[bytes], Any]] = {"vigie_line": vigie_line.PLAIN.decode}


def read(data: bytes, begin: int, end: int, asked: Asked) -> Found:
    """Read the lines of `data` from byte `begin` up to `end`, which is behind a newline."""
    lines = data[begin:end].split(b"\n")[:-1]
    starts = np.fromiter(accumulate(map(len, lines), lambda so_far, size: so_far + size + 1, initial=begin), np.int64)
    decode, has_nul = DECODERS[asked.source.format], data.find(NUL, begin, end) >= 0
    decoded, at = [], []
    for number, line in enumerate(lines):
        try:
            one = decode(line)
        except ODD:
            continue
        if len(line) <= asked.line_bytes and not (has_nul and NUL in line):
            decoded.append(one)
            at.append(number)
    columns = FORMATS[asked.source.format](decoded)
    good = _plain(columns, asked)
    if not good.all():
        columns = some(columns, good.nonzero()[0].tolist())
    numbers = np.array(at, np.int64)[good]
    columns["position"] = starts[numbers].tolist()
    columns["length"] = (starts[numbers + 1] - starts[numbers] - 1).tolist()
    columns["digest"] = _digests(lines, numbers, columns["request_id"], asked)
    return Found(columns, len(numbers), _rest(starts, numbers))


def _plain(columns: Columns, asked: Asked) -> Mask:
    """Say which rows are plain beyond their types; adds `time_us`, `label`, `best` and `scores`."""
    written = pl.Series("time", columns.pop("time"), dtype=pl.String)
    times = written.str.to_datetime("%Y-%m-%dT%H:%M:%S%.fZ", time_unit="us", strict=False).dt.epoch("us").fill_null(-1)
    known = dict.fromkeys(asked.models, True) | dict.fromkeys((None, ""), asked.source.model in asked.models)
    topk = columns.pop("pairs")
    says = zip(columns["text"], topk, columns["status"], strict=True)
    bad_labels = {label for label in {pair[0] for pairs in topk for pair in pairs} if not label.isprintable()}
    good: Mask = (
        written.str.contains(UTC).to_numpy()
        & times.is_between(0, asked.latest_us).to_numpy()
        & np.fromiter((known.get(one, False) for one in columns["model"]), np.bool_, len(topk))
        & np.fromiter(
            (text is not None or bool(pairs) or (status or 0) >= 400 for text, pairs, status in says),
            np.bool_,
            len(topk),
        )
        & _fall(topk)
    )
    if bad_labels:
        clean = (bad_labels.isdisjoint(pair[0] for pair in pairs) for pairs in topk)
        good &= np.fromiter(clean, np.bool_, len(topk))
    columns["time_us"] = times.to_list()
    columns["label"] = [pairs[0][0] if pairs else None for pairs in topk]
    columns["best"] = [pairs[0][1] if pairs else None for pairs in topk]
    if all(model.score in {"max_prob", "logged"} for model in asked.models.values()):
        columns["scores"] = [()] * len(topk)  # nobody asks for the others
    else:
        columns["scores"] = [[pair[1] for pair in pairs] for pairs in topk]
    return good


def _fall(topk: list[list[tuple[str, float]]]) -> Mask:
    """Say of each list whether no score is higher than the one before."""
    sizes = np.fromiter(map(len, topk), np.int64, len(topk))
    scores = np.fromiter((pair[1] for pair in chain.from_iterable(topk)), np.float64, int(sizes.sum()))
    rises = np.zeros(len(scores), np.bool_)
    rises[1:] = scores[1:] > scores[:-1]
    first = np.cumsum(sizes) - sizes
    rises[first[sizes > 0]] = False
    falls = np.ones(len(topk), np.bool_)
    falls[np.repeat(np.arange(len(topk)), sizes)[rises]] = False
    return falls


def _digests(lines: list[bytes], numbers: Any, identities: list[Any], asked: Asked) -> list[bytes]:
    if asked.source.identity == "by_request_id" and None not in identities:
        return [b""] * len(numbers)
    return [digest(asked.secret, lines[number].removesuffix(b"\r")) for number in numbers.tolist()]


def _rest(starts: Any, numbers: Any) -> list[tuple[int, int]]:
    """Return the byte ranges of the lines that are not among `numbers`, neighbours together."""
    odd = np.ones(len(starts) - 1, np.bool_)
    odd[numbers] = False
    edges = np.diff(np.concatenate(([0], odd.astype(np.int8), [0])))
    return list(
        zip(starts[(edges == 1).nonzero()[0]].tolist(), starts[(edges == -1).nonzero()[0]].tolist(), strict=True)
    )
