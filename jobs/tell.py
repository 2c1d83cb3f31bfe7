"""The service will queue what people are to be told of Vigie itself, or of its feed."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from monitor.alerts import Message
from monitor.config import Config
from monitor.said import Said
from monitor.store import outbox


@dataclass(frozen=True)
class Alert:
    """
    Hold one thing to tell, and since when (microseconds since 1970).

    One that `ends` is told again when it is over. `covers` are those it explains: they are no message of their own. Told are the
    routes that receive `to`. While one `flaps` neither its beginning nor its end is told: the digest of the day has it.
    """

    subject: str
    line: str
    since_us: int
    ends: bool = False
    covers: tuple["Alert", ...] = ()
    models: tuple[str, ...] = ()
    to: str = "service"
    flaps: bool = False


def tell(connection: Connection, config: Config, one: Alert, sequence: int, now: datetime) -> int:
    """Queue an alert to everybody who receives its kind, once for each `sequence`; returns how many messages are new."""
    facts = {
        "kind": "service",
        "what": one.subject,
        "line": one.line,
        "ends": one.ends,
        "to": one.to,
        "models": list(one.models),
    }
    facts |= {"said": one.line.record()} if isinstance(one.line, Said) else {}
    routes = [
        route for route in config.routes if one.to in route.receives and (route.level == 1 or one.to != "service")
    ]
    return outbox.queue(connection, [Message(one.subject, "opened", sequence, route.channel, route.recipient,
                                             {**facts, "language": route.language}) for route in routes], now)  # fmt: skip
