"""The service will write the words of a message when it is sent, from what the store knows then."""

import logging
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from typing import Any

from sqlalchemy import Connection

from jobs.remind import coming
from monitor.config import Config
from monitor.delivery.mail import compose
from monitor.letter import Letter
from monitor.report.alert_mail import Surroundings, alert_mail
from monitor.report.group_mail import Together, group_mail
from monitor.report.letters import Block, letter
from monitor.report.words import Words, words
from monitor.store import estimates, groups, incidents, outbox, profiles, readings, standing
from monitor.store.rollback import replayed
from monitor.store.store import Store
from monitor.window import Window, hour_of

log = logging.getLogger("vigie")
PICTURE_HOURS = 28 * 24


@dataclass(frozen=True)
class Sending:
    """Hold what every letter is written with: the store, the settings, the time, the recipient's words, and the message itself."""

    store: Store
    config: Config
    now: datetime
    words: Words
    row: dict[str, Any]

    def reminder(self, connection: Connection) -> datetime | None:
        """Return when the recipient of a message about incidents is reminded next."""
        return None if self.row["event"] == "closed" else coming(connection, self.config, self.row, self.now)


def render(store: Store, config: Config, row: dict[str, Any], now: datetime) -> tuple[Letter, str]:
    """Return the letter of an outbox row, and a note when something had to be left out: rendering never blocks delivery."""
    facts = row["facts"]
    kinds = {"incident": _incident, "decision": _decision, "weekly": _weekly, "quarterly": _quarterly, "service": _service,
             "digest": _digest, "daily": _daily, "test": _trial, "outcome": _outcome, "succession": _succession}  # fmt: skip
    to = words(facts.get("language", "en"))
    try:
        return kinds[facts["kind"]](Sending(store, config, now, to, row), facts), ""
    except (ValueError, KeyError, TypeError, LookupError, OSError, ArithmeticError) as error:
        log.exception("message %s is sent in its plain form", row["id"])
        rows = [(name, str(value)) for name, value in facts.items()]
        plain = letter(f"[Vigie] {row['subject']} {row['event']}", "ALARM", [Block(row["subject"], rows)], "Vigie", to)
        return Letter(plain.subject, plain.text), f"plain form: {type(error).__name__}"


def composed(store: Store, config: Config, row: dict[str, Any], now: datetime) -> tuple[EmailMessage, str]:
    """Return the mail of an outbox row, and a note as `render` does; raises MailRefused for a recipient that is no address."""
    letter, note = render(store, config, row, now)
    sender = config.delivery.smtp.sender if config.delivery.smtp is not None else "vigie@localhost"
    mail = compose(letter, sender, row["recipient"], message_id=row["message_id"], attempt=row["attempt"], now=now,
                   possible_repeat=bool(row["possible_repeat"]), references=_opened(store, row))  # fmt: skip
    return mail, note


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


def _incident(sending: Sending, facts: dict[str, Any]) -> Letter:
    if len(facts.get("group", {}).get("incidents", [])) > 1:
        return _together(sending, facts)
    config, now = sending.config, sending.now
    with sending.store.read() as connection:
        one = incidents.get(connection, facts["incident"])
        window = Window(one.found_hour - PICTURE_HOURS, max(one.found_hour, hour_of(now)))
        metric = one.causes[0].metric if one.causes else "volume"
        history = readings.history(connection, one.model, metric, window)
        total = profiles.total(connection, one.model, Window(one.onset_hour, max(one.onset_hour + 1, hour_of(now))))
        _, extras = standing.facts(
            connection, config.models[one.model], now, config.detection, config.ingest.silent_after_expected
        )
        reminder = sending.reminder(connection)
        figure = estimates.latest(connection, one.model).get(("accuracy_automatic", "measured"))
        replay = replayed(connection, one, config.challengers.values(), hour_of(now) + 1)
    version = max(total.versions.of_name, key=lambda n: total.versions[n]) if total.versions else None
    around = Surroundings(
        version,
        history,
        extras["accuracy"],
        config.dashboard.public_url,
        facts.get("texts") == "redacted",
        now,
        reminder,
        replay,
        figure,
    )
    return alert_mail(one, facts["change"], around, sending.words)


def _together(sending: Sending, facts: dict[str, Any]) -> Letter:
    """Write the letter about a group; how many models share a name is what config.yaml says when it is sent."""
    config, group = sending.config, facts["group"]
    shared = {
        tag: frozenset(name for name, model in config.models.items() if tag in model.shares) for tag in group["tags"]
    }
    with sending.store.read() as connection:
        some = tuple(incidents.get(connection, number) for number in group["incidents"])
        reminder = sending.reminder(connection)
    told = Together(
        facts["change"], some, frozenset(group["new"]), shared, config.dashboard.public_url, sending.now, reminder
    )
    return group_mail(told, sending.words)


def _decision(sending: Sending, facts: dict[str, Any]) -> Letter:
    from monitor.report.decision_mail import decision_mail
    from monitor.store import decisions

    with sending.store.read() as connection:
        one = decisions.get(connection, facts["decision"])
    return decision_mail(one, sending.config.dashboard.public_url, sending.now, sending.words)


def _outcome(sending: Sending, facts: dict[str, Any]) -> Letter:
    from monitor.report.outcome_mail import outcome_mail
    from monitor.store import decisions, outcomes

    with sending.store.read() as connection:
        one = decisions.get(connection, facts["decision"])
        known = outcomes.of(connection, facts["decision"])[facts["day"]]
    return outcome_mail(one, facts["day"], known, sending.now, sending.words)


def _succession(sending: Sending, facts: dict[str, Any]) -> Letter:
    from monitor.report.succession_mail import succession_mail
    from monitor.store import decisions

    with sending.store.read() as connection:
        one = decisions.get(connection, facts["decision"])
    return succession_mail(one, facts["version"], facts["reports"], sending.now, sending.words)


def _weekly(sending: Sending, facts: dict[str, Any]) -> Letter:
    from jobs.report import weekly_letter

    window = Window(facts["first_hour"], facts["end_hour"])
    language = sending.words.language
    return weekly_letter(sending.store, sending.config, facts["model"], window, sending.now, language=language)


def _quarterly(sending: Sending, facts: dict[str, Any]) -> Letter:
    from jobs.quarter import quarterly_letter

    window = Window(facts["first_hour"], facts["end_hour"])
    language = sending.words.language
    return quarterly_letter(sending.store, sending.config, facts["model"], window, sending.now, language=language)


def _service(sending: Sending, facts: dict[str, Any]) -> Letter:
    from monitor.report.service_mail import service_mail

    return service_mail(facts, sending.now, sending.words)


def _digest(sending: Sending, facts: dict[str, Any]) -> Letter:
    from monitor.report.digest_mail import digest_mail

    return digest_mail(facts, sending.config.delivery.messages_per_hour, sending.now, sending.words)


def _trial(sending: Sending, _: dict[str, Any]) -> Letter:
    from monitor.report.trial_mail import trial_mail

    return trial_mail(sending.now, sending.words)


def _daily(sending: Sending, facts: dict[str, Any]) -> Letter:
    from jobs.recount import happened
    from monitor.report.daily_mail import daily_mail

    day = happened(sending.store, sending.config, (facts["first_us"], facts["end_us"]), sending.now)
    return daily_mail(day, sending.now, sending.words)
