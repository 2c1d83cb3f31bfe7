"""Say where to look first: at the texts, at the model, at the service, or at our own reading."""

from typing import Any, NamedTuple

from monitor.detection.incident import Cause, Incident
from monitor.detection.renewal import kin_of

TEXTS, MODEL, SERVICE = {"words", "length", "field"}, {"answers", "sureness"}, {"latency", "errors", "volume"}
REFUSED_SHARE = 0.05
NEW_LANGUAGE = 0.01
CLEAR_AUC, BY_CHANCE = 0.55, 0.01  # from which a classifier tells new texts from old: all of them, or a part


class Suspect(NamedTuple):
    """Hold a question, its answer (yes, no, cannot tell), and what it rests on."""

    question: str
    answer: str
    why: str


class Reading(NamedTuple):
    """Hold what reading the log lines of the time in question brought."""

    accepted: int
    refused: int
    lost_bytes: int


def suspects(incident: Incident, reading: Reading) -> list[Suspect]:
    """
    Return the four suspects of an incident, the texts first: what an earlier one explains needs no later one.

    >>> slow = Cause("latency", "service", 1.0, "ms", 40.0, 53.0, 900.0, 1, "usual latency 40 ms -> 53 ms")
    >>> found = suspects(Incident(1, "ape", 5, 9, "open", (slow,)), Reading(1000, 2, 0))
    >>> [(one.question, one.answer) for one in found][-2:]
    [('Is the service slow or failing?', 'yes'), ('Did we misread the logs?', 'no')]
    """
    of = {part: [c for c in incident.causes if kin_of(c.metric).partition(":")[0] in part_of]
          for part, part_of in (("texts", TEXTS), ("model", MODEL), ("service", SERVICE))}  # fmt: skip
    return [
        _texts(incident, of["texts"]),
        _told("Does the model answer otherwise?", of["model"], "answers and scores are as usual"),
        _told("Is the service slow or failing?", of["service"], "latency, failures and volume are as usual"),
        _read(reading),
    ]


def _told(question: str, causes: list[Cause], calm: str) -> Suspect:
    return Suspect(question, "yes", "; ".join(one.text for one in causes)) if causes else Suspect(question, "no", f"nothing of it was told: {calm}")  # fmt: skip


def _texts(incident: Incident, causes: list[Cause]) -> Suspect:
    question = "Are other texts sent?"
    told = [one.text for one in causes]
    parts = [f"{code} {now:.0%} of the texts, before {then:.0%}" for code, then, now in new_languages(incident.detail)]
    seen = incident.detail.get("classifier", {})
    is_new = "auc" in seen and seen["auc"][1] > CLEAR_AUC
    if "auc" in seen and (is_new or seen["unlike"][1] > BY_CHANCE):
        parts.append(f"{seen['unlike'][0]:.0%} of the texts are unlike the old ones (1% by chance)")
    if told or is_new:
        return Suspect(question, "yes", "; ".join(told + parts))
    if parts:
        return Suspect(question, "a part of them", "; ".join(parts))
    gained = incident.detail.get("terms", {}).get("gained", [])
    if gained:
        words = ", ".join(str(word) for word, _, _ in gained[:3])
        return Suspect(question, "a little", f"known words that came: {words}")
    return Suspect(question, "no", "unknown words, length and fields are as usual, and no word came")


def new_languages(detail: dict[str, Any]) -> list[tuple[str, float, float]]:
    """
    Return (code, share then, share now) of the languages that grew by more than one text in a hundred.

    >>> new_languages({"language": {"then": {"fr": 1.0}, "now": {"fr": 0.96, "en": 0.04}}})
    [('en', 0.0, 0.04)]
    """
    both = detail.get("language", {})
    then = both.get("then", {})
    return [
        (code, then.get(code, 0.0), now)
        for code, now in both.get("now", {}).items()
        if now - then.get(code, 0.0) > NEW_LANGUAGE
    ]


def _read(reading: Reading) -> Suspect:
    question, lines = "Did we misread the logs?", reading.accepted + reading.refused
    if reading.lost_bytes:
        return Suspect(
            question, "yes", f"{reading.lost_bytes} bytes were destroyed before they were read (page Service)"
        )
    if not lines:
        return Suspect(question, "cannot tell", "what was read of that time is no longer on record")
    share = reading.refused / lines
    why = f"{reading.refused} of {lines} lines were refused"
    return Suspect(question, "yes" if share >= REFUSED_SHARE else "no", why)
