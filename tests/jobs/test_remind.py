"""Nobody forgets an incident, and nobody is told more often than said: reminders and levels, once each, whatever restarts."""

from datetime import datetime, timedelta

import pytest

from jobs.notify import notify
from jobs.watch import watch
from monitor.alerts import messages
from monitor.config import Config, load
from monitor.errors import StoreError
from monitor.store import incidents, outbox
from monitor.store.store import Store
from monitor.verdict import Verdict
from monitor.window import microseconds
from tests.conftest import NOW, Place
from tests.jobs.relay import Relay
from tests.jobs.story import failing, snapshot
from tests.jobs.test_cli import run
from tests.jobs.test_gather import closes, opens, plain, to
from tests.jobs.test_working_hours import OPS, kept

HOUR, DAY, MINUTE = timedelta(hours=1), timedelta(days=1), timedelta(minutes=1)
LEAD, HEAD = "lead@stat.example", "chief@stat.example"
REMINDED = [NOW + days * DAY for days in (1, 2, 5)]  # Thursday, Friday and, behind the weekend, Monday


@pytest.fixture
def config(place: Place, config: Config) -> Config:
    """Return settings with somebody at level 2, who reads French, and somebody at level 3; ops and the owner are told at once."""
    text = place.path.read_text(encoding="utf-8")
    more = (f"  - {{to: {LEAD}, receives: [incidents, service], level: 2, language: fr}}\n"
            f"  - {{to: {HEAD}, receives: [incidents], level: 3}}\n")  # fmt: skip
    models = "".join(f"  m{n:02}: {{shares: [embedder]}}\n" for n in range(1, 6))
    text = text.replace("routes:\n", f"routes:\n{more}", 1).replace("sources:\n", f"{models}sources:\n", 1)
    place.path.write_text(text, encoding="utf-8")
    return load(place.path)


def acknowledges(store: Store, number: int, at: datetime) -> None:
    with store.write() as connection:
        incidents.acknowledge(connection, number, None, "alice", "seen", now=at)


def worsens(store: Store, config: Config, number: int, at: datetime) -> None:
    """Let a new cause join, which lifts the acknowledgement, as detect does."""
    with store.write() as connection:
        old = incidents.get(connection, number)
        change = incidents.change(connection, old, "worsened", actor="vigie", reason="more", at=at, key=f"alarm:{at}", acknowledged_by=None)  # fmt: skip
        outbox.queue(connection, messages(change, incidents.get(connection, number), config.routes), at)


def minutes(store: Store, config: Config, first: datetime, end: datetime, every: timedelta = HOUR / 2) -> None:
    """Run notify over a stretch of time."""
    at = first
    while at <= end:
        notify(store, config, at)
        at += every


def events(store: Store, who: str = OPS) -> list[tuple[str, str]]:
    return [(event, state) for event, state, _ in kept(store, who)]


def test_three_reminders(store: Store, config: Config, relay: Relay) -> None:
    """One each working day at the hour of the first message, three times, each saying when the next one comes."""
    opens(store, config, NOW, "ape")
    minutes(store, config, NOW, NOW + 12 * DAY, 6 * HOUR)
    sent = to(relay, OPS)
    assert [mail["X-Vigie-Attempt"] for mail in sent] == ["1"] * 4
    with store.read() as connection:
        rows = [row for row in outbox.about(connection, "incident:1") if row["recipient"] == OPS]
    assert [(row["event"], row["sequence"]) for row in rows] == [
        ("opened", 1),
        *(("reminder", 10 + n) for n in (1, 2, 3)),
    ]
    assert [row["created_us"] for row in rows[1:]] == [microseconds(at) for at in REMINDED]
    last = [plain(mail).rpartition("-- \r\n")[2] for mail in sent]
    for said, at in zip(last, REMINDED, strict=False):
        assert said.startswith(f"Reminder {at:%a %d %b %H:%M} UTC, unless somebody acknowledges it.")
    assert last[3].startswith("No reminder follows; the weekly report goes on telling of it.")
    assert "still open since" in sent[1]["Subject"]
    assert sent[1]["References"] == sent[0]["Message-ID"]


def test_acknowledged(store: Store, config: Config, relay: Relay) -> None:
    """An acknowledgement stops reminders and levels; a new cause begins both anew."""
    (number,) = opens(store, config, NOW, "ape")
    notify(store, config, NOW)
    acknowledges(store, number, NOW + HOUR)
    minutes(store, config, NOW + HOUR, NOW + 7 * DAY, 6 * HOUR)
    assert events(store) == [("opened", "sent")]
    assert events(store, LEAD) == []
    later = NOW + 7 * DAY
    worsens(store, config, number, later)
    minutes(store, config, later, later + DAY)
    assert events(store) == [("opened", "sent"), ("worsened", "sent"), ("reminder", "sent")]
    assert events(store, LEAD) == [("worsened", "suppressed"), ("opened", "sent")]


