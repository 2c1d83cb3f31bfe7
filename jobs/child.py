"""The service will give each job a process group of its own, end it politely and then hard, and leave nothing behind."""

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import IO

from jobs.timetable import Job
from monitor.config import Config
from monitor.sources.objects import is_remote

POLITE_SECONDS = 10.0
DISK_SECONDS = 2.0
SLOW_NICENESS = 10
LINE_BYTES, READ_BYTES, KEPT_BYTES = (
    65_536,
    8_192,
    4_096,
)  # of stderr: more is read than kept, so that no secret survives in half
ENDS_SECONDS = 0.5
KEPT = {"PATH", "HOME", "LANG", "LANGUAGE", "TZ", "TMPDIR", "PYTHONPATH", "LD_LIBRARY_PATH", "SSL_CERT_FILE", "SSL_CERT_DIR",
        *(f"{kind}_proxy" for kind in ("http", "https", "all", "no"))}  # fmt: skip
KEPT_BEGINNINGS = ("LC_", "VIGIE_", "PG")  # PG*: where the driver of PostgreSQL finds a password
OF_OBJECTS = ("AWS_", "FSSPEC_", "GOOGLE_", "AZURE_")  # whose clients know no other place for their secrets


class Tail:
    """Pass on what a child writes to stderr, line by line, and keep the end of it."""

    def __init__(self, stream: IO[bytes]) -> None:
        """Read beside everything else, until the last process that holds the other end is gone."""
        self._kept = b""
        self._reader = threading.Thread(target=self._copy, args=(stream,), name="stderr", daemon=True)
        self._reader.start()

    def _copy(self, stream: IO[bytes]) -> None:
        with stream:
            while line := stream.readline(LINE_BYTES):
                self._kept = (self._kept + line)[-READ_BYTES:]
                with suppress(OSError):  # nobody may read our own stderr any more: the child writes on
                    os.write(2, line)

    def text(self, patterns: Mapping[str, str]) -> str:
        """Return the last 4 KiB with what is masked in texts masked, by the operator's `patterns` too; half a second late at most."""
        from monitor.redaction import one

        self._reader.join(ENDS_SECONDS)
        masked = one(self._kept.decode("utf-8", "replace").replace("\0", ""), patterns).encode()
        return masked[-KEPT_BYTES:].decode("utf-8", "ignore").strip()


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
    tail: Tail | None = None

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
    """
    Start `vigie job NAME --slot T` in its own process group; it dies with us and the slow lane is nice.

    It has nothing to read, and of our environment what `environment` names; what it writes to stderr is for a `Tail`.
    """
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
    return subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                            start_new_session=True, env=environment(config, os.environ), preexec_fn=bound(SLOW_NICENESS if job.lane == "slow" else 0))  # noqa: PLW1509  # fmt: skip


def environment(config: Config, ours: Mapping[str, str]) -> dict[str, str]:
    """
    Return what a child is given of our environment: what a program needs to run, and what the settings' secrets need.

    Those of clients of buckets only where a source lies in one.
    """
    remote = OF_OBJECTS if any(map(is_remote, config.sources.values())) else ()
    beginnings = (*KEPT_BEGINNINGS, *remote)
    return {name: value for name, value in ours.items()
            if name in KEPT or name.lower() in KEPT or name.startswith(beginnings)}  # fmt: skip


def bound(niceness: int = 0) -> Callable[[], None]:
    """Return what a child does before its program begins, so that it ends when the thread that starts it ends."""
    parent = os.getpid()

    def prepare() -> None:
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG
        if os.getppid() != parent:  # we died before that was set
            os._exit(1)
        os.nice(niceness)

    return prepare
