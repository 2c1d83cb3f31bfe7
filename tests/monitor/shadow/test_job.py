"""The shadow job with models that break: the others are compared all the same."""

import json
import math
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import select

import jobs.shadow as job
from jobs.ingest import ingest
from jobs.shadow import shadow
from jobs.summarise import summarise
from monitor.config import Config
from monitor.settings import Challenger
from monitor.shadow.process import WorkerGone
from monitor.store import shadow as stored
from monitor.store.store import Store
from monitor.store.tables import prediction, shadow_answer
from tests.conftest import NOW, opened
from tests.monitor.shadow.models import artefact, challenger

WORDY = """
    def answer(self, texts, fields, k):
        return [[("56" if "bakery" in text else "47", 0.9), ("10", 0.05)] for text in texts]
"""


def settings(place, folders: dict[str, dict[str, str]], automatic_at: float = 0.7, memory_mib: int = 1024) -> Config:
    """Give `ape` these challengers."""
    lines = ["shadow: {trusted_roots: [models]}", "challengers:"]
    for name, parts in folders.items():
        pinned = challenger(artefact(place.folder / "models" / name, **parts))
        lines.append(f"  {name}: {{of: ape, path: models/{name}, sha256: {pinned.sha256}, runs_code: accepted, "
                     f"automatic_at: {automatic_at}, limits: {{memory_mib: {memory_mib}, chunk_s: 30, load_s: 30}}}}")  # fmt: skip
    return place.configure("\n".join(lines))


def tried(store: Store, place, folders: dict[str, dict[str, str]]) -> str:
    """Log two days, give `ape` these challengers, and run the job once."""
    config = settings(place, folders)
    place.write(300)
    ingest(store, config, NOW)
    summarise(store, config, NOW)
    return shadow(store, config, NOW)


def test_broken_neighbour(quick_place):
    """A challenger that cannot be loaded, and one that dies when asked, leave the good one its comparison."""
    with opened(quick_place.database) as store:
        told = tried(store, quick_place, {
            "broken": {"load": "raise OSError('no weights')"},
            "deadly": {"body": "\n    def answer(self, texts, fields, k):\n        os._exit(1)\n"},
            "good": {"body": WORDY},
        })  # fmt: skip
    broken, deadly, good = told.split("; ")
    assert broken == "broken: could not be started (model_error: OSError: no weights)"
    assert deadly.startswith("deadly: 0 texts answered")
    assert 0 < int(good.split()[1]) <= 300


def test_poison(quick_place):
    """One text on which a model dies costs that text its answer, not its neighbours theirs."""
    poison = WORDY.replace(
        "return",
        "[os._exit(1) for text in texts if 'crêpe' in text and 'taxi' in text and 'books' in text and 'roofing' in text]\n        return",
    )
    with opened(quick_place.database) as store:
        told = tried(store, quick_place, {"touchy": {"body": poison}})
    assert int(told.split()[1]) > 250


class Touchy:
    """Answer every text but the deadly ones, on which it dies."""

    def __init__(self, deadly: set[str]) -> None:
        self.deadly, self.deaths = deadly, 0

    def answer(self, texts: list[str], _fields: list[Any]) -> dict[str, Any]:
        if self.deadly & set(texts):
            self.deaths += 1
            raise WorkerGone("crashed")
        return {"answers": [[["a", 0.9]] for _ in texts]}


@pytest.mark.parametrize("deadly", [[4900], [0, 600, 4999], [], [7, 8]])
@pytest.mark.parametrize("chunk", [512, 500, 1])
def test_one_bad_text(monkeypatch: pytest.MonkeyPatch, deadly: list[int], chunk: int) -> None:
    """Of thousands of texts only the deadly ones lose their answer, wherever they stand."""
    monkeypatch.setattr(job, "_restart", lambda _worker: None)
    rows = [SimpleNamespace(input_hash=b"%016d" % at, text=f"t{at}", fields=None) for at in range(5000)]
    worker, outcomes, asked = Touchy({f"t{at}" for at in deadly}), {}, rows
    for _turn in range(len(deadly) + 1):  # neighbours may need another turn; what is left is asked again
        fresh, more = job._ask(worker, asked, {}, chunk)
        outcomes |= more
        told = fresh.keys() | more.keys()
        asked = [row for row in asked if row.input_hash not in told]
    assert asked == []
    assert outcomes == {b"%016d" % at: "crashed" for at in deadly}
    assert worker.deaths <= len(deadly) * (math.log2(chunk) + 2)


