"""Write lines as services and log rotation do: whole and torn, renamed, copied and truncated, compressed, removed when read."""

import gzip
import json
import os
import random
import shutil
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from backports import zstd

KEPT_FILES = 8


class Writer:
    """Hold the log of one instance; `written` and `odd` are the campaign's own books."""

    def __init__(self, folder: Path, name: str, seed: int) -> None:
        """Begin with no file."""
        self.file, self.draw = folder / f"{name}.jsonl", random.Random(f"{seed}:{name}")
        self.name, self.number, self.rest, self.turn = name, 0, b"", 0
        self.written, self.odd = 0, Counter[str]()

    def append(self, count: int) -> None:
        """Append some lines; the last may be torn, its end coming with the next call. A few are malformed or blank."""
        data = self.rest
        for _ in range(count):
            kind = self.draw.random()
            if kind < 0.01:
                data, self.odd["rejected"] = data + b'{"vigie":1,"text":"half\n', self.odd["rejected"] + 1
            elif kind < 0.02:
                data, self.odd["blank"] = data + b"\n", self.odd["blank"] + 1
            else:
                data += self._line()
        cut = self.draw.randrange(1, 40) if self.draw.random() < 0.5 else 0
        self.rest = data[len(data) - cut :] if cut else b""
        self._write(data[: len(data) - cut])

    def finish(self) -> None:
        """Write the end of a torn line."""
        self._write(self.rest)
        self.rest = b""

    def _line(self) -> bytes:
        when = datetime.now(UTC) - timedelta(hours=2) + timedelta(milliseconds=self.number)
        line = {"vigie": 1, "time": when.isoformat(), "request_id": f"{self.name}-{self.number}", "model": "ape",
                "text": self.draw.choice(("taxi", "boulangerie", "salon de coiffure")), "topk": [["47", 0.8], ["10", 0.1]],
                "latency_ms": 12.5, "status": 200}  # fmt: skip
        self.number += 1
        self.written += 1
        return json.dumps(line).encode() + b"\n"

    def _write(self, data: bytes) -> None:
        with self.file.open("ab", buffering=0) as file:
            file.write(data)

    def rotate(self, is_read: Callable[[], bool]) -> None:
        """Rotate by rename, or by copy and truncation with nothing written between; compress some, remove what was read."""
        if self.rest or not self.file.exists() or self.draw.random() > 0.25:
            return
        self.turn += 1
        target = self.file.with_name(f"{self.file.name}.{self.turn}")
        if self.draw.random() < 0.8:
            os.rename(self.file, target)
        else:
            shutil.copy2(self.file, target)
            os.truncate(self.file, 0)
        if self.draw.random() < 0.4:
            pack, ending = self.draw.choice(((gzip.compress, "gz"), (zstd.compress, "zst")))
            packed = target.with_name(f"{target.name}.{ending}")
            packed.write_bytes(pack(target.read_bytes()))
            target.unlink()
        old = sorted(self.file.parent.glob(f"{self.file.name}.*"), key=lambda one: one.stat().st_mtime)
        if len(old) > KEPT_FILES and is_read():
            for file in old[: len(old) - 2]:
                file.unlink()
