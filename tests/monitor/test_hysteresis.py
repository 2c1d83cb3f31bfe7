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
