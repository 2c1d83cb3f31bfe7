"""Hold one thing that went wrong for one model: when it began, its causes, its state, what people did."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

STATES = ("open", "recovering", "closed")
CLOSED_AS = ("recovered", "fixed", "false_alarm", "new_normal", "superseded", "amended")
JOINED_HOURS = 24  # an alarm that began before an incident was a day old belongs to it
NEW_CAUSE_SHARE = 0.1
OF_TEXTS = frozenset({"terms", "texts", "language", "classifier"})  # what `detail` tells of the texts
QUIET_TO_RECOVER, QUIET_TO_CLOSE = 24, 24 + 168  # hours below its floor


@dataclass(frozen=True)
class Cause:
    """
    Hold one metric's part in an incident.

    `share` is its part of the evidence (0 to 1), `expected` and `seen` are in the metric's unit, `size` the records
    behind `seen`, `direction` 1 for up; `text` says it in one English sentence, and `facts` keeps what else it says: the
    `labels` it names, and in which `form` it tells of a mix.
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
    facts: dict[str, Any] = field(default_factory=dict, hash=False)


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

    @property
    def told(self) -> dict[str, Any]:
        """
        Return the parts of `detail` that belong to the causes, which mail, page and command line show.

        Labels need a cause about outputs; what was found in the texts needs one that is not about the service.

        >>> slow, longer = (Cause(name, group, 0.5, "", 1, 2, 9, 1, "") for name, group in (("slow", "service"), ("length", "inputs")))
        >>> found = {"labels": [1], "terms": {"gained": [2]}, "segments": [3]}
        >>> [list(Incident(1, "ape", 5, 9, "open", of, found).told) for of in ((slow,), (slow, longer))]
        [['segments'], ['terms', 'segments']]
        """
        groups = {cause.group for cause in self.causes}
        foreign = (frozenset() if "outputs" in groups else {"labels"}) | (
            OF_TEXTS if groups == {"service"} else frozenset()
        )
        return {name: part for name, part in self.detail.items() if name not in foreign}

    def joins(self, onset_hour: int, group: str, continues: int | None = None) -> bool:
        """
        Say whether an alarm whose main cause, of this group, began at `onset_hour` tells of this same event.

        It began before the incident was a day old, or `continues` says that the incident found at that hour has told of
        it; but what began after an incident was found, in a group of metrics it does not tell of, is another event.

        >>> one = Incident(1, "ape", 100, 110, "open", ())
        >>> one.joins(130, "inputs"), one.joins(140, "inputs"), one.joins(140, "inputs", 110)
        (True, False, True)
        """
        told = {cause.group for cause in self.causes[:1]}
        near = onset_hour <= self.found_hour + JOINED_HOURS or self.found_hour == continues
        foreign = bool(told) and group not in told and onset_hour > self.found_hour
        return self.state != "closed" and near and not foreign

    def after_day(self, *, calm: bool) -> "Incident":
        """
        Return the incident after a judged day on which its metrics were calm, or not.

        >>> one = Incident(1, "ape", 100, 110, "open", ())
        >>> [one.state for one in (one.after_day(calm=True), one.after_day(calm=True).after_day(calm=False))]
        ['recovering', 'open']
        """
        quiet = self.quiet_hours + 24 if calm else 0
        after = "recovering" if quiet >= QUIET_TO_RECOVER else "open"
        if self.state == "recovering" and quiet >= QUIET_TO_CLOSE:
            after = "closed"
        return replace(self, state=after, quiet_hours=quiet)

    def with_causes(self, fresh: Iterable[Cause]) -> tuple[Cause, ...]:
        """
        Return the causes once an alarm told of `fresh` ones: new ones are added from a tenth of its evidence on.

        Shares are scaled so that together they never say more than the whole.

        >>> one, other = (Cause(name, "service", 0.9, "ms", 1, 2, 9, 1, "") for name in ("latency", "slow"))
        >>> [cause.share for cause in Incident(1, "ape", 5, 9, "open", (one,)).with_causes([one, other])]
        [0.5, 0.5]
        """
        listed = {cause.metric for cause in self.causes}
        found = (*self.causes, *(c for c in fresh if c.metric not in listed and c.share >= NEW_CAUSE_SHARE))
        whole = max(sum(cause.share for cause in found), 1.0)
        return tuple(replace(cause, share=cause.share / whole) for cause in found)


def owner(known: Iterable[Incident], onset_hour: int, group: str, continues: int | None = None) -> Incident | None:
    """
    Return the oldest incident that an alarm belongs to (see `Incident.joins`); None when it tells of a new one.

    The oldest, because what began before a later incident cannot be that one's doing.

    >>> first, second = Incident(1, "ape", 100, 110, "open", ()), Incident(2, "ape", 195, 200, "open", ())
    >>> [one and one.id for one in (owner([second, first], hour, "inputs") for hour in (120, 150, 230))]
    [1, 2, None]
    """
    going = [one for one in known if one.joins(onset_hour, group, continues)]
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
