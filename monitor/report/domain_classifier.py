"""
Ask a classifier whether the texts since an onset can be told from those of the reference, and by what.

Runs as a process of its own (`python -m monitor.report.domain_classifier SHOWN_FROM`), because scikit-learn is heavy. It reads Parquet with
text, label, score, caller, block (texts of a block belong together) and the Boolean `_current`, and writes JSON. The idea:
Rabanser, Guennemann and Lipton (2019), Failing Loudly, arXiv 1810.11953, who found it weak as an alarm and good at describing.
"""

import io
import json
import sys
from typing import Any

import numpy as np
import polars as pl

from monitor.detection.suspects import BY_CHANCE, CLEAR_AUC
from monitor.prediction import normalised

LEAST_TEXTS, MOST_TEXTS, MOST_WORDS = 50, 20, 12
FOLDS, RESAMPLES, SEED = 5, 200, 20
TOO_FEW = f"fewer than {LEAST_TEXTS} different texts are kept of one of the two times"
UNLIKE = 0.99  # a text is unlike the reference when it looks newer than this share of its texts


def telling(rows: pl.DataFrame, shown_from: int) -> dict[str, Any]:
    """
    Return how well new texts are told from old ones, by which words, and the texts that look newest.

    `auc` and `unlike` (the share of new texts that look newer than 99 % of the old) are [value, low, high], 95 % by resampling blocks;
    each text counts once a side, and is judged by a classifier that saw neither it nor its twins. `words` are [word, share then,
    share now] of words in at least `shown_from` texts of that side. With fewer than 50 texts on a side only `why` is returned.
    """
    rows = rows.with_columns(bare=normalised(pl.col("text"))).filter(pl.col("bare").str.len_chars() > 0)
    rows = rows.unique(["bare", "_current"], keep="first", maintain_order=True)
    new = rows["_current"].to_numpy()
    if min(int(new.sum()), int((~new).sum())) < LEAST_TEXTS:
        return {"why": TOO_FEW}
    from sklearn.feature_extraction.text import CountVectorizer

    words = CountVectorizer(binary=True, token_pattern=r"\S+", min_df=2, ngram_range=(1, 2))
    try:
        table = words.fit_transform(rows["bare"].to_list())
    except ValueError:  # no word stands in two texts
        return {"why": "no word stands in two texts"}
    looks = _looks(table, new, rows["bare"].to_numpy())
    sides = [(looks[side], rows["block"].to_numpy()[side]) for side in (~new, new)]
    order = np.argsort(-looks[new], kind="stable")[:MOST_TEXTS]
    newest = rows.filter(pl.Series(new))[order.tolist()].select("text", "label", "score", "caller")
    return {"texts_then": int((~new).sum()), "texts_now": int(new.sum()), **_sure(sides), "words": _words(table, words, new, shown_from),
            "texts": newest.to_dicts()}  # fmt: skip


def _looks(table: Any, new: np.ndarray, bare: np.ndarray) -> np.ndarray:
    """Return how new each text looks to a classifier that was trained without it and its twins."""
    from sklearn.linear_model import LogisticRegression

    _, group = np.unique(bare, return_inverse=True)
    fold = np.random.default_rng(SEED).permutation(group.max() + 1)[group] % FOLDS
    looks = np.zeros(len(new))
    for one in range(FOLDS):
        held = fold == one
        if len(np.unique(new[~held])) < 2:
            continue
        model = LogisticRegression(C=1.0, class_weight="balanced", max_iter=200).fit(table[~held], new[~held])
        looks[held] = model.predict_proba(table[held])[:, 1]
    return looks


def _sure(sides: list[tuple[np.ndarray, np.ndarray]]) -> dict[str, list[float]]:
    random = np.random.default_rng(SEED)
    drawn = [_measures(*(_resampled(looks, block, random) for looks, block in sides)) for _ in range(RESAMPLES)]
    low, high = np.quantile(np.array(drawn), [0.025, 0.975], axis=0)
    value = _measures(sides[0][0], sides[1][0])
    return {name: [round(float(one), 4) for one in (value[at], min(low[at], value[at]), max(high[at], value[at]))]
            for at, name in enumerate(("auc", "unlike"))}  # fmt: skip


def _resampled(looks: np.ndarray, block: np.ndarray, random: np.random.Generator) -> np.ndarray:
    names = np.unique(block)
    parts = [looks[block == name] for name in names] if len(names) > 2 else list(looks[:, None])
    return np.concatenate([parts[at] for at in random.integers(0, len(parts), len(parts))])


def _measures(then: np.ndarray, now: np.ndarray) -> tuple[float, float]:
    """Return the AUC (Mann and Whitney 1947, ties by half) and the share of new texts beyond 99 % of the old."""
    old = np.sort(then)
    below = (np.searchsorted(old, now, "left") + np.searchsorted(old, now, "right")) / 2
    return float(below.mean() / len(old)), float((now > np.quantile(old, UNLIKE, method="higher")).mean())


def _words(table: Any, vectors: Any, new: np.ndarray, shown_from: int) -> dict[str, list[list[Any]]]:
    """Return the words that tell new texts and old ones, by the weight of a classifier that saw all."""
    from sklearn.linear_model import LogisticRegression

    weight = LogisticRegression(C=1.0, class_weight="balanced", max_iter=200).fit(table, new).coef_[0]
    names = vectors.get_feature_names_out()
    then, now = (np.asarray(table[side].sum(0)).ravel() for side in (~new, new))
    found = {}
    for title, sign, own in (("new", 1, now), ("old", -1, then)):
        order = [
            at for at in np.argsort(-sign * weight, kind="stable") if sign * weight[at] > 0 and own[at] >= shown_from
        ]
        found[title] = [
            [str(names[at]), float(then[at] / (~new).sum()), float(now[at] / new.sum())] for at in order[:MOST_WORDS]
        ]
    return found


def sentence(found: dict[str, Any]) -> str:
    """
    Say what was found as an operator reads it.

    >>> sentence({"auc": [0.52, 0.47, 0.56], "unlike": [0.01, 0.0, 0.02]})
    'The texts look as usual: a classifier cannot tell new ones from old (AUC 0.52, 0.47 to 0.56; 0.5 is chance).'
    >>> sentence({"auc": [0.53, 0.5, 0.55], "unlike": [0.04, 0.03, 0.06]})
    'About 4 % of the new texts are unlike the old ones (3 to 6 %; 1 % by chance); the others look as usual (AUC 0.53, 0.50 to 0.55; 0.5 is chance).'
    >>> sentence({"why": "no word stands in two texts"})
    'Whether the texts changed cannot be told: no word stands in two texts.'
    """
    if "why" in found:
        return f"Whether the texts changed cannot be told: {found['why']}."
    auc, unlike = found["auc"], found["unlike"]
    known = f"AUC {auc[0]:.2f}, {auc[1]:.2f} to {auc[2]:.2f}; 0.5 is chance"
    part = f"{100 * unlike[0]:.0f} % of the new texts are unlike the old ones ({100 * unlike[1]:.0f} to {100 * unlike[2]:.0f} %; 1 % by chance)"
    if auc[1] > CLEAR_AUC:
        return f"The texts changed: a classifier tells new ones from old ({known}); {part}."
    if unlike[1] > BY_CHANCE:
        return f"About {part}; the others look as usual ({known})."
    return f"The texts look as usual: a classifier cannot tell new ones from old ({known})."


if __name__ == "__main__":
    asked = pl.read_parquet(io.BytesIO(sys.stdin.buffer.read()))
    sys.stdout.write(json.dumps(telling(asked, int(sys.argv[1])), ensure_ascii=True))
