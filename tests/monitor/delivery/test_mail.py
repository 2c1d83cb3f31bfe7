"""A letter becomes one well-formed mail, whatever its words hold; clear text stays on this machine."""

import email
import random
import smtplib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email import policy
from pathlib import Path

import pytest
from pydantic import ValidationError

from monitor.delivery.file_drop import lay
from monitor.delivery.mail import MailRefused, address, as_bytes, clean_header, compose, send
from monitor.letter import Letter
from monitor.settings import Smtp

WHEN = datetime(2026, 9, 1, tzinfo=UTC)
LETTER = Letter("ALARM é", "text\n.\n..dots\n", "<p><img src='cid:metric'></p>", {"metric": b"\x89PNG"})


def parsed(letter: Letter, **more: object) -> email.message.EmailMessage:
    sent = compose(
        letter, "vigie@stat.example", "ops@stat.example", message_id="<x@vigie>", attempt=1, now=WHEN, **more
    )
    found = email.message_from_bytes(sent.as_bytes(policy=policy.SMTP), policy=policy.default)
    assert isinstance(found, email.message.EmailMessage)
    return found


def test_parts() -> None:
    """Text first, then HTML with its picture beside it; automatic answers are asked not to come."""
    mail = parsed(LETTER, references="<first@vigie>", possible_repeat=True)
    assert [part.get_content_type() for part in mail.walk()] == [
        "multipart/alternative", "text/plain", "multipart/related", "text/html", "image/png"]  # fmt: skip
    assert mail.get_body(("plain",)).get_content().replace("\r\n", "\n") == LETTER.text  # type: ignore[union-attr]
    assert next(p for p in mail.walk() if p.get_content_type() == "image/png")["Content-ID"] == "<metric>"
    assert (mail["Subject"], mail["Auto-Submitted"], mail["References"], mail["X-Vigie-Possible-Repeat"]) == (
        "ALARM é", "auto-generated", "<first@vigie>", "yes")  # fmt: skip


def test_date() -> None:
    """A mail carries the time it was made at, as mail programs and relays expect."""
    assert parsed(LETTER)["Date"] == "Tue, 01 Sep 2026 00:00:00 +0000"


def test_no_header_can_be_injected() -> None:
    """Whatever a subject holds, the mail has the headers of any other and one subject line."""
    usual = sorted(parsed(LETTER).keys())
    draw = random.Random(7)
    pieces = [
        "\r\n",
        "\n",
        "\r",
        "Bcc: x@y.z",
        "To: a@b.c",
        "\u2028",
        "\x00",
        "\x1b[2J",
        "\u202e",
        "é",
        " ",
        ":",
        "=?utf-8?q?",
        "\t",
    ]
    for _ in range(500):
        subject = "".join(draw.choices(pieces, k=12))
        mail = parsed(Letter(subject, "text", LETTER.html))
        assert sorted(mail.keys()) == usual
        assert mail["To"] == "ops@stat.example"
        assert "\n" not in str(mail["Subject"])
        assert len(clean_header(subject)) <= 78


@pytest.mark.parametrize(
    "wrong",
    ["", "a", "a@b@c", "a@b\r\nRCPT TO:<x@y>", "a b@c.d", "<a@b.c>", "a@b.c, d@e.f", "a@.", "a..b@c.d", "a@b.c\x00"],
)
def test_not_one_address(wrong: str) -> None:
    """What is not exactly one address is refused for good."""
    with pytest.raises(MailRefused) as refused:
        address(wrong)
    assert refused.value.is_final


@pytest.mark.parametrize("host", ["relay.stat.example", "10.0.0.1", "127.0.0.1.evil.example", "localhost.evil"])
def test_clear_text_stays_here(host: str) -> None:
    """`starttls: never` is refused for a relay elsewhere."""
    with pytest.raises(ValidationError, match="this machine only"):
        Smtp(host=host, starttls="never")
    assert Smtp(host="127.0.0.1", starttls="never").starttls == "never"


def test_no_tls_no_mail() -> None:
    """A relay that does not offer STARTTLS gets nothing where it is required."""
    from aiosmtpd.controller import Controller
    from aiosmtpd.handlers import Message

    from jobs.demo.mailbox import free_port

    class Kept(Message):
        def handle_message(self, message: email.message.Message) -> None:
            raise AssertionError("nothing may arrive")

    port = free_port()
    controller = Controller(Kept(), hostname="127.0.0.1", port=port)
    controller.start()
    try:
        mail = compose(LETTER, "a@b.c", "d@e.f", message_id="<x@vigie>", attempt=1, now=WHEN)
        with pytest.raises(MailRefused):
            send(mail, Smtp(host="127.0.0.1", port=port, starttls="required"), None, _never)
    finally:
        controller.stop()
    assert smtplib.SMTPNotSupportedError.__name__


