"""
Play seven years of paper titles in their own order, a classifier of the years before answering them.

Each year is a run of its own: trained on what came before July of the year before, pinned to that half year, judged until its
own end. The dates are real and have no time of day: within its day a title falls at random (seeded), most often around
13:30. Some 40 to 80 titles a day are few, so the same years are also played with each week put into one day; that keeps the order
and multiplies the volume by seven, and days of the week are gone from it.
"""

import csv
import gzip
import random
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

import numpy as np
import polars as pl

from benchmarks.detection.corpus import classifier, file_of
from benchmarks.detection.telling import Case
from benchmarks.detection.traffic import MONDAY
from monitor.prediction import normalised
from monitor.profiles.profile import by_hour, mark_repeats
from monitor.profiles.support import Support
from monitor.profiles.tokens import word_counts
from monitor.window import MICROSECONDS_PER_HOUR, Window

EPOCH = date(1970, 1, 1)
MOST_TRAINED = 8000
AUTOMATED = 0.5  # share of the reference above the threshold
Pace = Literal["as dated", "a week in a day"]
PACES: tuple[Pace, ...] = ("as dated", "a week in a day")
BORN = {  # class: first month with at least five titles, as the data set's README has it; those with years before them only
    "stat.CO": date(2008, 1, 1), "cs.FL": date(2009, 2, 1), "cond-mat.quant-gas": date(2009, 3, 1),
    "cs.SI": date(2010, 9, 1), "cs.SY": date(2010, 10, 1), "cs.SD": date(2011, 9, 1), "cs.ET": date(2011, 10, 1),
    "q-fin.EC": date(2014, 5, 1), "q-fin.MF": date(2014, 5, 1),
}  # fmt: skip
YEARS = tuple(range(2008, 2015))


@dataclass(frozen=True)
class Year:
    """Hold the titles of a reference (the second half of the year before) and of a year, with their answers; `accuracy` is the reference's."""

    year: int
    rows: pl.DataFrame  # day (days since 1970), text, truth, label, score, support, words, unknown_words
    accuracy: float

    @property
    def first(self) -> date:
        """Return the day on which the reference begins."""
        return date(self.year - 1, 7, 1)


def titles() -> pl.DataFrame:
    """Read every title with its class and day; raises NoData when the data set is not on this machine."""
    with gzip.open(file_of("arxiv_titles_2007_2014", "arxiv_titles.csv.gz"), "rt", encoding="utf-8") as lines:
        rows = [
            ((date.fromisoformat(row["ts"][:10]) - EPOCH).days, row["text"], row["label"])
            for row in csv.DictReader(lines)
        ]
    return pl.DataFrame(rows, schema=["day", "text", "truth"], orient="row").sort("day", maintain_order=True)


def year_of(every: pl.DataFrame, year: int, *, is_asked: bool = True) -> Year:
    """
    Train on the titles before the reference of a year (a seeded sample of the newest two years), and answer the rest.

    Unless `is_asked` there is no classifier, and every answer is the true class.
    """
    begins, ends = ((one - EPOCH).days for one in (date(year - 1, 7, 1), date(year + 1, 1, 1)))
    before = every.filter(pl.col("day").is_between(begins - 730, begins, closed="left"))
    pairs = [(text, label) for text, label in before.select("text", "truth").iter_rows()]
    train = random.Random(year).sample(pairs, min(MOST_TRAINED, len(pairs)))
    rows = every.filter(pl.col("day").is_between(begins, ends, closed="left"))
    answers, score = (
        _answers(train, rows["text"].to_list()) if is_asked else (rows["truth"].to_list(), np.ones(rows.height))
    )
    bare, trained = (frame.select(normalised(pl.col("text"))).to_series()
                     for frame in (rows, pl.DataFrame({"text": [text for text, _ in train]})))  # fmt: skip
    known = Support.of(trained, pl.Series([label for _, label in train]))
    counted = word_counts(bare, {word for text in trained.to_list() for word in text.split()})
    rows = rows.with_columns(
        pl.Series("label", answers), pl.Series("score", score), known.of_answers(bare, answers).alias("support"),
        counted["words"], counted["unknown_words"],
    )  # fmt: skip
    reference = rows.filter(pl.col("day") < (date(year, 1, 1) - EPOCH).days)
    return Year(year, rows, float((reference["label"] == reference["truth"]).mean()))


