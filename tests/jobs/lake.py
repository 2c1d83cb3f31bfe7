"""Write a folder of old log files in many formats, with all that can be wrong in them, and the config.yaml that reads it."""

import gzip
import json
import os
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from sqlalchemy import select

from jobs.backfill import files_of, tasks_of
from jobs.backfill_files import Files
from monitor.config import Config, load
from monitor.store.store import Store
from monitor.store.tables import profile
from tests.conftest import NOW
from tests.jobs.test_halves import event
from tests.monitor.sources.samples import SAMPLES

LATER = NOW + timedelta(hours=1)  # every file was left alone long enough
PIECES = 3
Bodies = dict[tuple[str, str, int], bytes]


@dataclass(frozen=True)
class Lake:
    """Hold the folder, its settings, and the names of its sources."""

    folder: Path
    config: Config

    def folders(self, name: str) -> list[str]:
        """Return the folder of a source, as the verb is given it."""
        return [str(self.folder / "logs" / name)]

    def reader(self, name: str) -> Files:
        """Return what reads the files of a source."""
        return files_of(self.config, self.config.sources[name], LATER)

    def tasks(self) -> list[tuple[str, list]]:  # type: ignore[type-arg]
        """Return every task of every source, each with its source's name."""
        sources = self.config.sources
        return [(name, task) for name, source in sources.items() for task in tasks_of(source, self.folders(name))]


def lake(folder: Path, names: Collection[str] = tuple(SAMPLES)) -> Lake:
    """Cut each named sample of a format into files, one packed; add a copy of a file, repeats over files, damage and halves."""
    sources: dict[str, dict[str, object]] = {}
    for name in names:
        found = SAMPLES[name]()
        sources[name] = {**found.source, "model": name, "files": f"logs/{name}/**/*"}
        lines = [_apart(line) for line in found.data.splitlines(keepends=True)]
        size = -(-len(lines) // PIECES)
        for number in range(PIECES):
            put(folder, f"{name}/{number}.log", b"".join(lines[number * size : (number + 1) * size]), number)
    first = (folder / "logs/json_plain/0.log").read_bytes()
    put(folder, "json_plain/0.copy.gz", gzip.compress(first), 5)  # the same calls again
    again = first.splitlines(keepends=True)[0].replace(b'"r0"', b'"again"').replace(b"T06:00:", b"T06:59:")
    put(folder, "json_plain/again.log", again * 2, 6)  # a text of another file in the same hour, and one id twice
    put(folder, "json_plain/cut.gz", gzip.compress(first.replace(b'"r', b'"cut'))[:-400], 7)
    put(folder, "insee_g1/wide.log", "\ufeffUTF-16".encode("utf-16"), 8)
    sources["halves"] = {"preset": "kserve_v1", "model": "halves", "files": "logs/halves/**/*"}
    for part in range(2):
        events = [event(number, side) for number in range(40) for side in ("request", "response")]
        put(folder, f"halves/pod/{part}.log", "".join(events[part * 35 : part * 35 + 35]).encode(), part)
    models = "\n".join(f"  {name}: {{fields: {{TYP: category}}}}" for name in sources)
    listed = "\n".join(f"  {name}: {json.dumps(source)}" for name, source in sources.items())
    path = folder / "config.yaml"
    path.write_text(
        f"data_dir: data\ningest: {{line_mib: 0.004, batch_mib: 0.005}}\nmodels:\n{models}\nsources:\n{listed}\n"
    )
    return Lake(folder, load(path))


def _apart(line: bytes) -> bytes:
    """Give the texts of one call different words: which of two twins at one moment counts is up to the key of their ids."""
    if not line.startswith(b'{"ts"') or line.count(b'"text"') < 2:
        return line
    tree = json.loads(line)
    for message, word in zip(tree["input"]["messages"], ("un", "deux", "trois"), strict=True):
        message["text"] += f" {word}"
    return json.dumps(tree, ensure_ascii=False).encode() + b"\n"


def put(folder: Path, name: str, data: bytes, order: int) -> None:
    """Write a file below logs/, as if the `order`th before now."""
    path = folder / "logs" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    when = (NOW + timedelta(seconds=order)).timestamp()
    os.utime(path, (when, when))


def bodies(store: Store) -> Bodies:
    """Return every stored profile as its bytes."""
    with store.read() as connection:
        rows = connection.execute(select(profile)).all()
    return {(row.model, row.segment, row.hour): bytes(row.body) for row in rows}
