"""A storm reaches a recipient as so many mails an hour and one digest, and nothing of it is lost."""

from datetime import datetime, timedelta

from jobs.notify import notify
from monitor.alerts import Message
from monitor.config import Config
from monitor.detection.incident import Incident
from monitor.settings import Delivery
from monitor.store import incidents, outbox
from monitor.store.store import Store
from tests.conftest import NOW
from tests.jobs.relay import Relay

MINUTES = timedelta(minutes=1)


def few(config: Config, many: int = 3) -> Config:
    """Return settings under which a recipient gets so many mails an hour."""
    delivery = Delivery(smtp=config.delivery.smtp, messages_per_hour=many)
    return config.model_copy(update={"delivery": delivery})


def queue(store: Store, first: int, end: int, now: datetime = NOW, **more: str) -> None:
    kind, channel = more.get("kind", "service"), more.get("channel", "mail")
    with store.write() as connection:
        outbox.queue(connection, [
            Message(f"{kind}:{n}", "opened", 1, channel, more.get("to", "ops@stat.example"), {"kind": kind, "what": f"{kind}:{n}", "line": "x"})
            for n in range(first, end)], now)  # fmt: skip


def kept(store: Store) -> list[tuple[str, str]]:
    with store.read() as connection:
        return [(row["subject"], row["state"]) for row in outbox.latest(connection, 100)][::-1]


def test_one_digest(store: Store, config: Config, relay: Relay) -> None:
    """Beyond the budget one digest counts and names the rest; running again sends nothing."""
    queue(store, 0, 10)
    queue(store, 20, 22, to="other@stat.example")
    assert notify(store, few(config), NOW) == "6 messages sent, 0 failed"
    assert notify(store, few(config), NOW + 90 * MINUTES) == "0 messages sent, 0 failed"
    digest = relay.mails[-1]
    assert (digest["To"], digest["Subject"].strip()) == ("ops@stat.example", "[Vigie] 7 more messages")
    text = digest.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert [f"service:{n}" in text for n in (2, 3, 9)] == [False, True, True]
    assert [state for _, state in kept(store)[3:10]] == ["merged"] * 7


def test_next_digest(store: Store, config: Config, relay: Relay) -> None:
    """What comes within the hour waits with its reason, and is told behind it: first as mails, then in a digest of its own."""
    queue(store, 0, 5)
    notify(store, few(config), NOW)
    later = NOW + 10 * MINUTES
    queue(store, 5, 10, later)
    assert notify(store, few(config), later) == "0 messages sent, 0 failed"
    with store.read() as connection:
        reasons = {row["suppressed_because"] for row in outbox.latest(connection) if row["state"] == "held"}
    assert reasons == {"over the mails of an hour; in the next digest"}
    assert notify(store, few(config), NOW + 61 * MINUTES) == "4 messages sent, 0 failed"
    assert relay.mails[-1]["Subject"].strip() == "[Vigie] 2 more messages"
    assert {state for _, state in kept(store)} == {"sent", "merged"}


def test_not_counted(store: Store, config: Config, relay: Relay) -> None:
    """Reports and decisions leave whatever the storm."""
    queue(store, 0, 5)
    queue(store, 30, 33, kind="report")
    assert notify(store, few(config, 1), NOW) == "5 messages sent, 0 failed"
    assert {state for subject, state in kept(store) if subject.startswith("report")} == {"sent"}


def test_digest_waits_for_what_it_ends(store: Store, config: Config, relay: Relay) -> None:
    """A digest that counts the end of an incident leaves behind the mail that opened it, also when that one must be tried again."""
    with store.write() as connection:
        one, _ = incidents.open_new(connection, Incident(0, "ape", 5, 9, "open", ()), NOW)
        for event, sequence in (("opened", 1), ("worsened", 2)):
            facts = {"kind": "incident", "incident": one.id, "model": "ape", "change": event}
            outbox.queue(
                connection, [Message(f"incident:{one.id}", event, sequence, "mail", "ops@stat.example", facts)], NOW
            )
    relay.answers = ["451 later"]
    assert notify(store, few(config, 1), NOW) == "0 messages sent, 1 failed"
    assert notify(store, few(config, 1), NOW + MINUTES) == "2 messages sent, 0 failed"
    assert [mail["Subject"].strip() for mail in relay.mails[1:]][-1] == "[Vigie] 1 more message"