def test_worsened_alone(store: Store, config: Config, relay: Relay) -> None:
    """What worsens while nobody acknowledged it delays neither the reminders nor the next level."""
    (number,) = opens(store, config, NOW, "ape")
    notify(store, config, NOW)
    worsens(store, config, number, NOW + 25 * HOUR)
    minutes(store, config, NOW + 24 * HOUR, NOW + 2 * DAY, 6 * HOUR)
    with store.read() as connection:
        rows = outbox.about(connection, "incident:1")
    assert [row["sequence"] for row in rows if row["event"] == "reminder" and row["recipient"] == OPS] == [11, 12]
    assert [event for event, _ in events(store, HEAD)] == ["worsened", "opened"]


def test_levels(store: Store, config: Config, relay: Relay) -> None:
    """Level 2 is told after four working hours, level 3 after two working days, each once, in its language, with its end."""
    (number,) = opens(store, config, NOW, "ape")
    notify(store, config, NOW)
    minutes(store, config, NOW, NOW + 4 * HOUR - MINUTE)
    assert to(relay, LEAD) == []
    for _ in range(3):
        notify(store, config, NOW + 4 * HOUR)
    (mail,) = to(relay, LEAD)
    assert "sans réponse depuis" in mail["Subject"]
    assert "Rappel jeu. 3 sept. 16:30 UTC, sauf prise en charge." in plain(mail).replace("\u00a0", " ")
    minutes(store, config, NOW + 5 * HOUR, NOW + 2 * DAY - MINUTE)
    assert to(relay, HEAD) == []
    notify(store, config, NOW + 2 * DAY)
    assert len(to(relay, HEAD)) == 1
    closes(store, config, NOW + 2 * DAY + HOUR, [number])
    notify(store, config, NOW + 2 * DAY + HOUR)
    assert [to(relay, who)[-1]["Subject"].split()[1] for who in (OPS, LEAD, HEAD)] == ["OK"] * 3


def test_level_not_told(store: Store, config: Config, relay: Relay) -> None:
    """Who was not told of an opening is told neither of what follows nor of the end, and the reason is kept."""
    (number,) = opens(store, config, NOW, "ape")
    notify(store, config, NOW)
    closes(store, config, NOW + HOUR, [number])
    notify(store, config, NOW + HOUR)
    assert kept(store, LEAD) == [("closed", "suppressed", "its level was not told of the opening")]
    assert to(relay, LEAD) == []


def test_over_the_weekend(store: Store, config: Config, relay: Relay) -> None:
    """Four working hours from Friday afternoon end on Monday."""
    friday = NOW + 2 * DAY + 3 * HOUR  # 15:30
    opens(store, config, friday, "ape")
    notify(store, config, friday)
    monday = friday.replace(day=7, hour=10, minute=0)
    notify(store, config, monday - MINUTE)
    assert to(relay, LEAD) == []
    notify(store, config, monday)
    assert len(to(relay, LEAD)) == 1


def test_group(store: Store, config: Config, relay: Relay) -> None:
    """What was told together is reminded and escalated together, without what somebody looks after."""
    numbers = opens(store, config, NOW, *(f"m{n:02}" for n in range(1, 6)))
    notify(store, config, NOW)
    minutes(store, config, NOW, NOW + 4 * HOUR)
    assert [len(to(relay, who)) for who in (OPS, LEAD)] == [1, 1]
    acknowledges(store, numbers[0], NOW + 5 * HOUR)
    notify(store, config, NOW + DAY)
    notify(store, config, NOW + DAY + MINUTE)
    assert len(to(relay, OPS)) == 2
    said = plain(to(relay, OPS)[1])
    assert [f"#{number} " in said for number in numbers] == [False, True, True, True, True]
    for number in numbers[1:4]:
        acknowledges(store, number, NOW + DAY + HOUR)
    notify(store, config, NOW + 2 * DAY)
    assert f"(#{numbers[4]})" in to(relay, OPS)[2]["Subject"]


