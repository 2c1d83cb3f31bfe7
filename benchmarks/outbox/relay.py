"""Be a mail relay that fails as relays do: at any of eight verbs it refuses, defers, hangs or cuts the line."""

import asyncio
import email
import random
import socket
import threading
from dataclasses import dataclass, field
from typing import Any

from aiosmtpd.smtp import SMTP

VERBS = ("connect", "EHLO", "MAIL", "RCPT", "DATA", "payload", "dot", "QUIT")
KINDS = ("4xx", "5xx", "hang", "cut")
ANSWERS = {"4xx": "451 later", "5xx": "554 no"}
FAULTY = 0.3  # of the sessions


@dataclass
class Books:
    """
    Keep what arrived, in order: Message-ID and whether it is marked as a possible repeat.

    `open` holds the sendings (Message-ID, attempt) whose last dot arrived and whose sender never came to QUIT: only in
    these may a message arrive and its sender not know.
    """

    arrived: list[tuple[str, bool]] = field(default_factory=list)
    open: set[tuple[str, int]] = field(default_factory=set)
    faults: dict[str, int] = field(default_factory=dict)
    sessions: int = 0


class Relay:
    """Listen on a port of this machine, in a thread; `is_mended` ends the faults, `down` refuses connections."""

    def __init__(self, seed: str) -> None:
        """Listen at once."""
        self.books, self.draw, self.is_mended = Books(), random.Random(seed), False
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self._loop = asyncio.new_event_loop()
        self._server: asyncio.Server | None = None
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.down(False)

    def down(self, is_down: bool) -> None:
        """Stop or begin to listen."""
        asyncio.run_coroutine_threadsafe(self._listen(not is_down), self._loop).result(10)

    def close(self) -> None:
        """End, and cut every line."""
        self.down(True)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    async def _listen(self, wanted: bool) -> None:
        if self._server is not None and not wanted:
            self._server.close()
            self._server = None
        elif self._server is None and wanted:
            self._server = await self._loop.create_server(lambda: Session(self), "127.0.0.1", self.port)

    def fault(self) -> tuple[str, str]:
        """Draw where a session fails, and how; nowhere for most."""
        self.books.sessions += 1
        if self.is_mended or self.draw.random() >= FAULTY:
            return "", ""
        verb, kind = self.draw.choice(VERBS), self.draw.choice(KINDS)
        if verb == "payload" and kind in ANSWERS:
            kind = "cut"  # nothing can be answered in the middle of a message
        self.books.faults[f"{verb} {kind}"] = self.books.faults.get(f"{verb} {kind}", 0) + 1
        return verb, kind


class Session(SMTP):
    """Talk to one sender, and fail where this session must."""

    def __init__(self, relay: Relay) -> None:
        """Draw the fault."""
        self.relay, (self.verb, self.kind) = relay, relay.fault()
        self.sending: tuple[str, int] | None = None
        super().__init__(self, loop=relay._loop)

    async def _fails(self, verb: str) -> bool:
        """Fail if this is the place; a hang ends when the other side gives up."""
        if verb != self.verb:
            return False
        if self.kind in ANSWERS:
            await self.push(ANSWERS[self.kind])
        elif self.kind == "hang":
            await asyncio.sleep(3600)
        else:
            self.transport.abort()
        return True

    async def _handle_client(self) -> None:
        if not await self._fails("connect"):
            await super()._handle_client()

    async def smtp_EHLO(self, arg: str) -> None:  # noqa: N802 - aiosmtpd's name, as below
        if not await self._fails("EHLO"):
            await super().smtp_EHLO(arg)

    async def smtp_MAIL(self, arg: str) -> None:  # noqa: N802
        if not await self._fails("MAIL"):
            await super().smtp_MAIL(arg)

    async def smtp_RCPT(self, arg: str) -> None:  # noqa: N802
        if not await self._fails("RCPT"):
            await super().smtp_RCPT(arg)

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802
        if await self._fails("DATA"):
            return
        if self.verb == "payload":
            await self.push("354 go on")
            await self._reader.readuntil(b"\r\n")
            await self._fails("payload")
            return
        await super().smtp_DATA(arg)

    async def smtp_QUIT(self, arg: str) -> None:  # noqa: N802
        if self.sending is not None:
            self.relay.books.open.discard(self.sending)
        if not await self._fails("QUIT"):
            await super().smtp_QUIT(arg)

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        """Take the message, but for half of those whose line is cut behind the dot, and those that are answered otherwise."""
        mail = email.message_from_bytes(envelope.content)
        self.sending = (mail["Message-ID"], int(mail["X-Vigie-Attempt"]))
        is_refused = self.verb == "dot" and self.kind in ANSWERS
        if not is_refused:
            self.relay.books.open.add(self.sending)
            if self.verb != "dot" or self.relay.draw.random() < 0.5:
                self.relay.books.arrived.append((mail["Message-ID"], mail["X-Vigie-Possible-Repeat"] == "yes"))
        return ANSWERS[self.kind] if is_refused else "250 kept" if not await self._fails("dot") else "451 never seen"
