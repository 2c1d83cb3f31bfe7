"""The page of an incident shows the course of what it tells of."""

from dashboards.incident import MOST_CURVES, drawn
from monitor.detection.incident import Cause, Incident


def caused_by(*metrics: str) -> Incident:
    causes = tuple(Cause(name, "outputs", 0.1, "share", 0.1, 0.2, 9, 1, name) for name in metrics)
    return Incident(1, "ape", 5, 9, "open", causes)


def test_drawn() -> None:
    """The first cause has a curve, and so have the mix of answers and each label; at most four."""
    shown = [cause.metric for cause in drawn(caused_by("latency", "slow", "answers", "label:56", "unsure"))]
    assert shown == ["latency", "answers", "label:56"]
    assert len(drawn(caused_by(*(f"label:{k}" for k in range(9))))) == MOST_CURVES
    assert drawn(caused_by()) == []
