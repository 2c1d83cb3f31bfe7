"""Answer on this machine as a webhook, GitHub, Argo and Airflow do, or misbehave as they may; remember what was started."""

import base64
import json
import os
import queue
import signal
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

TOKEN, USER = "t0ken", "vigie"
GIB = 1024**3
NAMES = {"decision", "model"}  # the inputs the workflow declares


@dataclass
class Target:
    """
    Hold what arrived and what was started; `faults` are what the next requests meet, one each, `""` being none.

    kill_before, kill_after: the caller in `victims` is ended by kill -9 before or after it takes effect. cut_before: hung up after the first byte of the request. cut_after: reset after it took effect. silent: no answer. redirect:
    sent elsewhere. huge: 1 GiB of answer. Three digits: that status, and no effect.
    """

    port: int = 0
    faults: list[str] = field(default_factory=list)
    arrived: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    started: list[str] = field(default_factory=list)
    sent_bytes: int = 0
    over: threading.Event = field(default_factory=threading.Event)
    victims: queue.Queue[int] = field(default_factory=queue.Queue)

    @property
    def url(self) -> str:
        """Return the address the server listens on."""
        return f"http://127.0.0.1:{self.port}"

    def take(self, path: str, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, Any] | None]:
        """Do what the API behind `path` does with a request; returns status and answer."""
        asked = json.loads(body)
        if path.partition("?")[0] == "/hook":
            return self._once(headers["webhook-id"], (202, None), (200, None))
        login = base64.b64encode(f"{USER}:{TOKEN}".encode()).decode()
        if headers.get("authorization") not in {f"Bearer {TOKEN}", f"Basic {login}"}:
            return 401, {"message": "Bad credentials"}
        if path.startswith("/repos/"):
            if not set(asked["inputs"]) <= NAMES:
                return 422, {"message": "Unexpected inputs provided"}
            self.started.append(asked["inputs"].get("decision", "?"))
            return (200, {"workflow_run_id": len(self.started)}) if asked.get("return_run_details") else (204, None)
        if path.startswith("/api/v1/workflows/"):
            name = asked["submitOptions"]["name"]
            exists = {"code": 6, "message": f'workflows.argoproj.io "{name}" already exists'}
            return self._once(name, (200, {"metadata": {"name": name}}), (409, exists))
        if path.startswith("/api/v1/dags/") and "logical_date" in asked:
            return 400, {"detail": "logical_date: None is not of type 'string'"}
        if path.startswith("/api/v2/dags/") and "logical_date" not in asked:
            return 422, {"detail": "logical_date: field required"}
        return self._once(asked["dag_run_id"], (200, {"state": "queued"}), (409, {"detail": "DAGRun already exists"}))

    def _once(self, key: str, first: tuple[int, Any], later: tuple[int, Any]) -> tuple[int, Any]:
        if key in self.started:
            return later
        self.started.append(key)
        return first


@contextmanager
def target() -> Iterator[Target]:
    """Serve on a free port of this machine until the block ends."""
    one = Target()
    server = _Server(("127.0.0.1", 0), type("Bound", (_Handler,), {"one": one}))
    one.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield one
    finally:
        one.over.set()
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of callers that hung up: they are meant to."""


class _Handler(BaseHTTPRequestHandler):
    one: Target

    def handle_one_request(self) -> None:
        """Hang up after the first byte, or serve the request."""
        if self.one.faults and self.one.faults[0] == "cut_before":
            self.one.faults.pop(0)
            self.connection.recv(1)
            self._reset()
            return
        super().handle_one_request()

    def do_POST(self) -> None:
        """Take a request and answer it, or misbehave."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.one.arrived.append((self.path, headers, body))
        fault = self.one.faults.pop(0) if self.one.faults else ""
        if fault.isdigit():
            self._answer(int(fault), {"message": "no"})
        elif fault == "redirect":
            self._answer(307, None, {"Location": f"{self.one.url}/hook"})
        elif fault == "kill_before":
            os.kill(self.one.victims.get(timeout=30), signal.SIGKILL)
        else:
            status, said = self.one.take(self.path, headers, body)
            if fault == "kill_after":
                os.kill(self.one.victims.get(timeout=30), signal.SIGKILL)
            if fault == "cut_after":
                self._reset()
            elif fault == "silent":
                self.one.over.wait(30)
            elif fault == "huge":
                self._huge(status)
            else:
                self._answer(status, said)

    def _answer(self, status: int, said: Any, headers: dict[str, str] | None = None) -> None:
        body = b"" if said is None else json.dumps(said).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def _huge(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(GIB))
        self.end_headers()
        with suppress(OSError):
            while self.one.sent_bytes < GIB:
                self.one.sent_bytes += self.connection.send(b"x" * 65_536)

    def _reset(self) -> None:
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def log_message(self, *_: Any) -> None:
        """Write no log."""
