"""What a decision weighs is gathered from profiles, estimates, audits and a challenger, and says where it comes from."""

from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from jobs.decide import decide, propose
from jobs.ingest import ingest
from jobs.summarise import summarise
from jobs.weigh import Weeks, audit_size, past_weeks, terms, tried_on_labels
from monitor.growth import PastWeek
from monitor.profiles.counts import Counts
from monitor.profiles.profile import Key, Profile
from monitor.recovery import Tried
from monitor.settings import Retraining
from monitor.store import estimates, labels, predictions, profiles, shadow
from monitor.store.store import Store
from monitor.window import MICROSECONDS_PER_HOUR, Window, hour_of
from tests.conftest import NOW, Fill, Place, opened
from tests.jobs.test_decide import COMMAND, MANUAL, REFERENCE, happened, newest, three_weeks

END = hour_of(NOW) // 24 * 24
DIGEST = "d" * 64
DECLARED = (
    COMMAND
    + f"shadow: {{trusted_roots: [models]}}\nchallengers: {{next: {{of: ape, path: models/next, sha256: {DIGEST}}}}}\n"
)
USUAL = Profile(records=1000, decided=1000, automatic=800)


def answered(store: Store, hours: range, manual: Callable[[int], int]) -> None:
    """Log 100 predictions in each of these hours, so many of them for people."""
    built = {Key("ape", "", hour): Profile(records=100, decided=100, automatic=100 - manual(hour), decisions=Counts({"manual": manual(hour)}))
             for hour in hours}  # fmt: skip
    with store.write() as connection:
        profiles.replace(connection, "ape", list(hours), built)


def figure(day: int, value: float, half: float = 0.02, basis: str = "estimated", size: float = 400.0) -> dict[str, Any]:
    return {"model": "ape", "day": day, "name": "accuracy_automatic", "basis": basis, "value": value, "low": value - half,
            "high": value + half, "size": size, "note": ""}  # fmt: skip


def test_past_weeks(store: Store) -> None:
    """Whole weeks are counted back from the end; one with a fault's day is left out, and a piece of a week is none."""
    first = END - 5 * 168 - 30
    answered(store, range(first, END, 6), lambda hour: 20 + (hour - END) // 168)
    today = END // 24
    with store.write() as connection:
        estimates.put(connection, [figure(today - 40, 0.9), *(figure(day, 0.8) for day in range(today - 14, today))])
        found = past_weeks(connection, "ape", Window(first, END), USUAL, frozenset({today - 10}))
    assert [(one.number, one.predictions) for one in found] == [(number, 2800) for number in (-5, -4, -3, -1)]
    assert [one.excess_manual for one in found] == pytest.approx([-0.05, -0.04, -0.03, -0.01])
    assert [one.excess_error for one in found] == [None, None, None, pytest.approx(0.81 * 0.1)]


def test_no_past(store: Store) -> None:
    """Hours without decisions are no weeks, and less than a week is none."""
    answered(store, range(END - 167, END), lambda _: 9)
    with store.read() as connection:
        assert past_weeks(connection, "ape", Window(END - 167, END), USUAL, frozenset()) == ()
        assert past_weeks(connection, "ape", Window(END - 900, END - 200), USUAL, frozenset()) == ()
        assert past_weeks(connection, "ape", Window(END, END), USUAL, frozenset()) == ()


def test_terms(store: Store) -> None:
    """Growth, and what is known of recovery, are in the terms with their sources; without either the priors are."""
    past = tuple(PastWeek(number, 1000, 0.01 * number, None) for number in range(6))
    with store.read() as connection:
        known = terms(
            connection,
            "ape",
            Weeks(USUAL, USUAL, past=past),
            Retraining(),
            tried=Tried(100, 16, 7, 2, 0.1),
            realised=(1.0,),
        )
        bare = terms(connection, "ape", Weeks(USUAL, USUAL), Retraining())
    growth, recovered = ({one.name: one for one in some}["growth_eur"] for some in (known, bare)), known[6]
    assert [round(one.value, 6) for one in growth] == [9.0, 0.0]
    assert recovered.value == pytest.approx(13 / 18)
    assert (
        recovered.source
        == "challenger on 100 labelled records: right alone on 7, wrong alone on 2; sharpened by 1 past retraining"
    )
    assert bare[6].source.startswith("prior")


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([figure(1, 0.9, 0.01, "measured"), figure(9, 0.9, 0.05, "measured", 100)], 189),  # of ±3.46 points: 289 in all
        ([figure(1, 0.9, 0.05, "measured"), figure(9, 0.9, 0.05, "measured", 100)], None),
        ([figure(1, 0.9, 0.03), figure(9, 0.9, 0.03)], 385),  # of ±3 points
        ([], 1230),  # of ±2.8 points of an automatic answer in half of the cases
        ([figure(1, 0.9, 0.03)], 1230),
    ],
)  # fmt: skip
def test_audit_size(store: Store, rows: list[dict[str, Any]], expected: int | None) -> None:
    """So many more audited answers halve the variance of the excess share wrong: reckoned again, it is half."""
    week = Weeks(USUAL, USUAL)
    with store.write() as connection:
        estimates.put(connection, rows)
        found = audit_size(connection, "ape", week)
        assert (found is None) == (expected is None)
        if found is None or expected is None:
            return
        before = {one.name: one for one in terms(connection, "ape", week, Retraining())}["excess_error"]
    right = 0.9 if len(rows) == 2 else 0.5
    size = found + (100 if rows and rows[0]["basis"] == "measured" else 0)
    fixed = 0.01**2 if rows and rows[0]["basis"] == "measured" else 0.0
    after = 0.8 * (fixed + 1.96**2 * right * (1 - right) / size) ** 0.5
    assert after == pytest.approx((before.high - before.low) / 2 / 2**0.5, rel=0.01)


