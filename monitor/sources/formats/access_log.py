"""
Read the access lines of a proxy or an application server: service facts of a call, no text and no answer.

Six shapes: the combined line of nginx, ingress-nginx and gunicorn, with what ingress-nginx or a `%(D)s`-like number
adds behind it, uvicorn's, which carries no time of its own, and those of TorchServe, Ray Serve and a plumber API of R with
its usual hooks, whose times have no offset. Query strings are dropped: they may hold texts.
"""

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from monitor.settings import Source, Unit
from monitor.sources.formats.json_lines import kept
from monitor.sources.mapping import UNIT_MS
from monitor.sources.record import Half, Record, Refused, number, time_us

_COMBINED = re.compile(
    r'\S+ \S+ \S+ \[(?P<time>[^\]]+)\] "(?P<request>(?:[^"\\]|\\.)*)" (?P<status>\S+) (?:\S+)'
    r'(?: "(?:[^"\\]|\\.)*" "(?:[^"\\]|\\.)*")?(?P<more>.*)'
)
_SECONDS = r"(?:\d+(?:\.\d+)?|-)"
_INGRESS = re.compile(rf" \d+ (?P<whole>{_SECONDS}) \[[^\]]*\] \[[^\]]*\] (?P<upstream>\S+(?:, \S+)*) "
                      rf"(?:[\d-]+(?:, [\d-]+)*) (?P<times>{_SECONDS}(?:, {_SECONDS})*) (?:[\d-]+(?:, [\d-]+)*) ?(?P<id>\S+)?")  # fmt: skip
_UVICORN = re.compile(r'(?:\w+: +)?\S+ - "(?P<request>[A-Z]+ \S+ HTTP/[\d.]+)" (?P<status>\d+)(?: .*)?')
_TORCHSERVE = re.compile(
    r"(?P<stamp>\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[,.]\d{3}) (?:\[\w+ *\] \S+ (?:org\S+ )?(?:ACCESS_LOG )?)?- /?\S+ "
    r'"(?P<request>[A-Z]+ \S+ HTTP/[\d.]+)" (?P<status>\d+) (?P<ms>\d+)'
)
_RAY_SERVE = re.compile(
    r"(?:\([^)]*\) )?[A-Z]+ (?P<stamp>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}) (?P<who>\S.*?) --? "
    r"(?P<request>[A-Z]+ \S+) (?P<status>\d{3}) (?P<ms>\d+(?:\.\d+)?)ms"
)
_R_PLUMBER = re.compile(
    r"[A-Z]+ \[(?P<stamp>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)\] \S+ "
    r'(?:"(?:[^"\\]|\\.)*" \S+ )?(?P<request>[A-Z]+ \S+)(?: \S+)? +(?P<status>\d{3}) (?P<seconds>\d+(?:\.\d+)?(?:e-\d+)?)'
)
_SHAPES = (_COMBINED, _UVICORN, _TORCHSERVE, _RAY_SERVE, _R_PLUMBER)
_UUID = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_TIME = re.compile(r"(\d\d)/(\w{3})/(\d{4}):(\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_LAST = re.compile(r" (\d+(?:\.\d+)?)$")
HEALTH = re.compile(r"(?:/-)?/(?:health|healthz|healthcheck|livez|readyz|ready|live|ping|metrics|status)/?")


def read_line(line: bytes, source: Source, clock_us: int | None = None) -> list[Record | Half | Refused] | None:
    """Return the request of one line; None for a line of another shape, a health check, or a path `keep_if` leaves out."""
    try:
        text = _COLOUR.sub("", line.decode(source.encoding)).strip()
    except UnicodeDecodeError:
        raise Refused("invalid_encoding") from None
    found = next(filter(None, (shape.fullmatch(text) for shape in _SHAPES)), None)
    if found is None:
        return None
    asked = found["request"].split(" ")
    path = asked[1].partition("?")[0] if len(asked) in {2, 3} else ""
    if HEALTH.fullmatch(path) or (source.keep_if is not None and not kept(path, source.keep_if)):
        return None
    known = found.groupdict()
    if known.get("time") is None and known.get("stamp") is None and clock_us is None:
        raise Refused("missing_field", "time: the line has none, and there is no wrapper's")
    status = number(found["status"], "status")
    if not 100 <= status <= 999:
        raise Refused("out_of_range", "status")
    when = None if known.get("time") is None else _time_us(known["time"])
    flags: list[str] = []
    if known.get("stamp") is not None:
        when = time_us(known["stamp"], source.zone, clock_us, flags)
    record = Record(time_us=when, kind="request", endpoint=path or None, status=int(status), flags=flags)
    if known.get("ms") is not None:
        record.latency_ms = float(known["ms"])
    if known.get("seconds") is not None:
        record.latency_ms = 1000 * float(known["seconds"])
    named = _UUID.search(known.get("who") or "")
    if named is not None:
        record.request_id = named[0]
    _latency(record, known.get("more") or "", source)
    return [record]


def _latency(record: Record, more: str, source: Source) -> None:
    """Take what ingress-nginx measured, the upstream's time rather than the whole; or the declared last number."""
    ingress = _INGRESS.match(more)
    if ingress is not None:
        record.request_id = ingress["id"]
        tries = [float(one) for one in ingress["times"].split(", ") if one != "-"]
        if tries:
            record.latency_ms, record.latency_kind, record.retries = 1000 * sum(tries), "upstream", len(tries) - 1
        elif ingress["whole"] != "-":
            record.latency_ms, record.latency_kind = 1000 * float(ingress["whole"]), "proxy"
        return
    where: Any = source.map.get("latency_ms")
    last = _LAST.search(more)
    if isinstance(where, Unit) and where.unit is not None and last is not None:
        record.latency_ms, record.latency_kind = float(last[1]) * UNIT_MS[where.unit], "proxy"


def _time_us(text: str) -> int:
    found = _TIME.fullmatch(text)
    if found is None or found[2] not in _MONTHS:
        raise Refused("wrong_type", "time")
    day, month, year, hour, minute, second = (
        int(found[1]),
        _MONTHS.index(found[2]) + 1,
        *map(int, found.group(3, 4, 5, 6)),
    )
    away = timedelta(hours=int(found[8]), minutes=int(found[9])) * (1 if found[7] == "+" else -1)
    try:
        when = datetime(year, month, day, hour, minute, second, tzinfo=timezone(away))
    except ValueError:
        raise Refused("out_of_range", "time") from None
    return (when - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
