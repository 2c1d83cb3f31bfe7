"""Run a worker: start it shut in, ask it, and end it when it takes too long."""

import contextlib
import ctypes
import json
import os
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from monitor.settings import Challenger
from monitor.shadow.manifest import copy_pinned

MOST_BYTES = 8 * 1024 * 1024
NICENESS = 10
NO_NAMESPACE = "limits only"
ERRORS = ("model_error", "out_of_memory")


class WorkerGone(Exception):
    """Say that the worker timed out, crashed or broke the protocol; `outcome` is from the closed list of rows."""

    def __init__(self, outcome: str) -> None:
        """Keep the outcome."""
        super().__init__(outcome)
        self.outcome = outcome


@dataclass
class Worker:
    """
    Hold a running worker with its private folder.

    Use it as a context: the artefact is copied and checked against its pin first, and everything is removed at the end.
    """

    spec: Challenger
    folder: Path
    process: subprocess.Popen[bytes]
    isolation: str
    about: dict[str, Any]

    @classmethod
    def start(cls, spec: Challenger) -> "Worker":
        """Copy the pinned artefact, start the process and load the model; ConfigError for other bytes, WorkerGone else."""
        folder = Path(tempfile.mkdtemp(prefix="vigie-shadow-"))
        with contextlib.ExitStack() as undo:
            undo.callback(shutil.rmtree, folder, ignore_errors=True)
            copy_pinned(spec.path, spec.sha256 or "", folder / "artefact")
            process, isolation = _spawn(spec, folder)
            undo.pop_all()
        worker = cls(spec, folder, process, isolation, {})
        try:
            found = worker.ask(
                {"do": "load", "directory": str(folder / "artefact"), "callable": spec.callable}, spec.limits.load_s
            )
        except WorkerGone:
            worker.stop()
            raise
        if "error" in found:
            worker.stop()
            raise WorkerGone(f"{found['error']}: {found.get('detail', '')}")
        if not isinstance(found.get("labels"), list):
            worker.stop()
            raise WorkerGone("bad_answer")
        worker.about = found
        return worker

    def answer(self, texts: list[str], fields: list[dict[str, Any]], k: int = 5) -> dict[str, Any]:
        """Return the frame with `answers`, or with `error`; WorkerGone when there was none in time."""
        found = self.ask({"do": "answer", "texts": texts, "fields": fields, "k": k}, self.spec.limits.chunk_s)
        if "error" not in found and not _fits(found.get("answers"), len(texts)):
            raise WorkerGone("bad_answer")
        return found

    def ask(self, question: dict[str, Any], seconds: float) -> dict[str, Any]:
        """Send a frame and wait for the answer; a model's code can write any bytes, so nothing in them is believed."""
        body, until = json.dumps(question).encode(), time.monotonic() + seconds
        self._write(struct.pack(">I", len(body)) + body, until)
        size = struct.unpack(">I", self._read(4, until))[0]
        if size > MOST_BYTES:
            raise WorkerGone("bad_answer")
        try:
            answer = json.loads(self._read(size, until))
        except (ValueError, RecursionError):
            raise WorkerGone("bad_answer") from None
        if not isinstance(answer, dict) or answer.get("error", "model_error") not in ERRORS:
            raise WorkerGone("bad_answer")
        return answer

    def _write(self, body: bytes, until: float) -> None:
        assert self.process.stdin is not None
        descriptor, left = self.process.stdin.fileno(), memoryview(body)
        while left:
            _, ready, _ = select.select([], [descriptor], [], max(0.0, until - time.monotonic()))
            if not ready:
                raise WorkerGone("timeout")
            try:
                left = left[os.write(descriptor, left) :]
            except BrokenPipeError:
                raise WorkerGone("crashed") from None

    def _read(self, count: int, until: float) -> bytes:
        assert self.process.stdout is not None
        descriptor, found = self.process.stdout.fileno(), b""
        while len(found) < count:
            ready, _, _ = select.select([descriptor], [], [], max(0.0, until - time.monotonic()))
            if not ready:
                raise WorkerGone("timeout")
            part = os.read(descriptor, count - len(found))
            if not part:
                raise WorkerGone("crashed")
            found += part
        return found

    def stop(self) -> None:
        """End the worker's whole group and remove its folder."""
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        """Lend the worker."""
        return self

    def __exit__(self, *_exception: object) -> None:
        """Stop it."""
        self.stop()


def _spawn(spec: Challenger, folder: Path) -> tuple[subprocess.Popen[bytes], str]:
    temporary = folder / "tmp"
    temporary.mkdir(mode=0o700)
    python = str(spec.python or sys.executable)
    command = [
        python,
        "-I",
        str(Path(__file__).with_name("worker.py")),
        str(spec.limits.memory_mib),
        str(spec.limits.threads),
    ]
    alone = shutil.which("unshare")
    isolation = NO_NAMESPACE
    if (
        alone
        and subprocess.run(
            [alone, "--user", "--map-root-user", "--net", "true"], capture_output=True, check=False
        ).returncode
        == 0
    ):
        command, isolation = [alone, "--user", "--map-root-user", "--net", *command], "no network"
    environment = {"PATH": os.environ.get("PATH", ""), "LANG": "C.UTF-8", "TZ": "UTC", "HOME": str(temporary), "TMPDIR": str(temporary),
                   "MALLOC_ARENA_MAX": "2", "OMP_NUM_THREADS": str(spec.limits.threads)}  # fmt: skip

    def prepare() -> None:
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
        os.nice(NICENESS)

    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment,
                               cwd=temporary, start_new_session=True, preexec_fn=prepare)  # noqa: PLW1509  # fmt: skip
    assert process.stdin is not None
    os.set_blocking(process.stdin.fileno(), False)  # a worker that reads no more must not hold us up
    return process, isolation


def _fits(answers: Any, rows: int) -> bool:
    """Say whether these are lists of (label, finite score), one per row."""
    return (
        isinstance(answers, list)
        and len(answers) == rows
        and all(
            isinstance(one, list)
            and all(
                isinstance(pair, list)
                and len(pair) == 2
                and isinstance(pair[0], str)
                and isinstance(pair[1], (int, float))
                and abs(pair[1]) < float("inf")
                for pair in one
            )
            for one in answers
        )
    )
