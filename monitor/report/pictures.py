"""Draw the pictures that mails and the dashboard share."""

import io
import math
from collections.abc import Sequence
from textwrap import wrap
from typing import Any, Final

import altair as alt
import polars as pl
from PIL import Image

from monitor.detection.baseline import VOLUME, WITNESS
from monitor.detection.incident import Cause
from monitor.plan import Planned
from monitor.report.told import cause as told_cause
from monitor.report.told import moved
from monitor.report.words import Words

NOW, BAND, ONSET, OTHER = "#1F84BD", "#9aa0a6", "#D55E00", "#CC79A7"
MOST_HOURS = 14 * 24
TOGETHER: Final = {
    WITNESS: 4
}  # hours that move together, as its direction is learnt over a day: 98 % of quiet days in the band
LINE: Final = 15  # of words, in pixels
WIDEST: Final = 50  # characters of a title's line: a longer one makes the picture narrower on a telephone
COLOURS: Final = 32
SMALL_SHARE: Final = 0.05
MOST_CLOCK_HOURS: Final = 72
MOST_TICKS: Final = 8
NUMBERS: Final = {"latency", "length", "volume", "confidence", "support", WITNESS}  # all other metrics are shares
NATURAL: Final = {"latency": math.exp, "length": math.exp, "support": math.exp}


def metric_picture(history: pl.DataFrame, *, metric: str, title: str, subtitle: str, words: Words, onset: int | None = None,
                   zone: str = "UTC", size: tuple[int, int] = (600, 240), plan: Sequence[Planned] = ()) -> Any:  # fmt: skip
    """
    Draw a metric over time with what the reference does by itself as a band, and the onset as a line.

    Of the `plan` that falls into the picture, moments are dashed lines and stretches of time are shaded, each with
    its title. `history` is what `monitor.store.readings.history` returns: hours up to 14 days, days beyond. Below a distance
    stands what the reference shows of it by itself. `size` is that of a picture with two lines of words; each more adds its
    height.
    """
    points = at_grain(history, metric, zone)
    form = _form(points, metric)
    y = alt.Y("value:Q", title=None, scale=alt.Scale(zero=False), axis=alt.Axis(format=form, tickCount=5))
    x = alt.X("time:T", title=None, axis=_clock(points, words))
    above, below = wrap(title, WIDEST), [subtitle, *(by_itself(history, words) if metric == WITNESS else ())]
    told = alt.TitleParams(above, subtitle=below, anchor="start", subtitleColor="gray")
    base = alt.Chart(points, title=told)
    band = base.mark_area(color=BAND, opacity=0.35).encode(
        x=x, y=alt.Y("low:Q", title=None, scale=alt.Scale(zero=False)), y2="high:Q"
    )
    line = base.mark_line(color=NOW, strokeWidth=1.5).encode(
        x=x,
        y=y,
        tooltip=["time:T", alt.Tooltip("value:Q", format=".3~f"), alt.Tooltip("expected:Q", format=".3~f"), "size:Q"],
    )
    layers: list[Any] = [band, line]
    if onset is not None:
        mark = pl.DataFrame({"time": [onset * 3_600_000_000]}).with_columns(_time(zone))
        layers.append(alt.Chart(mark).mark_rule(color=ONSET, strokeWidth=2).encode(x="time:T"))
    layers += _planned(points, plan, zone)
    return alt.layer(*layers).properties(width=size[0], height=size[1] + LINE * (len(above) + len(below) - 2))


def curve_title(cause: Cause, words: Words) -> str:
    """Name the curve of a cause: what is measured, and how far it moved where its unit says that."""
    if cause.metric == WITNESS:
        return words.say("picture.mix")
    return told_cause(cause, words) if cause.metric == VOLUME else moved(cause, words)


def by_itself(history: pl.DataFrame, words: Words) -> list[str]:
    """
    Say how far the mix of the newest 24 measured hours was from the reference's, beside what the reference gives in as many hours by itself.

    >>> from monitor.report.words import words
    >>> by_itself(pl.DataFrame({"hour": [5, 6, 9], "value": [0.62, 0.58, None], "expected": 0.01, "low": -0.19, "high": 0.21,
    ...                         "size": [85.0, 85.0, 0.0]}), words("en"))
    ['newest day: 0.60 over 170 answers; by itself up to 0.21']
    """
    day = history.drop_nulls("value").filter(pl.col("hour") > pl.col("hour").max() - 24)
    value, expected = ((pl.col(name) * pl.col("size")).sum() / pl.col("size").sum() for name in ("value", "expected"))
    told = day.select(value, answers=pl.col("size").sum(), chance=expected + _half(WITNESS))
    return [words.say("picture.by_itself", **one)
            for one in told.iter_rows(named=True) if one["answers"]]  # fmt: skip


