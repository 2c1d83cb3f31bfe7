"""What came together is told in one message, once, whoever is killed when."""

import re
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from email.message import EmailMessage
from html.parser import HTMLParser

import pytest

from jobs.notify import notify
from monitor.alerts import messages
from monitor.config import Config, load
from monitor.detection.incident import Cause, Incident
from monitor.errors import StoreError
from monitor.settings import Delivery
from monitor.store import groups, incidents, outbox, runs
from monitor.store.store import Store
from monitor.window import hour_of, microseconds
from tests.conftest import NOW, Place, opened
from tests.jobs.relay import Relay
from tests.jobs.story import failing, snapshot

HOURS, MINUTES = timedelta(hours=1), timedelta(minutes=1)
EMBEDDED = tuple(f"m{n:02}" for n in range(1, 22))
OTHERS = ("one", "two", "three", "four")
TOLD = ("ops@stat.example", "owner@stat.example")


@pytest.fixture
def config(place: Place, config: Config) -> Config:
    """Return settings with 21 models behind one embedder, one of them behind the gateway of another too, and some alone."""
    more = dict.fromkeys(EMBEDDED, "{shares: [embedder]}") | dict.fromkeys(OTHERS, "{}")
    more |= {"m01": "{shares: [embedder, gateway]}", "gated": "{shares: [gateway]}"}
    models = "".join(f"  {name}: {what}\n" for name, what in more.items())
    text = place.path.read_text(encoding="utf-8")
    place.path.write_text(text.replace("sources:\n", f"{models}sources:\n", 1), encoding="utf-8")
    return load(place.path)


def opens(store: Store, config: Config, now: datetime, *models: str, onset: int = 9) -> list[int]:
    """Open an incident for each model and queue its messages, as one run of detect does; return their numbers."""
    numbers = []
    for model in models:
        nth = EMBEDDED.index(model) if model in EMBEDDED else 0
        cause = Cause(
            "latency", "service", 1.0, "ms", 40.0, 45.0 + nth, 900.0, 1, f"usual latency 40 ms -> {45 + nth} ms"
        )
        hour = hour_of(now)
        new = Incident(0, model, hour - onset, hour, "open", (cause,))
        with store.write() as connection:
            one, change = incidents.open_new(connection, new, now)
            outbox.queue(connection, messages(change, one, config.routes), now)
        numbers.append(one.id)
    return numbers


def closes(store: Store, config: Config, now: datetime, numbers: Iterable[int]) -> None:
    """Close incidents as a person does."""
    for number in numbers:
        with store.write() as connection:
            change = incidents.close(connection, number, None, "fixed", "alice", reason="mended", now=now)
            outbox.queue(connection, messages(change, incidents.get(connection, number), config.routes), now)


def to(relay: Relay, who: str = TOLD[0]) -> list[EmailMessage]:
    return [mail for mail in relay.mails if mail["To"] == who]


def subjects(relay: Relay) -> list[str]:
    return [mail["Subject"].strip().removeprefix("[Vigie] ") for mail in to(relay)]


def plain(mail: EmailMessage) -> str:
    return mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]


def rows(mail: EmailMessage) -> list[tuple[str, str]]:
    """Return the rows of the HTML part, as a browser reads its cells."""
    html = mail.get_body(("html",)).get_content()  # type: ignore[union-attr]
    cells: list[str] = []
    is_inside = [False]
    reader = HTMLParser(convert_charrefs=True)

    def begin(tag: str, _: object) -> None:
        is_inside[0] = tag == "td"
        cells.extend([""] if is_inside[0] else [])

    def end(_: str) -> None:
        is_inside[0] = False

    reader.handle_starttag, reader.handle_endtag = begin, end  # type: ignore[method-assign]
    reader.handle_data = lambda data: cells.append(cells.pop() + data) if is_inside[0] else None  # type: ignore[method-assign]
    reader.feed(html)
    reader.close()
    return list(zip(cells[1::2], cells[2::2], strict=True))  # the first one holds them all


def listed(mail: EmailMessage) -> list[tuple[str, str]]:
    """Return the rows that stand for an incident: its mark, and the name of its model."""
    return [(mark, said.partition(",")[0]) for mark, said in rows(mail) if mark.startswith("#")]


def states(store: Store) -> Counter[str]:
    with store.read() as connection:
        return Counter(outbox.counts(connection))


