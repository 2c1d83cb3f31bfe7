"""Hold a label hierarchy: which branch a label belongs to at each level, and what it is called."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

UNKNOWN = "(unknown)"


@dataclass(frozen=True)
class Nomenclature:
    """
    Hold the levels, coarsest first, and for each label its level, its parent and its title.

    A label that the nomenclature does not know is news, not an error: it belongs to `(unknown)` at every level.

    >>> nace = Nomenclature.of([("I", "", "section", "Food and lodging"), ("56", "I", "division", "Restaurants")])
    >>> nace.at("56", "section"), nace.at("99", "section"), nace.name("56"), nace.name("99")
    ('I', '(unknown)', '56 Restaurants', '99')
    >>> nace.levels
    ('section', 'division')
    """

    levels: tuple[str, ...] = ()
    level: Mapping[str, str] = field(default_factory=dict)
    parent: Mapping[str, str] = field(default_factory=dict)
    title: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, rows: Iterable[tuple[str, str, str, str]]) -> "Nomenclature":
        """Build it from rows (code, parent code or empty, level, title), coarser levels before finer ones."""
        level, parent, title = {}, {}, {}
        for code, above, its_level, its_title in rows:
            level[code], title[code] = its_level, its_title
            if above:
                parent[code] = above
        return cls(tuple(dict.fromkeys(level.values())), level, parent, title)

    def at(self, label: str, level: str) -> str:
        """Return the branch of `label` at `level`: itself, or the first ancestor of that level."""
        code: str | None = label
        for _ in range(len(self.parent) + 1):  # a circle of parents must not hold anybody up
            if code is None or self.level.get(code) == level:
                break
            code = self.parent.get(code)
        return UNKNOWN if code is None or self.level.get(code) != level else code

    def name(self, label: str) -> str:
        """Return code and title as people read them; the bare label where no title is known."""
        return f"{label} {self.title[label]}" if label in self.title else label
