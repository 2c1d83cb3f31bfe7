"""Receive the demonstration's mails by SMTP and lay them down as .eml files."""

from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller


class Mailbox:
    """Listen on a free port of this machine; every mail becomes `mails/0001-recipient.eml`."""

    def __init__(self, folder: Path) -> None:
        """Make the folder and start listening."""
        self.folder, self.count = folder, 0
        folder.mkdir(parents=True, exist_ok=True)
        self._controller = Controller(self, hostname="127.0.0.1", port=0)
        self._controller.start()
        self.port = int(self._controller.server.sockets[0].getsockname()[1])

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        """Write the mail to disk before saying that it was received."""
        self.count += 1
        name = envelope.rcpt_tos[0].split("@")[0]
        (self.folder / f"{self.count:04d}-{name}.eml").write_bytes(envelope.content)
        return "250 kept"

    def close(self) -> None:
        """Stop listening."""
        self._controller.stop()
