"""An alarm is told in natural units: what moved, whose it is, which labels, words and texts."""

import math
import re
from collections import Counter

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.detection import explain
from monitor.detection.baseline import VOLUME, WITNESS, Baseline, Line
from monitor.detection.explain import Sides
from monitor.detection.incident import Cause
from monitor.nomenclature import Nomenclature
from monitor.profiles.counts import Counts
from monitor.profiles.histogram import Histogram
from monitor.profiles.moments import Moments
from monitor.profiles.profile import Profile

QUICK = settings(derandomize=True, deadline=None, max_examples=40)
TREE = Nomenclature.of([("56", "", "division", "Restaurants")])
NAMES = ("unknown_words", "latency", "novelty", "automation", WITNESS, VOLUME)


def baseline() -> Baseline:
    lines = [Line(name, "inputs", 1, 0.1, 1, 0.0, 0.0, 1.0, 0.0, None) for name in NAMES]
    return Baseline(0, 0, 100.0, 0.1, ["47", "56"], [], [], ["47", "56", "(new)"], [], [], {}, lines)


def profile(size: int, unknown: float = 0.1, ms: float = 40.0, **labels: int) -> Profile:
    """Write a profile of `size` alike predictions."""
    part = round(10_000 * unknown)
    return Profile(
        records=size, distinct=size, decided=size, automatic=size // 2, latency=Histogram.of("latency_ms", [ms] * size),
        unknown=Moments(size, size * part, size * part**2), labels=Counts({name[1:]: count for name, count in labels.items()}),
    )  # fmt: skip


def sides(then: dict[str, Profile], now: dict[str, Profile]) -> Sides:
    return Sides(Profile.sum(then.values()), Profile.sum(now.values()), then, now, TREE)


def test_causes():
    """Each cause has its natural values before and after, its share and direction, the largest first."""
    both = sides({"": profile(1000, 0.031, 40.0)}, {"": profile(500, 0.079, 80.0)})
    one, two = explain.causes({"unknown_words": 0.9, "latency": 0.1}, baseline(), both)
    assert (one.metric, one.share, one.size, one.direction) == ("unknown_words", 0.9, 500, 1)
    assert one.text == "share of unknown words 3.1 % -> 7.9 %"
    assert (two.expected, two.seen) == (pytest.approx(40, rel=0.01), pytest.approx(80, rel=0.01))
    assert two.text == "usual latency 40 ms -> 80 ms"


def test_down():
    """What fell has direction -1."""
    both = sides({"": profile(1000, ms=80.0)}, {"": profile(500, ms=40.0)})
    assert explain.causes({"latency": 1.0}, baseline(), both)[0].direction == -1


def test_mix():
    """A label that stands out is named with its title; else the share that moved is told beside chance."""
    one = sides({"": profile(10_000, l47=9800, l56=200)}, {"": profile(1000, l47=900, l56=100)})
    text = explain.causes({WITNESS: 1.0}, baseline(), one)[0].text
    assert text == "answers 56 Restaurants 2.0 % -> 10.0 %"
    many = {f"l{k}": 100 for k in range(60)}
    rest = sides({"": profile(6000, **many)}, {"": profile(60, **dict.fromkeys(many, 1))})
    found = explain.causes({WITNESS: 1.0}, baseline(), rest)[0]
    assert found.text.startswith(
        "the mix of answers changed; no single answer stands out yet (0.0 % of the answers are in "
    )
    assert "chance alone gives" in found.text
    assert (found.seen, found.size) == (pytest.approx(0), 60)


MIX = 1 / np.arange(1, 101)  # 100 labels, the largest with a fifth of the answers
MIX /= MIX.sum()


def claimed(seed: int, changed: np.ndarray, size: int) -> str:
    """Return what is claimed of `size` answers drawn from a changed mix, beside 20 000 of the usual one."""
    random = np.random.default_rng(seed)
    then, now = (
        {f"l<{k}>": int(n) for k, n in enumerate(random.multinomial(many, mix)) if n}
        for many, mix in ((20_000, MIX), (size, changed))
    )
    both = sides({"": profile(9, **then)}, {"": profile(9, **now)})
    return explain.claim(explain.causes({WITNESS: 1.0}, baseline(), both), [])


@pytest.mark.parametrize("size", [40, 300])
def test_nothing_is_named_by_chance(size: int) -> None:
    """Of a change spread over twenty labels, seen in few answers, a label that did not move is named in under 5 % of runs."""
    changed = MIX.copy()
    changed[10:20] /= 2
    changed[20:30] += MIX[10:20] / 2
    named = [{int(k) for k in re.findall(r"<(\d+)>", claimed(seed, changed, size))} for seed in range(200)]
    assert sum(bool(found - set(range(10, 30))) for found in named) <= 0.05 * 200


