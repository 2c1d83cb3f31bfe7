"""Whatever leads an incident, somebody is told what it means and what to do, as the runbook says it."""

from pathlib import Path

from monitor.detection.renewal import KIN
from monitor.report.advice import ADVICE, advice

RUNBOOKS = Path(__file__).parents[3] / "docs/runbooks.md"


def test_every_metric() -> None:
    """Every metric has advice in three parts, and no advice is without a metric."""
    found = [advice(name) for name in (*KIN, "label:56", "field:TYP=I")]
    assert all(part for one in found for part in one)
    assert set(map(id, found)) == set(map(id, ADVICE.values()))


def test_means_what_the_runbook_says() -> None:
    """Every advice begins as its section of the runbook does, so that page, mail and runbook tell the same."""
    book = " ".join(RUNBOOKS.read_text(encoding="utf-8").lower().split())
    for name, one in ADVICE.items():
        first = one.means.split(":")[0].split(";")[0].rstrip(".")
        assert first[:40].lower() in book, name
