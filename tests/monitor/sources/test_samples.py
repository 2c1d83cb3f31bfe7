"""Every sample log gives exactly the counts its maker knows, however it is cut, and the damage done to it is named."""

import json
from collections import Counter
from typing import Any

import pytest

from monitor.batch import Batch, Lines
from monitor.settings import Source
from monitor.sources.preset import expanded
from tests.monitor.sources.captures import CAPTURES
from tests.monitor.sources.reading import read, reasons
from tests.monitor.sources.samples import SAMPLES as WRITTEN
from tests.monitor.sources.samples import Sample

SAMPLES = WRITTEN | CAPTURES

LINE_BASED = (
    "json_plain",
    "insee_g1",
    "insee_course",
    "cri_split",
    "docker_json",
    "ingress",
    "gunicorn",
    "kubectl",
    "sagemaker_csv",
    "seldon",
    "databricks_gateway",
    "otlp_logs",
    "torchserve",
    "ray_serve",
    "r_plumber",
)


def declared(sample: Sample) -> Source:
    return expanded(Source(**{"name": "api", "files": "/logs/*", "model": "ape", **sample.source}))


def rows_of(line: bytes, sample: Sample) -> int:
    return read(line, declared(sample), finished=True).predictions.height


def fates(lines: Lines) -> dict[str, int]:
    return {name: count for name, count in vars(lines).items() if count}


def counts(batches: list[Batch]) -> tuple[dict[str, int], int, int, Counter[str]]:
    """Return lines by fate, predictions, requests, rejects by reason."""
    lines = sum((one.lines for one in batches), Lines())
    kinds = Counter(kind for one in batches for kind in one.predictions["kind"])
    return (
        fates(lines),
        kinds["prediction"],
        kinds["request"],
        Counter(reason for one in batches for reason in reasons(one)),
    )


def expected(sample: Sample) -> tuple[dict[str, int], int, int, Counter[str]]:
    return dict(sample.lines), sample.predictions, sample.requests, sample.rejects


@pytest.fixture(params=SAMPLES)
def sample(request: pytest.FixtureRequest) -> Sample:
    return SAMPLES[request.param]()


def test_counts(sample: Sample) -> None:
    """Lines by fate, predictions, requests and rejects by reason are exact; each accepted uid is its own."""
    batch = read(sample.data, declared(sample), finished=True)
    assert counts([batch]) == expected(sample)
    assert batch.lines.total == sample.data.count(b"\n")
    assert batch.predictions["uid"].n_unique() == batch.predictions.height


@pytest.mark.parametrize("size", [7, 1000, 65_536])
def test_cut_into_reads(sample: Sample, size: int) -> None:
    """The result does not depend on how the bytes were cut into reads."""
    about, at, batches = declared(sample), 0, []
    for end in range(size, len(sample.data) + size, size):
        batch = read(sample.data[at:end], about, start=at, finished=end >= len(sample.data))
        assert batch.start == at
        if batch.end > at:
            batches.append(batch)
            at = batch.end
    assert at == len(sample.data)
    assert counts(batches) == expected(sample)
    whole = read(sample.data, about, finished=True)
    assert sorted(uid for one in batches for uid in one.predictions["uid"]) == sorted(whole.predictions["uid"])