@pytest.mark.parametrize("size", [40, 300])
def test_what_takes_over_is_named(size: int) -> None:
    """A bulk of one rare label, a fifth of the answers, is named alone, however few they are."""
    changed = 0.8 * MIX
    changed[50] += 0.2
    said = [claimed(seed, changed, size) for seed in range(100)]
    assert sum(re.findall(r"<(\d+)>", one) == ["50"] for one in said) >= 95
    assert {one.split(" ")[0] for one in said} <= {"Answers", "The"}


def test_swap():
    """Of two labels that took each other's place the one that rose is named; several that lead come with the share that moved."""
    swap = sides({"": profile(9, l47=500, l56=500, l62=9000)}, {"": profile(9, l47=20, l56=80, l62=900)})
    assert explain.causes({WITNESS: 1.0}, baseline(), swap)[0].text == "answers 56 Restaurants 5.0 % -> 8.0 %"
    rest = {f"l{k}": 97 for k in range(10, 110)}
    wide = sides(
        {"": profile(9, l1=100, l2=100, l3=100, **rest)},
        {"": profile(9, l1=600, l2=500, l3=500, **dict.fromkeys(rest, 84))},
    )
    text = explain.causes({WITNESS: 1.0}, baseline(), wide)[0].text
    assert text.startswith("13.0 % of the answers moved to other labels (chance alone gives ")
    assert text.endswith("): 1 1.0 % -> 6.0 %, 2 1.0 % -> 5.0 %")


def test_no_answers():
    """Where one of the two times has no answers, nothing is named."""
    for both in (sides({}, {"": profile(9, l47=9)}), sides({"": profile(9, l47=9)}, {})):
        assert "no single answer stands out yet" in explain.causes({WITNESS: 1.0}, baseline(), both)[0].text
    assert explain.labels(sides({}, {})) == []


def test_new():
    """Novelty names the labels that hardly existed."""
    both = sides({"": profile(9000, l47=9000)}, {"": profile(100, l47=90, l56=10)})
    assert "56 Restaurants 0.0 % -> 10.0 %" in explain.causes({"novelty": 1.0}, baseline(), both)[0].text


@QUICK
@given(
    st.lists(
        st.tuples(st.integers(0, 300), st.integers(0, 300), st.floats(0, 0.9), st.floats(0, 0.9)),
        min_size=1,
        max_size=5,
    )
)
def test_segments_add(drawn):
    """Segments' shares of the change add to the whole change, and come largest first."""
    then = {f"s{at}": profile(size, part) for at, (size, _, part, _) in enumerate(drawn) if size}
    now = {f"s{at}": profile(size, part) for at, (_, size, _, part) in enumerate(drawn) if size}
    both = sides(then, now)
    if not then or not now:
        return
    rows = explain.segments(_cause("unknown_words"), baseline(), both, "caller")
    shares = [row["share_of_change"] for row in rows]
    assert shares == sorted(shares, reverse=True)
    assert {row["value"] for row in rows} == then.keys() | now.keys()
    if abs(both.now.unknown.mean() - both.then.unknown.mean()) > 1e-6:
        assert sum(shares) == pytest.approx(1)


def test_segment():
    """The caller whose texts changed carries the change, and the claim says so."""
    both = sides({"desk": profile(800), "survey": profile(200)}, {"desk": profile(400), "survey": profile(100, 0.5)})
    rows = explain.segments(_cause("unknown_words"), baseline(), both, "caller")
    assert (rows[0]["value"], rows[0]["share_of_change"]) == ("survey", pytest.approx(1.0))
    assert (rows[0]["then"], rows[0]["now"]) == (pytest.approx(0.1), pytest.approx(0.5))
    said = explain.claim((_cause("unknown_words"),), rows)
    assert said == "Unknown_words moved; 100% of it comes from caller survey"


def test_segment_units():
    """Of a metric that is judged as a logarithm the segments are told in its unit, like its cause."""
    both = sides({"desk": profile(800, ms=40.0)}, {"desk": profile(400, ms=80.0)})
    (row,) = explain.segments(_cause("latency"), baseline(), both, "caller")
    assert (row["then"], row["now"]) == (pytest.approx(40, rel=0.01), pytest.approx(80, rel=0.01))
    assert explain.then_now(row, "ms") == "40 ms -> 80 ms"


def test_newcomer():
    """A caller that was not there before carries what its arrival moved."""
    both = sides({"desk": profile(800)}, {"desk": profile(400), "batch": profile(400, 0.5)})
    rows = explain.segments(_cause("unknown_words"), baseline(), both, "caller")
    assert (rows[0]["value"], rows[0]["share_of_change"]) == ("batch", pytest.approx(1.0))
    assert math.isnan(rows[0]["then"])
    assert explain.then_now(rows[0], "share") == "nothing -> 50.0 %"


def test_no_segments():
    """Without a declared segment, or for the mix of answers, nobody is blamed."""
    both = sides({"desk": profile(8)}, {"desk": profile(4)})
    assert explain.segments(_cause("unknown_words"), baseline(), both, "") == []
    assert explain.segments(_cause(WITNESS), baseline(), both, "caller") == []
    assert explain.claim((), []) == "Something changed"


