"""Every metric, read from a profile, against polars on the raw rows."""

import math

import numpy as np
import polars as pl
import pytest

from monitor.metrics import FIXED, all_for, yardsticks
from monitor.metrics.agreement import agreement
from monitor.metrics.metric import Reading, Yardsticks
from monitor.prediction import SCHEMA
from monitor.profiles.counts import Counts
from monitor.profiles.pairs import Pairs
from monitor.profiles.profile import Profile, by_hour
from monitor.window import start_of

SIZE = 3000


def drawn(seed: int, *, shift: float = 0.0) -> pl.DataFrame:
    """Draw a day of distinct predictions; `shift` makes them slower, longer and less sure."""
    random = np.random.default_rng(seed)
    words = random.integers(0, 9, SIZE)
    step = np.clip(random.normal(7000 - 1000 * shift, 1800, SIZE), 0, 10_000).astype(int)
    columns = {
        "uid": [at.to_bytes(4, "big") for at in range(SIZE)],
        "model": ["ape"] * SIZE,
        "kind": ["prediction"] * SIZE,
        "time": [start_of(490_000 + int(hour)) for hour in random.integers(0, 24, SIZE)],
        "caller": random.choice(["tax", "survey", "desk"], SIZE, p=[0.7, 0.295, 0.005]).tolist(),
        "label": random.choice(["47", "56", "96", "99", None], SIZE, p=[0.5, 0.3, 0.1988, 0.0002, 0.001]).tolist(),
        "score": (step / 10_000).tolist(),
        "decision": [None if one == 0 else "automatic" if s >= 7000 else "manual" for one, s in zip(words, step, strict=True)],
        "latency_ms": np.exp(random.normal(3.5 + shift, 0.6, SIZE)).tolist(),
        "outcome": random.choice(["ok", "failed", "refused_input"], SIZE, p=[0.98, 0.015, 0.005]).tolist(),
        "text_chars": np.exp(random.normal(3.2 + shift / 4, 0.5, SIZE)).astype(int).tolist(),
        "words": words.tolist(),
        "unknown_words": random.binomial(words, 0.1).tolist(),
        "support": random.normal(250 - 80 * shift, 100, SIZE).astype(int).tolist(),
    }  # fmt: skip
    missing = {name: [None] * SIZE for name in SCHEMA.keys() - columns.keys()}
    return pl.DataFrame(columns | missing, schema_overrides=SCHEMA).with_columns(repeat=pl.lit(value=False))


@pytest.fixture(scope="module")
def rows() -> pl.DataFrame:
    return drawn(2, shift=0.3)


@pytest.fixture(scope="module")
def usual() -> pl.DataFrame:
    return drawn(1)


def reading(name: str, rows: pl.DataFrame, usual: pl.DataFrame) -> Reading:
    reference = Profile.sum(by_hour(usual).values())
    at = yardsticks(reference)
    metric = next(one for one in all_for(at, ("47", "56")) if one.name == name)
    return metric.read(Profile.sum(by_hour(rows).values()), at)


@pytest.mark.parametrize(
    ("name", "expected", "size"),
    [
        ("errors", pl.col("outcome") != "ok", pl.len()),
        ("automation", (pl.col("decision") == "automatic").filter(pl.col("decision").is_not_null()), pl.col("decision").count()),
        ("empty", pl.col("words") == 0, pl.len()),
        ("field:caller=tax", pl.col("caller") == "tax", pl.len()),
        ("label:47", (pl.col("label") == "47").drop_nulls(), pl.col("label").count()),
        ("mostly_unknown", (pl.col("unknown_words") / pl.col("words") >= 0.5).filter(pl.col("words") > 1), (pl.col("words") > 1).sum()),
        ("foreign", (pl.col("unknown_words") / pl.col("words") >= 0.75).filter(pl.col("words") > 1), (pl.col("words") > 1).sum()),
        ("label:56", (pl.col("label") == "56").drop_nulls(), pl.col("label").count()),
        ("novelty", (pl.col("label") == "99").drop_nulls(), pl.col("label").count()),
    ],
)  # fmt: skip
def test_shares(rows, usual, name, expected, size):
    """A share is the mean of zeros and ones over the rows it is a share of."""
    value, many = rows.select(expected.mean().alias("value"), size.alias("size")).row(0)
    assert reading(name, rows, usual) == (pytest.approx(value), many)


@pytest.mark.parametrize(
    ("name", "expected", "within"),
    [
        ("latency", pl.col("latency_ms").log().mean(), 0.01),
        ("length", pl.col("text_chars").log().mean(), 0.01),
        ("confidence", pl.col("score").mean(), 0.0026),
        ("support", pl.col("support").mean() / 100, 0.051),
        ("unknown_words", (pl.col("unknown_words") / pl.col("words")).filter(pl.col("words") > 0).mean(), 1e-4),
    ],
)
def test_means(rows, usual, name, expected, within):
    """A mean read from bins is within half a bin of the mean of the rows."""
    found = reading(name, rows, usual)
    assert found.value == pytest.approx(rows.select(expected).item(), abs=within)
    assert found.size == (rows.filter(pl.col("words") > 0).height if name == "unknown_words" else rows.height)


