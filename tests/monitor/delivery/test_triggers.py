"""Each kind of trigger speaks as its API documents it, starts once, and tells what it does not know."""

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from benchmarks.decisions.target import GIB, TOKEN, Target, target
from monitor.delivery.post import MOST_ANSWER_BYTES, Answer, Line, NotSent, Request, post
from monitor.delivery.triggers import Order, Outcome, start
from monitor.settings import Call, Trigger

NOW = datetime(2026, 9, 2, 12, 30, tzinfo=UTC)
ORDER = Order("vigie-31-0123abcd", {"type": "vigie.retraining.approved", "data": {"id": 31, "model": "ape"}})
KINDS = ("webhook", "github", "argo", "airflow")
KEYED = ("webhook", "argo", "airflow")
KEY = b"sixteen bytes or"


@pytest.fixture
def server() -> Iterator[Target]:
    """Serve as the four APIs do."""
    with target() as one:
        yield one


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    """Return a folder with a token, and two keys of a webhook."""
    for name, said in (("token", TOKEN), ("key", f"old key\nwhsec_{base64.b64encode(KEY).decode()}\n")):
        (tmp_path / name).touch(mode=0o600)
        (tmp_path / name).write_text(said)
    return tmp_path


def call(kind: str, server: Target, secrets: Path, **more: Any) -> Call:
    """Write what config.yaml says of a trigger."""
    token = {"token_file": secrets / "token", "allow_private": True}
    written: dict[str, dict[str, Any]] = {
        "webhook": {"url": f"{server.url}/hook", "key_file": secrets / "key", "allow_private": True},
        "github": {"api_url": server.url, "repository": "stat/models", "workflow": "train.yml", "inputs": {"decision": "{key}"}, **token},
        "argo": {"url": server.url, "namespace": "ml", "template": "train", "parameters": {"model": "ape"}, **token},
        "airflow": {"url": server.url, "dag": "train_ape", "conf": {"model": "ape"}, **token},
    }  # fmt: skip
    return TypeAdapter(Trigger).validate_python({"kind": kind, **written[kind], **more})


def quickly(request: Request, line: Line) -> Answer:
    """Send as ever, but wait for less."""
    return post(request, replace(line, answer_s=0.3))


@pytest.mark.parametrize("kind", KINDS)
def test_started(server: Target, secrets: Path, kind: str) -> None:
    """A call that is answered as documented has started one thing, under our key."""
    found = start(call(kind, server, secrets), ORDER, NOW)
    assert (found.state, server.started) == ("started", [ORDER.key])
    assert (ORDER.key in found.said) == (kind != "github")


@pytest.mark.parametrize(("kind", "more", "path", "body"), [
    ("github", {}, "/repos/stat/models/actions/workflows/train.yml/dispatches",
     {"ref": "main", "inputs": {"decision": ORDER.key}, "return_run_details": True}),
    ("github", {"run_details": False}, "/repos/stat/models/actions/workflows/train.yml/dispatches",
     {"ref": "main", "inputs": {"decision": ORDER.key}}),
    ("argo", {}, "/api/v1/workflows/ml/submit", {"resourceKind": "WorkflowTemplate", "resourceName": "train",
     "submitOptions": {"name": ORDER.key, "parameters": ["model=ape"]}}),
    ("airflow", {}, "/api/v2/dags/train_ape/dagRuns", {"dag_run_id": ORDER.key, "logical_date": None, "conf": {"model": "ape"}}),
    ("airflow", {"api": "v1", "user": "vigie"}, "/api/v1/dags/train_ape/dagRuns", {"dag_run_id": ORDER.key, "conf": {"model": "ape"}}),
])  # fmt: skip
def test_spoken(
    server: Target, secrets: Path, kind: str, more: dict[str, Any], path: str, body: dict[str, Any]
) -> None:
    """Path and body are those of the API; the token goes along, as a password where a user is named."""
    assert start(call(kind, server, secrets, **more), ORDER, NOW).state == "started"
    [(asked, headers, sent)] = server.arrived
    assert (asked, json.loads(sent)) == (path, body)
    basic = f"Basic {base64.b64encode(b'vigie:' + TOKEN.encode()).decode()}"
    assert headers["authorization"] == (basic if "user" in more else f"Bearer {TOKEN}")


@pytest.mark.parametrize(
    ("run_details", "said"), [(True, "run 1 of stat/models"), (False, "a run of train.yml in stat/models")]
)
def test_run_of_github(server: Target, secrets: Path, run_details: bool, said: str) -> None:
    """The run is named by its number where the server tells it."""
    assert start(call("github", server, secrets, run_details=run_details), ORDER, NOW) == Outcome("started", said)


def test_signature(server: Target, secrets: Path) -> None:
    """A receiver that knows one of the two keys can verify id, time and body, and a repeat has the same id and body."""
    hook = call("webhook", server, secrets)
    for later in (0, 60):
        start(hook, ORDER, NOW + timedelta(seconds=later))
    (_, first, body), (_, second, again) = server.arrived
    assert (first["webhook-id"], body) == (second["webhook-id"], again) == (ORDER.key, again)
    for headers, at in ((first, NOW), (second, NOW + timedelta(minutes=1))):
        assert int(headers["webhook-timestamp"]) == int(at.timestamp())
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.{body.decode()}".encode()
        given = [base64.b64decode(one.removeprefix("v1,")) for one in headers["webhook-signature"].split(" ")]
        for key in (b"old key", KEY):
            assert hmac.new(key, signed, hashlib.sha256).digest() in given


