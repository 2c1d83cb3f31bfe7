"""Redaction: recall and precision on synthetic strings made apart from the rules, speed, and a hostile text."""

import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import polars as pl

from benchmarks.result import Part, result
from benchmarks.timing import digits, in_turns
from monitor.redaction import masked, redacted

STRINGS, QUICK_STRINGS = 5000, 500
SPEED_TEXTS, QUICK_SPEED_TEXTS = 200_000, 5_000
WORDS = (
    "boulangerie",
    "rue",
    "conseil",
    "appeler",
    "voir",
    "client",
    "le",
    "pour",
    "Müller",
    "facture",
    "send",
    "to",
    "account",
)
IBANS = {
    "FR": 23,
    "DE": 18,
    "AT": 16,
    "BE": 12,
    "NL": 14,
    "ES": 20,
    "CH": 17,
    "GB": 18,
    "IT": 23,
}  # characters behind the check digits


def run(quick: bool) -> dict[str, Any]:
    """Mask the strings, compare with what was put into them, and time short texts and a long one."""
    strings = QUICK_STRINGS if quick else STRINGS
    found = measured(strings, seed=11)
    draw = random.Random(5)
    texts = pl.Series([_around(draw, SECRETS[draw.choice(list(SECRETS))](draw) if draw.random() < 0.05 else "")
                       for _ in range(QUICK_SPEED_TEXTS if quick else SPEED_TEXTS)])  # fmt: skip
    long = pl.Series([" ".join(_around(draw, "") for _ in range(500))[:20_000]])
    hostile = pl.Series(["1-" * 500_000])
    taken = in_turns(
        {"texts": lambda: masked(texts), "long": lambda: redacted(long), "hostile": lambda: redacted(hostile)},
        1 if quick else 5,
    )
    parts = [
        Part("recall", 0.98, found["recall"], "share", at_most=False),
        Part("precision", 0.95, found["precision"], "share", at_most=False),
        Part("a text of 20,000 characters", 10, 1000 * taken["long"]["median"], "ms"),
    ]
    details = {"strings": strings, "recall_by_kind": found["by_kind"], "masked_wrongly": found["wrongly"], "seconds": taken,
               "short_texts_a_second": digits(texts.len() / taken["texts"]["median"])}  # fmt: skip
    return result("redaction", quick, parts, details)


