"""Each recipient learns once a week that messages reach them."""

from datetime import UTC, datetime, timedelta

import pytest

from jobs.hooks import body
from jobs.notify import notify
from jobs.trial import trial
from monitor.config import Config, load
from monitor.delivery.webhook import slack, teams
from monitor.settings import Route
from monitor.store import outbox
from monitor.store.store import Store
from tests.conftest import NOW, Place
from tests.jobs.relay import Relay
from tests.jobs.test_cli import run
from tests.jobs.test_gather import plain, to

ALL = {"ops@stat.example", "owner@stat.example", "head@stat.example"}
MONDAY = datetime(2026, 9, 7, 6, 30, tzinfo=UTC)  # 08:30 in Paris
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


def configured(place: Place, more: str) -> Config:
    """Test on Mondays; people work in Paris, and one of them reads French."""
    text = place.path.read_text(encoding="utf-8").replace("receives: [weekly]", "receives: [weekly], language: fr")
    place.path.write_text(text + more, encoding="utf-8")
    return load(place.path)


WEEKLY = "alerts: {test_day: mon}\nworking_hours: {zone: Europe/Paris, holidays: off.csv}\n"


def test_each_week(store: Store, place: Place, config: Config, relay: Relay) -> None:
    """Every recipient gets one when people begin on that day, behind a holiday the day after; any number of runs sends no other."""
    (place.folder / "off.csv").write_text("date\n2026-09-14\n", encoding="utf-8")
    config = configured(place, WEEKLY)
    notify(store, config, MONDAY - 3 * DAY)  # it is new: of this week at once
    assert {mail["To"] for mail in relay.mails} == ALL
    for now in (MONDAY - MINUTE, MONDAY, MONDAY + MINUTE, MONDAY + DAY, MONDAY + 6 * DAY):
        notify(store, config, now)
        assert len(relay.mails) == (3 if now < MONDAY else 6)
    for now in (MONDAY + 7 * DAY, MONDAY + 8 * DAY - MINUTE, MONDAY + 8 * DAY, MONDAY + 9 * DAY):
        notify(store, config, now)
        assert len(relay.mails) == (6 if now < MONDAY + 8 * DAY else 9)
    assert to(relay, "ops@stat.example")[0]["Subject"] == "[Vigie] test: this message arrived"
    assert "messages of Vigie reach this address" in plain(to(relay, "ops@stat.example")[0])
    assert "Ceci est un test" in plain(to(relay, "head@stat.example")[0])


def test_not_asked_for(store: Store, config: Config, relay: Relay) -> None:
    """Without a day nobody is sent one."""
    for days in range(8):
        notify(store, config, NOW + days * DAY)
    assert relay.mails == []


@pytest.mark.parametrize("form", ["slack", "teams"])
def test_webhook(store: Store, config: Config, form: str) -> None:
    """A webhook is sent the type of a test and no incident; a chat one line."""
    route = Route(name="desk", webhook="https://hooks.stat.example/x", form=form, receives=("incidents",))
    with store.write() as connection:
        assert [trial(connection, [route, route], 1, NOW) for _ in range(2)] == [1, 0]
        (row,) = outbox.due(connection, NOW)
    told = body(store, config, row)
    assert (told["type"], told["data"]["incidents"]) == ("vigie.test", [])
    shown = slack(told) if form == "slack" else teams(told)
    assert "test: this message arrived" in str(shown)


def test_verb(quick_place: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A person tests all recipients, or one; one that no route names is said to be none."""

    def vigie(*words: str) -> tuple[int, str]:
        return run(quick_place, *words, monkeypatch=monkeypatch, capsys=capsys)

    vigie("db", "upgrade")
    assert vigie("outbox", "test") == (0, "3 messages are queued\nNext: vigie once notify\n")
    code, said = vigie("outbox", "test", "--to", "nobody@stat.example")
    assert (code, "no route leads to nobody@stat.example" in said) == (7, True)
    assert vigie("outbox", "list")[1].count(" test") >= 3
