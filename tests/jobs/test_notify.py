"""Each message reaches a real relay; what may have arrived twice says so and keeps its Message-ID."""

import email
from datetime import timedelta
from email import policy

import pytest

from jobs import plan
from jobs.act import act
from jobs.notify import notify
from monitor.alerts import Message
from monitor.backoff import wait_us
from monitor.config import Config
from monitor.detection.incident import Incident
from monitor.errors import ConfigError
from monitor.store import actions, incidents, outbox
from monitor.store.store import Store
from tests.conftest import NOW, Place
from tests.jobs.relay import Relay
from tests.jobs.story import snapshot

LATER = NOW + timedelta(minutes=16)  # a sender's claim lasts 15 minutes


def queue(store: Store, *numbers: int, recipient: str = "ops@stat.example", event: str = "opened") -> None:
    facts = {"kind": "service", "what": "service:job:ingest", "line": "<b>it\r\nBcc: x@y.z failed</b>"}
    with store.write() as connection:
        outbox.queue(
            connection, [Message("service:job:ingest", event, n, "mail", recipient, facts) for n in numbers], NOW
        )


def states(store: Store) -> list[tuple[str, int]]:
    with store.read() as connection:
        return [(m["state"], m["possible_repeat"]) for m in outbox.latest(connection)][::-1]


def test_sent_once(store: Store, config: Config, relay: Relay) -> None:
    """A queued message is sent once; running again sends and changes nothing."""
    queue(store, 1, 2)
    queue(store, 1)
    assert notify(store, config, NOW) == "2 messages sent, 0 failed"
    before = snapshot(store)
    assert notify(store, config, LATER) == "0 messages sent, 0 failed"
    assert snapshot(store) == before
    assert len(set(relay.ids)) == len(relay.mails) == 2
    first = relay.mails[0]
    assert (first["To"], first["From"], first["Bcc"], first["X-Vigie-Possible-Repeat"]) == (
        "ops@stat.example",
        "vigie@stat.example",
        None,
        None,
    )
    assert "<b>it" not in (first.get_body(("html",)) or first).get_content()
    assert relay.mails[1]["References"] == relay.ids[0]


