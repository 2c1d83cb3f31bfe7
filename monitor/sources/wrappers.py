"""
Take off what a container runtime or a log store put around a line.

A wrapper gives what the API wrote, the wrapper's own clock, and whether the record goes on in a later piece of the same
stream. A line that the wrapper itself does not explain is refused; one it knows to be no log line is None.
"""

import re
from collections.abc import Callable
from typing import Any

import msgspec

from monitor.settings import Source
from monitor.sources import otlp
from monitor.sources.record import Inner, Refused, epoch_us, strict_json, time_us

_CRI = re.compile(rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)) (stdout|stderr) ([FP](?::\w+)*) ?(.*)", re.DOTALL)  # fmt: skip
_POD = re.compile(rb"\[(?:pod/)?([^\]\s]+)\] ?(.*)", re.DOTALL)
_DECODER = msgspec.json.Decoder()
_FRACTION = re.compile(r"(\.\d{6})\d+")


def unwrap(line: bytes, source: Source) -> list[Inner] | None:
    """
    Return the lines inside a physical line; None when the wrapper says that it is none of the API's output.

    >>> about = Source(files="x", wrapper="cri")
    >>> [(one.line, one.is_piece) for one in unwrap(b"2026-11-20T10:33:52.153443515Z stdout P {'Query'", about)]
    [(b"{'Query'", True)]
    """
    return WRAPPERS[source.wrapper](line)


def _cri(line: bytes) -> list[Inner] | None:
    found = _CRI.fullmatch(line)
    if found is None:
        raise Refused("not_a_record", "no CRI line: time, stream, F or P, text")
    if found[2] == b"stderr":
        return None
    return [Inner(found[4], _clock(found[1].decode()), stream="stdout", is_piece=found[3].startswith(b"P"))]


def _docker(line: bytes) -> list[Inner] | None:
    tree = _tree(line)
    text, stream = tree.get("log"), tree.get("stream", "stdout")
    if not isinstance(text, str) or not isinstance(tree.get("time"), str):
        raise Refused("missing_field", "log or time of a Docker line")
    if stream == "stderr":
        return None
    is_piece = not text.endswith("\n")
    return [Inner(_bytes(text.removesuffix("\n").removesuffix("\r")), _clock(tree["time"]), stream=str(stream), is_piece=is_piece)]  # fmt: skip


def _loki(line: bytes) -> list[Inner] | None:
    streams = _tree(line).get("streams")
    if not isinstance(streams, list):
        raise Refused("missing_field", "streams")
    found = []
    for one in streams:
        values = one.get("values") if isinstance(one, dict) else None
        if not isinstance(values, list):
            raise Refused("missing_field", "streams[].values")
        for pair in values:
            if not isinstance(pair, list) or len(pair) < 2 or not isinstance(pair[1], str):
                raise Refused("not_a_record", "streams[].values[] is no pair of time and line")
            found.append(Inner(_bytes(pair[1]), epoch_us(_whole(pair[0]), "ns")))
    return found


def _elasticsearch(line: bytes) -> list[Inner] | None:
    tree: Any = strict_json(_decoded(line)) if line.lstrip().startswith(b"[") else _tree(line)
    found = []
    for one in tree if isinstance(tree, list) else [tree]:
        body = one.get("_source") if isinstance(one, dict) else None
        if not isinstance(body, dict) or not isinstance(body.get("message"), str):
            raise Refused("missing_field", "_source.message")
        clock = body.get("@timestamp")
        identity = one.get("_id")
        found.append(Inner(_bytes(body["message"]), None if clock is None else _clock(clock),
                           None if identity is None else str(identity)))  # fmt: skip
    return found


def _splunk(line: bytes) -> list[Inner] | None:
    tree = _tree(line)
    if tree.get("preview") is True:
        return None
    result = tree.get("result")
    if not isinstance(result, dict) or not isinstance(result.get("_raw"), str):
        raise Refused("missing_field", "result._raw")
    clock = result.get("_time")
    return [Inner(_bytes(result["_raw"].rstrip("\r\n")), None if clock is None else _clock(clock))]


def _cloudwatch(line: bytes) -> list[Inner] | None:
    tree = _tree(line)
    events = tree.get("events", [tree])
    if not isinstance(events, list):
        raise Refused("not_a_record", "events is no list")
    found = []
    for one in events:
        if not isinstance(one, dict) or not isinstance(one.get("message"), str):
            raise Refused("missing_field", "message")
        found.append(Inner(_bytes(one["message"].rstrip("\r\n")), epoch_us(one.get("timestamp"), "ms")))
    return found


def _kubectl(line: bytes) -> list[Inner] | None:
    found = _POD.fullmatch(line)
    if found is None:
        raise Refused("not_a_record", "no [pod/...] at the start")
    return [Inner(found[2], stream=found[1].decode("utf-8", "replace"))]


def _otlp(line: bytes) -> list[Inner] | None:
    return otlp.inners(_tree(line))


def _clock(value: Any) -> int:
    """Read a wrapper's time, which carries its offset; nanoseconds are cut."""
    return time_us(_FRACTION.sub(r"\1", value) if isinstance(value, str) else value, None)


def _whole(value: Any) -> Any:
    """Return nanoseconds written as text as a whole number: as a float the last digits would be lost."""
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 20 else value


def _tree(line: bytes) -> dict[str, Any]:
    try:
        tree = _DECODER.decode(line)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        tree = strict_json(_decoded(line))
    if not isinstance(tree, dict):
        raise Refused("not_a_record", "the wrapper's line is no object")
    return tree


def _decoded(line: bytes) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError:
        raise Refused("invalid_encoding") from None


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


WRAPPERS: dict[str, Callable[[bytes], list[Inner] | None]] = {
    "cri": _cri, "docker": _docker, "loki": _loki, "elasticsearch": _elasticsearch, "splunk": _splunk,
    "cloudwatch": _cloudwatch, "kubectl": _kubectl, "otlp": _otlp,
}  # fmt: skip
