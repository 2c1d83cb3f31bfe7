"""Promote, hold, or more labels: every check is listed, and one that is not met is enough to hold."""

import itertools

import pytest

from monitor.profiles.pairs import Pairs
from monitor.shadow.comparison import compare, evidence
from monitor.shadow.promotion import Check, checks, verdict

PASSED = [{"name": "pin", "passed": True, "detail": ""}, {"name": "answers", "passed": True, "detail": ""}]


def listed(
    *,
    wins: int = 40,
    losses: int = 5,
    texts: int = 2000,
    days: int = 7,
    row_errors: float = 0.0,
    tests=PASSED,
    isolation="no network",
) -> dict[str, Check]:
    found = compare([Pairs({("a", "a"): texts})], wins, losses)
    return {one.name: one for one in checks(found, tests=tests, isolation=isolation, days=days, row_errors=row_errors)}


def test_all_met():
    """A better challenger, seen long enough, is promoted if a person approves."""
    found = listed()
    assert {one.result for one in found.values()} == {"met"}
    word, sentence = verdict(list(found.values()))
    assert word == "promote"
    assert sentence == "Promote, if a person approves. Met: 5."


@pytest.mark.parametrize(
    ("change", "name", "result"),
    [
        ({"tests": [*PASSED, {"name": "odd rows", "passed": False, "detail": "no"}]}, "self-tests", "not met"),
        ({"days": 6}, "exposure", "cannot tell"),
        ({"texts": 1999}, "exposure", "cannot tell"),
        ({"row_errors": 0.0051}, "row errors", "not met"),
        ({"row_errors": 0.005}, "row errors", "met"),
        ({"wins": 0, "losses": 0}, "quality", "cannot tell"),
        ({"wins": 5, "losses": 5}, "quality", "cannot tell"),
        ({"wins": 0, "losses": 40}, "quality", "cannot tell"),
        ({"wins": 0, "losses": 300}, "quality", "not met"),
        ({"wins": 10, "losses": 0}, "quality", "cannot tell"),
        ({"wins": 13, "losses": 0}, "quality", "met"),
        ({"wins": 50_000, "losses": 10}, "quality", "met"),
    ],
)
def test_each(change, name, result):
    """One fact that is not as it should be shows in its own check and in no other."""
    found = listed(**change)
    assert found[name].result == result
    assert {one.name for one in found.values() if one.result != "met"} <= {name}


def test_host_without_namespaces():
    """Where the network cannot be cut, isolation is not called met; the word stays, and the sentence says what is open."""
    found = listed(isolation="limits only")
    assert found["isolation"].result == "cannot tell"
    word, sentence = verdict(list(found.values()))
    assert word == "promote"
    assert "network and files are not shut off" in sentence
    assert verdict(list(listed(isolation="limits only", days=1).values()))[0] == "more_labels"
    assert "files are not shut off" in listed()["isolation"].text


def test_quality_bound():
    """Quality is met exactly from evidence of 20 on."""
    for wins, losses in itertools.product(range(0, 40, 3), range(0, 12, 3)):
        met = listed(wins=wins, losses=losses)["quality"].result == "met"
        assert met == (evidence(wins, losses) >= 20)


def test_words():
    """Any check not met holds; else any that cannot tell asks for labels; each is named with its reason."""
    for results in itertools.product(["met", "not met", "cannot tell"], repeat=3):
        found = [Check(f"c{at}", one, f"why {at}") for at, one in enumerate(results)]
        word, sentence = verdict(found)
        assert word == ("hold" if "not met" in results else "more_labels" if "cannot tell" in results else "promote")
        for at, one in enumerate(results):
            assert (f"c{at} (why {at})" in sentence) == (one != "met")
        assert f"Met: {results.count('met')}." in sentence
