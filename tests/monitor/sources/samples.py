"""Logs of every shape, made by a seed, with the counts the maker knows: no reader of ours has a part in them."""

import json
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

FIRST = datetime(2026, 9, 1, 6, tzinfo=UTC)
WORDS = ("salon de coiffure", "l'hair du temps", "boulangerie - pâtisserie", "crêperie, glaces", 'dit "le bon coin"', "taxi",
         "location de meublé", "conseil", "bar à ongles & spa", "nettoyage (vitres)")  # fmt: skip
CODES = ("9602A", "1071C", "5610C", "4932Z", "6820A", "7022Z", "8122Z")


@dataclass
class Sample:
    """Hold a log, how it is declared, and what must be found in it."""

    source: dict[str, Any]
    data: bytes
    lines: Counter[str] = field(default_factory=Counter)  # by fate
    predictions: int = 0
    requests: int = 0
    rejects: Counter[str] = field(default_factory=Counter)


class Maker:
    """Draw texts, answers and times, and keep the books."""

    def __init__(self, seed: int, **source: Any) -> None:
        self.draw, self.source, self.out = random.Random(seed), source, []
        self.sample = Sample(source, b"")
        self.when = FIRST

    def tick(self) -> datetime:
        self.when += timedelta(milliseconds=self.draw.randrange(1, 60_000))
        return self.when

    def answers(self, count: int) -> list[tuple[str, float]]:
        best = round(self.draw.uniform(0.4, 0.98), 2)
        rest = [round((1 - best) / 2**n, 4) for n in range(1, count)]
        return list(zip(self.draw.sample(CODES, count), [best, *rest], strict=True))

    def put(
        self, line: str | bytes, fate: str, *, predictions: int = 0, requests: int = 0, rejects: tuple[str, ...] = ()
    ) -> None:
        self.out.append(line if isinstance(line, bytes) else line.encode())
        self.sample.lines[fate] += 1
        self.sample.predictions += predictions
        self.sample.requests += requests
        self.sample.rejects.update(rejects)

    def done(self, *, shuffled: bool = False) -> Sample:
        if shuffled:
            self.draw.shuffle(self.out)
        self.sample.data = b"".join(line + b"\n" for line in self.out)
        return self.sample


ROUTER = {
    "time": "ts", "request_id": "request_id", "text": "input.messages[].text", "topk_labels": "output[].candidates[*].label",
    "topk_scores": "output[].candidates[*].score", "latency_ms": {"field": "latency", "unit": "s"},
}  # fmt: skip


def call(made: Maker, number: int, rows: int, **changed: Any) -> str:
    """Return one call of the router: `changed` replaces top keys."""
    tree = {
        "ts": made.tick().isoformat().replace("+00:00", "Z"), "request_id": f"r{number}", "latency": 0.042,
        "input": {"messages": [{"text": made.draw.choice(WORDS)} for _ in range(rows)]},
        "output": [{"candidates": [{"label": a, "score": s} for a, s in made.answers(2)]} for _ in range(rows)],
    }  # fmt: skip
    return json.dumps({**tree, **changed}, ensure_ascii=False)


def json_plain() -> Sample:
    made = Maker(1, format="json_lines", map=ROUTER, identity="by_request_id")
    for number in range(100):
        rows = 3 if number % 10 == 9 else 1
        made.put(call(made, number, rows), "read", predictions=rows)
    return made.done()


