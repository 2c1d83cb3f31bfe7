"""One broken feed is one message, and nothing is said of its models before it is mended."""

from collections import Counter
from datetime import timedelta

import pytest

from jobs.detect import detect
from jobs.ingest import ingest
from jobs.notify import notify
from jobs.pin import pin
from jobs.summarise import summarise
from jobs.watch import watch
from monitor.config import Config, load
from monitor.store import incidents, outbox, runs
from monitor.store.store import Store
from monitor.verdict import Verdict
from monitor.window import Window, hour_of, microseconds
from tests.conftest import NOW, Place, opened
from tests.jobs.relay import Relay
from tests.jobs.story import snapshot
from tests.jobs.test_gather import closes, opens, plain, subjects, to

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
FED = tuple(f"m{n:02}" for n in range(1, 22))


@pytest.fixture
def config(place: Place, config: Config) -> Config:
    """Return settings with 21 models that one source feeds, and one model with a source of its own beside it."""
    text = place.path.read_text(encoding="utf-8")
    models = "".join(f"  {name}: {{}}\n" for name in FED)
    text = text.replace("  ape:\n", f"{models}  ape:\n    shares: [gateway]\n", 1)
    shared = "sources:\n  all: {files: logs/all.jsonl*, format: vigie_line}\n"
    place.path.write_text(text.replace("sources:\n", shared, 1), encoding="utf-8")
    return load(place.path)


def quiet(monkeypatch: pytest.MonkeyPatch, *models: str, hour: int = 6) -> None:
    """Let these models, and no others, be silent since an hour of the day."""
    told = Verdict("SILENT", "No prediction since 06:00; 80 were to be expected.", None, None)
    last_us = microseconds(NOW.replace(hour=hour))
    monkeypatch.setattr("jobs.watch.verdicts", lambda *_: [(model, told, {"last_us": last_us}) for model in models])


def about_feed(store: Store) -> list[tuple[str, str, str]]:
    with store.read() as connection:
        rows = outbox.latest(connection, 500)[::-1]
        return [(row["subject"], row["event"], row["state"]) for row in rows
                if row["subject"].startswith("service:") and row["recipient"] == "ops@stat.example"]  # fmt: skip


def test_one_source_of_all(store: Store, config: Config, relay: Relay, monkeypatch: pytest.MonkeyPatch) -> None:
    """A source that feeds 21 models and stops is one message, its end is one, and any number of runs tell no more."""
    quiet(monkeypatch, *FED)
    assert watch(store, config, NOW) == "1 things to tell, 1 new messages"
    notify(store, config, NOW)
    assert subjects(relay) == ["service: all models are silent"]
    said = to(relay)[0].get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert "21 of the 22 models that are fed by all are silent" in said
    assert all(model in said for model in FED)
    before = snapshot(store)
    for minute in range(100):
        watch(store, config, NOW + minute * MINUTE)
        assert notify(store, config, NOW + minute * MINUTE) == "0 messages sent, 0 failed"
    assert snapshot(store) == before
    quiet(monkeypatch)
    watch(store, config, NOW + 2 * HOUR)
    notify(store, config, NOW + 2 * HOUR)
    assert subjects(relay)[1:] == ["OK service, over: all models are silent"]
    before = snapshot(store)
    for minute in range(100):
        watch(store, config, NOW + 2 * HOUR + minute * MINUTE)
        notify(store, config, NOW + 2 * HOUR + minute * MINUTE)
    assert snapshot(store) == before


