"""A letter about an incident says of whom it is, in the unit of what moved."""

from datetime import UTC, datetime

import polars as pl
import pytest

from monitor.detection.incident import Cause, Incident
from monitor.report.alert_mail import Surroundings, alert_mail
from monitor.report.words import words


@pytest.mark.parametrize(
    ("groups", "parts"),
    [
        (("service",), ()),
        (("service", "inputs"), ("Words that came", "Texts", "Language")),
        (("inputs", "outputs"), ("Answers that moved most", "Words that came", "Texts", "Language")),
        (("outputs",), ("Answers that moved most", "Words that came", "Texts", "Language")),
    ],
)
def test_parts(groups: tuple[str, ...], parts: tuple[str, ...]) -> None:
    """Labels are shown where a cause is about outputs, what is in the texts where not all are about the service."""
    causes = tuple(
        Cause("latency", group, 0.5, "ms", 40.0, 53.0, 900.0, 1, "usual latency 40 ms -> 53 ms") for group in groups
    )
    found = {"labels": [{"label": "56", "title": "Restaurants", "then": 0.1, "now": 0.3, "stands_out": True}],
             "terms": {"gained": [["taxi", 0.0, 0.1]], "lost": []}, "texts": [{"text": "taxi", "label": "56"}],
             "language": {"then": {"fr": 1.0}, "now": {"fr": 0.8, "en": 0.2}}}  # fmt: skip
    one = Incident(7, "ape", 5, 9, "open", causes, found)
    around = Surroundings("1.0", pl.DataFrame(), None, "", True, datetime(2026, 9, 2, tzinfo=UTC))
    text = alert_mail(one, "opened", around, words("en")).text
    every = ("Answers that moved most", "Words that came", "Texts", "Language")
    assert tuple(part for part in every if part in text) == parts
    assert ("Restaurants: 10.0 % -> 30.0 %\n" in text) == ("Answers that moved most" in parts)


def test_whom():
    """The segment that carries the change is told with what it had and has."""
    cause = Cause("latency", "service", 1.0, "ms", 40.0, 53.0, 900.0, 1, "usual latency 40 ms -> 53 ms")
    where = [{"field": "caller", "value": "desk", "share_of_change": 0.9, "then": 40.2, "now": 52.8}]
    one = Incident(7, "ape", 5, 9, "open", (cause,), {"segments": where})
    letter = alert_mail(
        one,
        "opened",
        Surroundings("1.0", pl.DataFrame(), None, "", False, datetime(2026, 9, 2, tzinfo=UTC)),
        words("en"),
    )
    assert "90% of it is caller desk: 40 ms -> 53 ms" in letter.text


def test_accuracy() -> None:
    """Accuracy is told in the mail, with its interval; where it is not known, why."""
    figure = {"value": 0.935, "low": 0.915, "high": 0.952}
    for why, told in (
        (None, "93.5 % (91.5 to 95.2) of automatic answers right, audited"),
        ("no audit", "UNKNOWN: no audit"),
    ):
        around = Surroundings("1.0", pl.DataFrame(), why, "", False, datetime(2026, 9, 2, tzinfo=UTC), measured=figure)
        text = alert_mail(Incident(7, "ape", 5, 9, "open", ()), "opened", around, words("en")).text
        assert f"Accuracy      {told}\n" in text
