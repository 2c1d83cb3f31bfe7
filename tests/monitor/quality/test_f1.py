"""F1 is what one counts label by label, and its interval covers what it says."""

import random

import numpy as np
import pytest

from monitor.quality.f1 import scores


def by_hand(truth: list[str], answers: list[str | None], weight: list[float]) -> tuple[float, float, float]:
    """Count hits, misses and false answers of each class one by one."""
    f1, true = {}, {}
    for name in {*truth, *(one for one in answers if one)}:
        hits = missed = false = 0.0
        for one, two, many in zip(truth, answers, weight, strict=True):
            hits += many * (one == two == name)
            missed += many * (one == name != two)
            false += many * (two == name != one)
        f1[name], true[name] = 2 * hits / (2 * hits + missed + false), hits + missed
    right = sum(many for one, two, many in zip(truth, answers, weight, strict=True) if one == two)
    told = sum(many for two, many in zip(answers, weight, strict=True) if two)
    names = sorted(f1)
    return (sum(f1[n] for n in names) / len(f1), 2 * right / (sum(weight) + told), sum(f1[n] * true[n] for n in names) / sum(weight))  # fmt: skip


@pytest.mark.parametrize("seed", range(8))
def test_against_counting(seed: int) -> None:
    """Whatever is answered, rare classes, unknown ones, nothing, and however labels were drawn, the means are those counted one by one."""
    draw = random.Random(seed)
    truth = draw.choices("abcdef", [50, 30, 10, 5, 3, 2], k=200)
    answers = [one if draw.random() < 0.7 else draw.choice(["a", "b", "new", None]) for one in truth]
    weight = [draw.choice([1.0, 4.0, 20.0]) for _ in truth]
    found = scores(truth, answers, np.array(weight), 1)
    assert [one.value for one in (found.macro, found.micro, found.weighted)] == pytest.approx(
        by_hand(truth, answers, weight)
    )
    for one in (found.macro, found.micro, found.weighted):
        assert (one.low or 0) < (one.high or 0)
    assert found == scores(truth, answers, np.array(weight), 1)


def test_interval() -> None:
    """The interval of the micro mean holds the truth in about 95 of 100 draws."""
    held = 0
    for seed in range(200):
        draw = random.Random(seed)
        truth = draw.choices("abc", k=150)
        answers = [one if draw.random() < 0.8 else "d" for one in truth]
        micro = scores(truth, answers, np.ones(150), seed).micro
        held += (micro.low or 0) <= 0.8 <= (micro.high or 0)
    assert 180 <= held <= 198


def test_few() -> None:
    """Of fewer than 30 labels the means are not known; the classes are still counted."""
    found = scores(["a"] * 29, ["a"] * 29, np.ones(29), 1)
    assert (found.macro.value, found.micro.note) == (None, "only 29 audited answers; 30 are needed")
    assert found.classes == (("a", 29, 1.0),)


def test_perfect() -> None:
    """Who is always right has 1 throughout."""
    found = scores(["a", "b"] * 20, ["a", "b"] * 20, np.ones(40), 1)
    assert [(one.value, one.low, one.high) for one in (found.macro, found.micro, found.weighted)] == [
        (1.0, 1.0, 1.0)
    ] * 3
