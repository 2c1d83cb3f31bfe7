"""A model of somebody else's answers in a process of its own; whatever it does, we get an answer or a reason."""

import os
import signal

import pytest

from monitor.errors import ConfigError
from monitor.shadow.process import Worker, WorkerGone
from tests.monitor.shadow.models import artefact, challenger

TEXTS = ["fresh bread", "garage", ""]


@pytest.fixture
def run(tmp_path):
    """Start a worker on a body and ask it once; the folder must be gone afterwards."""

    def asked(body: str, texts: list[str] | None = None, **more: object) -> dict:
        folder = artefact(tmp_path / "model", body, **{k: more.pop(k) for k in ("top", "load") if k in more})
        with Worker.start(challenger(folder, **more)) as worker:
            private = worker.folder
            try:
                return worker.answer(TEXTS if texts is None else texts, [{} for _ in texts or TEXTS])
            finally:
                worker.stop()
                assert not private.exists()
                assert worker.process.poll() is not None

    return asked


def test_answers(tmp_path):
    """A model that behaves answers every text, again and again."""
    with Worker.start(challenger(artefact(tmp_path / "model"))) as worker:
        assert worker.about["labels"] == ["47", "56", "96"]
        for _ in range(3):
            found = worker.answer(TEXTS, [{}, {}, {}])
            assert [one[0] for one in found["answers"]] == [["56", 0.9], ["47", 0.9], ["47", 0.9]]
        assert worker.answer([], [])["answers"] == []


def test_large_chunk(run):
    """A question larger than a pipe holds arrives whole."""
    texts = [f"{at} " + "bread " * 500 for at in range(300)]
    body = "\n    def answer(self, texts, fields, k):\n        return [[(str(len(t)), 1.0)] for t in texts]\n"
    assert [one[0][0] for one in run(body, texts)["answers"]] == [str(len(text)) for text in texts]


@pytest.mark.parametrize(
    ("returned", "error"),
    [
        ("[[('56', 0.9)]]", "model_error"),
        ("[[('56', 0.9)]] * 4", "model_error"),
        ("[[('56', float('nan'))]] * 3", "model_error"),
        ("[[('56', float('inf'))]] * 3", "model_error"),
        ("[[('56', 'sure')]] * 3", "model_error"),
        ("[['56']] * 3", "model_error"),
        ("None", "model_error"),
        ("1 / 0", "model_error"),
        ("[0] * 10**10", "out_of_memory"),
    ],
)
def test_wrong_answer(run, returned, error):
    """An answer of another length or shape, no finite score, an exception, too much memory: an error, not a crash."""
    body = f"\n    def answer(self, texts, fields, k):\n        return {returned}\n"
    assert run(body)["error"] == error


@pytest.mark.parametrize(
    ("statement", "outcome"),
    [
        ("sys.exit(0)", "crashed"),
        ("os._exit(3)", "crashed"),
        ("os.kill(os.getpid(), 11)", "crashed"),
        ("return [[('x' * 9_000_000, 0.5)]] * 3", "bad_answer"),
        ("while True: pass", "timeout"),
        ("os.write(FD, struct.pack('>I', 5) + b'hello')", "bad_answer"),
        ("os.write(FD, struct.pack('>I', 4) + bytes([255] * 4))", "bad_answer"),
        ("os.write(FD, struct.pack('>I', 60_000) + b'[' * 60_000)", "bad_answer"),
        ("os.write(FD, struct.pack('>I', 2) + b'[]')", "bad_answer"),
        ("os.write(FD, struct.pack('>I', 2) + b'{}')", "bad_answer"),
        ("os.write(FD, struct.pack('>I', 14) + b'{\\\"answers\\\": 5}')", "bad_answer"),
        ("os.write(FD, struct.pack('>I', 23) + b'{\\\"answers\\\": [[], [], 3]}')", "bad_answer"),
        ("os.write(FD, struct.pack('>I', 21) + b'{\\\"error\\\": \\\"answered\\\"}')", "bad_answer"),
        ("os.write(FD, struct.pack('>I', 2**32 - 1))", "bad_answer"),
        ("os.write(FD, struct.pack('>I', 100) + b'{'); time.sleep(60)", "timeout"),
    ],
)  # fmt: skip
def test_hostile(run, statement, outcome):
    """Leaving, hanging, shouting or writing into the protocol ends the worker with a named outcome."""
    body = (
        f"\n    def answer(self, texts, fields, k):\n        {statement}\n        return [[('56', 0.9)]] * len(texts)\n"
    )
    top = "FD = next(n for n in range(3, 20) if os.path.exists('/proc/self/fd/%d' % n) and 'pipe' in os.readlink('/proc/self/fd/%d' % n))"
    with pytest.raises(WorkerGone, match=outcome):
        run(body, top=top, chunk_s=1.0 if outcome == "timeout" else 30.0)


