"""Log what many models answer, hour by hour, by the product's own line writer; most of them stand behind one embedder."""

import random
from datetime import datetime, timedelta
from pathlib import Path

from monitor.line import Lines

WORDS = ("bakery", "taxi", "books", "plumber", "law", "farm", "hotel", "roof", "school", "garden", "dentist", "garage")
LABELS = [f"L{number:02d}" for number in range(20)]
POPULAR = [1 / (rank + 2) for rank in range(len(LABELS))]
CALLERS, SHARES = ("front-desk", "survey-web", "tax-office"), (6, 3, 1)
OFFICE, NIGHT = 3.0, 1.0  # how busy an hour is
BROKEN = 0.6  # of the answers of a broken embedder are the same label
FILE_BYTES, KEEP = 4 * 1024 * 1024, 100


class Traffic:
    """Write `per_day` lines a day and model into `folder`/logs; those of `broken` models are wrong in the hours of `outage`."""

    def __init__(
        self, folder: Path, models: list[str], per_day: int, *, broken: list[str], outage: tuple[datetime, datetime]
    ) -> None:
        """Open no file yet: each is opened at its first line."""
        self.broken, self.outage = set(broken), outage
        self.per_hour = per_day / (10 * OFFICE * 5 / 7 + (24 - 10 * 5 / 7) * NIGHT)
        self.draw = {name: random.Random(name) for name in models}
        self.out = {name: Lines(None, model=name, text="full", where=folder / f"logs/{name}.jsonl", model_version="1.0",
                                threaded=False, max_bytes=FILE_BYTES, keep=KEEP) for name in models}  # fmt: skip
        self.lines = 0

    def hour(self, begin: datetime) -> None:
        """Write the lines of the hour that begins then."""
        busy = OFFICE if 7 <= begin.hour < 17 and begin.weekday() < 5 else NIGHT
        ill = self.outage[0] <= begin < self.outage[1]
        for name, out in self.out.items():
            draw, mean = self.draw[name], self.per_hour * busy
            size = max(round(draw.gauss(mean, mean**0.5)), 1)
            for at in range(size):
                self.lines += 1
                score = round(draw.betavariate(5, 2), 4)
                label = draw.choices(LABELS, POPULAR)[0]
                if ill and name in self.broken and draw.random() < BROKEN:
                    label, score = LABELS[-1], round(score * 0.6, 4)
                out.write(time=begin + timedelta(seconds=3600 * (at + draw.random()) / size), request_id=f"{name}-{self.lines}",
                          caller=draw.choices(CALLERS, SHARES)[0], text=" ".join(draw.choices(WORDS, k=4)),
                          topk=[[label, score]], latency_ms=draw.lognormvariate(3.7, 0.4), status=200)  # fmt: skip

    def close(self) -> None:
        """Close the files."""
        for out in self.out.values():
            out.close()
