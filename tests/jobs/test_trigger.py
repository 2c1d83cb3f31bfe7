"""An approved decision starts its command once, and only what was approved."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from jobs import hooks
from jobs.act import act
from jobs.letters import render
from jobs.trigger import trigger
from monitor.config import Config
from monitor.errors import StoreError
from monitor.profiles.counts import Counts
from monitor.profiles.profile import Key, Profile
from monitor.settings import Route
from monitor.store import actions, calls, decisions, incidents, outbox, profiles
from monitor.store.store import Store
from monitor.window import hour_of
from tests.conftest import NOW, Place
from tests.jobs.deciding import PEOPLE, command, judge, proposed, ran, seen
from tests.jobs.story import snapshot


@pytest.fixture
def config(place: Place) -> Config:
    """Return settings whose command appends the model's name to a file."""
    return command(place)


def test_once(place: Place, store: Store, config: Config) -> None:
    """The command runs once with the decision on stdin; running the job again changes nothing."""
    number = proposed(store, config)
    assert trigger(store, config, NOW) == "0 of 0 approved decisions started"
    judge(store, number)
    assert trigger(store, config, NOW) == "1 of 1 approved decisions started"
    before = snapshot(store)
    trigger(store, config, NOW)
    assert snapshot(store) == before
    assert (ran(place), seen(store, number)) == ("ape ", ("triggered", "started"))


def test_nothing_unapproved(place: Place, store: Store, config: Config) -> None:
    """Proposed and rejected decisions start nothing."""
    judge(store, proposed(store, config), "reject")
    trigger(store, config, NOW)
    assert ran(place) == ""


def test_changed_command(place: Place, store: Store, config: Config) -> None:
    """A command that changed after the approval is not run, nor ever called: the decision expires and says why."""
    number = proposed(store, config)
    judge(store, number)
    later = command(place, "touch", str(place.folder / "calls"))
    assert trigger(store, later, NOW) == "0 of 1 approved decisions started, 1 expired"
    assert (ran(place), seen(store, number)) == ("", ("expired", None))
    assert "what would be run" in reasons(store, number)[-1]
    trigger(store, config, NOW)
    assert (ran(place), seen(store, number)) == ("", ("expired", None))


def test_cut_call(place: Place, store: Store, config: Config) -> None:
    """A call that was begun and never answered is in doubt, told once to who may know, and never begun again."""
    number = proposed(store, config)
    judge(store, number)
    chat = Route(name="chat", webhook_file=Path("chat"), form="slack", receives=("service",))
    config = config.model_copy(update={"routes": (*config.routes, chat)})
    with store.write() as connection:
        assert calls.begin(connection, decisions.get(connection, number), NOW)
    assert trigger(store, config, NOW) == "0 of 1 approved decisions started, 1 in doubt"
    assert trigger(store, config, NOW + timedelta(days=1)) == "0 of 0 approved decisions started"
    assert (ran(place), seen(store, number)) == ("", ("in_doubt", "in_doubt"))
    with store.read() as connection:
        told = outbox.about(connection, f"decision:{number}")
    assert sorted((row["recipient"], row["channel"]) for row in told) == [
        ("chat", "webhook"), ("ops@stat.example", "mail"), ("owner@stat.example", "mail")]  # fmt: skip
    (row,) = (row for row in told if row["channel"] == "webhook")
    body = hooks.body(store, config, {**row, "facts": json.loads(row["facts"])})
    assert (body["type"], "was vigie-1-" in body["data"]["service"]["what"]) == ("vigie.service.in_doubt", True)
    letter, note = render(store, config, {**told[0], "facts": json.loads(told[0]["facts"])}, NOW)
    assert ("did it start?" in letter.text, "vigie decisions started 1" in letter.text, note) == (True, True, "")


def reasons(store: Store, number: int) -> list[str]:
    with store.read() as connection:
        return [one.reason for one in incidents.changes(connection, f"decision:{number}")]


def version(store: Store, name: str) -> None:
    """Put an hour on record in which a version answered."""
    with store.write() as connection:
        hour = hour_of(NOW) - 1
        profiles.replace(connection, "ape", [hour], {Key("ape", "", hour): Profile(versions=Counts({name: 9}))})


