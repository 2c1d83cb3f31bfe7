"""Hold what people announced: deployments that are marked, and stretches of time that are not judged."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from monitor import asked
from monitor.said import Said
from monitor.window import MICROSECONDS_PER_HOUR, hour_of, microseconds, moment, start_of

REVISION = "revision"  # of the nomenclature: a model has to be trained for it
MARKS = ("deployment", "threshold", REVISION)  # a moment: shown on charts and named by incidents that follow it
UNJUDGED = ("holiday", "campaign", "closure")  # a stretch of time: its hours carry no bet
MAINTENANCE = "maintenance"  # a stretch of time: judged, but nobody is told before its end
KINDS = (*MARKS, *UNJUDGED, MAINTENANCE)
NAMED_WITHIN_HOURS = 48
LONGEST_DAYS, LONGEST_MAINTENANCE_DAYS = 92, 3


@dataclass(frozen=True)
class Planned:
    """
    Hold one entry: what, from when, until when (microseconds since 1970; None for a mark), for which model ("" for all).

    `added_us` and `removed_us` say when it was entered and taken back: only what was entered before an hour was judged
    changes how it is judged.
    """

    id: int
    model: str
    kind: str
    from_us: int
    to_us: int | None
    note: str
    author: str
    added_us: int
    removed_us: int | None = None

    @property
    def title(self) -> Said:
        """
        Name it as people would.

        >>> Planned(1, "", "deployment", 0, None, "2.5.0", "alice", 0).title
        'deployment 2.5.0'
        """
        kind = Said(self.kind, f"planned.{self.kind}")
        return Said(f"{kind} {self.note}".strip(), "planned.noted", kind=kind, note=self.note)

    def holds(self, model: str, now_us: int) -> bool:
        """
        Say whether messages about a model ("" for Vigie itself) wait for its end: it is on, and not taken back.

        >>> one = Planned(1, "", "maintenance", 5, 9, "", "alice", 0)
        >>> [one.holds("ape", now_us) for now_us in (4, 5, 8, 9)], Planned(1, "ape", "maintenance", 5, 9, "", "a", 0).holds("", 6)
        ([False, True, True, False], False)
        """
        concerns = self.model in {"", model}
        is_on = self.to_us is not None and self.from_us <= now_us < self.to_us and self.removed_us is None
        return self.kind == MAINTENANCE and concerns and is_on

    def overlaps(self, hour: int) -> bool:
        """Say whether it lasts, and any of this hour lies within it."""
        end_us = self.to_us or 0
        return self.from_us < (hour + 1) * MICROSECONDS_PER_HOUR and end_us > hour * MICROSECONDS_PER_HOUR

    def frees(self, hour: int, watermark: timedelta) -> bool:
        """
        Say whether this hour is not judged because of it: they overlap, and it was entered before the hour's watermark.

        >>> hour_us = MICROSECONDS_PER_HOUR
        >>> one = Planned(1, "", "campaign", 5 * hour_us, 7 * hour_us, "", "alice", added_us=6 * hour_us)
        >>> [one.frees(hour, timedelta()) for hour in (4, 5, 6, 7)]
        [False, True, True, False]
        >>> one.frees(5, timedelta()), one.frees(4, timedelta())
        (True, False)
        """
        if self.to_us is None or self.kind not in UNJUDGED:
            return False
        by_us = microseconds(start_of(hour + 1) + watermark)
        return self.overlaps(hour) and self.added_us <= by_us and (self.removed_us is None or self.removed_us > by_us)


def words_of(kind: str, begin: str, end: str, note: str) -> str:
    """
    Write down what somebody asks to announce, in the words of the command line, for an action to carry.

    >>> read_words(words_of("closure", "2026-12-24", "2026-12-27", "Christmas"))["to"]
    '2026-12-27'
    """
    return asked.written(kind=kind, from_=begin, to=end, note=note)


def read_words(text: str) -> dict[str, str]:
    """
    Read what `words_of` wrote; what is missing, or no such text, is empty.

    >>> read_words("party")
    {'kind': '', 'from': '', 'to': '', 'note': ''}
    """
    return asked.read(text, ("kind", "from", "to", "note"))


def freed(plan: Iterable[Planned], hours: Iterable[int], watermark: timedelta) -> frozenset[int]:
    """Return those of `hours` that are not judged because of something planned."""
    entries = [one for one in plan if one.kind in UNJUDGED]
    return (
        frozenset(hour for hour in hours if any(one.frees(hour, watermark) for one in entries))
        if entries
        else frozenset()
    )


def left_out(plan: Iterable[Planned], hours: Iterable[int]) -> frozenset[int]:
    """
    Return those of `hours` that a reference leaves out, whenever the entry was made: nobody has judged by it yet.

    >>> hour_us = MICROSECONDS_PER_HOUR
    >>> one = Planned(1, "", "closure", 5 * hour_us, 7 * hour_us, "", "alice", added_us=90 * hour_us)
    >>> sorted(left_out([one], range(4, 9)))
    [5, 6]
    """
    entries = [one for one in plan if one.kind in UNJUDGED and one.removed_us is None]
    return frozenset(hour for hour in hours if any(one.overlaps(hour) for one in entries))


def mark_before(plan: Iterable[Planned], onset_hour: int) -> Planned | None:
    """Return the newest mark that stands at most 48 hours before the end of the hour in which something began."""
    end_us = (onset_hour + 1) * MICROSECONDS_PER_HOUR
    near = [one for one in plan if one.kind in MARKS and one.removed_us is None
            and end_us - (NAMED_WITHIN_HOURS + 1) * MICROSECONDS_PER_HOUR <= one.from_us < end_us]  # fmt: skip
    return max(near, key=lambda one: (one.from_us, one.id), default=None)


def since_mark(mark: Planned, onset_hour: int) -> Said:
    """
    Say how long after a mark something began, by the hour.

    >>> mark = Planned(1, "", "deployment", 5 * MICROSECONDS_PER_HOUR, None, "2.5.0", "alice", 0)
    >>> since_mark(mark, 5), since_mark(mark, 8)
    ('in the hour of deployment 2.5.0', '3 h after deployment 2.5.0')
    """
    hours = onset_hour - hour_of(moment(mark.from_us))
    if hours <= 0:
        return Said(f"in the hour of {mark.title}", "began.mark_same", mark=mark.title)
    return Said(f"{hours} h after {mark.title}", "began.mark_after", hours=hours, mark=mark.title)


def trouble(kind: str, begin: datetime, end: datetime | None) -> str | None:
    """
    Say why an entry cannot be made; None when it can.

    >>> now = start_of(0)
    >>> trouble("deployment", now, None), trouble("party", now, None)
    (None, "'party' is none of deployment, threshold, revision, holiday, campaign, closure, maintenance")
    >>> trouble("holiday", now, None), trouble("holiday", now, now)
    ('a holiday needs an end (--to)', 'it ends before it begins')
    """
    if kind not in KINDS:
        return f"{kind!r} is none of {', '.join(KINDS)}"
    if kind in MARKS:
        return f"a {kind} is a moment and has no end" if end is not None else None
    if end is None:
        return f"a {kind} needs an end (--to)"
    if end <= begin:
        return "it ends before it begins"
    if kind == MAINTENANCE and end - begin > timedelta(days=LONGEST_MAINTENANCE_DAYS):
        return f"longer than {LONGEST_MAINTENANCE_DAYS} days: nobody would be told of anything for too long"
    return (
        f"longer than {LONGEST_DAYS} days: pin a new reference" if end - begin > timedelta(days=LONGEST_DAYS) else None
    )
