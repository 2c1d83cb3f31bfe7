"""
Add up how two models answered the same texts.

`Pairs.of(a ++ b) == Pairs.of(a) + Pairs.of(b)`: every comparison is a function of these counts, whatever the window.
"""

import zlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import msgspec

from monitor.profiles.histogram import Histogram
from monitor.profiles.profile import NO_LABEL

Answer = tuple[str | None, int | None, str | None]  # label, score step, automatic or manual


def _scores() -> Histogram:
    return Histogram("score")


@dataclass(frozen=True)
class Pairs:
    """
    Hold counts over records that both models answered.

    `labels` counts (champion, challenger) pairs, `decisions` counts (champion, challenger, same label or not),
    `outcomes` what became of each sampled record, and both score histograms.

    >>> one = Pairs.of([(("a", 9000, "automatic"), ("b", 4000, "manual"))])
    >>> both = one + Pairs.of([(("a", 9000, "automatic"), ("a", 9500, "automatic"))])
    >>> both.compared, both.agreement, Pairs.from_bytes(both.to_bytes()) == both, one + Pairs() == one
    (2, 0.5, True, True)
    """

    labels: Mapping[tuple[str, str], int] = field(default_factory=dict)
    decisions: Mapping[tuple[str, str, bool], int] = field(default_factory=dict)
    outcomes: Mapping[str, int] = field(default_factory=dict)
    champion: Histogram = field(default_factory=_scores)
    challenger: Histogram = field(default_factory=_scores)

    @classmethod
    def of(cls, answers: Iterable[tuple[Answer, Answer]], outcomes: Mapping[str, int] | None = None) -> "Pairs":
        """Count pairs of answers."""
        labels: Counter[tuple[str, str]] = Counter()
        decisions: Counter[tuple[str, str, bool]] = Counter()
        scores: tuple[list[float], list[float]] = ([], [])
        for mine, other in answers:
            one, two = mine[0] or NO_LABEL, other[0] or NO_LABEL
            labels[one, two] += 1
            decisions[mine[2] or "none", other[2] or "none", one == two] += 1
            for side, answer in zip(scores, (mine, other), strict=True):
                if answer[1] is not None:
                    side.append(answer[1] / 10_000)
        return cls(
            dict(labels),
            dict(decisions),
            dict(outcomes or {}),
            Histogram.of("score", scores[0]),
            Histogram.of("score", scores[1]),
        )

    @classmethod
    def sum(cls, parts: Iterable["Pairs"]) -> "Pairs":
        """Add many."""
        labels: Counter[tuple[str, str]] = Counter()
        decisions: Counter[tuple[str, str, bool]] = Counter()
        outcomes: Counter[str] = Counter()
        champion, challenger = _scores(), _scores()
        for part in parts:
            labels.update(part.labels)
            decisions.update(part.decisions)
            outcomes.update(part.outcomes)
            champion, challenger = champion + part.champion, challenger + part.challenger
        return cls(dict(labels), dict(decisions), dict(outcomes), champion, challenger)

    def __add__(self, other: "Pairs") -> "Pairs":
        """Add part by part."""
        return Pairs.sum((self, other))

    @property
    def compared(self) -> int:
        """Count the records both models answered."""
        return sum(self.labels.values())

    @property
    def agreement(self) -> float:
        """Return the share of equal answers; nan when nothing was compared."""
        same = sum(count for (one, two), count in self.labels.items() if one == two)
        return same / self.compared if self.compared else float("nan")

    def to_bytes(self) -> bytes:
        """Write as compressed MessagePack; equal pairs give equal bytes."""
        plain = (
            sorted((*pair, count) for pair, count in self.labels.items()),
            sorted((*key, count) for key, count in self.decisions.items()),
            sorted(self.outcomes.items()),
            self.champion.counts.tolist(),
            self.challenger.counts.tolist(),
        )
        return zlib.compress(msgspec.msgpack.encode(plain), 1)

    @classmethod
    def from_bytes(cls, body: bytes) -> "Pairs":
        """Read what `to_bytes` wrote."""
        labels, decisions, outcomes, champion, challenger = msgspec.msgpack.decode(zlib.decompress(body))
        bins = range(len(champion))
        return cls(
            {(a, b): n for a, b, n in labels}, {(a, b, same): n for a, b, same, n in decisions}, dict(outcomes),
            Histogram.sparse("score", bins, champion), Histogram.sparse("score", bins, challenger),
        )  # fmt: skip
