"""
Mask what must not be kept in a text, before anything is stored.

Rules run in this order: URL, e-mail, IBAN (check digits), card (Luhn), IP address, phone, token, nine digits or more.
Names of persons are not found: a person who reads stored texts must know that.
"""

import re
from functools import partial
from typing import Final

import polars as pl

LONGEST_CHARS: Final = 20_000
RULES: Final[tuple[tuple[str, str], ...]] = (
    ("url", r"(?i)\b(?:https?://|www\.)[^\s<>\"']+"),
    ("email", r"(?i)[a-z0-9._%+-]+@[a-z0-9.-]+\.[a-z]{2,}"),
    ("iban", r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b"),
    ("card", r"\b\d(?:[ -]?\d){12,18}\b"),
    ("ip", r"\b(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)\b"),
    ("phone", r"(?:\+\d{1,3}[ .-]?|\b0)[1-9](?:[ .-]?\d{2}){4}\b"),
    ("token", r"\b[A-Za-z0-9_-]*(?:\d[A-Za-z_-]*){6}[A-Za-z0-9_-]{10,}\b"),
    ("digits", r"\b\d{9,}\b"),
)
_SUSPECT: Final = r"@|://|www\.|\d{4}|\d[ .-]\d"
_CHECKED: Final = {"iban", "card"}


def redacted(texts: pl.Series) -> pl.Series:
    """
    Return the texts with each find replaced by its rule's name in brackets; missing texts stay missing.

    >>> redacted(pl.Series(["mail jo@stat.example or 06 12 34 56 78", "boulangerie 2 rue X", None])).to_list()
    ['mail [email] or [phone]', 'boulangerie 2 rue X', None]
    """
    suspect = texts.str.contains(_SUSPECT).fill_null(value=False)
    if not suspect.any():
        return texts
    masked = pl.Series([_mask(text) for text in texts.filter(suspect)], dtype=pl.String)
    return texts.scatter(suspect.arg_true(), masked)


def _mask(text: str) -> str:
    for name, pattern in RULES:
        text = re.sub(pattern, partial(_replacement, name), text)
    return text


def _replacement(name: str, found: re.Match[str]) -> str:
    holds = _iban if name == "iban" else _luhn
    return f"[{name}]" if name not in _CHECKED or holds(found[0]) else found[0]


def _luhn(number: str) -> bool:
    digits = [int(c) for c in reversed(number) if c.isdigit()]
    return sum(d if i % 2 == 0 else sum(divmod(2 * d, 10)) for i, d in enumerate(digits)) % 10 == 0


def _iban(number: str) -> bool:
    bare = number.replace(" ", "")
    turned = bare[4:] + bare[:4]
    return int("".join(str(int(c, 36)) for c in turned)) % 97 == 1
