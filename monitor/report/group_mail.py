"""Tell in one letter about incidents of several models that came together: what they share, and a row for each model."""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from monitor.detection.incident import Incident
from monitor.letter import Letter
from monitor.report.letters import Block, letter, tidy
from monitor.window import start_of

TOPICS = {"inputs": "inputs changed", "outputs": "answers changed", "service": "service changed"}
LONGEST_SUBJECT = 78
FOOT = "UTC. No link in this mail changes anything."


@dataclass(frozen=True)
class Together:
    """
    Hold what a letter about a group says: the change, all its incidents, and the numbers of those that are `new`.

    `shared` gives, for each name that two or more of the models share, every model that has it.
    """

    change: str
    incidents: tuple[Incident, ...]
    new: frozenset[int]
    shared: Mapping[str, frozenset[str]]
    url: str
    now: datetime


def group_mail(told: Together) -> Letter:
    """Render the letter about a group that opened, grew or closed: the worst first, what is closed last."""
    some = sorted(told.incidents, key=lambda one: (one.state == "closed", -severity(one), one.onset_hour, one.id))
    since = f"{start_of(min(one.onset_hour for one in some)):%a %d %b %H:%M}"
    status = "OK" if told.change == "closed" else "ALARM"
    rows = _closed(told) if told.change == "closed" else _first_look(told)
    blocks = [
        Block(f"{_who(told)}, since {since}", rows),
        Block("Model by model, the worst first", [_row(one, told) for one in some]),
    ]
    return letter(_subject(told, since), status, blocks, f"Vigie, {told.now:%d %b %Y %H:%M} {FOOT}")


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


def _subject(told: Together, since: str) -> str:
    """Return the subject: at most 78 letters, whatever the names are, so that nothing of it is cut."""
    status, what = ("OK", "all closed") if told.change == "closed" else ("ALARM", f"since {since}")
    if told.new:
        what = f"{len(told.new)} more"
    end = f": {what} (#{min(one.id for one in told.incidents)})"
    models = len({one.model for one in told.incidents})
    who = f"{models} models at once"
    if told.shared:
        tag, others = _widest(told)
        who = f"{models} models sharing {tag}"
        if models == len({one.model for one in told.incidents} & others):
            who = f"{models} of {len(others)} models sharing {tag}"
    begin = f"[Vigie] {status} "
    return begin + tidy(who, LONGEST_SUBJECT - len(begin + end)) + end


def _who(told: Together) -> str:
    """Say of how many models this is, and what they share: `8 of the 21 models that share embedder`."""
    models = {one.model for one in told.incidents}
    if not told.shared:
        return f"{len(models)} models at once"
    tag, others = _widest(told)
    inside = len(models & others)
    more = f" and {len(models) - inside} more" if inside < len(models) else ""
    return f"{inside} of the {len(others)} models that share {tidy(tag)}{more}"


def _widest(told: Together) -> tuple[str, frozenset[str]]:
    models = {one.model for one in told.incidents}
    return max(sorted(told.shared.items()), key=lambda pair: len(models & pair[1]))


def _first_look(told: Together) -> list[tuple[str, str]]:
    topics = Counter(TOPICS.get(one.causes[0].group if one.causes else "", "changed") for one in told.incidents)
    rows = [("What changed", ", ".join(f"{topic} ({count})" for topic, count in topics.most_common()))]
    models = {one.model for one in told.incidents}
    rows += [
        ("Shared", f"{tag}: {len(models & of)} of its {len(of)} models") for tag, of in sorted(told.shared.items())
    ]
    if told.shared:
        tag, _ = _widest(told)
        look = f"{tag}: these models have it in common. Was it released, moved or overloaded when this began? Does it answer as before?"
        do = f"Mend {tag} first, then close these incidents as fixed. What goes on is a model's own."
    else:
        look = ("What these models have in common: an embedder, a gateway, a feed, a machine, a caller. Name it in config.yaml "
                "(models.NAME.shares), and the next message names it.")  # fmt: skip
        do = "Mend what they share first, then close these incidents as fixed. What goes on is a model's own."
    first = min(one.id for one in told.incidents)
    rows += [("Look first", look), ("Do now", do), ("Commands", f"vigie incidents list; vigie incidents show {first}")]
    if told.new:
        rows.append(("New", f"{len(told.new)} joined since the last message; marked new below"))
    return rows + ([("Link", f"{told.url}/Incidents?id={first}")] if told.url else [])


def _closed(told: Together) -> list[tuple[str, str]]:
    ways = Counter(one.closed_as or "closed" for one in told.incidents)
    return [("How", ", ".join(f"{way} ({count})" for way, count in ways.most_common()))]


def _row(one: Incident, told: Together) -> tuple[str, str]:
    """Name the incident in the narrow column and its model in the wide one: a model's name may have 64 letters."""
    mark = f"#{one.id} new" if one.id in told.new else f"#{one.id}"
    ended = f"; closed as {one.closed_as}" if one.state == "closed" else ""
    again = " again" if one.recurrence_of and told.change == "opened" else ""
    return mark, f"{one.model}{again}, since {start_of(one.onset_hour):%a %d %b %H:%M}: {tidy(one.claim, 160)}{ended}"
