"""The service will deliver every message that is due."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from monitor.config import Config
from monitor.delivery.file_drop import drop
from monitor.delivery.mail import MailRefused, compose, send
from monitor.letter import Letter
from monitor.store import incidents, outbox, plans
from monitor.store.store import Store
from monitor.window import microseconds

MOST_A_RUN = 200
HELD = ("incident", "service")  # reports and decisions are sent during maintenance too
OVER = "over before the maintenance ended"


def notify(store: Store, config: Config, now: datetime) -> str:
    """
    Render and send what is queued, oldest first, one recipient at a time.

    Safe to run twice or killed anywhere: a message is claimed, marked as handed over before the last dot, then sent.
    """
    with store.write() as connection:
        _heed_maintenance(connection, now)
    sent, failed = 0, 0
    for _ in range(MOST_A_RUN):
        with store.write() as connection:
            row = outbox.claim(connection, now)
        if row is None:
            break
        done = _deliver(store, config, row, now)
        sent, failed = sent + done, failed + (not done)
    return f"{sent} messages sent, {failed} failed"


def _heed_maintenance(connection: Connection, now: datetime) -> None:
    """Hold what is about a model under maintenance; behind its end let go what is still so, and suppress what is over."""
    plan, now_us = plans.of_model(connection), microseconds(now)
    for row in outbox.waiting(connection, now):
        facts = row["facts"]
        if facts["kind"] not in HELD:
            continue
        on = next((one for one in plan if one.holds(facts.get("model", ""), now_us)), None)
        if on is not None:
            outbox.hold(connection, row["id"], on.title)
        elif row["state"] == "held":
            outbox.release(connection, row["id"], OVER if _is_over(connection, row) else None)


def _is_over(connection: Connection, row: dict[str, Any]) -> bool:
    """Say whether nobody needs this any more: its incident is closed, and it is no end of something that was told."""
    if row["facts"]["kind"] != "incident" or incidents.get(connection, row["facts"]["incident"]).state != "closed":
        return False
    sent = [
        one
        for one in outbox.about(connection, row["subject"])
        if one["recipient"] == row["recipient"] and one["state"] == "sent"
    ]
    return not (sent and row["event"] == "closed")


def _deliver(store: Store, config: Config, row: dict[str, Any], now: datetime) -> bool:
    from jobs.letters import render

    letter, note = render(store, config, row, now)
    try:
        _hand_to_relay(store, config, row, letter, now)
    except MailRefused as refused:
        with store.write() as connection:
            outbox.failed(connection, row, str(refused), now, is_final=refused.is_final)
        return False
    with store.write() as connection:
        outbox.sent(connection, row["id"], now, note)
    return True


def _hand_to_relay(store: Store, config: Config, row: dict[str, Any], letter: Letter, now: datetime) -> None:
    smtp = config.delivery.smtp
    if smtp is None and config.delivery.file_drop is None:
        raise MailRefused("config.yaml names neither delivery.smtp nor delivery.file_drop", is_final=False)
    sender = smtp.sender if smtp is not None else "vigie@localhost"
    mail = compose(letter, sender, row["recipient"], message_id=row["message_id"], attempt=row["attempt"], now=now,
                   possible_repeat=bool(row["possible_repeat"]), references=_opened(store, row))  # fmt: skip
    if smtp is None:
        assert config.delivery.file_drop is not None
        drop(mail, config.delivery.file_drop, row["message_id"].strip("<>").split("@")[0], now)
        return
    password = smtp.password_file.read_text(encoding="utf-8").strip() if smtp.password_file else None
    send(mail, smtp, password, _marked(store, row["id"]))


def _marked(store: Store, number: int) -> Callable[[], None]:
    def handed_over() -> None:
        with store.write() as connection:
            outbox.hand_over(connection, number)

    return handed_over


def _opened(store: Store, row: dict[str, Any]) -> str:
    """Return the Message-ID of the recipient's first message on this subject, so that mails thread."""
    with store.read() as connection:
        first = [
            m
            for m in outbox.about(connection, row["subject"])
            if m["recipient"] == row["recipient"] and m["id"] < row["id"]
        ]
    return first[0]["message_id"] if first else ""
