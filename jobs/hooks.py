"""The service will tell webhooks of incidents and of Vigie itself, in numbers, names and links."""

from datetime import datetime
from typing import Any

from jobs.hold import listed
from monitor.config import Config
from monitor.delivery.mail import MailRefused
from monitor.delivery.webhook import Send, deliver
from monitor.detection.incident import Incident
from monitor.store import incidents
from monitor.store.store import Store
from monitor.window import moment, start_of


def call(store: Store, config: Config, row: dict[str, Any], now: datetime, send: Send) -> None:
    """Call the webhook an outbox row names; raises MailRefused as `deliver` does, or while no route has the name."""
    route = next((one for one in config.routes if one.name == row["recipient"]), None)
    if route is None:
        raise MailRefused(f"config.yaml has no route named {row['recipient']}", is_final=False)
    deliver(route, row["message_id"].strip("<>").split("@")[0], body(store, config, row), now, send)


def body(store: Store, config: Config, row: dict[str, Any]) -> dict[str, Any]:
    """
    Return what a webhook is told of a change: its incidents as they stand, the others of its group too; of a test none.

    Of an alert about Vigie it is told the name and, where it was made of numbers and names, the sentence.
    """
    facts = row["facts"]
    kind, some = facts["kind"], []
    if kind == "incident":
        with store.read() as connection:
            some = [incidents.get(connection, number) for number in listed(row)]
    data = {"possible_repeat": bool(row["possible_repeat"]), "incidents": [_told(one, config) for one in some]}
    if kind == "service":
        what = facts["what"].removeprefix("service:")
        data["service"] = {
            "what": what,
            "line": facts["line"] if "said" in facts else "",
            "models": facts.get("models", []),
        }
    return {
        "type": "vigie.test" if kind == "test" else f"vigie.{kind}.{row['event']}",
        "timestamp": moment(row["created_us"]).isoformat(),
        "data": data,
    }


def _told(one: Incident, config: Config) -> dict[str, Any]:
    url = config.dashboard.public_url.rstrip("/")
    causes = [{"metric": c.metric, "group": c.group, "share": c.share, "unit": c.unit, "expected": c.expected, "seen": c.seen,
               "size": c.size, "direction": c.direction} for c in one.causes]  # fmt: skip
    return {"incident": one.id, "model": one.model, "state": one.state, "closed_as": one.closed_as,
            "since": start_of(one.onset_hour).isoformat(), "found": start_of(one.found_hour).isoformat(), "causes": causes,
            "link": f"{url}/Incidents?id={one.id}" if url else ""}  # fmt: skip
