"""Words and unknown words, as splitting each text in Python counts them."""

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from monitor.prediction import normalised
from monitor.profiles.tokens import word_counts
from tests.monitor.profiles.rows import QUICK

TEXTS = st.lists(st.none() | st.text("ab c", max_size=12), max_size=20)
VOCABULARY = st.none() | st.sets(st.text("abc", min_size=1, max_size=3), max_size=8)


@QUICK
@given(TEXTS, VOCABULARY)
def test_words(texts, vocabulary):
    """Words have two letters or more; unknown are those the vocabulary lacks; missing texts stay missing."""
    expected = []
    for text in texts:
        words = [word for word in (text or "").split(" ") if len(word) >= 2]
        unknown = None if vocabulary is None else sum(word not in vocabulary for word in words)
        expected.append((None, None) if text is None else (len(words), unknown))
    assert word_counts(pl.Series(texts, dtype=pl.String), vocabulary).rows() == expected


@QUICK
@given(st.text(st.characters(max_codepoint=0x2FFF), max_size=30))  # beyond, Unicode versions disagree
def test_normalised(text):
    """A normalised text has letters and single spaces only, and normalising it again changes nothing."""
    once = pl.select(normalised(pl.lit(text))).item()
    assert pl.select(normalised(pl.lit(once))).item() == once
    assert all(part.isalpha() for part in once.split(" ")) or not once
    assert once == once.strip()
