"""Show how far the demonstration is, on stderr, and how many seconds each step took."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager


class Steps:
    """Number the steps; on a terminal the running one shows a bar."""

    def __init__(self, total: int) -> None:
        """Begin before the first step."""
        self.total, self.number = total, 0
        self.seconds: dict[str, float] = {}
        self._shown = ""

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time one step."""
        self.number, self._shown = self.number + 1, f"{self.number + 1:>2}/{self.total} {name}"
        began = time.monotonic()
        if sys.stderr.isatty():
            sys.stderr.write(f"{self._shown} ...")
            sys.stderr.flush()
        yield
        self.seconds[name] = round(time.monotonic() - began, 1)
        start = "\r\x1b[K" if sys.stderr.isatty() else ""
        sys.stderr.write(f"{start}{self._shown:<52} {self.seconds[name]:6.1f} s\n")
        sys.stderr.flush()

    def progress(self, share: float) -> None:
        """Draw the bar of the running step; `share` from 0 to 1."""
        if sys.stderr.isatty():
            filled = int(24 * min(share, 1))
            sys.stderr.write(f"\r{self._shown:<44} [{'#' * filled}{'.' * (24 - filled)}]")
            sys.stderr.flush()
