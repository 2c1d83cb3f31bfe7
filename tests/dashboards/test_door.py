"""Who may enter the dashboard, and with which headers an answer leaves."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from dashboards.door import Door
from monitor.accounts import write_account
from monitor.settings import Dashboard


async def inner(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Answer with the name the door let in."""
    name = dict(scope["headers"]).get(b"x-vigie-user", b"?")
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": b"inside as " + name})


class Visitor:
    """Visit a door from an address, keeping cookies, at a clock of its own."""

    def __init__(self, settings: Dashboard, address: str = "127.0.0.1") -> None:
        self.now = 0.0
        self.door = Door(inner, settings, clock=lambda: self.now)
        self.address, self.cookies = address, httpx.Cookies()

    def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        async def once() -> httpx.Response:
            transport = httpx.ASGITransport(app=self.door, client=(self.address, 1234))  # type: ignore[arg-type]
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8501") as client:
                client.cookies = self.cookies
                answer = await client.request(method, path, **more)
                self.cookies.update(answer.cookies)
                return answer

        return asyncio.run(once())

    def log_in(self, name: str, password: str) -> int:
        return self.ask("POST", "/login", data={"name": name, "password": password}).status_code


@pytest.fixture
def guarded(tmp_path: Path) -> Visitor:
    """Stand before a door that asks for alice's password."""
    write_account(tmp_path / "accounts", "alice", "correct horse")
    return Visitor(Dashboard(login="password", passwords=tmp_path / "accounts", idle_minutes=60, session_hours=12))


def test_stranger_sees_only_the_form(guarded: Visitor) -> None:
    """Without a session every path gives the login form with 401, and the probe of health still answers."""
    answer = guarded.ask("GET", "/Incidents")
    assert answer.status_code == 401
    assert "inside" not in answer.text
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert guarded.ask("GET", "/healthz").text == "ok\n"


def test_password_opens_and_ages(guarded: Visitor) -> None:
    """The right password opens until an hour without a visit, and at most twelve hours."""
    assert guarded.log_in("alice", "wrong") == 401
    assert guarded.log_in("alice", "correct horse") == 303
    assert guarded.ask("GET", "/").text == "inside as alice"
    guarded.now += 61 * 60
    assert guarded.ask("GET", "/").status_code == 401
    guarded.log_in("alice", "correct horse")
    for _ in range(24):
        guarded.now += 30 * 60
        kept = guarded.ask("GET", "/").status_code
    assert kept == 200
    guarded.now += 60
    assert guarded.ask("GET", "/").status_code == 401


def test_guessing_is_slowed(guarded: Visitor) -> None:
    """After five wrong tries within a minute even the right password waits; a minute later it opens."""
    assert [guarded.log_in("alice", f"guess {n}") for n in range(5)] == [401] * 5
    assert guarded.log_in("alice", "correct horse") == 429
    guarded.now += 61
    assert guarded.log_in("alice", "correct horse") == 303


def test_guesses_of_many_names_are_forgotten(guarded: Visitor) -> None:
    """What is remembered of wrong tries does not grow with their number."""
    for number in range(5):
        guarded.now += 61
        guarded.log_in(f"nobody{number}", "x")
    assert len(guarded.door.tries) == 1


def test_name_from_outside_is_dropped() -> None:
    """Nobody becomes alice by writing the header the door itself writes."""
    answer = Visitor(Dashboard()).ask("GET", "/", headers={"x-vigie-user": "alice"})
    assert answer.text == "inside as "
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_other_host_names_are_refused() -> None:
    """A page of another site that points its name at us (DNS rebinding) gets nothing."""
    answer = Visitor(Dashboard()).ask("GET", "/", headers={"host": "evil.example"})
    assert (answer.status_code, answer.text) == (400, "unknown host")


def test_proxy_needs_address_and_secret(tmp_path: Path) -> None:
    """A user header counts only from a trusted address that also knows the secret."""
    (tmp_path / "secret").write_text("s3\n")
    settings = Dashboard(login="proxy", trusted_proxies=("10.0.0.1",), proxy_secret_file=tmp_path / "secret")
    headers = {"x-forwarded-user": "bruno", "x-vigie-proxy-secret": "s3"}
    assert Visitor(settings, "10.0.0.1").ask("GET", "/", headers=headers).text == "inside as bruno"
    assert Visitor(settings, "10.0.0.2").ask("GET", "/", headers=headers).status_code == 401
    wrong = {**headers, "x-vigie-proxy-secret": "s4"}
    assert Visitor(settings, "10.0.0.1").ask("GET", "/", headers=wrong).status_code == 401


def test_today_keeps_what_is_selected() -> None:
    """The first page has no path of its own: `/Today?range=7d` leads to `/?range=7d`."""
    answer = Visitor(Dashboard()).ask("GET", "/Today?range=7d")
    assert (answer.status_code, answer.headers["location"]) == (307, "/?range=7d")


@pytest.mark.parametrize("settings", [{"address": "0.0.0.0"}, {"login": "password"}, {"login": "proxy"}])
def test_open_doors_are_refused(settings: dict[str, Any]) -> None:
    """No login is for loopback only; a login needs what it checks against."""
    with pytest.raises(ValueError, match="needs"):
        Dashboard(**settings)
