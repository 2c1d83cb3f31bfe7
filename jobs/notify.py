"""The service will deliver every message that is due."""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from email.message import EmailMessage
from typing import Any

from jobs.gather import gather
from jobs.hooks import call
from jobs.remind import remind
from jobs.trial import weekly_trial
from monitor.config import Config
from monitor.delivery.file_drop import lay, name_of
from monitor.delivery.mail import MailRefused, as_bytes, send
from monitor.delivery.post import post
from monitor.delivery.webhook import Send
from monitor.store import outbox
from monitor.store.store import Store
from monitor.window import moment

MOST_A_RUN = 200


def notify(
    store: Store, config: Config, now: datetime, tick: Callable[[], float] = time.monotonic, send_hook: Send = post
) -> str:
    """
    Queue reminders and tests that are due; render and send what is queued, oldest first, one recipient at a time.

    Safe to run twice or killed anywhere: which incidents are told together is decided once, in one transaction; a message is
    claimed, marked as handed over before the last dot, then sent. What follows one that did not leave waits for it. `tick`
    counts seconds: a claim made late in a long run is valid as long as any other. Webhooks are called by `send_hook`.
    """
    began = tick()
    with store.write() as connection:
        outbox.doubt(connection, now)
        remind(connection, config, now)
        weekly_trial(connection, config, now)
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
    aside = 0
    if config.delivery.fallback is not None:
        from jobs.fallback import lay_aside

        aside = lay_aside(store, config, now)
    return f"{sent} messages sent, {failed} failed" + (f", {aside} laid down as files" if aside else "")


def _deliver(store: Store, config: Config, row: dict[str, Any], now: datetime, send_hook: Send) -> bool:
    from jobs.letters import composed

    note = ""
    try:
        if row["channel"] == "webhook":
            _marked(store, row)()
            call(store, config, row, now, send_hook)
        else:
            mail, note = composed(store, config, row, now)
            _hand_to_relay(store, config, row, mail)
    except MailRefused as refused:
        with store.write() as connection:
            outbox.failed(connection, row, str(refused), now, is_final=refused.is_final, is_unsure=refused.is_unsure,
                          asked_s=refused.asked_s)  # fmt: skip
        return False
    with store.write() as connection:
        outbox.sent(connection, row, now, note)
    return True


def _hand_to_relay(store: Store, config: Config, row: dict[str, Any], mail: EmailMessage) -> None:
    smtp = config.delivery.smtp
    if smtp is None:
        if config.delivery.file_drop is None:
            raise MailRefused("config.yaml names neither delivery.smtp nor delivery.file_drop", is_final=False)
        name = f"{name_of(row['message_id'])}.eml"
        lay(as_bytes(mail), config.delivery.file_drop, name, moment(row["created_us"]))
        return
    password = smtp.password_file.read_text(encoding="utf-8").strip() if smtp.password_file else None
    send(mail, smtp, password, _marked(store, row))


def _marked(store: Store, row: dict[str, Any]) -> Callable[[], None]:
    def handed_over() -> None:
        with store.write() as connection:
            if not outbox.hand_over(connection, row):
                raise MailRefused("another sender took it over", is_final=False)

    return handed_over
