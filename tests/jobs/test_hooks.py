"""Webhooks are told of incidents in facts, signed, and by their key never twice."""

import base64
import hashlib
import hmac
import json
import re
import threading
from collections import namedtuple
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from pydantic import ValidationError

from benchmarks.decisions.target import GIB, Target, target
from jobs.notify import notify
from jobs.watch import watch
from monitor.alerts import messages
from monitor.backoff import wait_us
from monitor.config import Config
from monitor.delivery.post import Answer, Line, Request, post
from monitor.delivery.webhook import slack, teams
from monitor.detection.incident import Cause, Incident
from monitor.errors import ConfigError
from monitor.settings import Route
from monitor.store import incidents, outbox, runs
from monitor.store.store import Store
from monitor.window import hour_of, microseconds
from tests.conftest import NOW, Place

Disk = namedtuple("Disk", "total used free")
LATER = NOW + timedelta(minutes=16)
KEY = b"sixteen bytes or"
SECRET = "taxi for Mrs Smith"
CAUSE = Cause("latency", "service", 1.0, "ms", 40.0, 53.0, 900.0, 1, f"usual latency, {SECRET}")
DETAIL = {"claim": SECRET, "texts": [{"text": SECRET}], "terms": {"gained": [[SECRET, 0.0, 0.1]], "lost": []}}


@pytest.fixture
def server() -> Iterator[Target]:
    """Serve as receivers of webhooks do, or misbehave."""
    with target() as one:
        yield one


def settings(place: Place, server: Target, more: str = "") -> Config:
    """Write a route to a webhook of form standard, with two keys while they are exchanged."""
    for name, said in (("key", f"old key\nwhsec_{base64.b64encode(KEY).decode()}\n"), ("chat", f"{server.url}/hook")):
        (place.folder / name).touch(mode=0o600)
        (place.folder / name).write_text(said)
    one = (
        more
        or f"{{name: desk, webhook: '{server.url}/hook', key_file: key, allow_private: true, receives: [incidents]}}"
    )
    text = "  - {to: ops@stat.example, receives: [incidents, service]}\n  - {to: owner@stat.example, receives: [incidents, decisions]}"
    return place.configure(replaced=(text, f"  - {one}"))


def opens(store: Store, config: Config) -> None:
    hour = hour_of(NOW)
    with store.write() as connection:
        one, change = incidents.open_new(connection, Incident(0, "ape", hour - 5, hour, "open", (CAUSE,), DETAIL), NOW)
        outbox.queue(connection, messages(change, one, config.routes), NOW)


def states(store: Store) -> list[tuple[str, int]]:
    with store.read() as connection:
        return [(row["state"], row["possible_repeat"]) for row in outbox.latest(connection)]


def runs_of(store: Store, job: str, slot: int, state: str, line: str) -> None:
    with store.write() as connection:
        fence = runs.claim(connection, job, slot, "host:1:1", slot)
        runs.finish(connection, (job, slot, fence or 0), state, line, "", now_us=slot)


def quickly(request: Request, line: Line) -> Answer:
    """Send as ever, but wait for less."""
    return post(request, replace(line, answer_s=0.3))


def verified(headers: dict[str, str], body: bytes, key: bytes) -> bool:
    """Check a signature as the documents of Standard Webhooks say, with nothing of ours."""
    signed = b".".join((headers["webhook-id"].encode(), headers["webhook-timestamp"].encode(), body))
    wanted = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return wanted in [one.partition(",")[2] for one in headers["webhook-signature"].split(" ") if one.startswith("v1,")]


def test_told(place: Place, store: Store, server: Target) -> None:
    """An incident is told once, in figures, signed with both keys, and with no text of the traffic."""
    config = settings(place, server)
    opens(store, config)
    assert notify(store, config, NOW) == "1 messages sent, 0 failed"
    assert notify(store, config, LATER) == "0 messages sent, 0 failed"
    [(path, headers, body)] = server.arrived
    assert (path, headers["webhook-timestamp"]) == ("/hook", str(int(NOW.timestamp())))
    assert all(verified(headers, body, key) for key in (KEY, b"old key"))
    assert not verified(headers, body + b" ", KEY)
    assert not verified(headers, body, b"another")
    told = json.loads(body)
    assert (told["type"], told["data"]["possible_repeat"]) == ("vigie.incident.opened", False)
    [one] = told["data"]["incidents"]
    assert (one["incident"], one["model"], one["causes"][0]["seen"]) == (1, "ape", 53.0)
    assert SECRET.encode() not in body


