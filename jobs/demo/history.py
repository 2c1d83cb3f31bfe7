"""Write eight weeks of log files through the very app that serves live, under a simulated clock."""

import asyncio
import csv
import gzip
import json
import random
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from backports import zstd

from jobs.demo.api import Service, app
from jobs.demo.story import Story
from jobs.demo.traffic import Request, Traffic
from monitor.window import start_of

AUDIT_SHARE = 0.02  # about 280 a week, drawn by us: the only truth above the threshold
ROUTINE_SHARE = 0.35  # of the unsure answers are coded by a person some days later
SURE = 0.7
ANNOTATOR_NOISE = 0.02
Answer = Callable[[list[str]], list[list[tuple[str, float]]]]
SLOWER = 1.3


class Clock:
    """Tell the simulated time."""

    def __init__(self) -> None:
        """Begin nowhere; the writer sets it before each call."""
        self.now: datetime | None = None

    def __call__(self) -> datetime:
        """Return the time of the call being answered."""
        assert self.now is not None
        return self.now


def write(
    traffic: Traffic, story: Story, folder: Path, models: dict[str, Answer], progress: Callable[[float], None]
) -> dict[str, int]:
    """
    Write logs/ape.jsonl and labels/*.csv below `folder`; `models` holds "champion" and "early", its first checkpoint.

    Returns how many calls were written, by day number.
    """
    clock = Clock()
    memo: dict[str, dict[str, list[tuple[str, float]]]] = {"champion": {}, "early": {}}
    state = {"model": "champion"}
    service = Service(lambda texts: [memo[state["model"]][texts[0]]], traffic.seed, is_live=False)
    lines = app(service, folder / "logs/ape.jsonl", version="champion-1.0", clock=clock, threaded=False)
    labels = Labels(random.Random(f"{traffic.seed}:labels"), story)
    counted: dict[str, int] = {}
    regression, latency = story.event("regression").window, story.event("latency").window

    async def one_day(first: int, end: int) -> None:
        requests = [one for hour in range(first, end) for one in traffic.hour(hour)]
        for name, known in memo.items():
            wanted = [r.text for r in requests if (r.hour in regression) == (name == "early")]
            new = [text for text in dict.fromkeys(wanted) if text not in known]
            if new:
                known.update(zip(new, models[name](new), strict=True))
        for number, one in enumerate(requests):
            clock.now = start_of(one.hour) + timedelta(seconds=one.second)
            state["model"] = "early" if one.hour in regression else "champion"
            service.slowness = SLOWER if one.hour in latency else 1.0
            lines.model_version = "champion-1.1" if one.hour in latency else "champion-1.0"
            identity = f"{first // 24}-{number:05d}"
            await call(lines, one, identity)
            labels.consider(one, identity, memo[state["model"]][one.text][0][1], clock.now)
        counted[str(first // 24)] = len(requests)

    async def everything() -> None:
        window = story.window
        for first in range(window.first, window.end, 24):
            await one_day(first, min(first + 24, window.end))
            progress((first - window.first + 24) / window.hours)

    asyncio.run(everything())
    lines.close()
    labels.write(folder / "labels")
    return counted


def compress(folder: Path) -> int:
    """Compress all but the newest rotated file, as logrotate and its successors do: gz and zst in turns; returns how many."""
    rotated = sorted(folder.glob("ape.jsonl.*"), key=lambda one: int(one.suffix[1:]))[1:]
    for number, file in enumerate(rotated):
        pack, ending = ((gzip.compress, "gz"), (zstd.compress, "zst"))[number % 2]
        file.with_name(f"{file.name}.{ending}").write_bytes(pack(file.read_bytes()))
        file.unlink()
    return len(rotated)


async def call(application: Any, one: Request, identity: str) -> None:
    """Send one request to the app as a server would."""
    body = json.dumps({"text": one.text, "fields": one.fields, "caller": one.caller, "request_id": identity}).encode()
    scope = {"type": "http", "http_version": "1.1", "method": "POST", "path": "/predict", "raw_path": b"/predict",
             "root_path": "", "scheme": "http", "query_string": b"", "headers": [(b"content-type", b"application/json")],
             "server": ("127.0.0.1", 80), "client": ("127.0.0.1", 1)}  # fmt: skip

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(_message: dict[str, Any]) -> None:
        return None

    await application(scope, receive, send)


class Labels:
    """Collect the labels that people give days later: a random audit, and routine coding of unsure answers."""

    def __init__(self, draw: random.Random, story: Story) -> None:
        """Begin with none."""
        self.draw, self.story = draw, story
        self.rows: list[tuple[str, str, str, str, str, str]] = []

    def consider(self, one: Request, identity: str, score: float, when: datetime) -> None:
        """Maybe draw this answer for the audit, maybe code it because it was unsure."""
        late = when + timedelta(days=self.draw.uniform(1, 5))
        if late >= self.story.window.stop:
            return
        truth = one.truth if self.draw.random() > ANNOTATOR_NOISE else "99"
        if self.draw.random() < AUDIT_SHARE:
            self.rows.append((identity, truth, "audit", str(AUDIT_SHARE), "auditor-1", late.isoformat()))
        elif score < SURE and self.draw.random() < ROUTINE_SHARE:
            self.rows.append((identity, truth, "routine", "", "coder-2", late.isoformat()))

    def write(self, folder: Path) -> None:
        """Write one file of all labels."""
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "labels.csv").open("w", newline="", encoding="utf-8") as file:
            rows = csv.writer(file)
            rows.writerow(("request_id", "label", "source", "inclusion", "annotator", "labelled_at"))
            rows.writerows(self.rows)
