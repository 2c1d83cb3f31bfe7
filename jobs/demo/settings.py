"""Write the demonstration's config.yaml and the files it names."""

import csv
import sys
from collections.abc import Sequence
from pathlib import Path

from jobs.demo.texts import Description, nomenclature
from monitor.prediction import normalised

DESK = "ops-desk"
TEMPLATE = """\
# The demonstration. Every setting is explained in the config.yaml at the top of the source tree.
demo: true
data_dir: data
models:
  ape:
    classes: 88
    nomenclature: nomenclature.csv
    alarm_level: division
    score: max_prob
    thresholds: [{from: 2020-01-01T00:00:00Z, automatic_at: 0.7}]
    fields: {TYP: category, NAT: category, SRF: category, CJ: category}
    segment: caller
    vocabulary: vocabulary.txt
    training: training.csv
    latency_ms_limit: 200
    minutes_per_case: 4
    accuracy_target: 0.95
    label_files: labels/*.csv
sources:
  ape-api:
    files: logs/ape.jsonl*
    format: vigie_line
    identity: by_request_id
    model: ape
challengers:
  ape-next:
    of: ape
    path: models/challenger
    sha256: "PIN"
    runs_code: accepted
    automatic_at: 0.7
shadow: {trusted_roots: [models], rate: 1.0, days: 14}
routes:
  - {to: ops@stat.example, receives: [incidents, service], texts: redacted}
  - {to: owner@stat.example, receives: [incidents, decisions]}
  - {to: head@stat.example, receives: [weekly]}
delivery:
  smtp: {host: 127.0.0.1, port: SMTP, starttls: never, sender: vigie@stat.example}
roles: {DESK: operator}
triggers:
  train:
    kind: command
    command: [PYTHON, -c, "import json, sys; print('retraining', json.load(sys.stdin)['model'])"]
retraining: {ape: {trigger: train}}
dashboard: {port: SCREEN}
health: {port: 0}
"""


def write(
    folder: Path,
    known: Sequence[Description],
    trained: Sequence[tuple[str, str]],
    *,
    pin: str,
    smtp_port: int,
    screen_port: int,
) -> Path:
    """Write config.yaml, nomenclature.csv, vocabulary.txt and training.csv; returns the path of config.yaml."""
    with (folder / "training.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("text", "label"), *trained])
    with (folder / "nomenclature.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(("code", "parent", "level", "title"))
        rows.writerows(nomenclature())
    write_vocabulary(folder / "vocabulary.txt", known)
    text = (
        TEMPLATE.replace("PIN", pin)
        .replace("SMTP", str(smtp_port))
        .replace("SCREEN", str(screen_port))
        .replace("DESK", DESK)
    )
    config = folder / "config.yaml"
    config.write_text(text.replace("PYTHON", sys.executable), encoding="utf-8")
    return config


def write_vocabulary(file: Path, known: Sequence[Description]) -> None:
    """Write the words the champion was trained on, one a line."""
    import polars as pl

    words = (
        pl.DataFrame({"text": [one.text for one in known]})
        .select(normalised(pl.col("text")).str.split(" ").explode().unique().sort())
        .to_series()
    )
    file.write_text("\n".join(word for word in words.to_list() if word) + "\n", encoding="utf-8")