@pytest.mark.parametrize("fault", ["cut_before", "cut_after", "silent"])
def test_cut(place: Place, store: Store, server: Target, fault: str) -> None:
    """What was cut may have arrived: it is sent again under the same id, and says so."""
    config = settings(place, server)
    opens(store, config)
    server.faults = [fault]
    assert notify(store, config, NOW, send_hook=quickly) == "0 messages sent, 1 failed"
    assert states(store) == [("queued", 1)]
    assert notify(store, config, LATER) == "1 messages sent, 0 failed"
    assert len(server.started) == 1
    assert json.loads(server.arrived[-1][2])["data"]["possible_repeat"] is True
    assert len({headers["webhook-id"] for _, headers, _ in server.arrived}) == 1


def test_killed(place: Place, store: Store, server: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed before the answer was noted: sent again under the same id, and the receiver takes it once."""
    config = settings(place, server)
    opens(store, config)

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(outbox, "sent", die)
        with pytest.raises(KeyboardInterrupt):
            notify(store, config, NOW)
    assert notify(store, config, LATER) == "1 messages sent, 0 failed"
    assert (len(server.arrived), len(server.started), states(store)) == (2, 1, [("sent", 1)])


@pytest.mark.parametrize(("fault", "state"), [("redirect", "dead"), ("301", "dead"), ("404", "dead"), ("408", "queued"), ("429", "queued"),
                                              ("503", "queued")])  # fmt: skip
def test_refused(place: Place, store: Store, server: Target, fault: str, state: str) -> None:
    """No redirect is followed; what may pass is tried again, and an answer is no doubt."""
    config = settings(place, server)
    opens(store, config)
    server.faults = [fault]
    notify(store, config, NOW)
    assert (states(store), len(server.arrived)) == ([(state, 0)], 1)


def test_huge_answer(place: Place, store: Store, server: Target) -> None:
    """Of a gibibyte of answer next to nothing is read."""
    config = settings(place, server)
    opens(store, config)
    server.faults = ["huge"]
    assert notify(store, config, NOW) == "1 messages sent, 0 failed"
    assert server.sent_bytes < GIB / 10


@pytest.mark.parametrize(
    ("spoilt", "why"), [("allow_private", "without allow_private"), ("key", "cannot be read"), ("name", "no route")]
)
def test_not_sent(place: Place, store: Store, server: Target, spoilt: str, why: str) -> None:
    """A private address nobody allowed, a key that is gone, and a route that is gone, keep it back, and it waits."""
    config = settings(place, server)
    opens(store, config)
    if spoilt == "key":
        (place.folder / "key").unlink()
    elif spoilt == "name":
        config = config.model_copy(update={"routes": ()})
    else:
        config = config.model_copy(update={"routes": (config.routes[0].model_copy(update={"allow_private": False}),)})
    notify(store, config, NOW)
    with store.read() as connection:
        [row] = outbox.latest(connection)
    assert (row["state"], why in row["last_error"], server.arrived) == ("queued", True, [])


@pytest.mark.parametrize("form", ["slack", "teams"])
def test_chat(place: Place, store: Store, server: Target, form: str) -> None:
    """A chat gets its own form; the address is read from a file, and stands in no row of the store."""
    one = f"{{name: chat, webhook_file: chat, form: {form}, allow_private: true, receives: [incidents]}}"
    config = settings(place, server, one)
    opens(store, config)
    server.faults = ["200"]
    assert notify(store, config, NOW) == "1 messages sent, 0 failed"
    [(_, headers, body)] = server.arrived
    said = json.loads(body)
    assert "webhook-signature" not in headers
    text = said["text"] if form == "slack" else said["attachments"][0]["content"]["body"][0]["text"]
    assert re.fullmatch(r"opened: #1 ape since \S+: latency 40 to 53 ms", text)
    assert SECRET.encode() not in body
    with store.read() as connection:
        assert server.url not in json.dumps(outbox.latest(connection))
    (place.folder / "chat").chmod(0o644)
    opens_again = Incident(0, "ape", hour_of(NOW) - 9, hour_of(NOW), "open", (CAUSE,))
    with store.write() as connection:
        new, change = incidents.open_new(connection, opens_again, NOW)
        outbox.queue(connection, messages(change, new, config.routes), NOW)
    assert notify(store, config, NOW) == "0 messages sent, 1 failed"


def test_chats_call_nobody() -> None:
    """Whatever a name holds, no mention and no markup reaches a chat, and a large group stays below 20 kB."""
    cause = {"metric": "<!channel> @here", "expected": 1.0, "seen": 2.0, "unit": "ms"}
    one = {
        "incident": 1,
        "model": "ape",
        "since": "today",
        "causes": [cause] * 9,
        "link": "https://vigie.example/Incidents?id=1",
    }
    body = {"type": "vigie.incident.opened", "data": {"possible_repeat": True, "incidents": [one] * 99}}
    for made in (slack(body), teams(body)):
        said = json.dumps(made, ensure_ascii=False)
        assert "<!" not in said
        assert "@here" not in said
        assert "and 79 more" in said
        assert "(possible repeat)" in said
        assert len(said.encode()) < 20_000


@pytest.mark.parametrize("spoilt", [
    {}, {"to": "a@b.c", "webhook": "https://a.example"}, {"webhook": "https://a.example", "key_file": "k"},
    {"webhook": "https://a.example", "name": "x"}, {"webhook": "http://a.example", "name": "x", "key_file": "k"},
    {"webhook": "https://a.example", "name": "x", "key_file": "k", "texts": "redacted"},
    {"webhook": "https://a.example", "name": "x", "key_file": "k", "receives": ["weekly"]},
    {"webhook": "https://a.example", "name": "x", "key_file": "k", "form": "slack"},
])  # fmt: skip
def test_routes_refused(spoilt: dict[str, object]) -> None:
    """A route goes one way, a webhook has a name and a key, and is told of incidents without texts."""
    with pytest.raises(ValidationError):
        Route.model_validate({"receives": ["incidents"], **spoilt})


@pytest.mark.parametrize(
    ("form", "way"), [("standard", "webhook: '{}', key_file: key"), ("slack", "webhook_file: chat, form: slack")]
)
def test_about_vigie(place: Place, store: Store, server: Target, form: str, way: str) -> None:
    """A webhook that receives service is told that Vigie needs somebody, and of the end, without the last words of a job."""
    config = settings(
        place, server, f"{{name: desk, {way.format(server.url + '/hook')}, allow_private: true, receives: [service]}}"
    )
    server.faults = ["200"] * 2 if form == "slack" else []
    for slot in range(3):
        runs_of(store, "labels", slot, "failed", SECRET)
    watch(store, config, NOW, lambda _: Disk(2**45, 0, 2**44))
    notify(store, config, NOW)
    runs_of(store, "labels", 3, "ok", "")
    watch(store, config, NOW + timedelta(minutes=1), lambda _: Disk(2**45, 0, 2**44))
    notify(store, config, NOW + timedelta(minutes=1))
    bodies = [body.decode() for _, _, body in server.arrived]
    assert states(store) == [("sent", 0)] * 2
    assert SECRET not in "".join(bodies)
    if form == "slack":
        assert [json.loads(body)["text"] for body in bodies] == ["opened: job:labels", "closed: job:labels"]
    else:
        assert [json.loads(body)["type"] for body in bodies] == ["vigie.service.opened", "vigie.service.closed"]
        assert json.loads(bodies[0])["data"]["service"] == {"what": "job:labels", "line": "", "models": []}


def test_names_are_distinct(place: Place, server: Target) -> None:
    """Two webhooks of one name would share their messages."""
    one = f"{{name: desk, webhook: '{server.url}', key_file: key, receives: [incidents]}}"
    with pytest.raises(ConfigError, match="name of its own"):
        settings(place, server, f"{one}\n  - {one}")
    assert Path(place.path).exists()


@contextmanager
def busy(status: int, asks: str) -> Iterator[str]:
    """Serve one answer to every call, with the header Retry-After, and return the address."""

    class Busy(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(status)
            self.send_header("Retry-After", asks)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Busy) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/hook"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("form", ["standard", "slack"])
@pytest.mark.parametrize(
    ("status", "asks", "waits_s"),
    [
        (503, "120", 120),
        (429, f"{NOW + timedelta(minutes=5):%a, %d %b %Y %H:%M:%S GMT}", 300),
        (408, "999999999999", 3600),
        (425, "2", None),
        (500, "120", None),
        (503, "soon", None),
        (503, "Wed, 02 Sep 2020 12:00:00 GMT", None),
    ],
)
def test_asked_to_wait(place: Place, store: Store, form: str, status: int, asks: str, waits_s: int | None) -> None:
    """A receiver that says how long it is busy is left alone for so long, an hour at most; what cannot be read is not heeded."""
    (place.folder / "key").touch(mode=0o600)
    (place.folder / "key").write_text(base64.b64encode(KEY).decode())
    with busy(status, asks) as url:
        more = "key_file: key" if form == "standard" else f"form: {form}"
        one = f"{{name: desk, webhook: '{url}', {more}, allow_private: true, receives: [incidents]}}"
        config = place.configure(replaced=("  - {to: ops@stat.example, receives: [incidents, service]}", f"  - {one}"))
        opens(store, config)
        notify(store, config, NOW)
    with store.read() as connection:
        (row,) = (row for row in outbox.latest(connection) if row["channel"] == "webhook")
    waited = row["retry_us"] - microseconds(NOW)
    assert (row["state"], waited) == ("queued", wait_us(row["id"], 1) if waits_s is None else waits_s * 1_000_000)
