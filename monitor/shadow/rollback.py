"""
Say whether the version or the world changed the answers: what the version before a release answers to the same texts.

Both mixes of answers are held against the one of the weeks before, by the share of answers that moved (total variation) less
what chance alone gives at so many texts. Only the new version moved: it is the model. Both did, in the same direction: it is
the texts.
"""

import numpy as np

from monitor.metrics.prediction_shift import moved_share
from monitor.profiles.counts import Counts
from monitor.profiles.pairs import Pairs
from monitor.profiles.profile import Profile
from monitor.said import Said

LEAST_TEXTS = 200
KEPT, SHARED = 0.25, 0.75  # of the new version's move: what the former one may make, and from where it makes it too


def advice(paired: Pairs, before: Profile, former: str, new: str) -> Said:
    """
    Say what the former version answered to the texts that came since the new one answers, and what follows.

    `paired` counts the answers of both (champion: the new one), `before` those of the weeks before, repeats included on both
    sides.

    >>> usual = Profile(labels_raw=Counts.of(a=500, b=500))
    >>> str(advice(Pairs({("a", "a"): 200, ("a", "b"): 50, ("b", "b"): 150}), usual, "1", "2"))[:58]
    'it is the model: on the same 400 texts 2 moved 12.5 % of i'
    >>> str(advice(Pairs({("a", "a"): 350, ("b", "b"): 50}), usual, "1", "2"))[:31]
    'it is the texts: on the same 40'
    """
    count = paired.compared
    if count < LEAST_TEXTS:
        text = f"version {former} was asked {count} of the texts since then so far; {LEAST_TEXTS} are needed"
        return Said(text, "rollback.few", former=former, count=count, needed=LEAST_TEXTS)
    usual = Profile(labels=before.labels_raw)
    (now, chance), (then, _) = (moved_share(Profile(labels=_side(paired, side)), usual) for side in (0, 1))
    moved, kept = now - chance, _along(paired, before.labels_raw) - chance
    facts = {"former": former, "new": new, "count": count, "now": now, "then": then, "chance": chance}
    told = (f"on the same {count:,} texts {new} moved {100 * now:.1f} % of its answers, {former} {100 * then:.1f} % "
            f"(chance alone gives {100 * chance:.1f} %)")  # fmt: skip
    if moved <= 0:
        return Said(f"not seen by now: {told}", "rollback.unseen", **facts)
    if kept <= KEPT * moved:
        return Said(f"it is the model: {told}", "rollback.model", **facts)
    if kept >= SHARED * moved:
        return Said(f"it is the texts: {told}", "rollback.texts", **facts)
    return Said(f"it is both: {told}", "rollback.both", **facts)


def _along(paired: Pairs, usual: Counts) -> float:
    """Return the share of answers that the former version moved in the direction of the new one; below zero against it."""
    sides = _side(paired, 0), _side(paired, 1)
    names = sorted({*usual.of_name, *sides[0].of_name, *sides[1].of_name})
    new, old, before = (one.over(names) / max(one.total, 1) for one in (*sides, usual))
    return float((np.sign(new - before) * (old - before)).sum() / 2)


def _side(paired: Pairs, side: int) -> Counts:
    counted: dict[str, int] = {}
    for names, count in paired.labels.items():
        counted[names[side]] = counted.get(names[side], 0) + count
    return Counts(counted)
