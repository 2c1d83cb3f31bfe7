"""People's actions are applied once, by those who may, on what they saw; or refused with a sentence."""

import threading

import pytest

from jobs.act import act
from monitor.detection.incident import Cause, Incident
from monitor.plan import words_of
from monitor.store import actions, incidents, outbox, plans
from monitor.store.store import Store
from monitor.window import hour_of, microseconds
from tests.conftest import NOW, Place, opened
from tests.jobs.deciding import proposed
from tests.jobs.story import snapshot

CAUSE = Cause("unknown_words", "inputs", 0.8, "share", 0.03, 0.08, 900.0, 1, "share of unknown words 3.0 % -> 8.0 %")


@pytest.fixture
def incident(store: Store) -> int:
    """Open an incident and return its number."""
    new = Incident(0, "ape", hour_of(NOW) - 5, hour_of(NOW), "open", (CAUSE,), {"claim": "words are unknown"})
    with store.write() as connection:
        return incidents.open_new(connection, new, NOW)[0].id


@pytest.fixture
def decision(place: Place, store: Store) -> int:
    """Propose a decision and return its number."""
    return proposed(store, place.configure())


def ask(
    store: Store, who: str, verb: str, subject: str, reason: str = "looked into it", revision: int | None = None
) -> int:
    with store.write() as connection:
        return actions.ask(connection, who, verb, subject, revision=revision, reason=reason, now=NOW)


def refusal(store: Store, number: int) -> str | None:
    with store.read() as connection:
        found = actions.get(connection, number)
    assert found is not None
    assert found["applied_us"] is not None
    return found["refusal"]


def state(store: Store, number: int) -> tuple[str, str | None, str | None]:
    with store.read() as connection:
        one = incidents.get(connection, number)
    return one.state, one.closed_as, one.acknowledged_by


