"""The service will gather what a decision weighs: every term with its interval and where it comes from."""

from dataclasses import dataclass

from sqlalchemy import Connection

from monitor.profiles.profile import Profile
from monitor.retraining import Term
from monitor.settings import Retraining
from monitor.store import estimates


@dataclass(frozen=True)
class Weeks:
    """Hold the profiles of the reference and of the last week."""

    then: Profile
    now: Profile
    left_out: frozenset[int] = frozenset()  # days of the last week

    @property
    def scale(self) -> float:
        """Return what makes a week of the days that count."""
        return 7 / (7 - len(self.left_out))


def terms(connection: Connection, model: str, weeks: Weeks, settings: Retraining) -> tuple[Term, ...]:
    """Return what a decision weighs, each with its interval and where it comes from."""
    manual_then = 1 - weeks.then.automatic / weeks.then.decided
    manual_now = 1 - weeks.now.automatic / weeks.now.decided
    wide = 1.96 * (max(manual_now * (1 - manual_now), 0.01) / weeks.now.decided) ** 0.5 + 0.003
    manual = manual_now - manual_then
    error, low, high, source = _excess_error(connection, model, weeks)
    records = weeks.now.records * weeks.scale
    return (
        Term(
            "predictions",
            records,
            records,
            records,
            "exact",
            "profiles of the last 7 days" + (f", without {len(weeks.left_out)} of them" if weeks.left_out else ""),
        ),
        Term("excess_manual", manual, manual - wide, manual + wide, "normal", "automation rate against the reference"),
        Term("excess_error", error, low, high, "normal", source),
        Term("person_eur", *settings.person_eur, "lognormal", "config.yaml"),
        Term("error_eur", *settings.error_eur, "lognormal", "config.yaml"),
        Term("growth_eur", 0.0, -10.0, 10.0, "normal", "no trend is known yet"),
        Term("recovered", 0.5, 0.18, 0.82, "beta", "prior, no outcome is known yet"),
        Term("retrain_eur", *settings.retrain_eur, "lognormal", "config.yaml"),
        Term("risk_eur", *settings.risk_eur, "lognormal", "config.yaml"),
    )


def _excess_error(connection: Connection, model: str, weeks: Weeks) -> tuple[float, float, float, str]:
    """Return the excess share of predictions that are automatic and wrong, from audits, else from the estimate."""
    first = estimates.history(connection, model, "accuracy_automatic", "measured")
    basis, rows = "audits", [row for row in first if row["value"] is not None]
    if not rows:
        basis = "estimate without labels"
        rows = [
            r
            for r in estimates.history(connection, model, "accuracy_automatic", "estimated")
            if r["value"] is not None and r["day"] not in weeks.left_out
        ]
    if len(rows) < 2:
        return 0.0, -0.05, 0.05, "nothing is known about accuracy"
    share = weeks.now.automatic / weeks.now.decided
    then, now = rows[0], rows[-1]
    excess = share * (then["value"] - now["value"])
    wide = share * ((then["high"] - then["low"]) ** 2 + (now["high"] - now["low"]) ** 2) ** 0.5 / 2
    return excess, excess - wide, excess + wide, basis
