"""
Load one model and answer its texts, in a process that has nothing else.

Standard library only, started as `python -I worker.py`. Frames of four bytes of length and JSON come in on fd 0 and go
out on a copy of fd 1; fd 1 itself is pointed at fd 2, so that a `print` inside a model cannot break the protocol.
"""

from __future__ import annotations

import importlib.util
import json
import math
import os
import resource
import struct
import sys
import time
from typing import Any, BinaryIO

MOST_BYTES = 8 * 1024 * 1024


def serve(read: BinaryIO, write: BinaryIO) -> None:
    """Answer frames until the input ends."""
    model: Any = None
    while True:
        question = receive(read)
        if question is None:
            return
        try:
            if question["do"] == "load":
                began = time.perf_counter()
                model = load(question["directory"], question["callable"])
                reply: dict[str, Any] = {"labels": list(model.labels), "load_s": time.perf_counter() - began}
            else:
                began = time.perf_counter()
                answers = model.answer(question["texts"], question["fields"], question["k"])
                if len(answers) != len(question["texts"]):
                    raise ValueError("the model returned another number of rows")
                reply = {"answers": [clean(one) for one in answers], "seconds": time.perf_counter() - began}
        except MemoryError:
            reply = {"error": "out_of_memory"}
        except Exception as error:  # whatever a model raises is an outcome, not our crash
            reply = {"error": "model_error", "detail": f"{type(error).__name__}: {str(error)[:200]}"}
        reply["peak_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        send(write, reply)


def load(directory: str, callable_name: str) -> Any:
    """Import `module:function` from the artefact and call it with the directory."""
    module, _, function = callable_name.partition(":")
    spec = importlib.util.spec_from_file_location(module, os.path.join(directory, module + ".py"))
    if spec is None or spec.loader is None:
        raise ValueError(f"{module}.py is no Python module")
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return getattr(loaded, function)(directory)


def clean(answer: Any) -> list[tuple[str, float]]:
    """Return pairs of text and finite number; a word of two letters is no pair."""
    if any(isinstance(one, str) for one in answer):
        raise ValueError("an answer is not a pair of label and score")
    pairs = [(str(label), float(score)) for label, score in answer]
    if any(not math.isfinite(score) for _, score in pairs):
        raise ValueError("a score is not finite")
    return pairs


def receive(read: BinaryIO) -> Any:
    """Return the next frame, None at the end of the input."""
    head = read.read(4)
    if len(head) < 4:
        return None
    return json.loads(read.read(struct.unpack(">I", head)[0]))


def send(write: BinaryIO, value: Any) -> None:
    """Write a frame."""
    body = json.dumps(value).encode()
    write.write(struct.pack(">I", len(body)) + body)
    write.flush()


def limit(memory_mib: int, threads: int) -> None:
    """Bound memory, files and threads of this process."""
    resource.setrlimit(resource.RLIMIT_AS, (memory_mib * 1024 * 1024, memory_mib * 1024 * 1024))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (64 * 1024 * 1024, 64 * 1024 * 1024))
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = str(threads)


def main() -> None:
    """Take the protocol's own copy of fd 1 before any model code runs."""
    write = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    limit(int(sys.argv[1]), int(sys.argv[2]))
    serve(sys.stdin.buffer, write)


if __name__ == "__main__":
    main()