def test_changed_champion(place: Place, store: Store, config: Config) -> None:
    """An approval is for the version that answered: after a deployment it starts nothing."""
    version(store, "1.0")
    number = proposed(store, config)
    judge(store, number)
    version(store, "2.0")
    trigger(store, config, NOW)
    assert (ran(place), seen(store, number)) == ("", ("expired", None))
    assert "another version answers" in reasons(store, number)[-1]


def test_changed_settings(place: Place, store: Store, config: Config) -> None:
    """Other costs are another reckoning: the approval starts nothing; another route for mails changes nothing."""
    first = proposed(store, config)
    judge(store, first)
    trigger(store, command(place, more=", risk_eur: [9, 9, 9]"), NOW)
    assert (ran(place), seen(store, first)) == ("", ("expired", None))
    second = proposed(store, config, "retrain", "chloe")
    judge(store, second)
    trigger(store, command(place, replaced=("head@", "boss@")), NOW)
    assert (ran(place), seen(store, second)) == ("ape ", ("triggered", "started"))


def test_changed_evidence(place: Place, store: Store, config: Config) -> None:
    """Evidence that was altered in the database after the approval starts nothing."""
    number = proposed(store, config)
    judge(store, number)
    with store.write() as connection:
        connection.exec_driver_sql("update decision set evidence = '{\"p\": 0.99}'")
    trigger(store, config, NOW)
    assert (ran(place), seen(store, number)) == ("", ("expired", None))


def test_approver_left(place: Place, store: Store, config: Config) -> None:
    """An approval counts as long as its giver may approve."""
    number = proposed(store, config)
    judge(store, number)
    trigger(store, command(place, replaced=("alice: approver", "alice: viewer")), NOW)
    assert (ran(place), seen(store, number)) == ("", ("expired", None))


def ask(store: Store, config: Config, who: str, verb: str, number: int, revision: int | None = None) -> str | None:
    """Ask as a person does, apply it, and return the refusal."""
    with store.write() as connection:
        asked = actions.ask(
            connection, who, verb, f"decision:{number}", revision=revision, reason="the costs are right", now=NOW
        )
    act(store, config, NOW)
    with store.read() as connection:
        found = actions.get(connection, asked)
    assert found is not None
    return found["refusal"]


def test_two_people(place: Place, store: Store) -> None:
    """`approvals: 2` wants two people: one of them twice, under whichever name, is one; the requester is none."""
    config = command(place, more=", approvals: 2", replaced=PEOPLE)
    number = proposed(store, config, requester="os:al")
    assert "somebody else" in (ask(store, config, "alice", "approve", number) or "")
    judge(store, number, "reject", "bruno")
    number = proposed(store, config)
    assert ask(store, config, "alice", "approve", number) is None
    assert "approved it already" in (ask(store, config, "os:al", "approve", number) or "")
    trigger(store, config, NOW)
    assert (ran(place), seen(store, number)) == ("", ("proposed", None))
    assert ask(store, config, "bruno", "approve", number) is None
    trigger(store, config, NOW)
    assert (ran(place), seen(store, number)) == ("ape ", ("triggered", "started"))


def test_one_became_both(place: Place, store: Store) -> None:
    """Two names of which config.yaml says by now that they are one person were one approval."""
    apart = (
        PEOPLE[0],
        PEOPLE[1].replace(', "os:al"', "").replace("alice: approver", "alice: approver, os:al: approver"),
    )
    config = command(place, more=", approvals: 2", replaced=apart)
    number = proposed(store, config)
    assert [ask(store, config, who, "approve", number) for who in ("alice", "os:al")] == [None, None]
    trigger(store, command(place, more=", approvals: 2", replaced=PEOPLE), NOW)
    assert (ran(place), seen(store, number)) == ("", ("expired", None))


