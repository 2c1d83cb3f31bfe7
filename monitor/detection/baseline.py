"""
Hold what the reference says to expect of every metric, and how much it wanders by itself.

A baseline is a value: yardsticks, seasons, one `Bet` per metric, scale and direction; `fitting` makes it from a period's hours.
"""

import msgspec
import numpy as np

from monitor.detection.bets import Bet, Spread
from monitor.metrics import Metric, Yardsticks, all_for
from monitor.profiles.profile import NO_LABEL, Profile
from monitor.settings import Detection

LEAST_HOURS = 14 * 24
WITNESS = "answers"  # the metric of the label mix
VOLUME = "volume"
VOLUME_TOLERANCE = {1: 0.69, 24: 0.2}
NEW_LABEL = "(new)"


class Line(msgspec.Struct, frozen=True):
    """Hold one bet of a baseline and its stake: which metric, how many hours a block has, and how it is judged."""

    metric: str
    group: str
    scale: int
    stake: float  # per hour; all lines' stakes add to 1
    direction: int
    centre: float
    floor: float
    phi: float
    tau2: float
    share: float | None

    def bet(self, settings: Detection) -> Bet:
        """Return the judge of this line."""
        spread = Spread(self.phi, self.tau2)
        return Bet(self.direction, self.centre, self.floor, spread, self.share, settings.clip, settings.smallest_block)


class Season(msgspec.Struct, frozen=True):
    """
    Hold a metric's expected value in each of 72 cells, and the spread that tames a wild hour before it counts in a day.

    `tolerance` is the deviation that counts as nothing: a service that never moved is tamed by it.
    """

    cells: list[float]
    phi: float
    tau2: float
    tolerance: float = 0.0


class Tried(msgspec.Struct, frozen=True):
    """
    Name the challenger whose answers in the shadow stand for a version's, and how its scores and decisions are read.

    `score` is None where the champion's definition cannot be computed from them, `automatic_from` (in steps) where nobody says.
    """

    version: str
    name: str
    digest: str
    score: str | None
    automatic_from: int | None


class Baseline(msgspec.Struct, frozen=True):
    """
    Hold everything the detector needs of the reference.

    `renewing` says since which hour a kin of metrics is learnt anew, `renewed` from which hours another one was, `shadowed`
    whose answers in the shadow of these hours it was learnt from; `seeded` names the versions that were looked for there.
    """

    first_hour: int
    end_hour: int
    slow_ms: float
    unsure: float
    known: list[str]
    watched: list[tuple[str, str]]
    bet_labels: list[str]
    labels: list[str]  # names of the witness's vector, NEW_LABEL last
    mix: list[list[float]]  # expected mix per bucket
    popular: list[float]
    seasons: dict[str, Season]
    lines: list[Line]
    unsupported: float = 0.0
    renewing: dict[str, int] = {}
    renewed: dict[str, tuple[int, int]] = {}
    shadowed: dict[str, Tried] = {}
    seeded: list[str] = []

    @property
    def yardsticks(self) -> Yardsticks:
        """Return what the metrics need to know of the reference."""
        watched = tuple((a, b) for a, b in self.watched)
        return Yardsticks(self.slow_ms, self.unsure, frozenset(self.known), watched, self.unsupported)

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """Return the scalar metrics this baseline knows."""
        return all_for(self.yardsticks, tuple(self.bet_labels))

    def to_bytes(self) -> bytes:
        """Write it as MessagePack."""
        return msgspec.msgpack.encode(self, enc_hook=float)

    @classmethod
    def from_bytes(cls, body: bytes) -> "Baseline":
        """Read what `to_bytes` wrote."""
        return msgspec.msgpack.decode(body, type=cls)


def label_vector(profile: Profile, labels: list[str]) -> np.ndarray:
    """Return the counts of `labels` (the last one, NEW_LABEL, takes all names that are not among them)."""
    vector = profile.labels.over(labels)
    vector[-1] = profile.labels.total - profile.labels[NO_LABEL] - vector[:-1].sum()
    return vector
