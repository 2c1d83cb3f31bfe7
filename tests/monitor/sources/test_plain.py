"""What is read at once is what the careful way reads, line by line, whatever is odd in a line."""

import json
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from monitor.settings import Model
from monitor.sources import plain
from monitor.sources.door import Door
from monitor.sources.lines import Reading, batch_of
from monitor.window import microseconds
from tests.monitor.sources.reading import LATEST, LINE_BYTES, SECRET, source

USUAL: dict[str, Any] = {
    "vigie": 1, "time": "2026-09-01T10:00:00.123Z", "instance": "a", "seq": 4, "row": 0, "rows": 1, "model": "ape",
    "model_version": "1.0", "variant": "champion", "request_id": "r1", "caller": "desk", "text": "taxi à Nîmes",
    "topk": [["4932Z", 0.8], ["4939A", 0.1]], "latency_ms": 12.5, "status": 200, "fields": {"TYP": "B", "NAT": 2},
}  # fmt: skip
TIMES = ["2026-09-01T10:00:00Z", "2026-09-01T10:00:00.1234567Z", "2026-09-01T12:00:00+02:00", "2026-09-01 10:00:00Z", "2026-09-01T10:00:60Z",
         "2026-02-30T10:00:00Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2026-09-01", "2026-W36-2T10:00Z", "", None, 5,
         "2026-09-01T24:00:00Z", "2026-09-01t10:00:00z", "２026-09-01T10:00:00Z", "2026-09-01T10:00:00,5Z", "1969-12-31T23:59:59Z"]  # fmt: skip
NUMBERS = [
    0,
    1,
    -1,
    0.5,
    1.0005,
    1.5,
    -0.0,
    1e308,
    1e-320,
    2**31,
    2**62,
    2**63,
    2**80,
    -(2**63) - 1,
    True,
    "0.5",
    "x",
    None,
    [],
    {},
]
WORDS = [
    "",
    "a",
    "\x00",
    "\ud800",
    "é" * 129,
    "a" * 128,
    "a" * 201,
    "\u202e",
    "a\tb",
    "\x7f",
    None,
    5,
    1.5,
    True,
    [],
    "ape",
    "other",
]
PAIRS = [[], [["a", 1]], [["a", 0.2], ["b", 0.7]], [["a", 0.5], ["b", 0.5]], [["a"]], [["a", 0.5, 1]], ["a"], [["", 0.5]], [["a\n", 0.5]],
         [[5, 0.5]], [["a", "0.5"]], [["a", None]], [["a", 1.0004]], [["a", 0.5]] * 12, None, 5, {}, [["\x00", 0.1]]]  # fmt: skip
FIELDS = [None, {}, {"TYP": None}, {"TYP": "\x00"}, {"TYP": ["x"]}, {"TYP": {"x": 1}}, {"TYP": 2**80}, {"TYP": 1e300}, {"TYP": True}, [], "x",
          {"\x00": 1}, {"OTHER": "x" * 300}, {"TYP": "x" * 300}]  # fmt: skip
ODD: dict[str, list[Any]] = {
    "time": TIMES, "topk": PAIRS, "fields": FIELDS, "decision": ["automatic", "manual", "maybe", None, 1],
    "variant": ["shadow", "canary", "x", None], "text_cut": [True, False, None, 1], "dropped": [3, 0, None, "x"],
    **dict.fromkeys(("row", "rows", "seq", "status", "score", "latency_ms", "sampling_rate", "vigie"), NUMBERS),
    **dict.fromkeys(("text", "model", "model_version", "request_id", "caller", "region", "endpoint", "error", "instance"), WORDS),
}  # fmt: skip
MODELS = {
    "ape": Model(name="ape", fields={"TYP": "category"}),
    "other": Model(name="other", score="margin", segment="caller"),
}