def test_slow(rows, usual):
    """Slow calls are those beyond the reference's 95 % latency, known to 1 %."""
    level = usual["latency_ms"].quantile(0.95)
    low, high = ((rows["latency_ms"] >= level * factor).mean() for factor in (1.02, 0.98))
    assert low <= reading("slow", rows, usual).value <= high
    assert reading("slow", usual, usual).value == pytest.approx(0.05, abs=0.01)


def test_unsure(rows, usual):
    """Unsure answers are those below the reference's 5 % score, known to a bin."""
    level = usual["score"].quantile(0.05)
    low, high = ((rows["score"] < level + off).mean() for off in (-0.01, 0.01))
    assert low <= reading("unsure", rows, usual).value <= high
    assert reading("unsure", usual, usual).value == pytest.approx(0.05, abs=0.01)


def test_unsupported(rows, usual):
    """Unsupported answers are those below the reference's 5 % support, known to a bin."""
    level = usual["support"].quantile(0.05)
    low, high = ((rows["support"] < level + off).mean() for off in (-11, 11))
    assert low <= reading("unsupported", rows, usual).value <= high
    assert reading("unsupported", usual, usual).value == pytest.approx(0.05, abs=0.015)


def test_yardsticks(usual):
    """What the reference fixes is what polars says of its rows."""
    at = yardsticks(Profile.sum(by_hour(usual).values()))
    assert at.slow_ms == pytest.approx(usual["latency_ms"].quantile(0.95, "higher"), rel=0.011)
    assert at.unsure == pytest.approx(usual["score"].quantile(0.05), abs=0.005)
    assert at.unsupported == pytest.approx(usual["support"].quantile(0.05) / 100, abs=0.06)
    counts = dict(usual.group_by("label").len().iter_rows())
    assert at.known == {label for label, many in counts.items() if label and many >= SIZE / 1000}
    callers = dict(usual.group_by("caller").len().iter_rows())
    assert at.watched == tuple(("caller", name) for name in sorted(callers) if callers[name] >= SIZE / 100)


def test_nothing():
    """A metric of nothing has no value and rests on nothing, and raises nothing."""
    for metric in all_for(Yardsticks(watched=(("TYP", "I"),)), ("47",)):
        value, size = metric.read(Profile(), Yardsticks())
        assert math.isnan(value), metric.name
        assert size == 0, metric.name


def test_empty_reference():
    """An empty reference fixes nothing that could ring an alarm."""
    assert yardsticks(Profile()) == Yardsticks()


def test_names():
    """Names are unique, and every group has a stake."""
    metrics = all_for(Yardsticks(watched=(("TYP", "I"), ("TYP", "B"))), ("47", "56"))
    assert len({one.name for one in metrics}) == len(metrics)
    assert {one.group for one in FIXED} == {"inputs", "outputs", "service"}


def test_only_value():
    """A field with one value is not watched: its share can only be one."""
    from monitor.metrics.input_fields import watched

    reference = Profile(fields={"TYP": Counts.of(I=100), "NAT": Counts.of(a=995, b=5)})
    assert watched(reference) == (("NAT", "a"),)


@pytest.mark.parametrize("name", [metric.name for metric in FIXED])
def test_adds_up(rows, usual, name):
    """The reading of a day is the mean of its hours' readings, weighted by their records."""
    at = yardsticks(Profile.sum(by_hour(usual).values()))
    metric = next(one for one in FIXED if one.name == name)
    hours = [metric.read(profile, at) for profile in by_hour(rows).values()]
    whole = reading(name, rows, usual)
    assert whole.size == pytest.approx(sum(one.size for one in hours))
    assert whole.value == pytest.approx(sum(one.value * one.size for one in hours) / whole.size)


def test_known():
    """A label is known from one answer in a thousand on; answers without a label are no label."""
    from monitor.metrics.novelty import known

    assert known(Profile(labels=Counts({"a": 1997, "b": 2, "c": 1}))) == {"a", "b"}
    assert known(Profile(labels=Counts({"a": 10, "(none)": 90}))) == {"a"}


def test_agreement():
    """Agreement counts equal labels among the compared."""
    random = np.random.default_rng(5)
    one, other = random.integers(0, 3, (2, 200)).astype(str)
    pairs = Pairs.of(((str(a), None, None), (str(b), None, None)) for a, b in zip(one, other, strict=True))
    assert agreement(pairs) == (pytest.approx(np.mean(one == other)), 200)
