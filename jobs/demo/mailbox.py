"""Receive the demonstration's mails by SMTP and lay them down as .eml files."""

import socket
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller


def free_port(first: int = 0) -> int:
    """Return a port of this machine nobody listens on: the first free one from `first` on, any for 0."""
    for port in range(first, first + 50) if first else (0,):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise OSError(f"no free port from {first} on")


class Mailbox:
    """Listen on a free port of this machine; every mail becomes `mails/0001-recipient.eml`."""

    def __init__(self, folder: Path) -> None:
        """Make the folder and start listening."""
        self.folder, self.count = folder, 0
        folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port)
        self._controller.start()

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        """Write the mail to disk before saying that it was received."""
        self.count += 1
        name = envelope.rcpt_tos[0].split("@")[0]
        (self.folder / f"{self.count:04d}-{name}.eml").write_bytes(envelope.content)
        return "250 kept"

    def close(self) -> None:
        """Stop listening."""
        self._controller.stop()