def json_rejects() -> Sample:
    """Twenty good lines, and one for each reason that a short JSON line of one row can have."""
    made = Maker(2, format="json_lines", map=ROUTER, identity="by_request_id")
    one = lambda **wrong: call(made, 0, 1, **wrong)
    out = lambda label, score: [{"candidates": [{"label": label, "score": score}]}]
    bad = {
        "invalid_syntax": one()[:-9], "not_a_record": one(output=[]), "missing_field": one(ts=None),
        "wrong_type": one(latency="soon"), "bad_label": one(output=out("a\u202eb", 0.5)),
        "out_of_range": one(output=out("1071C", 1.5)), "no_time_zone": one(ts="2026-09-01T07:00:00"),
        "too_new": one(ts="2027-01-01T00:00:00Z"), "too_old": one(ts="1960-01-01T00:00:00Z"),
        "not_finite": one(latency=float("inf")), "too_deep": one(deep=json.loads("[" * 40 + "]" * 40)),
        "invalid_encoding": one().encode().replace(b'"r0"', b'"\xff"'), "line_too_long": one(filler="x" * 5000),
    }  # fmt: skip
    for number in range(20):
        made.put(call(made, number + 1, 1), "read", predictions=1)
    for reason, line in bad.items():
        made.put(line, "rejected", rejects=(reason,))
    return made.done(shuffled=True)


def g1_body(made: Maker, text: str, answers: list[tuple[str, float]]) -> str:
    response: dict[Any, Any] = {
        str(n): {"code": c, "probabilite": p, "libelle": "Titre, d'usage"} for n, (c, p) in enumerate(answers, 1)
    }
    response["IC"] = round(answers[0][1] - answers[1][1], 4) if answers else None
    return f"{{'Query': {{'libelle': {text!r}, 'TYP': 'I', 'NAT': None, 'SRF': 'NaN'}}, 'Response': {response!r}}}"


def stamped(when: datetime) -> str:
    return when.strftime("%Y-%m-%d %H:%M:%S,") + f"{when.microsecond // 1000:03d}"


TRACEBACK = """Traceback (most recent call last):
  File "app.py", line 12, in predict
    answer = model(text)
  File "model.py", line 3, in __call__
    return self.net(text)
  File "net.py", line 44, in forward
    raise ValueError(text)
ValueError: too short
During handling of the above exception, another exception occurred:
  File "app.py", line 20, in predict
    raise HTTPException(500)
HTTPException: 500
INFO:     10.0.3.7:51234 - "POST /predict HTTP/1.1" 500"""


def insee_g1() -> Sample:
    made = Maker(3, format="python_literal", zone="UTC")
    for number in range(100):
        text = made.draw.choice(WORDS)
        made.put(f"{stamped(made.tick())} - INFO - {g1_body(made, text, made.answers(5))}", "read", predictions=1)
        if number % 6 == 0 and number < 108:
            made.put(f"{stamped(made.when)} - INFO - model fasttext-8 loaded", "other")
        if number == 50:
            for line in TRACEBACK.splitlines():
                made.put(line, "other")
    return made.done()


def insee_g3() -> Sample:
    made = Maker(4, format="python_literal", zone="Europe/Paris")
    for number in range(100):
        text = "nan" if number % 20 == 0 else repr(made.draw.choice(WORDS))
        answers = [] if number % 40 == 1 else made.answers(5)
        listed = ", ".join(
            f"{n}: {{'code': {c!r}, 'probabilite': np.float32({p})}}" for n, (c, p) in enumerate(answers, 1)
        )
        query = f"{{'description_activity': {text}, 'SRF': np.int64(7), 'CJ': nan, 'v': array([1, 2]), 'd': Decimal('1.5')}}"
        made.put(
            f"{stamped(made.tick())} - INFO - {{'Query': {query}, 'Response': {{{listed}}}}}", "read", predictions=1
        )
    for _ in range(2):
        made.put(f"{stamped(made.tick())} - INFO - {{'Query': {{'libelle': 'x', 'at': datetime.datetime(2026, 1, 1)}}, 'Response': {{}}}}",
                 "rejected", rejects=("invalid_syntax",))  # fmt: skip
    return made.done()


def insee_course() -> Sample:
    made = Maker(5, format="python_literal", zone="UTC")
    for number in range(60):
        text = "un piège, 'Response': {'1': 2}" if number % 15 == 0 else made.draw.choice(WORDS)
        answers = {str(n): {"code": c, "probabilite": p} for n, (c, p) in enumerate(made.answers(2), 1)}
        made.put(f"{stamped(made.tick())} - INFO - {{'Query': {text}, 'Response': {answers!r}}}", "read", predictions=1)
    return made.done()


