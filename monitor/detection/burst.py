"""
Notice a caller, region, label or the whole of the traffic that was far above every day of the reference.

A burst of a day is no drift and opens no incident: bets are clipped so that no batch can. But people want to know of it, and it is
told on the page and in the weekly letter, outside the alarm budget.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from monitor.profiles.profile import ABSENT, NO_LABEL, WATCHED, Profile
from monitor.window import start_of

FACTOR = 2  # times the busiest day of the reference
LEAST = 50  # predictions; what hardly exists doubles by chance


@dataclass(frozen=True)
class Burst:
    """Hold a day since 1970, what burst (`kind` label, caller, region or traffic, and its `name`), its count, and the most of a reference day."""

    day: int
    kind: str
    name: str
    count: int
    most: int

    @property
    def sentence(self) -> str:
        """
        Say it.

        >>> Burst(0, "caller", "batch", 4210, 1300).sentence
        'Thu 01 Jan: caller batch 4,210 predictions, at most 1,300 on a day of the reference'
        """
        what = f"{self.kind} {self.name}".strip()
        return f"{start_of(24 * self.day):%a %d %b}: {what} {self.count:,} predictions, at most {self.most:,} on a day of the reference"


def bursts(days: Mapping[int, Profile], reference: Iterable[Profile]) -> list[Burst]:
    """
    Return what exceeded twice its busiest day of the reference on any of `days`, the newest day first, then the largest.

    >>> from monitor.profiles.counts import Counts
    >>> usual, loud = Profile(fields={"caller": Counts.of(web=90)}), Profile(fields={"caller": Counts.of(web=200)})
    >>> [(one.name, one.count, one.most) for one in bursts({3: loud, 4: usual}, [usual, usual])]
    [('web', 200, 90)]
    """
    most: dict[tuple[str, str], int] = {}
    for profile in reference:
        for what, count in _counted(profile):
            most[what] = max(most.get(what, 0), count)
    found = [
        Burst(day, *what, count, most.get(what, 0))
        for day, profile in days.items()
        for what, count in _counted(profile)
        if count > max(FACTOR * most.get(what, 0), LEAST)
    ]
    return sorted(found, key=lambda one: (-one.day, -one.count, one.kind, one.name))


def _counted(profile: Profile) -> list[tuple[tuple[str, str], int]]:
    named = {"label": profile.labels_raw} | {name: profile.fields[name] for name in WATCHED if name in profile.fields}
    parts = [((kind, name), count) for kind, counts in named.items() for name, count in counts.of_name.items()
             if name not in {ABSENT, NO_LABEL}]  # fmt: skip
    return [(("traffic", ""), profile.records), *parts]
