"""Vigie looks at logs nobody described, and writes a config.yaml that reads them."""

import csv
import gzip
import json
import os
import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import typer
from sqlalchemy import func, select
from typer.testing import CliRunner

from benchmarks.fuzz.reading import malformed, targets
from jobs.ingest import ingest
from jobs.init import facts, label_file, look
from jobs.init_write import report, written
from jobs.labels import labels
from jobs.summarise import summarise
from jobs.verbs import setup
from jobs.verbs.session import Session
from monitor.config import Config, load
from monitor.errors import ConfigError, NoData
from monitor.profiles.histogram import Histogram
from monitor.profiles.profile import Profile
from monitor.quality.accuracy import measured
from monitor.store import arrivals, profiles
from monitor.store.labels import joined as joined_labels
from monitor.store.tables import label as label_table
from monitor.store.tables import prediction
from tests.conftest import opened
from tests.monitor.sources.captures import CAPTURES
from tests.monitor.sources.samples import SAMPLES

NOW = datetime(2026, 9, 2, 12, 0, tzinfo=UTC)
CODES = ("9602A", "5610C", "4711B", "6201Z", "4332A")
TRADES = ("coiffure", "restaurant", "épicerie", "logiciels", "menuiserie")


def vigie(folder: Path, *arguments: str) -> tuple[int, str]:
    """Run the verb in an application of its own, with this folder's config.yaml."""
    app = typer.Typer()

    @app.callback()
    def _(context: typer.Context) -> None:
        context.obj = Session(folder / "config.yaml")

    setup.add_to(app)
    result = CliRunner().invoke(app, list(arguments))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.output


def cri(at: datetime, text: str, stream: str = "stdout") -> list[str]:
    """Return a line as a container runtime writes it, long ones in pieces."""
    head = f"{at:%Y-%m-%dT%H:%M:%S.%f}789Z {stream}"
    return [f"{head} P {text[:200]}", f"{head} F {text[200:]}"] if len(text) > 260 else [f"{head} F {text}"]


def case(folder: Path) -> dict[str, Any]:
    """Write the model case's logs: three pods in CRI files, rotated, one packed, an ingress beside, labels; return the truth."""
    draw = random.Random(11)
    pods: dict[str, list[str]] = {f"ape-api-{n}": [] for n in range(3)}
    ingress: list[str] = []
    calls: list[dict[str, Any]] = []
    for number in range(1500):
        at = NOW - timedelta(hours=20) + timedelta(seconds=40 * number, microseconds=draw.randrange(1_000_000))
        answer = draw.randrange(5)
        best = round(draw.uniform(0.5, 0.99), 2)
        second = round((1 - best) / 2, 2)
        word = "".join(draw.choices("abcdefghijklmnop", k=9))
        text = f"{TRADES[answer]} de l'atelier {word}"
        literal = {"Query": {"libelle": text, "TYP": draw.choice("IMX"), "SRF": "NaN"},
                   "Response": {"1": {"code": CODES[answer], "probabilite": best, "libelle": TRADES[answer]},
                                "2": {"code": CODES[(answer + 1) % 5], "probabilite": second, "libelle": "autre"},
                                "IC": round(best - second, 2)}}  # fmt: skip
        local = at + timedelta(hours=2)
        pod = pods[f"ape-api-{number % 3}"]
        if number % 50 == 0:
            pod += cri(at, 'INFO:     10.0.0.1:1 - "GET /healthz HTTP/1.1" 200 OK') + cri(at, "Traceback", "stderr")
        pod += cri(at, f"{local:%Y-%m-%d %H:%M:%S},{at.microsecond // 1000:03d} - INFO - {literal!r}")
        ms = draw.randint(10, 90)
        path = "/predict/" if number % 10 else "/docs"
        ingress += cri(at, f'10.0.3.9 - - [{at:%d/%b/%Y:%H:%M:%S} +0000] "POST {path} HTTP/1.1" 200 512 "-" "r/2" 310 0.{ms + 3:03d} '
                           f"[ape-80] [] 10.0.9.4:8000 512 0.{ms:03d} 200 {number:032x}")  # fmt: skip
        calls.append(
            {"text": text, "label": CODES[answer], "at": at, "ms": ms, "path": path, "ic": round(best - second, 2)}
        )
    then = NOW.timestamp() - 3600
    for name, lines in pods.items():
        place = folder / "pods" / name / "api"
        place.mkdir(parents=True)
        half = len(lines) // 2 + (
            lines[len(lines) // 2].split()[2] == "F" and lines[len(lines) // 2 - 1].split()[2] == "P"
        )
        old = "".join(f"{line}\n" for line in lines[:half]).encode()
        packed = name == "ape-api-1"
        (place / ("0.log.20260901.gz" if packed else "0.log.20260901")).write_bytes(
            gzip.compress(old) if packed else old
        )
        (place / "0.log").write_text("".join(f"{line}\n" for line in lines[half:]), encoding="utf-8")
    (folder / "ingress").mkdir()
    (folder / "ingress" / "0.log").write_text("".join(f"{line}\n" for line in ingress), encoding="utf-8")
    for file in folder.rglob("*.log*"):
        os.utime(file, (then, then))
    (folder / "labels").mkdir()
    audited = draw.sample(calls, 300)
    with (folder / "labels" / "export.csv").open("w", newline="", encoding="utf-8") as out:
        write = csv.writer(out)
        write.writerow(("text", "label", "source", "inclusion", "labelled_at"))
        for number, call in enumerate(audited):
            found = call["label"] if number % 10 else "0000Z"  # one in ten was answered wrongly
            write.writerow((call["text"], found, "audit", 0.2, (NOW - timedelta(minutes=5)).isoformat()))
    return {"calls": calls, "requests": [one for one in calls if one["path"] == "/predict/"]}


