"""Say why a figure is not known."""

from monitor.said import Said

LEAST_LABELS = 30


def few(n: int) -> Said:
    """
    Say that `n` audited answers are too few.

    >>> few(7)
    'only 7 audited answers; 30 are needed'
    """
    text = f"only {n} audited answers; {LEAST_LABELS} are needed"
    return Said(text, "standing.few_audited", count=n, needed=LEAST_LABELS)


def recognised(note: str, size: float) -> str:
    """
    Return the note of a stored figure over `size` records with the facts it was written from; as it is where it tells something else.

    >>> recognised("only 7 audited answers; 30 are needed", 7.0).facts, recognised("by hand", 7.0)
    ({'count': 7, 'needed': 30}, 'by hand')
    """
    said = few(int(size))
    return said if note == said else note
