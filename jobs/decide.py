"""The service will weigh the evidence and propose: retrain, label first, or wait."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from jobs.aftermath import look_back
from jobs.bound import circumstances
from monitor.alerts import Message
from monitor.config import Config
from monitor.detection.incident import Incident
from monitor.profiles.profile import Profile
from monitor.retraining import Case, Term, advise
from monitor.said import Said
from monitor.settings import Retraining, Route
from monitor.store import decisions, estimates, incidents, labels, outbox, profiles, references, shadow, standing
from monitor.store.store import Store
from monitor.window import Window, hour_of

LOOK_BACK_HOURS = 7 * 24
PASSING = {"outputs", "service"}  # groups of first causes that a deployment, or its end, moves
SEED = 7


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


def decide(store: Store, config: Config, now: datetime) -> str:
    """
    Propose a decision per model with a reference, expire proposals nobody judged in time, and end what was started.

    Safe to run twice: the same evidence is proposed once.
    """
    told = []
    for model in config.models:
        with store.write() as connection:
            decisions.expire(connection, now)
            look_back(connection, config, model, now)
            number = propose(connection, config, model, now)
        told.append(f"{model}: {'nothing new' if number is None else f'decision {number}'}")
    return "; ".join(told) or "no models"


def propose(
    connection: Connection, config: Config, model: str, now: datetime, asked: tuple[str, str] | None = None
) -> int | None:
    """
    Weigh a model's evidence and propose what it says, or to retrain where a person `asked` (who, why).

    Returns the decision's number; None without a reference or traffic, and when the same was proposed before.
    """
    pinned, span = references.active(connection, model), profiles.span(connection, model)
    if pinned is None or span is None:
        return None
    end = min(hour_of(now), span.end) // 24 * 24
    left_out, to_roll_back = _left_out(connection, model, Window(end - LOOK_BACK_HOURS, end))
    if len(left_out) == 7 and to_roll_back is not None:
        left_out = frozenset()  # the advice is to roll back, whatever a week costs
    days = [day for day in range(end // 24 - 7, end // 24) if day not in left_out]
    weeks = Weeks(profiles.total(connection, model, Window(pinned.first_hour, pinned.end_hour)),
                  Profile.sum([profiles.total(connection, model, Window(day * 24, day * 24 + 24)) for day in days]), left_out)  # fmt: skip
    if not weeks.then.decided or not weeks.now.decided:
        return None
    settings = config.retraining.get(model, Retraining())
    _, extras = standing.facts(
        connection, config.models[model], now, config.detection, config.ingest.silent_after_expected
    )
    trained_hour = pinned.end_hour
    known = labels.joined(connection, model, Window(trained_hour, hour_of(now) + 1)).height
    case = Case(terms(connection, model, weeks, settings), settings.horizon_weeks, extras["accuracy"], known,
                after_deployment=to_roll_back, days_left_out=len(left_out), challenger=_challenger(connection, config, model))  # fmt: skip
    advice = advise(case, SEED)
    evidence: dict[str, Any] = {
        "terms": [asdict(term) for term in case.terms], "probability": advice.probability, "benefit": advice.benefit,
        "weekly_loss": advice.weekly_loss, "variance_shares": advice.variance_shares, "horizon_weeks": case.horizon_weeks,
        "said": [one.record() for one in advice.said], "labels": known, "week_until": end, "days_left_out": len(left_out), "roll_back": to_roll_back, "challenger": case.challenger,
    }  # fmt: skip
    requester, recommendation, sentence = "vigie", advice.recommendation, advice.sentence
    if asked is not None:
        requester, evidence["asked"] = asked
        words = recommendation.replace("_", " ")
        recommendation, sentence = "retrain", f"{requester} asks for it: {asked[1]}. By itself: {words}. {sentence}"
    parts = {"model": model, "recommendation": recommendation, "evidence": evidence, "requester": requester,
             **circumstances(connection, config, model, now)}  # fmt: skip
    number = decisions.propose(connection, parts, sentence=sentence, now=now, expires_days=settings.expires_days)
    if number is not None:
        outbox.queue(connection, _messages(number, config.routes), now)
    return number


def _left_out(connection: Connection, model: str, week: Window) -> tuple[frozenset[int], str | None]:
    """
    Return the days of `week` on which a fault was at work that a new model would not mend, and what to roll back, if anything.

    That is an incident first seen in answers or service which is over, or of an open one in answers the days on which a
    version answered that was new when it began. What people called a false alarm or the new normal is no fault that passed.
    """
    whole, days, going = range(week.first // 24, week.end // 24), set[int](), None
    for one in incidents.all(connection, model):
        if not one.causes or one.causes[0].group not in PASSING:
            continue
        until = (one.closed_hour or week.end) - one.quiet_hours
        touched = {day for day in whole if day * 24 < until and one.onset_hour < day * 24 + 24}
        if one.state == "open":
            moves_costs = one.causes[0].group == "outputs"  # a slow version sends nobody more cases
            touched &= _days_of_new_version(connection, one, whole) if moves_costs else set()
            going = Said(f"Incident {one.id}", "reason.incident", number=one.id) if whole[-1] in touched else going
        if one.state in {"open", "recovering"} or one.closed_as in {"recovered", "fixed"}:
            days |= touched
    return frozenset(days), going


def _days_of_new_version(connection: Connection, one: Incident, days: range) -> set[int]:
    """Return the days on which a version answered that came with the incident: it had not in the day before the onset."""

    def versions(first: int, end: int) -> set[str]:
        return set(profiles.total(connection, one.model, Window(first, end)).versions.of_name)

    begin = one.onset_hour - 1  # an onset is told to the hour at best
    before = versions(begin - 24, begin)
    new = versions(begin, max(one.found_hour, begin + 1)) - before if before else set()
    return {day for day in days if new and new & versions(day * 24, day * 24 + 24)}


def _challenger(connection: Connection, config: Config, model: str) -> str | None:
    """Return the newest verdict on a challenger that config.yaml still names."""
    newest = shadow.latest_comparison(connection, model)
    known = {one.sha256 for one in config.challengers.values()}
    return None if newest is None or newest["digest"] not in known else str(newest["verdict"])


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


def _messages(number: int, routes: tuple[Route, ...]) -> list[Message]:
    facts = {"kind": "decision", "decision": number}
    return [Message(f"decision:{number}", "proposed", 1, "mail", route.to, {**facts, "language": route.language})
            for route in routes if "decisions" in route.receives]  # fmt: skip
