"""Lines with a Python literal are parsed by tokens and never evaluated."""

import ast
import random

import pytest

from monitor.sources.formats.python_literal import literal, read_line
from monitor.sources.record import Refused
from tests.monitor.sources.reading import read, reasons, source

ABOUT = source("python_literal", zone="Europe/Paris")
BODY = "{'Query': {'libelle': %r, 'TYP': 'I', 'SRF': nan}, 'Response': {'1': {'code': '4711', 'probabilite': 0.91}, '2': {'code': '1071', 'probabilite': 0.04}, 'IC': 0.87}}"


def line(text: str = "l'épicerie") -> bytes:
    return f"2026-09-01 12:00:00,250 - INFO - {BODY % text}\n".encode()


def test_one_line() -> None:
    """Time in the declared zone, text, fields and top-k are found."""
    (one,) = read_line(line()[:-1], ABOUT)
    assert (one.text, one.labels, one.scores, one.logged_score) == ("l'épicerie", ["4711", "1071"], [0.91, 0.04], 0.87)
    assert (one.time_us % 1_000_000, one.fields) == (250_000, {"TYP": "I", "SRF": None})
    assert read(line(), ABOUT).predictions["time"][0].hour == 10  # noon of Paris in summer


def test_banner_is_other() -> None:
    """Start-up banners and tracebacks are no predictions and no rejects."""
    batch = read(b"INFO:     Started server process [1]\nTraceback (most recent call last):\n" + line(), ABOUT)
    assert (batch.lines.other, batch.lines.read, batch.rejects) == (2, 1, ())


@pytest.mark.parametrize("text", [
    "rue,12: bis", "a, ] b", "{1: x", "x,3:", "quote ' and \" both", "back\\slash", "tab\tnew\nline", "é \u2028 ☃", "None", "#{}",
])  # fmt: skip
def test_text_is_kept(text: str) -> None:
    """A text with anything that looks like syntax comes through unchanged."""
    assert read_line(line(text)[:-1], ABOUT)[0].text == text


def test_equals_python() -> None:
    """On random literals the parser finds what Python's own finds."""
    draw = random.Random(3)

    def value(depth: int) -> object:
        kind = draw.randrange(9 if depth else 6)
        if kind < 6:
            letters = "".join(draw.choices("ab'\"\\,:{}[]()12 \n\té", k=8))
            return [None, True, -5, 0.25, letters, 1e-7][kind]
        many = [value(depth - 1) for _ in range(draw.randrange(4))]
        if kind == 6:
            return many
        return {f"k{n}": one for n, one in enumerate(many)}

    for _ in range(500):
        text = repr({"top": value(4), "x": value(4)})
        assert literal(text) == ast.literal_eval(text), text


def test_tuples_and_numpy() -> None:
    """Tuples are lists, numpy scalars their value, a comma may follow the last element, a number may be a key."""
    assert literal("{'a': (1, 2,), 'b': (), 'c': np.float64(0.5), 'd': array([1, 2]), 3: {4: 'x',},}") == {
        "a": [1, 2], "b": [], "c": 0.5, "d": [1, 2], "3": {"4": "x"}}  # fmt: skip


@pytest.mark.parametrize(("body", "reason"), [
    ("{'Query': __import__('os').system('true')}", "invalid_syntax"),
    ("{'Query': {'libelle': 'x'}, 'Response': open('/etc/passwd')}", "invalid_syntax"),
    ("{'Query': {'libelle': 'x'}", "invalid_syntax"),
    ("{'Query': 'x', 'Response': {}}", "missing_field"),
    ("{'Query': {'libelle': 'x'}, 'Response': {'1': {'code': '1', 'probabilite': 'high'}}}", "wrong_type"),
    ("{'Query': {'libelle': 'x'}, 'Response': {'1': {'code': None, 'probabilite': 0.5}}}", "bad_label"),
    ("['Query']", "not_a_record"),
    ("{'Query': " + "[" * 60 + "]" * 60 + "}", "too_deep"),
    ("{'Query': " + ")" * 60 + "}", "invalid_syntax"),
])  # fmt: skip
def test_refused(body: str, reason: str) -> None:
    """What is no plain literal, or no answer, is refused; nothing is run."""
    batch = read(f"2026-09-01 12:00:00,250 - INFO - {body}\n".encode(), ABOUT)
    assert reasons(batch) == [reason]


def test_no_prefix() -> None:
    """A literal without its time and level is refused."""
    assert reasons(read(b"{'Query': {}}\n", ABOUT)) == ["invalid_syntax"]


def test_wrong_encoding() -> None:
    """Bytes of another encoding than the declared one are refused by that name, and read where it is declared."""
    data = line().decode().encode("latin-1")
    assert reasons(read(data, ABOUT)) == ["invalid_encoding"]
    assert read(data, source("python_literal", zone="Europe/Paris", encoding="latin-1")).predictions[
        "text"
    ].to_list() == ["l'épicerie"]


def test_deep_before_parsing() -> None:
    """Thousands of brackets neither crash nor hang."""
    with pytest.raises(Refused):
        literal("{'a': " + "(" * 5000 + ")" * 5000 + "}")
