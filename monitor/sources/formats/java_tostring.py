"""
Read lines in which a Java service wrote an answer with toString: `CodificationBilan[name=value, ...]`.

A value ends where the next known name begins, not at a comma: texts hold commas.
"""

import re

from monitor.settings import Source
from monitor.sources.record import Half, Record, Refused, label, score, text_of, time_us

MARKER = "CodificationBilan["
NAMES = ("sourceAppel", "libelleActivite", "natureActivites", "liasseType", "activitePermanenteSaisonniere",
         "surface", "evenement", "predictions", "bilan", "fasttextVersion")  # fmt: skip
_NEXT = re.compile(rf"(?:^|, )({'|'.join(NAMES)}|[a-z][A-Za-z]+)=")
_TIME = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?")
_ANSWER = re.compile(r"code naf proposé = ([^;\]]+?) ?; proba associée = ([^\]\s]+)")
_ABSENT = {"", "NaN", "null"}


def read_line(line: bytes, source: Source, clock_us: int | None = None) -> list[Record | Half | Refused] | None:
    """Return the record of one line; None for a line without the marker `CodificationBilan[`."""
    try:
        text = line.decode(source.encoding)
    except UnicodeDecodeError:
        raise Refused("invalid_encoding") from None
    before, marker, after = text.partition(MARKER)
    if not marker:
        return None
    body = after.rstrip()
    if not body.endswith("]"):
        raise Refused("invalid_syntax", "no ] at the end")
    values = _values(body[:-1])
    if "libelleActivite" not in values or "predictions" not in values:
        raise Refused("missing_field", "libelleActivite or predictions")
    stamp = _TIME.search(before)
    if stamp is None and clock_us is None:
        raise Refused("missing_field", "time")
    flags: list[str] = []
    answers = _ANSWER.findall(values["predictions"])
    if not answers and values["predictions"] not in {"[]", "null"}:
        raise Refused("invalid_syntax", "predictions")
    known = {name: None if value in _ABSENT else value for name, value in values.items()}
    taken = {"sourceAppel", "libelleActivite", "predictions", "bilan", "fasttextVersion"}
    return [Record(
        time_us=None if stamp is None else time_us(stamp[0], source.zone, clock_us, flags),
        text=text_of(values["libelleActivite"], flags), caller=known.get("sourceAppel"),
        model_version=known.get("fasttextVersion"), labels=[label(code.strip()) for code, _ in answers],
        scores=[score(probability, flags) for _, probability in answers],
        fields={name: value for name, value in known.items() if name not in taken}, status=200, flags=flags,
    )]  # fmt: skip


def _values(body: str) -> dict[str, str]:
    """
    Split `name=value, name=value` at the known names; an unknown one begins a value only outside the text.

    >>> _values("sourceAppel=WF, libelleActivite=Salon, coiffure, natureActivites=NaN")["libelleActivite"]
    'Salon, coiffure'
    """
    at: list[tuple[str, int, int]] = []
    found: dict[str, str] = {}
    for one in _NEXT.finditer(body):
        depth = body.count("[", 0, one.start()) - body.count("]", 0, one.start())
        if depth <= 0 and (one[1] in NAMES or not at or at[-1][0] != "libelleActivite"):
            at.append((one[1], one.start(), one.end()))
    for number, (name, _, begin) in enumerate(at):
        found[name] = body[begin : at[number + 1][1] if number + 1 < len(at) else len(body)]
    return found
