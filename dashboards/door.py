"""
Stand before every route of the dashboard: who may enter, and with which headers an answer leaves.

`none` is for loopback only; `password` asks for a name and password and keeps a session in memory; `proxy` trusts one
header from a configured address that also knows the shared secret. Only `/healthz` and the login answer without one.
The name of whoever entered goes to the page in `x-vigie-user`; the same header from outside is dropped.
"""

import base64
import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from monitor.accounts import is_right
from monitor.settings import Dashboard

Asgi = Callable[[dict[str, Any], Callable[[], Awaitable[Any]], Callable[[Any], Awaitable[None]]], Awaitable[None]]
COOKIE = "vigie"
TRIES, TRY_SECONDS = 5, 60.0
MOST_FORM_BYTES = 4096
FORM = (
    "<!doctype html><meta charset=utf-8><title>Vigie</title><form method=post action=/login style='margin:4em auto;width:18em;font-family:sans-serif'>"
    "<h1>Vigie</h1><p><label>Name<br><input name=name autofocus></label><p><label>Password<br><input name=password type=password></label>"
    "<p><button>Enter</button></form>"
)


def inline_script_hash() -> str:
    """Return the CSP source of the one inline script in the installed Streamlit's index page; empty when it has none."""
    import streamlit

    page = (Path(streamlit.__file__).parent / "static/index.html").read_text(encoding="utf-8")
    found = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    return " ".join(f"'sha256-{base64.b64encode(hashlib.sha256(s.encode()).digest()).decode()}'" for s in found)