def test_approve_what_changed(place: Place, store: Store, config: Config) -> None:
    """What changed since it was proposed, or since it was looked at, is not approved."""
    number = proposed(store, config)
    assert "changed by somebody else" in (ask(store, config, "alice", "approve", number, revision=7) or "")
    later = command(place, "true")
    assert "what would be run; the next decide" in (ask(store, later, "alice", "approve", number) or "")
    assert seen(store, number) == ("proposed", None)


@pytest.mark.parametrize(("verb", "then"), [("started", ("triggered", "started")), ("fail", ("failed", "failed"))])
def test_person_answers(store: Store, config: Config, verb: str, then: tuple[str, str]) -> None:
    """Where a call is in doubt a person who owns the model says what became of it; nobody else, and of no other state."""
    number = proposed(store, config)
    judge(store, number)
    assert "is approved, not in doubt" in (ask(store, config, "alice", verb, number) or "")
    with store.write() as connection:
        calls.begin(connection, decisions.get(connection, number), NOW)
    trigger(store, config, NOW)
    assert "needs the role owner" in (ask(store, config, "bruno", verb, number) or "")
    assert ask(store, config, "alice", verb, number) is None
    assert seen(store, number) == then


def test_begun_once(store: Store, config: Config) -> None:
    """Of two that begin the same call one may go on; an approval that was read before a change begins nothing."""
    number = proposed(store, config)
    judge(store, number)
    with store.read() as connection:
        one = decisions.get(connection, number)
    for expected in (True, False):
        with store.write() as connection:
            assert calls.begin(connection, one, NOW) == expected


def test_clock_set_back(place: Place, store: Store, config: Config) -> None:
    """An approval of the future is over: nobody knows how old it is."""
    number = proposed(store, config)
    judge(store, number, days=1)
    trigger(store, config, NOW)
    assert (ran(place), seen(store, number)) == ("", ("expired", None))


def test_stale_approval(place: Place, store: Store, config: Config) -> None:
    """An approval that started nothing within a day expires."""
    number = proposed(store, config)
    judge(store, number)
    trigger(store, config, NOW + timedelta(hours=25))
    assert (ran(place), seen(store, number)) == ("", ("expired", None))


@pytest.mark.parametrize(
    ("words", "state"), [(["false"], "failed"), (["/no/such/file"], "failed"), (["true"], "triggered")]
)
def test_endings(place: Place, store: Store, words: list[str], state: str) -> None:
    """A refusing or missing command fails the decision."""
    config = command(place, *words)
    number = proposed(store, config)
    judge(store, number)
    trigger(store, config, NOW)
    assert seen(store, number)[0] == state


def test_other_recommendation(place: Place, store: Store, config: Config) -> None:
    """An approved `wait` or `label_first` runs nothing, is on record, and never reads as if something had started."""
    for recommendation in ("wait", "label_first"):
        number = proposed(store, config, recommendation)
        judge(store, number)
        assert trigger(store, config, NOW) == "0 of 1 approved decisions started, 1 only put on record"
        assert (ran(place), seen(store, number)) == ("", ("recorded", "recorded"))


def test_four_eyes(store: Store, config: Config) -> None:
    """Nobody approves what they asked for, what expired, or twice."""
    own = proposed(store, config, requester="alice")
    with pytest.raises(StoreError, match="somebody else approves"):
        judge(store, own)
    with pytest.raises(StoreError, match="expired"):
        judge(store, own, actor="bruno", days=15)
    judge(store, own, actor="bruno")
    with pytest.raises(StoreError, match="is approved"):
        judge(store, own, actor="bruno")


def test_newer_replaces(store: Store, config: Config) -> None:
    """A newer proposal expires the open one; the same evidence is proposed once."""
    first = proposed(store, config)
    second = proposed(store, config, "wait")
    assert (seen(store, first)[0], seen(store, second)[0]) == ("expired", "proposed")
    with pytest.raises(AssertionError):
        proposed(store, config, "wait")


def test_expires(store: Store, config: Config) -> None:
    """A proposal nobody judged expires on its day."""
    number = proposed(store, config)
    with store.write() as connection:
        assert decisions.expire(connection, NOW + timedelta(days=13)) == 0
        assert decisions.expire(connection, NOW + timedelta(days=15)) == 1
    assert seen(store, number)[0] == "expired"
