"""The service will give each job a process group of its own, end it politely and then hard, and leave nothing behind."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from jobs.timetable import Job
from monitor.config import Config

POLITE_SECONDS = 10.0
DISK_SECONDS = 2.0
SLOW_NICENESS = 10


@dataclass
class Child:
    """
    Hold a running job: the slot it was started for, who it is in the store, and when it must be gone (monotonic seconds).

    `asked` is when it was asked to end; None while nobody did.
    """

    job: Job
    slot: datetime
    process: subprocess.Popen[bytes]
    owner: str
    deadline: float
    asked: float | None = None

    def is_late(self, monotonic: float) -> bool:
        """Say whether it is over its deadline and nobody told it so far."""
        return self.asked is None and monotonic > self.deadline

    def ask(self, monotonic: float) -> None:
        """Ask the whole group to end."""
        self.asked = monotonic
        self._tell(signal.SIGTERM)

    def insist(self, monotonic: float) -> None:
        """End the whole group where it did not heed what it was asked ten seconds ago."""
        if self.asked is not None and monotonic >= self.asked + POLITE_SECONDS:
            self._tell(signal.SIGKILL)

    def clear(self) -> None:
        """End what the job left behind in its group; called when the job itself has ended."""
        self._tell(signal.SIGKILL)

    def next_look(self) -> float:
        """Return the monotonic second at which something must be done about it."""
        return self.deadline if self.asked is None else self.asked + POLITE_SECONDS

    def _tell(self, number: int) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)


def end_all(children: Iterable[Child], polite_s: float = POLITE_SECONDS) -> None:
    """Ask all of them together, wait ten seconds for the slowest, then end what is left of each group."""
    told, until = list(children), time.monotonic() + polite_s
    for child in told:
        child.ask(time.monotonic())
    for child in told:
        with suppress(subprocess.TimeoutExpired):
            child.process.wait(max(0.0, until - time.monotonic()))
    for child in told:
        child.clear()
        with suppress(subprocess.TimeoutExpired):  # a process that waits for a disk ends when that answers
            child.process.wait(DISK_SECONDS)


def spawn(config: Config, job: Job, slot: datetime) -> subprocess.Popen[bytes]:
    """Start `vigie job NAME --slot T` in its own process group; it dies with us and the slow lane is nice."""
    arguments = [
        sys.executable,
        "-m",
        "jobs.cli",
        "--config",
        str(config.path),
        "job",
        job.name,
        "--slot",
        slot.isoformat(),
    ]
    return subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True,
                            preexec_fn=bound(SLOW_NICENESS if job.lane == "slow" else 0))  # noqa: PLW1509  # fmt: skip


def bound(niceness: int = 0) -> Callable[[], None]:
    """Return what a child does before its program begins, so that it ends when the thread that starts it ends."""
    parent = os.getpid()

    def prepare() -> None:
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG
        if os.getppid() != parent:  # we died before that was set
            os._exit(1)
        os.nice(niceness)

    return prepare
