"""Labels and their branches, whatever a file says."""

import string

from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.nomenclature import UNKNOWN, Nomenclature

QUICK = settings(derandomize=True, deadline=None, max_examples=60)
CODES = st.sampled_from(string.ascii_uppercase[:6])
LEVELS = ("section", "division", "class")


@QUICK
@given(
    st.lists(st.tuples(CODES, CODES | st.just(""), st.sampled_from(LEVELS), st.text(max_size=5)), max_size=12), CODES
)
def test_any_rows(rows, label):
    """Every label has one branch per level, known or unknown, even where parents go in a circle."""
    tree = Nomenclature.of(rows)
    for level in LEVELS:
        branch = tree.at(label, level)
        assert branch == UNKNOWN or tree.level[branch] == level
    assert tree.name(label).startswith(label)


@QUICK
@given(st.lists(st.integers(0, 5), min_size=1, max_size=12))
def test_tree(parents):
    """In a tree of three levels the branch is the one that was drawn."""
    rows = [(f"S{k}", "", "section", f"s{k}") for k in range(6)]
    rows += [(f"D{at}", f"S{above}", "division", "") for at, above in enumerate(parents)]
    rows += [(f"C{at}", f"D{at}", "class", "") for at in range(len(parents))]
    tree = Nomenclature.of(rows)
    assert tree.levels == LEVELS
    for at, above in enumerate(parents):
        assert (tree.at(f"C{at}", "section"), tree.at(f"C{at}", "division")) == (f"S{above}", f"D{at}")
        assert tree.at(f"S{above}", "class") == UNKNOWN


def test_own_parent():
    """A code that names itself as its parent belongs to its own level only."""
    tree = Nomenclature.of([("A", "A", "section", "All")])
    assert (tree.at("A", "section"), tree.at("A", "division")) == ("A", UNKNOWN)


def test_none():
    """Without a nomenclature every label is news under its own name."""
    assert (Nomenclature().at("56", "section"), Nomenclature().name("56")) == (UNKNOWN, "56")
