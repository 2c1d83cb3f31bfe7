"""Say what obliges to retrain whatever a new model pays: a revision, a class nobody taught, an accuracy below its floor, a calendar."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from monitor.calendar import Standing
from monitor.plan import REVISION, Planned
from monitor.said import Said
from monitor.window import MICROSECONDS_PER_HOUR, moment

REVISION_US = 60 * 24 * MICROSECONDS_PER_HOUR
LEAST_SHARE, LEAST_LABELS = 0.01, 5  # of the labels: one slip of a pen among fifty is no class
MOST_NAMED = 5
MONTH_DAYS = 30


def revision(plan: Iterable[Planned], now_us: int, trained_us: int | None) -> Said | None:
    """
    Tell of the next revision of the nomenclature that is planned within 60 days; None where none is, or where it is met.

    It is met by a training (`trained_us`, None where it is not known) within these 60 days, after it was announced.

    >>> one = Planned(1, "", "revision", REVISION_US, None, "NAF", "alice", 5)
    >>> revision([one], 10, None), revision([one], 10, 7), revision([one], -1, None)
    ('A revision of the nomenclature is planned for 02 Mar 1970.', None, None)
    """
    ahead = [one for one in plan if one.kind == REVISION and one.removed_us is None and now_us <= one.from_us <= now_us + REVISION_US
             and (trained_us is None or trained_us < max(one.added_us, one.from_us - REVISION_US))]  # fmt: skip
    if not ahead:
        return None
    at = min(one.from_us for one in ahead)
    return Said(f"A revision of the nomenclature is planned for {moment(at):%d %b %Y}.", "reason.revision", at=at)


def unknown_classes(truths: Mapping[str, int], known: Collection[str]) -> list[str]:
    """
    Return the classes in at least 1 % of the labels (and in five) that a model does not know, the most frequent first.

    >>> unknown_classes({"56": 960, "47": 30, "10": 10, "99": 4}, {"56"})
    ['47']
    """
    whole = sum(truths.values())
    new = [name for name, count in truths.items()
           if name not in known and count >= LEAST_LABELS and count >= LEAST_SHARE * whole]  # fmt: skip
    return sorted(new, key=lambda name: (-truths[name], name))


def unknown(classes: Iterable[str], truths: Mapping[str, int], titles: Mapping[str, str]) -> Said | None:
    """
    Tell of classes that a model does not know, each with its share of the labels.

    >>> unknown(["47"], {"56": 970, "47": 30}, {"47": "47 Retail"})
    'Labels tell of classes that this model never answered: 47 Retail (3.0 %).'
    """
    whole = sum(truths.values())
    rows = [(titles[name], truths[name] / whole) for name in classes][:MOST_NAMED]
    if not rows:
        return None
    told = [Said(f"{name} ({100 * share:.1f} %)", "reason.class_share", name=name, share=share) for name, share in rows]
    text = f"Labels tell of classes that this model never answered: {', '.join(told)}."
    return Said(text, "reason.unknown_classes", classes=told)


def below_floor(measured: Iterable[Mapping[str, Any]], floor: float, end_day: int, trained_day: int) -> Said | None:
    """
    Tell that the interval of accuracy lay wholly below its floor in the last two months of 30 days, both since the last training.

    `measured` are figures (day, high), oldest first, each of an audit that looks back over about a month: of each month the
    newest counts. A month without a figure proves nothing.

    >>> rows = [{"day": 45, "high": 0.88}, {"day": 80, "high": 0.86}]
    >>> below_floor(rows, 0.9, 100, 40)
    'Two months running accuracy lies below its floor (90.0 %): at most 88.0 %, then at most 86.0 %.'
    >>> below_floor(rows, 0.87, 100, 40), below_floor(rows[1:], 0.9, 100, 40), below_floor(rows, 0.9, 100, 41)
    (None, None, None)
    """
    if end_day - 2 * MONTH_DAYS < trained_day:
        return None
    highs: dict[int, float] = {}
    for row in measured:
        months_ago = (end_day - 1 - row["day"]) // MONTH_DAYS
        if row["high"] is not None:
            highs[months_ago] = row["high"]
    first, second = highs.get(1), highs.get(0)
    if first is None or second is None or max(first, second) >= floor:
        return None
    shown = [f"{100 * value:.1f} %" for value in (floor, first, second)]
    text = (
        f"Two months running accuracy lies below its floor ({shown[0]}): at most {shown[1]}, then at most {shown[2]}."
    )
    return Said(text, "reason.below_floor", floor=floor, first=first, second=second)


def overdue(calendar: Standing, policy: str) -> Said | None:
    """Tell of a calendar that is overdue and must be kept."""
    if calendar.state != "overdue" or policy != "must":
        return None
    return Said("The calendar is overdue, and its policy is must.", "reason.must")
