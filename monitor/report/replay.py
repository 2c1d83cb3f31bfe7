"""Say in words what a replay of stored hours would have told; `jobs.backtest` makes the results."""

from datetime import datetime
from typing import Any

from monitor.detection import power


def lines(result: dict[str, Any]) -> list[str]:
    """Write a result of `compared` as people read it in a terminal."""
    begin, end = (datetime.fromisoformat(result[one]) for one in ("from", "until"))
    told = [
        f"{result['model']}: {result['hours'] / 24:.0f} days replayed, {begin:%d %b %Y %H:%M} to {end:%d %b %Y %H:%M} UTC"
    ]
    for side in result["sides"]:
        told.append(f"{side['name']}: {settings(side)}; reference {side['reference']}")
        told.append(f"  {incidents(side)}; {by_chance(side)}")
    told.append("Since (UTC)" if result["rows"] else "No side would have told of anything.")
    names = [*(side["name"] for side in result["sides"]), "live"]
    for row in result["rows"]:
        first = next(row[name] for name in (*names, "live") if row[name] is not None)
        told.append(f"  {datetime.fromisoformat(row['since']):%d %b %H:%M}  {first['claim']}")
        told.append("    " + "; ".join(f"{name}: {outcome(row[name])}" for name in names))
    told.append("Smallest change told within a week:")
    for change, sizes in smallest(result).items():
        told.append(f"  {change}: {', '.join(sizes)}")
    return told


def settings(side: dict[str, Any]) -> str:
    """
    Name the settings in which a side differs from config.yaml.

    >>> settings({"settings": {"threshold": 5000.0}}), settings({"settings": {}})
    ('threshold 5000', 'config.yaml')
    """
    return ", ".join(f"{name} {value:g}" for name, value in side["settings"].items()) or "config.yaml"


def incidents(side: dict[str, Any]) -> str:
    """Count what a side told."""
    return f"{side['incidents']} incident{'' if side['incidents'] == 1 else 's'}"


def by_chance(side: dict[str, Any]) -> str:
    """Say what a side promises."""
    return f"at most {side['false_alarms_a_quarter_at_most']:g} a quarter by chance"


def smallest(result: dict[str, Any]) -> dict[str, list[str]]:
    """Return the smallest change of each kind that a side tells within a week, one entry a side."""
    sides = [{row["change"]: row[power.HEADINGS[1]] for row in side["told"]} for side in result["sides"]]
    kinds = dict.fromkeys(kind for side in sides for kind in side)
    return {kind: [side.get(kind, "not watched") for side in sides] for kind in kinds}


def outcome(cell: dict[str, Any] | None) -> str:
    """
    Say what one side told of a change.

    >>> outcome(None), outcome({"hours": 5, "state": "recovered", "closed": "2026-01-05T10:00:00+00:00"})
    ('not told', 'told after 5 h, recovered 05 Jan 10:00')
    """
    if cell is None:
        return "not told"
    until = "" if cell["closed"] is None else f" {datetime.fromisoformat(cell['closed']):%d %b %H:%M}"
    return f"told after {cell['hours']} h, {cell['state']}{until}"
