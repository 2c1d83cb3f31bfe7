"""Tell in one letter about incidents of several models that came together: what they share, and a row for each model."""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from monitor.detection.incident import Incident
from monitor.letter import Letter
from monitor.report.alert_mail import closed_as, foot
from monitor.report.letters import Block, fitted, letter, tidy
from monitor.report.told import claim, topic
from monitor.report.words import Words
from monitor.window import start_of


@dataclass(frozen=True)
class Together:
    """
    Hold what a letter about a group says: the change, all its incidents, and the numbers of those that are `new`.

    `shared` gives, for each name that two or more of the models share, every model that has it; `reminder`, when the
    recipient is reminded next.
    """

    change: str
    incidents: tuple[Incident, ...]
    new: frozenset[int]
    shared: Mapping[str, frozenset[str]]
    url: str
    now: datetime
    reminder: datetime | None = None


def group_mail(told: Together, words: Words) -> Letter:
    """Render the letter about a group that opened, grew or closed: the worst first, what is closed last."""
    some = sorted(told.incidents, key=lambda one: (one.state == "closed", -severity(one), one.onset_hour, one.id))
    since = start_of(min(one.onset_hour for one in some))
    status = "OK" if told.change == "closed" else "ALARM"
    rows = _closed(told, words) if told.change == "closed" else _first_look(told, words)
    blocks = [
        Block(words.say("group.heading", who=_who(told, words), since=since), rows),
        Block(words.say("group.rows"), [_row(one, told, words) for one in some]),
    ]
    last = foot(told.change, told.reminder, told.now, words)
    return letter(_subject(told, since, status, words), status, blocks, last, words)


def severity(one: Incident) -> float:
    """
    Return how far the first cause moved, as the logarithm of its ratio: twice and half as much are equally bad.

    >>> from monitor.detection.incident import Cause
    >>> cause = Cause("latency", "service", 1.0, "ms", 40.0, 80.0, 900.0, 1, "")
    >>> round(severity(Incident(1, "ape", 5, 9, "open", (cause,))), 2), severity(Incident(1, "ape", 5, 9, "open", ()))
    (0.69, 0.0)
    """
    if not one.causes:
        return 0.0
    cause = one.causes[0]
    least = 1e-3  # a tenth of a percent: what was nothing and is nearly nothing did not move
    return abs(math.log(max(abs(cause.seen), least) / max(abs(cause.expected), least)))


def _subject(told: Together, since: datetime, status: str, words: Words) -> str:
    """Return the subject: at most 78 letters, whatever the names are, so that nothing of it is cut."""
    key = told.change if told.change in {"closed", "reminder", "escalated"} else "opened"
    what = words.say(f"group.subject_{key}", since=since)
    if told.new:
        what = words.say("group.subject_more", count=len(told.new))
    models = {one.model for one in told.incidents}
    who = words.say("group.at_once", n=len(models))
    if told.shared:
        tag, others = _widest(told)
        key = "some" if len(models) == len(models & others) else "all"
        who = words.say(f"group.subject_{key}_sharing", count=len(models), all=len(others), tag=tag)
    number = min(one.id for one in told.incidents)
    return fitted(who, lambda short: words.say("group.subject", status=words.say(f"status.{status}"), who=short, what=what, number=number))  # fmt: skip


def _who(told: Together, words: Words) -> str:
    """Say of how many models this is, and what they share: `8 of the 21 models that share embedder`."""
    models = {one.model for one in told.incidents}
    if not told.shared:
        return words.say("group.at_once", n=len(models))
    tag, others = _widest(told)
    inside = len(models & others)
    key = "group.sharing_and_more" if inside < len(models) else "group.sharing"
    return words.say(key, count=inside, all=len(others), tag=tidy(tag), more=len(models) - inside)


def _widest(told: Together) -> tuple[str, frozenset[str]]:
    models = {one.model for one in told.incidents}
    return max(sorted(told.shared.items()), key=lambda pair: len(models & pair[1]))


def _first_look(told: Together, words: Words) -> list[tuple[str, str]]:
    def row(name: str, key: str, **facts: Any) -> tuple[str, str]:
        return words.say(f"row.{name}"), words.say(f"group.{key}", **facts)

    topics = Counter(topic(one, words) for one in told.incidents)
    rows = [(words.say("row.what_changed"), _counted(topics, words))]
    models = {one.model for one in told.incidents}
    rows += [
        row("shared", "shared", tag=tag, count=len(models & of), all=len(of)) for tag, of in sorted(told.shared.items())
    ]
    tag, which = (_widest(told)[0], "_shared") if told.shared else ("", "")
    first = min(one.id for one in told.incidents)
    rows += [
        row("look_first", f"look{which}", tag=tag),
        row("do_now", f"do{which}", tag=tag),
        row("commands", "commands", number=first),
    ]
    if told.new:
        rows.append(row("new", "new", count=len(told.new)))
    return rows + ([(words.say("row.link"), f"{told.url}/Incidents?id={first}")] if told.url else [])


def _closed(told: Together, words: Words) -> list[tuple[str, str]]:
    ways = Counter(closed_as(one, words) or words.say("group.closed") for one in told.incidents)
    return [(words.say("row.how"), _counted(ways, words))]


def _counted(parts: Counter[str], words: Words) -> str:
    return words.listed(words.say("group.counted", what=what, count=count) for what, count in parts.most_common())


def _row(one: Incident, told: Together, words: Words) -> tuple[str, str]:
    """Name the incident in the narrow column and its model in the wide one: a model's name may have 64 letters."""
    mark = words.say("group.mark_new" if one.id in told.new else "group.mark", number=one.id)
    key = "group.row_again" if one.recurrence_of and told.change == "opened" else "group.row"
    row = words.say(key, model=one.model, since=start_of(one.onset_hour), claim=tidy(claim(one, words), 160))
    return mark, words.say("group.row_closed", row=row, how=closed_as(one, words)) if one.state == "closed" else row
