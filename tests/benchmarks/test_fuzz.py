"""No malformed line breaks a promise of the reading, and what once did stays mended."""

import random
from pathlib import Path

import pytest

from benchmarks.fuzz import broken, storing
from benchmarks.fuzz.mutate import noised, spoiled
from benchmarks.fuzz.reading import Found, campaign, check, door, targets
from benchmarks.fuzz.seeds import TARGETS
from benchmarks.fuzz.storing import database
from monitor.sources.lines import FORMATS

INGRESS = (
    '10.0.3.9 - - [01/Sep/2026:10:33:52 +0000] "POST /predict/ HTTP/1.1" 200 512 "-" "-" 310 {whole} [ape-80] [] '
    "10.0.9.4:8000 512 {tries} 200 5f2c"
)
VIGIE = '{"vigie":1,"time":"2026-09-01T10:33:52Z","text":"taxi","topk":[["a",0.9]],%s}'


def found_in(name: str, line: str) -> Found:
    """Read one line of a target."""
    found = Found()
    check(next(one for one in TARGETS if one.name == name), [line.encode()], door(), found)
    return found


def test_three_thousand_lines() -> None:
    """Seeded malformed lines of every format and wrapper: no exception, no hang, and both ledgers sum."""
    found = campaign(3000, seed=20261126)
    assert (found.crashes, found.ledgers, found.hangs) == ({}, {}, 0), "\n".join(found.examples)
    assert found.lines == 3000
    assert len(found.reasons) >= 8
    assert 0 < found.accepted <= found.records


def test_every_format_has_a_target() -> None:
    """A format that can be read has good lines to be spoiled, and they are read."""
    assert {one.source.format for one in targets()} == set(FORMATS)
    for target in targets():
        found = Found()
        check(target, list(target.lines), door(), found)
        assert (found.crashes, found.ledgers) == ({}, {}), target.name


def test_mutations_are_seeded() -> None:
    """The same seed spoils a line in the same way, another in another."""
    line = TARGETS[1].lines[0]

    def some(seed: int) -> list[bytes]:
        draw = random.Random(seed)
        return [spoiled(line, draw) for _ in range(20)] + [noised(line, draw, line) for _ in range(20)]

    assert some(1) == some(1) != some(2)
    assert all(b"\n" not in one for one in some(3))


def test_check_can_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    """A format that raises, one that loses records and one that invents a reason are each found."""
    from monitor.sources.record import Refused

    def raising(*_: object) -> list:
        raise KeyError("x")

    def inventing(*_: object) -> list:
        raise Refused("bad_luck")

    monkeypatch.setitem(FORMATS, "vigie_line", raising)
    assert found_in("vigie_line", "{}").crashes.total() == 1
    monkeypatch.setitem(FORMATS, "vigie_line", inventing)
    assert list(found_in("vigie_line", "{}").ledgers) == ["vigie_line: a reason outside the list"]
    monkeypatch.setitem(FORMATS, "vigie_line", lambda *_: [])
    assert list(found_in("vigie_line", "{}").ledgers) == ["vigie_line: a read line without records"]


@pytest.mark.parametrize(("whole", "tries"), [("0..048", "0.01"), ("0.1", "0-010"), ("0.1", "1.2.3"), (".", ".")])
def test_odd_upstream_times(whole: str, tries: str) -> None:
    """Times that are no numbers are not measured, and nothing is raised."""
    found = found_in("access_log", INGRESS.format(whole=whole, tries=tries))
    assert (found.crashes, found.ledgers, found.accepted) == ({}, {}, 1)


@pytest.mark.parametrize(
    ("part", "reason"),
    [
        ('"latency_ms":-1', "out_of_range"),
        ('"sampling_rate":0', "out_of_range"),
        ('"sampling_rate":2', "out_of_range"),
        ('"latency_ms":"inf"', "not_finite"),
    ],
)
def test_numbers_nothing_can_count(part: str, reason: str) -> None:
    """A negative latency, or a sampling rate every estimate would be divided by, is refused."""
    found = found_in("vigie_line", VIGIE % part)
    assert (dict(found.reasons), found.ledgers) == ({reason: 1}, {})
    assert found_in("vigie_line", VIGIE % '"latency_ms":0,"sampling_rate":1').accepted == 1


def test_stored(tmp_path: Path) -> None:
    """Malformed lines in a database: its ledgers are those of the files."""
    with database("sqlite", tmp_path) as url:
        found = storing.run(url, tmp_path, 400, seed=3)
    assert (found["crashes"], found["faults"]) == ([], [])
    assert found["accepted"] > 20
    assert found["lines_rejected"] > 100


def test_damaged_archives(tmp_path: Path) -> None:
    """Archives cut anywhere or with a flipped bit give the log's beginning, and are told."""
    assert broken.damaged(tmp_path, 20, seed=4)["faults"] == []


@pytest.mark.parametrize("name", ["long_line", "hole", "nested_gz"])
def test_hostile_files(tmp_path: Path, name: str) -> None:
    """A file that is hostile as a whole costs itself only; the lines around it are read."""
    assert broken.run(name, tmp_path, 2)["faults"] == []