def _cause(metric: str) -> Cause:
    return Cause(metric, "inputs", 1.0, "share", 0.1, 0.2, 9, 1, f"{metric} moved")


def test_labels():
    """Labels come by how far their share moved, at most fifteen, with then and now."""
    random = np.random.default_rng(3)
    then, now = ({f"l{k:02d}": int(n) for k, n in enumerate(random.integers(1, 99, 30))} for _ in range(2))
    rows = explain.labels(sides({"": profile(9, **then)}, {"": profile(9, **now)}))
    far = {k[1:]: abs(now[k] / sum(now.values()) - then[k] / sum(then.values())) for k in then}
    assert [row["label"] for row in rows] == sorted(far, key=lambda k: -far[k])[:15]
    assert rows[0]["then"] == then[f"l{rows[0]['label']}"] / sum(then.values())


@QUICK
@given(st.integers(0, 999))
def test_terms(seed):
    """Words gained are in at least five texts, counted once a text, and beyond what chance moves."""
    random = np.random.default_rng(seed)
    words = ["pain", "rue", "salon", "bread", "hair"]
    before = [" ".join(random.choice(words[:3], 3)) + f" t{'abcdefghij'[k % 10] * (k // 10 + 2)}" for k in range(60)]
    after = [" ".join(random.choice(words, 3)) + f" t{'klmnopqrst'[k % 10] * (k // 10 + 2)}" for k in range(60)]
    found = explain.terms(pl.Series(before), pl.Series(after), 5)
    then, now = (Counter(word for text in set(side) for word in set(text.split())) for side in (before, after))
    for word, p, q in found["gained"]:
        assert now[word] >= 5
        assert (p, q) == (then[word] / len(set(before)), now[word] / len(set(after)))
        assert q > p
    assert {row[0] for row in found["gained"]} >= {w for w in ("bread", "hair") if now[w] >= 15}
    assert all(row[1] > row[2] and then[row[0]] >= 5 for row in found["lost"])


def test_least_texts():
    """A word in fewer texts than may be shown is not told, however telling it is."""
    before = pl.Series([f"pain {'abcdefghij'[k % 10] * (k // 10 + 3)}" for k in range(60)])
    after = pl.Series([f"{'bread' if k < 12 else 'pain'} {'klmnopqrst'[k % 10] * (k // 10 + 3)}" for k in range(60)])
    assert [row[0] for row in explain.terms(before, after, 12)["gained"]] == ["bread"]
    assert explain.terms(before, after, 13)["gained"] == []


def test_texts():
    """The texts shown are those with most gained words, each normalised form once, and none without."""
    frame = pl.DataFrame({
        "text": ["fresh bread", "Fresh BREAD!", "bread", "pain", None], "label": list("abcde"), "score": [0.5] * 5, "caller": ["x"] * 5,
    })  # fmt: skip
    found = explain.texts(frame, [["bread", 0.0, 0.5], ["fresh", 0.0, 0.3]])
    assert [(row["text"], row["label"]) for row in found] == [("fresh bread", "a"), ("bread", "c")]
    assert explain.texts(frame, []) == []


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [(0.5, "share", "50.0 %"), (0.0004, "share", "0.0 %"), (0.999, "score", "1.00"), (1234.5, "ms", "1234 ms"), (30.2, "characters", "30 characters")],
)  # fmt: skip
def test_shown(value, unit, expected):
    """Values are written with the digits people use for that unit."""
    assert explain.shown(value, unit) == expected


def versions(**counts: int) -> Profile:
    return Profile(versions=Counts({name[1:]: count for name, count in counts.items()}))


@pytest.mark.parametrize(("then", "now", "said"), [
    (versions(v1=99), versions(v1=2, v2=9), "3 h after version 2 first answered"),
    (versions(v1=99), versions(v1=9, v2=2), None),
    (versions(v1=99, v2=1), versions(v2=9), None),
    (versions(v1=999, v2=1), versions(v2=9), "3 h after version 2 first answered"),
    (Profile(), versions(v2=9), None),
    (versions(v1=99), Profile(), None),
])  # fmt: skip
def test_new_version(then: Profile, now: Profile, said: str | None) -> None:
    """A version that leads and that the reference hardly knew is named, with the hours since its first answer."""
    near = {4: versions(v1=9), 7: versions(v1=8, v2=1), 9: now}
    assert explain.new_version(Sides(then, now, {}, {}, TREE), near, 10) == said


def test_version_of_long_before() -> None:
    """A version that answered all the time before the onset is not named: it did not begin here."""
    old, new = versions(v1=99), versions(v2=9)
    assert explain.new_version(Sides(old, new, {}, {}, TREE), {4: new, 7: new, 9: new}, 10) is None
    assert explain.new_version(Sides(old, new, {}, {}, TREE), {}, 10) == "in the hour in which version 2 first answered"
