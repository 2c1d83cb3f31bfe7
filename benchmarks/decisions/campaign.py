"""
Decisions: random histories of proposals, approvals, changes and kill -9 at each point of the call, against a model of its own.

Nothing may start that people did not approve as it is, nothing may start twice, and what they did approve must start. Two
jobs that break a rule run beside it and must be caught: a campaign that cannot fail shows nothing.
"""

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.decisions import benefit
from benchmarks.decisions.history import History, Place
from benchmarks.decisions.model import World
from benchmarks.decisions.nursery import CRASHED
from benchmarks.decisions.target import target
from benchmarks.kill.forks import postgres as server_of_databases
from benchmarks.result import Part, result
from monitor.store import schema
from monitor.store.store import Store

HISTORIES, QUICK_HISTORIES = 1000, 6
BREAKS = {"blind_retry": ("", "kill_after"), "unbound": ("costs", "")}  # what happens between approval and the last run
KINDS_SHOWN = ("github", "command")  # those that know no key of ours
COUNTED = ("unapproved", "twice", "missing", "judged_otherwise")


def run(quick: bool) -> dict[str, Any]:
    """Run the histories on both databases, the two negative controls, and the reckoning of net benefit."""
    histories = QUICK_HISTORIES if quick else HISTORIES
    with server_of_databases() as made:
        found = {
            name: campaign(histories, "ours", made if name == "postgresql" else None)
            for name in ("sqlite", "postgresql")
        }
    controls = {name: campaign(0, name, None) for name in ("blind_retry", "unbound")}
    money = benefit.run(quick)
    total = {name: sum(one[name] for one in found.values()) for name in COUNTED}
    parts = [
        Part("triggers nobody approved as they are", 0, total["unapproved"], "triggers"),
        Part("triggers started twice", 0, total["twice"], "triggers"),
        Part("approved triggers that did not start", 0, total["missing"], "triggers"),
        Part("approvals and rejections judged otherwise than by the model", 0, total["judged_otherwise"], "judgements"),
        Part(
            "started twice by a job that repeats blindly",
            1,
            controls["blind_retry"]["twice"],
            "triggers",
            at_most=False,
        ),
        Part(
            "started unapproved by a job that compares no digest",
            1,
            controls["unbound"]["unapproved"],
            "triggers",
            at_most=False,
        ),
        Part(
            "largest error of P(NB > 0) against quadrature", 0.01, money["quadrature"]["largest_error"], "probability"
        ),
        Part("worlds with P >= 0.8 in which a new model pays", 0.8, money["worlds"]["paid"], "share", at_most=False),
    ]
    return result("decisions", quick, parts, {**found, "negative_controls": controls, **money})


def _memory() -> str | None:
    """Name a folder in memory, if there is one: a killed process loses nothing that a disk would have kept."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def campaign(histories: int, variant: str, postgres: Callable[[], str] | None) -> dict[str, Any]:
    """Run seeded histories in one database, or of a job that breaks a rule the two that show it, and count what went wrong."""
    began, total = time.monotonic(), Counter[str]()
    with tempfile.TemporaryDirectory(prefix="vigie-decisions-", dir=_memory()) as made, target() as server:
        folder = Path(made)
        address = f"sqlite:///{folder}/data/vigie.db" if postgres is None else postgres()
        store = Store.open(address)
        schema.upgrade(store)
        place = Place(folder, address, store, server)
        place.settle()
        command = [sys.executable, "-m", "benchmarks.decisions.nursery", str(folder / "config.yaml"), variant]
        nursery = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert nursery.stdin is not None
        assert nursery.stdout is not None
        assert nursery.stdout.readline() == "ready\n"
        try:
            if variant != "ours":
                for number, kind in enumerate(KINDS_SHOWN):
                    one = History(place, nursery, random.Random(number), number)
                    total += one.scripted(World(kind), *BREAKS[variant])
            for number in range(histories):
                total += History(place, nursery, random.Random(f"history {number}"), number).lived()
        finally:
            nursery.stdin.close()
            nursery.wait(60)
            store.engine.dispose()
        if (folder / CRASHED).exists():
            raise RuntimeError(
                f"a job ended by an error that is none of ours:\n{(folder / CRASHED).read_text(encoding='utf-8')}"
            )
    told = {name: total[name] for name in (*COUNTED, "events", "runs", "killed", "cut", "started", "in_doubt")}
    found = {"histories": histories or len(KINDS_SHOWN), **told, "seconds": round(time.monotonic() - began)}
    print(f"decisions: {variant} {json.dumps(found)}", file=sys.stderr, flush=True)
    return found