@st.composite
def files(draw: st.DrawFn) -> bytes:
    """Draw a file of lines of which every key may be odd, missing, or the line itself damaged."""
    choose = random.Random(draw(st.integers(0, 2**32)))
    lines = []
    for number in range(draw(st.integers(1, 12))):
        one = {**USUAL, "request_id": f"r{number}"}
        for key in choose.sample(sorted(ODD), choose.choice((0, 0, 1, 1, 2, 4))):
            one[key] = choose.choice(ODD[key])
        for key in choose.sample(sorted(USUAL), choose.choice((0, 0, 0, 1))):
            one.pop(key, None)
        raw = json.dumps(one, ensure_ascii=choose.random() < 0.5).encode("utf-8", "surrogatepass")
        damage = choose.random()
        if damage < 0.15:
            at = choose.randrange(len(raw))
            raw = choose.choice((raw[:at], raw[:at] + bytes([choose.randrange(256)]) + raw[at + 1 :], raw[at:] + raw[:at], b"", b" ",
                                 b"\x00\x00" + raw, raw + b"\r", raw + b" x", b"[" * 40 + raw, raw * 2, b"\xef\xbb\xbf" + raw,
                                 b'{"vigie":1,"text":"' + b"a" * LINE_BYTES + b'"}'))  # fmt: skip
        lines.append(raw)
    return b"\n".join(lines) + draw(st.sampled_from((b"\n", b"", b"\n\n", b'\n{"vigie"')))


@pytest.mark.parametrize("identity", ["by_request_id", "by_position", "by_line"])
@settings(derandomize=True, deadline=None, max_examples=150)
@given(data=files(), start=st.sampled_from((0, 1000)))
def test_same_as_line_by_line(identity: str, data: bytes, start: int) -> None:
    """Rows, rejects and the counts of lines are the same whether plain lines are read at once or one by one."""
    told = []
    for prefix in (None, "(?:)"):  # a prefix, even an empty one, is read line by line
        reading = Reading(source(identity=identity, prefix=prefix), b"file", 7, microseconds(LATEST), LINE_BYTES)
        door = Door(MODELS, {"ape": frozenset({"taxi"}), "other": None}, "redacted", SECRET)
        told.append(batch_of(data, start, reading, door, is_finished=True))
    at_once, careful = told
    assert_frame_equal(at_once.predictions, careful.predictions)
    assert (at_once.rejects, at_once.lines, at_once.end) == (careful.rejects, careful.lines, careful.end)


def test_usual_lines_are_plain() -> None:
    """A line as the middleware writes it is read at once; only what is odd is left to look at."""
    raw = (json.dumps(USUAL).encode() + b"\n") * 3 + b"odd\n" + json.dumps(USUAL).encode() + b"\n"
    asked = plain.Asked(MODELS, source(), microseconds(LATEST), LINE_BYTES, SECRET)
    found = plain.read(raw, 0, len(raw), asked)
    odd = raw.index(b"odd")
    assert (found.lines, found.rest) == (4, [(odd, odd + 4)])


@pytest.mark.parametrize("odd", [
    {"topk": [["a", 0.2], ["b", 0.7]]}, {"topk": [["a", 0.5], ["b", 0.1], ["c", 0.2]]}, {"topk": [["a\u200b", 0.5]]}, {"text": "a\x00b"},
    {"text_cut": True}, {"latency_ms": 10**30}, {"time": "2026-09-01T10:00:60Z"}, {"time": "2031-01-01T00:00:00Z"}, {"model": "else"},
])  # fmt: skip
def test_odd_lines_are_not(odd: dict[str, Any]) -> None:
    """A line that must be sorted, repaired, flagged or refused is left to look at, and its neighbours are not."""
    good = json.dumps(USUAL).encode() + b"\n"
    raw = good + json.dumps({**USUAL, **odd}).encode() + b"\n" + good
    found = plain.read(raw, 0, len(raw), plain.Asked(MODELS, source(), microseconds(LATEST), LINE_BYTES, SECRET))
    assert (found.lines, found.rest) == (2, [(len(good), len(raw) - len(good))])
    assert found.columns["position"] == [0, len(raw) - len(good)]
