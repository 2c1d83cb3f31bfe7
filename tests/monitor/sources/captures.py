"""What serving platforms capture, made by a seed, with the counts the maker knows."""

import base64
import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

from tests.monitor.sources.samples import WORDS, Maker, Sample, nanoseconds


def _capture(made: Maker, number: int, asked: str, answered: str, encoding: str) -> dict[str, Any]:
    if encoding == "BASE64":
        asked, answered = (base64.b64encode(one.encode()).decode() for one in (asked, answered))
    kind = "application/json" if encoding == "JSON" else "text/csv"
    return {
        "captureData": {
            "endpointInput": {"observedContentType": kind, "mode": "INPUT", "data": asked, "encoding": encoding},
            "endpointOutput": {"observedContentType": kind, "mode": "OUTPUT", "data": answered, "encoding": encoding},
        },
        "eventMetadata": {"eventId": f"e{number}", "inferenceTime": made.tick().isoformat().replace("+00:00", "Z")},
        "eventVersion": "0",
    }  # fmt: skip


def _cell(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


def sagemaker_csv() -> Sample:
    """Twenty calls in CSV, twenty in base64, one of them of three rows; a body that is none, one of a foreign encoding."""
    made = Maker(31, preset="sagemaker_csv")
    for number in range(40):
        rows = 3 if number == 7 else 1
        asked = "\n".join(_cell(made.draw.choice(WORDS)) for _ in range(rows))
        answered = "\n".join(f"{code},{score}" for _ in range(rows) for code, score in made.answers(1))
        call = _capture(made, number, asked, answered, "CSV" if number % 2 else "BASE64")
        made.put(json.dumps(call), "read", predictions=rows)
    broken = _capture(made, 40, "x", "y", "CSV")
    broken["captureData"]["endpointInput"] |= {"encoding": "BASE64", "data": "!"}
    made.put(json.dumps(broken), "rejected", rejects=("invalid_encoding",))
    made.put(json.dumps(_capture(made, 41, "x", "y,0.5", "XML")), "rejected", rejects=("not_a_record",))
    made.put('{"eventVersion": "0"}', "other")
    return made.done()


def sagemaker_json() -> Sample:
    made = Maker(32, preset="sagemaker_json")
    for number in range(20):
        ((code, score),) = made.answers(1)
        asked = json.dumps({"text": made.draw.choice(WORDS)}, ensure_ascii=False)
        call = _capture(made, number, asked, json.dumps({"label": code, "score": score}), "JSON")
        made.put(json.dumps(call), "read", predictions=1)
    lone = _capture(made, 20, '{"text": "taxi"}', "{", "JSON")
    made.put(json.dumps(lone), "rejected", rejects=("invalid_syntax",))
    return made.done()


def _table(preset: str, seed: int, body: Callable[[str], dict[str, Any]], when: Callable[[datetime], dict[str, Any]],
           took: str) -> Sample:  # fmt: skip
    """Twenty rows of an inference table; a body that was too large to be kept is null."""
    made = Maker(seed, preset=preset)
    for number in range(21):
        ((code, score),) = made.answers(1)
        asked = json.dumps(body(made.draw.choice(WORDS)), ensure_ascii=False)
        row = {"databricks_request_id": f"d{number}", **when(made.tick()), "status_code": 200, took: 41, "sampling_fraction": 0.5,
               "request": asked, "response": json.dumps({"predictions": [{"label": code, "confidence": score}]})}  # fmt: skip
        if number == 20:
            row |= {"request": None, "response": None, "logging_error_codes": ["MAX_REQUEST_SIZE_EXCEEDED"]}
            made.put(json.dumps(row), "rejected", rejects=("missing_field",))
        else:
            made.put(json.dumps(row), "read", predictions=1)
    return made.done()


def _milliseconds(when: datetime) -> dict[str, Any]:
    return {"timestamp_ms": int(when.timestamp() * 1000)}


def databricks_records() -> Sample:
    return _table("databricks_records", 33, lambda text: {"dataframe_records": [{"text": text}]}, _milliseconds, "execution_time_ms")  # fmt: skip


def databricks_split() -> Sample:
    return _table("databricks_split", 34, lambda text: {"dataframe_split": {"columns": ["text"], "data": [[text]]}}, _milliseconds,
                  "execution_time_ms")  # fmt: skip


def databricks_gateway() -> Sample:
    return _table("databricks_gateway", 35, lambda text: {"dataframe_records": [{"text": text}]},
                  lambda when: {"request_time": when.isoformat()}, "execution_duration_ms")  # fmt: skip


def mlflow_instances() -> Sample:
    return _table("mlflow_instances", 36, lambda text: {"instances": [{"text": text}]}, _milliseconds, "execution_time_ms")  # fmt: skip


def seldon() -> Sample:
    """Ten calls of three items each, and five lines of feedback."""
    made = Maker(37, preset="seldon")
    for number in range(10):
        for item in range(3):
            (first, second) = made.answers(2)
            made.put(json.dumps({
                "@timestamp": made.tick().isoformat(), "RequestId": f"a{number}-item-{item}",
                "request": {"dataType": "text", "instance": made.draw.choice(WORDS)},
                "response": {"names": [second[0], first[0]], "payload": {"data": {"ndarray": [[second[1], first[1]]]}}},
            }), "read", predictions=1)  # fmt: skip
    for number in range(5):
        made.put(json.dumps({"@timestamp": made.tick().isoformat(), "type": "feedback", "truth": "4932Z", "RequestId": f"a{number}"}), "other")  # fmt: skip
    return made.done()


def bentoml_monitoring() -> Sample:
    made = Maker(38, preset="bentoml_monitoring", zone="UTC")
    for number in range(40):
        ((code, score),) = made.answers(1)
        made.put(json.dumps({"text": made.draw.choice(WORDS), "pred": code, "prob": score, "timestamp": f"{made.tick():%Y-%m-%dT%H:%M:%S.%f}",
                             "request_id": str(number), "trace_id": "9"}), "read", predictions=1)  # fmt: skip
    return made.done()


def vertex() -> Sample:
    made = Maker(39, preset="vertex")
    for number in range(20):
        asked = [json.dumps({"text": made.draw.choice(WORDS)}) for _ in range(2)]
        answered = [json.dumps({"label": code, "score": score}) for _ in range(2) for code, score in made.answers(1)]
        made.put(json.dumps({"logging_time": made.tick().isoformat(), "request_id": str(number), "deployed_model_id": "8",
                             "request_payload": asked, "response_payload": answered}), "read", predictions=2)  # fmt: skip
    return made.done()


def _any(value: Any) -> dict[str, Any]:
    """Write a value as OTLP does: whole numbers as text."""
    if isinstance(value, dict):
        return {"kvlistValue": {"values": [{"key": key, "value": _any(one)} for key, one in value.items()]}}
    if isinstance(value, list):
        return {"arrayValue": {"values": [_any(one) for one in value]}}
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    return {"doubleValue": value} if isinstance(value, float) else {"stringValue": value}


FLAT = {"request_id": "id", "text": "text", "label": "label", "score": "score", "status": "status"}


def _otlp_call(made: Maker, number: int) -> dict[str, Any]:
    ((code, score),) = made.answers(1)
    return {"id": f"o{number}", "text": made.draw.choice(WORDS), "label": code, "score": score, "status": 200}


def otlp_logs() -> Sample:
    """Thirty records in six lines, bodies as text and as nested values; one line of metrics, one record without a body."""
    made = Maker(40, wrapper="otlp", format="json_lines", identity="by_request_id", map=FLAT)
    for line in range(6):
        records = []
        for number in range(5):
            call = _otlp_call(made, 5 * line + number)
            body = _any(call) if number % 2 else {"stringValue": json.dumps(call, ensure_ascii=False)}
            records.append(
                {
                    "timeUnixNano": nanoseconds(made.tick()),
                    "body": body,
                    "attributes": [{"key": "n", "value": _any(number)}],
                }
            )
        made.draw.shuffle(records)
        about = {"attributes": [{"key": "service.name", "value": _any("router")}]}
        made.put(json.dumps({"resourceLogs": [{"resource": about, "scopeLogs": [{"logRecords": records}]}]}), "read", predictions=5)  # fmt: skip
    made.put(json.dumps({"resourceMetrics": []}), "other")
    empty = {"resourceLogs": [{"scopeLogs": [{"logRecords": [{"timeUnixNano": nanoseconds(made.tick())}]}]}]}
    made.put(json.dumps(empty), "rejected", rejects=("missing_field",))
    return made.done()


def otlp_spans() -> Sample:
    """Spans of calls: the latency is end - start; of other spans, nothing."""
    made = Maker(41, wrapper="otlp", format="json_lines", gives="service", keep_if={"field": "name", "matches": "^POST /predict"},
                 map={"request_id": "span_id", "endpoint": 'attributes."http.route"', "latency_ms": "latency_ms",
                      "status": 'attributes."http.response.status_code"'})  # fmt: skip
    for number in range(20):
        ended = int(nanoseconds(made.tick()))
        name = "POST /predict" if number % 2 else "GET /health"
        span = {"name": name, "traceId": "aa", "spanId": f"{number:02x}", "startTimeUnixNano": str(ended - 48_000_000), "endTimeUnixNano": str(ended),
                "attributes": [{"key": "http.route", "value": _any("/predict")}, {"key": "http.response.status_code", "value": _any(200)}]}  # fmt: skip
        line = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]})
        made.put(line, "read" if number % 2 else "other", requests=number % 2)
    return made.done()


