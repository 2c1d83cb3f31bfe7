"""P14: bytes of the store per million predictions, with texts and with counts only."""

import tempfile
from pathlib import Path
from typing import Any

from benchmarks import logs
from benchmarks.result import Part, result
from benchmarks.timing import python
from monitor.window import hour_of

LINES, QUICK_LINES, DAYS = 200_000, 5_000, 30
MB = 1_000_000


def run(quick: bool) -> dict[str, Any]:
    """Read the same files in both modes and weigh the SQLite file; the rest of a million is computed, and says so."""
    count = QUICK_LINES if quick else LINES
    sizes = {}
    with tempfile.TemporaryDirectory(prefix="vigie-p14-") as made:
        config = logs.write(Path(made), count, DAYS)
        plain = config.read_text(encoding="utf-8")
        for mode in ("redacted", "none"):
            config.write_text(
                f"{plain}data_dir: {mode}\nprivacy: {{store: {mode}}}\n".replace("data_dir: data\n", "", 1)
            )
            printed = python("-m", "benchmarks.speed", str(config), str(hour_of(logs.START) + 24 * DAYS)).printed
            sizes[mode] = printed["store_bytes"]
    scaled = {mode: size / count * 1_000_000 / MB for mode, size in sizes.items()}
    parts = [Part("store per million predictions, texts kept", 200, scaled["redacted"], "MB"),
             Part("store per million predictions, counts only", 5, scaled["none"], "MB")]  # fmt: skip
    return result(
        "p14", quick, parts, {"lines": count, "bytes": sizes, "scaled_from": f"{count} lines over {DAYS} days"}
    )
