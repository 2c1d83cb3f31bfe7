"""Tell the head of the unit how the week went, on one screen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import altair as alt
import polars as pl

from monitor.calendar import NO_CALENDAR, Standing
from monitor.detection.burst import Burst
from monitor.detection.incident import Incident
from monitor.letter import Letter
from monitor.plan import Planned
from monitor.profiles.profile import Profile
from monitor.quality.notes import recognised
from monitor.report.alert_mail import closed_as
from monitor.report.decision_mail import sentence
from monitor.report.letters import Block, Picture, fitted, letter, tidy
from monitor.report.pictures import NOW, png
from monitor.report.told import claim, field, planned, retold, then_now
from monitor.report.words import Words
from monitor.said import Said
from monitor.verdict import Verdict
from monitor.window import Window, start_of

MOST_BURSTS, LONGEST_SENTENCE, MOST_MARKS = 5, 400, 7


@dataclass(frozen=True)
class Week:
    """
    Hold what the report says about one model: profiles by week (oldest first, the last one told), and the rest.

    `about` is the table of words for what differs where the stretch of time told is no week. `year_ago` is the same week
    52 weeks before, `quiet_hours` how many hours had no prediction where some were due, `rising` the labels that rose beyond
    chance since the four weeks before as `monitor.detection.explain.labels` returns them, `coming` what is planned, and
    `limits` what these figures cannot tell.
    """

    model: str
    window: Window
    weeks: tuple[tuple[int, Profile], ...]  # first hour, profile
    verdict: Verdict
    figures: dict[tuple[str, str], dict[str, Any]]
    incidents: tuple[Incident, ...]
    decisions: tuple[dict[str, Any], ...]
    minutes_per_case: float
    latency_ms_limit: float | None
    bursts: tuple[Burst, ...] = ()
    about: str = "weekly"
    year_ago: Profile | None = None
    quiet_hours: int = 0
    rising: tuple[Mapping[str, Any], ...] = ()
    coming: tuple[Planned, ...] = ()
    limits: Said | None = None
    calendar: Standing = NO_CALENDAR


def weekly(week: Week, now: datetime, words: Words) -> Letter:
    """Render the weekly letter of one model."""
    first, last, status = start_of(week.window.first), start_of(week.window.end - 1), week.verdict.status
    subject = fitted(
        week.model,
        lambda name: words.say("weekly.subject", model=name, last=last, status=words.say(f"status.{status}")),
    )
    heading = words.say("weekly.heading", model=week.model, first=first, last=last)
    waiting = [
        (words.say("weekly.decision", number=one["id"]), tidy(_decision(one, words), 240)) for one in week.decisions
    ]
    coming = [("", tidy(planned(one, words), 240)) for one in week.coming]
    asks = week.calendar.said
    if asks is not None:
        told = coming if week.calendar.state == "not_due" else waiting
        told.append((words.say("weekly.retraining"), retold(asks, words)))
    blocks = [
        Block(heading, rows(week, words), curve(week.weeks, week.about, words)),
        happened(week, words),
        Block(words.say("weekly.waiting"), waiting or [("", words.say("weekly.nothing"))]),
        *([Block(words.say("weekly.coming"), coming)] if coming else []),
    ]
    return letter(subject, status, blocks, words.say("weekly.foot", now=now), words)


def happened(week: Week, words: Words) -> Block:
    """Tell the incidents and bursts of the time, and the answers that rose, a row each."""
    told = [
        (f"#{one.id}", words.say("weekly.incident", claim=tidy(claim(one, words), 240), how=_how(one, words)))
        for one in week.incidents
    ]
    told += [(words.say("weekly.burst"), tidy(_burst(one, words), 240)) for one in week.bursts[:MOST_BURSTS]]
    told = told or [("", words.say("weekly.no_incident"))]
    told += [(words.say("weekly.rising"), words.say("weekly.rose", title=tidy(one["title"], 120), moved=then_now(one, "share", words)))
             for one in week.rising]  # fmt: skip
    return Block(words.say("weekly.happened"), told)


def _how(one: Incident, words: Words) -> str:
    return closed_as(one, words) if one.closed_as else words.say(f"state.{one.state}")


def _burst(one: Burst, words: Words) -> str:
    what = words.say("weekly.burst_what", kind=field(one.kind, words), name=one.name)
    key = "weekly.burst_days" if one.days > 1 else "weekly.burst_row"
    return words.say(key, what=what, count=one.count, at=start_of(24 * one.day), most=one.most, days=one.days)


def _decision(one: dict[str, Any], words: Words) -> str:
    recommendation = words.say(f"decision.{one['recommendation']}")
    return words.say("weekly.decision_row", recommendation=recommendation, sentence=sentence(one, words))


def rows(week: Week, words: Words) -> list[tuple[str, str]]:
    """Tell verdict, traffic, service, automation and accuracy, with the intervals that are known."""
    now = week.weeks[-1][1]
    before = week.weeks[-2][1] if len(week.weeks) > 1 else None
    told = {"verdict": tidy(retold(week.verdict.sentence, words), LONGEST_SENTENCE), "predictions": _volume(week, now, before, words),
            "service": _service(now, week.latency_ms_limit, words)}  # fmt: skip
    if week.quiet_hours:
        told["service"] = words.listed([told["service"], words.say("weekly.quiet", n=week.quiet_hours)], "semicolon")
    if week.limits is not None:
        told["limits"] = retold(week.limits, words)
    if now.decided:
        rate, sent = now.automatic / now.decided, now.decisions["manual"]
        wide = 1.96 * (rate * (1 - rate) / now.decided) ** 0.5
        told["automation"] = words.say(
            "weekly.automation", rate=rate, low=100 * (rate - wide), high=100 * (rate + wide)
        )
        told["to_people"] = words.say("weekly.to_people", n=sent, hours=sent * week.minutes_per_case / 60)
    told["accuracy"] = _accuracy(week, words)
    return [(words.say(f"row.{name}"), value) for name, value in told.items()]


def _volume(week: Week, now: Profile, before: Profile | None, words: Words) -> str:
    if before is None or not before.records:
        told = words.say("weekly.volume", count=now.records)
    else:
        told = words.say(f"{week.about}.volume_against", count=now.records, change=now.records / before.records - 1)
    if week.year_ago is None or not week.year_ago.records:
        return told
    return words.listed([told, words.say("weekly.year_ago", change=now.records / week.year_ago.records - 1)])


def _service(now: Profile, limit: float | None, words: Words) -> str:
    if not now.latency.total:
        return words.say("weekly.no_latency")
    facts = {
        "half": now.latency.quantile(0.5),
        "most": now.latency.quantile(0.99),
        "failed": now.outcomes.total - now.outcomes["ok"],
    }
    if not limit:
        return words.say("weekly.latency", **facts)
    return words.say("weekly.latency_slow", **facts, slow=now.latency.share_from(limit), limit=limit)


def _accuracy(week: Week, words: Words) -> str:
    told = []
    for basis in ("measured", "estimated"):
        figure = week.figures.get(("accuracy_automatic", basis))
        if figure is not None and figure["value"] is not None:
            said = words.say(
                f"weekly.accuracy_{basis}", value=figure["value"], low=100 * figure["low"], high=100 * figure["high"]
            )
            day = figure.get("day")
            is_old = day is not None and day * 24 < week.window.first
            told.append(
                words.say("weekly.as_of", told=said, at=start_of(24 * day)) if day is not None and is_old else said
            )
        elif figure is not None and basis == "measured":
            told.append(
                words.say("weekly.not_known", why=retold(recognised(figure["note"], figure.get("size") or 0), words))
            )
    wrong = week.figures.get(("wrong_automatic", "estimated"))
    if wrong is not None and wrong["value"] is not None:
        told.append(words.say(f"{week.about}.wrong", n=round(wrong["value"])))
    return words.listed(told, "semicolon") or words.say("weekly.not_known", why=words.say("weekly.no_label"))


def curve(parts: Sequence[tuple[int, Profile]], about: str, words: Words) -> Picture | None:
    """Draw the automation rate of consecutive stretches of time (first hour, profile); None for less than two."""
    points = [(start_of(first).replace(tzinfo=None), p.automatic / p.decided) for first, p in parts if p.decided]
    if len(points) < 2:
        return None
    frame = pl.DataFrame(points, schema={"week": pl.Datetime("us"), "rate": pl.Float64}, orient="row")
    y = alt.Y("rate:Q", title=None, axis=alt.Axis(format=".0%"), scale=alt.Scale(domain=[0, 1]))
    x = alt.X(
        "week:T",
        title=None,
        axis=alt.Axis(
            format=words.say("picture.axis_day"),
            values=[p[0].isoformat() for p in points[:: -(-len(points) // MOST_MARKS)]],
            labelOverlap=True,
        ),
    )
    title = alt.TitleParams(
        words.say(f"{about}.picture_title", rate=points[-1][1]),
        subtitle=words.say(f"{about}.picture_subtitle"),
        anchor="start",
        subtitleColor="gray",
    )
    chart = (
        alt.Chart(frame, title=title)
        .mark_line(color=NOW, point=alt.OverlayMarkDef(filled=True, size=50))
        .encode(x=x, y=y)
    )
    told = words.listed(words.say("weekly.picture_week", at=when, rate=rate) for when, rate in points[-6:])
    text = words.say(f"{about}.picture_text", weeks=told)
    return Picture("automation", png(chart.properties(width=600, height=200), words), text)
