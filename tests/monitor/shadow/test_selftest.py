"""A model that was loaded must say something, always the same, in any company, before it is compared."""

import pytest

from monitor.shadow.process import Worker
from monitor.shadow.selftest import self_tests
from tests.monitor.shadow.models import GOOD, artefact, challenger

PROBES = ["bread", "garage", "fresh bread", "hair"]
HEAD = "\n    turn = 0\n    def answer(self, texts, fields, k):\n        self.turn += 1\n"


@pytest.mark.parametrize(
    ("body", "failed"),
    [
        (GOOD, None),
        (HEAD + "        return [[('47', 0.9)] for t in texts]", "says something"),
        (HEAD + "        return [[(str(n % 3), 0.4)] for n, t in enumerate(texts)]", "says something"),
        (HEAD + "        return [[('56' if 'bread' in t else '47', 0.9 - self.turn / 100)] for t in texts]", "deterministic"),
        (HEAD + "        return [[(str(n % 3), 0.9)] for n, t in enumerate(texts)]", "batch invariant"),
        (HEAD + "        return [[('56' if 'bread' in t else '47', 0.9 if t.strip() else 1 / 0)] for t in texts]", "odd rows"),
        (HEAD + "        raise ValueError", "answers"),
        (HEAD + "        return [[] for t in texts]", "says something"),
        (HEAD + "        os._exit(1)", "answers"),
        (HEAD + "        while self.turn == 2: pass\n        return [[('56' if 'bread' in t else '47', 0.9)] for t in texts]", "deterministic"),
    ],
)  # fmt: skip
def test_each(tmp_path, body, failed):
    """The first test that fails is the one that should, and ends the list; a good model passes all."""
    with Worker.start(challenger(artefact(tmp_path / "model", body), chunk_s=2 if "while" in body else 30)) as worker:
        found = self_tests(worker, PROBES)
    assert [one["name"] for one in found if not one["passed"]] == ([] if failed is None else [failed])
    assert found[-1]["name"] == (failed or "odd rows")
    assert found[0] == {"name": "pin", "passed": True, "detail": "the pinned bytes were loaded"}