def test_deaf(tmp_path):
    """A worker that reads no more is given up in time, though the question does not fit into the pipe."""
    with Worker.start(challenger(artefact(tmp_path / "model"), chunk_s=1.0)) as worker:
        os.killpg(worker.process.pid, signal.SIGSTOP)
        os.waitpid(worker.process.pid, os.WUNTRACED)  # until it has stopped
        with pytest.raises(WorkerGone, match="timeout"):
            worker.answer(["bread " * 100_000], [{}])


def test_dead(tmp_path):
    """Asking a worker that died says so, and leaving it afterwards is quiet."""
    with Worker.start(challenger(artefact(tmp_path / "model"))) as worker:
        worker.process.kill()
        worker.process.wait()
        with pytest.raises(WorkerGone, match="crashed"):
            worker.answer(["bread"] * 5, [{}] * 5)


def test_print(run):
    """A model that prints does not break the protocol."""
    body = "\n    def answer(self, texts, fields, k):\n        print('x' * 100_000, flush=True); sys.stdout.flush()\n        os.write(1, b'raw')\n        return [[('56', 0.9)]] * len(texts)\n"
    assert len(run(body)["answers"]) == 3


def test_alone(run, monkeypatch):
    """A model sees neither our environment nor our working folder, and runs from the private copy."""
    monkeypatch.setenv("VIGIE_SECRET", "x")
    body = "\n    def answer(self, texts, fields, k):\n        return [[(one, 0.5)] for one in (','.join(sorted(os.environ)), os.getcwd(), __file__)]\n"
    names, folder, file = (one[0][0] for one in run(body)["answers"])
    assert "VIGIE_SECRET" not in names
    assert os.getcwd() != folder
    assert "vigie-shadow-" in folder
    assert "vigie-shadow-" in file


@pytest.mark.parametrize(
    ("load", "outcome"),
    [
        ("raise OSError('no weights')", "model_error: OSError: no weights"),
        ("sys.exit(1)", "crashed"),
        ("return None", "model_error: AttributeError"),
        ("time.sleep(60)", "timeout"),
        ("return type('M', (), {'labels': [object()]})()", "crashed"),
    ],
)
def test_load(tmp_path, load, outcome):
    """A model that cannot be loaded says why, or is given up."""
    with pytest.raises(WorkerGone, match=outcome):
        Worker.start(challenger(artefact(tmp_path / "model", load=load), load_s=1 if outcome == "timeout" else 30))


def test_changed(tmp_path):
    """An artefact whose bytes are not the pinned ones is never loaded, and the refusal names the folder and a remedy."""
    folder = artefact(tmp_path / "model")
    spec = challenger(folder)
    artefact(folder, top=f"open({str(tmp_path / 'ran')!r}, 'w')")
    with pytest.raises(ConfigError, match="not the pinned ones") as refusal:
        Worker.start(spec)
    assert str(folder) in str(refusal.value)
    assert "vigie challenger pin" in refusal.value.remedy
    assert not (tmp_path / "ran").exists()


def test_unpinned(tmp_path):
    """An artefact nobody pinned is refused like a changed one."""
    spec = challenger(artefact(tmp_path / "model")).model_copy(update={"sha256": None})
    with pytest.raises(ConfigError, match="not the pinned ones"):
        Worker.start(spec)
