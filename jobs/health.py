"""The service will answer probes from memory, so that a hung store cannot hang them."""

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

STALE_SECONDS = 60.0


class Health:
    """
    Serve `/healthz`: 200 while the last completed tick is younger than a minute, else 503.

    >>> health = Health("127.0.0.1", 0)
    >>> health.is_alive(10.0)
    False
    >>> health.ticked(10.0); health.is_alive(69.0), health.is_alive(71.0)
    (True, False)
    """

    def __init__(self, address: str, port: int) -> None:
        """Remember where to listen; nothing is opened before `start`."""
        self.address, self.port = address, port
        self._last: float | None = None
        self._server: ThreadingHTTPServer | None = None

    def ticked(self, monotonic: float) -> None:
        """Note that a tick ended at `monotonic` seconds."""
        self._last = monotonic

    def is_alive(self, monotonic: float) -> bool:
        """Say whether the last tick is recent enough."""
        return self._last is not None and monotonic - self._last < STALE_SECONDS

    def start(self) -> None:
        """Listen in a thread of its own; `port` 0 takes a free one and tells it."""
        health = self

        class Answer(BaseHTTPRequestHandler):
            def do_GET(self) -> None:  # the name http.server wants
                known = self.path == "/healthz"
                alive = health.is_alive(time.monotonic())
                self.send_response((200 if alive else 503) if known else 404)
                self.send_header("Content-Type", "text/plain; charset=utf-8")
                self.end_headers()
                self.wfile.write((b"ok\n" if alive else b"no tick for a minute\n") if known else b"not here\n")

            def log_message(self, *_arguments: object) -> None:
                """Keep probes out of the log."""

        self._server = ThreadingHTTPServer((self.address, self.port), Answer)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, name="health", daemon=True).start()

    def stop(self) -> None:
        """Stop listening."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
