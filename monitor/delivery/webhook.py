"""
Hand facts to a webhook that config.yaml names: signed as Standard Webhooks describes, or in the form of a chat.

Bodies hold numbers, names and links, never a text. The receiver of the standard form knows a repeat by its `webhook-id`.
"""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from monitor.delivery.mail import MailRefused
from monitor.delivery.post import Answer, Cut, Line, NotSent, Request, post
from monitor.delivery.triggers import LATER, Order, start
from monitor.settings import Route, Webhook
from monitor.settings.triggers import Url

MOST_ROWS = 20
JOINER = "\u2060"
ASKS = {*LATER, 503}  # statuses whose Retry-After is heeded
Send = Callable[[Request, Line], Answer]


def deliver(route: Route, key: str, body: dict[str, Any], now: datetime, send: Send = post) -> None:
    """
    Call a route's webhook once; 2xx means it has the message.

    Raises MailRefused: `is_final` for 3xx and most of the 400s, `is_unsure` when the call may have arrived and no answer came,
    `asked_s` when the receiver said how long it wants to be left alone.
    """
    url, cut, asked = _url(route), False, None

    def watched(request: Request, line: Line) -> Answer:
        nonlocal cut, asked
        try:
            answer = send(request, line)
        except Cut:
            cut = True
            raise
        asked = asked_s(answer, now)
        return answer

    if route.form == "standard":
        assert route.key_file is not None
        hook = Webhook(
            kind="webhook", url=url, key_file=route.key_file, allow_private=route.allow_private, ca_file=route.ca_file
        )
        found = start(hook, Order(key, body), now, watched)
        if found.state != "started":
            raise MailRefused(found.said, is_final=found.state == "failed", is_unsure=cut, asked_s=asked)
        return
    chat = slack(body) if route.form == "slack" else teams(body)
    try:
        answer = watched(
            Request(url, json.dumps(chat, ensure_ascii=False).encode(), {}), Line(route.allow_private, route.ca_file)
        )
    except (NotSent, Cut) as error:
        raise MailRefused(str(error), is_final=False, is_unsure=cut) from None
    if not 200 <= answer.status < 300:
        is_final = answer.status < 500 and answer.status not in LATER
        raise MailRefused(f"{route.form} answered {answer.status}", is_final=is_final, asked_s=asked)


def asked_s(answer: Answer, now: datetime) -> float | None:
    """
    Return the seconds a receiver asks to be left alone for, by `Retry-After` as a number or a date; None when it does not.

    >>> noon = datetime(2026, 9, 2, 12, tzinfo=UTC)
    >>> [asked_s(Answer(status, b"", "120"), noon) for status in (429, 503, 500, 200)]
    [120.0, 120.0, None, None]
    >>> asked_s(Answer(503, b"", "Wed, 02 Sep 2026 12:05:00 GMT"), noon), asked_s(Answer(503, b"", "soon"), noon)
    (300.0, None)
    """
    text = answer.retry_after.strip()
    if answer.status not in ASKS or not text:
        return None
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        until = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, (until.replace(tzinfo=until.tzinfo or UTC) - now).total_seconds())


def slack(body: dict[str, Any]) -> dict[str, Any]:
    """
    Return the message for Slack.

    >>> one = {"incident": 7, "model": "ape", "since": "2026-09-01T10:00Z", "causes": [{"metric": "latency", "expected": 40.0,
    ...        "seen": 53.0, "unit": "ms"}], "link": ""}
    >>> slack({"type": "vigie.incident.opened", "data": {"possible_repeat": False, "incidents": [one]}})["text"]
    'opened: #7 ape since 2026-09-01T10:00Z: latency 40 to 53 ms'
    """
    lines = [neutral(line) for line in _lines(body)]
    links = [f"<{one['link']}|#{one['incident']}>" for one in body["data"]["incidents"][:MOST_ROWS] if one["link"]]
    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": text[:2900]}}
              for text in (*lines, " ".join(links)) if text]  # fmt: skip
    return {"text": lines[0], "blocks": blocks}


def teams(body: dict[str, Any]) -> dict[str, Any]:
    """Return the message for Teams: an Adaptive Card, with a link for each incident."""
    blocks = [{"type": "TextBlock", "text": neutral(line), "wrap": True} for line in _lines(body)]
    links = [{"type": "Action.OpenUrl", "title": f"#{one['incident']}", "url": one["link"]}
             for one in body["data"]["incidents"][:MOST_ROWS] if one["link"]]  # fmt: skip
    card = {"type": "AdaptiveCard", "version": "1.4", "body": blocks, "actions": links}
    return {
        "type": "message",
        "attachments": [{"contentType": "application/vnd.microsoft.card.adaptive", "content": card}],
    }


def neutral(value: str) -> str:
    r"""
    Return a value that calls nobody in a chat and is no markup of it.

    >>> neutral("<!here> @channel & co")
    '&lt;!here&gt; @\u2060channel &amp; co'
    """
    escaped = value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("@", f"@{JOINER}")
    return escaped[:500]


def _lines(body: dict[str, Any]) -> list[str]:
    data, change = body["data"], body["type"].rpartition(".")[2]
    again = " (possible repeat)" if data["possible_repeat"] else ""
    if "service" in data:
        return [
            f"{change}{again}: {': '.join(part for part in (data['service']['what'], data['service']['line']) if part)}"
        ]
    some = data["incidents"]
    lines = [f"{change}{again}: {_line(one)}" for one in some[:MOST_ROWS]] or [f"{change}{again}: this message arrived"]
    return [*lines, f"and {len(some) - MOST_ROWS} more"] if len(some) > MOST_ROWS else lines


def _line(one: dict[str, Any]) -> str:
    causes = [f"{c['metric']} {c['expected']:.4g} to {c['seen']:.4g} {c['unit']}" for c in one["causes"][:3]]
    return f"#{one['incident']} {one['model']} since {one['since']}: {'; '.join(causes) or 'something changed'}"


def _url(route: Route) -> str:
    if route.webhook is not None:
        return route.webhook
    assert route.webhook_file is not None
    file: Path = route.webhook_file
    try:
        if file.stat().st_mode & 0o077:
            raise MailRefused(f"{file} may be read by others: chmod 600 {file}", is_final=False)
        return str(TypeAdapter(Url).validate_python(file.read_text(encoding="utf-8").strip()))
    except (OSError, UnicodeDecodeError, ValidationError) as error:
        raise MailRefused(f"{file} holds no address of a webhook: {type(error).__name__}", is_final=False) from None
