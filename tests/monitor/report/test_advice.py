"""Whatever leads an incident, somebody is told what it means and what to do, as the runbook says it."""

from pathlib import Path

from monitor.detection.renewal import KIN
from monitor.report.advice import SUBJECTS, advice
from monitor.report.words import languages, words

RUNBOOKS = Path(__file__).parents[3] / "docs/runbooks.md"


def test_every_metric() -> None:
    """Every metric has advice in three parts, and no advice is without a metric."""
    for language in languages():
        to = words(language)
        found = [advice(name, to) for name in (*KIN, "label:56", "field:TYP=I")]
        assert all(part for one in found for part in one)
        written = {key.split(".")[1] for key in to.templates() if key.startswith("advice.")}
        assert written == set(SUBJECTS.values())
        assert len(set(found)) == len(written)


def test_means_what_the_runbook_says() -> None:
    """Every advice begins as its section of the runbook does, so that page, mail and runbook tell the same."""
    book = " ".join(RUNBOOKS.read_text(encoding="utf-8").lower().split())
    for name in KIN:
        first = advice(name, words("en")).means.split(":")[0].split(";")[0].rstrip(".")
        assert first[:40].lower() in book, name
