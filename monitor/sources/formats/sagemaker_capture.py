"""
Read the data capture of SageMaker endpoints: both halves of a call on one line, each a body of its own encoding.

The line becomes one object, read by the mapping that JSON lines have: `event` (eventId, inferenceTime, ...), `input` and
`output`. A CSV body is a list with one object per row, whose keys are the numbers of its columns from 0: `input[].0`.
"""

import base64
import binascii
import csv
from typing import Any

import msgspec

from monitor.settings import Source
from monitor.sources.formats import json_lines
from monitor.sources.record import Half, Record, Refused, not_too_deep, strict_json

_DECODER = msgspec.json.Decoder()


def read_line(line: bytes, source: Source, clock_us: int | None = None) -> list[Record | Half | Refused] | None:
    """Return one record per row of the call; None for a line that captured nothing."""
    try:
        tree = _DECODER.decode(line)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        tree = strict_json(_text(line))
    not_too_deep(tree, line)
    if not isinstance(tree, dict) or not isinstance(tree.get("captureData"), dict):
        return None
    captured = tree["captureData"]
    event = tree.get("eventMetadata")
    both = {
        "event": event if isinstance(event, dict) else {},
        "input": _body(captured.get("endpointInput"), "endpointInput"),
        "output": _body(captured.get("endpointOutput"), "endpointOutput"),
    }
    return json_lines.records(both, source, clock_us)


def _body(half: Any, name: str) -> Any:
    """Return a body as JSON or as rows of a table; None where this half was not captured."""
    if not isinstance(half, dict) or half.get("data") is None:
        return None
    data, encoding, kind = half["data"], half.get("encoding"), str(half.get("observedContentType") or "")
    if isinstance(data, dict | list):
        return data
    if not isinstance(data, str):
        raise Refused("wrong_type", f"{name}.data")
    if encoding == "BASE64":
        try:
            data = _text(base64.b64decode(data, validate=True))
        except (binascii.Error, ValueError):
            raise Refused("invalid_encoding", f"{name}.data is no base64") from None
    elif encoding not in ("CSV", "JSON"):  # no set: it may be anything, a list included
        raise Refused("not_a_record", f"{name}.encoding is neither CSV, JSON nor BASE64")
    if encoding == "JSON" or (encoding == "BASE64" and "json" in kind):
        body = strict_json(data)
        not_too_deep(body, data.encode("utf-8", "replace"))
        return body
    try:
        rows = list(csv.reader(data.splitlines(), strict=True))
    except csv.Error:
        raise Refused("invalid_syntax", f"{name}.data is no CSV") from None
    return [{str(number): value for number, value in enumerate(row)} for row in rows if row]


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise Refused("invalid_encoding") from None
