"""Lend pages the clock, the store, what is selected, and a safe way to show names."""

import os
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import streamlit as st

from monitor.config import Config, load
from monitor.plan import Planned
from monitor.report.pictures import metric_picture
from monitor.report.words import words
from monitor.store import actions
from monitor.store.store import Store
from monitor.window import Window, hour_of, start_of

RANGES = {"24h": 1, "7d": 7, "30d": 30, "90d": 90}
LONGEST = 200
SHARES = ("then", "now", "moved", "share_of_change", "share of variance", "finds_a_record")


def now() -> datetime:
    """Read the clock."""
    return datetime.now(UTC)


@st.cache_resource
def config() -> Config:
    """Read config.yaml once per process."""
    return load(Path(os.environ["VIGIE_CONFIG"]))


@st.cache_resource
def store() -> Store:
    """Open the store for reading."""
    return Store.open(config().database, read_only=True)


def model() -> str:
    """Return the selected model."""
    return str(st.session_state.get("model") or next(iter(config().models)))


def window() -> Window:
    """Return the selected range, up to the running hour."""
    days = RANGES.get(str(st.session_state.get("range", "30d")), 30)
    return Window(hour_of(now() - timedelta(days=days)), hour_of(now()))


def when(hour: int, form: str = "%a %d %b %H:%M") -> str:
    """Write the start of an hour in the zone people work in."""
    return start_of(hour).astimezone(ZoneInfo(config().working_hours.zone)).strftime(form)


def plain(value: object) -> str:
    r"""
    Return a name so that Markdown shows it letter by letter: controls as escapes, a backslash before punctuation.

    >>> plain("![x](http://evil)")
    '\\!\\[x\\]\\(http\\:\\/\\/evil\\)'
    """
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(value))[:LONGEST]
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", shown)


def link(page: str, label: str, **selected: str) -> None:
    """Link to another page of the frame, with what shall be selected there."""
    st.page_link(st.session_state["pages"][page], label=label, query_params=selected)


def table(rows: pl.DataFrame | list[dict], *columns: str) -> None:
    """Show rows, these columns only when some are named; cells are never read as Markdown."""
    frame = rows if isinstance(rows, pl.DataFrame) else pl.DataFrame(rows, infer_schema_length=None, strict=False)
    frame = frame.select(columns) if columns else frame
    named: dict[str, Any] = {}
    for name, kind in frame.schema.items():
        share = name in SHARES and kind.is_float()
        shown = name.replace("_", " ")
        named[name] = (
            st.column_config.NumberColumn(shown, format="percent") if share else st.column_config.Column(shown)
        )
    st.dataframe(frame, hide_index=True, column_config=named)


def curve(history: pl.DataFrame, metric: str, title: str, *, onset: int | None = None, width: int = 480,
          plan: Sequence[Planned] = ()) -> None:  # fmt: skip
    """Draw a metric over time against the reference's band, with what was planned; nothing when nothing was measured."""
    if not history.is_empty():
        told = "band: what the reference does by itself" + ("; line: the onset" if onset else "")
        st.altair_chart(metric_picture(history, metric=metric, title=title, subtitle=told, onset=onset,
                                       zone=config().working_hours.zone, size=(width, 210), plan=plan, words=words("en")))  # fmt: skip


def ask_form(subject: str, revision: int, verbs: dict[str, str], *, waits: bool, shortest: int = 3) -> None:
    """
    Offer what may be asked for on a subject, each with a reason of at least `shortest` characters.

    `verbs` are the buttons' titles and what each asks for; nothing can be asked while something `waits` for its job.
    """
    with st.form(f"ask {subject}", clear_on_submit=True, enter_to_submit=False):
        reason = st.text_input(f"Reason (at least {shortest} characters)", max_chars=200).strip()
        columns = st.columns(len(verbs))
        pressed = [verb for column, (title, verb) in zip(columns, verbs.items(), strict=True)
                   if column.form_submit_button(title, disabled=waits)]  # fmt: skip
    if pressed and len(reason) < shortest:
        st.warning(f"Nothing was asked: a reason of at least {shortest} characters is needed.")
    elif pressed:
        ask(pressed[0], subject, revision, reason)
        st.rerun()


def asked(rows: list[dict[str, Any]]) -> None:
    """List what was asked for last, and what became of it."""
    for row in rows[:5]:
        outcome = "waits for the act job" if row["applied_us"] is None else row["refusal"] or "applied"
        st.text(f"{row['verb']} by {row['actor']}: {outcome}")


def actor() -> str:
    """Return who looks: the door's header, or `local` where no login is asked."""
    name = st.context.headers.get("x-vigie-user", "")
    return config().person(f"login:{name}") if name else "local"


def ask(verb: str, subject: str, revision: int | None, reason: str) -> None:
    """Insert an action row; a job applies it."""
    writer = Store.open(config().database)
    with writer.write() as connection:
        actions.ask(connection, actor(), verb, subject, revision=revision, reason=reason, now=now())
