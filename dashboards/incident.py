"""Fetch what the page of one incident shows, and say it in its parts."""

from typing import Any

import polars as pl
import streamlit as st

from dashboards import charts, shared, views
from monitor.detection.explain import beside_chance, shown, then_now
from monitor.detection.incident import Cause, Incident
from monitor.detection.renewal import kin_of
from monitor.detection.suspects import Reading, Suspect, new_languages, suspects
from monitor.report.advice import advice
from monitor.report.domain_classifier import sentence
from monitor.report.pictures import curve_title
from monitor.report.words import words
from monitor.store import actions, groups, holding, incidents, outbox, profiles, rollback, symptoms
from monitor.window import MICROSECONDS_PER_HOUR, Window, hour_of

LONGEST_LABEL = 40
MOST_CURVES = 4
LEAST_PART = 0.05  # of the change: what carries less is not shown


def incidents_of(model: str, *, closed: bool) -> list[Incident]:
    """Return the model's incidents, newest first."""
    with shared.store().read() as connection:
        return incidents.all(connection, model, None if closed else ("open", "recovering"))


def incident(number: int) -> tuple[Incident, list[dict[str, Any]], list[dict[str, Any]], list[dict[str, Any]]]:
    """Return an incident, its history, its messages and the actions asked for."""
    with shared.store().read() as connection:
        told = [
            {"at": f"{c.at:%d %b %H:%M}", "change": c.change, "by": c.actor, "reason": c.reason}
            for c in incidents.history(connection, number)
        ]
        sent = [
            {"to": m["recipient"], "event": m["event"], "state": m["state"]}
            for m in outbox.about(connection, f"incident:{number}")
        ]
        return incidents.get(connection, number), told, sent, actions.about(connection, f"incident:{number}")


def held(one: Incident) -> list[str]:
    """Say what holds the messages about an incident back now, and which of them wait."""
    names = [source.name for source in shared.config().sources.values() if source.model in {None, one.model}]
    with shared.store().read() as connection:
        found = holding.holding(connection, one, names, shared.now())
        waits = holding.waiting(connection, one.id)
    return [
        *(f"Messages are held back: {what.sentence}" for what in found),
        *(f"A message waits: to {what}" for what in waits),
    ]


def beside(one: Incident) -> str:
    """Name the incidents of other models that were told together with this one; nothing when there are none."""
    with shared.store().read() as connection:
        others = [incidents.get(connection, number) for number in groups.together(connection, one.id)]
    named = ", ".join(f"{other.model} #{other.id}" for other in others)
    return f"Together with: {named}" if named else ""


def suspects_of(one: Incident) -> list[Suspect]:
    """Return where to look first."""
    names = [source.name for source in shared.config().sources.values() if source.model in {None, one.model}]
    first, end = one.onset_hour - 24, (one.closed_hour or one.found_hour) + 24
    with shared.store().read() as connection:
        read = symptoms.read_of(connection, names, first * MICROSECONDS_PER_HOUR, end * MICROSECONDS_PER_HOUR)
    return suspects(one, Reading(*read))


def concerned(one: Incident) -> int:
    """Return the predictions since the onset, until it was over."""
    with shared.store().read() as connection:
        return profiles.total(
            connection, one.model, Window(one.onset_hour, max(one.closed_hour or hour_of(shared.now()), one.onset_hour))
        ).records


def like_before(one: Incident) -> list[dict[str, Any]]:
    """Return the newest three closed incidents of the model that the same kind of metric led."""
    kin = {kin_of(cause.metric) for cause in one.causes[:1]}
    with shared.store().read() as connection:
        past = [other for other in incidents.all(connection, one.model, ("closed",)) if other.found_hour < one.found_hour
                and kin & {kin_of(cause.metric) for cause in other.causes[:1]}]  # fmt: skip
        why = {other.id: incidents.history(connection, other.id)[-1].reason for other in past[:3]}
    return [{"incident": other.id, "began": shared.when(other.onset_hour), "what": other.claim, "closed as": other.closed_as or "",
             "because": why[other.id]} for other in past[:3]]  # fmt: skip


def moved_labels(labels: list[dict[str, Any]]) -> pl.DataFrame:
    """Return an incident's labels as a chart reads them: title, then, now."""
    return pl.DataFrame(labels).select(label="title", then="then", now="now")


def headline(one: Incident) -> None:
    """Say what changed, since when, and how many predictions it concerned."""
    by = f", acknowledged by {shared.plain(one.acknowledged_by)}" if one.acknowledged_by else ""
    ended = f", closed as {shared.plain(one.closed_as)}" if one.closed_as else ""
    st.subheader(f"#{one.id} {one.state}{ended}{by}")
    st.text(one.claim)
    if others := beside(one):
        st.text(others)
    for line in held(one):
        st.text(line)
    began, found, many = st.columns(3)
    began.metric("Began about", shared.when(one.onset_hour, "%d %b %H:%M"))
    found.metric("Told after", f"{one.found_hour - one.onset_hour} h")
    many.metric(
        "Predictions since it began" if one.state != "closed" else "Predictions until it closed", f"{concerned(one):,}"
    )


def drawn(one: Incident) -> list[Cause]:
    """Return the causes whose course is shown: the first, and those about which answers are given."""
    return [cause for at, cause in enumerate(one.causes) if not at or kin_of(cause.metric) == "answers"][:MOST_CURVES]


