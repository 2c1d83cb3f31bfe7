"""A classifier tells new texts from old where they differ, says so with an interval, and sees nothing where nothing is."""

import random

import numpy as np
import polars as pl
import pytest
from scipy.stats import mannwhitneyu

from monitor.report.domain_classifier import _measures, sentence, telling

WORDS = [f"w{chr(97 + a)}{chr(97 + b)}" for a in range(20) for b in range(10)]


def rows(*sides: tuple[int, float], seed: int = 1, words: list[str] = WORDS) -> pl.DataFrame:
    """Draw (texts, share of them in a language of its own) of the reference, then of the time since."""
    draw = random.Random(seed)
    found = []
    for current, (many, foreign) in zip((False, True), sides, strict=True):
        for number in range(many):
            own = [f"z{word}" for word in words[:40]] if draw.random() < foreign else words
            found.append({"text": " ".join(draw.choices(own, k=6)), "label": "a", "score": 0.5, "caller": "web", "block": number % 14,
                          "_current": current})  # fmt: skip
    return pl.DataFrame(found)


def test_nothing_changed() -> None:
    """Texts from one source cannot be told: the interval holds one half, and no more than chance is unlike."""
    found = telling(rows((1000, 0.0), (600, 0.0)), 5)
    assert found["auc"][1] < 0.5 < found["auc"][2]
    assert found["unlike"][1] <= 0.01
    assert "look as usual: a classifier cannot" in sentence(found)
    assert (found["texts_then"], found["texts_now"]) == (1000, 600)


def test_everything_changed() -> None:
    """Texts in other words are told surely; their words and they themselves are shown."""
    found = telling(rows((800, 0.0), (400, 1.0)), 5)
    assert found["auc"][0] > 0.99
    assert found["unlike"][0] > 0.95
    assert all(word.startswith("z") and now > then == 0.0 for word, then, now in found["words"]["new"])
    assert all(text["text"].startswith("z") for text in found["texts"])
    assert sentence(found).startswith("The texts changed: a classifier tells new ones from old")


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_few_changed(seed: int) -> None:
    """Five texts in a hundred hardly move the AUC; they are told as a share, and they are the ones shown."""
    found = telling(rows((1000, 0.0), (600, 0.05), seed=seed), 5)
    assert found["auc"][0] < 0.6
    assert 0.02 < found["unlike"][0] < 0.09
    assert "the others look as usual" in sentence(found)
    assert sum(text["text"].startswith("z") for text in found["texts"]) > 10


def test_measures() -> None:
    """The AUC is Mann and Whitney's U over all pairs, ties by half."""
    random_ = np.random.default_rng(3)
    then, now = random_.integers(0, 30, 200) / 30, random_.integers(5, 35, 150) / 30
    expected = mannwhitneyu(now, then).statistic / (len(then) * len(now))
    assert _measures(then, now)[0] == pytest.approx(expected)
    assert _measures(np.zeros(100), np.zeros(50)) == (0.5, 0.0)


def test_repeats_count_once() -> None:
    """A text that a caller sends a thousand times is one text, and cannot make itself look new."""
    usual = rows((600, 0.0), (300, 0.0))
    again = pl.concat([usual, pl.concat([usual.tail(1)] * 1000)])
    assert telling(again, 5) == telling(usual, 5)


@pytest.mark.parametrize("texts", [["", "?", None], ["same"], [f"{w} only" for w in WORDS[:49]]])
def test_too_few(texts: list[str | None]) -> None:
    """Empty, equal or few texts are said to be too few."""
    new = pl.DataFrame({"text": texts * 30, "label": "a", "score": 0.5, "caller": "web", "block": 1, "_current": True},
                       schema_overrides={"text": pl.String})  # fmt: skip
    found = telling(pl.concat([rows((300, 0.0), (0, 0.0)), new], how="diagonal_relaxed"), 5)
    assert found == {"why": "fewer than 50 different texts are kept of one of the two times"}
    assert sentence(found).startswith("Whether the texts changed cannot be told")


def test_no_common_word() -> None:
    """Texts of which no two share a word tell nothing."""
    unique = pl.DataFrame({"text": ["".join(random.Random(n).choices("abcdefghij", k=14)) for n in range(200)], "label": "a",
                           "score": 0.5, "caller": "web", "block": 1, "_current": [n < 100 for n in range(200)]})  # fmt: skip
    assert telling(unique, 5) == {"why": "no word stands in two texts"}


def test_rare_words_are_not_shown() -> None:
    """A word is shown only when it stands in as many texts as privacy asks for."""
    found = telling(rows((600, 0.0), (300, 0.04)), 50)
    assert all(then * 600 >= 50 or now * 300 >= 50 for side in found["words"].values() for _, then, now in side)


def test_same_again() -> None:
    """The same rows give the same answer."""
    frame = rows((400, 0.0), (200, 0.1))
    assert telling(frame, 5) == telling(frame, 5)
