"""A WSGI app and its server exchange the same bytes with and without the log; the log has the row."""

import io
import json
import logging
import threading
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server
from wsgiref.util import FileWrapper

import pytest

from monitor.line import Lines
from monitor.line_wsgi import WsgiLines

ANSWER = b'{"label": "4932Z"}'
ASKED = b'{"text":\n "taxi"}'


def read(request: Any, response: Any) -> list[dict[str, Any]]:
    return [{"text": request["text"], "topk": [[(response or {}).get("label", "?"), 0.9]]}]


def whole(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    """Read the body at once and answer in one part."""
    environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
    start_response("200 OK", [("Content-Type", "application/json")])
    return [ANSWER]


def by_line(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterator[bytes]:
    """Read the body line by line and stream the answer."""
    body = environ["wsgi.input"].readline(100) + environ["wsgi.input"].read(8)
    assert body == ASKED
    start_response("201 Created", [("Content-Type", "application/json")])
    yield ANSWER[:5]
    yield ANSWER[5:]


def written(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    """Answer through the old `write`."""
    left = int(environ["CONTENT_LENGTH"])
    while left:
        left -= len(environ["wsgi.input"].read(min(left, 7)))
    start_response("200 OK", [("Content-Type", "application/json")])(ANSWER)
    return []


APPS = {"whole": (whole, 200), "by_line": (by_line, 201), "written": (written, 200)}


def rows(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()] if file.exists() else []


class Quiet(WSGIRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Say nothing."""


def served(app: Any, path: str = "/predict") -> tuple[int, list[tuple[str, str]], bytes]:
    """Ask a real server that serves one call."""
    with make_server("127.0.0.1", 0, app, handler_class=Quiet) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        with urllib.request.urlopen(f"http://127.0.0.1:{server.server_port}{path}", ASKED, timeout=30) as answer:
            headers = sorted((name, value) for name, value in answer.headers.items() if name not in {"Date", "Server"})
            told = (answer.status, headers, answer.read())
        thread.join(30)
    return told


@pytest.mark.parametrize("name", APPS)
def test_same_bytes(tmp_path: Path, name: str) -> None:
    """Status, headers (the length among them) and body are those of the app alone, for every way to read and to answer."""
    app, status = APPS[name]
    lines = Lines(None, model="ape", text="full", where=tmp_path / "a.jsonl", read=read)
    wrapped = WsgiLines(app, lines)
    assert served(wrapped) == served(app)
    assert lines.flush()
    (row,) = rows(tmp_path / "a.jsonl")
    assert (row["text"], row["topk"], row["status"], lines.failed) == ("taxi", [["4932Z", 0.9]], status, 0)


def test_others_pass(tmp_path: Path) -> None:
    """Another path is none of ours: the very answer of the app comes back."""
    lines = Lines(None, model="ape", text="full", where=tmp_path / "a.jsonl", read=read)
    answer = [b"x"]
    assert WsgiLines(lambda _environ, _start: answer, lines)({"PATH_INFO": "/health"}, None) is answer
    assert lines.flush()
    assert rows(tmp_path / "a.jsonl") == []


def asked() -> dict[str, Any]:
    return {
        "PATH_INFO": "/predict",
        "wsgi.input": io.BytesIO(ASKED),
        "CONTENT_LENGTH": str(len(ASKED)),
        "wsgi.file_wrapper": FileWrapper,
    }


def test_errors_pass(tmp_path: Path) -> None:
    """An error before or while answering is raised on and logged as 500; the app's own close is called once."""
    lines = Lines(None, model="ape", text="full", where=tmp_path / "a.jsonl", read=read)
    closed = []

    class Broken:
        def __iter__(self) -> Iterator[bytes]:
            yield b"{"
            raise KeyError("late")

        def close(self) -> None:
            closed.append(1)

    def early(environ: dict[str, Any], _start: Any) -> list[bytes]:
        environ["wsgi.input"].read()
        raise ValueError("early")

    def late(environ: dict[str, Any], start: Any) -> Broken:
        environ["wsgi.input"].read()
        start("200 OK", [])
        return Broken()

    with pytest.raises(ValueError, match="early"):
        WsgiLines(early, lines)(asked(), lambda *_: None)
    answer = WsgiLines(late, lines)(asked(), lambda *_: None)
    with pytest.raises(KeyError, match="late"):
        list(answer)
    answer.close()
    assert lines.flush()
    told = [(row["status"], row["error"]) for row in rows(tmp_path / "a.jsonl")]
    assert (told, closed) == ([(500, "ValueError"), (500, "KeyError")], [1])


def test_hostile(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A file stays the server's to send, a status that is none and a reader that breaks reach nobody."""
    lines = Lines(None, model="ape", text="full", where=tmp_path / "a.jsonl", read=lambda _q, _a: 1 / 0)
    sent = FileWrapper(io.BytesIO(b"x"))
    assert WsgiLines(lambda _environ, _start: sent, lines)(asked(), lambda *_: None) is sent

    def odd(environ: dict[str, Any], start: Any) -> list[bytes]:
        environ["wsgi.input"].read()
        start("odd", [])
        return [b"x" * 100_000]

    answer = WsgiLines(odd, lines)(asked(), lambda *_: None)
    with caplog.at_level(logging.ERROR):
        assert (len(answer), b"".join(answer)) == (1, b"x" * 100_000)
    answer.close()
    answer.close()
    lines.flush()
    assert (lines.failed, caplog.records) == (1, [])


def test_every_way_to_read(tmp_path: Path) -> None:
    """However an app reads its request, the log has all of it."""
    lines = Lines(None, model="ape", text="full", where=tmp_path / "a.jsonl", read=read)
    ways: list[Callable[[Any], Any]] = [
        lambda body: body.read(), lambda body: body.readlines(), list, lambda body: [body.readline(), body.readline(50)],
        lambda body: [body.read(5), body.tell(), body.read()],
    ]  # fmt: skip
    for way in ways:

        def app(environ: dict[str, Any], start: Any, way: Callable[[Any], Any] = way) -> list[bytes]:
            way(environ["wsgi.input"])
            start("200 OK", [])
            return [ANSWER]

        WsgiLines(app, lines)(asked(), lambda *_: None).close()
    assert lines.flush()
    assert [row["text"] for row in rows(tmp_path / "a.jsonl")] == ["taxi"] * len(ways)
