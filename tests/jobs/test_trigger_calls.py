"""A call to elsewhere is repeated by the job only where that is harmless, and only as long as the approval holds."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from benchmarks.decisions.target import TOKEN, Target, target
from jobs.act import act
from jobs.trigger import key_of, trigger
from monitor.config import Config
from monitor.store import actions, calls, decisions, outbox
from monitor.store.store import Store
from tests.conftest import NOW, Place
from tests.jobs.deciding import judge, named, proposed, seen


@pytest.fixture
def server() -> Iterator[Target]:
    """Serve as the four APIs do."""
    with target() as one:
        yield one


def calling(place: Place, server: Target, kind: str, more: str = "") -> Config:
    """Let an approval call the server."""
    file = place.folder / "token"
    file.touch(mode=0o600)
    file.write_text(TOKEN)
    to = {"webhook": f"url: '{server.url}/hook', key_file: token",
          "github": f"api_url: '{server.url}', repository: a/b, workflow: t.yml, inputs: {{decision: '{{key}}'}}, token_file: token"}[kind]  # fmt: skip
    return place.configure(named(f"{{kind: {kind}, {to}, allow_private: true}}", more))


def key(store: Store, number: int) -> str:
    """Return the name a target knows the decision by."""
    with store.read() as connection:
        return key_of(decisions.get(connection, number))


def approved(store: Store, config: Config) -> int:
    """Propose and approve."""
    number = proposed(store, config)
    judge(store, number)
    return number


def attempts(store: Store, number: int) -> int:
    """Return how often the call was tried."""
    with store.read() as connection:
        return int(decisions.get(connection, number)["call"]["attempts"])


def test_repeated(place: Place, store: Store, server: Target) -> None:
    """Whatever becomes of the first calls, the receiver starts one thing, and then nothing is called any more."""
    config = calling(place, server, "webhook")
    number = approved(store, config)
    server.faults += ["cut_before", "cut_after", "503", ""]
    for minute in range(6):
        trigger(store, config, NOW + timedelta(minutes=minute))
    assert (server.started, seen(store, number)) == ([key(store, number)], ("triggered", "started"))
    assert attempts(store, number) == 4


def test_process_died(place: Place, store: Store, server: Target) -> None:
    """A call whose process ended is made again under the same key."""
    config = calling(place, server, "webhook")
    number = approved(store, config)
    with store.write() as connection:
        assert calls.begin(connection, decisions.get(connection, number), NOW)
    trigger(store, config, NOW)
    assert (server.started, seen(store, number)) == ([key(store, number)], ("triggered", "started"))


def test_process_died_without_a_key(place: Place, store: Store, server: Target) -> None:
    """Where the target knows no key of ours, a call whose process ended is not made again: it is in doubt."""
    config = calling(place, server, "github")
    number = approved(store, config)
    with store.write() as connection:
        assert calls.begin(connection, decisions.get(connection, number), NOW)
    trigger(store, config, NOW)
    assert (server.arrived, seen(store, number)) == ([], ("in_doubt", "in_doubt"))


def test_given_up(place: Place, store: Store, server: Target) -> None:
    """After a day without an answer nothing is called any more, and people are asked."""
    config = calling(place, server, "webhook")
    number = approved(store, config)
    server.faults += ["503", "503"]
    assert trigger(store, config, NOW) == "0 of 1 approved decisions started, 1 to be called again"
    trigger(store, config, NOW + timedelta(hours=23))
    trigger(store, config, NOW + timedelta(hours=25))
    assert (server.started, seen(store, number)) == ([], ("in_doubt", "in_doubt"))
    with store.read() as connection:
        told = outbox.about(connection, f"decision:{number}")
    assert all("webhook answered 503: did it start?" in one["facts"] for one in told)
    assert len(told) == 2


def test_changed_between(place: Place, store: Store, server: Target) -> None:
    """A call that was cut is not repeated under other settings: it is in doubt."""
    config = calling(place, server, "webhook")
    number = approved(store, config)
    server.faults.append("cut_after")
    trigger(store, config, NOW)
    trigger(store, calling(place, server, "webhook", ", horizon_weeks: 9"), NOW)
    assert (len(server.arrived), seen(store, number)[0]) == (1, "in_doubt")


def test_no_key(place: Place, store: Store, server: Target) -> None:
    """GitHub is called once: cut, it is in doubt until a person says that it started."""
    config = calling(place, server, "github")
    number = approved(store, config)
    server.faults.append("cut_after")
    for minute in range(3):
        trigger(store, config, NOW + timedelta(minutes=minute))
    assert (server.started, seen(store, number)) == ([key(store, number)], ("in_doubt", "in_doubt"))
    with store.write() as connection:
        actions.ask(
            connection, "alice", "started", f"decision:{number}", revision=None, reason="the run is there", now=NOW
        )
    act(store, config, NOW)
    assert seen(store, number) == ("triggered", "started")
