"""Systemd is told when the service is ready, at each completed tick, and when it ends; nobody else is told anything."""

import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from uuid import uuid4

import pytest

from jobs.attest import Manager
from jobs.health import Health
from jobs.lookout import Lookout
from jobs.schedule import Runner, safe_tick
from monitor.errors import StoreError
from tests.conftest import NOW, Place, environment, opened

Listen = Callable[[str], socket.socket]


@pytest.fixture
def listen() -> Iterator[Listen]:
    """Return what opens a datagram socket under an address, as systemd does."""
    with ExitStack() as open_:

        def opened_at(address: str) -> socket.socket:
            one = open_.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
            one.bind(address.replace("@", "\0", 1))
            one.settimeout(60)
            return one

        yield opened_at


def heard(line: socket.socket) -> list[str]:
    """Return what was told so far, a message each."""
    line.setblocking(False)
    found = []
    while True:
        try:
            found.append(line.recv(4096).decode())
        except BlockingIOError:
            return found


@pytest.mark.parametrize("is_abstract", [False, True])
def test_told(tmp_path: Path, listen: Listen, is_abstract: bool) -> None:
    """Ready is told once, alive each time, over a socket of the file system or an abstract one."""
    address = f"@vigie-{uuid4().hex}" if is_abstract else str(tmp_path / "notify")
    line, manager = listen(address), Manager(address)
    assert heard(line) == []
    for _ in range(3):
        manager.ticked()
    manager.stops()
    assert heard(line) == ["READY=1\nWATCHDOG=1", "WATCHDOG=1", "WATCHDOG=1", "STOPPING=1"]


def test_nobody_listens(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Without an address nothing is sent; a socket that is gone is one warning, and the work goes on."""
    with caplog.at_level(logging.WARNING, "vigie"):
        Manager("").ticked()
        assert caplog.messages == []
        manager = Manager(str(tmp_path / "gone"))
        manager.ticked()
        manager.ticked()
        manager.stops()
    assert len(caplog.messages) == 1
    assert "NOTIFY_SOCKET" in caplog.messages[0]


def test_only_completed_ticks(
    tmp_path: Path, quick_place: Place, listen: Listen, caplog: pytest.LogCaptureFixture
) -> None:
    """A tick that fails says nothing; one that is completed does, although what looks around behind it fails."""
    address, config = str(tmp_path / "notify"), quick_place.configure()
    line, manager = listen(address), Manager(address)

    class Failing(Lookout):
        def look(self, moment: datetime, monotonic: float) -> None:
            raise StoreError("away")

    health = Health("127.0.0.1", 0)
    with opened(quick_place.database) as store:
        runner = Runner(store, config, health, spawn=lambda *_: pytest.fail("no job is due"), jobs=())
        lookout = Failing(store, config, health)

        def broken(_: datetime) -> None:
            raise StoreError("away")

        whole, runner.tick = runner.tick, broken  # type: ignore[method-assign]
        safe_tick(runner, lookout, manager, lambda: NOW)
        assert heard(line) == []
        runner.tick = whole  # type: ignore[method-assign]
        safe_tick(runner, lookout, manager, lambda: NOW)
    assert heard(line) == ["READY=1\nWATCHDOG=1"]
    assert health.trouble == "away"


def test_service(tmp_path: Path, quick_place: Place, listen: Listen) -> None:
    """`vigie run` tells that it is ready when its first tick is in the database, then ticks, and says that it ends when asked to."""
    quick_place.configure()
    address = str(tmp_path / "notify")
    line = listen(address)
    command = [sys.executable, "-m", "jobs.cli", "--config", str(quick_place.path), "run"]
    service = subprocess.Popen(command, env={**environment(), "NOTIFY_SOCKET": address}, stderr=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, cwd=os.getcwd())  # fmt: skip
    try:
        assert line.recv(4096) == b"READY=1\nWATCHDOG=1"
        assert line.recv(4096) == b"WATCHDOG=1"
        service.send_signal(signal.SIGTERM)
        end, told = time.monotonic() + 60, b""
        while told != b"STOPPING=1":
            assert time.monotonic() < end
            told = line.recv(4096)
        assert service.wait(60) == 0
        assert heard(line) == []
    finally:
        service.kill()
        service.wait()
