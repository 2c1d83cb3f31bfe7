"""Where to look first follows from what was told, and nothing is cleared that nobody looked at."""

import pytest

from monitor.detection.incident import Cause, Incident
from monitor.detection.suspects import Reading, new_languages, suspects

READ = Reading(1000, 3, 0)


def cause(metric: str) -> Cause:
    return Cause(metric, "inputs", 0.5, "share", 0.1, 0.2, 900.0, 1, f"{metric} moved")


def answers(*metrics: str, reading: Reading = READ, **detail: object) -> list[str]:
    found = suspects(Incident(1, "ape", 5, 9, "open", tuple(map(cause, metrics)), dict(detail)), reading)
    return [one.answer for one in found]


@pytest.mark.parametrize(("metrics", "said"), [
    (["foreign"], ["yes", "no", "no", "no"]),
    (["field:TYP=I", "length"], ["yes", "no", "no", "no"]),
    (["label:56"], ["no", "yes", "no", "no"]),
    (["unsupported", "automation"], ["no", "yes", "no", "no"]),
    (["slow"], ["no", "no", "yes", "no"]),
    (["confidence", "unknown_words", "errors"], ["yes", "yes", "yes", "no"]),
])  # fmt: skip
def test_by_what_was_told(metrics: list[str], said: list[str]) -> None:
    """Each suspect is named by its own metrics, whatever else was told."""
    assert answers(*metrics) == said


def test_words_and_languages() -> None:
    """Everything else that is new of the texts says how much of them; words that came are a little, when every word is known."""
    assert answers("answers", language={"then": {"fr": 1.0}, "now": {"fr": 0.9, "en": 0.1}})[0] == "a part of them"
    assert answers("answers", terms={"gained": [["taxi", 0.0, 0.04]], "lost": []})[0] == "a little"
    clear, calm = (
        {"auc": [0.7, 0.6, 0.8], "unlike": [0.1, 0.05, 0.2]},
        {"auc": [0.5, 0.4, 0.6], "unlike": [0.01, 0.0, 0.02]},
    )
    few = {"auc": [0.52, 0.49, 0.55], "unlike": [0.04, 0.03, 0.05]}
    told = [answers("answers", classifier=one)[0] for one in (clear, few, calm, {"why": "no texts"})]
    assert told == ["yes", "a part of them", "no", "no"]
    assert new_languages({"language": {"then": {"fr": 0.99, "en": 0.01}, "now": {"fr": 0.981, "en": 0.019}}}) == []
    assert new_languages({}) == []


@pytest.mark.parametrize(("reading", "answer", "why"), [
    (Reading(1000, 49, 0), "no", "49 of 1049 lines were refused"),
    (Reading(950, 50, 0), "yes", "50 of 1000"),
    (Reading(1000, 0, 7), "yes", "7 bytes were destroyed"),
    (Reading(0, 0, 0), "cannot tell", "no longer on record"),
])  # fmt: skip
def test_our_own_reading(reading: Reading, answer: str, why: str) -> None:
    """Lost or refused lines are our own doubt; where nothing is on record, nobody is cleared."""
    *_, last = suspects(Incident(1, "ape", 5, 9, "open", (cause("volume"),)), reading)
    assert (last.answer, why in last.why) == (answer, True)
