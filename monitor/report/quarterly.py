"""Tell head and owner how thirteen weeks went: the weekly lines, and what a week is too short to show."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from monitor.letter import Letter
from monitor.quality.automation_curve import Point
from monitor.quality.estimate import Figure
from monitor.report.letters import Block, fitted, letter, tidy
from monitor.report.outcome_mail import gain
from monitor.report.weekly import Week, curve, happened, rows
from monitor.report.words import Words
from monitor.window import start_of

MOST_DECISIONS, STEP = 20, 0.1  # of thresholds told
BY_PEOPLE = ("audit", "routine")  # sources of labels that cost somebody time


@dataclass(frozen=True)
class Band:
    """Hold a band of scores (from, to): what the calibration expects of its labelled answers, and how many were right."""

    low: float
    high: float
    expected: float | None
    right: Figure


@dataclass(frozen=True)
class Quarter:
    """
    Hold what a quarter's report says: its `Week` of thirteen, the thirteen weeks one by one, and what was measured.

    `by_source` gives by kind of label how many there are, and the accuracy of what was labelled; `alarms` counts incidents:
    all found, and those closed as false; `promised` is how many false ones chance gives at most. A decision whose new model was
    looked at holds as `realised` the days since and what was found.
    """

    week: Week
    weeks: Sequence[tuple[int, Any]]
    by_source: Mapping[str, Figure]
    bands: Sequence[Band]
    points: Sequence[Point]
    alarms: tuple[int, int]
    promised: float
    decisions: Sequence[Mapping[str, Any]]


def quarterly(one: Quarter, now: datetime, words: Words) -> Letter:
    """Render the quarterly letter of one model."""
    week = one.week
    first, last, status = start_of(week.window.first), start_of(week.window.end - 1), week.verdict.status
    subject = fitted(
        week.model,
        lambda name: words.say("quarterly.subject", model=name, last=last, status=words.say(f"status.{status}")),
    )
    heading = words.say("sheet.heading", model=week.model, first=first, last=last)
    found, false = one.alarms
    alarms = words.say("quarterly.alarms", n=found, false=false, promised=one.promised)
    labelled = sum(int(figure.size) for source, figure in one.by_source.items() if source in BY_PEOPLE)
    cost = words.say("quarterly.cost", n=labelled, hours=labelled * week.minutes_per_case / 60)
    blocks = [
        Block(heading, rows(week, words), curve(one.weeks, "quarterly", words)),
        Block(words.say("quarterly.labels"), [*_sources(one, words), (words.say("quarterly.cost_row"), cost)]),
        Block(words.say("quarterly.calibration"), _bands(one, words)),
        Block(words.say("quarterly.curve"), _points(one, words)),
        Block(words.say("quarterly.promise"), [("", alarms)]),
        happened(week, words),
        Block(words.say("quarterly.decisions"), _decisions(one, words)),
    ]  # fmt: skip
    return letter(subject, status, blocks, words.say("weekly.foot", now=now), words)


def _sources(one: Quarter, words: Words) -> list[tuple[str, str]]:
    told = []
    for source, figure in one.by_source.items():
        name = words.say(f"quarterly.{source}") if words.knows(f"quarterly.{source}") else tidy(source, 40)
        told.append((name, _figure(figure, words, "right" if source == "audit" else "agree")))
    return told or [("", words.say("weekly.no_label"))]


def _figure(figure: Figure, words: Words, key: str = "right") -> str:
    if figure.value is None or figure.low is None or figure.high is None:
        return words.say("quarterly.few", count=int(figure.size))
    return words.say(
        f"quarterly.{key}", value=figure.value, low=100 * figure.low, high=100 * figure.high, count=int(figure.size)
    )


def _bands(one: Quarter, words: Words) -> list[tuple[str, str]]:
    told = []
    for band in one.bands:
        name = words.say("quarterly.band", low=band.low, high=band.high)
        right = _figure(band.right, words)
        told.append(
            (
                name,
                right
                if band.expected is None
                else words.say("quarterly.expected", right=right, expected=band.expected),
            )
        )
    return told or [("", words.say("quarterly.no_calibration"))]


def _points(one: Quarter, words: Words) -> list[tuple[str, str]]:
    steps = [
        point
        for point in one.points
        if abs(point.threshold / STEP - round(point.threshold / STEP)) < 1e-6 and point.rate > 0
    ]
    told = [(words.say("quarterly.threshold", at=point.threshold),
             words.say("quarterly.point", rate=point.rate, accuracy=point.accuracy, people=point.to_people, wrong=point.wrong)) for point in steps]  # fmt: skip
    return told or [("", words.say("quarterly.no_curve"))]


def _decisions(one: Quarter, words: Words) -> list[tuple[str, str]]:
    told = [(words.say("weekly.decision", number=row["id"]),
             _decision(row, words)) for row in one.decisions[:MOST_DECISIONS]]  # fmt: skip
    return told or [("", words.say("quarterly.no_decision"))]


def _decision(row: Mapping[str, Any], words: Words) -> str:
    recommendation = words.say(f"decision.{row['recommendation']}")
    state = words.say(f"decision_state.{row['state']}")
    told = words.say("quarterly.decision", recommendation=recommendation, at=row["made_us"], state=state)
    if not row.get("realised"):
        return told
    days, realised = row["realised"]
    return words.say("quarterly.realised", told=told, days=days, gain=tidy(gain(realised, words), 240))
