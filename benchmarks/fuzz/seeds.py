"""Name what malformed lines are made from: a good line or two of every format, and how its source is declared."""

from dataclasses import dataclass
from typing import Any

from monitor.settings import Source
from monitor.sources.preset import expanded

MODEL = "ape"
EPOCH_MS = 1788264000000
_TEXTS = ("card lost", "l'hair du temps - coiffure", "crêperie, vente à emporter", "a 'b' \"c\" {d} [e], f=g")
_MAP = {
    "time": "ts", "request_id": "request_id", "text": "input[].text", "topk_labels": "output[].labels",
    "topk_scores": "output[].scores", "latency_ms": {"field": "latency", "unit": "s"}, "status": "status",
    "caller": "app", "field_TYP": "input[].TYP",
}  # fmt: skip


@dataclass(frozen=True)
class Target:
    """Hold good lines and the source that reads them."""

    name: str
    source: Source
    lines: tuple[bytes, ...]


def _target(name: str, lines: list[str], **more: Any) -> Target:
    about = {"name": name, "files": f"logs/{name}/*", "model": MODEL, "zone": "Europe/Paris", **more}
    return Target(name, expanded(Source(**about)), tuple(line.encode(about.get("encoding", "utf-8")) for line in lines))


def _json(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _calls() -> list[str]:
    return [
        f'{{"ts":"2026-09-01T10:33:52.153Z","request_id":"r{n}","app":"web","input":[{{"text":"{_json(text)}","TYP":"I"}}],'
        f'"output":[{{"labels":["a","b"],"scores":[0.91,0.05]}}],"latency":0.042,"status":200}}'
        for n, text in enumerate(_TEXTS)
    ]


def _rows() -> list[str]:
    """Return a call of three texts."""
    inputs = ",".join(f'{{"text":"{_json(text)}","TYP":"I"}}' for text in _TEXTS[:3])
    answers = ",".join(['{"labels":["a","b"],"scores":[0.91,0.05]}'] * 3)
    return [
        f'{{"ts":"2026-09-01T10:33:52Z","request_id":"rows","input":[{inputs}],"output":[{answers}],"latency":0.1}}'
    ]


def _literals() -> list[str]:
    return [
        f"2026-09-01 10:33:52,153 - INFO - {{'Query': {{'libelle': {text!r}, 'TYP': 'I', 'SRF': nan}}, 'Response': "
        "{'1': {'code': '9602A', 'probabilite': np.float32(0.98), 'libelle': 'Coiffure'}, 2: {'code': '9602B', "
        "'probabilite': 1.2e-2}, 'IC': 0.97}}"
        for text in _TEXTS
    ]


def _bilans() -> list[str]:
    return [
        f"2026-09-01 08:15:02.417 INFO CodificationBilan[sourceAppel=WF, libelleActivite={text}, natureActivites=NaN, "
        "liasseType=I, predictions=[[prediction n° 1 : code naf proposé = 9602A ; proba associée = 0.9876], [prediction "
        "n° 2 : code naf proposé = 9602B ; proba associée = 1.2E-4]], bilan=[x], fasttextVersion=8]"
        for text in _TEXTS
    ]


_INGRESS = (
    '10.0.3.9 - - [01/Sep/2026:10:33:52 +0000] "POST /predict/ HTTP/1.1" 200 512 "-" "requests/2.32" 310 0.048 '
    "[ape-80] [] 10.0.9.4:8000, 10.0.9.5:8000 512, 3 0.010, 0.047 502, 200 5f2c"
)
_UVICORN = 'INFO:     10.0.3.7:51234 - "POST /predict/?nb=5 HTTP/1.1" 200 OK'
_GUNICORN = (
    '10.0.3.7 - - [01/Sep/2026:10:33:52 +0000] "POST /predict/ HTTP/1.1" 200 512 "-" "curl \\"8\\" with \\x00" 48211'
)
_VIGIE = (
    '{"vigie":1,"time":"2026-09-01T10:33:52.153Z","instance":"9f3c","seq":1841,"request_id":"0f8c","row":0,"rows":2,'
    '"model":"ape","model_version":"m-4","variant":"champion","endpoint":"/predict/","caller":"web","text":"Salon de '
    'coiffure","fields":{"TYP":"I","SRF":12.0},"topk":[["9602A",0.98],["9602B",0.01]],"score":0.97,"decision":'
    '"automatic","latency_ms":41.7,"status":200,"error":null,"sampling_rate":1}'
)
_MLFLOW = (
    '{"databricks_request_id":"9b","timestamp_ms":1788264000000,"status_code":200,"execution_time_ms":41,"request":'
    '"{\\"dataframe_records\\":[{\\"text\\":\\"card lost\\"}]}","response":"{\\"predictions\\":[{\\"label\\":'
    '\\"card_lost\\",\\"confidence\\":0.91}]}","sampling_fraction":0.1}'
)
_SAGEMAKER = (
    '{"captureData":{"endpointInput":{"observedContentType":"text/csv","mode":"INPUT","data":"card lost","encoding":'
    '"CSV"},"endpointOutput":{"observedContentType":"text/csv","mode":"OUTPUT","data":"card_lost,0.91","encoding":"CSV"}},'
    '"eventMetadata":{"eventId":"8f45","inferenceTime":"2026-09-01T10:33:52Z"},"eventVersion":"0"}'
)
_AZURE = [
    f'{{"specversion":"1.0","id":"a","source":"x","type":"azureml.inference.{side}","time":"2026-09-01T10:33:52Z","data":'
    f'[{data}],"correlationid":"c7","modelversion":"4"}}'
    for side, data in (("inputs", '{"text":"card lost"}'), ("outputs", '{"label":"card_lost","score":0.91}'))
]
_KSERVE = [
    f'{{"specversion":"1.0","type":"org.kubeflow.serving.inference.{side}","id":"a1","time":"2026-09-01T10:33:52Z",'
    f'"inferenceservicename":"router","endpoint":"default","data":{data}}}'
    for side, data in (
        ("request", '{"instances":["card lost"]}'),
        ("response", '{"predictions":[{"label":"card_lost","score":0.91}]}'),
        ("request", '{"inputs":[{"name":"text","datatype":"BYTES","shape":[1],"data":["card lost"]}]}'),
    )
]
_SELDON = (
    '{"RequestId":"a1","@timestamp":"2026-09-01T10:33:52Z","request":{"dataType":"text","instance":"card lost"},'
    '"response":{"names":["card_lost"],"payload":{"data":{"ndarray":[[0.91]]}}}}'
)
_BENTOML = (
    '{"text":"card lost","pred":"card_lost","prob":0.91,"timestamp":"2026-09-01T10:33:52.153001","request_id":"77",'
    '"trace_id":"9"}'
)
_OTLP = (
    '{"resourceLogs":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"router"}}]},"scopeLogs":'
    '[{"logRecords":[{"timeUnixNano":"1788264000000000000","body":{"stringValue":"{\\"text\\":\\"card lost\\",\\"label\\":'
    '\\"a\\",\\"score\\":0.9}"},"attributes":[{"key":"n","value":{"intValue":"7"}}]}]}]}]}'
)
_VERTEX = (
    '{"logging_time":"2026-09-01T10:33:52Z","request_id":"7","deployed_model_id":"m","request_payload":'
    '["{\\"text\\":\\"card lost\\"}","{\\"text\\":\\"b\\"}"],"response_payload":["{\\"label\\":\\"a\\",\\"score\\":0.9}",'
    '"{\\"label\\":\\"b\\",\\"score\\":0.8}"]}'
)
_TORCHSERVE = (
    '2026-09-01 10:33:52,976 [INFO ] W-9000 ACCESS_LOG - /127.0.0.1:64003 "POST /predictions/ape HTTP/1.1" 200 118'
)
_RAY_SERVE = "INFO 2026-09-01 10:33:52,976 default_Coder 8ey9y40a e3b77013-7dc8-437b-bd52-b4839d215212 -- POST /predict 200 3.5ms"
_R_PLUMBER = 'INFO [2026-09-01 10:33:52] 127.0.0.1 "curl/8" localhost:8000 POST /predict 200 0.004'
_PLAIN_MAP = {"text": "text", "label": "label", "score": "score"}


def _wrapped() -> list[Target]:
    call, literal = _calls()[0], _literals()[1]
    stamp = "2026-09-01T10:33:52.153443515Z stdout"
    halves = [f"{stamp} P {literal[:90]}", f"{stamp} F {literal[90:]}"]
    streams = f'{{"streams":[{{"stream":{{"pod":"a"}},"values":[["1788264000000000000","{_json(call)}"]]}}]}}'
    json_lines = {"format": "json_lines", "map": _MAP}
    return [
        _target("cri", [f"{stamp} F {literal}", *halves, f"{stamp[:-6]}stderr F oops"],
                wrapper="cri", format="python_literal"),
        _target("docker", [f'{{"log":"{_json(_UVICORN)}\\n","stream":"stdout","time":"2026-09-01T10:33:52.153Z"}}',
                           f'{{"log":"{_json(_UVICORN[:20])}","stream":"stdout","time":"2026-09-01T10:33:52.153Z"}}'],
                wrapper="docker", format="access_log"),
        _target("loki", [streams], wrapper="loki", identity="by_line", **json_lines),
        _target("elasticsearch", [f'{{"_id":"x","_source":{{"@timestamp":"2026-09-01T10:33:52.1Z","message":"{_json(call)}"}}}}'],
                wrapper="elasticsearch", identity="by_request_id", **json_lines),
        _target("splunk", [f'{{"preview":false,"result":{{"_raw":"{_json(call)}","_time":"2026-09-01T10:33:52+01:00"}}}}'],
                wrapper="splunk", **json_lines),
        _target("cloudwatch", [f'{{"timestamp":{EPOCH_MS},"message":"{_json(call)}"}}',
                               f'{{"events":[{{"timestamp":{EPOCH_MS},"message":"{_json(call)}"}}]}}'],
                wrapper="cloudwatch", **json_lines),
        _target("kubectl", [f"[pod/ape-1/api] {literal}"], wrapper="kubectl", format="python_literal"),
    ]  # fmt: skip


TARGETS: tuple[Target, ...] = (
    _target("vigie_line", [_VIGIE, '{"vigie":1,"dropped":37,"seq":1900,"time":"2026-09-01T10:33:52Z"}'],
            format="vigie_line", identity="by_request_id"),
    _target("json_lines", [*_calls(), *_rows()], format="json_lines", identity="by_request_id", map=_MAP),
    _target("json_epoch", [f'{{"t":{EPOCH_MS},"text":"taxi","label":"a","score":0.5,"path":"/p"}}'], format="json_lines",
            map={**_PLAIN_MAP, "time": {"field": "t", "unit": "ms"}}, keep_if={"field": "path", "matches": "^/p"}),
    _target("python_literal", _literals(), format="python_literal"),
    _target("java_tostring", _bilans(), format="java_tostring", encoding="latin-1"),
    _target("access_log", [_INGRESS, _UVICORN, _GUNICORN], format="access_log", gives="service",
            map={"latency_ms": {"field": "last", "unit": "us"}}),
    _target("databricks", [_MLFLOW], preset="databricks_records"),
    _target("kserve", _KSERVE, preset="kserve_v1"),
    _target("bentoml", [_BENTOML], preset="bentoml_monitoring"),
    _target("vertex", [_VERTEX], preset="vertex"),
    _target("sagemaker", [_SAGEMAKER, _SAGEMAKER.replace('"card lost","encoding":"CSV"', '"Y2FyZCBsb3N0","encoding":"BASE64"')],
            preset="sagemaker_csv"),
    _target("azure", _AZURE, preset="azure_ml"),
    _target("seldon", [_SELDON], preset="seldon"),
    _target("otlp", [_OTLP, _OTLP.replace('"stringValue":"{', '"kvlistValue":{"values":[{"key":"text","value":{"stringValue":"t"}}]},"x":"{')],
            wrapper="otlp", format="json_lines", map=_PLAIN_MAP),
    _target("torchserve", [_TORCHSERVE], preset="torchserve"),
    _target("ray_serve", [_RAY_SERVE, _RAY_SERVE.replace(" --", " replica.py:373 -")], preset="ray_serve"),
    _target("r_plumber", [_R_PLUMBER], preset="r_plumber"),
    _target("gateway", [_MLFLOW.replace('"timestamp_ms":1788264000000', '"request_time":"2026-09-01T10:33:52Z"')
                        .replace("execution_time_ms", "execution_duration_ms")], preset="databricks_gateway"),
    *_wrapped(),
)  # fmt: skip