@pytest.fixture
def place(copied: Callable[[Fill], Place]) -> Place:
    return copied(three_weeks)


@pytest.fixture
def lived(place: Place) -> Iterator[Store]:
    with opened(place.database) as one:
        yield one


def labelled(store: Store, window: Window, right: int, wrong: int) -> list[Any]:
    """Label answers of a window so often as the model answered, then so often otherwise, and return them."""
    with store.write() as connection:
        rows = [row for row in predictions.answered(connection, "ape", window) if row.label is not None][
            : right + wrong
        ]
        truths = [row.label if number < right else "99" for number, row in enumerate(rows)]
        labels.add(connection, [
            {"model": "ape", "day": row.time // 86_400_000_000, "uid": bytes(row.uid), "label": truth, "source": "audit", "inclusion": 1.0,
             "annotator": "a", "labelled_us": 1, "imported_us": 1} for row, truth in zip(rows, truths, strict=True)])  # fmt: skip
    return rows


def tried(store: Store, rows: list[Any], wins: int) -> None:
    """Let a challenger answer these records: the last `wins` of them as the labels say, the others as the model did."""
    answers = [{"digest": DIGEST, "day": row.time // 86_400_000_000, "uid": bytes(row.uid), "hour": row.time // MICROSECONDS_PER_HOUR,
                "label": "99" if number >= len(rows) - wins else row.label, "topk": "[]", "score_step": 9000, "outcome": "answered"}
               for number, row in enumerate(rows)]  # fmt: skip
    with store.write() as connection:
        shadow.keep(connection, DIGEST, answers, {}, 1)
        shadow.put_comparison(connection, {"digest": DIGEST, "model": "ape", "first_hour": REFERENCE.end, "end_hour": END, "made_us": 3,
                                           "verdict": "more_labels", "body": "{}"})  # fmt: skip


