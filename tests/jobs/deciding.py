"""Propose and judge decisions the way jobs do, under settings that name a trigger."""

import json
import sys
from datetime import datetime, timedelta

from jobs.bound import circumstances
from monitor.config import Config
from monitor.store import decisions
from monitor.store.store import Store
from tests.conftest import NOW, Place

SCRIPT = (
    "import sys, json, pathlib; f = pathlib.Path(sys.argv[1]); f.open('a').write(json.load(sys.stdin)['model'] + ' ')"
)
PEOPLE = ('people: {alice: ["login:alice"], bruno: ["login:bruno"]}\nroles: {alice: approver, bruno: operator, chloe: viewer}',
          'people: {alice: ["login:alice", "os:al"]}\nroles: {alice: approver, bruno: approver, carla: owner}')  # fmt: skip


def named(trigger: str, more: str = "") -> str:
    """Return the lines of config.yaml that let an approval start `trigger`, under further settings of the retraining."""
    return f"triggers: {{it: {trigger}}}\nretraining: {{ape: {{trigger: it{more}}}}}\n"


def command(place: Place, *words: str, more: str = "", replaced: tuple[str, str] = ("", "")) -> Config:
    """Let an approval run a command; without words one that appends the model's name to the file `calls`."""
    run = words or (sys.executable, "-c", SCRIPT, str(place.folder / "calls"))
    return place.configure(named(f"{{kind: command, command: {json.dumps(run)}}}", more), replaced)


def proposed(store: Store, config: Config, recommendation: str = "retrain", requester: str = "vigie", now: datetime = NOW) -> int:  # fmt: skip
    """Propose on evidence that says little, bound to what holds now."""
    with store.write() as connection:
        parts = {"model": "ape", "recommendation": recommendation, "evidence": {"p": 0.9}, "requester": requester,
                 **circumstances(connection, config, "ape", now)}  # fmt: skip
        number = decisions.propose(connection, parts, sentence="retrain", now=now, expires_days=14)
    assert number is not None
    return number


def judge(store: Store, number: int, verdict: str = "approve", actor: str = "alice", days: float = 0) -> None:
    """Approve or reject past the roles, `days` after the proposal."""
    with store.write() as connection:
        decisions.judge(
            connection, number, verdict, actor=actor, reason="the costs are right", now=NOW + timedelta(days=days)
        )


def seen(store: Store, number: int) -> tuple[str, str | None]:
    """Return the state of a decision and of its call."""
    with store.read() as connection:
        one = decisions.get(connection, number)
    return one["state"], one["call"] and one["call"]["state"]


def ran(place: Place) -> str:
    """Return what the command wrote, a word a run."""
    file = place.folder / "calls"
    return file.read_text() if file.exists() else ""
