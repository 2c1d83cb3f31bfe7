"""The service will weigh the evidence and propose: retrain, label first, or wait."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from jobs.aftermath import look_back
from jobs.bound import circumstances
from jobs.oblige import labelled, obliged
from jobs.trained import Trained, trained
from jobs.weigh import Weeks, audit_size, past_weeks, terms, tried_on_labels
from monitor.alerts import Message
from monitor.calendar import next_look
from monitor.calendar import standing as standing_in
from monitor.config import Config
from monitor.detection.incident import Incident
from monitor.profiles.profile import Profile
from monitor.retraining import Case, advise, rhythm
from monitor.said import Said
from monitor.settings import Retraining, Route
from monitor.store import decisions, incidents, outbox, outcomes, profiles, references, shadow, standing
from monitor.store.rollback import released, replayed
from monitor.store.store import Store
from monitor.window import Window, hour_of, moment

LOOK_BACK_HOURS, WEEK_DAYS = 7 * 24, 7
PASSING = {"outputs", "service"}  # groups of first causes that a deployment, or its end, moves
ASKING = {"due", "overdue"}  # states of the calendar
SEED = 7


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
    last = trained(connection, model, now) or Trained(pinned.end_hour, None)
    since, usual = Window(min(last.hour, end), end), Window(pinned.first_hour, pinned.end_hour)
    looked_at = Window(min(since.first, end - LOOK_BACK_HOURS) // 24 * 24, end)
    faulty, to_roll_back = _left_out(connection, config, model, looked_at)
    left_out = faulty.intersection(range(end // 24 - 7, end // 24))
    if len(left_out) == 7 and to_roll_back is not None:
        left_out = frozenset()  # the advice is to roll back, whatever a week costs
    days = [day for day in range(end // 24 - 7, end // 24) if day not in left_out]
    settings = config.retraining.get(model, Retraining())
    calendar = standing_in(settings.calendar, last.day, now.date())
    if not days and calendar.state in ASKING:  # all the same: the days before the fault tell what there is
        days = [day for day in range(-(-since.first // 24), end // 24) if day not in faulty][-7:]
    then = profiles.total(connection, model, usual)
    week = Profile.sum([profiles.total(connection, model, Window(day * 24, day * 24 + 24)) for day in days])
    if not then.decided or not week.decided:
        return None
    weeks = Weeks(then, week, left_out, past_weeks(connection, model, since, then, faulty), len(days))
    _, extras = standing.facts(
        connection, config.models[model], now, config.detection, config.ingest.silent_after_expected
    )
    held = labelled(connection, config, model, Window(last.hour, hour_of(now) + 1), weeks)
    tried = tried_on_labels(connection, config, model, usual, faulty)
    case = Case(terms(connection, model, weeks, settings, tried=tried, realised=outcomes.shares(connection, model)), settings.horizon_weeks, extras["accuracy"], held.truths.total(),
                after_deployment=to_roll_back, days_left_out=len(left_out), challenger=_challenger(connection, config, model),
                calendar=calendar, obliged=obliged(connection, config, model, now, of=held, last=last, calendar=calendar),
                wanted=held.wanted, look_again=next_look(calendar, now.date()), audit_size=audit_size(connection, model, weeks))  # fmt: skip
    advice = advise(case, SEED)
    evidence: dict[str, Any] = {
        "terms": [term.record() for term in case.terms], "probability": advice.probability, "benefit": advice.benefit,
        "weekly_loss": advice.weekly_loss, "variance_shares": advice.variance_shares, "horizon_weeks": case.horizon_weeks,
        "said": [one.record() for one in advice.said], "labels": case.labels_since_training, "week_until": end, "days_left_out": len(left_out), "roll_back": to_roll_back, "challenger": case.challenger,
        "audit_size": case.audit_size, "obliged": list(case.obliged), "labels_lacking": {} if case.labels_suffice else case.lacking,
        "calendar": {**advice.calendar.record(), **settings.calendar.model_dump(mode="json", include={"every", "policy"}),
                     "trained": last.day.isoformat(), "version": last.version, "rhythm_weeks": rhythm(case)},
    }  # fmt: skip
    requester, recommendation, sentence = "vigie", advice.recommendation, advice.sentence
    if asked is not None:
        requester, evidence["asked"] = asked
        sentence = f"{requester} asks for it: {asked[1]}. By itself: {recommendation.replace('_', ' ')}. {sentence}"
        recommendation = "retrain"
    parts = {"model": model, "recommendation": recommendation, "evidence": evidence, "requester": requester,
             **circumstances(connection, config, model, now)}  # fmt: skip
    if asked is None and _stands(connection, parts, now, settings.expires_days):
        return None
    number = decisions.propose(connection, parts, sentence=sentence, now=now, expires_days=settings.expires_days)
    if number is not None:
        outbox.queue(connection, _messages(number, config.routes), now)
    return number


def _stands(connection: Connection, parts: Mapping[str, Any], now: datetime, expires_days: float) -> bool:
    """
    Say whether people have this proposal already, or have answered it: figures that move by a day are no new decision.

    An open one stands for a week, an answered one as long as one may be open, what a person asked for until it is answered,
    and a retraining that was started until its end; each while it is bound to the same champion, command and settings.
    """
    known = decisions.all(connection, parts["model"])
    if not known or any(known[0][name] != json.loads(json.dumps(parts[name])) for name in ("champion", "trigger", "settings")):  # fmt: skip
        return False
    one, is_open, starts = known[0], known[0]["state"] == "proposed", known[0]["recommendation"] == "retrain"
    if one["state"] in {"approved", "triggered", "in_doubt"} and starts:
        return bool(parts["recommendation"] == "retrain")
    days = WEEK_DAYS if is_open and one["requester"] == "vigie" else expires_days
    asks_alike = one["recommendation"] == parts["recommendation"] and _why(one) == _why(parts)
    counts = asks_alike or (is_open and one["requester"] != "vigie")
    return counts and one["state"] not in {"expired", "failed"} and now < moment(one["made_us"]) + timedelta(days=days)


def _why(one: Mapping[str, Any]) -> list[str]:
    return [str(said["key"]) for said in one["evidence"].get("said", ())]


def _left_out(connection: Connection, config: Config, model: str, window: Window) -> tuple[frozenset[int], str | None]:
    """
    Return the days of `window` on which a fault was at work that a new model would not mend, and what to roll back, if anything.

    That is an incident first seen in answers or service which is over, or of an open one in answers the days on which a
    version answered that was new when it began; unless the version before answers the same texts as the new one does. What
    people called a false alarm or the new normal is no fault that passed.
    """
    whole, days, going = range(window.first // 24, window.end // 24), set[int](), None
    for one in incidents.all(connection, model):
        if not one.causes or one.causes[0].group not in PASSING:
            continue
        until = (one.closed_hour or window.end) - one.quiet_hours
        touched = {day for day in whole if day * 24 < until and one.onset_hour < day * 24 + 24}
        if one.state == "open":
            moves_costs = one.causes[0].group == "outputs"  # a slow version sends nobody more cases
            touched &= _days_of_new_version(connection, config, one, window.end) if moves_costs else set()
            going = Said(f"Incident {one.id}", "reason.incident", number=one.id) if whole[-1] in touched else going
        if one.state in {"open", "recovering"} or one.closed_as in {"recovered", "fixed"}:
            days |= touched
    return frozenset(days), going


def _days_of_new_version(connection: Connection, config: Config, one: Incident, end: int) -> set[int]:
    """Return the days since the onset on which the version answered that the incident began with; none where the texts are at fault."""
    found = released(connection, one)
    replay = replayed(connection, one, config.challengers.values(), end)
    if found is None or (replay is not None and replay.key == "rollback.texts"):
        return set()
    days = profiles.by_day(connection, one.model, Window(one.onset_hour // 24 * 24, -(-end // 24) * 24))
    return {day for day, profile in days.items() if profile.versions[found[1]]}


def _challenger(connection: Connection, config: Config, model: str) -> str | None:
    """Return the newest verdict on a challenger that config.yaml still names."""
    newest = shadow.latest_comparison(connection, model)
    known = {one.sha256 for one in config.challengers.values()}
    return None if newest is None or newest["digest"] not in known else str(newest["verdict"])


def _messages(number: int, routes: tuple[Route, ...]) -> list[Message]:
    facts = {"kind": "decision", "decision": number}
    return [Message(f"decision:{number}", "proposed", 1, "mail", route.to, {**facts, "language": route.language})
            for route in routes if "decisions" in route.receives]  # fmt: skip
