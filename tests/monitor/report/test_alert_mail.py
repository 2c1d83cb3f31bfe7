"""A letter about an incident says of whom it is, in the unit of what moved."""

from datetime import UTC, datetime

import polars as pl

from monitor.detection.incident import Cause, Incident
from monitor.report.alert_mail import Surroundings, alert_mail


def test_whom():
    """The segment that carries the change is told with what it had and has."""
    cause = Cause("latency", "service", 1.0, "ms", 40.0, 53.0, 900.0, 1, "usual latency 40 ms -> 53 ms")
    where = [{"field": "caller", "value": "desk", "share_of_change": 0.9, "then": 40.2, "now": 52.8}]
    one = Incident(7, "ape", 5, 9, "open", (cause,), {"segments": where})
    letter = alert_mail(
        one, "opened", Surroundings("1.0", pl.DataFrame(), None, "", False, datetime(2026, 9, 2, tzinfo=UTC))
    )
    assert "90% of it is caller desk: 40 ms -> 53 ms" in letter.text
