"""Say which branches of the nomenclature carry a change: in how many answers they take, or in how sure these are."""

from collections.abc import Mapping
from typing import Any

from monitor.nomenclature import Nomenclature
from monitor.profiles.counts import Counts
from monitor.profiles.profile import BANDS, NO_LABEL, Profile

SURENESS = ("confidence", "unsure", "automation", "support", "unsupported")
MOST_BRANCHES = 10
LEAST_ANSWERS = 20  # with fewer since the onset, how sure a branch is says little


def branches(metric: str, then: Profile, now: Profile, names: Nomenclature) -> dict[str, Any]:
    """
    Return which branches a cause of this metric lies in: `level`, `of` (what is compared) and `rows`, the largest part first.

    Rows hold `branch`, `title`, `then`, `now` (shares) and `share_of_change`. Of metrics of how sure answers are, the
    answers at or above a score are compared within each branch, the score being the band's edge at which the whole moved
    most; of all others, the branch's share of the answers. The level is the coarsest one that tells branches apart;
    empty when there is none.

    >>> tree = Nomenclature.of([("I", "", "section", "Food"), ("J", "", "section", "IT"), ("56", "I", "division", "Bars"),
    ...                         ("62", "J", "division", "Software")])
    >>> before, after = (Profile(labels=Counts({"56": n, "62": 90 - n})) for n in (30, 60))
    >>> found = branches("answers", before, after, tree)
    >>> found["level"], [(row["branch"], round(row["now"] - row["then"], 2)) for row in found["rows"]]
    ('section', [('I', 0.33), ('J', -0.33)])
    """
    levels = names.levels or ("label",)
    for level in levels:
        sides = [_at(counts, names, level) for counts in (then.labels, now.labels)]
        if len(sides[0].keys() | sides[1].keys()) > 1:
            found = _sureness(then, now, names, level) if metric in SURENESS else _sizes(*sides)
            titled = [{**row, "title": names.name(row["branch"])} for row in found["rows"][:MOST_BRANCHES]]
            return {"level": level, **found, "rows": titled}
    return {}


def _at(counts: Counts, names: Nomenclature, level: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for label, count in counts.of_name.items():
        if label != NO_LABEL:
            branch = names.at(label, level) if names.levels else label
            found[branch] = found.get(branch, 0) + count
    return found


def _sizes(then: Mapping[str, int], now: Mapping[str, int]) -> dict[str, Any]:
    before, after = max(sum(then.values()), 1), max(sum(now.values()), 1)
    rows: list[dict[str, Any]] = [{"branch": name, "then": then.get(name, 0) / before, "now": now.get(name, 0) / after}
            for name in sorted(then.keys() | now.keys())]  # fmt: skip
    whole = sum(abs(row["now"] - row["then"]) for row in rows)
    for row in rows:
        row["share_of_change"] = abs(row["now"] - row["then"]) / whole if whole else 0.0
    return {
        "of": "share of the answers",
        "rows": sorted(rows, key=lambda one: (-one["share_of_change"], one["branch"])),
    }


def _sureness(then: Profile, now: Profile, names: Nomenclature, level: str) -> dict[str, Any]:
    """Compare, in each branch, the share of scored answers at or above the edge at which the whole moved most."""
    edge = max(
        BANDS, key=lambda one: abs(_above(then, one).total / _scored(then) - _above(now, one).total / _scored(now))
    )
    before, after = (
        (_at(_above(side, 0.0), names, level), _at(_above(side, edge), names, level)) for side in (then, now)
    )
    usual = _above(then, edge).total / _scored(then)
    rows: list[dict[str, Any]] = []
    for name in sorted(before[0].keys() | after[0].keys()):
        n, m = before[0].get(name, 0), after[0].get(name, 0)
        sure_then, sure_now = (side[1].get(name, 0) / max(side[0].get(name, 0), 1) for side in (before, after))
        part = m / _scored(now) * (sure_now - usual) - n / _scored(then) * (sure_then - usual)
        rows.append({"branch": name, "then": sure_then, "now": sure_now, "part": part, "answers": m})
    whole = sum(row["part"] for row in rows)
    told = [{"branch": row["branch"], "then": row["then"], "now": row["now"],
             "share_of_change": row["part"] / whole if whole else 0.0} for row in rows if row["answers"] >= LEAST_ANSWERS]  # fmt: skip
    return {"of": f"answers with a score of {edge:.2f} or more",
            "rows": sorted(told, key=lambda one: (-one["share_of_change"], one["branch"]))}  # fmt: skip


def _above(profile: Profile, edge: float) -> Counts:
    return Counts.sum(counts for low, counts in profile.bands.items() if float(low) >= edge)


def _scored(profile: Profile) -> int:
    return max(_above(profile, 0.0).total, 1)