def torchserve() -> Sample:
    made = Maker(42, preset="torchserve", zone="UTC")
    for number in range(50):
        when = f"{made.tick():%Y-%m-%d %H:%M:%S},{made.when.microsecond // 1000:03d}"
        inside = "[INFO ] BackendWorker-9000 ACCESS_LOG " if number % 2 else ""
        made.put(
            f'{when} {inside}- /127.0.0.1:64003 "POST /predictions/ape HTTP/1.1" 200 {number + 1}', "read", requests=1
        )
    made.put("2026-09-01 06:00:00,000 [INFO ] main org.pytorch.serve.ModelServer - Initialize", "other")
    return made.done()


def stamp(made: Maker) -> str:
    return f"{made.tick():%Y-%m-%d %H:%M:%S},{made.when.microsecond // 1000:03d}"


def ray_serve() -> Sample:
    """Lines of three generations, one of them with an id; what a handle and the proxy's start write is other."""
    made = Maker(43, preset="ray_serve", zone="UTC")
    for number in range(40):
        told = f"POST /predict?q=secret {500 if number % 10 == 9 else 200} {number + 1}.5ms"
        first, call = "default_Coder 8ey9y40a", f"{number:08x}-7dc8-437b-bd52-b4839d215212"
        line = (
            f"(HTTPProxyActor pid=71150) INFO {stamp(made)} http_proxy 127.0.0.1 http_proxy.py:315 - {told}"
            if number % 4 == 0
            else f"INFO {stamp(made)} {first} {call} /predict replica.py:373 - {told}"
            if number % 4 == 1
            else f"INFO {stamp(made)} {first} {call} -- {told}"
        )
        made.put(line, "read", requests=1)
    made.put(f"INFO {stamp(made)} {first} {call} /predict replica.py:373 - __CALL__ OK 0.6ms", "other")
    made.put(f"INFO {stamp(made)} proxy 127.0.0.1 -- GET /-/healthz 200 0.6ms", "other")
    made.put(
        f"INFO {stamp(made)} proxy 127.0.0.1 proxy.py:1165 - Proxy starting on node 8b3e (HTTP port: 8000).", "other"
    )
    return made.done()