@pytest.mark.parametrize("fault", ["cut_before", "cut_after", "silent"])
@pytest.mark.parametrize("kind", KINDS)
def test_cut(server: Target, secrets: Path, kind: str, fault: str) -> None:
    """A call without an answer is repeated where the target knows our key, and then one thing was started; else it is in doubt."""
    one = call(kind, server, secrets)
    server.faults.append(fault)
    found = start(one, ORDER, NOW, quickly)
    assert found.state == ("again" if kind in KEYED else "in_doubt")
    if kind in KEYED:
        assert start(one, replace(ORDER, is_repeat=True), NOW, quickly).state == "started"
        assert server.started == [ORDER.key]


@pytest.mark.parametrize("kind", KINDS)
def test_not_sent(server: Target, secrets: Path, kind: str) -> None:
    """What never left is tried again where that can start nothing twice, and has failed, without a doubt, elsewhere."""
    for spoilt in ({"allow_private": False}, {"key_file" if kind == "webhook" else "token_file": secrets / "none"}):
        found = start(call(kind, server, secrets, **spoilt), ORDER, NOW)
        assert (found.state, found.said.startswith("not sent: ")) == ("again" if kind in KEYED else "failed", True)
    assert server.arrived == []


@pytest.mark.parametrize(("kind", "status", "state"), [
    *((kind, status, "failed") for kind in KINDS for status in (301, 400, 401, 403, 404, 422)),
    *((kind, status, "again") for kind in KEYED for status in (408, 429, 500, 502, 503)),
    *(("github", status, "in_doubt") for status in (408, 500, 502, 503)),
    ("github", 429, "failed"), ("argo", 409, "again"), ("webhook", 409, "failed"), ("airflow", 409, "started"),
])  # fmt: skip
def test_status(server: Target, secrets: Path, kind: str, status: int, state: str) -> None:
    """A refusal has failed; what a server may have done before it answered so is repeated, or in doubt."""
    server.faults.append(str(status))
    assert start(call(kind, server, secrets), ORDER, NOW).state == state


@pytest.mark.parametrize("kind", KINDS)
def test_refused_repeat(server: Target, secrets: Path, kind: str) -> None:
    """A repeat that is refused proves nothing about the first call: it is in doubt."""
    server.faults.append("401")
    assert start(call(kind, server, secrets), replace(ORDER, is_repeat=True), NOW).state == "in_doubt"


@pytest.mark.parametrize("kind", KINDS)
def test_redirect(server: Target, secrets: Path, kind: str) -> None:
    """No redirect is followed: one request left, and nothing was started."""
    server.faults.append("redirect")
    assert start(call(kind, server, secrets), ORDER, NOW).state == "failed"
    assert (len(server.arrived), server.started) == (1, [])


@pytest.mark.parametrize("kind", KINDS)
def test_huge_answer(server: Target, secrets: Path, kind: str) -> None:
    """Of a gibibyte of answer a little is read: the status says enough."""
    server.faults.append("huge")
    kept: list[int] = []

    def measured(request: Request, line: Line) -> Answer:
        answer = post(request, line)
        kept.append(len(answer.body))
        return answer

    assert start(call(kind, server, secrets), ORDER, NOW, measured).state == "started"
    assert kept == [MOST_ANSWER_BYTES]
    assert server.sent_bytes < GIB / 10


@pytest.mark.parametrize(("mode", "said", "why"), [
    (0o644, TOKEN, "chmod 600"), (0o600, "", "no secret"), (0o600, "a\x00b", "no secret"), (0o600, "tökén", "no secret"),
])  # fmt: skip
def test_secret_files(server: Target, secrets: Path, mode: int, said: str, why: str) -> None:
    """A secret others may read, or that is none, is not used."""
    (secrets / "token").write_text(said)
    (secrets / "token").chmod(mode)
    assert why in start(call("argo", server, secrets), ORDER, NOW).said
    assert server.arrived == []


@pytest.mark.parametrize(
    "url",
    [
        "http://train.example/",
        "ftp://train.example",
        "https://me:word@train.example",
        "https://",
        "https://a.example/ b",
    ],
)
def test_urls_refused(server: Target, secrets: Path, url: str) -> None:
    """An address is https, or this machine, and names nobody."""
    with pytest.raises(ValidationError):
        call("webhook", server, secrets, url=url)


def test_certificate(server: Target) -> None:
    """A host that proves nothing gets nothing."""
    plain = Request(f"https://127.0.0.1:{server.port}/hook", b"{}", {})
    with pytest.raises(NotSent, match="cannot be reached"):
        post(plain, Line(allow_private=True))
    assert server.arrived == []


def test_changing_names(server: Target) -> None:
    """The address that was checked is the one that is called: the name is asked once."""
    asked: list[str] = []

    def resolve(host: str, port: int) -> list[Any]:
        asked.append(host)
        return [(2, 1, 6, "", ("127.0.0.1" if len(asked) == 1 else "169.254.169.254", port))]

    sent = partial(post, Request(f"http://train.example:{server.port}/hook", b"{}", {"webhook-id": "1"}))
    assert sent(Line(allow_private=True, resolve=resolve)).status == 202
    with pytest.raises(NotSent, match="169"):
        sent(Line(allow_private=True, resolve=resolve))
    assert len(asked) == 2
