"""
Say how far the words of a text speak for the answer it got, by the texts the model was trained on.

A word speaks for a label as far as it is likelier in texts of that label than in any: ln p(word | label) / p(word), with
shares that are pulled to the overall one by the weight of ten texts. The most telling word of a text counts: a wrong answer
is one that no word speaks for, and that needs no labels of today.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
import polars as pl

from monitor.profiles.tokens import SHORTEST

MASS = 10.0  # texts
LEAST_TEXTS = 2  # a word of one training text is no evidence, and may be a name


class _Kept(msgspec.Struct):
    words: list[str]
    labels: list[str]
    pairs: bytes
    lifts: bytes
    floors: bytes


@dataclass(frozen=True, eq=False)
class Support:
    """
    Hold for each pair of word and label that trained the model how far the word speaks for it, in nats.

    `pairs` are sorted numbers `word * labels + label`, `lifts` one value each; `floors` what a known word says of a label it
    never came with, one value a label.
    """

    words: dict[str, int]
    labels: dict[str, int]
    pairs: np.ndarray  # (pairs,) int64
    lifts: np.ndarray  # (pairs,) float64
    floors: np.ndarray  # (labels,) float64

    @classmethod
    def of(cls, texts: pl.Series, labels: pl.Series) -> "Support":
        """Learn from training texts, in the form of `monitor.prediction.normalised`, and their labels, as many."""
        rows = pl.DataFrame({"text": texts.cast(pl.String), "label": labels.cast(pl.String)}).drop_nulls()
        names = rows["label"].unique().sort().to_list()
        labelled = dict(rows["label"].value_counts().iter_rows())
        counted = (
            rows.with_columns(word=pl.col("text").str.split(" ").list.unique())
            .explode("word")
            .filter(pl.col("word").str.len_chars() >= SHORTEST)
            .group_by("word", "label")
            .agg(both=pl.len())
            .with_columns(texts=pl.col("both").sum().over("word"))
            .filter(pl.col("texts") >= LEAST_TEXTS)
            .sort("word", "label")
        )
        words = {word: number for number, word in enumerate(counted["word"].unique(maintain_order=True).to_list())}
        number = {name: at for at, name in enumerate(names)}
        size = np.array([labelled[name] for name in names], float)
        of_label = np.array([number[name] for name in counted["label"]], np.int64)
        of_word = np.array([words[word] for word in counted["word"]], np.int64)
        share = counted["texts"].to_numpy() / max(rows.height, 1)
        lifts = np.log((counted["both"].to_numpy() + MASS * share) / (size[of_label] + MASS) / share)
        return cls(words, number, of_word * len(names) + of_label, lifts, np.log(MASS / (size + MASS)))

    def of_answers(self, texts: pl.Series, answers: Sequence[str | None]) -> pl.Series:
        """
        Return the support of each answer by its text, in hundredths of a nat (Int16).

        0 where the text has no known word; null without a text, without an answer, or for a label that trained nothing.

        >>> trained = pl.Series(["salon de coiffure", "salon de coiffure", "salon de the", "salon de the"])
        >>> known = Support.of(trained, pl.Series(["hair", "hair", "tea", "tea"]))
        >>> known.of_answers(pl.Series(["coiffure", "coiffure", "salon", "xyz"]), ["hair", "tea", "tea", "new"]).to_list()
        [15, -18, 0, None]
        """
        place, many = self.words.get, len(self.labels)
        found: list[int] = []
        starts, known, label = [], [], []
        for at, (text, answer) in enumerate(zip(texts.to_list(), answers, strict=True)):
            number = None if answer is None else self.labels.get(answer)
            if text is None or number is None:
                continue
            ids = [one for one in map(place, text.split(" ")) if one is not None]
            known.append(at)
            if ids:
                starts.append((len(found), at))
                label.append(number)
                found += ids
        said = np.zeros(len(texts))
        if starts:
            first = np.array([begin for begin, _ in starts])
            sizes = np.diff([*first.tolist(), len(found)])
            of_label = np.repeat(label, sizes)
            asked = np.array(found, np.int64) * many + of_label
            near = np.minimum(np.searchsorted(self.pairs, asked), len(self.pairs) - 1)
            lifts = np.where(self.pairs[near] == asked, self.lifts[near], self.floors[of_label])
            said[[at for _, at in starts]] = np.maximum.reduceat(lifts, first)
        whole = pl.Series(np.round(100 * said).astype(np.int16))
        is_known = np.zeros(len(texts), bool)
        is_known[known] = True
        return pl.select(pl.when(pl.Series(is_known)).then(whole)).to_series()

    def to_bytes(self) -> bytes:
        """Write it as MessagePack."""
        arrays = [one.tobytes() for one in (self.pairs, self.lifts, self.floors)]
        return msgspec.msgpack.encode(_Kept([*self.words], [*self.labels], *arrays))

    @classmethod
    def from_bytes(cls, body: bytes) -> "Support":
        """Read what `to_bytes` wrote; raises msgspec.DecodeError for anything else."""
        kept = msgspec.msgpack.decode(body, type=_Kept)
        words, labels = ({one: at for at, one in enumerate(many)} for many in (kept.words, kept.labels))
        return cls(
            words, labels, np.frombuffer(kept.pairs, np.int64), np.frombuffer(kept.lifts), np.frombuffer(kept.floors)
        )
