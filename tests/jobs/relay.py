"""Be a mail relay of a test's own."""

import email
from collections.abc import Callable
from email import policy
from email.message import EmailMessage
from typing import Any


class Relay:
    """Keep what arrives; answer the data of message n with `answers[n]`, or cut the line for None."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.mails: list[EmailMessage] = []
        self.answers: list[str | None] = []
        self.meanwhile: Callable[[], None] = lambda: None  # what happens while a sender waits for the answer to its dot

    async def handle_DATA(self, server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        found = email.message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(found, EmailMessage)
        self.mails.append(found)
        self.meanwhile()
        answer = self.answers.pop(0) if self.answers else "250 kept"
        if answer is None:
            server.transport.abort()
            return "250 never seen"
        return answer

    @property
    def ids(self) -> list[str]:
        return [mail["Message-ID"] for mail in self.mails]
