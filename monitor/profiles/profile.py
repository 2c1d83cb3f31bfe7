"""
Add up what the predictions of an hour looked like.

`Profile.of(a ++ b) == Profile.of(a) + Profile.of(b)`, the empty profile adds nothing, order is irrelevant, and bytes
come back as they went. So any window is a sum of hours, a late line costs one hour's rebuild, and a stored hour can be
checked against its rows. Repeats of a text by the same caller within an hour are marked on the rows first
(`mark_repeats`): they count for load (`records`, `latency`, `outcomes`, `decisions`), once for everything else.
"""

import zlib
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from functools import partial
from typing import Any, NamedTuple

import msgspec
import polars as pl

from monitor.prediction import FIELD
from monitor.profiles.counts import Counts
from monitor.profiles.histogram import Histogram, bin_of
from monitor.profiles.moments import UNIT, Moments
from monitor.window import MICROSECONDS_PER_HOUR

ABSENT = "(absent)"
NO_LABEL = "(none)"
OTHER = "(other)"
LONGEST_NAME = 64
FEW_WORDS = 2  # a text of one word that is unknown says little
BANDS = (0.5, 0.7, 0.8, 0.9)  # scores from which an answer counts as so sure: fixed, or hours would not add up
WATCHED = ("caller", "region")  # kept like declared fields


class Key(NamedTuple):
    """Name the profile of one model, segment and hour."""

    model: str
    segment: str
    hour: int


@dataclass(frozen=True)
class Profile:
    """
    Hold the counts of any stretch of time.

    >>> quiet, busy = Profile(records=2, labels=Counts.of(a=2)), Profile(records=3, labels=Counts.of(a=1, b=2))
    >>> (quiet + busy).labels["a"], quiet + Profile() == quiet, Profile.from_bytes(busy.to_bytes()) == busy
    (3, True, True)
    """

    records: int = 0  # predictions, repeats included
    distinct: int = 0  # less repeats
    outcomes: Counts = field(default_factory=Counts)  # calls by what became of them
    latency: Histogram = field(default_factory=partial(Histogram, "latency_ms"))  # calls, ms
    decisions: Counts = field(default_factory=Counts)  # predictions: automatic, manual, refused
    labels_raw: Counts = field(default_factory=Counts)  # repeats included
    labels: Counts = field(default_factory=Counts)
    bands: dict[str, Counts] = field(default_factory=dict)  # labels of scored answers by the band's lowest score
    score: Histogram = field(default_factory=partial(Histogram, "score"))
    automatic: int = 0  # of the distinct with a decision
    decided: int = 0  # distinct with a decision
    length: Histogram = field(default_factory=partial(Histogram, "length_chars"))  # characters
    empty_texts: int = 0  # no word of two letters
    unknown: Moments = field(default_factory=Moments)  # share of unknown words per text
    strange: Histogram = field(
        default_factory=partial(Histogram, "score")
    )  # texts of two words or more by the share they do not know
    support: Histogram = field(
        default_factory=partial(Histogram, "nats")
    )  # answers by how far their words speak for them
    versions: Counts = field(default_factory=Counts)
    fields: dict[str, Counts] = field(default_factory=dict)  # declared fields, caller, region: those that have it

    @classmethod
    def sum(cls, parts: Iterable["Profile"]) -> "Profile":
        """Add many profiles in one pass."""
        many = list(parts)
        if not many:
            return cls()
        added: dict[str, Any] = {}
        for part in fields(cls):
            column = [getattr(profile, part.name) for profile in many]
            first = column[0]
            if isinstance(first, int):
                added[part.name] = sum(column)
            elif isinstance(first, Counts):
                added[part.name] = Counts.sum(column)
            elif isinstance(first, Histogram):
                added[part.name] = Histogram.sum(first.ruler, column)
            elif isinstance(first, Moments):
                added[part.name] = sum(column, Moments())
            else:
                names = sorted({name for one in column for name in one})
                added[part.name] = {n: Counts.sum(one[n] for one in column if n in one) for n in names}
        return cls(**added)

    def __add__(self, other: "Profile") -> "Profile":
        """Add part by part."""
        return Profile.sum((self, other))

    @classmethod
    def of(cls, rows: pl.DataFrame) -> "Profile":
        """Count prediction rows that carry a `repeat` column, whatever their model, segment and hour."""
        return cls.sum(by_hour(rows).values())

    def of_field(self, name: str) -> Counts:
        """
        Return the values of a field, and as `ABSENT` how many have none.

        That follows from the rest and is not counted: an hour must not depend on which fields its neighbours have.

        >>> dict(Profile(distinct=3, fields={"TYP": Counts.of(I=2)}).of_field("TYP").of_name)
        {'I': 2, '(absent)': 1}
        """
        known = self.fields.get(name, Counts())
        absent = self.distinct - known.total
        return known + Counts({ABSENT: absent}) if absent > 0 else known

    def to_bytes(self) -> bytes:
        """Write the profile as compressed MessagePack; equal profiles give equal bytes."""
        return zlib.compress(msgspec.msgpack.encode(_plain(self)), 1)

    @classmethod
    def from_bytes(cls, body: bytes) -> "Profile":
        """Read what `to_bytes` wrote; parts a later version added are empty, and absent values an earlier one counted are left out."""
        return _rich(msgspec.msgpack.decode(zlib.decompress(body)))