def _answers(train: list[tuple[str, str]], texts: list[str]) -> tuple[list[str], np.ndarray]:
    model = classifier(train, least_texts=2)  # a third of the time that all pairs of words take, at the same accuracy
    sure = model.predict_proba(texts)
    return [str(model.classes_[one]) for one in sure.argmax(1)], np.round(sure.max(1), 4)


def hour_of(day: date, year: Year, pace: Pace) -> int:
    """
    Return the hour at which a day begins; with a week in a day, that of the day its week became.

    >>> year = Year(2009, pl.DataFrame(), 0.5)
    >>> hour_of(date(1970, 1, 2), year, "as dated"), hour_of(date(2008, 7, 8), year, "a week in a day") - MONDAY
    (24, 24)
    """
    if pace == "as dated":
        return (day - EPOCH).days * 24
    return MONDAY + 24 * ((day - year.first).days // 7)


def placed(days: np.ndarray, year: Year, pace: Pace) -> np.ndarray:
    """Return a moment for each title in microseconds since 1970: seeded within its day, most often around 13:30."""
    draw = np.random.default_rng(year.year)
    hour = np.arange(24)
    weight = 0.08 + np.exp(-0.5 * ((hour - 13.5) / 3.8) ** 2)
    at = draw.choice(hour, size=len(days), p=weight / weight.sum()) + draw.random(len(days))
    start = days * 24 if pace == "as dated" else MONDAY + 24 * ((days - (year.first - EPOCH).days) // 7)
    return ((start + at) * MICROSECONDS_PER_HOUR).astype(np.int64)


def case_of(year: Year, pace: Pace, *, by_people: bool) -> Case:
    """
    Count the titles of a year by hour; `by_people` answers with the true class, as a perfect classifier without scores would.
    """
    moments = placed(year.rows["day"].to_numpy(), year, pace)
    many, rows = len(moments), year.rows
    threshold = float(np.quantile(rows["score"].to_numpy(), 1 - AUTOMATED))
    score = pl.lit(None, pl.Float64) if by_people else pl.col("score")
    table = rows.with_columns(
        uid=pl.Series([f"{one:08d}".encode() for one in range(many)], dtype=pl.Binary), model=pl.lit("m"), segment=pl.lit(None, pl.String),
        time=pl.Series(moments).cast(pl.Datetime("us", "UTC")), kind=pl.lit("prediction"), variant=pl.lit("champion"),
        outcome=pl.lit("ok"), caller=pl.lit(None, pl.String), region=pl.lit(None, pl.String), text_hash=pl.col("text").hash(),
        label=pl.col("truth") if by_people else pl.col("label"), score=score, model_version=pl.lit("1"), latency_ms=pl.lit(None, pl.Float64),
        decision=pl.when(score >= threshold).then(pl.lit("automatic")).when(score.is_not_null()).then(pl.lit("manual")),
        text_chars=pl.col("text").str.len_chars(), support=pl.lit(None, pl.Int16) if by_people else pl.col("support"),
    )  # fmt: skip
    hours = {key.hour: profile for key, profile in by_hour(mark_repeats(table)).items()}
    dated = table.select("time", "text").sort("time")

    def texts(first: int, end: int) -> pl.Series:
        at = pl.col("time").dt.epoch("us") // MICROSECONDS_PER_HOUR
        return dated.filter(at.is_between(first, end, closed="left"))["text"]

    middle, last = (hour_of(day, year, pace) for day in (date(year.year, 1, 1), date(year.year, 12, 31) + timedelta(1)))
    return Case(hours, Window(hour_of(year.first, year, pace), middle), last, texts)
