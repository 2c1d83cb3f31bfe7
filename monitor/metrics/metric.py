"""Hold a question asked of a profile, and the number that answers it with the records it rests on."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from monitor.profiles.profile import Profile

Group = Literal["inputs", "outputs", "service"]


class Reading(NamedTuple):
    """Hold a value (nan when nothing was counted) and the number of records behind it."""

    value: float
    size: float


@dataclass(frozen=True)
class Yardsticks:
    """
    Hold what a metric needs to know of the reference, fixed when it is pinned.

    `slow_ms` is from where a call is slow, `unsure` its 5 % score quantile, `unsupported` that of the support of answers, `known` the labels that had at least one answer in
    a thousand, `watched` the (field, value) pairs with at least one record in a hundred.
    """

    slow_ms: float = float("inf")
    unsure: float = 0.0
    known: frozenset[str] = frozenset()
    watched: tuple[tuple[str, str], ...] = ()
    unsupported: float = 0.0


@dataclass(frozen=True)
class Metric:
    """
    Name a metric: its group, unit, title, and the function that reads it from a profile.

    `is_share` says that the records behind it are zeros and ones; `directions` which way is told (1 up, -1 down);
    `family` gathers metrics that share one stake.
    """

    name: str
    group: Group
    unit: str
    title: str
    read: Callable[[Profile, Yardsticks], Reading]
    is_share: bool = False
    directions: tuple[int, ...] = (1, -1)
    family: str = ""
    scales: tuple[int, ...] = (1, 24)
    shown: Callable[[float], float] = field(default=lambda value: value)


def share(part: float, whole: float) -> Reading:
    """
    Return a share and what it is a share of.

    >>> share(1, 4)
    Reading(value=0.25, size=4)
    """
    return Reading(part / whole if whole else float("nan"), whole)
