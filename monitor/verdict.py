"""Say how a model stands, and why, in one word and one sentence."""

from dataclasses import dataclass
from typing import Literal

Status = Literal["OK", "WATCH", "ALARM", "UNKNOWN", "SILENT"]
ORDER: tuple[Status, ...] = ("ALARM", "SILENT", "UNKNOWN", "WATCH", "OK")


@dataclass(frozen=True)
class Evidence:
    """
    Hold the facts a verdict rests on; times are texts already, `None` means that it is not known.

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
    if facts.expected_since >= facts.silent_after:
        seen = f"No prediction since {facts.last_seen}" if facts.last_seen else "No prediction was ever seen"
        return Verdict("SILENT", f"{seen}; {facts.expected_since:.0f} were to be expected.", facts.last_seen)
    if facts.incident is not None:
        number, since, claim = facts.incident
        return Verdict("ALARM", f"Incident #{number} is open since {since}: {claim}", since, number)
    if facts.reference is not None:
        return Verdict("UNKNOWN", f"We cannot know: {facts.reference}.")
    if facts.planned is not None:
        return Verdict("UNKNOWN", f"We cannot know: {facts.planned} is planned, and its hours are not judged.")
    if facts.judged_until is None:
        return Verdict("UNKNOWN", "We cannot know: no hour was judged yet.")
    if facts.behind:
        return Verdict(
            "UNKNOWN", f"We cannot know: not judged since {facts.judged_until} (vigie once detect; see Service)."
        )
    if facts.evidence >= facts.warning_share:
        return Verdict("WATCH", f"Something gathers ({facts.evidence:.0%} of what opens an incident); nobody was told.")
    if facts.renewing:
        return Verdict("UNKNOWN", f"We cannot know of {', '.join(facts.renewing)}: it is being learnt anew. "
                       f"The rest is as usual, judged until {facts.judged_until}.")  # fmt: skip
    if facts.accuracy is not None:
        seen = " as far as it can be watched" if facts.blind or facts.thin else ""
        return Verdict("UNKNOWN", f"We cannot know whether the answers are right: {facts.accuracy}. "
                       f"Traffic is as usual{seen}, judged until {facts.judged_until}.")  # fmt: skip
    if facts.thin:
        more = f" and {len(facts.thin) - 3} more" if len(facts.thin) > 3 else ""
        return Verdict("UNKNOWN", f"We cannot know of {', '.join(facts.thin[:3])}{more}: too few predictions a day to be judged. "
                       f"The rest is as usual, judged until {facts.judged_until}.")  # fmt: skip
    if facts.blind:
        return Verdict("UNKNOWN", f"We cannot know of {', '.join(facts.blind)}: the reference itself moves too much. "
                       f"The rest is as usual, judged until {facts.judged_until}.")  # fmt: skip
    return Verdict("OK", f"Judged until {facts.judged_until}; nothing beyond what the reference does by itself.")