def test_snoozed(store: Store, config: Config, relay: Relay) -> None:
    """A snooze holds reminders and levels; at its end the newest reminder leaves, and what became needless never."""
    (number,) = opens(store, config, NOW, "ape")
    notify(store, config, NOW)
    with store.write() as connection:
        incidents.snooze(connection, number, None, "alice", "known", days=6, now=NOW)
    minutes(store, config, NOW, NOW + 6 * DAY - MINUTE, 6 * HOUR)
    assert events(store) == [("opened", "sent"), *[("reminder", "held")] * 3]
    assert events(store, LEAD) == [("opened", "held")]
    notify(store, config, NOW + 6 * DAY)
    assert events(store) == [("opened", "sent"), *[("reminder", "suppressed")] * 2, ("reminder", "sent")]
    assert events(store, LEAD) == [("opened", "sent")]


def test_acknowledged_while_held(store: Store, config: Config, relay: Relay) -> None:
    """A reminder or an escalation that waited until somebody acknowledged is suppressed; a new cause escalates all the same."""
    (number,) = opens(store, config, NOW, "ape")
    notify(store, config, NOW)
    with store.write() as connection:
        incidents.snooze(connection, number, None, "alice", "known", days=2, now=NOW)
    minutes(store, config, NOW, NOW + DAY, 6 * HOUR)
    acknowledges(store, number, NOW + DAY)
    notify(store, config, NOW + 2 * DAY)
    in_hand = "acknowledged meanwhile, or no longer open"
    assert kept(store, OPS)[1] == ("reminder", "suppressed", in_hand)
    assert kept(store, LEAD) == [("opened", "suppressed", in_hand)]
    worsens(store, config, number, NOW + 5 * DAY)
    minutes(store, config, NOW + 5 * DAY, NOW + 6 * DAY)
    assert events(store, LEAD)[-1] == ("opened", "sent")


def test_after_a_pause(store: Store, config: Config, relay: Relay) -> None:
    """A service that stood still for a week reminds once, not three times."""
    opens(store, config, NOW, "ape")
    notify(store, config, NOW)
    notify(store, config, NOW + 12 * DAY)
    notify(store, config, NOW + 12 * DAY + MINUTE)
    assert events(store) == [("opened", "sent"), ("reminder", "sent")]


def test_killed(store: Store, config: Config, relay: Relay) -> None:
    """Killed in the transaction that decides, nothing is queued; run again, each is queued once."""
    opens(store, config, NOW, "ape")
    notify(store, config, NOW)
    with pytest.raises(StoreError, match="disk"):
        notify(store.guarded(failing(1)), config, NOW + DAY)
    assert events(store) == [("opened", "sent")]
    notify(store, config, NOW + DAY)
    before = snapshot(store)
    for n in range(5):
        notify(store, config, NOW + DAY + n * MINUTE)
    assert (events(store)[1:], snapshot(store)) == ([("reminder", "sent")], before)


def test_not_told_yet(store: Store, config: Config, relay: Relay) -> None:
    """While the first message cannot leave nobody is reminded of it; the days count from when it did."""
    opens(store, config, NOW, "ape")
    relay.answers = ["451 later"] * 2
    notify(store, config, NOW)
    notify(store, config, NOW + DAY)
    assert events(store) == [("opened", "sent")]
    notify(store, config, NOW + 2 * DAY)
    assert events(store) == [("opened", "sent"), ("reminder", "sent")]


def test_about_vigie(store: Store, config: Config, relay: Relay, monkeypatch: pytest.MonkeyPatch) -> None:
    """An alert about Vigie that stands for half an hour reaches level 2, at night too, and so does its end."""
    told = Verdict("SILENT", "No prediction", None, None)
    silent = [("ape", told, {"last_us": microseconds(NOW)})]
    monkeypatch.setattr("jobs.watch.verdicts", lambda *_: silent)
    night = NOW + 10 * HOUR
    watch(store, config, night)
    minutes(store, config, night, night + 29 * MINUTE, MINUTE)
    assert [len(to(relay, who)) for who in (OPS, LEAD)] == [1, 0]
    notify(store, config, night + 30 * MINUTE)
    watch(store, config, night + 31 * MINUTE)
    notify(store, config, night + 31 * MINUTE)
    assert [len(to(relay, who)) for who in (OPS, LEAD)] == [1, 1]
    silent.clear()
    watch(store, config, night + HOUR)
    notify(store, config, night + HOUR)
    assert [len(to(relay, who)) for who in (OPS, LEAD)] == [2, 2]


def test_no_first_level(
    quick_place: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Settings under which nobody is told at first are refused."""
    text = quick_place.path.read_text(encoding="utf-8").replace("service]}", "service], level: 2}")
    quick_place.path.write_text(text, encoding="utf-8")
    code, said = run(quick_place, "config", "check", monkeypatch=monkeypatch, capsys=capsys)
    assert (code, "service reach no route of level 1" in said, "incidents reach" in said) == (3, True, False)