def sirene_g0() -> Sample:
    made = Maker(6, format="java_tostring", zone="Europe/Paris")
    for number in range(79):
        text = "Salon, coiffure, à domicile" if number % 9 == 0 else made.draw.choice(WORDS)
        listed = ", ".join(
            f"[prediction n° {n} : code naf proposé = {c} ; proba associée = {p}]"
            for n, (c, p) in enumerate(made.answers(3), 1)
        )
        line = (f"{made.tick():%Y-%m-%d %H:%M:%S}.417 INFO 7 --- [main] f.i.Codification : CodificationBilan[sourceAppel=WF, "
                f"libelleActivite={text}, natureActivites=NaN, predictions=[{listed}], bilan=null, fasttextVersion=8]")  # fmt: skip
        made.put((b"\x00" * 64 if number == 40 else b"") + line.encode(), "read", predictions=1)
    made.sample.rejects["nul_hole"] += 1
    made.put(line[:-80], "rejected", rejects=("invalid_syntax",))
    return made.done()


def cri(made: Maker, text: str, stream: str = "stdout", tag: str = "F") -> str:
    return f"{made.tick():%Y-%m-%dT%H:%M:%S.%f}000Z {stream} {tag} {text}"


def cri_split() -> Sample:
    """Twenty records in three pieces, eighty whole, ten lines of stderr between, and a piece without an end."""
    made = Maker(7, format="python_literal", wrapper="cri", zone="UTC")
    for number in range(100):
        line = f"{stamped(made.tick())} - INFO - {g1_body(made, made.draw.choice(WORDS), made.answers(5))}"
        if number % 5:
            made.put(cri(made, line), "read", predictions=1)
            continue
        made.put(cri(made, line[:80], tag="P"), "piece")
        if number % 10 == 0:
            made.put(cri(made, "warning: slow", "stderr"), "other")
        made.put(cri(made, line[80:160], tag="P"), "piece")
        made.put(cri(made, line[160:]), "read", predictions=1)
    made.put(cri(made, "2026-09-01 - INFO - {'Query'", tag="P"), "rejected", rejects=("unfinished_record",))
    return made.done()


def docker_json() -> Sample:
    made = Maker(8, format="json_lines", wrapper="docker", map=ROUTER, identity="by_request_id")
    for number in range(100):
        line, about = call(made, number, 1), {"stream": "stdout", "time": "2026-09-01T09:00:00.123456789Z"}
        if number % 20:
            made.put(json.dumps({"log": line + "\n", **about}), "read", predictions=1)
        else:
            made.put(json.dumps({"log": line[:50], **about}), "piece")
            made.put(json.dumps({"log": line[50:] + "\n", **about}), "read", predictions=1)
    return made.done()


def request(made: Maker, path: str, status: int, more: str) -> str:
    return f'10.0.3.9 - - [{made.tick():%d/%b/%Y:%H:%M:%S} +0000] "POST {path} HTTP/1.1" {status} 512 "-" "client/2.3"{more}'


def ingress() -> Sample:
    """Three retries, four calls without an upstream, seventeen health checks."""
    made = Maker(9, format="access_log", keep_if={"field": "path", "matches": "^/predict"})
    for number in range(183):
        times, codes = ("0.010, 0.047", "502, 200") if number < 3 else ("-", "-") if number < 7 else ("0.047", "200")
        more = f" 310 0.048 [ape-80] [] 10.0.9.4:8000 512 {times} {codes} req{number}"
        made.put(request(made, "/predict/?nb=5&q=secret", 200, more), "read", requests=1)
    for _ in range(17):
        made.put(request(made, "/healthz", 200, " 10 0.001 [ape-80] [] 10.0.9.4:8000 2 0.001 200 h"), "other")
    return made.done(shuffled=True)


