"""P11: what the logging middleware adds to a request, beside the same app without it, call by call in turns."""

import asyncio
import gc
import resource
import statistics
import tempfile
import time
import tracemalloc
from pathlib import Path
from typing import Any

from benchmarks.result import Part, result
from benchmarks.timing import digits
from monitor.line import Lines

CALLS, QUICK_CALLS, GOAL_US = 200_000, 4_000, 50
PAUSE_EVERY = 1_000  # calls between two waits for the writer: a busy API, not one that never rests
BODY, ANSWER = b'{"text": "salon de coiffure", "fields": {"TYP": "I"}}', b'{"label": "9602A", "score": 0.98}'


def run(quick: bool) -> dict[str, Any]:
    """Time both apps in turns, then count what a hundred thousand calls leave allocated."""
    calls = QUICK_CALLS if quick else CALLS
    with tempfile.TemporaryDirectory(prefix="vigie-p11-") as made:
        lines = Lines(_app, model="ape", text="full", where=Path(made) / "ape.jsonl", read=_read)
        bare, ours = asyncio.run(_timed(lines, calls))
        kept = asyncio.run(_kept(lines, calls // 2))
        lines.close()
        failed, dropped = lines.failed, lines.dropped
    added = {
        name: digits(_share(ours, share) - _share(bare, share))
        for name, share in (("p50_us", 0.5), ("p99_us", 0.99), ("p999_us", 0.999))
    }
    parts = [Part("added time of a request, p99", GOAL_US, added["p99_us"], "microseconds"),
             Part("bytes kept per request", 1, kept / (calls // 2), "bytes")]  # fmt: skip
    details = {"calls": calls, "added": added, "bare_p50_us": digits(statistics.median(bare)), "failed": failed, "dropped": dropped,
               "peak_mib": digits(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)}  # fmt: skip
    return result("p11", quick, parts, details)


async def _app(_scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": ANSWER})


def _read(request: Any, response: Any) -> list[dict[str, Any]]:
    return [{"text": request["text"], "fields": request["fields"], "topk": [[response["label"], response["score"]]]}]


async def _receive() -> dict[str, Any]:
    return {"type": "http.request", "body": BODY}


async def _send(_message: dict[str, Any]) -> None:
    return None


async def _timed(lines: Lines, calls: int) -> tuple[list[float], list[float]]:
    taken: tuple[list[float], list[float]] = ([], [])
    scope = {"type": "http", "path": "/predict"}
    for number in range(calls):
        for which, app in enumerate((_app, lines)):
            began = time.perf_counter_ns()
            await app(scope, _receive, _send)
            taken[which].append((time.perf_counter_ns() - began) / 1000)
        if number % PAUSE_EVERY == 0:
            lines.flush()
    return taken


async def _kept(lines: Lines, calls: int) -> int:
    """Return the bytes that are allocated after many calls and were not before."""
    scope = {"type": "http", "path": "/predict"}
    for _ in range(1000):
        await lines(scope, _receive, _send)
    lines.flush()
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for number in range(calls):
        await lines(scope, _receive, _send)
        if number % PAUSE_EVERY == 0:
            lines.flush()
    lines.flush()
    gc.collect()
    after = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    return after - before


def _share(values: list[float], share: float) -> float:
    return sorted(values)[int(share * (len(values) - 1))]
