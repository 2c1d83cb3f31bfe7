"""Draw the requests of every hour: how many, from whom, about what, as the story of that hour wants it."""

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from jobs.demo.story import CALLERS, Story
from jobs.demo.texts import Description, request

PER_DAY = 2000
HARDLY = 0.0002  # share of the new activity before its day
OFFICE = (
    0.10,
    0.06,
    0.05,
    0.05,
    0.06,
    0.12,
    0.3,
    0.7,
    1.2,
    1.6,
    1.8,
    1.7,
    1.3,
    1.4,
    1.7,
    1.7,
    1.5,
    1.2,
    0.8,
    0.5,
    0.4,
    0.3,
    0.2,
    0.15,
)
DAYS = (1.15, 1.2, 1.15, 1.15, 1.05, 0.7, 0.6)  # Monday first
TYPES = {"guichet-unique": ("I", "B"), "tax-office": ("S", "B"), "survey-web": ("S",), "batch-registry": ("B", "I")}


@dataclass(frozen=True)
class Request:
    """Hold one call: when (seconds into the hour), who, what, and the truth."""

    hour: int
    second: float
    caller: str
    text: str
    fields: dict[str, str]
    truth: str


class Traffic:
    """Draw requests hour by hour; the same seed, hour and story give the same requests, whatever was drawn before."""

    def __init__(self, known: Sequence[Description], story: Story, seed: int) -> None:
        """Order the divisions by popularity (Zipf) and sort the descriptions by division and language."""
        self.story, self.seed = story, seed
        self.of: dict[tuple[str, str], list[Description]] = {}
        for one in known:
            self.of.setdefault((one.language, one.division), []).append(one)
        divisions = sorted({d for language, d in self.of if language == "fr"} - {story.activity})
        random.Random(f"{seed}:order").shuffle(divisions)
        self.divisions = divisions
        self.weights = [1 / (rank + 3) for rank in range(len(divisions))]

    def expected(self, hour: int) -> float:
        """Return how many requests an hour of this weekday usually brings."""
        return PER_DAY * OFFICE[hour % 24] / sum(OFFICE) * DAYS[(hour // 24 + 3) % 7]

    def hour(self, hour: int) -> list[Request]:
        """Return the requests of one hour, in order of time."""
        draw = random.Random(f"{self.seed}:{hour}")
        day = random.Random(f"{self.seed}:day:{hour // 24}")
        rate = self.expected(hour) * math.exp(day.gauss(0, 0.08) + draw.gauss(0, 0.06))
        found = [self._request(hour, draw) for _ in range(_poisson(rate, draw))]
        if draw.random() < 0.04 and 8 <= hour % 24 < 18:
            found += self._burst(hour, draw)
        return sorted(found, key=lambda one: one.second)

    def _request(self, hour: int, draw: random.Random) -> Request:
        caller = draw.choices([c for c, _ in CALLERS], [w for _, w in CALLERS])[0]
        language = "fr"
        if hour in self.story.event("language").window and draw.random() < 0.05 / 0.15 and caller == "survey-web":
            language = "en"
        share = 0.06 if hour in self.story.event("activity").window else HARDLY
        division = self.story.activity if draw.random() < share else draw.choices(self.divisions, self.weights)[0]
        known = self.of.get((language, division)) or self.of["fr", division]
        return self._made(hour, caller, draw.choice(known), draw)

    def _made(self, hour: int, caller: str, about: Description, draw: random.Random) -> Request:
        kind = draw.choices(TYPES[caller], [3, 1][: len(TYPES[caller])])[0]
        fields = {"TYP": kind, "NAT": draw.choices(["", "01", "02", "09"], [4, 3, 2, 1])[0],
                  "SRF": draw.choices(["NaN", "1", "2", "3", "4"], [5, 3, 2, 1, 0.5])[0],
                  "CJ": draw.choices(["1000", "5499", "5710", "9220"], [4, 3, 2, 1])[0]}  # fmt: skip
        return Request(hour, draw.uniform(0, 3600), caller, request(about, draw), fields, about.division)

    def _burst(self, hour: int, draw: random.Random) -> Iterator[Request]:
        division = draw.choices(self.divisions, self.weights)[0]
        first = self._made(hour, "batch-registry", draw.choice(self.of["fr", division]), draw)
        for number in range(draw.randint(10, 40)):
            yield Request(hour, (first.second + number) % 3600, first.caller, first.text, first.fields, first.truth)


def _poisson(rate: float, draw: random.Random) -> int:
    """Count arrivals of exponential gaps within one unit of time."""
    count, clock = 0, draw.expovariate(rate)
    while clock < 1:
        count, clock = count + 1, clock + draw.expovariate(rate)
    return count
