"""Say how a model stands, and why, in one word and one sentence."""

from dataclasses import dataclass
from typing import Any, Literal

from monitor.said import Said

Status = Literal["OK", "WATCH", "ALARM", "UNKNOWN", "SILENT"]
ORDER: tuple[Status, ...] = ("ALARM", "SILENT", "UNKNOWN", "WATCH", "OK")
MOST_NAMED = 3


@dataclass(frozen=True)
class Evidence:
    """
    Hold the facts a verdict rests on; times and reasons are texts already, or `Said`; `None` means that it is not known.

    `behind` says that traffic waits for judgement, or was to be expected, for longer than judging takes; `evidence` is the share (0 to 1) of what opens an incident, `expected_since` the predictions that were to be expected
    since the last one.
    """

    judged_until: str | None = None
    behind: bool = False
    reference: str | None = None  # why there is no usable reference; None when there is one
    incident: tuple[int, str, str] | None = None  # number, since, claim
    evidence: float = 0.0
    warning_share: float = 0.1
    last_seen: str | None = None
    expected_since: float = 0.0
    silent_after: float = 50.0
    accuracy: str | None = None  # why accuracy is not known; None when it is
    blind: tuple[str, ...] = ()  # what the reference is too wild to watch
    thin: tuple[str, ...] = ()  # what has too few records a day to be watched
    renewing: tuple[str, ...] = ()  # what is learnt anew, and since when
    planned: str | None = None  # what was announced for now and until when, so that hours are not judged


@dataclass(frozen=True)
class Verdict:
    """Hold the word, its sentence, since when, and the incident behind it."""

    status: Status
    sentence: str
    since: str | None = None
    incident_id: int | None = None


def verdict(facts: Evidence) -> Verdict:
    """
    Judge the facts; green is earned, so what is not known is never OK.

    >>> verdict(Evidence(judged_until="18:00")).status, verdict(Evidence()).status
    ('OK', 'UNKNOWN')
    >>> verdict(Evidence(judged_until="18:00", accuracy="no label was ever read")).sentence
    'We cannot know whether the answers are right: no label was ever read. Traffic is as usual, judged until 18:00.'
    """
    until, why = facts.judged_until, facts.accuracy
    if facts.expected_since >= facts.silent_after:
        seen = f"No prediction since {facts.last_seen}" if facts.last_seen else "No prediction was ever seen"
        text = f"{seen}; {facts.expected_since:.0f} were to be expected."
        key = "silent" if facts.last_seen else "silent_ever"
        return Verdict("SILENT", Said(text, f"verdict.{key}", seen=facts.last_seen, expected=facts.expected_since), facts.last_seen)  # fmt: skip
    if facts.incident is not None:
        number, since, claim = facts.incident
        text = f"Incident #{number} is open since {since}: {claim}"
        return Verdict("ALARM", Said(text, "verdict.alarm", number=number, since=since, claim=claim), since, number)
    if facts.reference is not None:
        return _unknown(f"We cannot know: {facts.reference}.", "reference", why=facts.reference)
    if facts.planned is not None:
        return _unknown(f"We cannot know: {facts.planned} is planned, and its hours are not judged.", "planned", planned=facts.planned)  # fmt: skip
    if until is None:
        return _unknown("We cannot know: no hour was judged yet.", "unjudged")
    if facts.behind:
        return _unknown(f"We cannot know: not judged since {until} (vigie once detect; see Service).", "behind", until=until)  # fmt: skip
    if facts.evidence >= facts.warning_share:
        text = f"Something gathers ({facts.evidence:.0%} of what opens an incident); nobody was told."
        return Verdict("WATCH", Said(text, "verdict.watch", share=facts.evidence))
    rest = f"The rest is as usual, judged until {until}."
    if facts.renewing:
        text = f"We cannot know of {', '.join(facts.renewing)}: it is being learnt anew. {rest}"
        return _unknown(text, "renewing", what=facts.renewing, until=until)
    if why is not None:
        in_part = bool(facts.blind or facts.thin)
        seen = " as far as it can be watched" if in_part else ""
        text = f"We cannot know whether the answers are right: {why}. Traffic is as usual{seen}, judged until {until}."
        return _unknown(text, "accuracy_in_part" if in_part else "accuracy", why=why, until=until)
    if facts.thin:
        first, left = facts.thin[:MOST_NAMED], len(facts.thin) - MOST_NAMED
        more = f" and {left} more" if left > 0 else ""
        text = f"We cannot know of {', '.join(first)}{more}: too few predictions a day to be judged. {rest}"
        return _unknown(text, "thin_and_more" if more else "thin", what=first, more=left, until=until)
    if facts.blind:
        text = f"We cannot know of {', '.join(facts.blind)}: the reference itself moves too much. {rest}"
        return _unknown(text, "blind", what=facts.blind, until=until)
    text = f"Judged until {until}; nothing beyond what the reference does by itself."
    return Verdict("OK", Said(text, "verdict.ok", until=until))


def _unknown(text: str, key: str, **facts: Any) -> Verdict:
    return Verdict("UNKNOWN", Said(text, f"verdict.{key}", **facts))
