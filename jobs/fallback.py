"""The service will lay down as files what could not leave for an hour, so that somebody can be told by other means."""

import json
from datetime import datetime
from typing import Any

from jobs.hooks import body
from jobs.letters import composed
from monitor.config import Config
from monitor.delivery.file_drop import lay, name_of
from monitor.delivery.mail import MailRefused, as_bytes
from monitor.store import outbox, service_alerts
from monitor.store.store import Store
from monitor.window import moment


def lay_aside(store: Store, config: Config, now: datetime) -> int:
    """
    Lay down each message that is old enough, was tried and has not left, once, marked as a possible repeat; returns how many.

    What tells that messages do not leave, or that data is not what it was, is laid down as soon as it has not left.
    Killed anywhere, the same file is written again and not another one. Raises OSError when the folder cannot be written.
    """
    fallback = config.delivery.fallback
    assert fallback is not None, "without a fallback nothing is laid down"
    with store.read() as connection:
        late = outbox.late(connection, now, fallback.after_hours, service_alerts.ANY_WAY)
    for row in late:
        data, ending = _written(store, config, {**row, "possible_repeat": 1}, now)
        lay(data, fallback.file_drop, f"{name_of(row['message_id'])}.{ending}", moment(row["created_us"]))
        with store.write() as connection:
            outbox.laid(connection, row["id"], now)
    return len(late)


def _written(store: Store, config: Config, row: dict[str, Any], now: datetime) -> tuple[bytes, str]:
    if row["channel"] == "webhook":
        return json.dumps(body(store, config, row), ensure_ascii=False).encode(), "json"
    try:
        return as_bytes(composed(store, config, row, now)[0]), "eml"
    except MailRefused as refused:  # a recipient that is no address: what there is to tell, at least
        told = {"why": str(refused), "subject": row["subject"], "event": row["event"], "facts": row["facts"]}
        return json.dumps(told, ensure_ascii=False).encode(), "json"
