"""
Notice a caller, region, label or the whole of the traffic that was far above every day of the reference.

A burst of a day is no drift and opens no incident: bets are clipped so that no batch can. But people want to know of it, and it is
told on the page and in the weekly letter, outside the alarm budget.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from monitor.profiles.profile import ABSENT, NO_LABEL, WATCHED, Profile
from monitor.window import start_of

FACTOR = 2  # times the busiest day of the reference
LEAST = 50  # predictions; what hardly exists doubles by chance


@dataclass(frozen=True)
class Burst:
    """
    Hold what burst (`kind` label, caller, region or traffic, and its `name`): its highest count and the day of it (since 1970),
    the most of a day of the reference, and on how many days it was above twice that.
    """

    day: int
    kind: str
    name: str
    count: int
    most: int
    days: int = 1

    @property
    def sentence(self) -> str:
        """
        Say it.

        >>> Burst(0, "caller", "batch", 4210, 1300).sentence
        'caller batch: 4,210 predictions on Thu 01 Jan, at most 1,300 on a day of the reference'
        >>> Burst(0, "traffic", "", 4210, 1300, days=3).sentence
        'traffic: 4,210 predictions on Thu 01 Jan, at most 1,300 on a day of the reference; 3 such days'
        """
        what, day = f"{self.kind} {self.name}".strip(), f"{start_of(24 * self.day):%a %d %b}"
        more = f"; {self.days} such days" if self.days > 1 else ""
        return f"{what}: {self.count:,} predictions on {day}, at most {self.most:,} on a day of the reference{more}"


def bursts(days: Mapping[int, Profile], reference: Iterable[Profile]) -> list[Burst]:
    """
    Return what exceeded twice its busiest day of the reference on any of `days`, the largest first.

    >>> from monitor.profiles.counts import Counts
    >>> usual, loud = Profile(fields={"caller": Counts.of(web=90)}), Profile(fields={"caller": Counts.of(web=200)})
    >>> [(one.name, one.count, one.most) for one in bursts({3: loud, 4: usual}, [usual, usual])]
    [('web', 200, 90)]
    """
    most: dict[tuple[str, str], int] = {}
    for profile in reference:
        for what, count in _counted(profile):
            most[what] = max(most.get(what, 0), count)
    found: dict[tuple[str, str], list[tuple[int, int]]] = defaultdict(list)
    for day, profile in days.items():
        for what, count in _counted(profile):
            if count > max(FACTOR * most.get(what, 0), LEAST):
                found[what].append((count, day))
    told = [Burst(max(many)[1], *what, max(many)[0], most.get(what, 0), len(many)) for what, many in found.items()]
    return sorted(told, key=lambda one: (-one.count, one.kind, one.name))


def _counted(profile: Profile) -> list[tuple[tuple[str, str], int]]:
    named = {"label": profile.labels_raw} | {name: profile.fields[name] for name in WATCHED if name in profile.fields}
    parts = [((kind, name), count) for kind, counts in named.items() for name, count in counts.of_name.items()
             if name not in {ABSENT, NO_LABEL}]  # fmt: skip
    return [(("traffic", ""), profile.records), *parts]
