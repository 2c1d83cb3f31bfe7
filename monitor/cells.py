"""Write cells of a table that a table calculator cannot take for a formula, and read them back."""

FORMULA = ("=", "+", "-", "@", "\t", "\r")


def guarded(cell: str) -> str:
    """
    Return the cell, behind an apostrophe where a table calculator would run it.

    >>> guarded("=1+1"), guarded("-x7"), guarded("'=1"), guarded("47.11")
    ("'=1+1", "'-x7", "''=1", '47.11')
    """
    return f"'{cell}" if cell.lstrip("'").startswith(FORMULA) else cell


def plain(cell: str) -> str:
    """
    Return what `guarded` was given.

    >>> [plain(guarded(cell)) for cell in ("=1+1", "-x7", "'=1", "47.11", "'s")]
    ['=1+1', '-x7', "'=1", '47.11', "'s"]
    """
    return cell[1:] if cell.startswith("'") and cell.lstrip("'").startswith(FORMULA) else cell
