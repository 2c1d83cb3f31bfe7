"""
Take the records out of a line of OTLP JSON: log records, and the spans of a trace.

A log record's body is what the API wrote, or an object of values; a span is an object with its name, attributes, status and
`latency_ms`. Objects also carry `attributes` and `resource`.
"""

from collections.abc import Iterator
from typing import Any

import msgspec

from monitor.sources.record import Inner, Refused

_ENCODE = msgspec.json.Encoder().encode
_PLAIN = {"stringValue": str, "boolValue": bool, "doubleValue": (int, float), "bytesValue": str}
DEEPEST = 16


def inners(tree: dict[str, Any]) -> list[Inner] | None:
    """
    Return what the records of a line say, in their order; None for a line about metrics.

    >>> body = {"timeUnixNano": "1795170832153000000", "body": {"stringValue": "hello"}}
    >>> [(one.line, one.clock_us) for one in inners({"resourceLogs": [{"scopeLogs": [{"logRecords": [body]}]}]})]
    [(b'hello', 1795170832153000)]
    """
    if "resourceLogs" in tree:
        return [_log(record, about) for record, about in _records(tree, "resourceLogs", "scopeLogs", "logRecords")]
    if "resourceSpans" in tree:
        return [_span(record, about) for record, about in _records(tree, "resourceSpans", "scopeSpans", "spans")]
    if "resourceMetrics" in tree:
        return None
    raise Refused("missing_field", "resourceLogs or resourceSpans")


def _records(tree: dict[str, Any], outer: str, middle: str, inner: str) -> Iterator[tuple[dict[str, Any], Any]]:
    for resource in _list(tree, outer):
        about = resource.get("resource")
        named = _attributes(about.get("attributes")) if isinstance(about, dict) else {}
        for scope in _list(resource, middle):
            for record in _list(scope, inner):
                yield record, named


def _list(tree: dict[str, Any], name: str) -> list[dict[str, Any]]:
    found = tree.get(name, [])
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise Refused("not_a_record", f"{name} is no list of objects")
    return found


def _log(record: dict[str, Any], resource: dict[str, Any]) -> Inner:
    nanoseconds = record.get("timeUnixNano") or record.get("observedTimeUnixNano")
    clock_us = None if nanoseconds is None else _whole(nanoseconds, "timeUnixNano") // 1000
    body = _value(record.get("body"))
    if isinstance(body, str):
        return Inner(body.encode("utf-8", "surrogatepass"), clock_us)
    if not isinstance(body, dict):
        raise Refused("missing_field", "body")
    told = {**body, "attributes": _attributes(record.get("attributes")), "resource": resource}
    return Inner(_encoded(told), clock_us)


def _span(record: dict[str, Any], resource: dict[str, Any]) -> Inner:
    began, ended = (_whole(record.get(name), name) for name in ("startTimeUnixNano", "endTimeUnixNano"))
    told = {
        "name": record.get("name"), "trace_id": record.get("traceId"), "span_id": record.get("spanId"),
        "status": record.get("status"), "latency_ms": max(ended - began, 0) / 1e6,
        "attributes": _attributes(record.get("attributes")), "resource": resource,
    }  # fmt: skip
    return Inner(_encoded(told), ended // 1000)


def _attributes(listed: Any) -> dict[str, Any]:
    if listed is None:
        return {}
    if not isinstance(listed, list) or not all(
        isinstance(one, dict) and isinstance(one.get("key"), str) for one in listed
    ):
        raise Refused("not_a_record", "attributes are pairs of key and value")
    return {one["key"]: _value(one.get("value")) for one in listed}


def _value(value: Any, depth: int = 1) -> Any:
    """Return what an AnyValue holds; whole numbers come as text, as JSON has none of 64 bits."""
    if value is None or value == {}:
        return None
    if not isinstance(value, dict) or len(value) != 1:
        raise Refused("not_a_record", "a value is an object with one key")
    if depth > DEEPEST:
        raise Refused("too_deep")
    ((kind, held),) = value.items()
    if kind == "intValue":
        return _whole(held, kind)
    if kind in _PLAIN and isinstance(held, _PLAIN[kind]):  # type: ignore[arg-type]
        return held
    if kind == "arrayValue" and isinstance(held, dict) and isinstance(held.get("values", []), list):
        return [_value(one, depth + 1) for one in held.get("values", [])]
    if kind == "kvlistValue" and isinstance(held, dict) and isinstance(held.get("values", []), list):
        pairs = held.get("values", [])
        if all(isinstance(one, dict) and isinstance(one.get("key"), str) for one in pairs):
            return {one["key"]: _value(one.get("value"), depth + 1) for one in pairs}
    raise Refused("wrong_type", str(kind)[:64])


def _whole(value: Any, name: str) -> int:
    if (
        isinstance(value, str)
        and value.removeprefix("-").isascii()
        and value.removeprefix("-").isdigit()
        and len(value) <= 20
    ):
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not -(2**63) <= value < 2**64:
        raise Refused("wrong_type" if value is not None else "missing_field", name)
    return value


def _encoded(told: dict[str, Any]) -> bytes:
    try:
        return _ENCODE(told)
    except UnicodeEncodeError:
        raise Refused("invalid_encoding") from None
