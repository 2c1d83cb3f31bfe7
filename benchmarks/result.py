"""Put a figure beside its goal."""

from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.timing import digits


@dataclass(frozen=True)
class Part:
    """Hold one figure of a benchmark; `at_most` says on which side of the goal it must lie."""

    name: str
    goal: float
    reached: float
    unit: str
    at_most: bool = True

    @property
    def holds(self) -> bool:
        """Say whether the goal is reached."""
        return self.reached <= self.goal if self.at_most else self.reached >= self.goal


def result(name: str, quick: bool, parts: list[Part], details: dict[str, Any]) -> dict[str, Any]:
    """Return the JSON of a benchmark: the first part is its headline, and all parts must hold."""
    head = parts[0]
    told = [{**asdict(part), "reached": digits(part.reached), "holds": part.holds} for part in parts]
    return {"id": name, "goal": head.goal, "reached": digits(head.reached), "unit": head.unit,
            "holds": all(part.holds for part in parts), "quick": quick, "details": {"figures": told, **details}}  # fmt: skip
