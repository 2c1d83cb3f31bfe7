"""One bad reading tells nobody, and one good one ends nothing."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.hysteresis import MINUTE_US, Course, Reading, after

WORDS: dict[str, Reading | None] = {"b": "bad", "g": "good", "-": "between", "?": None}


def course(readings: str, every: int = 1) -> list[str]:
    """Return the state behind each reading, one in so many minutes."""
    one, states = Course(), []
    for number, letter in enumerate(readings, 1):
        one = after(one, WORDS[letter], number * every * MINUTE_US)
        states.append(one.state)
    return states


@pytest.mark.parametrize(
    ("readings", "end"),
    [
        ("b", "pending"),
        ("bb", "firing"),
        ("bgb", "firing"),
        ("b-b", "firing"),
        ("bgg", "ok"),
        ("b?b", "firing"),
        ("b??", "pending"),
        ("bg-b", "pending"),
        ("bb-", "firing"),
        ("bb?????", "firing"),
        ("bbg", "recovering"),
        ("bbgb", "firing"),
        ("bbg-", "recovering"),
        ("bb" + "g" * 15, "recovering"),
        ("bb" + "g" * 16, "ok"),
        ("bb" + "g" * 15 + "b", "firing"),
        ("bb" + "g" * 14 + "-gg", "recovering"),
        ("bb" + "g" * 14 + "-ggg", "ok"),
        ("bb" + "g" * 16 + "b", "pending"),
    ],
)
def test_each_transition(readings: str, end: str) -> None:
    """Each way from state to state is as the design's table says, a minute between the readings."""
    assert course(readings)[-1] == end


def test_three_good() -> None:
    """A quarter of an hour alone ends nothing: it takes three good readings."""
    assert course("bbgg", every=20)[-1] == "recovering"
    assert course("bbggg", every=20)[-1] == "ok"


def test_once_a_minute() -> None:
    """A second reading of the same minute, or one of an earlier one, changes nothing."""
    one = after(Course(), "bad", 5 * MINUTE_US)
    assert after(one, "bad", 5 * MINUTE_US + 59_000_000) == one
    assert after(one, "bad", 4 * MINUTE_US) == one
    assert after(one, "bad", 6 * MINUTE_US).state == "firing"


@given(st.text(alphabet="bg-?", max_size=60))
def test_told_and_over(readings: str) -> None:
    """Whatever is read: nobody is told without two bad readings in three, and nothing told is over without three good ones in a row."""
    read = [letter for letter in readings if letter != "?"]
    told = [state in {"firing", "recovering"} for state in course("".join(read))]
    for at, (before, now) in enumerate(itertools.pairwise([False, *told])):
        if now and not before:
            assert read[max(0, at - 2) : at + 1].count("b") >= 2
            assert read[at] in "b-"
        if before and not now:
            assert read[at - 2 : at + 1] == ["g"] * 3
    assert course(readings)[-1:] == course("".join(read))[-1:] or "?" in readings


def history(readings: str, every: int = 1) -> list[Course]:
    """Return the whole course behind each reading, one in so many minutes."""
    found, one = [], Course()
    for number, letter in enumerate(readings, 1):
        one = after(one, WORDS[letter], number * every * MINUTE_US)
        found.append(one)
    return found


def flapping(readings: str) -> list[bool]:
    """Say behind each reading whether it flaps, by the rule's own words: all that was read since the last end is looked at anew."""
    begin, on, found = 0, False, []
    for end in range(1, len(readings) + 1):
        seen = readings[max(begin, end - 12) : end]
        sides = [(at, letter) for at, letter in enumerate(seen) if letter != "-"]
        turns = [later for (_, one), (later, other) in itertools.pairwise(sides) if one != other]
        if not on and len(turns) >= 4:
            on = True
        elif on and len(seen) >= 6 and all(at < len(seen) - 6 for at in turns):
            on, begin = False, end - 6
        found.append(on)
    return found


SWAYING = st.one_of(
    st.text(alphabet="bg-", max_size=80),
    st.lists(st.sampled_from(["bg", "gb", "b", "g", "-", "gggggg", "bbbbb", "b-----g"]), max_size=30).map("".join),
)


@given(SWAYING)
def test_flapping(readings: str) -> None:
    """It flaps from the fourth turn in twelve readings on, until six readings bring none."""
    found = [one.flapping_us > 0 for one in history(readings)]
    assert found == flapping(readings)


@given(SWAYING)
def test_notices_lie_apart(readings: str) -> None:
    """Two notices of flapping have six readings without a turn, then four turns between them: ten readings at least."""
    begun = sorted({one.flapping_us // MINUTE_US for one in history(readings)} - {0})
    assert all(later - earlier >= 10 for earlier, later in itertools.pairwise(begun))


@pytest.mark.parametrize(
    ("readings", "flaps"),
    [
        ("bbbbbbbbbbbb", False),
        ("bgbg", False),
        ("bgbgb", True),
        ("b-g-b-g-b", True),
        ("bgggbgggbgg", True),
        ("gbgggggbg", True),
        ("bbbbggggbbbbggggbbbb", False),
        ("bgbgbbbbbb", True),
        ("bgbgbbbbbbb", False),
        ("bgbgb------", False),
        ("bgbgbbbbbbbgbg", False),
        ("bgbgbbbbbbbgbgb", True),
    ],
)
def test_flaps(readings: str, flaps: bool) -> None:
    """A long fault or a slow change is no flapping, and what was told as flapping is counted anew behind its end."""
    assert bool(history(readings)[-1].flapping_us) is flaps


@given(st.text(alphabet="bg-", max_size=40), st.data())
def test_unread_changes_nothing(readings: str, data: st.DataObject) -> None:
    """Readings that cannot be taken, wherever they fall, change no state, no count and no flapping, only what is known of themselves."""
    one, other = Course(), Course()
    for minute, letter in enumerate(readings, 1):
        for second in range(data.draw(st.integers(0, 2))):
            other = after(other, None, (minute * 60 - 20 + second) * 1_000_000)
            assert other.missing_us
        one, other = (after(old, WORDS[letter], minute * MINUTE_US) for old in (one, other))
        assert other == one
        assert not other.missing_us


@given(st.text(alphabet="bg?", max_size=60))
def test_unread(readings: str) -> None:
    """It is told after 15 minutes without a reading, and one reading ends that."""
    for at, one in enumerate(history(readings), 1):
        gap = at - len(readings[:at].rstrip("?"))
        assert one.is_unread(at * MINUTE_US) is (gap > 15)


@given(st.text(alphabet="bg-?", max_size=60))
def test_calm_is_forgotten(readings: str) -> None:
    """What is calm goes on as what never was: a row of it need not be kept."""
    for at, one in enumerate(history(readings), 1):
        if one.is_calm:
            rest = [letter for letter in readings[at:] if letter != "?"][:2]
            fresh, old = Course(), one
            for minute, letter in enumerate(rest, at + 1):
                fresh, old = (after(some, WORDS[letter], minute * MINUTE_US) for some in (fresh, old))
                assert (fresh.state, fresh.since_us) == (old.state, old.since_us if fresh.since_us else 0)