def measured(count: int, seed: int) -> dict[str, Any]:
    """Return recall over strings that hold one secret each, and precision over as many that hold none and the finds."""
    draw = random.Random(seed)
    kinds = list(SECRETS)
    secrets = [(kinds[n % len(kinds)], SECRETS[kinds[n % len(kinds)]](draw)) for n in range(count // 2)]
    holding = [_around(draw, secret) for _, secret in secrets]
    clean = [_around(draw, draw.choice(HARMLESS)(draw)) for _ in range(count - len(holding))]
    hits = [
        secret not in text for (_, secret), text in zip(secrets, redacted(pl.Series(holding)).to_list(), strict=True)
    ]
    changed = [(a, b) for a, b in zip(clean, redacted(pl.Series(clean)).to_list(), strict=True) if a != b]
    by_kind = Counter(kind for kind, _ in secrets)
    found = Counter(kind for (kind, _), hit in zip(secrets, hits, strict=True) if hit)
    right = sum(hits)
    missed = [secret for (_, secret), hit in zip(secrets, hits, strict=True) if not hit]
    return {"recall": right / len(secrets), "precision": right / (right + len(changed)),
            "by_kind": {kind: round(found[kind] / by_kind[kind], 4) for kind in kinds},
            "wrongly": [a for a, _ in changed[:5]], "missed": missed[:10]}  # fmt: skip


def _around(draw: random.Random, middle: str) -> str:
    before, after = (draw.choices(WORDS, k=draw.randrange(4)) for _ in range(2))
    return " ".join([*before, *([middle] if middle else []), *after])


def _number(draw: random.Random, length: int) -> str:
    return "".join(draw.choices("0123456789", k=length))


def _email(draw: random.Random) -> str:
    name = draw.choice(("jean.dupont", "J_D", "info", "m-l.o'hara", "x+tag", "contact99"))
    host = draw.choice(("stat.example", "mail.office.example", "a-b.example.org", "firma.test"))
    return draw.choice(
        (
            f"{name}@{host}",
            f"{name}@{host}",
            f"mailto:{name}@{host}".removeprefix("mailto:"),
            f"{name.upper()}@{host.upper()}",
        )
    )


def _phone(draw: random.Random) -> str:
    pair = lambda: _number(draw, 2)
    return draw.choice((
        f"0{draw.randint(1, 9)} {pair()} {pair()} {pair()} {pair()}", f"0{draw.randint(1, 9)}.{pair()}.{pair()}.{pair()}.{pair()}",
        f"0{draw.randint(1, 9)}{_number(draw, 8)}", f"+33 {draw.randint(1, 9)} {pair()} {pair()} {pair()} {pair()}",
        f"+33{draw.randint(1, 9)}{_number(draw, 8)}", f"0033 {draw.randint(1, 9)} {pair()} {pair()} {pair()} {pair()}",
        f"+49 30 {_number(draw, 6)}", f"+43 (0)1 {_number(draw, 7)}", f"+44 20 {_number(draw, 4)} {_number(draw, 4)}",
        f"(030) {_number(draw, 7)}", f"+1-{draw.randint(200, 999)}-{_number(draw, 3)}-{_number(draw, 4)}",
        f"{draw.randint(200, 999)}-{_number(draw, 3)}-{_number(draw, 4)}", f"0{draw.randint(20, 99)}/{_number(draw, 7)}",
    ))  # fmt: skip


def _iban(draw: random.Random) -> str:
    country = draw.choice(list(IBANS))
    body = ("NWBK" if country == "GB" else "") + _number(draw, IBANS[country] - 4 * (country == "GB"))
    turned = "".join(str(int(c, 36)) for c in body + country + "00")
    bare = f"{country}{98 - int(turned) % 97:02d}{body}"
    spaced = " ".join(bare[at : at + 4] for at in range(0, len(bare), 4))
    return draw.choice((bare, spaced, spaced, bare.lower()))


def _card(draw: random.Random) -> str:
    body = draw.choice(("4", "51", "37", "6011")) + _number(draw, 15)
    body = body[: 14 if body.startswith("37") else 15]
    total = sum(d if n % 2 else sum(divmod(2 * d, 10)) for n, d in enumerate(int(c) for c in reversed(body)))
    bare = body + str(-total % 10)
    grouped = " ".join(bare[at : at + 4] for at in range(0, len(bare), 4))
    return draw.choice((bare, grouped, grouped.replace(" ", "-")))


def _ip(draw: random.Random) -> str:
    four = ".".join(str(draw.randint(1, 254)) for _ in range(4))
    six = ":".join(f"{draw.randint(1, 65535):x}" for _ in range(8))
    short = f"2001:db8::{draw.randint(1, 65535):x}:{draw.randint(1, 65535):x}"
    return draw.choice((four, four, six, short))


def _url(draw: random.Random) -> str:
    tail = f"/dossier/{_number(draw, 4)}?nom=dupont&ref={_number(draw, 3)}"
    return draw.choice(
        (
            f"https://stat.example{tail}",
            f"http://10.0.0.1:8080{tail}",
            f"www.stat.example{tail}",
            f"ftp://files.example{tail}",
        )
    )


SECRETS: dict[str, Callable[[random.Random], str]] = {
    "email": _email, "phone": _phone, "iban": _iban, "card": _card, "ip": _ip, "url": _url,
}  # fmt: skip
HARMLESS: tuple[Callable[[random.Random], str], ...] = (
    lambda draw: f"{draw.randint(1, 300)} bis rue X {draw.randint(10000, 99999)}",
    lambda draw: f"{draw.randint(1, 28):02d}/{draw.randint(1, 12):02d}/{draw.randint(1990, 2030)}",
    lambda draw: (
        f"{draw.randint(1, 28):02d}.{draw.randint(1, 12):02d}.{draw.randint(1990, 2030)} {draw.randint(0, 23):02d}:{draw.randint(0, 59):02d}"
    ),
    lambda draw: (
        f"{draw.randint(1990, 2030)}-{draw.randint(1, 12):02d}-{draw.randint(1, 28):02d}T{draw.randint(0, 23):02d}:00"
    ),
    lambda draw: f"{draw.randint(1, 999)} {draw.randint(0, 999):03d},{draw.randint(0, 99):02d} EUR",
    lambda draw: f"code {draw.randint(10, 99)}.{draw.randint(10, 99)}{draw.choice('ABCZ')}",
    lambda draw: f"version {draw.randint(1, 20)}.{draw.randint(0, 30)}.{draw.randint(0, 30)}",
    lambda draw: f"lot {_number(draw, 8)}",
    lambda draw: f"ISO {draw.randint(1000, 30000)}, {draw.randint(2, 9)} m x {draw.randint(2, 9)} m",
    lambda draw: f"de {draw.randint(6, 12)}h{draw.randint(10, 59)} à {draw.randint(13, 20)}h{draw.randint(10, 59)}",
    lambda draw: (
        f"{draw.randint(10, 99)} % de {draw.randint(100, 999)} pièces, réf. {draw.choice('ABC')}{_number(draw, 5)}"
    ),
)
