"""
Write the log line an inference API should write: one JSON object per text, never in the way of an answer.

Standard library only, Python 3.9 or later, so that this one file can be copied into any API. The event loop only copies
references and appends to a bounded queue; one thread encodes and writes. Nothing here ever raises into the API, and what
had to be dropped is counted and said in a line of its own.

    app = Lines(app, model="ape", text="full", where="/var/log/api/ape.jsonl", read=read)

`LineHandler` writes the same line for what a program logs with `extra={"prediction": {...}}`.

`read(request, response)` turns the two JSON bodies into a list of rows, each a dict with any of `text`, `fields`, `topk`
([[label, score], ...]), `score`, `decision`, `caller`, `model_version`, `request_id`.
"""

from __future__ import annotations

import atexit
import hashlib
import json
import logging
import os
import threading
import time
from collections import deque
from datetime import datetime, timezone
from typing import Any, Callable

MAX_ITEMS = 10_000
MAX_LINE_BYTES = 4096  # one write of this size never interleaves with another process's
MAX_BODY_BYTES = 65_536


def utc_now() -> datetime:
    """Return the time an answer leaves, when no other clock is given."""
    return datetime.now(timezone.utc)


class Lines:
    """
    Log the answers of an ASGI app, or what is handed to `write`.

    `text` is "full", "hash" or "none": the author's decision, so it has no default. `where` is a path, or "-" for standard output; the file is
    rotated to `.1`, `.2`, ... up to `keep` when it passes `max_bytes`. With `threaded=False` every line is written
    before `write` returns: for batch programs. Errors are counted in `failed`, drops in `dropped`.

    >>> import tempfile, pathlib
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "ape.jsonl"
    >>> lines = Lines(None, model="ape", text="full", where=file, threaded=False)
    >>> lines.write(request_id="7", text="bakery", topk=[["10", 0.9]], latency_ms=12.0)
    >>> json.loads(file.read_text())["topk"]
    [['10', 0.9]]
    """

    def __init__(  # one keyword each, so that a call reads like a configuration
        self,
        app: Any,
        *,
        model: str,
        text: str,
        where: str | os.PathLike[str],
        read: Callable[[Any, Any], list[dict[str, Any]]] | None = None,
        model_version: str = "",
        clock: Callable[[], datetime] = utc_now,
        instance: str | None = None,
        max_bytes: int = 32 * 1024 * 1024,
        keep: int = 20,
        threaded: bool = True,
        paths: tuple[str, ...] = ("/predict",),
    ) -> None:
        """Keep the settings; the file is opened at the first line."""
        if text not in ("full", "hash", "none"):
            raise ValueError("text must be full, hash or none")
        self.app, self.model, self.text, self.where, self.read = app, model, text, str(where), read
        self.model_version, self.clock, self.paths = model_version, clock, paths
        self.max_bytes, self.keep, self.threaded = max_bytes, keep, threaded
        self.instance = instance or f"{os.getpid() ^ int(time.time() * 1000) & 0xFFFFFFFF:08x}"
        self.seq = self.dropped = self.failed = 0
        self._queue: deque[tuple[int, tuple[Any, ...]]] = deque()
        self._wake, self._pid = threading.Event(), 0
        self._busy = threading.Lock()
        self._descriptor, self._size, self._unsaid = -1, 0, 0

    # --- three ways in ------------------------------------------------------------------------------------------------
    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve the app as before; copy what passes and note it when the answer has left."""
        if scope["type"] != "http" or scope.get("path") not in self.paths:
            await self.app(scope, receive, send)
            return
        seen: dict[str, Any] = {"request": [], "response": [], "status": None}

        async def hear() -> Any:
            message = await receive()
            keep(seen["request"], message.get("body", b""))
            return message

        async def say(message: Any) -> None:
            if message["type"] == "http.response.start":
                seen["status"] = message["status"]
            elif message["type"] == "http.response.body":
                keep(seen["response"], message.get("body", b""))
            await send(message)

        began = time.perf_counter()
        try:
            await self.app(scope, hear, say)
        except Exception as error:
            self.call(scope.get("path"), seen, 1000 * (time.perf_counter() - began), error)
            raise
        self.call(scope.get("path"), seen, scope.get("vigie_latency_ms") or 1000 * (time.perf_counter() - began))

    def call(self, path: Any, seen: dict[str, Any], latency_ms: float, error: Exception | None = None) -> None:
        """Log a call by the parts of its bodies and its status: `seen` has `request`, `response` (lists of bytes), `status`."""
        self._note(("call", path, seen, latency_ms, error, self._now()))

    def write(self, **fields: Any) -> None:
        """Log one row: any of the line's fields; `time` (aware datetime), `latency_ms` and `status` may be among them."""
        self._note(("row", fields, fields.pop("time", None) or self._now()))

    # --- the queue ----------------------------------------------------------------------------------------------------
    def _now(self) -> datetime:
        try:
            return self.clock()
        except Exception:  # a broken clock must not break the API
            self.failed += 1
            return utc_now()

    def _note(self, item: tuple[Any, ...]) -> None:
        try:
            self.seq += 1
            if not self.threaded:
                with self._busy:
                    self._emit(self.seq, item)
                return
            if len(self._queue) >= MAX_ITEMS:
                self.dropped += 1
                self._unsaid += 1
                return
            self._queue.append((self.seq, item))
            if self._pid != os.getpid():
                self._begin()
            self._wake.set()
        except Exception:  # the API's answer matters more than its log
            self.failed += 1

    def _begin(self) -> None:
        if self._pid:  # a fork: the lock may be held by a thread that is not here
            self._busy = threading.Lock()
        self._pid, self._descriptor = os.getpid(), -1
        threading.Thread(target=self._work, name="vigie-lines", daemon=True).start()
        atexit.register(self.flush, 1.0)

    def _work(self) -> None:
        while True:
            self._wake.wait()
            self._wake.clear()
            with self._busy:
                self._drain(float("inf"))

    def _drain(self, end: float) -> None:
        while self._queue and time.monotonic() < end:
            seq, item = self._queue.popleft()
            try:
                self._emit(seq, item)
            except Exception:  # one bad item must not end the thread
                self.failed += 1

    def flush(self, seconds: float = 5.0) -> bool:
        """Wait until what was noted so far is written, at most about `seconds`; True when it is."""
        end = time.monotonic() + seconds
        if not self._busy.acquire(timeout=seconds):  # the other thread is at an item
            return False
        try:
            self._drain(end)
        finally:
            self._busy.release()
        return not self._queue

    def close(self) -> None:
        """Write what waits and close the file."""
        self.flush()
        with self._busy:
            if self._descriptor >= 0:
                os.close(self._descriptor)
                self._descriptor = -1

    # --- the line -----------------------------------------------------------------------------------------------------
    def _emit(self, seq: int, item: tuple[Any, ...]) -> None:
        if self._unsaid:
            lost, self._unsaid = self._unsaid, 0
            self._put({"vigie": 1, "instance": self.instance, "dropped": lost, "seq": seq})
        if item[0] == "row":
            self._put(self._line(seq, item[2], item[1]))
            return
        _, path, seen, latency_ms, error, when = item
        request, response = _json(seen["request"]), _json(seen["response"])
        rows = self.read(request, response) if self.read and request is not None else []
        status = seen["status"] if error is None else 500
        call = {"endpoint": path, "status": status, "error": None if error is None else type(error).__name__}
        for number, row in enumerate(rows or [{}]):
            once = {"latency_ms": latency_ms} if number == 0 else {}
            self._put(self._line(seq, when, {**call, **once, **row, "row": number, "rows": len(rows) or 1}))

    def _line(self, seq: int, when: datetime, fields: dict[str, Any]) -> dict[str, Any]:
        line: dict[str, Any] = {"vigie": 1, "time": _stamp(when), "instance": self.instance, "seq": seq, "row": 0, "rows": 1,
                "model": self.model, "model_version": self.model_version, "variant": "champion"}  # fmt: skip
        line.update({name: value for name, value in fields.items() if value is not None})
        text = line.pop("text", None)
        if text is not None and self.text == "hash":
            line["text_hash"] = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:32]
        elif text is not None and self.text == "full":
            line["text"] = text
        if isinstance(line.get("latency_ms"), float):
            line["latency_ms"] = round(line["latency_ms"], 3)
        return line

    def _put(self, line: dict[str, Any]) -> None:
        data = _encode(line)
        while len(data) > MAX_LINE_BYTES and line.get("text"):
            over = len(data) - MAX_LINE_BYTES
            line["text"] = line["text"][: max(0, len(line["text"]) - max(over // 4, 1))]
            line["text_cut"] = True
            data = _encode(line)
        if len(data) > MAX_LINE_BYTES:
            line.pop("fields", None)
            line["topk"] = (line.get("topk") or [])[:1]
            data = _encode(line)
        if self._descriptor < 0:
            self._open()
        if self._size + len(data) > self.max_bytes and self._size and self.where != "-":
            self._rotate()
        os.write(self._descriptor, data)
        self._size += len(data)

    def _open(self) -> None:
        if self.where == "-":
            self._descriptor, self._size = os.dup(1), 0
            return
        os.makedirs(os.path.dirname(self.where) or ".", exist_ok=True)
        self._descriptor = os.open(self.where, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640)
        self._size = os.fstat(self._descriptor).st_size

    def _rotate(self) -> None:
        os.close(self._descriptor)
        for number in range(self.keep - 1, 0, -1):
            older = f"{self.where}.{number}"
            if os.path.exists(older):
                os.replace(older, f"{self.where}.{number + 1}")
        os.replace(self.where, self.where + ".1")
        self._open()


class LineHandler(logging.Handler):
    """Log one row per record that carries `extra={"prediction": {...}}`, through a `Lines`."""

    def __init__(self, lines: Lines) -> None:
        """Keep the log; other handlers are not touched."""
        super().__init__()
        self.lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        """Write the prediction of a record; others pass."""
        try:
            fields = getattr(record, "prediction", None)
            if isinstance(fields, dict):
                self.lines.write(**fields)
        except Exception:  # a bad record must not break the program that logs it
            self.lines.failed += 1


def keep(parts: list[bytes], body: bytes) -> None:
    """Add a part of a body, as long as what is kept of it stays small."""
    if body and sum(map(len, parts)) + len(body) <= MAX_BODY_BYTES:
        parts.append(body)


def _json(parts: list[bytes]) -> Any:
    try:
        return json.loads(b"".join(parts))
    except ValueError:
        return None


def _stamp(when: datetime) -> str:
    return when.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def _encode(line: dict[str, Any]) -> bytes:
    return json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace") + b"\n"