def uvicorn_in_cri() -> Sample:
    made = Maker(10, format="access_log", wrapper="cri")
    for number in range(48):
        colour = "\x1b[32mINFO\x1b[0m:" if number % 2 else "INFO:"
        made.put(
            cri(made, f'{colour}     10.0.3.7:{51000 + number} - "POST /predict/?q=secret HTTP/1.1" 200 OK'),
            "read",
            requests=1,
        )
    made.put(cri(made, "INFO:     Started server process [1]"), "other")
    made.put(cri(made, 'INFO:     10.0.3.7:1 - "GET /health HTTP/1.1" 200 OK'), "other")
    return made.done()


def gunicorn() -> Sample:
    made = Maker(11, format="access_log", map={"latency_ms": {"field": "last", "unit": "us"}})
    for number in range(50):
        made.put(request(made, "/predict/", 500 if number % 10 == 0 else 200, " 48211"), "read", requests=1)
    return made.done()


def kubectl() -> Sample:
    made = Maker(12, format="python_literal", wrapper="kubectl", zone="UTC", identity="by_line")
    for number in range(30):
        made.put(
            f"[pod/ape-{number % 3}/api] {stamped(made.tick())} - INFO - {g1_body(made, 'taxi', made.answers(3))}",
            "read",
            predictions=1,
        )
    made.put("no pod in front", "rejected", rejects=("not_a_record",))
    return made.done()


def exported(wrapper: str, wrap: Callable[[str, datetime, int], dict[str, Any]], seed: int) -> Sample:
    made = Maker(seed, format="json_lines", wrapper=wrapper, map=ROUTER, identity="by_line")
    for number in range(60):
        line = call(made, number, 1)
        made.put(json.dumps(wrap(line, made.when, number)), "read", predictions=1)
    return made.done()


def nanoseconds(when: datetime) -> int:
    return (when - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 1000


def loki() -> Sample:
    """Ten records on each line."""
    made = Maker(13, format="json_lines", wrapper="loki", map=ROUTER, identity="by_line")
    for number in range(6):
        values = [[str(nanoseconds(made.tick()) + 7), call(made, 10 * number + n, 1)] for n in range(10)]
        made.put(json.dumps({"streams": [{"stream": {"pod": "ape-1"}, "values": values}]}), "read", predictions=10)
    return made.done()


def elastic() -> Sample:
    return exported(
        "elasticsearch",
        lambda line, when, n: {"_id": f"e{n}", "_source": {"@timestamp": when.isoformat(), "message": line}},
        14,
    )


def splunk() -> Sample:
    found = exported(
        "splunk", lambda line, when, n: {"preview": False, "result": {"_raw": line, "_time": when.isoformat()}}, 15
    )
    found.data += json.dumps({"preview": True, "result": {"_raw": "x"}}).encode() + b"\n"
    found.lines["other"] += 1
    return found


def cloudwatch() -> Sample:
    return exported(
        "cloudwatch",
        lambda line, when, n: {"timestamp": nanoseconds(when) // 1_000_000, "message": line, "ingestionTime": 1},
        16,
    )


def prefixed() -> Sample:
    made = Maker(17, format="json_lines", map={"time": "at", "text": "t", "label": "l", "score": "s"}, prefix=r"\w+ - ")
    for _ in range(20):
        made.put(
            f'INFO - {{"at": "{made.tick().isoformat()}", "t": "taxi", "l": "4932Z", "s": "0.5"}}',
            "read",
            predictions=1,
        )
    made.put("start", "other")
    return made.done()


SAMPLES: dict[str, Callable[[], Sample]] = {
    one.__name__: one
    for one in (json_plain, json_rejects, insee_g1, insee_g3, insee_course, sirene_g0, cri_split, docker_json, ingress,
                uvicorn_in_cri, gunicorn, kubectl, loki, elastic, splunk, cloudwatch, prefixed)
}  # fmt: skip