@contextmanager
def relay(answers: dict[bytes, bytes]) -> Iterator[tuple[int, list[bytes]]]:
    """Serve one conversation with these answers to verbs and to the dot; yields the port and the mails that came."""
    mails: list[bytes] = []

    def serve() -> None:
        talk, _ = listening.accept()
        with talk, talk.makefile("rb") as lines:
            talk.sendall(answers.get(b"HELLO", b"220 hi") + b"\r\n")
            body: list[bytes] | None = None
            for line in lines:
                verb = line[:4].strip().upper() if body is None else line.strip()
                if body is not None and verb != b".":
                    body.append(line)
                    continue
                if body is not None:
                    mails.append(b"".join(body))
                body = [] if verb == b"DATA" else None
                answer = answers.get(verb, b"354 go" if verb == b"DATA" else b"250 ok")
                if not answer:
                    return
                talk.sendall(answer + b"\r\n")
                if verb == b"STAR":
                    return

    with socket.create_server(("127.0.0.1", 0)) as listening:
        helper = threading.Thread(target=serve, daemon=True)
        helper.start()
        yield listening.getsockname()[1], mails
        helper.join(10)


@pytest.mark.parametrize("goodbye", [b"500 too many commands", b"421 bye", b"nonsense", b""])
def test_goodbye_does_not_matter(goodbye: bytes) -> None:
    """A relay that took the mail has it, however it answers QUIT, or hangs up."""
    mail = compose(LETTER, "a@b.c", "d@e.f", message_id="<x@vigie>", attempt=1, now=WHEN)
    handed: list[bool] = []
    with relay({b"QUIT": goodbye}) as (port, mails):
        send(mail, Smtp(host="127.0.0.1", port=port, starttls="never"), None, lambda: handed.append(True))
    assert (len(mails), handed) == (1, [True])


@pytest.mark.parametrize(
    ("answers", "is_final", "is_unsure"),
    [({b"HELLO": b"554 go away"}, False, False), ({b"HELLO": b"421 later"}, False, False), ({b"EHLO": b"502 what"}, False, False),
     ({b"RCPT": b"550 no such"}, True, False), ({b"MAIL": b"451 later"}, False, False), ({b"DATA": b""}, False, False),
     ({b".": b"552 too big"}, True, False), ({b".": b"451 later"}, False, False), ({b".": b""}, False, True),
     ({b".": b"nonsense"}, False, True)],
)  # fmt: skip
def test_refusals(answers: dict[bytes, bytes], is_final: bool, is_unsure: bool) -> None:
    """An answer of the 500s about the message is for good; only without an answer to the dot may it have arrived."""
    mail = compose(LETTER, "a@b.c", "d@e.f", message_id="<x@vigie>", attempt=1, now=WHEN)
    with relay(answers) as (port, _), pytest.raises(MailRefused) as refused:
        send(mail, Smtp(host="127.0.0.1", port=port, starttls="never"), None, lambda: None)
    assert (refused.value.is_final, refused.value.is_unsure) == (is_final, is_unsure)


def test_kept_back() -> None:
    """What another sender took over does not leave: the relay never sees its last dot."""
    mail = compose(LETTER, "a@b.c", "d@e.f", message_id="<x@vigie>", attempt=1, now=WHEN)
    with relay({}) as (port, mails), pytest.raises(MailRefused, match="took it over") as refused:
        send(mail, Smtp(host="127.0.0.1", port=port, starttls="never"), None, _overtaken)
    assert (refused.value.is_unsure, mails) == (False, [])


def _overtaken() -> None:
    raise MailRefused("another sender took it over", is_final=False)


def test_cut_while_encrypting() -> None:
    """A relay that hangs up in the TLS handshake is one to try again."""
    mail = compose(LETTER, "a@b.c", "d@e.f", message_id="<x@vigie>", attempt=1, now=WHEN)
    answers = {b"EHLO": b"250-hi\r\n250 STARTTLS", b"STAR": b"220 go"}
    with relay(answers) as (port, mails), pytest.raises(MailRefused) as refused:
        send(mail, Smtp(host="127.0.0.1", port=port, starttls="required"), None, _never)
    assert (refused.value.is_final, mails) == (False, [])


def _never() -> None:
    raise AssertionError("not handed over")


def test_drop_once(tmp_path: Path) -> None:
    """A dropped mail is a whole file by year and month; dropping it again replaces it."""
    mail = compose(LETTER, "a@b.c", "d@e.f", message_id="<x@vigie>", attempt=1, now=WHEN)
    data = as_bytes(mail)
    assert lay(data, tmp_path, "x.eml", WHEN) == lay(data, tmp_path, "x.eml", WHEN) == tmp_path / "2026/09/x.eml"
    assert (tmp_path / "2026/09/x.eml").read_bytes() == data
    assert [file.name for file in (tmp_path / "2026/09").iterdir()] == ["x.eml"]
