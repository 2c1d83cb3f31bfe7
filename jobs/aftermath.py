"""The service will see what became of a retraining that was started, and what it brought."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import polars as pl
from sqlalchemy import Connection

from jobs.bound import champion
from jobs.succession import succession
from monitor.alerts import Message
from monitor.config import Config
from monitor.outcome import Side, calibrated, worth
from monitor.profiles.profile import Profile
from monitor.quality.accuracy import measured
from monitor.quality.calibration import Calibration
from monitor.retraining import Term
from monitor.settings import Retraining, Route
from monitor.store import decisions, estimates, labels, outbox, outcomes, profiles
from monitor.window import MICROSECONDS_PER_HOUR, Window, hour_of, moment

DAYS = (7, 28)  # whole weeks, so that both times have the same hours of the week
TERM = ("name", "value", "low", "high", "drawn", "source")  # what is kept of one
NO_DAY = "no day with traffic both before and after"


def look_back(connection: Connection, config: Config, model: str, now: datetime) -> None:
    """
    End what was started, and follow what is done.

    Done when another version answers, failed when none did in the days it was expected in. 7 and 28 days after the new
    champion began, what it brought is kept beside what was forecast; safe to run twice, late, or after days without a run.
    """
    days = config.retraining.get(model, Retraining()).expect_champion_days
    for one in decisions.in_state(connection, "triggered", model):
        answers = champion(connection, model, now)
        if answers is not None and answers != one["champion"]:
            decisions.move(connection, one, "done", actor="vigie", reason=f"version {answers} answers", now=now)
        elif now > moment(one["call"]["called_us"]) + timedelta(days=days):
            reason = f"no other version answered within {days:g} days"
            decisions.move(connection, one, "failed", actor="vigie", reason=reason, now=now)
    for number in outcomes.unfinished(connection, model, DAYS[-1]):
        _follow(connection, config, decisions.get(connection, number), now)


def _follow(connection: Connection, config: Config, one: dict[str, Any], now: datetime) -> None:
    """Keep when the new champion of a decision began, and what it brought at each of `DAYS` that is over."""
    number, forecast, known = one["id"], _forecast(one["evidence"]), outcomes.of(connection, one["id"])
    began = known[outcomes.BEGAN]["realised"] if outcomes.BEGAN in known else _began(connection, config, one, now)
    if began is None:
        return
    if outcomes.put(connection, number, outcomes.BEGAN, forecast, began, now=now):
        _report(connection, config, one, began, now)
    for day in DAYS:
        if day in known or hour_of(now) <= began["began_hour"] + 24 * day:  # the last hour is counted when it is over
            continue
        found = began | _realised(connection, config, one, day=day, began=began)
        outcomes.put(connection, number, day, forecast, found, now=now)
        if day == DAYS[-1] and found["gain"] is not None and found["gain"][0] < 0:
            outbox.queue(connection, _messages(number, day, config.routes), now)


def _report(connection: Connection, config: Config, one: dict[str, Any], began: dict[str, Any], now: datetime) -> None:
    """Write the two reports on the version that took over, in each language, and tell who receives decisions."""
    routes = [route for route in config.routes if "decisions" in route.receives]
    numbers = {language: succession(connection, config, one, began, now, language=language, by="vigie")
               for language in sorted({route.language for route in routes} or {"en"})}  # fmt: skip
    facts = {"kind": "succession", "decision": one["id"], "version": began["version"]}
    outbox.queue(connection, [Message(f"decision:{one['id']}", "succession", 1, "mail", route.to, {**facts, "reports": numbers[route.language], "language": route.language})
                              for route in routes], now)  # fmt: skip


def _forecast(evidence: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the decision promised: net benefit and weekly loss in EUR, and the share it counted on; what it holds of them."""
    shares = [[term["value"], term["low"], term["high"]] for term in evidence.get("terms", ()) if term["name"] == "recovered"]  # fmt: skip
    told = {name: evidence[name] for name in ("benefit", "weekly_loss", "horizon_weeks") if name in evidence}
    return told | ({"recovered": shares[0]} if shares else {})