def test_two_of_a_source(store: Store, config: Config, relay: Relay, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two silent models of 22 that one source feeds are told one by one; with a third they are one thing."""
    quiet(monkeypatch, "m01", "m02")
    watch(store, config, NOW)
    quiet(monkeypatch, "m01", "m02", "m03")
    watch(store, config, NOW + MINUTE)
    notify(store, config, NOW + MINUTE)
    assert subjects(relay) == ["service: m01 is silent", "service: m02 is silent", "service: all models are silent"]


def test_still_silent(store: Store, config: Config, relay: Relay, monkeypatch: pytest.MonkeyPatch) -> None:
    """The end of a shared silence names who is silent still; that one is not told again, a new silence of several is."""
    quiet(monkeypatch, *FED[:4])
    watch(store, config, NOW)
    notify(store, config, NOW)
    quiet(monkeypatch, *FED[:1])
    watch(store, config, NOW + HOUR)
    notify(store, config, NOW + HOUR)
    quiet(monkeypatch)
    watch(store, config, NOW + 2 * HOUR)
    notify(store, config, NOW + 2 * HOUR)
    assert subjects(relay) == ["service: all models are silent", "OK service, over: all models are silent"]
    assert "m01" in to(relay)[1].get_body(("plain",)).get_content()  # type: ignore[union-attr]
    quiet(monkeypatch, *FED[:4], hour=9)
    watch(store, config, NOW + 3 * HOUR)
    notify(store, config, NOW + 3 * HOUR)
    assert subjects(relay)[2:] == ["service: all models are silent"]


def test_a_name_in_common(
    store: Store, config: Config, place: Place, relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Silent models with sources of their own that share a name are one message too."""
    text = place.path.read_text(encoding="utf-8").replace("  all: {files: logs/all.jsonl*, format: vigie_line}\n", "")
    for name in FED[:3]:
        text = text.replace(f"  {name}: {{}}\n", f"  {name}: {{shares: [gateway]}}\n", 1)
    place.path.write_text(text, encoding="utf-8")
    quiet(monkeypatch, *FED[:4])
    watch(store, load(place.path), NOW)
    notify(store, config, NOW)
    assert subjects(relay) == ["service: models behind gateway are silent", "service: m04 is silent"]


def fails(store: Store, slot: int, state: str) -> None:
    """Let a run of ingest end."""
    with store.write() as connection:
        at = microseconds(NOW) + slot * 60_000_000
        fence = runs.claim(connection, "ingest", at, "host:1:1", at)
        runs.finish(connection, ("ingest", at, fence or 0), state, "disk is full", "", now_us=at)


def test_reading_fails(store: Store, config: Config, relay: Relay, monkeypatch: pytest.MonkeyPatch) -> None:
    """While nothing is read that is the one message; incidents opened meanwhile are told when it ends, or never if they are over."""
    for slot in range(3):
        fails(store, slot, "failed")
    quiet(monkeypatch, *FED, "ape")
    later = NOW + 3 * MINUTE
    watch(store, config, later)
    still, over = opens(store, config, later, "m01", "m02")
    assert notify(store, config, later) == "1 messages sent, 0 failed"
    assert subjects(relay) == ["service: job ingest fails"]
    with store.read() as connection:
        kept = {(row["state"], row["suppressed_because"]) for row in outbox.about(connection, f"incident:{still}")}
    assert kept == {("held", "inhibited: service:job:ingest")}
    closes(store, config, later, [over])
    assert notify(store, config, later) == "0 messages sent, 0 failed"
    fails(store, 4, "ok")
    quiet(monkeypatch)
    watch(store, config, later + HOUR)
    notify(store, config, later + HOUR)
    assert sorted(said.split(":")[0] for said in subjects(relay)[1:]) == ["ALARM m01", "OK service, over"]
    with store.read() as connection:
        gone = {(row["event"], row["state"]) for row in outbox.about(connection, f"incident:{over}")}
        assert gone == {("opened", "suppressed"), ("closed", "suppressed")}
        assert incidents.get(connection, still).state == "open"


def test_only_source_away(store: Store, config: Config, relay: Relay, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a silent source explains waits for its end; a model with another source that gives is told at once."""
    quiet(monkeypatch, *FED[:20])
    watch(store, config, NOW)
    opens(store, config, NOW, "ape")
    opens(store, config, NOW, "m21")
    notify(store, config, NOW)
    assert [said.split(":")[0] for said in subjects(relay)] == ["service", "ALARM ape"]
    quiet(monkeypatch)
    watch(store, config, NOW + HOUR)
    notify(store, config, NOW + HOUR)
    assert [said.split(":")[0] for said in subjects(relay)[2:]] == ["ALARM m21", "OK service, over"]


def test_held_and_over(store: Store, config: Config, relay: Relay, monkeypatch: pytest.MonkeyPatch) -> None:
    """A silence that began and ended under maintenance of everything is not told."""
    from jobs import plan

    plan.add(store, config, NOW, "maintenance", "", begin=NOW, end=NOW + 3 * HOUR, note="", author="bruno")
    quiet(monkeypatch, *FED)
    watch(store, config, NOW)
    notify(store, config, NOW)
    quiet(monkeypatch)
    watch(store, config, NOW + HOUR)
    assert notify(store, config, NOW + HOUR) == "0 messages sent, 0 failed"
    assert notify(store, config, NOW + 4 * HOUR) == "0 messages sent, 0 failed"
    states = [(event, state) for subject, event, state in about_feed(store) if subject == "service:shared:silent:all"]
    assert states == [("opened", "suppressed"), ("closed", "suppressed")]


def test_real_feed(quick_place: Place, relay: Relay) -> None:
    """Three models in one log: it stops and they are one message; it goes on changed, and their incidents are one message."""
    place = quick_place
    smtp = f"delivery: {{smtp: {{host: 127.0.0.1, port: {relay.port}, starttls: never}}}}"
    text = place.configure("detection: {smallest_block: 5}\n", ("delivery: {file_drop: mails}", smtp)).path.read_text()
    text = text.replace("  ape:\n", "  nace: {}\n  isco: {}\n  ape:\n", 1).replace("    model: ape\n", "")
    place.path.write_text(text, encoding="utf-8")
    config = load(place.path)

    def logged(count: int, seed: int, **more: object) -> None:
        """Log calls of the ape, and the same calls as if two more models had answered."""
        place.log.unlink(missing_ok=True)
        place.write(count, seed=seed, **more)  # type: ignore[arg-type]
        lines = place.log.read_text(encoding="utf-8")
        others = [
            lines.replace('"ape"', f'"{name}"').replace(f'"{seed}-', f'"{name}-{seed}-') for name in ("nace", "isco")
        ]
        place.log.rename(place.log.with_name(f"ape.jsonl.{seed}"))
        for name, body in zip(("nace", "isco"), others, strict=True):
            place.log.with_name(f"ape.jsonl.{name}-{seed}").write_text(body, encoding="utf-8")

    def passes(store: Store, now: object) -> None:
        for job in (ingest, summarise, detect, watch, notify):
            job(store, config, now)  # type: ignore[arg-type]

    logged(4900, 1, first=NOW - 16 * 24 * HOUR, hours=16 * 24)
    with opened(place.database) as store:
        ingest(store, config, NOW)
        summarise(store, config, NOW)
        for model in config.models:
            pin(
                store, config, NOW, model, Window(hour_of(NOW) - 15 * 24, hour_of(NOW) - 24), by="local", reason="quiet"
            )
        passes(store, NOW)
        assert relay.mails == []
        for hour in (6, 7, 8):
            passes(store, NOW + hour * HOUR)
        assert subjects(relay) == ["service: models behind api are silent"]
        logged(
            600,
            2,
            first=NOW + 9 * HOUR,
            hours=48,
            changed=lambda draw: {"topk": [["62", 0.41], ["10", 0.2]], "status": 200, "error": None},
        )
        passes(store, NOW + 57 * HOUR)
        ended = [said.split(" since")[0] for said in subjects(relay)[1:]]
        assert Counter(ended) == {"ALARM 3 models at once:": 2, "OK service, over: models behind api are silent": 1}
        whole = sorted(plain(mail) for mail in to(relay) if "ALARM" in mail["Subject"])
        assert ["predictions" in text for text in whole] == [
            True,
            False,
        ]  # the silence's own effect was held until its end
        for hour in range(58, 62):
            passes(store, NOW + hour * HOUR)
        assert len(to(relay)) == 4
