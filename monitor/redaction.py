"""
Mask what must not be kept in a text, before anything is stored.

Rules run in this order: URL, e-mail, IBAN (check digits), card (Luhn), phone, IP address, token, nine digits or more.
Names of persons are not found: a person who reads stored texts must know that.
"""

import re
from collections.abc import Callable
from functools import partial
from typing import Final

import polars as pl

LONGEST_CHARS: Final = 20_000
SHORTEST_IBAN_CHARS: Final = 15
RULES: Final[tuple[tuple[str, str], ...]] = (
    ("url", r"(?i)\b(?:https?://|www\.)[^\s<>\"']+"),
    ("email", r"(?i)[a-z0-9._%+-]{1,64}@[a-z0-9.-]+\.[a-z]{2,}"),
    ("iban", r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b"),
    ("card", r"\b\d(?:[ -]?\d){12,18}\b"),
    ("phone", r"(?:\+\d{1,3}[ .-]?|\b0)[1-9](?:[ .-]?\d{2}){4}\b"),
    ("ip", r"\b(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)\b"),
    ("token", r"[A-Za-z0-9_-]{16,}"),
    ("digits", r"\b\d{9,}\b"),
)
_SUSPECT: Final = r"@|://|(?i:www\.)|\d{4}|\d[ .-]\d|(?:\d[A-Za-z_-]*){6}"


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
    return f"[{name}]" if _CHECKS.get(name, bool)(found[0]) else found[0]


def _luhn(number: str) -> bool:
    digits = [int(c) for c in reversed(number) if c.isdigit()]
    return sum(d if i % 2 == 0 else sum(divmod(2 * d, 10)) for i, d in enumerate(digits)) % 10 == 0


def _iban(found: str) -> bool:
    """Say whether the check digits hold, with or without the words in capitals that follow."""
    parts = found.split(" ")
    return any(_remainder("".join(parts[:count])) == 1 for count in range(1, len(parts) + 1))


def _remainder(bare: str) -> int:
    turned = bare[4:] + bare[:4]
    return int("".join(str(int(c, 36)) for c in turned)) % 97 if len(bare) >= SHORTEST_IBAN_CHARS else 0


def _token(run: str) -> bool:
    """Say whether ten characters or more follow the sixth digit, in one pass: texts come from outside."""
    digits = [at for at, c in enumerate(run) if c.isdigit()]
    return len(digits) >= 6 and len(run) - digits[5] > 10


_CHECKS: Final[dict[str, Callable[[str], bool]]] = {"iban": _iban, "card": _luhn, "token": _token}
