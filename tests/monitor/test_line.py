"""The line writer is never in the way: whatever breaks in it, the API's answers are what they were."""

import asyncio
import json
import logging
import os
import random
import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from monitor.line import LineHandler, Lines
from monitor.settings import Source
from monitor.sources.formats import vigie_line

ROOT = Path(__file__).parent.parent.parent
SCHEMA = json.loads((ROOT / "docs/line.schema.json").read_text(encoding="utf-8"))
BODIES = [b'{"text": "ta', b'xi"}']
ANSWER = [b'{"label": "49', b'32Z"}']


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Answer in two chunks once the whole body was read."""
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": [(b"x", b"y")]})
    for number, part in enumerate(ANSWER):
        await send({"type": "http.response.body", "body": part, "more_body": number == 0})


def call(lines: Any, path: str = "/predict") -> list[dict[str, Any]]:
    """Send one request in two chunks and return the messages the client gets."""
    waiting = [{"type": "http.request", "body": part, "more_body": number == 0} for number, part in enumerate(BODIES)]
    got: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return waiting.pop(0)

    async def send(message: dict[str, Any]) -> None:
        got.append(message)

    asyncio.run(lines({"type": "http", "path": path}, receive, send))
    return got


def read(request: Any, response: Any) -> list[dict[str, Any]]:
    return [{"text": request["text"], "topk": [[response["label"], 0.9]]}]


def written(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def test_answers_pass_unchanged(tmp_path: Path) -> None:
    """The client gets the same messages with and without the middleware; the log has the row."""
    lines = Lines(app, model="ape", text="full", where=tmp_path / "a.jsonl", read=read)
    assert call(lines) == call(app)
    assert call(lines, "/other") == call(app, "/other")
    assert lines.flush()
    (row,) = written(tmp_path / "a.jsonl")
    assert (row["text"], row["topk"], row["status"]) == ("taxi", [["4932Z", 0.9]], 200)


def bad_clock() -> datetime:
    raise RuntimeError("no time")


@pytest.mark.parametrize("broken", [
    {"read": lambda _q, _a: 1 / 0}, {"read": lambda _q, _a: [{"fields": object()}]}, {"read": lambda _q, _a: 7},
    {"clock": bad_clock}, {"where": "/proc/nowhere/a.jsonl"}, {"where": "/dev/full"},
])  # fmt: skip
def test_nothing_that_breaks_reaches_the_api(tmp_path: Path, broken: dict[str, Any]) -> None:
    """A hostile reader, clock, path or a full disk is counted; answers are what they were, hundreds of times."""
    lines = Lines(app, **{"model": "ape", "text": "full", "where": tmp_path / "a.jsonl", "read": read, **broken})
    for _ in range(200):
        assert call(lines) == call(app)
    lines.flush()
    assert lines.failed >= 200
    lines.write(text=object())
    LineHandler(lines).emit(logging.makeLogRecord({"prediction": {"text": object()}}))
    lines.flush()


def test_app_error_passes(tmp_path: Path) -> None:
    """An error of the API is logged as 500 and raised on."""

    async def failing(_scope: Any, _receive: Any, _send: Any) -> None:
        raise KeyError("theirs")

    lines = Lines(failing, model="ape", text="full", where=tmp_path / "a.jsonl", read=read)
    with pytest.raises(KeyError, match="theirs"):
        call(lines)
    assert lines.flush()
    assert [(row["status"], row["error"]) for row in written(tmp_path / "a.jsonl")] == [(500, "KeyError")]


def test_flush_waits_for_the_line_in_hand(tmp_path: Path) -> None:
    """A line the thread has taken but not written yet is not called written."""
    begun, go_on = threading.Event(), threading.Event()

    def slow(request: Any, response: Any) -> list[dict[str, Any]]:
        begun.set()
        assert go_on.wait(30)
        return read(request, response)

    lines = Lines(app, model="ape", text="full", where=tmp_path / "a.jsonl", read=slow)
    call(lines)
    assert begun.wait(30)
    assert not lines.flush(0.01)
    go_on.set()
    assert lines.flush(30)
    assert len(written(tmp_path / "a.jsonl")) == 1


def test_handler(tmp_path: Path) -> None:
    """A record with a prediction is a line; others are not, and no other handler is touched."""
    lines = Lines(None, model="ape", text="full", where=tmp_path / "a.jsonl", threaded=False)
    log, handler = logging.getLogger("tests.line"), LineHandler(lines)
    log.setLevel(logging.INFO)
    log.addHandler(handler)
    log.info("started")
    log.info("answered", extra={"prediction": {"text": "taxi", "topk": [["4932Z", 0.9]], "request_id": "7"}})
    log.info("odd", extra={"prediction": "no dict"})
    log.removeHandler(handler)
    assert [row["request_id"] for row in written(tmp_path / "a.jsonl")] == ["7"]


SPEAKER = """
import sys; sys.path.insert(0, {root!r})
from monitor.line import Lines
lines = Lines(None, model="ape", text="full", where="-", threaded=False, instance=sys.argv[1])
for number in range(500):
    lines.write(request_id=f"{{sys.argv[1]}}-{{number}}", text="é" * 3000, topk=[["a", 0.5]])
"""


def test_processes_on_one_pipe() -> None:
    """Four processes that write to one standard output break no line of each other, however long the texts."""
    ours, theirs = os.pipe()
    code = SPEAKER.format(root=str(ROOT))
    speakers = [subprocess.Popen([sys.executable, "-c", code, str(n)], stdout=theirs) for n in range(4)]
    os.close(theirs)
    with os.fdopen(ours, "rb") as pipe:
        rows = [json.loads(line) for line in pipe]
    assert [one.wait(60) for one in speakers] == [0] * 4
    assert {row["request_id"] for row in rows} == {f"{n}-{number}" for n in range(4) for number in range(500)}
    assert len(rows) == 2000


def test_lines_come_back_as_given(tmp_path: Path) -> None:
    """Random calls fit the published schema, and the reader gives back the fields that were written."""
    draw, file = random.Random(4), tmp_path / "a.jsonl"
    lines = Lines(None, model="ape", text="full", where=file, threaded=False, max_bytes=10**9)
    given = []
    for number in range(3000):
        scores = sorted((round(draw.random(), 4) for _ in range(draw.randrange(1, 6))), reverse=True)
        row = {"request_id": str(number), "text": "".join(draw.choices('aé\u2028"\\\n☃ ', k=draw.randrange(1, 60))), "status": 200,
               "topk": [[f"c{n}", score] for n, score in enumerate(scores)], "latency_ms": round(draw.uniform(0, 900), 3),
               "fields": {"TYP": draw.choice("IS"), "SRF": draw.randrange(9)}, "caller": draw.choice(["web", "é"])}  # fmt: skip
        lines.write(time=datetime(2026, 9, 1, 10, tzinfo=UTC), **row)
        given.append(row)
    lines.close()
    check = jsonschema.Draft202012Validator(SCHEMA)
    source = Source(files="x", format="vigie_line")
    for raw, row in zip(file.read_bytes().splitlines(), given, strict=True):
        check.validate(json.loads(raw))
        (found,) = vigie_line.read_line(raw, source) or []
        assert isinstance(found, vigie_line.Record)
        assert (found.request_id, found.text, found.latency_ms, found.caller) == (
            row["request_id"],
            row["text"],
            row["latency_ms"],
            row["caller"],
        )
        assert list(zip(found.labels, found.scores, strict=True)) == [tuple(pair) for pair in row["topk"]]
        assert found.fields == row["fields"]
