"""Live one random history of decisions through the product and through the model beside it, and compare."""

import json
import random
import subprocess
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.decisions.model import Proposal, World
from benchmarks.decisions.target import TOKEN, Target
from jobs.act import act
from jobs.bound import circumstances
from monitor.config import Config, load
from monitor.profiles.counts import Counts
from monitor.profiles.profile import Key, Profile
from monitor.store import actions, decisions, profiles
from monitor.store.store import Store
from monitor.window import hour_of

BEGIN = datetime(2026, 1, 5, tzinfo=UTC)
KINDS = ("command", "webhook", "github", "argo", "airflow")
REQUESTERS = ("vigie", "vigie", "alice", "os:al", "bruno")
PEOPLE = ("alice", "os:al", "bruno", "bruno", "carla", "carla", "dora")
ENDS = ("write_1", "write_2", "before_call", "after_call", "write_3", "kill_before", "kill_after")
CUTS = ("cut_before", "cut_after", "503")
CONFIG = """data_dir: data
database: "{database}"
models: {{ape: {{}}}}
people: {{alice: ["os:al"]}}
roles: {{alice: approver, bruno: approver, carla: approver, dora: owner}}
triggers: {{it: {trigger}}}
retraining: {{ape: {{trigger: it, approvals: {approvals}, retrain_eur: [{costs}, {costs}, {costs}]}}}}
"""
SCRIPT = """key=$(sed 's/.*"key": "\\([^"]*\\)".*/\\1/')
case $(cat plan) in kill_before) kill -9 $PPID; exit;; esac
echo "$key" >> started
case $(cat plan) in kill_after) kill -9 $PPID;; esac
"""


@dataclass
class Place:
    """Hold the folder, store and server of a campaign."""

    folder: Path
    database: str
    store: Store
    server: Target
    seen: int = 0
    config: Config = field(init=False)

    def settle(self, world: World | None = None) -> None:
        """Write what the jobs read for a state of the world, and put on record which version answers."""
        world = world or World()
        for name, said in (
            ("token", TOKEN),
            ("plan", ""),
            ("script", SCRIPT.replace(" plan", f" {self.folder}/plan").replace("started", f"{self.folder}/started")),
        ):
            (self.folder / name).touch(mode=0o600)
            (self.folder / name).write_text(said, encoding="utf-8")
        text = CONFIG.format(
            database=self.database,
            trigger=json.dumps(self._trigger(world)),
            approvals=world.approvals,
            costs=world.costs,
        )
        (self.folder / "config.yaml").write_text(text, encoding="utf-8")
        self.config = load(self.folder / "config.yaml")
        hour = hour_of(BEGIN)
        with self.store.write() as connection:
            profiles.replace(
                connection, "ape", [hour], {Key("ape", "", hour): Profile(versions=Counts({world.champion: 9}))}
            )

    def _trigger(self, world: World) -> dict[str, object]:
        url, token = self.server.url, {"token_file": "token", "allow_private": True}
        given = {"model": f"ape-{world.passed}"}
        return {"kind": world.kind, **{
            "command": {"command": ["/bin/sh", str(self.folder / "script"), str(world.passed)]},
            "webhook": {"url": f"{url}/hook?passed={world.passed}", "key_file": "token", "allow_private": True},
            "github": {"api_url": url, "repository": "a/b", "workflow": "t.yml", "inputs": {"decision": "{key}", **given}, **token},
            "argo": {"url": url, "namespace": "ml", "template": "t", "parameters": given, **token},
            "airflow": {"url": url, "dag": "t", "conf": given, **token},
        }[world.kind]}  # fmt: skip

    def started(self) -> list[str]:
        """Return the keys of all that was started since the campaign began, in no order."""
        file = self.folder / "started"
        return self.server.started + (file.read_text(encoding="utf-8").split() if file.exists() else [])


