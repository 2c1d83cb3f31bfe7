"""
Start a retraining elsewhere by one call: a webhook, a workflow of GitHub, of Argo, or a DAG of Airflow.

Where the target knows our key (webhook, Argo, Airflow), a call that was cut is repeated: the second one starts nothing. GitHub knows
none, so there a cut call is in doubt, and a person looks.
"""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from monitor.delivery.post import Answer, Cut, Line, NotSent, Request, post
from monitor.settings import Airflow, Argo, Call, Github, Webhook

KNOW_OUR_KEY = {"webhook", "argo", "airflow"}
LATER = {408, 425, 429}
Send = Callable[[Request, Line], Answer]


@dataclass(frozen=True)
class Order:
    """Hold what is asked for: the key under which it is known, what a receiver is told, and whether it was asked before."""

    key: str
    facts: dict[str, Any]
    is_repeat: bool = False


@dataclass(frozen=True)
class Outcome:
    """Say what became of a call: `again` may be repeated, `in_doubt` only a person can settle."""

    state: Literal["started", "failed", "again", "in_doubt"]
    said: str


def endpoint(call: Call) -> str:
    """
    Return the address a call goes to.

    >>> from monitor.settings import Argo
    >>> endpoint(Argo(kind="argo", url="https://argo.example/", namespace="ml", template="train", token_file="token"))
    'https://argo.example/api/v1/workflows/ml/submit'
    """
    if isinstance(call, Github):
        return f"{call.api_url.rstrip('/')}/repos/{call.repository}/actions/workflows/{call.workflow}/dispatches"
    if isinstance(call, Argo):
        return f"{call.url.rstrip('/')}/api/v1/workflows/{call.namespace}/submit"
    if isinstance(call, Airflow):
        return f"{call.url.rstrip('/')}/api/{call.api}/dags/{call.dag}/dagRuns"
    return call.url


def start(call: Call, order: Order, now: datetime, send: Send = post) -> Outcome:
    """
    Make the call once and say what became of it; answers are judged by their status and never shown.

    A refusal of a repeat is no proof that the first call started nothing: it is in doubt.
    """
    knows_key = call.kind in KNOW_OUR_KEY
    try:
        answer = send(_request(call, order, now), Line(call.allow_private, call.ca_file))
    except NotSent as error:
        return Outcome("again" if knows_key else "failed", f"not sent: {error}")
    except Cut as error:
        return Outcome("again" if knows_key else "in_doubt", str(error))
    if (found := _started(call, order, answer)) is not None:
        return Outcome("started", found)
    said = f"{call.kind} answered {answer.status}"
    unsure = answer.status in LATER or answer.status >= 500 or (isinstance(call, Argo) and answer.status == 409)
    if unsure and (knows_key or answer.status != 429):
        return Outcome("again" if knows_key else "in_doubt", said)
    return Outcome("in_doubt" if order.is_repeat else "failed", said)


def signatures(keys: list[bytes], key: str, seconds: int, body: bytes) -> str:
    """
    Return the header `webhook-signature`: one `v1,` per key, over id, time and body (Standard Webhooks 1.0).

    >>> signatures([b"key"], "vigie-1", 1, b"{}")
    'v1,bC29mL4KlKVgZK6FedTHl4f/TjfVdQH+aVEhP3COX2Q='
    """
    signed = f"{key}.{seconds}.".encode() + body
    return " ".join(f"v1,{base64.b64encode(hmac.digest(one, signed, hashlib.sha256)).decode()}" for one in keys)


def _request(call: Call, order: Order, now: datetime) -> Request:
    if isinstance(call, Webhook):
        body, seconds = _json(order.facts), int(now.timestamp())
        headers = {"webhook-id": order.key, "webhook-timestamp": str(seconds),
                   "webhook-signature": signatures(_keys(call.key_file), order.key, seconds, body)}  # fmt: skip
        return Request(endpoint(call), body, headers)
    secret = _secret(call.token_file)
    headers = {"Authorization": f"Bearer {secret}"}
    if isinstance(call, Github):
        asked: dict[str, Any] = {
            "ref": call.ref,
            "inputs": {n: v.replace("{key}", order.key) for n, v in call.inputs.items()},
        }
        asked |= {"return_run_details": True} if call.run_details else {}
        headers |= {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}
    elif isinstance(call, Argo):
        options = {
            "name": order.key,
            "parameters": [f"{name}={value}" for name, value in sorted(call.parameters.items())],
        }
        asked = {"resourceKind": "WorkflowTemplate", "resourceName": call.template, "submitOptions": options}
    else:
        asked = {"dag_run_id": order.key, "conf": call.conf}
        asked |= {"logical_date": None} if call.api == "v2" else {}
        if call.user is not None:
            headers = {"Authorization": f"Basic {base64.b64encode(f'{call.user}:{secret}'.encode()).decode()}"}
    return Request(endpoint(call), _json(asked), headers)


def _started(call: Call, order: Order, answer: Answer) -> str | None:
    """Return where to look for what was started; None when the answer says something else."""
    if isinstance(call, Webhook):
        return f"accepted as {order.key}" if 200 <= answer.status < 300 else None
    if isinstance(call, Github):
        return _github_run(call, answer) if answer.status in {200, 204} else None
    exists = answer.status == 409 and (isinstance(call, Airflow) or b"already exists" in answer.body)
    name = f"run {order.key}" if isinstance(call, Airflow) else f"workflow {order.key}"
    return f"{name}, begun by an earlier call" if exists else name if answer.status in {200, 201} else None


def _github_run(call: Github, answer: Answer) -> str:
    try:
        found = json.loads(answer.body)
    except ValueError:
        found = None
    run = found.get("workflow_run_id") if isinstance(found, dict) else None
    return f"run {run} of {call.repository}" if type(run) is int else f"a run of {call.workflow} in {call.repository}"


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, sort_keys=True).encode()


def _secret(file: Path) -> str:
    """Read a secret that stands alone in a file nobody else may read; raises NotSent when it is not so."""
    try:
        mode, said = file.stat().st_mode, file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise NotSent(f"{file} cannot be read: {error}") from None
    if mode & 0o077:
        raise NotSent(f"{file} may be read by others: chmod 600 {file}")
    if not said or not all(line.isascii() and line.isprintable() for line in said.splitlines()):
        raise NotSent(f"{file} holds no secret")
    return said


def _keys(file: Path) -> list[bytes]:
    """Read one key a line (two while they are exchanged), written `whsec_` and base64, or plain."""
    try:
        return [base64.b64decode(line[6:], validate=True) if line.startswith("whsec_") else line.encode()
                for line in map(str.strip, _secret(file).splitlines()) if line]  # fmt: skip
    except binascii.Error:
        raise NotSent(f"{file}: a key after whsec_ is not base64") from None
