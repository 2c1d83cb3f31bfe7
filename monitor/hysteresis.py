"""Say when something that is measured again and again is bad for long enough to be told, and good for long enough to be over."""

from dataclasses import dataclass, replace
from typing import Literal

Reading = Literal["bad", "between", "good"]
LETTERS = {"bad": "b", "between": "-", "good": "g"}
MINUTE_US = 60_000_000
OVER_AFTER_US = UNREAD_AFTER_US = 15 * MINUTE_US
KEPT, TURNS, QUIET = 12, 4, 6  # readings; so many turns in those kept are flapping, until so many bring none


@dataclass(frozen=True)
class Course:
    """
    Hold where it stands: ok, pending, firing or recovering; the newest readings (`recent`, a letter each, the newest last).

    `since_us` is when it was first bad, `good_us` when it became good again, `read_us` when it was read last, `flapping_us`
    since when it comes and goes, `missing_us` since when it cannot be read (microseconds since 1970; 0: it does not, it can).
    """

    state: Literal["ok", "pending", "firing", "recovering"] = "ok"
    recent: str = ""
    since_us: int = 0
    good_us: int = 0
    read_us: int = 0
    flapping_us: int = 0
    missing_us: int = 0

    @property
    def is_told(self) -> bool:
        """Say whether people were told, and not yet that it is over."""
        return self.state in {"firing", "recovering"}

    @property
    def is_calm(self) -> bool:
        """Say whether nothing of it need be remembered: it is ok, and none of the readings it holds was bad."""
        return self.state == "ok" and not ("b" in self.recent or self.flapping_us or self.missing_us)

    def is_unread(self, now_us: int) -> bool:
        """Say whether it could not be read for so long that people need to know."""
        return self.missing_us > 0 and now_us - self.missing_us >= UNREAD_AFTER_US


def after(old: Course, reading: Reading | None, now_us: int) -> Course:
    """
    Return where it stands after a reading; one that cannot be taken (None) changes nothing but since when that is so, and a
    second one of the same minute nothing at all.

    Two bad ones of three fire; two good ones end what is pending. What fires recovers with the first good one, is over after three
    good ones in a row and 15 minutes, and fires on with a bad one.
    Beside that it flaps from the fourth turn between bad and good among the newest twelve readings on, until six bring none.

    >>> course = Course()
    >>> states = []
    >>> for minute, reading in enumerate(("bad", "good", "bad", "good", "bad", "good")):
    ...     course = after(course, reading, (minute + 1) * MINUTE_US)
    ...     states.append(course.state)
    >>> states
    ['pending', 'pending', 'firing', 'recovering', 'firing', 'recovering']
    """
    if reading is None:
        return replace(old, missing_us=old.missing_us or now_us)
    if now_us // MINUTE_US <= old.read_us // MINUTE_US:
        return old
    recent = (old.recent + LETTERS[reading])[-KEPT:]
    newest = recent[-3:]
    state, since_us, good_us = old.state, old.since_us, old.good_us
    if state == "ok" and reading == "bad":
        state, since_us = "pending", now_us
    elif state == "pending" and newest.count("b") >= 2:
        state = "firing"
    elif state == "pending" and newest.endswith("gg"):
        state = "ok"
    elif state == "firing" and reading == "good":
        state, good_us = "recovering", now_us
    elif state == "recovering" and reading == "bad":
        state = "firing"
    elif state == "recovering" and newest == "ggg" and now_us - good_us >= OVER_AFTER_US:
        state = "ok"
    flapping_us, turns = old.flapping_us, _turns(recent)
    if not flapping_us and sum(turns) >= TURNS:
        flapping_us = now_us
    elif flapping_us and len(turns) >= QUIET and not any(turns[-QUIET:]):
        flapping_us, recent = 0, recent[-QUIET:]  # what came before counts no more
    return Course(state, recent, since_us, good_us, now_us, flapping_us)


def _turns(recent: str) -> list[bool]:
    """
    Say of each reading whether it was bad behind a good one, or good behind a bad one, whatever lay between.

    >>> _turns("gb-gg")
    [False, True, False, True, False]
    """
    side, found = "", []
    for letter in recent:
        found.append(letter != "-" and side not in {"", letter})
        side = side if letter == "-" else letter
    return found
