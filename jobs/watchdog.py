"""The service will be looked at from outside, by cron or a systemd timer: is its scheduler alive, do messages leave?"""

import os
from datetime import datetime, timedelta
from pathlib import Path

from jobs.alive import waiting
from monitor.config import Config
from monitor.delivery.file_drop import lay
from monitor.delivery.mail import MailRefused, as_bytes, compose, send
from monitor.errors import StoreError
from monitor.letter import Letter
from monitor.store import runs, schema
from monitor.store.store import Store
from monitor.window import microseconds, moment

TICK_US = 120_000_000
QUIET = timedelta(hours=1)
STAMP = "watchdog-told"


def look(config: Config, now: datetime) -> list[str]:
    """Return what is wrong, by the scheduler's newest tick and the oldest message that waits; empty when all is well."""
    try:
        store = Store.open(config.database, read_only=True)
        schema.require(store)
        with store.read() as connection:
            return [*_stopped(runs.last_tick_us(connection), microseconds(now)), *waiting(connection, now)]
    except StoreError as error:
        return [str(error)]


def _stopped(tick_us: int | None, now_us: int) -> list[str]:
    if tick_us is None:
        return ["no scheduler ever ran on this database (vigie run)"]
    if abs(now_us - tick_us) <= TICK_US:
        return []
    when = "its last tick was" if tick_us < now_us else "a clock is wrong: its last tick is dated"
    return [f"the scheduler does not work: {when} {moment(tick_us):%a %d %b %H:%M} UTC"]


def tell(config: Config, found: list[str], now: datetime) -> str:
    """
    Mail what was found to the routes that receive `service`, at most once an hour; returns what became of it.

    Neither the scheduler nor its queue is used: straight to the relay, where that fails into `delivery.file_drop`. When the
    last mail left stands in a file of `data_dir`, which needs no database.
    """
    stamp = config.data_dir / STAMP
    if _was_told(stamp, now):
        return "told within the last hour"
    people = [route.to for route in config.routes if route.to and "service" in route.receives]
    letter = Letter(
        f"Vigie: {found[0]}", "\n".join([*found, "", "Told by vigie watchdog, at most once an hour."]) + "\n"
    )
    refused = [told for person in people if (told := _deliver(config, letter, person, now))]
    if len(refused) < len(people):
        _note(stamp, now)
    left = f"{len(people) - len(refused)} of {len(people)} told"
    return "; ".join([left, *refused])


def _deliver(config: Config, letter: Letter, person: str, now: datetime) -> str:
    """Send one mail by the relay, else lay it down; returns why neither could be done."""
    smtp, folder = config.delivery.smtp, config.delivery.file_drop
    name = f"watchdog-{microseconds(now)}-{os.getpid()}"
    why = "neither delivery.smtp nor delivery.file_drop is set"
    try:
        sender = "vigie@localhost" if smtp is None else smtp.sender
        mail = compose(letter, sender, person, message_id=f"<{name}@vigie>", attempt=1, now=now)
    except MailRefused as error:
        return f"{person}: {error}"
    if smtp is not None:
        try:
            password = smtp.password_file.read_text(encoding="utf-8").strip() if smtp.password_file else None
            send(mail, smtp, password, lambda: None)
            return ""
        except (MailRefused, OSError) as error:
            why = str(error)
    if folder is not None:
        try:
            lay(as_bytes(mail), folder, f"{name}-{person}.eml", now)
            return ""
        except OSError as error:
            why = str(error)
    return f"{person}: {why}"


def _was_told(stamp: Path, now: datetime) -> bool:
    try:
        return timedelta(0) <= now - moment(round(stamp.stat().st_mtime * 1e6)) < QUIET
    except OSError:
        return False


def _note(stamp: Path, now: datetime) -> None:
    try:
        stamp.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        stamp.touch()
        os.utime(stamp, (now.timestamp(), now.timestamp()))
    except OSError:  # a full disk: better told every time than never
        return
