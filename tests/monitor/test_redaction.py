"""What must not be kept is masked, what must be is left, and no text is slow to read."""

import string
import time

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.redaction import measured
from monitor.redaction import LONGEST_CHARS, RULES, masked, redacted

QUICK = settings(derandomize=True, deadline=None, max_examples=60)
ALPHABET = "aZé0159 .-_@:/+www"


def one(text: str) -> str:
    return str(redacted(pl.Series([text])).item())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("see https://stat.example/a?b=c now", "see [url] now"),
        ("voir WWW.stat.example/secret", "voir [url]"),
        ("jo.do+x@mail.stat.example, merci", "[email], merci"),
        ("FR76 3000 6000 0112 3456 7890 189 pour", "[iban] pour"),
        ("compte BE68 5390 0754 7034 RUE", "compte [iban]"),
        ("carte 4111 1111 1111 1111 ok", "carte [card] ok"),
        ("serveur 192.168.0.12 en panne", "serveur [ip] en panne"),
        ("tel +33 6 12 34 56 78", "tel [phone]"),
        ("tel 01.23.45.67.89", "tel [phone]"),
        ("cle sk_a1b2c3d4e5f6g7h8i9j0k1", "cle [token]"),
        ("siret 732829320", "siret [digits]"),
    ],
)
def test_masked(text, expected):
    """Each rule finds what it is named after, whatever stands beside it."""
    assert one(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "boulangerie artisanale 12 rue de la Paix 75002",
        "carte 4111 1111 1111 1112",  # not by Luhn
        "FR76 3000 6000 0112 3456 7890 188"[:22],
        "version 1.2.3 du 25/11/2026",
        "ISO 9001, lot 12345678",
        "",
    ],
)
def test_left(text):
    """What only resembles a find stays: addresses, versions, dates, short numbers, wrong check digits."""
    assert one(text) == text


@QUICK
@given(st.text(ALPHABET, max_size=60))
def test_shortcut(text):
    """The quick look that skips harmless texts never skips one that a rule would change."""
    ringing = redacted(pl.Series([text + " \x07"]), {"bell": "\x07"}).item()  # looked at by every rule
    assert one(text) + " [bell]" == ringing


@QUICK
@given(st.text(string.ascii_lowercase + "-", max_size=8), st.integers(0, 10**6))
def test_token(between, seed):
    """A run with six digits and ten more characters is a token, wherever its digits are."""
    run = "".join(f"{(seed + at) % 10}{between}" for at in range(6)) + "abcdefghij"
    assert one(f"code {run} ici") == "code [token] ici"


@QUICK
@given(st.lists(st.none() | st.text(max_size=20), max_size=10))
def test_shape(texts):
    """As many texts come back as went in, and missing ones stay missing."""
    found = redacted(pl.Series(texts, dtype=pl.String))
    assert found.is_null().to_list() == [text is None for text in texts]


@QUICK
@given(st.text("ab @.", max_size=20), st.sampled_from(["jo@stat.example", "https://x.example/y", "192.168.0.12"]))
def test_never_kept(around, secret):
    """A secret between blanks never survives, whatever stands around it."""
    assert secret not in one(f"{around} {secret} {around}")


@pytest.mark.parametrize(
    "text",
    ["a" * 10**5 + "@", "a-" * 50_000 + "1111", "1111" + "-a" * 50_000, "1-" * 50_000 + "!", "AA11" * 25_000, "a.@" * 33_000,
     "1 " * 50_000, "www." * 25_000, "\u0663" * 10**5],
    ids=["no host", "dashes", "digits first", "pairs", "ibans", "hosts", "blanks", "urls", "arabic digits"],
)  # fmt: skip
def test_hostile(text):
    """A text made to be slow takes a second of computing at most, though it has 100 000 characters."""
    began = time.process_time()
    assert len(one(text)) <= len(text) + 5
    assert time.process_time() - began < 1


def test_rules():
    """Every rule has a name that fits between brackets and a pattern."""
    assert all(name.isalpha() and pattern for name, pattern in RULES)


def test_given_series_is_left_alone():
    """Masking changes no series but the one it returns: what was masked is told by comparing the two."""
    texts = pl.Series(["mail jo@stat.example", "taxi"])
    clean = redacted(texts)
    assert texts.to_list() == ["mail jo@stat.example", "taxi"]
    assert (clean != texts).to_list() == [True, False]


def test_counts_and_own_patterns():
    """Finds are counted by rule, those of the operator's patterns too."""
    texts = pl.Series(["a@b.example c@d.example", "AZ-123456", None, "4111 1111 1111 1111 and 4111 1111 1111 1112"])
    clean, counts = masked(texts, {"case": "AZ-[0-9]{6}"})
    assert clean.to_list() == ["[email] [email]", "[case]", None, "[card] and 4111 1111 1111 1112"]
    assert counts == {"email": 2, "case": 1, "card": 1}


def test_no_half_secret_at_the_cut():
    """A secret that lies across the final cut is masked before it is cut."""
    text = "x" * (LONGEST_CHARS - 8) + " jo@stat.example"
    assert "jo@" not in one(text)


def test_recall_and_precision():
    """On strings made apart from the rules, another draw than the benchmark's, masking keeps its promises."""
    found = measured(1000, seed=12)
    assert found["recall"] >= 0.98, found["missed"]
    assert found["precision"] >= 0.95, found["wrongly"]
