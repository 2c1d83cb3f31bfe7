"""
Send one POST to an address that config.yaml names, so that what never left is told apart from what was cut.

The addresses are checked before a connection is made to one of them. No redirect is followed, no proxy of the environment is asked,
no cookie is kept; of an answer 64 KiB are read.
"""

import http.client
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from monitor.delivery.address import Forbidden, Resolve, checked

CONNECT_SECONDS, ANSWER_SECONDS = 5.0, 10.0
MOST_ANSWER_BYTES = 64 * 1024


class NotSent(Exception):
    """Say why not one byte of a request left."""


class Cut(Exception):
    """Say how a call ended that may have arrived, and whose answer nobody knows."""


@dataclass(frozen=True)
class Request:
    """Hold a POST: where to, what, and the headers beside those of HTTP itself."""

    url: str
    body: bytes
    headers: dict[str, str]


@dataclass(frozen=True)
class Answer:
    """Hold the status, the first 64 KiB of the body, and the header `Retry-After`."""

    status: int
    body: bytes
    retry_after: str = ""


@dataclass(frozen=True)
class Line:
    """
    Say how a host may be reached: private addresses, its authority; seconds to connect and for the whole answer.

    `resolve` is `socket.getaddrinfo`, or a test's.
    """

    allow_private: bool = False
    ca_file: Path | None = None
    connect_s: float = CONNECT_SECONDS
    answer_s: float = ANSWER_SECONDS
    resolve: Resolve = lambda host, port: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)


def post(request: Request, line: Line) -> Answer:
    """
    Send the request once and return what was answered, whatever its status.

    Raises NotSent when nothing left, Cut when the request may have arrived and no status came back in time.
    """
    parts = urlsplit(request.url)
    host = parts.hostname or ""
    with (
        _connected(host, parts.port or (443 if parts.scheme == "https" else 80), parts.scheme == "https", line) as plug,
        _deadline(plug, line.answer_s),
    ):
        return _exchanged(plug, request, parts.netloc, parts.path + (f"?{parts.query}" if parts.query else ""))


def _exchanged(plug: socket.socket, request: Request, netloc: str, path: str) -> Answer:
    connection = http.client.HTTPConnection(netloc)
    connection.sock, connection.auto_open = plug, 0
    headers = {
        "Host": netloc,
        "User-Agent": "vigie",
        "Connection": "close",
        "Content-Type": "application/json",
        **request.headers,
    }
    try:
        connection.request("POST", path or "/", body=request.body, headers=headers)
        answer = connection.getresponse()
        body = b""
        with suppress(OSError, http.client.HTTPException):  # the status is known: the rest of the body changes nothing
            body = answer.read(MOST_ANSWER_BYTES)
        return Answer(answer.status, body, answer.getheader("Retry-After", ""))
    except (OSError, http.client.HTTPException) as error:
        raise Cut(f"no answer: {type(error).__name__}") from None
    finally:
        connection.close()


@contextmanager
def _connected(host: str, port: int, encrypted: bool, line: Line) -> Iterator[socket.socket]:
    """Lend a connection to a checked address of the host, its name proven where it is encrypted."""
    try:
        context = ssl.create_default_context(cafile=line.ca_file) if encrypted else None
        plain = _plugged(checked(host, port, line.allow_private, line.resolve), line.connect_s)
        try:
            plug = plain if context is None else context.wrap_socket(plain, server_hostname=host)
        except OSError:
            plain.close()
            raise
    except Forbidden as error:
        raise NotSent(str(error)) from None
    except (OSError, UnicodeError) as error:
        raise NotSent(f"{host}:{port} cannot be reached: {error}") from None
    with plug:
        plug.settimeout(line.answer_s)
        yield plug


def _plugged(found: list[tuple[int, int, int, str, tuple[str, int]]], connect_s: float) -> socket.socket:
    refused: OSError = OSError("no address")
    for family, kind, protocol, _, address in found[:4]:
        plug = socket.socket(family, kind, protocol)
        plug.settimeout(connect_s)
        try:
            plug.connect(address)
        except OSError as error:
            plug.close()
            refused = error
        else:
            return plug
    raise refused


@contextmanager
def _deadline(plug: socket.socket, seconds: float) -> Iterator[None]:
    """End a connection after so many seconds, however slowly its bytes come."""

    def end() -> None:
        with suppress(OSError):
            socket.socket.shutdown(plug, socket.SHUT_RDWR)  # past the TLS layer, which belongs to the other thread

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
