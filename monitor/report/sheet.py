"""Tell of any stretch of time on one page that needs nothing else: the report that somebody asked for."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import Any

from monitor.profiles.profile import Profile
from monitor.report.letters import Block, Picture, letter, tidy
from monitor.report.told import then_now
from monitor.report.weekly import Week, curve, happened, rows
from monitor.report.words import Words, words
from monitor.window import start_of

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
MOST_MOVED, SHORT = 10, 16  # letters of a digest that are shown


@dataclass(frozen=True)
class Told:
    """
    Hold what a report on demand tells: the stretch of time as a `Week`, its days, and the answers beside the reference's.

    `mix` is the share of answers that moved to other labels and what chance alone gives, `moved` the labels as
    `monitor.detection.explain.labels` returns them; None and empty without a reference. `origin` is what it was made from.
    """

    week: Week
    days: Sequence[tuple[int, Profile]]  # first hour, profile
    mix: tuple[float, float] | None
    moved: Sequence[Mapping[str, Any]]
    origin: Mapping[str, str | None]


def sheet(number: int | str, told: Told, now: datetime, words: Words) -> dict[str, Any]:
    """Write what the report of this number, or "of decision 31", says, as JSON can hold it; `page` makes the page of it."""
    week = told.week
    last = start_of(week.window.end - 1)
    heading = words.say("sheet.heading", model=week.model, first=start_of(week.window.first), last=last)
    blocks = [
        Block(heading, rows(week, words), curve(told.days, week.about, words)),
        Block(words.say("sheet.answers"), _answers(told, words)),
        happened(week, words),
        Block(words.say("sheet.origin", number=number), _origin(told, words)),
    ]
    foot = words.say("sheet.foot", now=now)
    return {"title": heading, "status": week.verdict.status, "language": words.language, "foot": foot, "blocks": [_plain(one) for one in blocks]}  # fmt: skip


def page(body: Mapping[str, Any]) -> str:
    """Return the page of a report: HTML that runs nothing and fetches nothing; the same `body` gives the same bytes."""
    blocks = [_rich(one) for one in body["blocks"]]
    made = letter(body["title"], body["status"], blocks, body["foot"], words(body["language"]))
    html = made.html
    for cid, picture in made.pictures.items():
        html = html.replace(f"cid:{cid}", f"data:image/png;base64,{base64.b64encode(picture).decode()}")
    head = f'<head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{POLICY}"><title>{escape(body["title"])}</title>'
    return "<!doctype html>" + html.replace("<head>", head, 1)


def _answers(told: Told, words: Words) -> list[tuple[str, str]]:
    if told.mix is None:
        return [("", words.say("sheet.no_reference"))]
    if not told.week.weeks[-1][1].labels.total:
        return [("", words.say("sheet.no_answer"))]
    seen, chance = (words.shown(one, "share") for one in told.mix)
    lines = [(words.say("sheet.mix"), words.say("sheet.mix_row", seen=seen, chance=chance))]
    for row in told.moved[:MOST_MOVED]:
        key = "sheet.label" if row["stands_out"] else "sheet.label_chance"
        lines.append((tidy(row["title"], 80), words.say(key, moved=then_now(row, "share", words))))
    return lines


def _origin(told: Told, words: Words) -> list[tuple[str, str]]:
    window, origin = told.week.window, told.origin
    return [
        (words.say("sheet.window"), words.say("sheet.window_row", first=start_of(window.first), end=start_of(window.end))),
        (words.say("sheet.config"), (origin["config"] or "")[:SHORT]),
        (words.say("sheet.reference"), (origin["reference"] or words.say("unit.nothing"))[:SHORT]),
        (words.say("sheet.seed"), words.say("sheet.no_seed")),
    ]  # fmt: skip


def _plain(block: Block) -> dict[str, Any]:
    picture = block.picture and {"cid": block.picture.cid, "png": base64.b64encode(block.picture.png).decode(),
                                 "text": block.picture.text}  # fmt: skip
    return {"heading": block.heading, "rows": [list(row) for row in block.rows], "picture": picture}


def _rich(plain: Mapping[str, Any]) -> Block:
    one = plain["picture"]
    picture = one and Picture(one["cid"], base64.b64decode(one["png"]), one["text"])
    return Block(plain["heading"], [(name, value) for name, value in plain["rows"]], picture)
