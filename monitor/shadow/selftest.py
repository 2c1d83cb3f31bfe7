"""Test a loaded model before it may be compared: it says something, always the same, in any company."""

from typing import Any

from monitor.shadow.process import Worker, WorkerGone

ODD = ["", "a", "x" * 20_000, "\U0001f389", "пекарня", "qqqq zzzz", "   "]


def self_tests(worker: Worker, probes: list[str]) -> list[dict[str, Any]]:
    """Return one row per test (name, passed, detail), in order; the first that fails ends the list."""
    results: list[dict[str, Any]] = [{"name": "pin", "passed": True, "detail": "the pinned bytes were loaded"}]
    texts = probes[:200]

    def told(name: str, passed: bool, detail: str) -> bool:
        results.append({"name": name, "passed": passed, "detail": detail})
        return passed

    first = _answers(worker, texts)
    if not told("answers", first is not None, f"{len(texts)} texts") or first is None:
        return results
    labels = {one[0][0] for one in first if one}
    top = sum(one[0][1] for one in first if one) / max(len(first), 1)
    if not told(
        "says something",
        len(labels) > 1 and top > 2 / max(len(worker.about["labels"]), 1),
        f"{len(labels)} labels, mean score {top:.2f}",
    ):
        return results
    if not told("deterministic", _same(first, _answers(worker, texts), 1e-6), "the same chunk twice"):
        return results
    turned = _answers(worker, texts[::-1])
    if not told("batch invariant", _same(first, None if turned is None else turned[::-1], 1e-4), "reversed order"):
        return results
    told("odd rows", _answers(worker, ODD) is not None, "empty, very long, foreign")
    return results


def _answers(worker: Worker, texts: list[str]) -> list[list[Any]] | None:
    try:
        found = worker.answer(texts, [{} for _ in texts])
    except WorkerGone:  # a model that hangs or dies fails the test it is asked in
        return None
    return found.get("answers")


def _same(one: list[list[Any]], other: list[list[Any]] | None, within: float) -> bool:
    if other is None or len(one) != len(other):
        return False
    return all(
        not a or (a[0][0] == b[0][0] and abs(a[0][1] - b[0][1]) <= within) for a, b in zip(one, other, strict=True)
    )
