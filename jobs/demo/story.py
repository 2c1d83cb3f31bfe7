"""Write down what happens in the demonstration, and when: the truth that Vigie's findings are held against."""

from dataclasses import dataclass
from datetime import timedelta

from monitor.window import Window, start_of

DAYS, REFERENCE_DAYS = 56, 42
CALLERS = (("guichet-unique", 0.55), ("tax-office", 0.2), ("survey-web", 0.15), ("batch-registry", 0.1))
NEW_ACTIVITIES = ("65", "79", "61", "95", "53")  # divisions, one of which hardly exists before its day


@dataclass(frozen=True)
class Event:
    """Hold one change: its name, the hours it lasts, and which first causes name it rightly."""

    name: str
    sentence: str
    window: Window
    causes: tuple[str, ...]


@dataclass(frozen=True)
class Story:
    """
    Date the changes within the hours of the history, whose first hour is a midnight in UTC.

    >>> story = Story.of(first=0, end=56 * 24 + 9, seed=1)
    >>> story.reference.hours, [event.name for event in story.events]
    (1008, ['language', 'activity', 'latency', 'regression'])
    """

    window: Window
    reference: Window
    activity: str
    events: tuple[Event, ...]

    @classmethod
    def of(cls, first: int, end: int, seed: int) -> "Story":
        """Lay the story over the hours from `first` to `end`."""
        activity = NEW_ACTIVITIES[seed % len(NEW_ACTIVITIES)]

        def at(days: float) -> int:
            return first + round(24 * days)

        events = (
            Event("language", "English texts arrive from survey-web: 5 % of the traffic", Window(at(43.5), end),
                  ("unknown_words", "mostly_unknown", "foreign")),
            Event("activity", f"division {activity}, which hardly existed, becomes 6 % of the traffic", Window(at(46.4), end),
                  ("novelty", "answers", f"label:{activity}")),
            Event("latency", "a release makes every answer 30 % slower", Window(at(49.4), end), ("latency", "slow")),
            Event("regression", "a wrong artefact is served for a day and a half", Window(at(52.4), at(53.9)),
                  ("confidence", "unsure", "automation", "answers", "support", "unsupported")),
        )  # fmt: skip
        return cls(Window(first, end), Window(first, at(REFERENCE_DAYS)), activity, events)

    def event(self, name: str) -> Event:
        """Return the event of that name."""
        return next(one for one in self.events if one.name == name)

    def lines(self) -> list[str]:
        """Tell the story, a line an event."""
        told = [
            f"{start_of(self.reference.first):%d %b} to {start_of(self.reference.end) - timedelta(hours=1):%d %b}: six quiet weeks, the reference"
        ]
        return told + [f"{start_of(e.window.first):%d %b %H:%M}: {e.sentence}" for e in self.events]