@pytest.mark.parametrize("name", LINE_BASED)
class TestDamage:
    """Damage done to a log costs the line it hits, with its reason, and nothing else."""

    def test_byte_order_mark_and_crlf(self, name: str) -> None:
        """A mark at the start and Windows line ends change nothing."""
        sample = SAMPLES[name]()
        data = b"\xef\xbb\xbf" + sample.data.replace(b"\n", b"\r\n")
        assert counts([read(data, declared(sample), finished=True)]) == expected(sample)

    def test_last_line_cut(self, name: str) -> None:
        """A last line cut in half is rejected, or it is none of ours."""
        sample = SAMPLES[name]()
        lines = sample.data.splitlines(keepends=True)
        good = [n for n, line in enumerate(lines) if read(line, declared(sample), finished=True).predictions.height]
        data = b"".join(lines[:-1]) + lines[good[0]]
        whole = read(data, declared(sample), finished=True)
        cut = data[: len(data) - len(data.splitlines()[-1]) // 2 - 1]
        batch = read(cut, declared(sample), finished=True)
        assert batch.predictions.height == whole.predictions.height - rows_of(lines[good[0]], sample)
        assert batch.lines.total == whole.lines.total

    def test_nuls_before_a_line(self, name: str) -> None:
        """A hole of NULs is one reject; the line behind it is read."""
        sample = SAMPLES[name]()
        at = sample.data.index(b"\n", len(sample.data) // 2) + 1
        batch = read(sample.data[:at] + bytes(512) + sample.data[at:], declared(sample), finished=True)
        lines, predictions, requests, rejects = expected(sample)
        assert counts([batch]) == (lines, predictions, requests, rejects + Counter(["nul_hole"]))

    def test_lines_that_are_none(self, name: str) -> None:
        """A line of two mebibytes, one of a hundred thousand brackets and one of bytes are refused or other, one each."""
        sample = SAMPLES[name]()
        for wrong in (b"x" * (2 << 20), b"[" * 100_000, b"\xff" * 50):
            batch = read(wrong + b"\n" + sample.data, declared(sample), finished=True)
            lines, predictions, requests, _ = counts([batch])
            assert (predictions, requests) == expected(sample)[1:3]
            more = Counter(lines) - sample.lines
            assert more in (Counter(rejected=1), Counter(other=1))

    def test_newline_in_the_middle(self, name: str) -> None:
        """A line broken in two costs itself, not its neighbours."""
        sample = SAMPLES[name]()
        lines = sample.data.splitlines(keepends=True)
        about = declared(sample)
        at = next(n for n, line in enumerate(lines) if n >= len(lines) // 3 and rows_of(line, sample))
        middle = len(lines[at]) // 2
        broken = [*lines[:at], lines[at][:middle], b"\n", lines[at][middle:], *lines[at + 1 :]]
        batch = read(b"".join(broken), about, finished=True)
        assert batch.predictions.height == sample.predictions + sample.requests - rows_of(lines[at], sample)
        assert batch.lines.total == sum(sample.lines.values()) + 1


def test_values() -> None:
    """What the formats give is what was written: text, answers, wrapper's time, latency, retries."""
    g1 = read(SAMPLES["insee_g1"]().data, declared(SAMPLES["insee_g1"]())).predictions
    assert set(g1["text"]) <= {"salon de coiffure", "l'hair du temps", "boulangerie - pâtisserie", "crêperie, glaces",
                               'dit "le bon coin"', "taxi", "location de meublé", "conseil", "bar à ongles & spa", "nettoyage (vitres)"}  # fmt: skip
    g3 = read(SAMPLES["insee_g3"]().data, declared(SAMPLES["insee_g3"]())).predictions
    assert g3["label"].null_count() == 3
    assert g3["text"].null_count() == 5
    course = read(SAMPLES["insee_course"]().data, declared(SAMPLES["insee_course"]())).predictions
    assert course["text"].to_list().count("un piège, 'Response': {'1': 2}") == 4
    java = read(SAMPLES["sirene_g0"]().data, declared(SAMPLES["sirene_g0"]())).predictions
    assert java["text"].to_list().count("Salon, coiffure, à domicile") == 9
    assert set(java["model_version"]) == {"8"}
    assert set(java["caller"]) == {"WF"}
    proxy = read(SAMPLES["ingress"]().data, declared(SAMPLES["ingress"]())).predictions
    assert Counter(proxy["latency_kind"]) == {"upstream": 179, "proxy": 4}
    assert sorted(set(proxy["latency_ms"].round(6))) == [47.0, 48.0, 57.0]
    assert Counter(proxy["retries"].drop_nulls()) == {0: 176, 1: 3}
    assert set(proxy["endpoint"]) == {"/predict/"}
    uvicorn = read(SAMPLES["uvicorn_in_cri"]().data, declared(SAMPLES["uvicorn_in_cri"]())).predictions
    assert set(uvicorn["time_basis"]) == {"wrapper"}
    app = read(SAMPLES["gunicorn"]().data, declared(SAMPLES["gunicorn"]())).predictions
    assert set(app["latency_ms"].round(3)) == {48.211}
    assert Counter(app["outcome"]) == {"ok": 45, "failed": 5}
    rows = read(SAMPLES["loki"]().data, declared(SAMPLES["loki"]())).predictions
    assert rows["uid"].n_unique() == 60
    assert rows["text"].null_count() == 0


def test_no_query_string_is_kept() -> None:
    """A text in a URL's query is in no column of a request."""
    for name in ("ingress", "uvicorn_in_cri"):
        frame = read(SAMPLES[name]().data, declared(SAMPLES[name]())).predictions
        assert "secret" not in str(frame.to_dicts())


def test_captured_values() -> None:
    """Texts, answers, latencies and times come from where each platform writes them."""

    def rows(name: str) -> Any:
        return read(SAMPLES[name]().data, declared(SAMPLES[name]()), finished=True).predictions

    csv = rows("sagemaker_csv")
    assert (csv["row"].max(), csv["batch_size"].max(), csv["score"].min() > 0.3, csv["text_chars"].min() > 2) == (
        2,
        3,
        True,
        True,
    )
    assert rows("sagemaker_json")["request_id"].to_list() == [f"e{number}" for number in range(20)]
    assert set(rows("databricks_gateway")["latency_ms"]) == {41.0}
    assert set(rows("databricks_split")["sampling_rate"]) == {0.5}
    best = rows("seldon")
    assert all(
        json.loads(topk)[0] == [label, score]
        for topk, label, score in best.select("topk", "label", "score").iter_rows()
    )
    assert best["score"].min() >= 0.4
    logs = rows("otlp_logs")
    assert (logs["request_id"].n_unique(), set(logs["status"]), set(logs["time_basis"])) == (30, {200}, {"wrapper"})
    spans = rows("otlp_spans")
    assert (set(spans["latency_ms"]), set(spans["endpoint"]), set(spans["status"])) == ({48.0}, {"/predict"}, {200})
    served = rows("torchserve")
    assert (served["latency_ms"].sum(), served["endpoint"][0]) == (sum(range(1, 51)), "/predictions/ape")
    ray = rows("ray_serve")
    assert (ray["latency_ms"].sum(), set(ray["endpoint"])) == (sum(range(1, 41)) + 20, {"/predict"})
    assert (ray["request_id"].drop_nulls().n_unique(), Counter(ray["status"])) == (30, {200: 36, 500: 4})
    plumber = rows("r_plumber")
    assert plumber["latency_ms"].sum() == pytest.approx(sum(range(40)))
    assert (set(plumber["endpoint"]), Counter(plumber["status"])) == ({"/predict"}, {200: 36, 400: 4})
    spans = rows("triton")
    assert (set(spans["latency_ms"]), set(spans["model_version"])) == ({9.0}, {"3"})
