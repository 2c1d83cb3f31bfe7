"""Say how long a message that did not leave waits before it is tried again."""

import hashlib

FIRST_S, LONGEST_S, MOST_ASKED_S = 10, 900, 3600
JITTER = 0.2  # to both sides, so that what failed together does not come back together


def wait_us(number: int, attempt: int, asked_s: float | None = None) -> int:
    """
    Return the microseconds after attempt 1, 2, ...: 10 s, 20 s, 40 s ..., a fifth more or less, 15 minutes at most.

    How much more or less follows from the message's number and the attempt. What the other side asked for (`asked_s`) is
    waited for up to an hour, and shortens nothing.

    >>> [round(wait_us(7, attempt) / 1e6, 1) for attempt in (1, 2, 3, 8, 400)]
    [11.2, 22.9, 44.2, 900.0, 788.2]
    >>> [wait_us(7, 1, asked) // 1_000_000 for asked in (3.0, 120.0, 86_400.0)]
    [11, 120, 3600]
    """
    drawn = int.from_bytes(hashlib.sha256(f"{number}|{attempt}".encode()).digest()[:8], "big") / 2**64
    whole = min(float(FIRST_S << min(attempt - 1, 10)), LONGEST_S) * (1 + JITTER * (2 * drawn - 1))
    return round(1e6 * max(min(whole, LONGEST_S), min(asked_s or 0, MOST_ASKED_S)))
