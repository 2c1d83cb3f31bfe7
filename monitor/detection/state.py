"""What a detector remembers between two hours, and what one hour makes it say."""

from dataclasses import dataclass

import msgspec

from monitor.metrics.metric import Reading


class Raised(msgspec.Struct):
    """Hold the floor of a line while the incident found at hour `found` is open, and what it rests on: moves times records."""

    found: int
    line: int
    floor: float
    moved: float
    weight: float


class State(msgspec.Struct):
    """Hold what is saved with every judged hour; arrays are flat lists of floats."""

    judged_until: int
    reset: int
    wealth: list[list[float]]
    paid_until: list[int]
    climb: list[list[float]]
    onset: list[list[int]]
    moved: list[float]  # sum of directed deviations since the climb of the smallest lambda began, times records
    weight: list[float]  # those records
    day_sum: dict[str, float]
    day_size: dict[str, float]
    day_labels: list[float]
    day_due: list[float]
    directions: dict[str, tuple[list[float], float, float]]
    raised: list[Raised]

    def copied(self) -> "State":
        """Return a state that an hour may write on; what lies within its lists is replaced there, never changed."""
        lists = {
            name: list(getattr(self, name)) for name in ("wealth", "paid_until", "climb", "onset", "moved", "weight")
        }
        dicts = {name: dict(getattr(self, name)) for name in ("day_sum", "day_size", "directions")}
        return msgspec.structs.replace(
            self, raised=[msgspec.structs.replace(one) for one in self.raised], **lists, **dicts
        )

    def to_bytes(self) -> bytes:
        """Write it as MessagePack."""
        return msgspec.msgpack.encode(self, enc_hook=float)

    @classmethod
    def from_bytes(cls, body: bytes) -> "State":
        """Read what `to_bytes` wrote."""
        return msgspec.msgpack.decode(body, type=cls)


@dataclass(frozen=True)
class Alarm:
    """
    Hold an alarm: its hour, when its main cause began, each metric's share of the evidence, and the touched lines.

    `continues` is the hour at which a young incident was found that has told of the main cause already: the same change,
    seen better.
    """

    hour: int
    onset: int
    shares: dict[str, float]
    lines: tuple[int, ...]
    continues: int | None = None


@dataclass(frozen=True)
class Judged:
    """Hold what one hour brought: readings with expectation, evidence as a share of the threshold, maybe an alarm."""

    hour: int
    readings: dict[str, tuple[Reading, float, float]]  # metric: reading, expected value, spread of an hour
    evidence: float
    alarm: Alarm | None
    day: dict[str, tuple[float, float]]  # metric: daily deviation and records, on the last hour of a day
    is_planned: bool = False  # read, and not judged
