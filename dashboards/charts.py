"""Draw the charts that only the screen has."""

from typing import Any

import altair as alt
import polars as pl

from monitor.quality.automation_curve import Point
from monitor.report.pictures import NOW, OTHER

THEN = "#9aa0a6"


def dumbbells(frame: pl.DataFrame, title: str) -> alt.LayerChart:
    """
    Draw then and now of the labels that moved most, one row each.

    No column of a chart is called `then`: a browser takes such rows for promises and draws nothing.
    """
    rows = frame.head(12).select(short=pl.col("label").str.slice(0, 46), usual="then", now="now")
    y = alt.Y("short:N", sort=None, title=None, axis=alt.Axis(labelLimit=320, labelOverlap=False))
    x = alt.X("share:Q", title=None, axis=alt.Axis(format=".1%"))
    long = rows.unpivot(on=["usual", "now"], index="short", variable_name="side", value_name="share")
    colour = alt.Color(
        "side:N",
        title=None,
        scale=alt.Scale(domain=["usual", "now"], range=[THEN, NOW]),
        legend=alt.Legend(orient="top"),
    )
    points = (
        alt.Chart(long, title=alt.TitleParams(title, anchor="start"))
        .mark_circle(size=90, opacity=1)
        .encode(y=y, x=x, color=colour, tooltip=["short", "side", alt.Tooltip("share:Q", format=".2%")])
    )
    bars = alt.Chart(rows).mark_rule(color=THEN).encode(y=y, x=alt.X("usual:Q", title=None), x2="now:Q")
    return (bars + points).properties(width=560, height=28 * rows.height + 40)


def score_histogram(bins: list[tuple[float, int, int]], threshold: float | None) -> alt.LayerChart:
    """Draw the shares of scores now (bars) and in the reference (line), with the threshold in force."""
    frame = pl.DataFrame(
        bins, schema={"score": pl.Float64, "now": pl.Int64, "usual": pl.Int64}, orient="row"
    ).with_columns(now=pl.col("now") / pl.col("now").sum(), usual=pl.col("usual") / pl.col("usual").sum())
    x = alt.X("score:Q", title="score", scale=alt.Scale(domain=[0, 1], nice=False))
    title = alt.TitleParams("Scores now (bars) and in the reference (line)", anchor="start")
    layers: list[Any] = [
        alt.Chart(frame, title=title)
        .mark_bar(color=NOW, opacity=0.7, size=9)
        .encode(x=x, y=alt.Y("now:Q", title=None, axis=alt.Axis(format=".0%"))),
        alt.Chart(frame).mark_line(color=THEN, strokeWidth=2).encode(x=x, y=alt.Y("usual:Q", title=None)),
    ]
    if threshold is not None:
        layers.append(
            alt.Chart(pl.DataFrame({"score": [threshold]}))
            .mark_rule(strokeDash=[5, 4], color="gray")
            .encode(x="score:Q")
        )
    return alt.layer(*layers).properties(height=240)


def automation_curve(points: list[Point], chosen: float, in_force: float | None) -> alt.LayerChart:
    """Draw accuracy of automatic answers over the automation rate, with the threshold in force and the tried one."""
    frame = pl.DataFrame([(p.threshold, p.rate, p.accuracy) for p in points if p.rate > 0], orient="row",
                         schema={"threshold": pl.Float64, "rate": pl.Float64, "accuracy": pl.Float64})  # fmt: skip
    x = alt.X(
        "rate:Q", title="automation rate", axis=alt.Axis(format=".0%"), scale=alt.Scale(domain=[0, 1], nice=False)
    )
    y = alt.Y(
        "accuracy:Q", title="accuracy of automatic answers", axis=alt.Axis(format=".0%"), scale=alt.Scale(zero=False)
    )
    tip = [
        alt.Tooltip("threshold:Q", format=".3f"),
        alt.Tooltip("rate:Q", format=".1%"),
        alt.Tooltip("accuracy:Q", format=".1%"),
    ]
    title = alt.TitleParams("What each threshold would give (estimate)", anchor="start")
    layers: list[Any] = [alt.Chart(frame, title=title).mark_line(color=NOW).encode(x=x, y=y, tooltip=tip)]
    for at, filled in ((in_force, True), (chosen, False)):
        if at is not None:
            near = frame.filter((pl.col("threshold") - at).abs() < 0.0126).head(1)
            layers.append(
                alt.Chart(near)
                .mark_point(size=140, filled=filled, color=NOW, strokeWidth=2.5)
                .encode(x=x, y=y, tooltip=tip)
            )
    return alt.layer(*layers).properties(height=320)


def accuracy(frame: pl.DataFrame) -> alt.LayerChart:
    """Draw accuracy by day: measured as points with whiskers, estimated as a band."""
    frame = frame.with_columns(time=pl.col("day").cast(pl.Int32).cast(pl.Date))
    x = alt.X("time:T", title=None)
    y = alt.Y("value:Q", title=None, axis=alt.Axis(format=".0%"), scale=alt.Scale(zero=False))
    guess, seen = frame.filter(pl.col("basis") == "estimated"), frame.filter(pl.col("basis") == "measured")
    title = alt.TitleParams(
        "Accuracy of automatic answers",
        subtitle="line: audited, 28 days; band: estimated without labels",
        anchor="start",
        subtitleColor="gray",
    )
    band = (
        alt.Chart(guess, title=title)
        .mark_area(color=OTHER, opacity=0.25)
        .encode(x=x, y=alt.Y("low:Q", title=None, scale=alt.Scale(zero=False)), y2="high:Q")
    )
    line = (
        alt.Chart(seen)
        .mark_line(color=NOW, point=True)
        .encode(x=x, y=y, tooltip=["time:T", alt.Tooltip("value:Q", format=".1%")])
    )
    whiskers = alt.Chart(seen).mark_rule(color=NOW, opacity=0.5).encode(x=x, y=alt.Y("low:Q", title=None), y2="high:Q")
    return alt.layer(band, whiskers, line).properties(height=260)


def flows(rows: list[dict[str, Any]]) -> alt.Chart:
    """Draw the largest flows from the champion's to the challenger's answers."""
    frame = pl.DataFrame(rows).with_columns(flow=pl.col("champion") + " → " + pl.col("challenger"))
    return (
        alt.Chart(frame, title=alt.TitleParams("Where they differ: champion → challenger", anchor="start"))
        .mark_bar(color=OTHER)
        .encode(
            y=alt.Y("flow:N", sort="-x", title=None, axis=alt.Axis(labelOverlap=False)),
            x=alt.X("count:Q", title="texts"),
            tooltip=["champion", "challenger", "count"],
        )
        .properties(height=24 * len(rows) + 30)
    )