def r_plumber() -> Sample:
    """Both usual lines, with and without the caller's program; an error's level; the API's own talk is other."""
    made = Maker(44, preset="r_plumber", zone="UTC")
    for number in range(40):
        level, status = ("ERROR", 400) if number % 10 == 9 else ("INFO", 200)
        told = (
            f'127.0.0.1 "R (4.4.1) \\"x\\"" localhost:8000 POST /predict {status} 0.0{number:02d}'
            if number % 2
            else f"127.0.0.1 POST /predict ?q=secret  {status} {number}e-03"
        )
        made.put(f"{level} [{made.tick():%Y-%m-%d %H:%M:%S}] {told}", "read", requests=1)
    made.put(f"INFO [{made.tick():%Y-%m-%d %H:%M:%S}] /predict 0.004", "other")
    made.put("Running plumber API at http://127.0.0.1:8000", "other")
    return made.done()


def triton() -> Sample:
    """A model's span is a call; those around and inside it are not."""
    made = Maker(45, preset="triton")
    for number in range(20):
        ended = int(nanoseconds(made.tick()))
        told = [
            {"key": "triton.model_name", "value": _any("ape")},
            {"key": "triton.model_version", "value": {"intValue": "3"}},
        ]
        spans = [
            {"name": name, "spanId": f"{number:02x}", "startTimeUnixNano": str(ended - 9_000_000), "endTimeUnixNano": str(ended),
             "attributes": told if name == "ape" else []}
            for name in ("InferRequest", "ape", "compute")
        ]  # fmt: skip
        made.put(json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}), "read", requests=1)
    return made.done()


CAPTURES: dict[str, Callable[[], Sample]] = {
    one.__name__: one
    for one in (sagemaker_csv, sagemaker_json, databricks_records, databricks_split, databricks_gateway, mlflow_instances, seldon,
                bentoml_monitoring, vertex, otlp_logs, otlp_spans, torchserve, ray_serve, r_plumber, triton)
}  # fmt: skip
