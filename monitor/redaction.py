"""
Mask what must not be kept in a text, before anything is stored.

Rules run in this order: URL, e-mail, IBAN (check digits), card (Luhn), phone, IP address, token, nine digits or more, then
the operator's own. Patterns are of linear time; only their finds are looked at one by one. Names of persons are not
found: a person who reads stored texts must know that.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Final

import polars as pl

LONGEST_CHARS: Final = 20_000
READ_CHARS: Final = 24_000  # cut before masking, so that no secret survives in half at the final cut
SHORTEST_IBAN_CHARS: Final = 15
_SEP = r"[ ./\u00a0-]"
RULES: Final[tuple[tuple[str, str], ...]] = (
    ("url", r"(?i)\b(?:[a-z][a-z0-9+.-]{1,20}://|www\.)[^\s<>\"']+"),
    ("email", r"(?i)[a-z0-9._%+'-]{1,64}(?:@|\s?[\[(](?:at|arobase)[\])]\s?)[a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{2,24}"),
    ("iban", r"(?i)\b[a-z]{2}\d{2}(?:[ -]?[a-z0-9]{4}){2,7}(?:[ -]?[a-z0-9]{1,3})?\b"),
    ("card", r"\b\d(?:[ -]?\d){12,18}\b"),
    ("phone", (rf"(?:\+|\b00)\d{{1,3}}{_SEP}?(?:\(0\){_SEP}?)?\d(?:{_SEP}{{0,2}}\d){{6,12}}\b"
              rf"|\(0?\d{{1,5}}\){_SEP}?\d(?:{_SEP}?\d){{4,9}}\b|\b0\d(?:{_SEP}?\d){{7,10}}\b|\b\d{{3}}[.-]\d{{3}}[.-]\d{{4}}\b")),
    ("ip", (r"\b(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)\b"
           r"|(?i:\b(?:[0-9a-f]{1,4}:){7}[0-9a-f]{1,4}\b|\b(?:[0-9a-f]{1,4}:){1,6}(?::[0-9a-f]{1,4}){1,6}\b)")),
    ("token", r"[A-Za-z0-9_-]{16,}"),
    ("digits", r"\b\d{9,}\b"),
)  # fmt: skip
_SUSPECT: Final = r"@|://|(?i:www\.|[\[(](?:at|arobase)[\])])|::|\d{4}|\d[ ./\u00a0()-]+\d|(?:\d[A-Za-z_-]*){6}|(?i:(?:[0-9a-f]{1,4}:){2})"
_DATE: Final = re.compile(r"\d{1,2}[./-]\d{1,2}[./-](?:19|20)\d\d\b|(?:19|20)\d\d[./-]\d{1,2}[./-]\d{1,2}\b")


def redacted(texts: pl.Series, more: Mapping[str, str] | None = None) -> pl.Series:
    """
    Return the texts with each find replaced by its rule's name in brackets; missing texts stay missing.

    `more` names further patterns of the operator. The given series is left as it is.

    >>> redacted(pl.Series(["mail jo@stat.example or 06 12 34 56 78", "boulangerie 2 rue X", None])).to_list()
    ['mail [email] or [phone]', 'boulangerie 2 rue X', None]
    """
    return masked(texts, more)[0]


def masked(texts: pl.Series, more: Mapping[str, str] | None = None) -> tuple[pl.Series, dict[str, int]]:
    """
    Return the redacted texts, and how often each rule found something.

    >>> masked(pl.Series(["192.0.2.7 and 192.0.2.8"]))[1]
    {'ip': 2}
    """
    texts = texts.str.slice(0, READ_CHARS)
    suspect = texts.str.contains(_SUSPECT).fill_null(value=False)
    for pattern in (more or {}).values():
        suspect |= texts.str.contains(pattern).fill_null(value=False)
    if not suspect.any():
        return texts.str.slice(0, LONGEST_CHARS), {}
    some, finds = texts.filter(suspect), Counter[str]()
    for name, pattern in (*RULES, *(more or {}).items()):
        hit = some.str.contains(pattern)
        if hit.any():
            check = _CHECKS.get(name)
            some = (
                _plainly(some, name, pattern, finds)
                if check is None
                else _checked(some, hit, (name, pattern, check), finds)
            )
    clean = texts.clone().scatter(suspect.arg_true(), some)
    return clean.str.slice(0, LONGEST_CHARS), {name: count for name, count in finds.items() if count}


def trouble(pattern: str) -> str | None:
    """
    Say why a pattern of the operator cannot be used; None when it can.

    >>> trouble("AZ-[0-9]{6}"), "look-around" in trouble("(?=x)y")
    (None, True)
    """
    try:
        pl.Series([""]).str.contains(pattern)
    except pl.exceptions.ComputeError as error:
        told = [line.removeprefix("error: ") for line in str(error).splitlines() if line.startswith("error: ")]
        return told[0] if told else str(error).splitlines()[0]
    return None


def one(text: str, more: Mapping[str, str] | None = None) -> str:
    """
    Return a single text redacted.

    >>> one("card 4111 1111 1111 1111, order 4111 1111 1111 1112")
    'card [card], order 4111 1111 1111 1112'
    """
    return str(redacted(pl.Series([text], dtype=pl.String), more)[0])


def _plainly(some: pl.Series, name: str, pattern: str, finds: Counter[str]) -> pl.Series:
    finds[name] += int(some.str.count_matches(pattern).sum())
    return some.str.replace_all(pattern, f"[{name}]")


def _checked(
    some: pl.Series, hit: pl.Series, rule: tuple[str, str, Callable[[str], bool]], finds: Counter[str]
) -> pl.Series:
    """Replace the finds that pass the rule's check."""
    name, pattern, check = rule

    def replacement(found: re.Match[str]) -> str:
        if not check(found[0]):
            return found[0]
        finds[name] += 1
        return f"[{name}]"

    changed = pl.Series([re.sub(pattern, replacement, text) for text in some.filter(hit)], dtype=pl.String)
    return some.clone().scatter(hit.arg_true(), changed)


def _luhn(number: str) -> bool:
    digits = [int(c) for c in reversed(number) if c.isdigit()]
    return sum(d if i % 2 == 0 else sum(divmod(2 * d, 10)) for i, d in enumerate(digits)) % 10 == 0


def _iban(found: str) -> bool:
    """Say whether the check digits hold, with or without the words in capitals that follow."""
    parts = found.upper().replace("-", " ").split(" ")
    return any(_remainder("".join(parts[:count])) == 1 for count in range(1, len(parts) + 1))


def _remainder(bare: str) -> int:
    turned = bare[4:] + bare[:4]
    return int("".join(str(int(c, 36)) for c in turned)) % 97 if len(bare) >= SHORTEST_IBAN_CHARS else 0


def _token(run: str) -> bool:
    """Say whether ten characters or more follow the sixth digit, in one pass: texts come from outside."""
    digits = [at for at, c in enumerate(run) if c.isdigit()]
    return len(digits) >= 6 and len(run) - digits[5] > 10


def _phone(found: str) -> bool:
    """Say whether this is no date with a number behind it."""
    return _DATE.match(found) is None and 7 <= sum(c.isdigit() for c in found) <= 15


_CHECKS: Final[dict[str, Callable[[str], bool]]] = {"iban": _iban, "card": _luhn, "phone": _phone, "token": _token}
