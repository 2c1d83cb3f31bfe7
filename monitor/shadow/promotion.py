"""Turn a comparison into a verdict: promote, hold, or more labels; every check is listed, also those met."""

from dataclasses import dataclass
from typing import Any, Literal

from monitor.shadow.comparison import Comparison, evidence

Result = Literal["met", "not met", "cannot tell"]
ENOUGH_EVIDENCE, LEAST_DAYS, LEAST_TEXTS, MOST_ROW_ERRORS = 20.0, 7, 2000, 0.005
MOST_WANTED = 10_000  # labels; who needs more cannot tell
SHUT_IN = "no network"
CUT = "the network is cut; files are not shut off"
OPEN = (
    "memory, threads and time are limited; network and files are not shut off, as this host lends no network namespace"
)


@dataclass(frozen=True)
class Check:
    """Hold one check: its name, result and the sentence with value and limit."""

    name: str
    result: Result
    text: str


def checks(
    found: Comparison, *, tests: list[dict[str, Any]], isolation: str, days: int, row_errors: float
) -> list[Check]:
    """Return all checks of a comparison."""
    failed = next((t for t in tests if not t["passed"]), None)
    exposed = days >= LEAST_DAYS and found.compared >= LEAST_TEXTS
    better: Result = "met" if found.evidence >= ENOUGH_EVIDENCE else "cannot tell"
    worse = found.losses > found.wins and found.evidence < 1 / ENOUGH_EVIDENCE
    return [
        Check("self-tests", "met" if failed is None else "not met", f"all {len(tests)} passed" if failed is None else f"{failed['name']}: {failed['detail']}"),
        Check("isolation", "met" if isolation == SHUT_IN else "cannot tell", CUT if isolation == SHUT_IN else OPEN),
        Check("exposure", "met" if exposed else "cannot tell", f"{days} days, {found.compared:,} texts (needs {LEAST_DAYS} and {LEAST_TEXTS:,})"),
        Check("row errors", "met" if row_errors <= MOST_ROW_ERRORS else "not met", f"{100 * row_errors:.2f} % of rows without an answer (limit 0.5 %)"),
        Check("quality", "not met" if worse else better,
              f"right alone on {found.wins} of {found.wins + found.losses} labelled disagreements where one is right; evidence {min(found.evidence, 1e6):,.0f}{' or more' if found.evidence >= 1e6 else ''} (needs 20)"),
    ]  # fmt: skip


def verdict(found: list[Check]) -> tuple[str, str]:
    """
    Return the verdict and its sentence: any check not met holds, any that cannot tell asks for labels.

    Isolation is about the host, not the model, and no label mends it: where it cannot be told the sentence says so, and
    the word is that of the other checks.

    >>> verdict([Check("a", "met", ""), Check("b", "cannot tell", "12 labels")])
    ('more_labels', 'More labels. Cannot tell: b (12 labels). Met: 1.')
    """
    missed = [c for c in found if c.result == "not met"]
    open_ = [c for c in found if c.result == "cannot tell"]
    word, head = (
        ("hold", "Hold")
        if missed
        else ("more_labels", "More labels")
        if any(c.name != "isolation" for c in open_)
        else ("promote", "Promote, if a person approves")
    )
    parts = [head + "."]
    if missed:
        parts.append("Not met: " + ", ".join(f"{c.name} ({c.text})" for c in missed) + ".")
    if open_:
        parts.append("Cannot tell: " + ", ".join(f"{c.name} ({c.text})" for c in open_) + ".")
    parts.append(f"Met: {sum(c.result == 'met' for c in found)}.")
    return word, " ".join(parts)


def wanted(wins: int, losses: int) -> int | None:
    """
    Return how many more labelled disagreements, won at the rate seen so far, make the evidence enough; None where that never does.

    Before the first one is labelled it is how many must all be won.

    >>> wanted(0, 0), wanted(20, 0), wanted(3, 9)
    (11, 0, None)
    """
    rate = wins / (wins + losses) if wins + losses else 1.0
    return next((n for n in range(MOST_WANTED) if evidence(wins + round(n * rate), losses + n - round(n * rate)) >= ENOUGH_EVIDENCE), None)  # fmt: skip
