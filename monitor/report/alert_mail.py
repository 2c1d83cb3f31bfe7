"""Tell about an incident so that its first screen says what changed, how much, for whom, and what to do now."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl

from monitor.detection.incident import Incident
from monitor.detection.suspects import new_languages
from monitor.letter import Letter
from monitor.report.advice import advice
from monitor.report.letters import Block, Picture, fitted, letter, tidy
from monitor.report.pictures import curve_title, metric_picture, png
from monitor.report.told import cause, claim, field, retold, then_now, topic
from monitor.report.words import Words
from monitor.said import Said
from monitor.window import start_of

MOST_TEXTS, LONGEST_NAME = 5, 64
TELLING_SHARE = 0.3  # of the change, from which the segment that carries it is named
VERBS = {"opened": "ALARM", "worsened": "ALARM", "reminder": "ALARM", "escalated": "ALARM", "closed": "OK"}


@dataclass(frozen=True)
class Surroundings:
    """
    Hold what the letter says beside the incident: champion, history of the first metric, accuracy (why it is not known, or what
    was `measured`: value, low and high), links, texts allowed, when the recipient is reminded next, and what a replay of the
    former version says.
    """

    version: str | None
    history: pl.DataFrame
    accuracy: str | None
    url: str
    with_texts: bool
    now: datetime
    reminder: datetime | None = None
    rollback: Said | None = None
    measured: Mapping[str, float] | None = None


def alert_mail(incident: Incident, change: str, around: Surroundings, words: Words) -> Letter:
    """Render the letter about a change (opened, worsened, closed) of an incident, or the reminder or escalation of one."""
    status, since = VERBS[change], start_of(incident.onset_hour)
    again = "_again" if incident.recurrence_of and change == "opened" else ""
    what = words.say(
        f"alert.{change}{again}", topic=topic(incident, words), since=since, how=closed_as(incident, words)
    )
    subject = fitted(incident.model, lambda name: words.say("alert.subject", status=words.say(f"status.{status}"), model=name, what=what,
                                                            number=incident.id))  # fmt: skip
    version = tidy(around.version or words.say("alert.no_version"), LONGEST_NAME)
    heading = words.say("alert.heading", model=incident.model, version=version, since=since)
    blocks = [Block(heading, _rows(incident, around, change, words), _picture(incident, around, words))]
    told = incident.told
    if told.get("labels"):
        moved = [("", _label(one, words)) for one in told["labels"][:5]]
        blocks.append(Block(words.say("alert.labels"), moved))
    gained = told.get("terms", {}).get("gained", [])
    if gained:
        came = words.listed(words.say("alert.word", word=tidy(word, 30), now=now) for word, _, now in gained[:8])
        blocks.append(Block(words.say("alert.words"), [("", came)]))
    texts = told.get("texts", [])
    if around.with_texts and texts:
        shown = [(tidy(str(t["label"]), 20), tidy(t["text"])) for t in texts[:MOST_TEXTS]]
        blocks.append(Block(words.say("alert.texts"), shown))
    return letter(subject, status, blocks, foot(change, around.reminder, around.now, words), words)


def foot(change: str, reminder: datetime | None, now: datetime, words: Words) -> str:
    """Write the last lines: when the next reminder comes, and that no link changes anything."""
    if reminder is not None:
        return words.say("mail.foot_reminder", at=reminder, now=now)
    return words.say("mail.foot_last" if change == "reminder" else "mail.foot", now=now)


def closed_as(incident: Incident, words: Words) -> str:
    """Say how an incident was closed; nothing while it is not."""
    key = f"closed_as.{incident.closed_as}"
    return words.say(key) if words.knows(key) else incident.closed_as or ""


def measured(figure: Mapping[str, float], words: Words) -> str:
    """Say how many automatic answers were right, with the interval."""
    return words.say(
        "weekly.accuracy_measured", value=figure["value"], low=100 * figure["low"], high=100 * figure["high"]
    )


def _label(one: dict[str, Any], words: Words) -> str:
    key = "alert.label" if one.get("stands_out", True) else "alert.label_chance"
    return words.say(key, title=tidy(one["title"]), moved=then_now(one, "share", words))


def _rows(incident: Incident, around: Surroundings, change: str, words: Words) -> list[tuple[str, str]]:
    def row(name: str, key: str, **facts: Any) -> tuple[str, str]:
        return words.say(f"row.{name}"), words.say(key, **facts)

    rows = [(words.say("row.what_changed"), tidy(claim(incident, words), 300))]
    rows += [
        row("evidence", "alert.evidence", share=one.share, cause=tidy(cause(one, words), 300))
        for one in incident.causes
    ]
    where = incident.detail.get("segments", [])
    if where and where[0]["share_of_change"] >= TELLING_SHARE:
        unit = incident.causes[0].unit if incident.causes else ""
        rows.append(row("whom", "alert.whom", share=min(where[0]["share_of_change"], 1), field=field(where[0]["field"], words),
                        value=tidy(str(where[0]["value"])), moved=then_now(where[0], unit, words)))  # fmt: skip
    languages = [words.say("alert.language", code=tidy(code), now=now, then=then)
                 for code, then, now in new_languages(incident.told)]  # fmt: skip
    if languages:
        rows.append((words.say("row.language"), words.listed(languages)))
    if around.rollback is not None:
        rows.append((words.say("row.rollback"), tidy(retold(around.rollback, words), 300)))
    why = around.accuracy and retold(around.accuracy, words)
    rows += [
        row("found", "alert.found", at=start_of(incident.found_hour), hours=incident.found_hour - incident.onset_hour),
        (
            words.say("row.accuracy"),
            measured(around.measured, words)
            if around.measured and not why
            else words.say("alert.accuracy_unknown", why=why),
        ),
    ]
    if change != "closed":
        if incident.causes:
            now = advice(incident.causes[0].metric, words)
            rows += [(words.say("row.look_first"), now.check), (words.say("row.do_now"), now.do)]
        else:
            rows.append(row("do_now", "alert.do_now"))
        rows.append(row("commands", "alert.commands", number=incident.id))
    if around.url:
        rows.append((words.say("row.link"), f"{around.url}/Incidents?id={incident.id}"))
    return rows


def _picture(incident: Incident, around: Surroundings, words: Words) -> Picture | None:
    if not incident.causes or around.history.height == 0:
        return None
    first = incident.causes[0]
    chart = metric_picture(around.history, metric=first.metric, title=tidy(curve_title(first, words), 90),
                           subtitle=words.say("picture.subtitle"), onset=incident.onset_hour, words=words)  # fmt: skip
    text = words.say("alert.picture", cause=tidy(cause(first, words), 200), at=start_of(incident.onset_hour))
    return Picture("metric", png(chart, words), text)