@dataclass
class History:
    """Live a history: `draw` decides, the product acts, `model` says what was right."""

    place: Place
    nursery: "subprocess.Popen[str]"
    draw: random.Random
    number: int
    found: Counter[str] = field(default_factory=Counter)
    model: dict[int, Proposal] = field(default_factory=dict)

    def lived(self) -> Counter[str]:
        """Live it from the first proposal to the last look, and return what was counted."""
        self.now = BEGIN + timedelta(days=60 * self.number)
        self.world = World(self.draw.choice(KINDS), approvals=self.draw.choice((1, 1, 2)))
        self.place.settle(self.world)
        self._propose()
        steps = [
            self._approve,
            self._approve,
            self._approve,
            self._run,
            self._run,
            self._change,
            self._wait,
            self._propose,
            self._reject,
            self._answer,
        ]
        weights = [4, 4, 4, 3, 3, 1, 1, 1, 1, 1]
        for _ in range(self.draw.randrange(6, 15)):
            self.draw.choices(steps, weights)[0]()
            self.now += timedelta(minutes=self.draw.randrange(1, 30))
            self.found["events"] += 1
        self._run(die="", fault="")
        self._answer()
        self._run(die="", fault="")
        self.now += timedelta(days=30)
        self._run(die="", fault="")
        return self.found

    def scripted(self, world: World, change: str, die: str) -> Counter[str]:
        """Live one that shows a broken rule: approved, then something changed or the job was killed, then run undisturbed."""
        self.now, self.world = BEGIN + timedelta(days=60 * self.number), world
        self.place.settle(world)
        self._propose("retrain", "vigie")
        assert self.model[max(self.model)].approves("alice", world, self.now)
        assert self._asked("alice", "approve", max(self.model))
        if die:
            self._run(die=die, fault="")
        if change:
            self._change(change)
        self._run(die="", fault="")
        return self.found

    def _propose(self, kind: str = "", requester: str = "") -> None:
        kind = kind or self.draw.choice(("retrain", "retrain", "retrain", "retrain", "wait"))
        requester = requester or self.draw.choice(REQUESTERS)
        with self.place.store.write() as connection:
            bound = circumstances(connection, self.place.config, "ape", self.now)
            parts = {
                "model": "ape",
                "recommendation": kind,
                "requester": requester,
                "evidence": {"p": self.draw.random()},
                **bound,
            }
            number = decisions.propose(connection, parts, sentence="so", now=self.now, expires_days=14)
            assert number is not None
            digest = decisions.get(connection, number)["digest"]
        for one in self.model.values():
            one.state = "expired" if one.state == "proposed" else one.state
        self.model[number] = Proposal(f"vigie-{number}-{digest[:8]}", kind, requester, self.world, self.now)

    def _approve(self) -> None:
        self._judge("approve")

    def _reject(self) -> None:
        self._judge("reject")

    def _judge(self, verb: str) -> None:
        number = max(self.model) if self.draw.random() < 0.9 else min(self.model)
        who = self.draw.choice(PEOPLE)
        one = self.model[number]
        good = one.approves(who, self.world, self.now) if verb == "approve" else one.rejects(who, self.now)
        self.found["judged_otherwise"] += good != self._asked(who, verb, number)

    def _asked(self, who: str, verb: str, number: int) -> bool:
        """Ask as a person does and say whether it was applied."""
        with self.place.store.write() as connection:
            asked = actions.ask(connection, self.place.config.person(who), verb, f"decision:{number}", revision=None,
                                reason="looked into it", now=self.now)  # fmt: skip
        act(self.place.store, self.place.config, self.now)
        with self.place.store.read() as connection:
            found = actions.get(connection, asked)
        assert found is not None
        return found["refusal"] is None

    def _change(self, changed: str = "") -> None:
        changed = changed or self.draw.choice(("passed", "costs", "champion", "kind", "approvals"))
        other = {"passed": 1 - self.world.passed, "costs": 3 - self.world.costs, "champion": "2.0" if self.world.champion == "1.0" else "1.0",
                 "kind": self.draw.choice(KINDS), "approvals": 3 - self.world.approvals}  # fmt: skip
        self.world = replace(self.world, **{changed: other[changed]})
        self.place.settle(self.world)

    def _wait(self) -> None:
        self.now += self.draw.choice((timedelta(hours=3), timedelta(hours=25), timedelta(days=15)))

    def _answer(self) -> None:
        """Let a person look what became of a call in doubt, and say so."""
        with self.place.store.read() as connection:
            doubtful = [
                one for number in self.model if (one := decisions.get(connection, number))["state"] == "in_doubt"
            ]
        for one in doubtful:
            verb = "started" if self.model[one["id"]].key in self.place.started() else "fail"
            self.found["judged_otherwise"] += not self._asked("dora", verb, one["id"])
            self.found["in_doubt"] += 1

    def _run(self, die: str | None = None, fault: str | None = None) -> None:
        """Run the job once, perhaps ended by kill -9 or cut, and compare what it started with what it might."""
        die = self.draw.choice(("", "", "", *ENDS)) if die is None else die
        fault = self.draw.choice(("", *CUTS)) if fault is None and not die else fault or ""
        before = Counter(self.place.started())
        may = {one.key for one in self.model.values() if one.may_start(self.world, self.now)}
        must = {one.key for one in self.model.values() if one.must_start(self.world, self.now)}
        self._child(die, fault)
        after = Counter(self.place.started())
        fresh = after - before
        clean = not die and (not fault or self.world.kind == "command")
        self.found["runs"] += 1
        self.found["cut"] += bool(fault)
        self.found["started"] += fresh.total()
        self.found["unapproved"] += sum(fresh[key] for key in fresh if key not in may)
        self.found["twice"] += sum(after[key] > 1 for key in fresh)
        self.found["missing"] += sum(clean and key not in after for key in must)
        for one in self.model.values():
            if one.state == "approved" and die != "write_1":
                one.begun |= one.key in may and not clean and die != "write_2"
                one.unsure |= bool(die) and one.key not in may
                one.over |= not die and (clean or one.key not in may)

    def _child(self, die: str, fault: str) -> None:
        (self.place.folder / "plan").write_text(die, encoding="utf-8")
        server, at_server = self.place.server, die in {"kill_before", "kill_after"}
        server.faults[:] = [die] if at_server else [fault] if fault else []
        assert self.nursery.stdin is not None
        assert self.nursery.stdout is not None
        self.nursery.stdin.write(json.dumps({"now": self.now.isoformat(), "die": die}) + "\n")
        self.nursery.stdin.flush()
        child = int(self.nursery.stdout.readline())
        if at_server:
            server.victims.put(child)
        self.found["killed"] += int(self.nursery.stdout.readline()) == 9
        server.faults.clear()
        while not server.victims.empty():
            server.victims.get()
