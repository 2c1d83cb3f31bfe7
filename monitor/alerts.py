"""Say which change deserves which message to whom."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from monitor.detection.incident import Change, Incident
from monitor.settings import Delivery, Route

ONLY_MAIL = "mail is the only way out: nobody hears of it when mails do not leave"
TOLD = {"opened", "worsened", "closed"}


@dataclass(frozen=True)
class Message:
    """Hold one message to one recipient: numbers, names and ids, never a text; words are made when it is sent."""

    subject: str
    event: str
    sequence: int
    channel: str
    recipient: str
    facts: dict[str, Any] = field(default_factory=dict)


def messages(change: Change, incident: Incident, routes: Iterable[Route]) -> list[Message]:
    """
    Return the messages a change of an incident deserves: opened, worsened and closed ones, to routes that receive incidents.

    Routes of a higher level are told of its opening later, if at all (`jobs/remind.py`).

    >>> from datetime import datetime
    >>> ops = Route(to="ops@stat.example", receives=("incidents",))
    >>> opened = Change("incident:1", "ape", "opened", None, "open", "alarm:9", "vigie", "", datetime(2026, 1, 1))
    >>> [m.recipient for m in messages(opened, Incident(1, "ape", 5, 9, "open", ()), [ops])]
    ['ops@stat.example']
    """
    if change.change not in TOLD:
        return []
    facts = {"kind": "incident", "incident": incident.id, "model": incident.model, "change": change.change}
    return [
        Message(change.subject, change.change, incident.revision, route.channel, route.recipient,
                {**facts, "language": route.language, "texts": route.texts} | ({"level": route.level} if route.level > 1 else {}))
        for route in routes if "incidents" in route.receives and (route.level == 1 or change.change != "opened")
    ]  # fmt: skip


def lacks_another_way(routes: Iterable[Route], delivery: Delivery) -> bool:
    """
    Say whether those who are told of Vigie itself are told by mail alone, with nothing to fall back on: then nobody learns that mail is stuck.

    >>> ops = Route(to="ops@stat.example", receives=("service",))
    >>> chat = Route(name="chat", webhook_file="chat", form="slack", receives=("incidents", "service"))
    >>> lacks_another_way([ops], Delivery()), lacks_another_way([ops, chat], Delivery())
    (True, False)
    """
    channels = {route.channel for route in routes if "service" in route.receives}
    return channels == {"mail"} and delivery.fallback is None
