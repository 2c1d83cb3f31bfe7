"""Say when the calendar of a model asks for a retraining: not yet, soon, or longer ago than it allows."""

from calendar import monthrange
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal

from monitor.said import Said
from monitor.settings import Calendar
from monitor.window import microseconds

MONTHS = {"quarter": 3, "half-year": 6}
State = Literal["none", "not_due", "due", "overdue", "early"]
SENTENCES = {
    "not_due": "The calendar asks for the next retraining by {:%d %b %Y}.",
    "due": "The calendar asks for a retraining by {:%d %b %Y}.",
    "overdue": "The calendar asked for a retraining by {:%d %b %Y}: it is overdue.",
    "early": "The calendar asks for the next retraining by {:%d %b %Y}; the evidence asks before it.",
}


@dataclass(frozen=True)
class Standing:
    """Hold where a model stands: the date that is not met yet, from when on a decision is due for it, and the state."""

    state: State = "none"
    by: date | None = None
    due_from: date | None = None

    def beside(self, *, asks: bool) -> "Standing":
        """Return where it stands beside evidence that `asks` for a new model: before a date is due, that is early."""
        return replace(self, state="early") if asks and self.state == "not_due" else self

    @property
    def said(self) -> Said | None:
        """Say it; None without a calendar."""
        if self.by is None:
            return None
        return Said(SENTENCES[self.state].format(self.by), f"calendar.{self.state}", at=_midnight_us(self.by))

    def record(self) -> dict[str, Any]:
        """Return what JSON can hold."""
        return {"state": self.state, "date": self.by and self.by.isoformat(),
                "due_from": self.due_from and self.due_from.isoformat()}  # fmt: skip


NO_CALENDAR = Standing()


def standing(calendar: Calendar, trained: date, today: date) -> Standing:
    """
    Return where a model that was last trained on a day stands today.

    A date is met by a training `lead_days` before it or later. From then on it is due, and overdue `overdue_days` after it.

    >>> quarterly = Calendar(every="quarter", anchor=date(2026, 1, 15))
    >>> [standing(quarterly, date(2026, 1, 20), date(2026, *day)).state for day in ((3, 15), (3, 16), (5, 14), (5, 15))]
    ['not_due', 'due', 'due', 'overdue']
    >>> standing(quarterly, date(2026, 3, 16), date(2026, 4, 15)).by  # trained in the days before: met
    datetime.date(2026, 7, 15)
    """
    if calendar.every == "none" or calendar.anchor is None:
        return NO_CALENDAR
    lead, number = timedelta(days=calendar.lead_days), 0
    while (at := _later(calendar.anchor, number * MONTHS[calendar.every])) - lead <= trained:
        number += 1
    overdue = today >= at + timedelta(days=calendar.overdue_days)
    state: State = "overdue" if overdue else "due" if today >= at - lead else "not_due"
    return Standing(state, at, at - lead)


def next_look(calendar: Standing, today: date) -> date:
    """
    Return when to look again where nothing is to be done: next Monday, or the day on which the calendar begins to ask.

    >>> next_look(Standing(), date(2026, 9, 2)), next_look(Standing(), date(2026, 9, 7))
    (datetime.date(2026, 9, 7), datetime.date(2026, 9, 14))
    >>> next_look(Standing("not_due", date(2026, 10, 4), date(2026, 9, 4)), date(2026, 9, 2))
    datetime.date(2026, 9, 4)
    """
    monday = today + timedelta(days=7 - today.weekday())
    begins = calendar.due_from
    return begins if begins is not None and today < begins < monday else monday


def rhythm_weeks(retrain_eur: float, growth_eur: float) -> float:
    """
    Return after how many weeks a retraining costs least a week, where the weekly loss grows by so much a week (EUR, above 0).

    A retraining every T weeks costs C / T + g T / 2 a week, which is least at T = sqrt(2 C / g).

    >>> rhythm_weeks(6000, 83.0)
    12.024...
    """
    return float((2 * retrain_eur / growth_eur) ** 0.5)


def suggested(weeks: float) -> Said:
    """
    Say the rhythm that costs suggest, in whole weeks.

    >>> suggested(12.02)
    'Costs suggest a retraining every 12 weeks.'
    """
    n = max(1, round(weeks))
    return Said(f"Costs suggest a retraining every {n} week{'s' if n > 1 else ''}.", "calendar.rhythm", n=n)


def described(kept: Mapping[str, Any]) -> str:
    """
    Write in one line what a decision's evidence keeps of the calendar.

    >>> described({"state": "due", "date": "2026-10-15", "trained": "2026-06-02", "version": "2.0", "rhythm_weeks": 12.02})
    'due, for 2026-10-15; last training 2026-06-02 (version 2.0 began to answer); costs suggest every 12 weeks'
    >>> described({"state": "none", "date": None, "trained": "2026-06-02", "version": None, "rhythm_weeks": None})
    'none; last training 2026-06-02 (end of the reference)'
    """
    by = "end of the reference" if kept["version"] is None else f"version {kept['version']} began to answer"
    parts = [kept["state"].replace("_", " ") + (f", for {kept['date']}" if kept["date"] else ""),
             f"last training {kept['trained']} ({by})"]  # fmt: skip
    if kept["rhythm_weeks"] is not None:
        parts.append(f"costs suggest every {kept['rhythm_weeks']:.0f} weeks")
    return "; ".join(parts)


def _later(day: date, months: int) -> date:
    """Return the same day so many months later, or the last of a month that has no such day."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def _midnight_us(day: date) -> int:
    return microseconds(datetime(day.year, day.month, day.day, tzinfo=UTC))
