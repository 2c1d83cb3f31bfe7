"""Write log files as an inference API would, with `monitor.line`, and the config.yaml that reads them."""

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

from monitor.line import Lines

START = datetime(2026, 3, 2, tzinfo=UTC)  # a Monday
CALLERS = (("front-desk", 55), ("tax-office", 20), ("survey-web", 15), ("batch-registry", 10))
CLASSES, TOP, WORDS = 732, 5, 3000
SYLLABLES = ("ba", "con", "di", "fer", "gi", "lo", "ma", "nor", "pe", "qui", "ra", "sel", "ti", "ven")
FILE_BYTES = 64 * 1024 * 1024
CONFIG = """\
data_dir: data
models:
  coder:
    classes: 732
    thresholds: [{from: 2020-01-01T00:00:00Z, automatic_at: 0.7}]
    fields: {TYP: category, NAT: category}
    segment: caller
    vocabulary: vocabulary.txt
sources:
  api: {files: logs/coder.jsonl*, format: vigie_line, identity: by_request_id, model: coder}
"""


def write(folder: Path, lines: int, days: int, seed: int = 1) -> Path:
    """Write `lines` predictions spread over `days`, more in office hours, and a config.yaml; returns its path."""
    draw = random.Random(seed)
    words = ["".join(draw.choices(SYLLABLES, k=draw.randint(2, 4))) for _ in range(WORDS)]
    (folder / "vocabulary.txt").write_text("\n".join(words[: WORDS * 9 // 10]) + "\n", encoding="utf-8")
    out = Lines(None, model="coder", text="full", where=folder / "logs/coder.jsonl", model_version="1.0",
                threaded=False, max_bytes=FILE_BYTES, keep=1000)  # fmt: skip
    hours = [START + timedelta(hours=hour) for hour in range(24 * days)]
    weights = [3.0 if 8 <= hour.hour < 18 and hour.weekday() < 5 else 1.0 for hour in hours]
    popular = [1 / (rank + 2) for rank in range(CLASSES)]
    names, labels = [name for name, _ in CALLERS], [f"{number:04d}Z" for number in range(CLASSES)]
    number, due, whole = 0, 0.0, sum(weights)
    for hour, weight in zip(hours, weights, strict=True):
        due += lines * weight / whole
        size = round(due) - number
        answers = draw.choices(range(CLASSES), popular, k=size)
        callers = draw.choices(names, [share for _, share in CALLERS], k=size)
        for at in range(size):
            number += 1
            score = round(draw.betavariate(5, 2), 4)
            rest = [
                [labels[(answers[at] + 37 * k) % CLASSES], round(min(score, (1 - score) / 2**k), 4)]
                for k in range(1, TOP)
            ]
            out.write(time=hour + timedelta(seconds=3600 * at / size), request_id=f"r{number:09d}", caller=callers[at],
                      text=" ".join(draw.choices(words, k=draw.randint(3, 9))), topk=[[labels[answers[at]], score], *rest],
                      fields={"TYP": draw.choice("BIS"), "NAT": draw.choice(("01", "02", "09"))}, endpoint="/predict",
                      latency_ms=draw.lognormvariate(3.7, 0.4), status=200)  # fmt: skip
    out.close()
    config = folder / "config.yaml"
    config.write_text(CONFIG, encoding="utf-8")
    return config