def test_crash_between_send_and_mark(
    store: Store, config: Config, relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed after the relay had it and before we noted it: at most one repeat, marked, with the same Message-ID."""
    queue(store, 1)
    with monkeypatch.context() as patched:
        patched.setattr(outbox, "sent", _die)
        with pytest.raises(KeyboardInterrupt):
            notify(store, config, NOW)
    assert states(store) == [("handed_over", 0)]
    assert notify(store, config, NOW) == "0 messages sent, 0 failed"  # its claim still holds
    assert notify(store, config, LATER) == "1 messages sent, 0 failed"
    assert relay.ids[0] == relay.ids[1]
    assert [mail["X-Vigie-Possible-Repeat"] for mail in relay.mails] == [None, "yes"]
    notify(store, config, LATER + timedelta(days=1))
    assert len(relay.mails) == 2


def _die(*_: object) -> None:
    raise KeyboardInterrupt


def test_crash_before_the_data(store: Store, config: Config, relay: Relay, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed before the message left: it is sent later, unmarked, for it cannot have arrived."""
    queue(store, 1)
    with monkeypatch.context() as patched:
        patched.setattr("jobs.notify.send", _die)
        with pytest.raises(KeyboardInterrupt):
            notify(store, config, NOW)
    notify(store, config, LATER)
    assert [mail["X-Vigie-Possible-Repeat"] for mail in relay.mails] == [None]


def test_cut_after_the_dot(store: Store, config: Config, relay: Relay) -> None:
    """The line is cut when the relay has all: sent again, marked, with the same Message-ID."""
    relay.answers = [None]
    queue(store, 1)
    assert notify(store, config, NOW) == "0 messages sent, 1 failed"
    assert states(store) == [("queued", 1)]
    assert notify(store, config, LATER) == "1 messages sent, 0 failed"
    assert relay.ids[0] == relay.ids[1]
    assert relay.mails[1]["X-Vigie-Possible-Repeat"] == "yes"


@pytest.mark.parametrize("event", ["opened", "weekly"])
def test_deferred_behind_the_dot(store: Store, config: Config, relay: Relay, event: str) -> None:
    """A relay that answers the dot with a refusal does not have it: what follows is no repeat."""
    relay.answers = ["451 later"]
    queue(store, 1, event=event)
    notify(store, config, NOW)
    assert states(store) == [("queued", 0)]
    assert notify(store, config, LATER) == "1 messages sent, 0 failed"
    assert relay.mails[1]["X-Vigie-Possible-Repeat"] is None


def test_marked_before_the_dot(store: Store, config: Config, relay: Relay) -> None:
    """When the relay has all of a message, the store says already that it may have it."""
    seen: list[list[tuple[str, int]]] = []
    relay.meanwhile = lambda: seen.append(states(store))
    queue(store, 1)
    notify(store, config, NOW)
    assert seen == [[("handed_over", 0)]]


def test_report_in_doubt(store: Store, config: Config, relay: Relay, monkeypatch: pytest.MonkeyPatch) -> None:
    """A report that may have arrived is not sent again by itself, cut or killed; a person may, and it is marked."""
    relay.answers = [None]
    queue(store, 1, event="weekly")
    assert notify(store, config, NOW) == "0 messages sent, 1 failed"
    queue(store, 2, event="weekly")
    with monkeypatch.context() as patched:
        patched.setattr(outbox, "sent", _die)
        with pytest.raises(KeyboardInterrupt):
            notify(store, config, NOW)
    assert notify(store, config, NOW) == "0 messages sent, 0 failed"
    assert states(store) == [("in_doubt", 1), ("handed_over", 0)]  # its claim still holds
    assert notify(store, config, LATER) == "0 messages sent, 0 failed"
    assert states(store) == [("in_doubt", 1), ("in_doubt", 1)]
    with store.write() as connection:
        assert [row["sequence"] for row in outbox.in_doubt(connection)] == [1, 2]
        outbox.retry(connection, 2)
    assert notify(store, config, LATER) == "1 messages sent, 0 failed"
    assert [mail["X-Vigie-Possible-Repeat"] for mail in relay.mails] == [None, None, "yes"]
    assert relay.ids[1] == relay.ids[2]


def test_overtaken_before_the_dot(store: Store, config: Config, relay: Relay) -> None:
    """A sender that slept through its claim does not send what another one sent meanwhile, nor notes anything about it."""
    queue(store, 1)
    with store.write() as connection:
        slow = outbox.claim(connection, NOW)
    assert slow is not None
    assert notify(store, config, LATER) == "1 messages sent, 0 failed"
    before = snapshot(store)
    with store.write() as connection:
        assert not outbox.hand_over(connection, slow)
        outbox.failed(connection, slow, "another sender took it over", LATER, is_final=False)
    assert snapshot(store) == before


def test_overtaken_behind_the_dot(store: Store, config: Config, relay: Relay) -> None:
    """A sender that learns late that the relay has it keeps the one that took over from sending it again."""
    queue(store, 1)
    with store.write() as connection:
        slow = outbox.claim(connection, NOW)
        assert slow is not None
        assert outbox.hand_over(connection, slow)
    with store.write() as connection:
        quick = outbox.claim(connection, LATER)
        assert quick is not None
        assert quick["possible_repeat"]
        outbox.sent(connection, slow, LATER)
        assert not outbox.hand_over(connection, quick)
    assert states(store) == [("sent", 1)]


def test_late_in_a_run(store: Store, config: Config, relay: Relay) -> None:
    """A claim made late in a long run holds for fifteen minutes from then on, not from the beginning of the run."""
    seconds = iter((0.0, 0.0, 1200.0, 1200.0))
    ends: list[int] = []

    def look() -> None:
        with store.read() as connection:
            ends.append(max(row["lease_until_us"] or 0 for row in outbox.latest(connection)))

    relay.meanwhile = look
    queue(store, 1, 2)
    notify(store, config, NOW, lambda: next(seconds))
    assert ends[1] - ends[0] == 1200 * 1_000_000


def test_not_now_and_never(store: Store, config: Config, relay: Relay) -> None:
    """A 4xx answer is tried again after a wait; a 5xx answer is final until a person retries."""
    relay.answers = ["451 later", "550 no", "250 kept"]
    queue(store, 1, 2)
    notify(store, config, NOW)
    assert [state for state, _ in states(store)] == ["queued", "dead"]
    assert notify(store, config, NOW) == "0 messages sent, 0 failed"
    assert notify(store, config, LATER) == "1 messages sent, 0 failed"
    with store.write() as connection:
        outbox.retry(connection, 2)
    assert notify(store, config, LATER) == "1 messages sent, 0 failed"


def test_one_bad_address(store: Store, config: Config, relay: Relay) -> None:
    """A recipient that is no address is dead at once and holds up nobody."""
    queue(store, 1, recipient="ops@stat.example\r\nRCPT TO:<x@y.z>")
    queue(store, 2)
    assert notify(store, config, NOW) == "1 messages sent, 1 failed"
    assert [state for state, _ in states(store)] == ["dead", "sent"]


def test_no_relay(store: Store, place: Place) -> None:
    """Without a relay messages wait, ever longer, and are dead after four days."""
    smtp = "delivery: {smtp: {host: 127.0.0.1, port: 1, starttls: never}}"
    config = place.configure(replaced=("delivery: {file_drop: mails}", smtp))
    queue(store, 1)
    waits, at = [], NOW
    for _ in range(8):
        notify(store, config, at)
        with store.read() as connection:
            due = outbox.latest(connection)[0]["retry_us"]
        waits.append(due)
        at += timedelta(minutes=16)
    begun = [int((NOW + k * timedelta(minutes=16)).timestamp() * 1e6) for k in range(8)]
    assert [due - at for due, at in zip(waits, begun, strict=True)] == [wait_us(1, attempt) for attempt in range(1, 9)]
    assert states(store) == [("queued", 0)]
    notify(store, config, NOW + timedelta(hours=97))
    assert states(store) == [("dead", 0)]


def test_file_drop(store: Store, place: Place) -> None:
    """With a folder instead of a relay each message is one file, whole, named after its id."""
    config = place.configure()
    queue(store, 1)
    notify(store, config, NOW)
    (file,) = (place.folder / "mails").rglob("*.eml")
    mail = email.message_from_bytes(file.read_bytes(), policy=policy.default)
    assert mail["Message-ID"] == f"<{file.stem}@vigie>"


def test_file_drop_once(store: Store, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed behind the file and tried again next month, there is one file."""
    config = place.configure()
    queue(store, 1)
    with monkeypatch.context() as patched:
        patched.setattr(outbox, "sent", _die)
        with pytest.raises(KeyboardInterrupt):
            notify(store, config, NOW)
    assert notify(store, config, NOW + timedelta(days=31)) == "1 messages sent, 0 failed"
    assert len([file for file in (place.folder / "mails").rglob("*") if file.is_file()]) == 1


def laid(place: Place) -> list[email.message.Message]:
    return [
        email.message_from_bytes(file.read_bytes(), policy=policy.default)
        for file in sorted((place.folder / "aside").rglob("*.eml"))
    ]


def test_fallback(store: Store, place: Place, relay: Relay) -> None:
    """What the relay did not take for an hour is laid down too, once, marked; it still leaves when the relay is back."""
    text = "delivery: {fallback: {file_drop: aside}, smtp: {host: 127.0.0.1, port: %d, starttls: never}}"
    down = place.configure(replaced=("delivery: {file_drop: mails}", text % 1))
    queue(store, 1)
    assert notify(store, down, NOW) == "0 messages sent, 1 failed"
    assert notify(store, down, NOW + timedelta(minutes=59)) == "0 messages sent, 1 failed"
    assert laid(place) == []
    hour = NOW + timedelta(minutes=80)
    assert notify(store, down, hour) == "0 messages sent, 1 failed, 1 laid down as files"
    assert notify(store, down, hour + timedelta(hours=1)) == "0 messages sent, 1 failed"
    [mail] = laid(place)
    up = place.configure(replaced=("delivery: {file_drop: mails}", text % relay.port))
    assert notify(store, up, hour + timedelta(hours=2)) == "1 messages sent, 0 failed"
    assert (mail["Message-ID"], mail["X-Vigie-Possible-Repeat"]) == (relay.ids[0], "yes")


def test_fallback_of_what_is_refused(store: Store, place: Place, relay: Relay) -> None:
    """A message that is dead is laid down too, even one to nobody; what was sent or never tried is not."""
    text = (
        f"delivery: {{fallback: {{file_drop: aside}}, smtp: {{host: 127.0.0.1, port: {relay.port}, starttls: never}}}}"
    )
    config = place.configure(replaced=("delivery: {file_drop: mails}", text))
    relay.answers = ["550 no", "250 kept"]
    queue(store, 1, 2)
    queue(store, 3, recipient="no address")
    assert notify(store, config, NOW) == "1 messages sent, 2 failed"
    plan.add(store, config, NOW, "maintenance", "", begin=NOW, end=NOW + timedelta(days=1), note="", author="bruno")
    queue(store, 4)
    assert notify(store, config, NOW + timedelta(hours=2)) == "0 messages sent, 0 failed, 2 laid down as files"
    assert len(laid(place)) == 1
    [other] = (place.folder / "aside").rglob("*.json")
    assert "not an address" in other.read_text()


def test_render_failure_still_delivers(store: Store, config: Config, relay: Relay) -> None:
    """A message whose words cannot be made leaves in its plain form, with its facts."""
    with store.write() as connection:
        outbox.queue(
            connection, [Message("x", "opened", 1, "mail", "ops@stat.example", {"kind": "unheard of", "fact": 7})], NOW
        )
    assert notify(store, config, NOW) == "1 messages sent, 0 failed"
    assert "7" in relay.mails[0].get_body(("plain",)).get_content()  # type: ignore[union-attr]


def about(store: Store, model: str, change: str, sequence: int) -> int:
    """Queue a message about an incident of a model, which is opened for it when there is none; return its number."""
    with store.write() as connection:
        known = incidents.all(connection, model)
        one = known[0] if known else incidents.open_new(connection, Incident(0, model, 5, 9, "open", ()), NOW)[0]
        facts = {"kind": "incident", "incident": one.id, "model": model, "change": change}
        outbox.queue(
            connection, [Message(f"incident:{one.id}", change, sequence, "mail", "ops@stat.example", facts)], NOW
        )
    return one.id


def test_end_waits_for_what_it_ends(store: Store, config: Config, relay: Relay) -> None:
    """While another sender has the message that opens an incident, the one that closes it does not leave."""
    number = about(store, "ape", "opened", 1)
    close(store, number)
    about(store, "ape", "closed", 2)
    calls = iter((0.0, 1.0, 2.0))

    def tick() -> float:
        at = next(calls)
        if at == 1.0:  # both may leave, and before we take one, another sender does
            with store.write() as connection:
                assert outbox.claim(connection, NOW) is not None
        return at

    assert notify(store, config, NOW, tick) == "0 messages sent, 0 failed"
    assert [event for event, state, _ in kept(store) if state == "claimed"] == ["opened"]
    for _ in range(2):
        notify(store, config, LATER)
    assert [state for _, state, _ in kept(store)] == ["sent", "sent"]
    assert relay.mails[1]["References"] == relay.ids[0]


def close(store: Store, number: int) -> None:
    with store.write() as connection:
        incidents.close(connection, number, None, "fixed", "alice", reason="mended", now=NOW)


def kept(store: Store) -> list[tuple[str, str, str | None]]:
    with store.read() as connection:
        return [(m["event"], m["state"], m["suppressed_because"]) for m in outbox.latest(connection)][::-1]


def test_maintenance(store: Store, config: Config, relay: Relay) -> None:
    """Messages wait with the reason; behind the end what is still open is told, what is over is not, and an end of something told is."""
    told = about(store, "ape", "opened", 1)
    notify(store, config, NOW)
    hours = timedelta(hours=1)
    plan.add(store, config, NOW, "maintenance", "", begin=NOW, end=NOW + 2 * hours, note="new disks", author="bruno")
    still, over = about(store, "nace", "opened", 1), about(store, "other", "opened", 1)
    about(store, "ape", "worsened", 2)
    about(store, "ape", "closed", 3)
    about(store, "other", "closed", 2)
    queue(store, 1)
    close(store, told)
    close(store, over)
    assert notify(store, config, NOW + hours) == "0 messages sent, 0 failed"
    assert {state for _, state, _ in kept(store)[1:]} == {"held"}
    assert {why for _, _, why in kept(store)[1:]} == {"maintenance new disks"}
    assert notify(store, config, NOW + 2 * hours) == "3 messages sent, 0 failed"
    reasons = [(event, state) for event, state, _ in kept(store)]
    assert reasons == [("opened", "sent"), ("opened", "sent"), ("opened", "suppressed"), ("worsened", "suppressed"),
                       ("closed", "sent"), ("closed", "suppressed"), ("opened", "sent")]  # fmt: skip
    assert {why for _, state, why in kept(store) if state == "suppressed"} == {"over before the maintenance ended"}
    assert still


def test_maintenance_of_one_model(store: Store, config: Config, relay: Relay) -> None:
    """Other models, Vigie itself and an entry that was taken back hold nothing."""
    plan.add(store, config, NOW, "maintenance", "ape", begin=NOW, end=NOW + timedelta(days=1), note="", author="bruno")
    about(store, "ape", "opened", 1)
    about(store, "nace", "opened", 1)
    queue(store, 1)
    assert notify(store, config, NOW) == "2 messages sent, 0 failed"
    plan.remove(store, config, NOW, 1, author="bruno")
    assert notify(store, config, NOW) == "1 messages sent, 0 failed"
    with pytest.raises(ConfigError, match="longer than 3 days"):
        plan.add(store, config, NOW, "maintenance", "", begin=NOW, end=NOW + timedelta(days=4), note="", author="bruno")


def test_snoozed(store: Store, config: Config, relay: Relay) -> None:
    """What a snoozed incident has to say waits with the reason until the days are over; others and its end do not."""
    with store.write() as connection:
        actions.ask(connection, "bruno", "snooze:2", "incident:1", revision=None, reason="fixed on Friday", now=NOW)
        actions.ask(connection, "bruno", "snooze:15", "incident:1", revision=None, reason="for ever", now=NOW)
    number = about(store, "ape", "opened", 1)
    notify(store, config, NOW)
    assert act(store, config, NOW) == "1 actions applied, 1 refused"
    about(store, "ape", "worsened", 2)
    about(store, "nace", "opened", 1)
    assert notify(store, config, NOW + timedelta(hours=47)) == "1 messages sent, 0 failed"
    assert kept(store)[1] == ("worsened", "held", "snoozed until 2026-09-04 12:30 UTC")
    assert notify(store, config, NOW + timedelta(hours=48)) == "1 messages sent, 0 failed"
    with store.write() as connection:
        actions.ask(connection, "bruno", "snooze:14", f"incident:{number}", revision=None, reason="again", now=NOW)
    act(store, config, NOW + timedelta(hours=48))
    about(store, "ape", "worsened", 3)
    notify(store, config, NOW + timedelta(hours=49))
    close(store, number)
    about(store, "ape", "closed", 4)
    assert notify(store, config, NOW + timedelta(hours=50)) == "1 messages sent, 0 failed"
    states = [(event, state) for event, state, _ in kept(store)]
    assert [state for event, state in states if event != "reminder"] == ["sent", "sent", "sent", "suppressed", "sent"]
    assert {state for event, state in states if event == "reminder"} == {"suppressed"}
    with store.read() as connection:
        assert [one.change for one in incidents.history(connection, number)] == [
            "opened",
            "snoozed",
            "snoozed",
            "closed",
        ]