def _plain(profile: Profile) -> dict[str, Any]:
    plain: dict[str, Any] = {}
    for part in fields(profile):
        value = getattr(profile, part.name)
        if isinstance(value, Histogram):
            bins = value.counts.nonzero()[0]
            plain[part.name] = [bins.tolist(), value.counts[bins].tolist()]
        elif isinstance(value, Counts):
            plain[part.name] = dict(sorted(value.of_name.items()))
        elif isinstance(value, Moments):
            plain[part.name] = [value.count, value.total, value.squares]
        elif isinstance(value, dict):
            plain[part.name] = {name: dict(sorted(one.of_name.items())) for name, one in sorted(value.items())}
        else:
            plain[part.name] = value
    return plain


def _rich(plain: dict[str, Any]) -> Profile:
    rich: dict[str, Any] = {}
    blank = Profile()
    for part in fields(Profile):
        if part.name not in plain:
            continue
        value, kind = plain[part.name], getattr(blank, part.name)
        if isinstance(kind, Histogram):
            rich[part.name] = Histogram.sparse(kind.ruler, *value)
        elif isinstance(kind, Counts):
            rich[part.name] = Counts(value)
        elif isinstance(kind, Moments):
            rich[part.name] = Moments(*value)
        elif isinstance(kind, dict):
            here = {
                name: {known: many for known, many in one.items() if known != ABSENT} for name, one in value.items()
            }
            rich[part.name] = {name: Counts(one) for name, one in here.items() if one}
        else:
            rich[part.name] = value
    return Profile(**rich)