def _began(connection: Connection, config: Config, one: dict[str, Any], now: datetime) -> dict[str, Any] | None:
    """
    Return which other version took over since the call, and the hour it began in; None as long as none is seen.

    It answers more than any other in its first hour and in the 24 from then on: a version that was tried for an hour did not take over.
    """
    first = one["call"]["called_us"] // MICROSECONDS_PER_HOUR
    expected = int(config.retraining.get(one["model"], Retraining()).expect_champion_days * 24)
    hours = profiles.by_hour(connection, one["model"], Window(first, min(hour_of(now) + 1, first + expected + 24)))
    for hour in (hour for hour in hours if hour <= first + expected):
        version = _leader(hours[hour])
        day = Profile.sum(hours[at] for at in range(hour, hour + 24) if at in hours)
        if version is not None and version != one["champion"] and version == _leader(day):
            return {"version": version, "began_hour": hour}
    return None


def _leader(profile: Profile) -> str | None:
    versions = profile.versions.of_name
    return max(sorted(versions), key=lambda name: versions[name], default=None)


def _realised(connection: Connection, config: Config, one: dict[str, Any], *, day: int, began: dict[str, Any]) -> dict[str, Any]:  # fmt: skip
    """Compare the days on both sides of the beginning that had traffic before and after, each with its twin of the week."""
    model, start, length = one["model"], began["began_hour"], 24 * day
    whole = Window(start - length, start + length)
    hours = profiles.by_hour(connection, model, whole)
    sides: tuple[list[int], list[int]] = ([], [])
    for at in range(start, start + length, 24):
        both = [[hour for hour in range(first, first + 24) if hour in hours] for first in (at - length, at)]
        if all(both):
            for side, some in zip(sides, both, strict=True):
                side += some
    days = len({(hour - start) // 24 for hour in sides[1]})
    if not days:
        return {"days": 0, "before": None, "after": None, "answered": None, "from_people": None, "gain": None, "share": None, "why": NO_DAY}  # fmt: skip
    truth = labels.joined(connection, model, whole)
    known = estimates.calibration(connection, model)
    calibration = None if known is None else Calibration(*known)
    before, after = (_side(Profile.sum(hours[hour] for hour in some), days, _of_hours(truth, some), calibration) for some in sides)  # fmt: skip
    loss = one["evidence"].get("weekly_loss", [None])[0]
    answered = after.profile.versions[began["version"]] / after.profile.versions.total if after.profile.versions.total else None  # fmt: skip
    minutes = config.models[model].minutes_per_case
    return {"days": days, "before": before.facts(minutes), "after": after.facts(minutes), "answered": answered,
            **worth(before, after, _costs(config, one), loss, seed=one["id"])}  # fmt: skip


def _of_hours(truth: pl.DataFrame, hours: list[int]) -> pl.DataFrame:
    """Return the audited answers of these hours that carry the chance of having been drawn."""
    drawn = (pl.col("source") == "audit") & pl.col("inclusion").is_not_null()
    return truth.filter(drawn & (pl.col("time") // MICROSECONDS_PER_HOUR).is_in(hours))


def _side(profile: Profile, days: int, audited: pl.DataFrame, calibration: Calibration | None) -> Side:
    right = (pl.col("truth") == pl.col("answer")).fill_null(False).cast(pl.Float64)
    rows = audited.select("decision", "score_step", "inclusion", right=right)
    automatic, scored = rows.filter(pl.col("decision") == "automatic"), rows.filter(pl.col("score_step").is_not_null())
    expected = calibrated(scored["right"].to_numpy(), scored["score_step"].to_numpy(), scored["inclusion"].to_numpy(), calibration)  # fmt: skip
    return Side(profile, days, measured(automatic["right"].to_numpy(), automatic["inclusion"].to_numpy()), expected)


def _costs(config: Config, one: dict[str, Any]) -> dict[str, Term]:
    """Return what a case costs as the decision reckoned, so that both figures are of the same euros; else as config.yaml says."""
    settings = config.retraining.get(one["model"], Retraining())
    person, error = settings.person_eur, settings.error_eur
    costs = {"person_eur": Term("person_eur", *person, "lognormal", "config.yaml"), "error_eur": Term("error_eur", *error, "lognormal", "config.yaml")}  # fmt: skip
    for term in one["evidence"].get("terms", ()):
        if term["name"] in costs:
            costs[term["name"]] = Term(**{part: term[part] for part in TERM})
    return costs


def _messages(number: int, day: int, routes: tuple[Route, ...]) -> list[Message]:
    facts = {"kind": "outcome", "decision": number, "day": day}
    return [Message(f"decision:{number}", "outcome", day, "mail", route.to, {**facts, "language": route.language})
            for route in routes if {"decisions", "weekly"} & set(route.receives)]  # fmt: skip