def test_closed_with_its_message(place: Place, store: Store, incident: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed between closing an incident and queueing what tells of it: neither happened, and the next run does both."""
    config = place.configure()
    ask(store, "bruno", "close:fixed", f"incident:{incident}")
    before = snapshot(store)
    with monkeypatch.context() as patched:
        patched.setattr(outbox, "queue", _die)
        with pytest.raises(KeyboardInterrupt):
            act(store, config, NOW)
    assert snapshot(store) == before
    act(store, config, NOW)
    assert state(store, incident)[0] == "closed"
    with store.read() as connection:
        assert len(outbox.about(connection, f"incident:{incident}")) == 2


def _die(*_: object) -> None:
    raise KeyboardInterrupt


def test_acknowledge_and_close(place: Place, store: Store, incident: int) -> None:
    """An operator acknowledges and closes; everybody routed is told of the closing in the same transaction."""
    config = place.configure()
    asked = [
        ask(store, "bruno", "ack", f"incident:{incident}"),
        ask(store, "bruno", "close:fixed", f"incident:{incident}"),
    ]
    assert act(store, config, NOW) == "2 actions applied, 0 refused"
    assert [refusal(store, n) for n in asked] == [None, None]
    assert state(store, incident) == ("closed", "fixed", "bruno")
    with store.read() as connection:
        assert [m["recipient"] for m in outbox.about(connection, f"incident:{incident}")] == [
            "ops@stat.example",
            "owner@stat.example",
        ]
        assert [c.change for c in incidents.history(connection, incident)] == ["opened", "acknowledged", "closed"]


def test_twice(place: Place, store: Store, incident: int) -> None:
    """Applying again changes nothing; closing what is closed is refused."""
    config = place.configure()
    ask(store, "bruno", "close:fixed", f"incident:{incident}")
    act(store, config, NOW)
    before = snapshot(store)
    assert act(store, config, NOW) == "0 actions applied, 0 refused"
    assert snapshot(store) == before
    again = ask(store, "bruno", "close:fixed", f"incident:{incident}")
    act(store, config, NOW)
    assert "closed already" in (refusal(store, again) or "")


@pytest.mark.parametrize(("who", "verb", "subject", "why"), [
    ("chloe", "ack", "incident:1", "needs the role operator"),
    ("stranger", "ack", "incident:1", "needs the role operator"),
    ("bruno", "close:new_normal", "incident:1", "needs the role owner"),
    ("bruno", "approve", "decision:1", "needs the role approver"),
    ("bruno", "ack", "decision:1", "no action ack on decision:1"),
    ("bruno", "close:fixed", "decision:1", "no action"),
    ("alice", "approve", "incident:1", "no action"),
    ("alice", "explode", "incident:1", "no action"),
    ("alice", "ack", "incident:99", "no incident 99"),
    ("alice", "approve", "decision:99", "no decision 99"),
    ("alice", "ack", "incident:1; drop table", "no action"),
    ("alice", "ack", "", "no action"),
    ("alice", "ack", "incident:²", "no action"),
])  # fmt: skip
def test_refused(
    place: Place, store: Store, incident: int, decision: int, who: str, verb: str, subject: str, why: str
) -> None:
    """What may not be is refused with the reason and changes nothing; the next action is still applied."""
    config = place.configure()
    assert (incident, decision) == (1, 1)
    before = snapshot(store, ("action",))
    asked = ask(store, who, verb, subject)
    assert act(store, config, NOW) == "0 actions applied, 1 refused"
    assert why in (refusal(store, asked) or "")
    assert snapshot(store, ("action",)) == before
    ask(store, "bruno", "ack", "incident:1")
    assert act(store, config, NOW) == "1 actions applied, 0 refused"


def test_stale_sight(place: Place, store: Store, incident: int) -> None:
    """A click on an incident that changed since it was shown is refused."""
    config = place.configure()
    ask(store, "bruno", "ack", f"incident:{incident}", revision=1)
    late = ask(store, "alice", "close:fixed", f"incident:{incident}", revision=1)
    act(store, config, NOW)
    assert "somebody else" in (refusal(store, late) or "")
    assert state(store, incident)[0] == "open"


def test_approve(place: Place, store: Store, decision: int) -> None:
    """An approver approves with a reason of ten characters; a shorter one is refused."""
    config = place.configure()
    short = ask(store, "alice", "approve", f"decision:{decision}", "ok")
    good = ask(store, "alice", "approve", f"decision:{decision}", "costs are right")
    again = ask(store, "alice", "reject", f"decision:{decision}", "changed my mind")
    act(store, config, NOW)
    assert "10 characters" in (refusal(store, short) or "")
    assert refusal(store, good) is None
    assert "approved" in (refusal(store, again) or "")


def test_plan(place: Place, store: Store) -> None:
    """What is announced on the page is kept as by the command line, taken back, and refused with the same words."""
    config = place.configure()
    words = words_of("closure", "2026-12-24", "2026-12-27", "Christmas")
    ask(store, "bruno", "add", "plan:ape", words)
    ask(store, "bruno", "add", "plan:", words_of("deployment", "", "", "2.5.0"))
    assert act(store, config, NOW) == "2 actions applied, 0 refused"
    assert act(store, config, NOW) == "0 actions applied, 0 refused"
    ask(store, "alice", "remove", "plan:ape", "1")
    act(store, config, NOW)
    with store.read() as connection:
        found = {
            one.title: (one.model, one.author, one.added_us, one.removed_us is None)
            for one in plans.of_model(connection)
        }
    now_us = microseconds(NOW)
    assert found == {
        "closure Christmas": ("ape", "bruno", now_us, False),
        "deployment 2.5.0": ("", "bruno", now_us, True),
    }


@pytest.mark.parametrize(("who", "verb", "subject", "words", "why"), [
    ("chloe", "add", "plan:ape", words_of("deployment", "", "", ""), "needs the role operator"),
    ("bruno", "add", "plan:nobody", words_of("deployment", "", "", ""), "no action add on plan:nobody"),
    ("bruno", "add", "plan:ape", words_of("party", "", "", ""), "'party' is none of deployment"),
    ("bruno", "add", "plan:ape", words_of("closure", "2026-12-24", "", ""), "a closure needs an end"),
    ("bruno", "add", "plan:ape", words_of("closure", "soon", "", ""), "'soon' is no ISO date"),
    ("bruno", "add", "plan:ape", words_of("deployment", "", "", "a\x1bb"), "printable characters"),
    ("bruno", "add", "plan:ape", "[[", "'' is none of deployment"),
    ("bruno", "remove", "plan:ape", "9", "no entry 9"),
    ("bruno", "remove", "plan:ape", "²", "is no number"),
    ("bruno", "approve", "plan:ape", "1", "no action approve"),
])  # fmt: skip
def test_plan_refused(place: Place, store: Store, who: str, verb: str, subject: str, words: str, why: str) -> None:
    """An entry that may not be is refused with the sentence of the command line, and nothing is kept."""
    config = place.configure()
    number = ask(store, who, verb, subject, words)
    act(store, config, NOW)
    assert why in (refusal(store, number) or "")
    with store.read() as connection:
        assert plans.of_model(connection) == []


def test_two_at_once(place: Place, store: Store, incident: int, store_url: str) -> None:
    """Two processes that apply the same action leave one change in the log."""
    config = place.configure()
    ask(store, "bruno", "ack", f"incident:{incident}")
    start = threading.Barrier(2)

    def one() -> None:
        with opened(store_url) as mine:
            start.wait(10)
            act(mine, config, NOW)

    threads = [threading.Thread(target=one) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    with store.read() as connection:
        assert [c.change for c in incidents.history(connection, incident)] == ["opened", "acknowledged"]
