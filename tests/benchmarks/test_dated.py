"""Are births, switches and regimes put beside alarms as they should, and is an alarm that matches nothing kept?"""

from datetime import date

import numpy as np
import polars as pl
import pytest

from benchmarks.detection import births, dated, esco, history, machines
from benchmarks.detection.telling import Case, Tell
from benchmarks.detection.traffic import MONDAY
from monitor.profiles.profile import Profile
from monitor.window import Window

YEAR = history.Year(2009, pl.DataFrame(), 0.5)


def tell(*causes: str, claim: str = "", risen: tuple[str, ...] = (), gained: tuple[str, ...] = ()) -> Tell:
    return Tell(400, 390, True, causes, claim, risen, gained, (), ({"en": 0.9}, {"en": 0.6, "fr": 0.3}))


@pytest.mark.parametrize(
    ("one", "by_people", "is_of"),
    [
        (tell("novelty", claim="Answers cs.SI 0 % -> 1 %"), True, True),
        (tell("answers", risen=("cs.NI", "cs.SI")), True, True),
        (tell("answers", risen=("cs.NI", "a", "b", "cs.SI")), True, False),
        (tell("volume", risen=("cs.SI",)), True, False),
        (tell("confidence", gained=("twitter", "using")), False, True),
        (tell("confidence", gained=("using", "twitter")), False, False),
        (tell("confidence", risen=("cs.SI",)), False, False),
    ],
)
def test_alarm_tells_of_class(one, by_people, is_of):
    """A true class must be seen to rise; where nobody can answer it, its own word must tell most."""
    assert births.tells_of(one, "cs.SI", {"twitter", "social"}, by_people=by_people) is is_of


@pytest.mark.parametrize("pace", history.PACES)
def test_titles_keep_their_order(pace):
    """A title stays within its day, or within the day its week became, whatever the hour drawn."""
    days = np.arange((date(2008, 7, 1) - history.EPOCH).days, (date(2009, 12, 31) - history.EPOCH).days)
    hours = history.placed(days, YEAR, pace) / 3.6e9
    first = np.array(
        [
            history.hour_of(
                history.EPOCH + (date.fromordinal(date(1970, 1, 1).toordinal() + int(d)) - history.EPOCH), YEAR, pace
            )
            for d in days
        ]
    )
    assert ((hours >= first) & (hours < first + 24)).all()


def test_a_week_becomes_a_day():
    """The seven days of a week begin at one hour, the next week 24 hours later."""
    hours = [history.hour_of(date(2008, 7, day), YEAR, "a week in a day") - MONDAY for day in (1, 7, 8)]
    assert hours == [0, 0, 24]


@pytest.mark.parametrize(
    ("row", "is_false"),
    [
        ({"cause": "volume", "records_of_usual": 0.9}, True),
        ({"cause": "volume", "records_of_usual": 0.5}, False),
        ({"cause": "field:caller=0", "machines_moved": 0.02}, True),
        ({"cause": "field:caller=0", "machines_moved": 0.3}, False),
        ({"cause": "latency", "is_regime": False}, True),
        ({"cause": "slow", "is_regime": True}, False),
    ],
)
def test_false_alarm_of_machines(row, is_false):
    """An alarm is false where neither the number of runs nor the machines nor the regime moved."""
    assert dated._is_false(row) is is_false


def test_switch_row_counts_records():
    """The row of a change tells hours and records since it began, and whether the language that grew is the one that came."""
    case = Case({hour: Profile(records=10) for hour in range(380, 410)}, Window(0, 380), 410)
    row = esco.first_told([tell("foreign", gained=("le",))], case, 395, frozenset({"foreign"}), tongue="fr")
    assert (row["hours"], row["records"], row["right"], row["language"]) == (5, 50, True, True)
    assert esco.first_told([], case, 395, frozenset(), tongue="fr")["hours"] is None


def test_days_without_runs_stay_empty():
    """A service's stretches follow each other by 13 weeks and judge none of their reference."""
    begin, hours = date(2024, 1, 1), range(0, 24 * 7 * 40, 3)
    epoch = (begin - history.EPOCH).days * 24
    runs = pl.DataFrame(
        {
            "time": [(epoch + hour) * 3_600_000_000 for hour in hours],
            "latency_ms": [8.0] * len(hours),
            "caller": ["1"] * len(hours),
        }
    )
    runs = runs.with_columns(pl.col("time").cast(pl.Datetime("us")))
    cut = machines.stretches("eastus/D8s_v5", runs)
    assert [round(one.quarters, 1) for one in cut] == [1.0, 1.0, 0.6]
    assert cut[0].case.reference.records == 6 * 7 * 8
    assert cut[1].case.window.first - cut[0].case.window.first == 13 * 168
