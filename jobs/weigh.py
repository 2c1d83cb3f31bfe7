"""The service will gather what a decision weighs: every term with its interval and where it comes from."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl
from sqlalchemy import Connection

from monitor.config import Config
from monitor.growth import PastWeek, growth
from monitor.profiles.profile import Profile
from monitor.quality.accuracy import needed
from monitor.quality.estimate import Figure
from monitor.recovery import Tried, recovered
from monitor.retraining import Term
from monitor.said import Said
from monitor.settings import Retraining
from monitor.store import estimates, labels, profiles, shadow
from monitor.window import Window

UNKNOWN_WIDE = 0.05  # of the excess share wrong, to each side
HALF_RIGHT = 0.5  # where nothing is known of accuracy: an audit needs no more answers than at this share


@dataclass(frozen=True)
class Weeks:
    """Hold the profiles of the reference and of the last week, and the whole weeks since the last training."""

    then: Profile
    now: Profile
    left_out: frozenset[int] = frozenset()  # days of the last week
    past: tuple[PastWeek, ...] = ()
    days: int = 7  # that `now` holds: of the last week, or of the time before it where that is left out whole

    @property
    def scale(self) -> float:
        """Return what makes a week of the days that count."""
        return 7 / self.days

    @property
    def source(self) -> str:
        """Say which days count."""
        if len(self.left_out) == 7:
            return Said("profiles of the newest days without a fault, made up to a week", "learnt.before_fault")
        return "profiles of the last 7 days" + (f", without {len(self.left_out)} of them" if self.left_out else "")

    @property
    def automatic(self) -> float:
        """Return the share of the last week's answers that were automatic."""
        return self.now.automatic / self.now.decided


def terms(connection: Connection, model: str, weeks: Weeks, settings: Retraining, *, tried: Tried | None = None,
          realised: Sequence[float] = ()) -> tuple[Term, ...]:  # fmt: skip
    """
    Return what a decision weighs, each with its interval and where it comes from.

    `tried` is how a challenger did on labels, `realised` which shares of the excess loss past retrainings took away, where known.
    """
    manual_now = 1 - weeks.automatic
    wide = 1.96 * (max(manual_now * (1 - manual_now), 0.01) / weeks.now.decided) ** 0.5 + 0.003
    manual = manual_now - (1 - weeks.then.automatic / weeks.then.decided)
    error, low, high, source = _excess_error(connection, model, weeks)
    records = weeks.now.records * weeks.scale
    return (
        Term("predictions", records, records, records, "exact", weeks.source),
        Term("excess_manual", manual, manual - wide, manual + wide, "normal", "automation rate against the reference"),
        Term("excess_error", error, low, high, "normal", source),
        Term("person_eur", *settings.person_eur, "lognormal", "config.yaml"),
        Term("error_eur", *settings.error_eur, "lognormal", "config.yaml"),
        growth(weeks.past, settings.person_eur[0], settings.error_eur[0]),
        recovered(tried, realised),
        Term("retrain_eur", *settings.retrain_eur, "lognormal", "config.yaml"),
        Term("risk_eur", *settings.risk_eur, "lognormal", "config.yaml"),
    )


def past_weeks(
    connection: Connection, model: str, since: Window, then: Profile, left_out: frozenset[int]
) -> tuple[PastWeek, ...]:
    """
    Return the weeks that lie whole in `since`, counted back from its end; those with a day left out or without a decision are absent.

    Wrong answers are those of the estimate without labels: it looks at each day by itself, an audit back over weeks.
    """
    days = profiles.by_day(connection, model, since)
    rows = estimates.history(connection, model, "accuracy_automatic", "estimated")
    right = {row["day"]: row["value"] for row in rows if row["value"] is not None}
    usual = next(iter(right.values()), 0.0)
    last, found = since.end // 24, []
    for number in range(-(since.hours // 168), 0):
        week = range(last + 7 * number, last + 7 * number + 7)
        whole = Profile.sum(days[day] for day in week if day in days)
        if not whole.decided or not left_out.isdisjoint(week):
            continue
        known = [right[day] for day in week if day in right]
        automatic = whole.automatic / whole.decided
        error = automatic * (usual - sum(known) / len(known)) if known else None
        manual = then.automatic / then.decided - automatic
        found.append(PastWeek(number, whole.records, manual, error))
    return tuple(found)


def tried_on_labels(
    connection: Connection, config: Config, model: str, reference: Window, left_out: frozenset[int]
) -> Tried | None:
    """
    Return how the challenger that was compared last did on labelled records; None without one that config.yaml still names.

    Days on which a fault was at work that a new model would not mend are left out: any other model does better on them.
    """
    newest = shadow.latest_comparison(connection, model)
    if newest is None or newest["digest"] not in {one.sha256 for one in config.challengers.values()}:
        return None
    window = Window(newest["first_hour"], newest["end_hour"])
    rows = labels.joined(connection, model, window).select("day", "uid", "truth").iter_rows()
    truths = {(day, uid): truth for day, uid, truth in rows if day not in left_out}
    usual = labels.joined(connection, model, reference).filter(pl.col("answer").is_not_null())
    share = float((usual["truth"] != usual["answer"]).mean()) if usual.height else None  # type: ignore[arg-type]
    labelled, wrong = shadow.labelled(connection, newest["digest"], window, truths)
    return Tried(labelled, wrong, *shadow.disagreements(connection, newest["digest"], window, truths), share)


def audit_size(connection: Connection, model: str, weeks: Weeks) -> int | None:
    """
    Return about how many more audited answers would halve the variance of the excess share automatic and wrong.

    None where no audit of today can, as the first one was no larger, and where nothing was automatic.
    """
    basis, rows = _accuracies(connection, model, weeks)
    if not weeks.now.automatic:
        return None
    if len(rows) < 2:
        return needed(Figure(HALF_RIGHT, None, None, 0), UNKNOWN_WIDE / weeks.automatic / 2**0.5)
    then, now = (((row["high"] - row["low"]) / 2) ** 2 for row in (rows[0], rows[-1]))
    if basis != "audits":
        return needed(Figure(rows[-1]["value"], None, None, 0), ((then + now) / 2) ** 0.5)
    figure = Figure(rows[-1]["value"], rows[-1]["low"], rows[-1]["high"], int(rows[-1]["size"]))
    return needed(figure, ((now - then) / 2) ** 0.5) if now > then else None


def _excess_error(connection: Connection, model: str, weeks: Weeks) -> tuple[float, float, float, str]:
    """Return the excess share of predictions that are automatic and wrong, from audits, else from the estimate."""
    basis, rows = _accuracies(connection, model, weeks)
    if len(rows) < 2:
        return 0.0, -UNKNOWN_WIDE, UNKNOWN_WIDE, "nothing is known about accuracy"
    then, now = rows[0], rows[-1]
    excess = weeks.automatic * (then["value"] - now["value"])
    wide = weeks.automatic * ((then["high"] - then["low"]) ** 2 + (now["high"] - now["low"]) ** 2) ** 0.5 / 2
    return excess, excess - wide, excess + wide, basis


def _accuracies(connection: Connection, model: str, weeks: Weeks) -> tuple[str, list[dict[str, Any]]]:
    """Return the figures of the accuracy of automatic answers, oldest first, and what they rest on."""
    audited = estimates.history(connection, model, "accuracy_automatic", "measured")
    if rows := [row for row in audited if row["value"] is not None]:
        return "audits", rows
    estimated = estimates.history(connection, model, "accuracy_automatic", "estimated")
    return "estimate without labels", [
        row for row in estimated if row["value"] is not None and row["day"] not in weeks.left_out
    ]
