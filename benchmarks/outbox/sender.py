"""Send for the campaign: each line on standard input is a moment, at which a sender applies what was asked and delivers."""

import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import jobs.act
import jobs.letters
import jobs.notify
from benchmarks.kill.forks import serve
from monitor.config import Config, load
from monitor.delivery.mail import send
from monitor.settings import Smtp
from monitor.store import outbox
from monitor.store.store import Store
from monitor.window import moment


def one_pass(config: Config, second: str) -> None:
    """Do what the jobs act and notify do, at a moment given in seconds since 1970."""
    now = datetime.fromtimestamp(0, UTC) + timedelta(seconds=int(second))
    store = Store.open(config.database)
    try:
        jobs.act.act(store, config, now)
        jobs.notify.notify(store, config, now)
    finally:
        store.engine.dispose()


def main(path: str, variant: str) -> None:
    """Serve until standard input ends; `variant` is `ours`, or what no sender may do: `sent_first`, `noted_late`."""
    config = load(Path(path))
    if variant == "sent_first":
        jobs.notify._hand_to_relay = _sent_first
        jobs.notify._marked = lambda *_: lambda: None
    if variant == "noted_late":
        jobs.notify.send = _noted_late
    serve(Path(path).parent, lambda line: one_pass(config, line))


_hand_to_relay = jobs.notify._hand_to_relay


def _sent_first(store: Store, config: Config, row: dict[str, Any], mail: EmailMessage) -> None:
    with store.write() as connection:
        outbox.sent(connection, row, moment(row["retry_us"]))
    _hand_to_relay(store, config, row, mail)


def _noted_late(mail: EmailMessage, smtp: Smtp, password: str | None, handed_over: Callable[[], None]) -> None:
    send(mail, smtp, password, lambda: None)
    handed_over()


if __name__ == "__main__":
    main(*sys.argv[1:])