def once(config: Config) -> dict[str, Any]:
    """Read, fold and join labels as `vigie once` does; return what is stored."""
    with opened(config.database) as store:
        told = ingest(store, config, NOW)
        summarise(store, config, NOW)
        joined = labels(store, config, NOW)
        with store.read() as connection:
            rows = connection.execute(select(prediction)).all()
            feed = {one["name"]: one for one in arrivals.feed(connection)}
            name = next(iter(config.models))
            count = select(func.count()).select_from(label_table.join(
                prediction, (label_table.c.uid == prediction.c.uid) & (label_table.c.label == prediction.c.label)))  # fmt: skip
            right = connection.execute(count).scalar_one()
            truth = joined_labels(connection, name)
            whole = Profile.sum(profiles.by_hour(connection, name, profiles.span(connection, name)).values())
    return {
        "told": told,
        "joined": joined,
        "rows": rows,
        "right": right,
        "profile": whole,
        "truth": truth,
        "feed": feed,
    }


def test_model_case(tmp_path: Path) -> None:
    """Three pods, an ingress and labels: no more than two edits, and volume, latency, confidence and accuracy are exact."""
    truth = case(tmp_path)
    code, said = vigie(tmp_path, "init", "--logs", f"{tmp_path}/pods/ape-api-*/api/*.log*", "--logs", f"{tmp_path}/ingress/*.log*",
                       "--labels", f"{tmp_path}/labels/*.csv")  # fmt: skip
    assert code == 0, said
    text = (tmp_path / "config.yaml").read_text(encoding="utf-8")
    edits = [("ape-api:\n    # The", "ape:\n    # The"), ("model: ape-api", "model: ape")]  # one edit: the model's name
    for before, after in edits:
        assert before in text
        text = text.replace(before, after)
    (tmp_path / "config.yaml").write_text(text, encoding="utf-8")
    found = once(load(tmp_path / "config.yaml"))
    answers = [row for row in found["rows"] if row.kind == "prediction"]
    requests = [row for row in found["rows"] if row.kind == "request"]
    assert Counter((row.time // 1000, row.label) for row in answers) == Counter(
        (int(one["at"].timestamp() * 1000), one["label"]) for one in truth["calls"]
    )
    assert sorted(round(row.latency_ms) for row in requests) == sorted(one["ms"] for one in truth["requests"])
    assert sorted(row.score for row in answers) == sorted(one["ic"] for one in truth["calls"])
    assert {row.latency_kind for row in requests} == {"upstream"}
    assert "300 new labels, 0 fit no prediction" in found["joined"]
    assert found["right"] == 270
    profile: Profile = found["profile"]
    assert (profile.records, profile.labels.total, profile.outcomes["ok"], profile.latency.total) == (
        1500,
        1500,
        1350,
        1350,
    )
    assert profile.score == Histogram.of("score", [one["ic"] for one in truth["calls"]])
    assert profile.latency == Histogram.of("latency_ms", [one["ms"] for one in truth["requests"]])
    right = (found["truth"]["truth"] == found["truth"]["answer"]).cast(float).to_numpy()
    assert measured(right, found["truth"]["inclusion"].to_numpy()).value == pytest.approx(0.9)
    assert {one: feed["lines_rejected"] for one, feed in found["feed"].items()} == {"ape-api": 0, "ingress": 0}


def test_model_case_is_explained(tmp_path: Path) -> None:
    """What was found, and what nobody but the operator can know, stands in the file with its evidence."""
    case(tmp_path)
    _, said = vigie(
        tmp_path, "init", "--logs", f"{tmp_path}/pods/ape-api-*/api/*.log*", "--logs", f"{tmp_path}/ingress/*.log*"
    )
    text = (tmp_path / "config.yaml").read_text(encoding="utf-8")
    for line in (
        "zone: Europe/Paris", "line and wrapper are +2 h apart in", 'instance_from: "pods/([^/]+)/"', "gives: service", "gives: answers",
        "The logged number is best minus second in", "the threshold cannot be known from the lines", "wrapper: cri",
        'keep_if: {field: path, matches: "^/predict/"}', "multiples of 0.01", "they look like activity codes", "fields: {TYP: category}",
        "identity: by_position", "preset: insee_g1",
    ):  # fmt: skip
        assert line.lower() in text.lower(), line
    assert "DECIDE" in said
    assert "vigie --config" in said.splitlines()[-1]
    assert "row   2026-09-01 16:0" in said


def lines_of(kind: str, count: int = 300) -> list[Any]:
    """Return calls in a shape of JSON that no preset knows."""
    draw = random.Random(5)
    found: list[Any] = []
    for number in range(count):
        at = NOW - timedelta(hours=4) + timedelta(seconds=number)
        text, name = (
            f"{draw.choice(TRADES)} {number % 97} {''.join(draw.choices('abcdef', k=6))}",
            draw.choice(("lost", "stolen", "fraud")),
        )
        best = draw.uniform(0.51, 1)
        if kind == "flat":
            found.append({"created_at": int(at.timestamp() * 1000), "call_id": f"c{number}", "utterance": text, "intent": name,
                          "confidence": best, "took_s": 0.05, "app": draw.choice(("web", "desk")),
                          "decision": "automatic" if best >= 0.8 else "manual"})  # fmt: skip
        elif kind == "rows":
            answer = [{"candidates": [{"label": name, "score": best}, {"label": "other", "score": 1 - best}]}] * 2
            found.append({"ts": at.isoformat(), "request_id": f"r{number}", "input": {"messages": [{"text": text}, {"text": text + "s"}]},
                          "output": answer, "latency": 0.04})  # fmt: skip
        elif kind == "strings":
            found.append({"timestamp": at.isoformat(), "trace_id": f"t{number}", "payload": json.dumps({"question": text}),
                          "answer": json.dumps({"category": name, "probability": best})})  # fmt: skip
        elif kind == "prefixed":
            body = {"time": at.isoformat(), "text": text, "prediction": name, "score": best}
            found.append(f"{at:%Y-%m-%d %H:%M:%S},000 - INFO - api.routes - {json.dumps(body)}")
    return found


def write_log(folder: Path, lines: list[Any], name: str = "api.log", encoding: str = "utf-8") -> str:
    (folder / "logs").mkdir(exist_ok=True)
    text = "".join((one if isinstance(one, str) else json.dumps(one, ensure_ascii=False)) + "\n" for one in lines)
    (folder / "logs" / name).write_bytes(text.encode(encoding))
    os.utime(folder / "logs" / name, (NOW.timestamp() - 3600,) * 2)
    return f"{folder}/logs/{name}*"


@pytest.mark.parametrize(("kind", "records"), [("flat", 300), ("rows", 600), ("strings", 300), ("prefixed", 300)])
def test_json_of_any_shape(tmp_path: Path, kind: str, records: int) -> None:
    """JSON lines that no preset knows are mapped by names and values, and all of them are read."""
    pattern = write_log(tmp_path, lines_of(kind))
    code, said = vigie(tmp_path, "init", "--logs", pattern, "--model", "router")
    assert code == 0, said
    config = load(tmp_path / "config.yaml")
    rows = once(config)["rows"]
    assert (len(rows), sum(row.label is not None and row.score is not None for row in rows)) == (records, records)
    assert {row.model for row in rows} == {"router"}
    if kind == "flat":
        assert {row.latency_ms for row in rows} == {50.0}
        assert {row.caller for row in rows} == {"web", "desk"}
        assert config.sources["api"].identity == "by_request_id"
        (at,) = config.models["router"].thresholds
        assert 0.8 <= at.automatic_at < 0.82
    if kind == "rows":
        assert {json.loads(row.topk)[1][0] for row in rows} == {"other"}


UNKNOWABLE = {"json_rejects", "prefixed"}  # made to be refused; keys of one letter


@pytest.mark.parametrize("name", sorted(SAMPLES.keys() - UNKNOWABLE))
def test_every_sample(tmp_path: Path, name: str) -> None:
    """The wrapper and format of every log of the corpus are found, and all its rows are read."""
    sample = SAMPLES[name]()
    (tmp_path / "a.log").write_bytes(sample.data)
    (one,) = look([f"{tmp_path}/a.log"])
    assert (one.format, one.guess.settings.get("wrapper")) == (sample.source["format"], sample.source.get("wrapper"))
    assert len(one.guess.records) == sample.predictions + sample.requests
    if name in {"ingress", "gunicorn"}:
        assert one.guess.settings["preset"] == {"ingress": "ingress_nginx", "gunicorn": "gunicorn_us"}[name]


@pytest.mark.parametrize("name", sorted(name for name, made in CAPTURES.items() if "preset" in made().source))
def test_every_platform(tmp_path: Path, name: str) -> None:
    """What a platform captures is read by its own preset, though some of its lines are refused."""
    sample = CAPTURES[name]()
    (tmp_path / "a.log").write_bytes(sample.data)
    (one,) = look([f"{tmp_path}/a.log"])
    assert one.guess.settings["preset"] == sample.source["preset"]
    assert len(one.guess.records) == sample.predictions + sample.requests


def test_two_lines_a_call(tmp_path: Path) -> None:
    """Request and answer on two lines are put together by the preset that knows them."""
    lines = []
    for n in range(60):
        event = {
            "id": f"c{n}",
            "time": (NOW - timedelta(hours=2, seconds=n)).isoformat(),
            "type": "org.kubeflow.serving.inference.",
        }
        lines.append({**event, "type": event["type"] + "request", "data": {"instances": [f"card {n}"]}})
        lines.append(
            {**event, "type": event["type"] + "response", "data": {"predictions": [{"label": "lost", "score": 0.9}]}}
        )
    random.Random(1).shuffle(lines)
    code, said = vigie(tmp_path, "init", "--logs", write_log(tmp_path, lines))
    assert code == 0, said
    rows = once(load(tmp_path / "config.yaml"))["rows"]
    assert Counter(row.label for row in rows) == {"lost": 60}


def test_encoding(tmp_path: Path) -> None:
    """Lines in an older encoding are read as what they are."""
    rows = [{**row, "utterance": row["utterance"] + " é €"} for row in lines_of("flat")]
    vigie(tmp_path, "init", "--logs", write_log(tmp_path, rows, encoding="cp1252"))
    config = load(tmp_path / "config.yaml")
    assert config.sources["api"].encoding == "cp1252"
    assert len(once(config)["rows"]) == 300


def test_zone_by_the_clock_of_the_file(tmp_path: Path) -> None:
    """Without a wrapper, the time at which the file was last written tells the zone of its newest line."""
    lines = [{"ts": f"{NOW - timedelta(seconds=3600 + 10 * (299 - n)) + timedelta(hours=2):%Y-%m-%d %H:%M:%S}", "text": f"taxi {n}",
              "label": "a", "score": 0.5} for n in range(300)]  # fmt: skip
    (one,) = look([write_log(tmp_path, lines)])
    assert one.zone is not None
    assert (one.zone.value, one.zone.is_doubt) == ("Europe/Paris", True)


def test_no_clock_no_zone(tmp_path: Path) -> None:
    """Where nothing tells the zone, that is said."""
    lines = [
        {"ts": f"2026-08-01 10:00:{n % 60:02d}", "text": f"taxi {n}", "label": "a", "score": 0.5} for n in range(300)
    ]
    vigie(tmp_path, "init", "--logs", write_log(tmp_path, lines))
    assert (
        "# DECIDE: Nothing tells: the times carry no offset".lower() in (tmp_path / "config.yaml").read_text().lower()
    )


def test_hostile_names(tmp_path: Path) -> None:
    """Names that try to end a comment or a value stay inside it: the file written has the settings it shows."""
    bad = "x\nmodels: {evil: {}}\u2028\u0085: #"
    lines = [
        {**row, "intent": f"a\u202e{n % 3}" if n % 2 else "b: {", bad: n % 4} for n, row in enumerate(lines_of("flat"))
    ]
    code, said = vigie(tmp_path, "init", "--logs", write_log(tmp_path, lines))
    assert code == 0, said
    assert list(load(tmp_path / "config.yaml").models) == ["api"]
    assert "\u202e" not in said


def test_malformed_lines(tmp_path: Path) -> None:
    """Whatever lines hold: settings that load, or a sentence that nothing reads them; never anything else."""
    draw, ends = random.Random(8), Counter[str]()
    for number in range(60):
        target = draw.choice(targets())
        lines = [line if draw.random() < 0.6 else draw.choice(target.lines) for line in malformed(target, 40, draw)]
        (tmp_path / f"{number}.log").write_bytes(b"\n".join(lines) + b"\n")
        try:
            found = look([f"{tmp_path}/{number}.log"])
        except NoData:
            ends["nothing"] += 1
            continue
        told = facts(found)
        assert list(report(found, told))
        (tmp_path / "config.yaml").write_text(written(found, told, "ape", None, tmp_path), encoding="utf-8")
        assert list(load(tmp_path / "config.yaml").models) == ["ape"]
        ends["read"] += 1
    assert ends["read"] > 20


def test_refuses(tmp_path: Path) -> None:
    """A file that is there is not written over; no file, and lines nothing reads, are said."""
    pattern = write_log(tmp_path, lines_of("flat"))
    vigie(tmp_path, "init", "--logs", pattern)
    before = (tmp_path / "config.yaml").read_bytes()
    with pytest.raises(ConfigError, match="is there already"):
        vigie(tmp_path, "init", "--logs", pattern)
    assert (tmp_path / "config.yaml").read_bytes() == before
    assert vigie(tmp_path, "init", "--logs", pattern, "--force", "--model", "other")[0] == 0
    with pytest.raises(NoData, match="no file matches"):
        look([f"{tmp_path}/nothing/*.log"])
    with pytest.raises(NoData, match="no format reads any of 2 lines"):
        look([write_log(tmp_path, ["hello", "world"], "talk.txt")])


def test_label_files(tmp_path: Path) -> None:
    """An export that lacks a column is named with what it lacks and has."""
    (tmp_path / "a.csv").write_text("text,label\ntaxi,49\n")
    told = label_file(f"{tmp_path}/*.csv")
    assert (told.value, "lacks source, labelled_at; it has label, text" in told.why) == (None, True)
    assert label_file(f"{tmp_path}/*.none").value is None