def test_one_mail(store: Store, config: Config, relay: Relay) -> None:
    """Incidents of 21 models behind one embedder are one mail for each recipient, the worst first, figures alike in both parts."""
    numbers = opens(store, config, NOW, *EMBEDDED)
    assert notify(store, config, NOW) == "2 messages sent, 0 failed"
    assert [mail["To"] for mail in relay.mails] == list(TOLD)
    for mail in relay.mails:
        assert mail["Subject"].strip().startswith("[Vigie] ALARM 21 of 21 models sharing embedder: since ")
        assert listed(mail) == [(f"#{number}", name) for number, name in zip(numbers, EMBEDDED, strict=True)][::-1]
        said = plain(mail)
        lines = {re.sub(" +", " ", line) for line in said.splitlines()}
        assert {f"{name} {value}" for name, value in rows(mail)} <= lines
        assert "embedder: these models have it in common" in said
    assert states(store) == {"sent": 2, "merged": 40}
    with store.read() as connection:
        assert groups.together(connection, numbers[0]) == numbers[1:]
        merged = groups.about(connection, numbers[5], TOLD[1])[0]
        assert groups.telling(connection, merged)["state"] == "sent"
        assert merged["suppressed_because"] == f"in message {merged['facts']['into']}: shares embedder"


@pytest.mark.parametrize(
    ("models", "mails"),
    [(OTHERS[:2], 2), (OTHERS[:3], 1), (("m03", "m09"), 1), (("m03", "gated"), 2), (("m01", "gated"), 1), (("m01",), 1),
     (("m03", "m09", "one"), 1)],
)  # fmt: skip
def test_how_many(store: Store, config: Config, relay: Relay, models: tuple[str, ...], mails: int) -> None:
    """Two models without a name in common are two mails; three models, or two that share one, are one."""
    opens(store, config, NOW, *models)
    notify(store, config, NOW)
    assert len(to(relay)) == mails
    assert sum(mail["Subject"].count("#") for mail in to(relay)) == mails
    text = "".join(plain(mail) for mail in to(relay))
    assert all(re.search(rf"(?m)\b{model}\b", text) for model in models)


def test_two_runs(store: Store, config: Config, relay: Relay) -> None:
    """Three models without a name in common, each in a run of its own, are three mails."""
    for hour, model in enumerate(OTHERS[:3]):
        opens(store, config, NOW + hour * HOURS, model)
    notify(store, config, NOW + 3 * HOURS)
    assert len(to(relay)) == 3


def test_joiner(store: Store, config: Config, relay: Relay) -> None:
    """Who joins within six hours comes in one update an hour that lists all and marks the new ones; who comes later does not."""
    opens(store, config, NOW, *EMBEDDED[:4])
    notify(store, config, NOW)
    late = opens(store, config, NOW + 2 * HOURS, "m11", "m12")
    opens(store, config, NOW + 2 * HOURS, "one", onset=30)
    notify(store, config, NOW + 2 * HOURS)
    assert subjects(relay)[1] == "ALARM 6 of 21 models sharing embedder: 2 more (#1)"
    assert "one: service changed" in subjects(relay)[2]
    update = to(relay)[1]
    assert update["References"] == to(relay)[0]["Message-ID"]
    assert [name for mark, name in listed(update) if not mark.endswith(" new")] == list(EMBEDDED[:4][::-1])
    assert [name for mark, name in listed(update) if mark.endswith(" new")] == ["m12", "m11"]
    again = NOW + 2 * HOURS + 20 * MINUTES
    opens(store, config, again, "m13")
    notify(store, config, again)
    opens(store, config, again + 10 * MINUTES, "m14")
    notify(store, config, again + 10 * MINUTES)
    assert len(to(relay)) == 3
    assert states(store)["held"] == 4
    notify(store, config, NOW + 3 * HOURS)
    assert subjects(relay)[3:] == ["ALARM 8 of 21 models sharing embedder: 2 more (#1)"]
    assert [name for mark, name in listed(to(relay)[3]) if mark.endswith(" new")] == ["m14", "m13"]
    opens(store, config, NOW + 7 * HOURS, "m15")
    notify(store, config, NOW + 7 * HOURS)
    assert "m15: service changed" in subjects(relay)[4]
    with store.read() as connection:
        assert len(groups.together(connection, late[0])) == 7


