"""The service will answer probes from memory, so that a hung store cannot hang them, and end itself when it hangs."""

import logging
import os
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from monitor.errors import Unhealthy

log = logging.getLogger("vigie")
STALE_SECONDS = 60.0
HUNG_SECONDS, LOOK_SECONDS = 120.0, 5.0


class Health:
    """
    Serve `/healthz`, `/readyz` and `/metrics` from what the last completed tick told.

    `/healthz` answers 200 while that tick is younger than a minute, `/readyz` while the store could be used too; else 503.

    >>> health = Health("127.0.0.1", 0)
    >>> health.is_alive(10.0)
    False
    >>> health.ticked(10.0); health.is_alive(69.0), health.is_alive(71.0)
    (True, False)
    >>> health.answer("/readyz", 11.0)
    (503, 'the database was not looked at yet\\n')
    """

    def __init__(self, address: str, port: int) -> None:
        """Remember where to listen; nothing is opened before `start`."""
        self.address, self.port = address, port
        self.trouble = "the database was not looked at yet"  # why the store cannot be used; empty while it can
        self.figures = ""  # lines of /metrics
        self._last: float | None = None
        self._server: ThreadingHTTPServer | None = None
        self._over = threading.Event()

    def ticked(self, monotonic: float) -> None:
        """Note that a tick ended at `monotonic` seconds."""
        self._last = monotonic

    def is_alive(self, monotonic: float) -> bool:
        """Say whether the last tick is recent enough."""
        return self._last is not None and monotonic - self._last < STALE_SECONDS

    def answer(self, path: str, monotonic: float) -> tuple[int, str]:
        """Return the status and the text a probe gets at `monotonic` seconds."""
        alive = "" if self.is_alive(monotonic) else "no tick for a minute"
        if path == "/metrics":
            age = [] if self._last is None else [f"vigie_tick_age_seconds {monotonic - self._last:.3f}\n"]
            return 200, "".join([*age, self.figures])
        if path not in {"/healthz", "/readyz"}:
            return 404, "not here\n"
        trouble = alive or (self.trouble if path == "/readyz" else "")
        return (503, trouble + "\n") if trouble else (200, "ok\n")

    def start(self) -> None:
        """Listen in a thread of its own; `port` 0 takes a free one and tells it."""
        health = self

        class Answer(BaseHTTPRequestHandler):
            def do_GET(self) -> None:  # the name http.server wants
                status, text = health.answer(self.path, time.monotonic())
                self.send_response(status)
                self.send_header("Content-Type", "text/plain; charset=utf-8")
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_arguments: object) -> None:
                """Keep probes out of the log."""

        self._server = ThreadingHTTPServer((self.address, self.port), Answer)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, name="health", daemon=True).start()

    def guard(
        self, hung_s: float = HUNG_SECONDS, look_s: float = LOOK_SECONDS, end: Callable[[int], object] = os._exit
    ) -> None:
        """
        End the whole process with 8 when no tick was completed for `hung_s` seconds: who supervises it starts it again.

        A thread of its own on the monotonic clock; our children end with us, and their slots are taken over.
        """
        began = time.monotonic()

        def look() -> None:
            while not self._over.wait(look_s):
                if time.monotonic() - max(began, self._last or began) > hung_s:
                    log.critical("no tick for %.0f s: ended, to be started again", hung_s)
                    end(Unhealthy.exit_code)
                    return

        threading.Thread(target=look, name="guard", daemon=True).start()

    def stop(self) -> None:
        """Stop listening and guarding."""
        self._over.set()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