@dataclass
class Door:
    """Hold the app behind the door, the settings, and the sessions."""

    app: Asgi
    settings: Dashboard
    clock: Callable[[], float] = time.monotonic
    sessions: dict[str, tuple[str, float, float]] = field(default_factory=dict)  # hash: name, began, last seen
    tries: dict[str, list[float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Fix the headers."""
        policy = (
            f"default-src 'none'; script-src 'self' {inline_script_hash()} 'unsafe-eval'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
            "font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; manifest-src 'self'; form-action 'self'; frame-ancestors 'none'; "
            "base-uri 'none'; object-src 'none'"
        )
        self.headers = [
            (b"content-security-policy", policy.encode()),
            (b"x-content-type-options", b"nosniff"),
            (b"referrer-policy", b"no-referrer"),
        ]
        secret = self.settings.proxy_secret_file
        self.proxy_secret = secret.read_bytes().strip() if secret else b""

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Let in, ask for a login, or refuse."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        path = scope.get("path", "")
        if not self._is_our_host(scope):
            await self._refuse(scope, send, 400, b"unknown host")
        elif scope["type"] == "http" and path == "/healthz":
            await _answer(send, 200, b"ok\n", [(b"content-type", b"text/plain")])
        elif scope["type"] == "http" and path == "/Today":  # the first page has no path of its own
            query = scope.get("query_string", b"")
            await _answer(send, 307, b"", [(b"location", b"/" + (b"?" + query if query else b""))])
        elif scope["type"] == "http" and path == "/login" and self.settings.login == "password":
            await self._login(scope, receive, send)
        else:
            name = self._who(scope)
            if name is None:
                await self._refuse(scope, send, 401, b"login needed")
                return
            await self.app(self._named(scope, name), receive, self._with_headers(send))

    def _is_our_host(self, scope: dict[str, Any]) -> bool:
        host = _header(scope, b"host").decode("latin-1").rsplit(":", 1)[0].strip("[]")
        ours = {"127.0.0.1", "localhost", "::1", self.settings.address}
        if self.settings.public_url:
            ours.add(re.sub(r"^https?://", "", self.settings.public_url).split("/")[0].rsplit(":", 1)[0])
        return host in ours

    def _who(self, scope: dict[str, Any]) -> str | None:
        """Return the name of who asks, "" where no login is wanted, None for a stranger."""
        if self.settings.login == "none":
            return ""
        if self.settings.login == "proxy":
            trusted = (scope.get("client") or ("",))[0] in self.settings.trusted_proxies
            knows = hmac.compare_digest(_header(scope, b"x-vigie-proxy-secret"), self.proxy_secret)
            name = _header(scope, self.settings.proxy_header.lower().encode()).decode("latin-1")
            return name if trusted and knows and name else None
        cookie = SimpleCookie(_header(scope, b"cookie").decode("latin-1")).get(COOKIE)
        key = hashlib.sha256(cookie.value.encode()).hexdigest() if cookie else ""
        name, began, seen = self.sessions.get(key, ("", 0.0, 0.0))
        moment = self.clock()
        if (
            not name
            or moment - seen > self.settings.idle_minutes * 60
            or moment - began > self.settings.session_hours * 3600
        ):
            self.sessions.pop(key, None)
            return None
        self.sessions[key] = (name, began, moment)
        return name

    def _named(self, scope: dict[str, Any], name: str) -> dict[str, Any]:
        kept = [(key, value) for key, value in scope["headers"] if key.lower() != b"x-vigie-user"]
        return {**scope, "headers": [*kept, (b"x-vigie-user", name.encode("latin-1", "replace"))]}

    def _with_headers(self, send: Any) -> Any:
        async def sent(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                mine = {key for key, _ in self.headers}
                kept = [
                    (k, v)
                    for k, v in message.get("headers", [])
                    if k.lower() not in mine or (k.lower() == b"content-security-policy" and b"sandbox" in v)
                ]
                own = any(k.lower() == b"content-security-policy" for k, _ in kept)
                message = {
                    **message,
                    "headers": [*kept, *(h for h in self.headers if not (own and h[0] == b"content-security-policy"))],
                }
            await send(message)

        return sent

    async def _refuse(self, scope: dict[str, Any], send: Any, status: int, why: bytes) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        elif status == 401 and self.settings.login == "password":
            await _answer(send, 401, FORM.encode(), [(b"content-type", b"text/html; charset=utf-8"), *self.headers])
        else:
            await _answer(send, status, why, [(b"content-type", b"text/plain")])

    async def _login(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["method"] != "POST":
            await _answer(send, 200, FORM.encode(), [(b"content-type", b"text/html; charset=utf-8"), *self.headers])
            return
        body = b""
        while len(body) <= MOST_FORM_BYTES:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        form = parse_qs(body[:MOST_FORM_BYTES].decode("utf-8", "replace"))
        name, password = form.get("name", [""])[0], form.get("password", [""])[0]
        moment, where = self.clock(), f"{(scope.get('client') or ('',))[0]} {name}"
        recent = [one for one in self.tries.get(where, []) if moment - one < TRY_SECONDS]
        if len(recent) >= TRIES:
            await _answer(send, 429, b"too many tries; wait a minute", [(b"content-type", b"text/plain")])
            return
        assert self.settings.passwords is not None
        if not is_right(self.settings.passwords, name, password):
            young = {key: some for key, some in self.tries.items() if moment - some[-1] < TRY_SECONDS}
            self.tries = {**young, where: [*recent, moment]}
            await _answer(send, 401, FORM.encode(), [(b"content-type", b"text/html; charset=utf-8"), *self.headers])
            return
        token = secrets.token_urlsafe(32)
        self.sessions[hashlib.sha256(token.encode()).hexdigest()] = (name, moment, moment)
        secure = "" if self.settings.address in {"127.0.0.1", "localhost", "::1"} else "; Secure"
        cookie = f"{COOKIE}={token}; HttpOnly; SameSite=Lax; Path=/{secure}"
        await _answer(send, 303, b"", [(b"location", b"/"), (b"set-cookie", cookie.encode())])


def _header(scope: dict[str, Any], name: bytes) -> bytes:
    return next((value for key, value in scope["headers"] if key.lower() == name), b"")


async def _answer(send: Any, status: int, body: bytes, headers: list[tuple[bytes, bytes]]) -> None:
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [*headers, (b"content-length", str(len(body)).encode())],
        }
    )
    await send({"type": "http.response.body", "body": body})