def test_joiner_of_one(store: Store, config: Config, relay: Relay) -> None:
    """A model that shares a name with one that was told alone is told as its update."""
    opens(store, config, NOW, "m02")
    notify(store, config, NOW)
    opens(store, config, NOW + HOURS, "m07")
    notify(store, config, NOW + HOURS)
    assert subjects(relay)[1] == "ALARM 2 of 21 models sharing embedder: 1 more (#1)"


def test_joiner_by_onset(store: Store, config: Config, relay: Relay) -> None:
    """Three models that nothing is known to be common of take a fourth whose change began near theirs, and no other."""
    opens(store, config, NOW, *OTHERS[:3])
    notify(store, config, NOW)
    opens(store, config, NOW + 2 * HOURS, "gated", onset=30)
    opens(store, config, NOW + 2 * HOURS, "four", onset=12)
    notify(store, config, NOW + 2 * HOURS)
    assert sorted(subjects(relay)[1:])[0] == "ALARM 4 models at once: 1 more (#1)"
    assert "gated: service changed" in sorted(subjects(relay)[1:])[1]


def test_relay_away(store: Store, config: Config, relay: Relay) -> None:
    """What joins before the group's message has left becomes part of it."""
    smtp = config.delivery.smtp
    assert smtp is not None
    away = config.model_copy(update={"delivery": Delivery(smtp=smtp.model_copy(update={"port": 1}))})
    opens(store, config, NOW, *EMBEDDED[:3])
    assert notify(store, away, NOW) == "0 messages sent, 2 failed"
    opens(store, config, NOW + HOURS, "m09")
    assert notify(store, config, NOW + HOURS) == "2 messages sent, 0 failed"
    assert len(listed(to(relay)[-1])) == 4
    assert "more" not in subjects(relay)[-1]
    assert states(store) == {"sent": 2, "merged": 6}


def test_closed(store: Store, config: Config, relay: Relay) -> None:
    """The end of a group is told once, when the last of its incidents is closed; a worsened one is told by itself."""
    numbers = opens(store, config, NOW, *EMBEDDED[:4])
    notify(store, config, NOW)
    with store.write() as connection:
        one = incidents.get(connection, numbers[1])
        change = incidents.change(
            connection, one, "worsened", actor="vigie", reason="more", at=NOW + HOURS, key="alarm:9"
        )
        outbox.queue(connection, messages(change, incidents.get(connection, one.id), config.routes), NOW + HOURS)
    notify(store, config, NOW + HOURS)
    assert subjects(relay)[1] == f"ALARM m02: service changed more (#{numbers[1]})"
    assert to(relay)[1]["References"] == to(relay)[0]["Message-ID"]
    for hour, number in enumerate(numbers[:3], 2):
        closes(store, config, NOW + hour * HOURS, [number])
        notify(store, config, NOW + hour * HOURS)
    assert len(to(relay)) == 2
    closes(store, config, NOW + 9 * HOURS, numbers[3:])
    notify(store, config, NOW + 9 * HOURS)
    assert subjects(relay)[2:] == ["OK 4 of 21 models sharing embedder: all closed (#1)"]
    assert [name for _, name in listed(to(relay)[2])] == list(EMBEDDED[:4][::-1])
    assert states(store) == {"sent": 6, "merged": 12}
    opens(store, config, NOW + 10 * HOURS, "m05")
    notify(store, config, NOW + 10 * HOURS)
    assert "m05: service changed" in subjects(relay)[3]


def test_closed_alone(store: Store, config: Config, relay: Relay) -> None:
    """An incident that was told alone is told alone when it closes, behind its beginning even where that could not leave."""
    relay.answers = ["451 later"] * 2
    numbers = opens(store, config, NOW, "one")
    notify(store, config, NOW)
    closes(store, config, NOW, numbers)
    assert notify(store, config, NOW) == "0 messages sent, 0 failed"
    assert notify(store, config, NOW + HOURS) == "4 messages sent, 0 failed"
    assert [said.split(" ")[0] for said in subjects(relay)[1:]] == ["ALARM", "OK"]


def test_behind_what_fails(store: Store, config: Config, relay: Relay) -> None:
    """An end does not overtake the beginning that fails in the same run."""
    numbers = opens(store, config, NOW, "one")
    closes(store, config, NOW, numbers)
    relay.answers = ["451 later"] * 2
    notify(store, config, NOW)  # the end waits until the beginning has a message
    relay.answers = ["451 later"] * 2
    assert notify(store, config, NOW + HOURS) == "0 messages sent, 2 failed"
    assert notify(store, config, NOW + 2 * HOURS) == "4 messages sent, 0 failed"
    assert [said.split(" ")[0] for said in subjects(relay)[-2:]] == ["ALARM", "OK"]


