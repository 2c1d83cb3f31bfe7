"""Train the demonstration's champion, its early checkpoint, and the challenger; each is saved as an artefact directory."""

import json
import random
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from jobs.demo import answer
from jobs.demo.texts import Description, request

BATCH = 256
CHAMPION_SHARE = 0.62  # of the French descriptions; what it never saw makes it wrong now and then
Pairs = list[tuple[str, str]]


def champion_texts(known: Sequence[Description], seed: int) -> list[Description]:
    """Return the French descriptions the champion may learn from: a fixed share of each division, at least two."""
    draw, kept = random.Random(seed), []
    by_division: dict[str, list[Description]] = {}
    for one in known:
        if one.language == "fr":
            by_division.setdefault(one.division, []).append(one)
    for division in sorted(by_division):
        ones = by_division[division]
        kept += draw.sample(ones, max(2, round(CHAMPION_SHARE * len(ones)))) if len(ones) > 2 else ones
    return kept


def examples(known: Sequence[Description], copies: int, seed: int) -> Pairs:
    """Return (text, division) pairs: each description as it is, and `copies` noisy requests made of it."""
    draw, pairs = random.Random(seed), []
    for one in known:
        pairs.append((one.text, one.division))
        pairs += [(request(one, draw), one.division) for _ in range(copies)]
    return pairs


def train(
    pairs: Pairs, epochs: int, seed: int, after_epoch: Callable[[int, answer.Answers], None] | None = None
) -> answer.Answers:
    """Fit the bag of n-grams on one thread, so that equal seeds give equal weights; `after_epoch` sees each checkpoint."""
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    labels = sorted({label for _, label in pairs})
    number = {label: n for n, label in enumerate(labels)}
    rows = [answer.features(text) for text, _ in pairs]
    truth = torch.tensor([number[label] for _, label in pairs])
    model = answer.Bag(len(labels))
    torch.nn.init.normal_(model.bag.weight, std=0.1)
    optimiser = torch.optim.Adam(model.parameters(), lr=0.01)
    draw = random.Random(seed)
    order = list(range(len(pairs)))
    for epoch in range(epochs):
        draw.shuffle(order)
        model.train()
        for start in range(0, len(order), BATCH):
            some = order[start : start + BATCH]
            offsets, buckets = [], []
            for at in some:
                offsets.append(len(buckets))
                buckets += rows[at]
            loss = torch.nn.functional.cross_entropy(model(torch.tensor(buckets), torch.tensor(offsets)), truth[some])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        if after_epoch is not None:
            after_epoch(epoch, answer.Answers(model, labels))
    return answer.Answers(model, labels)


def save(trained: answer.Answers, directory: Path) -> None:
    """Write the artefact: weights, labels and the code that answers."""
    directory.mkdir(parents=True, exist_ok=True)
    torch.save(trained.model.state_dict(), directory / "weights.pt")
    (directory / "labels.json").write_text(json.dumps(trained.labels), encoding="utf-8")
    shutil.copy(Path(answer.__file__), directory / "answer.py")
