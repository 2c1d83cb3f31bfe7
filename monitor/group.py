"""
Say which incidents are told in one message: those that began together, on models that have something in common.

A thing that many models share breaks once. Each model's incident stays its own, with its own evidence; what is shared
is the message.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

LEAST = 3  # models that change in one run have something in common, named in config.yaml or not
JOINS_WITHIN_US = 6 * 3_600_000_000  # behind the group's first message
UPDATES_EVERY_US = 3_600_000_000
NEAR_HOURS = 6  # between onsets, where no name tells what is common


@dataclass(frozen=True)
class Member:
    """
    Hold an incident as a group sees it.

    `row` is the message queued for it, `opened_us` the run of `detect` that opened it (microseconds since 1970), `tags`
    what its model shares with others.
    """

    incident: int
    model: str
    onset_hour: int
    tags: frozenset[str] = frozenset()
    row: int = 0
    opened_us: int = 0
    is_closed: bool = False


@dataclass(frozen=True)
class Group:
    """
    Hold incidents that one recipient is told of together.

    `first` is its first message (0: there is none yet), sent or else queued at `since_us`. `message` is the newest one as
    long as it has not left and may tell of more; behind it the next one may follow from `next_us` on.
    """

    members: tuple[Member, ...]
    tags: frozenset[str]
    since_us: int
    first: int = 0
    message: int | None = None
    next_us: int = 0

    def takes(self, one: Member) -> bool:
        """
        Say whether an incident joins: it is of another model, soon enough, and the two share a name or an onset.

        Without a shared name only a group of three models or more takes it: two changes of one hour may be chance. What is
        closed as a whole takes nothing more.

        >>> a, b, c, d = (Member(n, name, 100) for n, name in enumerate("abcd"))
        >>> Group((a, b), frozenset(), 0).takes(d), Group((a, b, c), frozenset(), 0).takes(d)
        (False, True)
        >>> embedded = replace(d, tags=frozenset({"embedder"}), onset_hour=500)
        >>> Group((a, b), frozenset({"embedder"}), 0).takes(embedded), Group((a, b, c), frozenset(), 0).takes(embedded)
        (True, False)
        """
        others = {member.model for member in self.members} - {one.model}
        late = one.opened_us > self.since_us + JOINS_WITHIN_US
        if late or not others or all(member.is_closed for member in self.members):
            return False
        near = any(abs(one.onset_hour - member.onset_hour) <= NEAR_HOURS for member in self.members)
        return bool(self.tags & one.tags) or (len(_models(self.members)) >= LEAST and near)

    def with_member(self, one: Member) -> "Group":
        """Return the group with one incident more."""
        members = (*self.members, one)
        return replace(self, members=members, tags=common(members))


def common(members: Iterable[Member]) -> frozenset[str]:
    """
    Return the names that at least two of these models share; of one model all its names.

    >>> a, b = Member(1, "a", 0, frozenset({"embedder", "feed"})), Member(2, "b", 0, frozenset({"embedder"}))
    >>> sorted(common([a])), sorted(common([a, b]))
    (['embedder', 'feed'], ['embedder'])
    """
    models: dict[str, set[str]] = {}
    seen = set()
    for member in members:
        seen.add(member.model)
        for tag in member.tags:
            models.setdefault(tag, set()).add(member.model)
    return frozenset(tag for tag, of in models.items() if len(of) >= min(2, len(seen)))


def gathered(fresh: Iterable[Member], known: Sequence[Group]) -> list[tuple[Group, tuple[Member, ...]]]:
    """
    Return the groups that `fresh` incidents of one recipient make or join, each with those that are new in it.

    Run by run of `detect`: an incident joins the newest group that takes it; of the rest, those of three models or more
    make one group, two that share a name make one, and any other is alone.

    >>> both = frozenset({"embedder"})
    >>> two = [Member(1, "a", 5, both, row=8), Member(2, "b", 5, both, row=9)]
    >>> [(group.message, [m.incident for m in new]) for group, new in gathered(two, [])]
    [(8, [1, 2])]
    >>> len(gathered([replace(m, tags=frozenset()) for m in two], []))
    2
    """
    groups = list(known)
    new: list[tuple[Member, ...]] = [()] * len(groups)
    for run in _runs(fresh):
        alone = []
        for one in run:
            at = next((n for n in reversed(range(len(groups))) if groups[n].takes(one)), None)
            if at is None:
                alone.append(one)
            else:
                groups[at], new[at] = groups[at].with_member(one), (*new[at], one)
        for some in _together(alone):
            groups.append(Group(some, common(some), some[0].opened_us, message=min(one.row for one in some)))
            new.append(some)
    return [(group, members) for group, members in zip(groups, new, strict=True) if members]


def _runs(fresh: Iterable[Member]) -> list[list[Member]]:
    runs: dict[int, list[Member]] = {}
    for one in sorted(fresh, key=lambda one: (one.opened_us, one.row)):
        runs.setdefault(one.opened_us, []).append(one)
    return list(runs.values())


def _together(some: Sequence[Member]) -> list[tuple[Member, ...]]:
    models = _models(some)
    if len(models) >= LEAST or (len(models) > 1 and common(some)):
        return [tuple(some)]
    return [(one,) for one in some]


def _models(members: Iterable[Member]) -> set[str]:
    return {member.model for member in members}
