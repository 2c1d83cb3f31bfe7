"""The service will deliver every message that is due."""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from jobs.gather import gather
from jobs.hooks import call
from monitor.config import Config
from monitor.delivery.file_drop import drop
from monitor.delivery.mail import MailRefused, compose, send
from monitor.delivery.post import post
from monitor.delivery.webhook import Send
from monitor.letter import Letter
from monitor.store import groups, outbox
from monitor.store.store import Store

MOST_A_RUN = 200


def notify(
    store: Store, config: Config, now: datetime, tick: Callable[[], float] = time.monotonic, send_hook: Send = post
) -> str:
    """
    Render and send what is queued, oldest first, one recipient at a time.

    Safe to run twice or killed anywhere: which incidents are told together is decided once, in one transaction; a message is
    claimed, marked as handed over before the last dot, then sent. What follows one that did not leave waits for it. `tick`
    counts seconds: a claim made late in a long run is valid as long as any other. Webhooks are called by `send_hook`.
    """
    began = tick()
    with store.write() as connection:
        outbox.doubt(connection, now)
        ready = gather(connection, config, now)
    sent, failed = 0, 0
    for _ in range(MOST_A_RUN):
        free = [number for number, first in ready.items() if not any(one in ready for one in first)]
        at = now + timedelta(seconds=tick() - began)
        with store.write() as connection:
            row = outbox.claim(connection, at, free)
        if row is None:
            break
        del ready[row["id"]]
        if _deliver(store, config, row, now, send_hook):
            sent += 1
        else:
            failed += 1
            ready = {number: first for number, first in ready.items() if row["id"] not in first}
    return f"{sent} messages sent, {failed} failed"


def _deliver(store: Store, config: Config, row: dict[str, Any], now: datetime, send_hook: Send) -> bool:
    from jobs.letters import render

    note = ""
    try:
        if row["channel"] == "webhook":
            _marked(store, row)()
            call(store, config, row, now, send_hook)
        else:
            letter, note = render(store, config, row, now)
            _hand_to_relay(store, config, row, letter, now)
    except MailRefused as refused:
        with store.write() as connection:
            outbox.failed(connection, row, str(refused), now, is_final=refused.is_final, is_unsure=refused.is_unsure)
        return False
    with store.write() as connection:
        outbox.sent(connection, row, now, note)
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
    send(mail, smtp, password, _marked(store, row))


def _marked(store: Store, row: dict[str, Any]) -> Callable[[], None]:
    def handed_over() -> None:
        with store.write() as connection:
            if not outbox.hand_over(connection, row):
                raise MailRefused("another sender took it over", is_final=False)

    return handed_over


def _opened(store: Store, row: dict[str, Any]) -> str:
    """Return the Message-ID of the recipient's first message on this subject or its group, so that mails thread."""
    with store.read() as connection:
        first = None
        if row["facts"]["kind"] == "incident":
            first = groups.first_of(connection, row["facts"]["incident"], row["recipient"])
        if first is not None:
            return str(first["message_id"]) if first["id"] != row["id"] else ""
        before = [m for m in outbox.about(connection, row["subject"])
                  if m["recipient"] == row["recipient"] and m["id"] < row["id"]]  # fmt: skip
    return before[0]["message_id"] if before else ""
