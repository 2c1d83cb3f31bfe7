"""
Answer texts with a bag of hashed words and character n-grams: the code that lies inside a demonstration artefact.

Needs torch and the standard library only. `load(directory)` reads weights.pt (weights only, no pickled code) and
labels.json.
"""

import itertools
import json
import re
import unicodedata
import zlib
from pathlib import Path

import torch

BUCKETS, WIDTH = 40_000, 48
SHORTEST, LONGEST = 3, 5
CHUNK = 256


def features(text):
    """Return the bucket numbers of a text: its words, pairs of words, and character n-grams; never empty."""
    bare = unicodedata.normalize("NFKD", text.lower())
    words = re.findall(r"[a-z]+", "".join(c for c in bare if not unicodedata.combining(c)))
    names = words + [f"{a} {b}" for a, b in itertools.pairwise(words)]
    for word in words:
        padded = f"<{word}>"
        for size in range(SHORTEST, LONGEST + 1):
            names += [padded[i : i + size] for i in range(len(padded) - size + 1)]
    return [zlib.crc32(name.encode()) % BUCKETS for name in names] or [0]


class Bag(torch.nn.Module):
    """Average the vectors of a text's buckets and map them to labels."""

    def __init__(self, labels):
        """Make an untrained model for `labels` classes."""
        super().__init__()
        self.bag = torch.nn.EmbeddingBag(BUCKETS, WIDTH, mode="mean")
        self.out = torch.nn.Linear(WIDTH, labels)

    def forward(self, buckets, offsets):
        """Return logits (texts, labels)."""
        return self.out(self.bag(buckets, offsets))


def packed(texts):
    """Return the buckets of all texts in one row, and where each text begins."""
    rows = [features(text) for text in texts]
    offsets, at = [], 0
    for row in rows:
        offsets.append(at)
        at += len(row)
    return torch.tensor([b for row in rows for b in row]), torch.tensor(offsets)


class Answers:
    """Answer texts with (label, probability) pairs, most probable first."""

    def __init__(self, model, labels):
        """Keep a trained model and its labels."""
        self.model, self.labels = model.eval(), labels

    def answer(self, texts, fields=None, k=5):  # noqa: ARG002 - one signature for every challenger
        """Return for each text its `k` best (label, probability); fields are not used by this model."""
        found = []
        with torch.inference_mode():
            for start in range(0, len(texts), CHUNK):
                shares = torch.softmax(self.model(*packed(texts[start : start + CHUNK])), dim=1)
                best = shares.topk(min(k, len(self.labels)), dim=1)
                for values, places in zip(best.values.tolist(), best.indices.tolist(), strict=True):
                    found.append([(self.labels[p], round(v, 6)) for p, v in zip(places, values, strict=True)])
        return found


def load(directory):
    """Read the model that lies in `directory`."""
    directory = Path(directory)
    labels = json.loads((directory / "labels.json").read_text(encoding="utf-8"))
    model = Bag(len(labels))
    model.load_state_dict(torch.load(directory / "weights.pt", weights_only=True, map_location="cpu"))
    return Answers(model, labels)