def _half(metric: str) -> pl.Expr:
    """Return half the band of a mean of hours: that of an hour, divided by the root of the hours that tell for themselves."""
    own = (pl.len() / TOGETHER.get(metric, 1)).clip(lower_bound=1)
    return (pl.col("high") - pl.col("low")).mean() / 2 / own.sqrt()


def _planned(points: pl.DataFrame, plan: Sequence[Planned], zone: str) -> list[Any]:
    """Draw what was planned within the picture's time, with the titles to read at the pointer."""
    rows = [
        (one.from_us, one.from_us if one.to_us is None else one.to_us, str(one.title))
        for one in plan
        if one.removed_us is None
    ]
    shape = {"time": pl.Int64, "until": pl.Int64, "planned": pl.String}
    entries = pl.DataFrame(rows, schema=shape, orient="row").with_columns(_time(zone), _time(zone, "until"))
    first: Any = points["time"].min()
    last: Any = points["time"].max()
    inside = entries.filter((pl.col("until") >= first) & (pl.col("time") <= last)).with_columns(
        pl.col("time").clip(lower_bound=first), pl.col("until").clip(upper_bound=last)
    )
    moments, stretches = (
        inside.filter((pl.col("time") == pl.col("until")) == is_moment) for is_moment in (True, False)
    )
    drawn: list[Any] = []
    if moments.height:
        line = alt.Chart(moments).mark_rule(color=OTHER, strokeWidth=1.5, strokeDash=[4, 3])
        drawn.append(line.encode(x="time:T", tooltip=["planned:N", "time:T"]))
    if stretches.height:
        shade = alt.Chart(stretches).mark_rect(color=OTHER, opacity=0.15)
        drawn.append(shade.encode(x="time:T", x2="until:T", tooltip=["planned:N", "time:T", "until:T"]))
    return drawn


def _form(points: pl.DataFrame, metric: str) -> str:
    """Return how the values' axis is written: shares with decimals where they are small."""
    if metric not in NUMBERS:
        highest = points.select(pl.max_horizontal(pl.col("value").max(), pl.col("high").max())).item()
        return ".1%" if (highest or 0) < SMALL_SHARE else ".0%"
    return ".2~f" if metric in {"confidence", WITNESS} else "~s"


def _clock(points: pl.DataFrame, words: Words) -> alt.Axis:
    """Return the axis of time: hours for three days or less, beyond it days, none of them twice."""
    span_hours = points.select((pl.col("time").max() - pl.col("time").min()).dt.total_hours()).item()
    by_day = span_hours is None or span_hours > MOST_CLOCK_HOURS
    count = min(MOST_TICKS, (span_hours or 0) // 24 or MOST_TICKS) if by_day else MOST_TICKS
    return alt.Axis(format=words.say(f"picture.axis_{'day' if by_day else 'hour'}"), tickCount=count, labelOverlap=True)


def at_grain(history: pl.DataFrame, metric: str, zone: str = "UTC") -> pl.DataFrame:
    """Return the history in natural units with a `time` column: hours up to 14 days, means by day beyond."""
    if history.height > MOST_HOURS:
        weight = pl.col("size").clip(1, 1) if metric == "volume" else pl.col("size").clip(lower_bound=1e-9)
        means = [
            ((pl.col(c) * weight).sum() / weight.filter(pl.col(c).is_not_null()).sum()).alias(c)
            for c in ("value", "expected")
        ]
        history = (
            history.filter(pl.col("value").is_not_null())
            .group_by(hour=pl.col("hour") // 24 * 24, maintain_order=True)
            .agg(*means, pl.col("size").sum(), half=_half(metric))
            .with_columns(low=pl.col("expected") - pl.col("half"), high=pl.col("expected") + pl.col("half"))
        )
    if metric in NATURAL:
        history = history.with_columns(pl.col("value", "expected", "low", "high").exp())
    elif metric not in NUMBERS:
        history = history.with_columns(pl.col("low", "high").clip(0, 1))
    return (
        history.with_columns(time=pl.col("hour") * 3_600_000_000)
        .with_columns(_time(zone))
        .select("time", "value", "expected", "low", "high", "size")
    )


def _time(zone: str, name: str = "time") -> pl.Expr:
    utc = pl.col(name).cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    return utc.dt.convert_time_zone(zone).dt.replace_time_zone(None).alias(name)


def png(chart: Any, words: Words) -> bytes:
    """Return the chart, its axes in the words' language, as PNG at double pixels in 32 colours, small enough to lie inside a mail."""
    import vl_convert

    locale: Any = words.say("picture.locale")
    raw = vl_convert.vegalite_to_png(chart.to_json(), scale=2, format_locale=locale, time_format_locale=locale)
    small = Image.open(io.BytesIO(raw)).convert("RGB").quantize(COLOURS)
    out = io.BytesIO()
    small.save(out, "PNG", optimize=True)
    return out.getvalue()