def test_tried(place: Place, lived: Store) -> None:
    """A challenger in config.yaml tells how much it recovers beyond what is usual; a decision weighs it by that."""
    labelled(lived, REFERENCE, right=45, wrong=5)
    rows = labelled(lived, Window(REFERENCE.end, END), right=80, wrong=20)
    tried(lived, rows[:99], wins=12)
    with lived.read() as connection:
        assert tried_on_labels(connection, place.configure(COMMAND), "ape", REFERENCE, frozenset()) is None
        found = tried_on_labels(connection, place.configure(DECLARED), "ape", REFERENCE, frozenset())
        assert found == Tried(labelled=99, wrong=19, wins=12, losses=0, usual=pytest.approx(0.1))
        without = tried_on_labels(connection, place.configure(DECLARED), "ape", Window(1, 2), frozenset())
        assert without is not None
        assert without.usual is None
        days = sorted({row.time // 86_400_000_000 for row in rows[:99]})
        some = tried_on_labels(connection, place.configure(DECLARED), "ape", REFERENCE, frozenset(days[-1:]))
        assert some is not None
        assert some.labelled == sum(row.time // 86_400_000_000 != days[-1] for row in rows[:99]) < 99
        assert some.wins < 12
    decide(lived, place.configure(DECLARED), NOW)
    term = next(one for one in newest(lived)["evidence"]["terms"] if one["name"] == "recovered")
    assert term["value"] == pytest.approx((4 + 9.1) / (8 + 9.1))  # 19 wrong, 9.9 usual: 9.1 too many, all put right
    assert term["said"]["key"] == "learnt.challenger"


def test_growth_weighed(place: Place, lived: Store) -> None:
    """Weeks after the training a decision knows how the loss grows; a week with a day of a fault that passed is left out."""
    config, later = place.configure(COMMAND), NOW + timedelta(days=35)
    decide(lived, config, NOW)
    assert growth_of(lived)["source"] == "no trend is known yet: 1 whole week since the last training, 4 are needed"
    for week in range(5):
        place.write(70, seed=5 + week, first=NOW + timedelta(days=7 * week), hours=168)
    ingest(lived, config, later)
    summarise(lived, config, later)
    decide(lived, config, later)
    assert growth_of(lived)["source"] == "slope over 6 whole weeks, of cases sent to people alone"
    assert growth_of(lived)["value"] == pytest.approx(_slope(place, range(6)))
    happened(lived, MANUAL, END + 10 * 24, state="closed", closed_as="fixed", closed_hour=END + 10 * 24 + 5)
    with lived.write() as connection:
        propose(connection, config, "ape", later, ("alice", "what would it be now"))
    assert growth_of(lived)["source"] == "slope over 5 whole weeks, of cases sent to people alone"
    assert growth_of(lived)["value"] == pytest.approx(_slope(place, [0, 1, 3, 4, 5]))
    evidence, last_week = newest(lived)["evidence"], Window(END + 4 * 168, END + 5 * 168)
    many = sum(hour_of(row["time"]) in last_week for row in place.written)
    assert (evidence["days_left_out"], evidence["terms"][0]["value"]) == (
        0,
        many,
    )  # that fault lies before the last week


def growth_of(store: Store) -> dict[str, Any]:
    return next(one for one in newest(store)["evidence"]["terms"] if one["name"] == "growth_eur")


def _slope(place: Place, weeks: Iterable[int]) -> float:
    """Fit a line through what the cases sent to people cost in each week since the reference, counted in the log."""
    last = []

    def manual(rows: list[dict[str, Any]]) -> float:
        scores = [row["topk"][0][1] for row in rows if "topk" in row]
        return sum(score < 0.7 for score in scores) / len(scores)

    usual = manual([row for row in place.written if hour_of(row["time"]) in REFERENCE])
    for week in weeks:
        begin = REFERENCE.end + 168 * week
        rows = [row for row in place.written if begin <= hour_of(row["time"]) < begin + 168]
        last.append(0.9 * len(rows) * (manual(rows) - usual))
    return float(np.polyfit(list(weeks), last, 1)[0])