def mark_repeats(rows: pl.DataFrame) -> pl.DataFrame:
    """
    Add the Boolean column `repeat`: the same caller sent the same normalised text earlier in this hour.

    The rows of an hour must all be there, or an earlier twin may be missed. Rows without a text are never repeats.
    """
    twins = ["model", "caller", "text_hash", "hour"]
    return (
        rows.with_columns(hour=pl.col("time").dt.epoch("us") // MICROSECONDS_PER_HOUR)
        .sort("time", "uid")
        .with_columns(repeat=(pl.int_range(pl.len()).over(twins) > 0) & pl.col("text_hash").is_not_null())
        .drop("hour")
    )


def by_hour(rows: pl.DataFrame) -> dict[Key, Profile]:
    """
    Count marked rows per model, segment and hour; shadow answers are left out.

    `rows` has the columns of `monitor.prediction.SCHEMA`, `repeat`, and any `field_<name>`. A missing segment is "".
    """
    rows = rows.filter(pl.col("variant").is_null() | (pl.col("variant") != "shadow")).with_columns(
        hour=(pl.col("time").dt.epoch("us") // MICROSECONDS_PER_HOUR).cast(pl.Int64),
        segment=pl.col("segment").fill_null(""),
    )
    strange = pl.col("unknown_words") / pl.when(pl.col("words") >= FEW_WORDS).then(pl.col("words"))
    rows = rows.with_columns(strange=strange, nats=pl.col("support") / 100)
    answers = rows.filter(pl.col("kind") == "prediction")
    fresh = answers.filter(~pl.col("repeat"))
    built: dict[Key, dict[str, Any]] = defaultdict(dict)
    _whole(built, answers.group_by(*Key._fields).agg(records=pl.len()), ["records"])
    _whole(built, _distinct(fresh), ["distinct", "automatic", "decided", "empty_texts"])
    for part, column, counted in (
        ("outcomes", "outcome", rows.filter(pl.col("outcome").is_not_null())),
        ("decisions", "decision", answers.filter(pl.col("decision").is_not_null())),
        ("labels_raw", "label", answers),
        ("labels", "label", fresh),
        ("versions", "model_version", answers.filter(pl.col("model_version").is_not_null())),
    ):
        for key, one in _names(counted, pl.col(column).fill_null(NO_LABEL)).items():
            built[key][part] = one
    for part, column, counted in (
        ("latency", "latency_ms", rows),
        ("score", "score", fresh),
        ("length", "text_chars", fresh),
        ("strange", "strange", fresh),
        ("support", "nats", fresh),
    ):
        for key, histogram in _histograms(counted, column, getattr(Profile(), part).ruler).items():
            built[key][part] = histogram
    for key, moments in _unknown(fresh).items():
        built[key]["unknown"] = moments
    for key, bands in _bands(fresh).items():
        built[key]["bands"] = bands
    for column in (*(c for c in fresh.columns if c.startswith(FIELD)), *WATCHED):
        for key, one in _names(fresh.filter(pl.col(column).is_not_null()), _category(column)).items():
            built[key].setdefault("fields", {})[column.removeprefix(FIELD)] = one
    return {key: Profile(**parts) for key, parts in built.items()}


def _whole(built: dict[Key, dict[str, Any]], table: pl.DataFrame, names: list[str]) -> None:
    for row in table.iter_rows(named=True):
        built[Key(row["model"], row["segment"], row["hour"])] |= {name: row[name] for name in names}


def _distinct(fresh: pl.DataFrame) -> pl.DataFrame:
    return fresh.group_by(*Key._fields).agg(
        distinct=pl.len(),
        automatic=(pl.col("decision") == "automatic").sum(),
        decided=pl.col("decision").is_not_null().sum(),
        empty_texts=(pl.col("words") == 0).sum(),
    )


def _category(column: str) -> pl.Expr:
    value = pl.col(column).cast(pl.String)
    tidy = value.str.len_chars().is_between(0, LONGEST_NAME) & ~value.str.contains(r"\p{C}")
    return pl.when(tidy).then(value).otherwise(pl.lit(OTHER))


def _names(rows: pl.DataFrame, name: pl.Expr) -> dict[Key, Counts]:
    table = rows.group_by(*Key._fields, name.alias("name")).agg(count=pl.len())
    found: dict[Key, dict[str, int]] = defaultdict(dict)
    for model, segment, hour, label, count in table.iter_rows():
        found[Key(model, segment, hour)][label] = count
    return {key: Counts(one) for key, one in found.items()}


def _bands(fresh: pl.DataFrame) -> dict[Key, dict[str, Counts]]:
    lowest = pl.lit(0.0)
    for edge in BANDS:
        lowest = pl.when(pl.col("score") >= edge).then(edge).otherwise(lowest)
    scored = fresh.filter(pl.col("score").is_not_null() & pl.col("label").is_not_null())
    table = scored.group_by(*Key._fields, lowest.alias("lowest"), "label").agg(count=pl.len())
    found: dict[Key, dict[str, dict[str, int]]] = defaultdict(lambda: defaultdict(dict))
    for model, segment, hour, low, label, count in table.iter_rows():
        found[Key(model, segment, hour)][str(low)][label] = count
    return {key: {low: Counts(one) for low, one in bands.items()} for key, bands in found.items()}


def _histograms(rows: pl.DataFrame, column: str, ruler: str) -> dict[Key, Histogram]:
    rows = rows.filter(pl.col(column).is_not_null())
    bins = pl.Series("bin", bin_of(ruler, rows[column].cast(pl.Float64).to_numpy()))
    table = rows.select(Key._fields).with_columns(bins).group_by(*Key._fields, "bin").agg(count=pl.len())
    found: dict[Key, tuple[list[int], list[int]]] = defaultdict(lambda: ([], []))
    for model, segment, hour, number, count in table.iter_rows():
        both = found[Key(model, segment, hour)]
        both[0].append(number)
        both[1].append(count)
    return {key: Histogram.sparse(ruler, *both) for key, both in found.items()}


def _unknown(fresh: pl.DataFrame) -> dict[Key, Moments]:
    share = (pl.col("unknown_words").cast(pl.Int64) * UNIT + pl.col("words") // 2) // pl.col("words")
    table = (
        fresh.filter((pl.col("words") > 0) & pl.col("unknown_words").is_not_null())
        .with_columns(share=share.cast(pl.Int64))
        .group_by(*Key._fields)
        .agg(count=pl.len(), total=pl.col("share").sum(), squares=(pl.col("share") ** 2).sum())
    )
    return {Key(r[0], r[1], r[2]): Moments(r[3], r[4], r[5]) for r in table.iter_rows()}