def test_dies_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that dies on every text is given up after some chunks, and what it was not asked alone stays open."""
    monkeypatch.setattr(job, "_restart", lambda _worker: None)
    rows = [SimpleNamespace(input_hash=b"%016d" % at, text="bad", fields=None) for at in range(5000)]
    worker = Touchy({"bad"})
    fresh, outcomes = job._ask(worker, rows, {}, 512)
    assert fresh == {}
    assert 0 < len(outcomes) < 20
    assert worker.deaths <= 3 * (math.log2(512) + 2)


def test_left_for_next_time(quick_place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Texts that were not asked are not stored, and the line says how many."""
    whole = job._ask

    def half(worker: Any, rows: list[Any], known: dict[bytes, Any], chunk: int) -> Any:
        return whole(worker, rows[: len(rows) // 2], known, chunk)

    with opened(quick_place.database) as store:
        monkeypatch.setattr(job, "_ask", half)
        told = tried(store, quick_place, {"good": {"body": WORDY}})
        left = int(told.split(", ")[1].split()[0])
        monkeypatch.setattr(job, "_ask", whole)
        again = shadow(store, settings(quick_place, {"good": {"body": WORDY}}), NOW)
    assert left > 50
    assert "left" not in again
    assert int(again.split()[1]) > 50


def test_more_memory(quick_place) -> None:
    """Self-tests that failed under tight limits are run again when config.yaml gives more; else they are kept."""
    needy = {"needy": {"body": WORDY, "top": "import resource\nmost = resource.getrlimit(resource.RLIMIT_AS)[0] >> 20",
                       "load": "m = Model(); m.answer = m.answer if most > 1500 else None; return m"}}  # fmt: skip
    with opened(quick_place.database) as store:
        first = tried(store, quick_place, needy)
        later = NOW + timedelta(minutes=1)
        same = shadow(store, settings(quick_place, needy), later)
        more = shadow(store, settings(quick_place, needy, memory_mib=2048), later)
    assert first.startswith("needy: 0 texts answered, hold")
    assert same == first
    assert int(more.split()[1]) > 250


def test_threshold_of_the_settings(quick_place) -> None:
    """Another threshold in config.yaml counts for answers given before too."""
    good = {"good": {"body": WORDY}}
    with opened(quick_place.database) as store:
        tried(store, quick_place, good)
        rates = []
        for at in (0.7, 0.95):
            shadow(store, settings(quick_place, good, automatic_at=at), NOW)
            with store.read() as connection:
                found = stored.latest_comparison(connection, "ape")
            assert found is not None
            rates.append(found["body"]["automation"][1])
    assert rates == [1.0, 0.0]


@pytest.mark.parametrize(("score", "step"), [("max_prob", 6000), ("margin", 4000), ("margin_rest", 3250)])
def test_score_definitions(score: str, step: int) -> None:
    """The margin is to the second label, margin_rest to the second to fifth together; order does not matter."""
    topk = [["b", 0.2], ["a", 0.6], ["c", 0.05], ["d", 0.015], ["e", 0.01], ["f", 0.005]]
    spec = Challenger(name="x", of="ape", path="x", score=score)
    assert job._step(spec, topk) == step
    assert job._step(spec, []) is None


def test_trouble_is_kept(quick_place) -> None:
    """One that cannot be started is on record with the reason, until it starts; known self-tests stay."""
    broken = {"broken": {"load": "raise OSError('no weights')"}}
    with opened(quick_place.database) as store:
        tried(store, quick_place, broken)
        config = settings(quick_place, broken)
        digest = config.challengers["broken"].sha256
        with store.read() as connection:
            (sentence,) = stored.troubles(connection, "ape", [digest])
            assert stored.troubles(connection, "ape", []) == stored.troubles(connection, "other", [digest]) == []
        assert sentence == (
            "broken could not be started (model_error: OSError: no weights), last tried 02 Sep 12:30 UTC."
        )
        good = {"good": {"body": WORDY}}
        config = settings(quick_place, good)
        shadow(store, config, NOW)
        digest = config.challengers["good"].sha256
        with store.write() as connection:
            before = stored.known_challenger(connection, digest)
            stored.note_trouble(connection, digest, "good", "ape", why="could not be started (timeout)", now_us=0)
            assert stored.known_challenger(connection, digest)["self_tests"] == before["self_tests"]
            assert len(stored.troubles(connection, "ape", [digest])) == 1
        shadow(store, config, NOW)
        with store.read() as connection:
            assert stored.troubles(connection, "ape", [digest]) == []
            assert json.loads(stored.known_challenger(connection, digest)["spec"])["name"] == "good"


def test_masked_texts_are_asked_as_they_were(quick_place) -> None:
    """In mode full a challenger answers what was masked, as it was; where the key is gone the row is passed over, once."""
    quick_place.write(20)
    for seed in range(7, 11):
        quick_place.write(1, seed=seed, changed=lambda _, seed=seed: {"text": f"bakery {seed} of jo@stat.example"})
    honest = """
    def answer(self, texts, fields, k):
        return [[("as it was" if "jo@stat.example" in text else "masked" if "[email]" in text else "10", 0.9)] for text in texts]
"""
    config = settings(quick_place, {"honest": {"body": honest}})
    config = config.model_copy(update={"privacy": config.privacy.model_copy(update={"store": "full"})})
    with opened(quick_place.database) as store:
        ingest(store, config, NOW)
        summarise(store, config, NOW)
        days = sorted(config.privacy.keys_in(config.data_dir).iterdir())
        lost = int(days[0].stem)
        if len(days) > 1:
            days[0].unlink()
        shadow(store, config, NOW)
        with store.read() as connection:
            rows = connection.execute(
                select(shadow_answer.c.day, shadow_answer.c.label, shadow_answer.c.outcome, prediction.c.flags).join(
                    prediction, (prediction.c.day == shadow_answer.c.day) & (prediction.c.uid == shadow_answer.c.uid)
                )
            ).all()
        masked = [(row.label, row.outcome == "masked") for row in rows if row.flags == "text_redacted"]
        gone = [row.day == lost and len(days) > 1 for row in rows if row.flags == "text_redacted"]
        assert masked == [(None, True) if one else ("as it was", False) for one in gone]
        assert {row.label for row in rows if row.flags == ""} == {"10"}
        assert shadow(store, config, NOW).split()[1] == "0"
