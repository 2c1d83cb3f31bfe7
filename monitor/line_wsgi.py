"""
Log the answers of a WSGI app (Flask, Django, Bottle) with `monitor.line`, never in the way of an answer.

Standard library only; to copy it into an API, copy `line.py` beside it and change the import.

    app.wsgi_app = WsgiLines(app.wsgi_app, Lines(None, model="ape", text="full", where="/var/log/api/ape.jsonl", read=read))
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

from monitor.line import Lines, keep


class WsgiLines:
    """Serve a WSGI app as before; note what passed when the server has closed the answer."""

    def __init__(self, app: Callable[..., Any], lines: Lines) -> None:
        """Keep both; `lines.paths` says which calls are logged."""
        self.app, self.lines = app, lines

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        """Hand the app the same request and the server the same answer, byte for byte."""
        if environ.get("PATH_INFO") not in self.lines.paths:
            return self.app(environ, start_response)
        call = _Call(self.lines, environ.get("PATH_INFO"))

        def start(status: str, headers: Any, *exc_info: Any) -> Any:
            call.seen["status"] = int(status[:3]) if status[:3].isdigit() else None
            write = start_response(status, headers, *exc_info)

            def written(data: bytes) -> Any:
                keep(call.seen["response"], data)
                return write(data)

            return written

        if "wsgi.input" in environ:
            environ = {**environ, "wsgi.input": _Heard(environ["wsgi.input"], call.seen["request"])}
        try:
            body = self.app(environ, start)
        except Exception as error:
            call.over(error)
            raise
        files = environ.get("wsgi.file_wrapper")
        if isinstance(files, type) and isinstance(body, files):  # the server sends a file by itself
            call.over()
            return body
        return _Said(body, call)


class _Call:
    """Hold what passed of one call, and note it once."""

    def __init__(self, lines: Lines, path: Any) -> None:
        self.lines, self.path, self.began = lines, path, time.perf_counter()
        self.seen: dict[str, Any] = {"request": [], "response": [], "status": None}
        self.is_over = False

    def over(self, error: Exception | None = None) -> None:
        if not self.is_over:
            self.is_over = True
            self.lines.call(self.path, self.seen, 1000 * (time.perf_counter() - self.began), error)


class _Heard:
    """Copy what the app reads of the request; everything else of the stream is the server's."""

    def __init__(self, stream: Any, parts: list[bytes]) -> None:
        self._stream, self._parts = stream, parts

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def _kept(self, data: bytes) -> bytes:
        keep(self._parts, data)
        return data

    def read(self, *size: int) -> bytes:
        return self._kept(self._stream.read(*size))

    def readline(self, *size: int) -> bytes:
        return self._kept(self._stream.readline(*size))

    def readlines(self, *hint: int) -> list[bytes]:
        return [self._kept(line) for line in self._stream.readlines(*hint)]

    def __iter__(self) -> Iterator[bytes]:
        return (self._kept(line) for line in self._stream)


class _Said:
    """Copy the parts of an answer on their way; the call is over when the server closes it."""

    def __init__(self, body: Any, call: _Call) -> None:
        self._body, self._call = body, call

    def __len__(self) -> int:  # a server tells the length of an answer of one part by itself
        return len(self._body)

    def __iter__(self) -> Iterator[bytes]:
        try:
            for part in self._body:
                keep(self._call.seen["response"], part)
                yield part
        except Exception as error:
            self._call.over(error)
            raise

    def close(self) -> None:
        try:
            if hasattr(self._body, "close"):
                self._body.close()
        finally:
            self._call.over()
