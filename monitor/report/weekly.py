"""Tell the head of the unit how the week went, on one screen."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import altair as alt
import polars as pl

from monitor.detection.burst import Burst
from monitor.detection.incident import Incident
from monitor.letter import Letter
from monitor.profiles.profile import Profile
from monitor.report.letters import Block, Picture, letter, tidy
from monitor.report.pictures import NOW, png
from monitor.verdict import Verdict
from monitor.window import Window, start_of

MOST_BURSTS = 5


@dataclass(frozen=True)
class Week:
    """Hold what the report says about one model: profiles by week (oldest first, the last one told), and the rest."""

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


def weekly(week: Week, now: datetime) -> Letter:
    """Render the weekly letter of one model."""
    subject = f"[Vigie] {week.model}: week to {start_of(week.window.end - 1):%d %b %Y}, {week.verdict.status}"
    main = Block(
        f"{week.model}, {start_of(week.window.first):%d %b} to {start_of(week.window.end - 1):%d %b %Y}",
        _rows(week),
        _picture(week),
    )
    happened = [(f"#{one.id}", f"{tidy(one.claim, 240)} ({one.closed_as or one.state})") for one in week.incidents]
    happened += [("burst", tidy(one.sentence, 240)) for one in week.bursts[:MOST_BURSTS]]
    waiting = [
        (f"decision {d['id']}", tidy(f"{d['recommendation'].replace('_', ' ')}: {d['sentence']}", 240))
        for d in week.decisions
    ]
    blocks = [
        main,
        Block("What happened", happened or [("", "no incident")]),
        Block("Waiting for you", waiting or [("", "nothing")]),
    ]
    return letter(
        subject,
        week.verdict.status,
        blocks,
        f"Vigie, {now:%d %b %Y %H:%M} UTC. Figures of whole hours; no link changes anything.",
    )


def _rows(week: Week) -> list[tuple[str, str]]:
    now = week.weeks[-1][1]
    before = week.weeks[-2][1] if len(week.weeks) > 1 else None
    rows = [
        ("Verdict", week.verdict.sentence),
        ("Predictions", _volume(now, before)),
        ("Service", _service(now, week.latency_ms_limit)),
    ]
    if now.decided:
        rate, wide = (
            now.automatic / now.decided,
            1.96 * (now.automatic / now.decided * (1 - now.automatic / now.decided) / now.decided) ** 0.5,
        )
        sent = now.decisions["manual"]
        rows.append(("Automation", f"{100 * rate:.1f} % ({100 * (rate - wide):.1f} to {100 * (rate + wide):.1f})"))
        rows.append(("To people", f"{sent:,} cases, about {sent * week.minutes_per_case / 60:,.0f} hours"))
    rows.append(("Accuracy", _accuracy(week)))
    return rows


def _volume(now: Profile, before: Profile | None) -> str:
    if before is None or not before.records:
        return f"{now.records:,}"
    return f"{now.records:,}, {100 * (now.records / before.records - 1):+.1f} % against the week before"


def _service(now: Profile, limit: float | None) -> str:
    if not now.latency.total:
        return "no latency is logged"
    failed = now.outcomes.total - now.outcomes["ok"]
    slow = f"; {100 * now.latency.share_from(limit):.2f} % slower than {limit:.0f} ms" if limit else ""
    return f"half within {now.latency.quantile(0.5):.0f} ms, 99 % within {now.latency.quantile(0.99):.0f} ms{slow}; {failed:,} failed"


def _accuracy(week: Week) -> str:
    told = []
    for basis, name in (("measured", "audited"), ("estimated", "estimated without labels")):
        figure = week.figures.get(("accuracy_automatic", basis))
        if figure is not None and figure["value"] is not None:
            old = figure.get("day") is not None and figure["day"] * 24 < week.window.first
            told.append(
                f"{100 * figure['value']:.1f} % ({100 * figure['low']:.1f} to {100 * figure['high']:.1f}) of automatic answers right, {name}"
                + (f", as of {start_of(24 * figure['day']):%d %b}" if old else "")
            )
        elif figure is not None and basis == "measured":
            told.append(f"not known, because {figure['note']}")
    wrong = week.figures.get(("wrong_automatic", "estimated"))
    if wrong is not None and wrong["value"] is not None:
        told.append(f"probably {wrong['value']:.0f} wrong automatic answers a day, estimated, mean of the week")
    return "; ".join(told) or "not known, because no label was ever read"


def _picture(week: Week) -> Picture | None:
    points = [(start_of(first).replace(tzinfo=None), p.automatic / p.decided) for first, p in week.weeks if p.decided]
    if len(points) < 2:
        return None
    frame = pl.DataFrame(points, schema={"week": pl.Datetime("us"), "rate": pl.Float64}, orient="row")
    last = 100 * points[-1][1]
    y = alt.Y("rate:Q", title=None, axis=alt.Axis(format=".0%"), scale=alt.Scale(domain=[0, 1]))
    x = alt.X(
        "week:T",
        title=None,
        axis=alt.Axis(format="%d %b", values=[p[0].isoformat() for p in points], labelOverlap=True),
    )
    title = alt.TitleParams(
        f"Automation rate {last:.1f} % last week",
        subtitle="share coded without a person, by week",
        anchor="start",
        subtitleColor="gray",
    )
    chart = (
        alt.Chart(frame, title=title)
        .mark_line(color=NOW, point=alt.OverlayMarkDef(filled=True, size=50))
        .encode(x=x, y=y)
    )
    told = ", ".join(f"{when:%d %b} {100 * rate:.1f} %" for when, rate in points[-6:])
    return Picture("automation", png(chart.properties(width=600, height=200)), f"Automation rate by week: {told}")
