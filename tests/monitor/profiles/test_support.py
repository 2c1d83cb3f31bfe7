"""The support of answers, against counting word by word in plain Python."""

import math
from collections import Counter

import msgspec
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.profiles.support import Support
from tests.monitor.profiles.rows import QUICK

WORDS = st.sampled_from(["bread", "cake", "taxi", "bus", "a", "the", "of"])
TEXTS = st.lists(WORDS, max_size=6).map(" ".join)
LABELS = st.sampled_from(["10", "49", "47"])
TRAINED = st.lists(st.tuples(TEXTS, LABELS), max_size=30)
ASKED = st.lists(
    st.tuples(TEXTS | st.none() | st.just("unheard of words"), LABELS | st.none() | st.just("99")), max_size=20
)


def learned(rows: list[tuple[str, str]]) -> Support:
    return Support.of(
        pl.Series([t for t, _ in rows], dtype=pl.String), pl.Series([la for _, la in rows], dtype=pl.String)
    )


def slowly(rows: list[tuple[str, str]], text: str | None, answer: str | None) -> float | None:
    """Return ln p(word | label) / p(word) of the most telling word, in hundredths, by loops over the texts."""
    size = Counter(label for _, label in rows)
    if text is None or answer not in size:
        return None
    having = {w: [label for t, label in rows if w in t.split()] for w in set(text.split()) if len(w) > 1}
    known = {w: labels for w, labels in having.items() if len(labels) >= 2}
    said = []
    for labels in known.values():
        share = len(labels) / len(rows)
        said.append(math.log((labels.count(answer) + 10 * share) / (size[answer] + 10) / share))
    return 100 * max(said, default=0.0)


@QUICK
@given(TRAINED, ASKED)
def test_word_by_word(trained, asked):
    """Every answer has the support that counting gives it; nothing is said of unknown labels and missing texts."""
    known = learned(trained)
    found = known.of_answers(pl.Series([t for t, _ in asked], dtype=pl.String), [a for _, a in asked])
    assert (found.dtype, len(found)) == (pl.Int16, len(asked))
    for value, (text, answer) in zip(found.to_list(), asked, strict=True):
        expected = slowly(trained, text, answer)
        assert (value is None) == (expected is None)
        if value is not None and expected is not None:
            assert value == pytest.approx(expected, abs=0.5 + 1e-9)


@QUICK
@given(TRAINED, ASKED)
def test_bytes(trained, asked):
    """What was kept says the same."""
    known = learned(trained)
    again = Support.from_bytes(known.to_bytes())
    texts, answers = pl.Series([t for t, _ in asked], dtype=pl.String), [a for _, a in asked]
    assert again.of_answers(texts, answers).equals(known.of_answers(texts, answers), null_equal=True)
    with pytest.raises(msgspec.DecodeError):
        Support.from_bytes(b"\xc1" + known.to_bytes())


def test_wrong_answers_stand_out():
    """A text answered as what it is has support; answered as anything else it has less than any right answer."""
    rows = [
        ("fresh bread daily", "10"),
        ("bread and cake", "10"),
        ("taxi at night", "49"),
        ("taxi and bus daily", "49"),
    ] * 5
    known, texts = learned(rows), pl.Series(["bread daily", "night taxi"])
    right, wrong = known.of_answers(texts, ["10", "49"]), known.of_answers(texts, ["49", "10"])
    assert right.min() > wrong.max()  # type: ignore[operator]
