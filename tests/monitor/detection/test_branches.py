"""A change is placed in the branches of the nomenclature that carry it."""

from itertools import pairwise

import numpy as np
import pytest

from monitor.detection.branches import LEAST_ANSWERS, branches
from monitor.nomenclature import UNKNOWN, Nomenclature
from monitor.profiles.counts import Counts
from monitor.profiles.profile import NO_LABEL, Profile

TREE = Nomenclature.of([
    ("G", "", "section", "Trade"), ("I", "", "section", "Food"), ("47", "G", "division", "Shops"),
    ("55", "I", "division", "Hotels"), ("56", "I", "division", "Bars"),
])  # fmt: skip


def sure(**answers: tuple[int, int]) -> Profile:
    """Write a profile from (unsure, sure) answers per label; sure ones lie in the band from 0.9 on."""
    low = Counts({name[1:]: one for name, (one, _) in answers.items() if one})
    high = Counts({name[1:]: one for name, (_, one) in answers.items() if one})
    return Profile(labels=low + high, bands={"0.0": low, "0.9": high})


def test_answers_by_section():
    """Divisions of a section are added up; shares of the change are of all movements."""
    found = branches("label:56", Profile(labels=Counts({"47": 50, "55": 30, "56": 20})),
                     Profile(labels=Counts({"47": 20, "55": 40, "56": 40})), TREE)  # fmt: skip
    assert (found["level"], found["of"]) == ("section", "share of the answers")
    assert {(row["title"], row["then"], row["now"]) for row in found["rows"]} == {
        ("G Trade", 0.5, 0.2),
        ("I Food", 0.5, 0.8),
    }
    assert [row["share_of_change"] for row in found["rows"]] == pytest.approx([0.5, 0.5])


def test_finer_where_coarse_is_blind():
    """A model that answers in one section only is told by its divisions."""
    both = [Profile(labels=Counts({"55": n, "56": 100 - n})) for n in (50, 80)]
    found = branches("answers", *both, TREE)
    assert (found["level"], {row["branch"] for row in found["rows"]}) == ("division", {"55", "56"})


def test_without_a_nomenclature():
    """Without one, labels are the branches; a label it does not know is a branch of its own."""
    then, now = Profile(labels=Counts.of(a=1, b=1)), Profile(labels=Counts.of(a=3, b=1))
    assert branches("answers", then, now, Nomenclature())["level"] == "label"
    now = Profile(labels=Counts({"47": 50, "zz": 50, NO_LABEL: 900}))
    assert UNKNOWN in {row["branch"] for row in branches("answers", now, now, TREE)["rows"]}


@pytest.mark.parametrize("metric", ["confidence", "support"])
def test_lost_confidence(metric):
    """The section whose answers became unsure carries the change; the others carry nothing."""
    then = sure(_47=(20, 80), _55=(10, 40), _56=(10, 40))
    now = sure(_47=(20, 80), _55=(40, 10), _56=(10, 40))
    found = branches(metric, then, now, TREE)
    assert found["of"] == "answers with a score of 0.50 or more"
    first, second = found["rows"]
    assert (first["branch"], first["then"], first["now"], first["share_of_change"]) == ("I", 0.8, 0.5, 1.0)
    assert (second["branch"], second["then"], second["now"], second["share_of_change"]) == ("G", 0.8, 0.8, 0.0)


def test_parts_add_up():
    """The parts of all branches are the whole change: also where a branch grew, and where one is new."""
    random = np.random.default_rng(4)
    for _ in range(30):
        then, now = (
            sure(**{f"_{label}": tuple(random.integers(20, 200, 2)) for label in ("47", "55", "xx")}) for _ in "ab"
        )
        rows = branches("confidence", then, now, TREE)["rows"]
        assert sum(row["share_of_change"] for row in rows) == pytest.approx(1.0)
        assert all(one["share_of_change"] >= other["share_of_change"] for one, other in pairwise(rows))


def test_too_few_answers():
    """A branch with a handful of answers since the onset is not told of how sure it is."""
    few = LEAST_ANSWERS - 1
    found = branches("confidence", sure(_47=(20, 80), _56=(20, 80)), sure(_47=(50, 50), _56=(few, 0)), TREE)
    assert [row["branch"] for row in found["rows"]] == ["G"]


def test_nothing_known():
    """Without answers there is no branch; without scores all branches are as sure as before."""
    assert branches("answers", Profile(), Profile(), TREE) == {}
    plain = Profile(labels=Counts({"47": 50, "56": 50}))
    assert branches("confidence", plain, plain, TREE)["rows"] == []


@pytest.mark.parametrize("metric", ["answers", "confidence"])
def test_to_the_bit_in_any_order(metric):
    """The same counts give the same bits, in whatever order their labels came: a sum of floats knows its order."""
    random = np.random.default_rng(1)
    counts = {f"_{n:03d}": [(int(a), int(b)) for a, b in random.integers(20, 900, (2, 2))] for n in range(300)}
    found = set()
    for _ in range(5):
        order = [str(name) for name in random.permutation(sorted(counts))]
        sides = [sure(**{name: counts[name][side] for name in order}) for side in (0, 1)]
        found.add(str(branches(metric, *sides, Nomenclature.of([]))))
    assert len(found) == 1