def changes(one: Incident) -> None:
    """Show what changed, the most telling first, and the course of it."""
    st.subheader("What changed?")
    shared.table([{"what": cause.text, "usual": shown(cause.expected, cause.unit), "since it began": shown(cause.seen, cause.unit),
                   "share of the evidence": f"{cause.share:.0%}"} for cause in one.causes])  # fmt: skip
    if one.causes:
        st.caption("From a week before it began until now:")
    for cause in drawn(one):
        curve = views.history(one.model, cause.metric, one.onset_hour - 168, hour_of(shared.now()))
        title, plan = curve_title(cause, words("en")), views.plan(one.model)
        shared.curve(curve, cause.metric, title, onset=one.onset_hour, width=900, plan=plan)


def first_look(one: Incident) -> None:
    """Show where to look first."""
    st.subheader("Where to look first")
    for suspect in suspects_of(one):
        st.text(f"{suspect.question} {suspect.answer.capitalize()}: {suspect.why}.")
    challengers, until = shared.config().challengers.values(), hour_of(shared.now()) + 1
    with shared.store().read() as connection:
        replay = rollback.replayed(connection, one, challengers, until)
    if replay:
        st.text(f"Version before: {replay}.")


def concerns(one: Incident) -> None:
    """Show whom it concerns: segments, and branches of the nomenclature."""
    unit = one.causes[0].unit if one.causes else ""
    rows = [
        {**row, "usual -> now": then_now(row, unit)}
        for row in one.detail.get("segments", [])
        if abs(row["share_of_change"]) >= LEAST_PART
    ]
    if rows:
        st.subheader("Whom does it concern?")
        shared.table(rows, "field", "value", "usual -> now", "share_of_change")
    lie = one.detail.get("branches", {})
    rows = [{**row, "branch": row["title"]} for row in lie.get("rows", []) if abs(row["share_of_change"]) >= LEAST_PART]
    if rows:
        st.subheader(f"In which {shared.plain(lie['level'])}?")
        st.caption(shared.plain(lie["of"]))
        shared.table(rows, "branch", "then", "now", "share_of_change")


def examples(one: Incident) -> None:
    """Show the answers that moved, the words that came and went, the languages, and texts unlike those of the reference."""
    told = one.told
    labels = told.get("labels", [])
    if labels:
        st.altair_chart(charts.dumbbells(moved_labels(labels), "Answers that moved most"))
        beyond = ", ".join(row["title"] for row in labels if not beside_chance(row))
        st.text(f"Moved by more than chance: {beyond or 'none of them yet'}.")
    languages = new_languages(told)
    if languages:
        st.subheader("Languages that came")
        shared.table([{"language": code, "then": then, "now": now} for code, then, now in languages])
    classified(told.get("classifier"))
    words = told.get("terms", {})
    is_told = bool(told.get("classifier", {}).get("words", {}).get("new"))
    for side, title in (("gained", "Words that came"), ("lost", "Words that went")):
        if words.get(side) and not (is_told and side == "gained"):
            st.subheader(title)
            shared.table([{"word": word, "then": then, "now": now} for word, then, now in words[side]])
    if told.get("texts"):
        st.subheader("Texts unlike the reference (redacted)")
        named = shared.config().nomenclature(one.model)
        shared.table([{**text, "label": named.name(str(text["label"]))[:LONGEST_LABEL]} for text in told["texts"]])


def classified(found: dict[str, Any] | None) -> None:
    """Say whether a classifier tells the new texts from the old ones, and by which words."""
    if found is None:
        return
    st.subheader("Are the texts new?")
    st.text(sentence(found))
    words = found.get("words", {}).get("new", [])
    if words:
        shared.table([{"word that tells them": word, "then": then, "now": now} for word, then, now in words])


def to_do(one: Incident, asked: list[dict[str, Any]]) -> None:
    """Say what to do, and offer what may be done; a job applies it within a minute."""
    st.subheader("What to do")
    if one.causes:
        for title, said in zip(
            ("What it means", "What to check", "What to do"), advice(one.causes[0].metric, words("en")), strict=True
        ):
            st.text(f"{title}: {said}")
    if one.state != "closed":
        verbs = {"Acknowledge": "ack", "Snooze a day": "snooze:1", "Snooze a week": "snooze:7", "Close: fixed": "close:fixed", "Close: false alarm": "close:false_alarm",
                 "New normal": "close:new_normal"}  # fmt: skip
        shared.ask_form(
            f"incident:{one.id}", one.revision, verbs, waits=any(row["applied_us"] is None for row in asked)
        )
        st.caption(
            "Snooze: no message of it meanwhile but its end. New normal (role owner): it is right as it is. What it told of is learnt "
            "anew for two weeks; all else goes on."
        )
    shared.asked(asked)
    st.code(
        f"vigie incidents ack {one.id} --reason ...\nvigie incidents close {one.id} --reason ...\n"
        f"vigie incidents new-normal {one.id} --reason ...\nvigie report --incident {one.id}",
        language=None,
    )


def past(one: Incident, history: list[dict[str, Any]], messages: list[dict[str, Any]]) -> None:
    """Show incidents like it, its own history, and what was sent."""
    before = like_before(one)
    if before:
        st.subheader("Like before")
        shared.table(before)
    st.subheader("History")
    shared.table(history)
    if messages:
        shared.table(messages)
