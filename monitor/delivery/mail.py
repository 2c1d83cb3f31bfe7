"""
Send one mail by SMTP, verb by verb, so that a cut is known to have happened before or after the last dot.

Everything before the dot may be tried again; after it, only the relay knows. So `handed_over` is committed in between,
and a message that was cut there is marked as a possible repeat when it is sent again.
"""

import re
import smtplib
import ssl
import unicodedata
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from monitor.letter import Letter
from monitor.settings import Smtp

_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,188}[A-Za-z0-9])?")
LONGEST_SUBJECT = 78


class MailRefused(Exception):
    """
    Say that a message did not leave; `is_final` when trying again cannot help, `is_unsure` when it may have left after all,
    `asked_s` how many seconds the other side asks to be left alone.
    """

    def __init__(self, reason: str, *, is_final: bool, is_unsure: bool = False, asked_s: float | None = None) -> None:
        """Keep all four."""
        super().__init__(reason)
        self.is_final, self.is_unsure, self.asked_s = is_final, is_unsure, asked_s


def clean_header(value: str) -> str:
    r"""
    Return a header value without control, line-separating or direction-changing characters, at most 78 long.

    >>> clean_header("ALARM\r\nBcc: x\u202ey")
    'ALARM Bcc: xy'
    """
    spaced = re.sub(r"[\r\n\t\u2028\u2029]+", " ", value)
    kept = "".join(c for c in spaced if unicodedata.category(c) not in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
    return kept[:LONGEST_SUBJECT]


def address(value: str) -> str:
    """
    Return the one address in `value`, refusing anything that is not exactly one.

    >>> address("ops@stat.example")
    'ops@stat.example'
    """
    if not _ADDRESS.fullmatch(value) or ".." in value:
        raise MailRefused(f"not an address: {value[:80]!r}", is_final=True)
    return value


def compose(letter: Letter, sender: str, recipient: str, *, message_id: str, attempt: int, now: datetime,
            references: str = "", possible_repeat: bool = False) -> EmailMessage:  # fmt: skip
    """Return multipart/alternative of the text and multipart/related (HTML and its pictures), dated `now`."""
    mail = EmailMessage(policy=SMTP)
    mail["Subject"] = clean_header(letter.subject)
    mail["From"], mail["To"] = address(sender), address(recipient)
    mail["Date"], mail["Message-ID"] = format_datetime(now), message_id
    if references:
        mail["References"] = references
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"
    mail["X-Vigie-Attempt"] = str(attempt)
    if possible_repeat:
        mail["X-Vigie-Possible-Repeat"] = "yes"
    mail.set_content(letter.text)
    if letter.html:
        mail.add_alternative(letter.html, subtype="html")
        body = mail.get_payload()[1]  # type: ignore[index]
        for cid, picture in letter.pictures.items():
            body.add_related(picture, "image", "png", cid=f"<{cid}>", disposition="inline", filename=f"{cid}.png")  # type: ignore[union-attr]
    return mail


def as_bytes(mail: EmailMessage) -> bytes:
    """Return a mail as it travels, with the line ends of SMTP."""
    return mail.as_bytes(policy=SMTP)


def send(mail: EmailMessage, smtp: Smtp, password: str | None, handed_over: Callable[[], None]) -> None:
    """
    Deliver to the relay; `handed_over` is called when all but the last dot has left, and keeps the dot back by raising MailRefused.

    Raises MailRefused: `is_final` for answers of the 500s about this message (before MAIL they are about the relay), `is_unsure`
    when the dot may have arrived and no answer did.
    """
    payload = re.sub(rb"(?m)^\.", b"..", as_bytes(mail))
    relay, is_about_it, is_out = None, False, False
    try:
        relay = smtplib.SMTP(smtp.host, smtp.port, timeout=smtp.connect_s)
        _sock(relay).settimeout(smtp.verb_s)
        _greet(relay, smtp, password)
        is_about_it = True
        _check(relay.mail(str(mail["From"])), 250)
        _check(relay.rcpt(str(mail["To"])), 250, 251)
        _check(relay.docmd("DATA"), 354)
        relay.send(payload if payload.endswith(b"\r\n") else payload + b"\r\n")
        handed_over()
        is_out = True
        _sock(relay).settimeout(smtp.after_dot_s)
        relay.send(b".\r\n")
        _check(relay.getreply(), 250)
        with suppress(OSError, smtplib.SMTPException):  # the relay has it: how it says goodbye changes nothing
            _sock(relay).settimeout(smtp.verb_s)
            relay.quit()
    except smtplib.SMTPServerDisconnected as error:
        raise MailRefused(f"the relay hung up: {error}", is_final=False, is_unsure=is_out) from None
    except smtplib.SMTPResponseException as error:
        is_final, is_no = is_about_it and 500 <= error.smtp_code < 600, 400 <= error.smtp_code < 600
        said = f"{error.smtp_code} {error.smtp_error!r}"
        raise MailRefused(said, is_final=is_final, is_unsure=is_out and not is_no) from None
    except (OSError, smtplib.SMTPException) as error:
        raise MailRefused(f"{type(error).__name__}: {error}", is_final=False, is_unsure=is_out) from None
    finally:
        if relay is not None:
            with suppress(OSError, smtplib.SMTPException):
                relay.close()


def _greet(relay: smtplib.SMTP, smtp: Smtp, password: str | None) -> None:
    _check(relay.ehlo(), 250)
    if smtp.starttls == "required":
        relay.starttls(context=ssl.create_default_context())
        relay.ehlo()
        if smtp.user and password is not None:
            relay.login(smtp.user, password)


def _sock(relay: smtplib.SMTP) -> ssl.SSLSocket:
    assert relay.sock is not None
    return relay.sock  # type: ignore[return-value]


def _check(answer: tuple[int, bytes], *wanted: int) -> None:
    if answer[0] not in wanted:
        raise smtplib.SMTPResponseException(answer[0], answer[1])
