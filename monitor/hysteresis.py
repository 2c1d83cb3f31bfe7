"""Say when something that is measured again and again is bad for long enough to be told, and good for long enough to be over."""

from dataclasses import dataclass
from typing import Literal

Reading = Literal["bad", "between", "good"]
LETTERS = {"bad": "b", "between": "-", "good": "g"}
MINUTE_US = 60_000_000
OVER_AFTER_US = 15 * MINUTE_US


@dataclass(frozen=True)
class Course:
    """
    Hold where it stands: ok, pending, firing or recovering; the newest readings (`recent`, a letter each, the newest last).

    `since_us` is when it was first bad, `good_us` when it became good again, `read_us` when it was read last (microseconds
    since 1970).
    """

    state: Literal["ok", "pending", "firing", "recovering"] = "ok"
    recent: str = ""
    since_us: int = 0
    good_us: int = 0
    read_us: int = 0

    @property
    def is_told(self) -> bool:
        """Say whether people were told, and not yet that it is over."""
        return self.state in {"firing", "recovering"}


def after(old: Course, reading: Reading | None, now_us: int) -> Course:
    """
    Return where it stands after a reading; one that cannot be taken (None), or a second one of the same minute, changes nothing.

    Two bad ones of three fire; two good ones end what is pending. What fires recovers with the first good one, is over after three
    good ones in a row and 15 minutes, and fires on with a bad one.

    >>> course = Course()
    >>> states = []
    >>> for minute, reading in enumerate(("bad", "good", "bad", "good", "bad", "good")):
    ...     course = after(course, reading, (minute + 1) * MINUTE_US)
    ...     states.append(course.state)
    >>> states
    ['pending', 'pending', 'firing', 'recovering', 'firing', 'recovering']
    """
    if reading is None or now_us // MINUTE_US <= old.read_us // MINUTE_US:
        return old
    recent = (old.recent + LETTERS[reading])[-3:]
    state, since_us, good_us = old.state, old.since_us, old.good_us
    if state == "ok" and reading == "bad":
        state, since_us, recent = "pending", now_us, "b"
    elif state == "pending" and recent.count("b") >= 2:
        state = "firing"
    elif state == "pending" and recent.endswith("gg"):
        state = "ok"
    elif state == "firing" and reading == "good":
        state, good_us = "recovering", now_us
    elif state == "recovering" and reading == "bad":
        state = "firing"
    elif state == "recovering" and recent == "ggg" and now_us - good_us >= OVER_AFTER_US:
        state = "ok"
    return Course(state, recent, since_us, good_us, now_us)
