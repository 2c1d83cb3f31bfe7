"""
Fork trigger jobs from a process that has everything imported; each may end itself by kill -9 at a named point of the call.

A line on standard input is `{"now": ..., "die": ...}`; the answers are the child's process id, and then how it ended.
"""

import gc
import json
import os
import signal
import sys
import traceback
from datetime import datetime
from pathlib import Path
from typing import Any

import jobs.bound
import jobs.trigger
from monitor.config import Config, load
from monitor.delivery.triggers import Order, Outcome, start
from monitor.store.store import Store

CRASHED = "trigger-crashed"
WRITES = ("write_1", "write_2", "write_3")  # the transactions of one job: look, begin, end


def one_pass(config: Config, now: datetime, die: str) -> None:
    """Run the job, ended at `die`: at the start of its nth writing transaction, before the call, or with its answer in hand."""
    written = 0

    def guard(_: Any) -> None:
        nonlocal written
        written += 1
        if die in WRITES and written == WRITES.index(die) + 1:
            os.kill(os.getpid(), signal.SIGKILL)

    def called(call: Any, order: Order, when: datetime) -> Outcome:
        if die == "before_call":
            os.kill(os.getpid(), signal.SIGKILL)
        outcome = start(call, order, when)
        if die == "after_call":
            os.kill(os.getpid(), signal.SIGKILL)
        return outcome

    store = Store.open(config.database).guarded(guard)
    try:
        jobs.trigger.trigger(store, config, now, called)
    finally:
        store.engine.dispose()


def main(path: str, variant: str) -> None:
    """Serve until standard input ends; `variant` is `ours`, or what no trigger may do: `blind_retry`, `unbound`."""
    if variant == "blind_retry":
        jobs.trigger.KNOW_OUR_KEY = {"command", "github", "webhook", "argo", "airflow"}
    if variant == "unbound":
        jobs.bound.changed = lambda *_: []
    load(Path(path))
    gc.freeze()  # what is imported stays shared with the children
    print("ready", flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        child = os.fork()
        if child == 0:
            try:
                one_pass(load(Path(path)), datetime.fromisoformat(asked["now"]), asked["die"])
            except Exception:  # a job that cannot run at all proves nothing: the campaign must say so
                Path(path).with_name(CRASHED).write_text(traceback.format_exc(), encoding="utf-8")
            os._exit(0)
        print(child, flush=True)
        print(os.waitpid(child, 0)[1], flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
