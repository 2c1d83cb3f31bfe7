"""Hold one thing that went wrong for one model: when it began, its causes, its state, what people did."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

STATES = ("open", "recovering", "closed")
CLOSED_AS = ("recovered", "fixed", "false_alarm", "new_normal", "superseded", "amended")
JOINED_HOURS = 24  # an alarm that began before an incident was a day old belongs to it


@dataclass(frozen=True)
class Cause:
    """
    Hold one metric's part in an incident.

    `share` is its part of the evidence (0 to 1), `expected` and `seen` are in the metric's unit, `size` the records
    behind `seen`, `direction` 1 for up; `text` says it in one sentence.
    """

    metric: str
    group: str
    share: float
    unit: str
    expected: float
    seen: float
    size: float
    direction: int
    text: str


@dataclass(frozen=True)
class Incident:
    """Hold an incident as it stands; `detail` tells segments, labels, terms, texts and languages (see `explain`)."""

    id: int
    model: str
    onset_hour: int
    found_hour: int
    state: str
    causes: tuple[Cause, ...]
    detail: dict[str, Any] = field(default_factory=dict)
    closed_as: str | None = None
    closed_hour: int | None = None
    acknowledged_by: str | None = None
    recurrence_of: int | None = None
    quiet_hours: int = 0
    revision: int = 0

    @property
    def claim(self) -> str:
        """Say in one sentence what changed."""
        return str(self.detail.get("claim") or (self.causes[0].text if self.causes else "something changed"))

    def joins(self, onset_hour: int) -> bool:
        """
        Say whether an alarm whose cause began at `onset_hour` tells of this same event.

        >>> Incident(1, "ape", 100, 110, "open", ()).joins(130), Incident(1, "ape", 100, 110, "open", ()).joins(140)
        (True, False)
        """
        return self.state != "closed" and onset_hour <= self.found_hour + JOINED_HOURS


def owner(known: Iterable[Incident], onset_hour: int, continues: int | None = None) -> Incident | None:
    """
    Return the oldest incident that an alarm whose cause began at `onset_hour` belongs to; None when it tells of a new one.

    The oldest, because what began before a later incident cannot be that one's doing; `continues` is the hour at which
    an incident was found that has told of this cause already.

    >>> first, second = Incident(1, "ape", 100, 110, "open", ()), Incident(2, "ape", 195, 200, "open", ())
    >>> [one and one.id for one in (owner([second, first], hour) for hour in (120, 150, 230))]
    [1, 2, None]
    """
    going = [one for one in known if one.joins(onset_hour) or (one.state != "closed" and one.found_hour == continues)]
    return min(going, key=lambda one: (one.found_hour, one.id), default=None)


@dataclass(frozen=True)
class Change:
    """Hold one transition of an incident or decision, as the change log keeps it."""

    subject: str
    model: str
    change: str
    before: str | None
    after: str
    input_key: str
    actor: str
    reason: str
    at: datetime
