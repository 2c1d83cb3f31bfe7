"""Are all benchmarks there, and does what one prints say all it must?"""

import importlib
import json

import pytest

from benchmarks.__main__ import MEASURES, main
from benchmarks.result import Part, result
from benchmarks.timing import spread

KEYS = {"id", "goal", "reached", "unit", "holds", "quick", "details"}


def test_list_names(capsys):
    """`list --names` prints one name a line, each with a module that has `run`."""
    assert main(["list", "--names"]) == 0
    names = capsys.readouterr().out.split()
    assert names == [
        "p1",
        "p1r",
        "p2",
        "p3",
        "p4",
        "p5",
        "p6",
        "p7",
        "p11",
        "p13",
        "p14",
        "p15",
        "kill",
        "slots",
        "decisions",
        "outbox",
        "histories",
        "soak",
        "mutants",
        "redaction",
        "fuzz",
        "detection",
        "quiet",
        "peers",
        "dated",
    ]
    assert all(callable(importlib.import_module(MEASURES[name][0]).run) for name in names)


def test_list_says_what(capsys):
    """`list` says beside each name what is measured."""
    assert main(["list"]) == 0
    assert all(len(line.split()) > 3 for line in capsys.readouterr().out.splitlines())


def test_unknown_name(capsys):
    """An unknown name ends with 2 and one line that tells the known ones."""
    assert main(["p51"]) == 2
    told = capsys.readouterr().err
    assert "no benchmark 'p51'" in told
    assert "did you mean p5?" in told
    assert "detection" in told
    assert told.count("\n") == 1


def test_quick_json(capsys):
    """A quick run prints one JSON object with every key, and the machine it ran on."""
    assert main(["p15", "--quick", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found.keys() == KEYS
    assert found["id"] == "p15"
    assert found["quick"] is True
    assert found["holds"] == all(one["holds"] for one in found["details"]["figures"])
    assert found["details"]["machine"]["cores"] >= 1
    assert {"vigie status", "floor: python -c pass"} <= found["details"]["seconds"].keys()


@pytest.mark.parametrize(("reached", "at_most", "holds"), [(9, True, True), (11, True, False), (9, False, False)])
def test_goal_missed_is_said(reached, at_most, holds):
    """One figure on the wrong side of its goal is enough for `holds` to be false."""
    good = Part("good", 1.0, 0.5, "s")
    found = result("p0", False, [good, Part("other", 10, reached, "s", at_most)], {})
    assert (found["holds"], found["reached"]) == (holds, 0.5)


def test_spread():
    """Median, least and most are of the runs given."""
    assert spread([3.0, 1.0, 2.0]) == {"median": 2.0, "min": 1.0, "max": 3.0, "runs": 3}