def test_detect_in_progress(store: Store, config: Config, relay: Relay) -> None:
    """While a run of detect goes on its incidents wait, and so do ends of them; other messages leave."""
    us = microseconds(NOW)
    with store.write() as connection:
        fence = runs.claim(connection, "detect", us, runs.owner(), runs.clock_us(connection, us))
    assert fence is not None
    numbers = opens(store, config, NOW, "m01", "m02")
    closes(store, config, NOW, numbers[:1])
    assert notify(store, config, NOW) == "0 messages sent, 0 failed"
    opens(store, config, NOW, "m03")
    with store.write() as connection:
        runs.finish(connection, ("detect", us, fence), "ok", "", "", now_us=us)
    assert notify(store, config, NOW) == "2 messages sent, 0 failed"
    assert len(listed(relay.mails[0])) == 3


def test_detect_died(store: Store, config: Config, relay: Relay) -> None:
    """A run that nobody carries on holds nothing up once its lease is over."""
    us = microseconds(NOW)
    with store.write() as connection:
        now_us = runs.clock_us(connection, us)
        fence = runs.claim(connection, "detect", us, "elsewhere:1:1", now_us)
    opens(store, config, NOW, "m01", "m02")
    assert notify(store, config, NOW) == "0 messages sent, 0 failed"
    with store.write() as connection:  # a minute passes
        assert runs.renew(connection, "detect", fence or 0, now_us - 60_000_000)
    assert notify(store, config, NOW) == "2 messages sent, 0 failed"


@pytest.mark.parametrize("nth", range(1, 9))
def test_killed(store: Store, config: Config, relay: Relay, nth: int) -> None:
    """Killed in any of its transactions: nothing is lost, and what is told twice is marked and keeps its Message-ID."""
    numbers = opens(store, config, NOW, *EMBEDDED[:3])
    with pytest.raises(StoreError):
        notify(store.guarded(failing(nth)), config, NOW)
    later = opens(store, config, NOW + 2 * HOURS, "m20")
    for hour in (2, 4):
        notify(store, config, NOW + hour * HOURS)
    for who in TOLD:
        mails = to(relay, who)
        assert {n for mail in mails for n in map(int, re.findall(r"#(\d+)\b", plain(mail) + mail["Subject"]))} == {
            *numbers,
            *later,
        }
        repeated = [mail["X-Vigie-Possible-Repeat"] for mail in mails]
        assert repeated.count(None) == len({mail["Message-ID"] for mail in mails})
        assert len(mails) - repeated.count(None) <= 1
    assert set(states(store)) == {"sent", "merged"}


def test_restarts(store: Store, config: Config, relay: Relay) -> None:
    """After any number of runs nothing more is told, and nothing is written."""
    numbers = opens(store, config, NOW, *EMBEDDED[:3], "one")
    opens(store, config, NOW + HOURS, "two")
    notify(store, config, NOW + HOURS)
    closes(store, config, NOW + HOURS, numbers[:2])
    notify(store, config, NOW + HOURS)
    told, before = len(relay.mails), snapshot(store)
    for minute in range(100):
        assert notify(store, config, NOW + HOURS + minute * MINUTES) == "0 messages sent, 0 failed"
    assert (len(relay.mails), snapshot(store)) == (told, before)


def test_no_run_begins_meanwhile(postgres: Callable[..., str]) -> None:
    """On PostgreSQL a run that writes just now is seen without waiting for it, and none begins while messages are gathered."""
    us = microseconds(NOW)
    with opened(postgres()) as store:
        with store.write() as connection:
            fence = runs.claim(connection, "detect", us, runs.owner(), us) or 0
        with store.write() as connection:
            runs.finish(connection, ("detect", us, fence), "ok", "", "", now_us=us)
        with store.write() as one, store.write() as other:
            runs.check(one, "detect", fence)
            assert runs.in_progress(other, "detect", us)
        with store.write() as one, store.write() as other:
            assert not runs.in_progress(one, "detect", us)
            assert runs.claim(other, "detect", us + 1, runs.owner(), us + 1) is None
