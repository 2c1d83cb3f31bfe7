"""An approved decision starts its command once, and only what was approved."""

import json
import sys
from datetime import timedelta

import pytest

from jobs.letters import render
from jobs.trigger import trigger
from monitor.config import Config
from monitor.errors import StoreError
from monitor.store import decisions, outbox
from monitor.store.store import Store
from tests.conftest import NOW, Place
from tests.jobs.story import snapshot

SCRIPT = (
    "import sys, json, pathlib; f = pathlib.Path(sys.argv[1]); f.open('a').write(json.load(sys.stdin)['model'] + ' ')"
)


def settings(place: Place, *command: str) -> Config:
    return place.configure(f"retraining: {{ape: {{trigger_command: {json.dumps(command)}}}}}\n")


@pytest.fixture
def config(place: Place) -> Config:
    """Return settings whose command appends the model's name to a file."""
    return settings(place, sys.executable, "-c", SCRIPT, str(place.folder / "calls"))


def proposed(store: Store, config: Config, recommendation: str = "retrain", requester: str = "vigie") -> int:
    parts = {"model": "ape", "recommendation": recommendation, "evidence": {"p": 0.9}, "requester": requester,
             "trigger": list(config.retraining["ape"].trigger_command)}  # fmt: skip
    with store.write() as connection:
        number = decisions.propose(connection, parts, sentence="retrain", now=NOW, expires_days=14)
    assert number is not None
    return number


def judge(store: Store, number: int, verdict: str = "approve", actor: str = "alice", days: float = 0) -> None:
    with store.write() as connection:
        decisions.judge(
            connection, number, verdict, actor=actor, reason="the costs are right", now=NOW + timedelta(days=days)
        )


def seen(store: Store, number: int) -> tuple[str, str | None]:
    with store.read() as connection:
        one = decisions.get(connection, number)
    return one["state"], one["call"] and one["call"]["state"]


def calls(place: Place) -> str:
    file = place.folder / "calls"
    return file.read_text() if file.exists() else ""


def test_once(place: Place, store: Store, config: Config) -> None:
    """The command runs once with the decision on stdin; running the job again changes nothing."""
    number = proposed(store, config)
    assert trigger(store, config, NOW) == "0 of 0 approved decisions started"
    judge(store, number)
    assert trigger(store, config, NOW) == "1 of 1 approved decisions started"
    before = snapshot(store)
    trigger(store, config, NOW)
    assert snapshot(store) == before
    assert (calls(place), seen(store, number)) == ("ape ", ("triggered", "started"))


def test_nothing_unapproved(place: Place, store: Store, config: Config) -> None:
    """Proposed and rejected decisions start nothing."""
    judge(store, proposed(store, config), "reject")
    trigger(store, config, NOW)
    assert calls(place) == ""


def test_changed_command(place: Place, store: Store, config: Config) -> None:
    """A command that changed after the approval is not run; the decision failed."""
    number = proposed(store, config)
    judge(store, number)
    trigger(store, settings(place, "touch", str(place.folder / "calls")), NOW)
    assert (calls(place), seen(store, number)) == ("", ("failed", "failed"))


def test_cut_call(place: Place, store: Store, config: Config) -> None:
    """A call that was begun and never answered is in doubt, told once to who may know, and never begun again."""
    number = proposed(store, config)
    judge(store, number)
    with store.write() as connection:
        assert decisions.begin_call(connection, number, NOW)
    assert trigger(store, config, NOW) == "0 of 0 approved decisions started, 1 in doubt"
    assert trigger(store, config, NOW + timedelta(days=1)) == "0 of 0 approved decisions started"
    assert (calls(place), seen(store, number)) == ("", ("in_doubt", "in_doubt"))
    with store.read() as connection:
        told = outbox.about(connection, f"decision:{number}")
    assert sorted(row["recipient"] for row in told) == ["ops@stat.example", "owner@stat.example"]
    letter, note = render(store, config, {**told[0], "facts": json.loads(told[0]["facts"])}, NOW)
    assert ("did it start?" in letter.text, "vigie decisions show 1" in letter.text, note) == (True, True, "")


def test_stale_approval(place: Place, store: Store, config: Config) -> None:
    """An approval that started nothing within a day expires."""
    number = proposed(store, config)
    judge(store, number)
    trigger(store, config, NOW + timedelta(hours=25))
    assert (calls(place), seen(store, number)) == ("", ("expired", None))


@pytest.mark.parametrize(
    ("command", "state"), [(["false"], "failed"), (["/no/such/file"], "failed"), (["true"], "triggered")]
)
def test_endings(place: Place, store: Store, command: list[str], state: str) -> None:
    """A refusing or missing command fails the decision."""
    config = settings(place, *command)
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
        assert (calls(place), seen(store, number)) == ("", ("recorded", "recorded"))


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
