"""Say how the feed of a source stands: silence, losses and refusals never look like health."""

from dataclasses import dataclass
from typing import Literal

from monitor.said import Said

State = Literal["UNREAD", "SILENT", "LOSING", "REFUSING", "BEHIND", "UNKNOWN", "READING"]
UNREAD_AFTER_US = 15 * 60 * 1_000_000
REFUSED_SHARE, REFUSED_LINES = 0.05, 100
MIB = 1024 * 1024


@dataclass(frozen=True)
class Feed:
    """
    Hold the facts of one source; counts are of the last 24 hours of reading.

    `expected_since` counts the records that were to be expected since the newest one; None where nothing tells.
    """

    source: str
    model: str | None
    read_us: int | None = None
    newest_us: int | None = None
    newest: str = ""
    lag_bytes: int = 0
    lines: int = 0
    rejected: int = 0
    reason: str = ""  # the most frequent one
    lost_bytes: int = 0
    losses: int = 0  # times bytes were lost, of a known number or not
    lost_us: int | None = None
    expected_since: float | None = None


@dataclass(frozen=True)
class Condition:
    """Hold the word, its sentence, and since when (microseconds), where something is to be told."""

    state: State
    sentence: str
    since_us: int = 0


def condition(feed: Feed, now_us: int, silent_after: float) -> Condition:
    """
    Judge the facts of a source, the worst first; what nothing can tell is UNKNOWN, not READING.

    >>> condition(Feed("api", "ape", read_us=0, newest_us=0, expected_since=3), 1, 50).state
    'READING'
    >>> condition(Feed("api", "ape", read_us=0, newest_us=0, newest="Mon 07:00", expected_since=80), 1, 50).sentence
    'nothing since Mon 07:00; 80 records were to be expected'
    """
    if feed.read_us is None:
        return Condition("UNREAD", Said("was never looked at", "feed.never"))
    if now_us - feed.read_us > UNREAD_AFTER_US:
        minutes = (now_us - feed.read_us) // 60_000_000
        return Condition("UNREAD", Said(f"not looked at for {minutes} minutes", "feed.unread", minutes=minutes), feed.read_us)  # fmt: skip
    if feed.expected_since is not None and feed.expected_since >= silent_after:
        told = f"nothing since {feed.newest}" if feed.newest else "nothing was ever read"
        newest = Said(feed.newest, "time.utc", at=feed.newest_us) if feed.newest else ""
        said = Said(f"{told}; {feed.expected_since:.0f} records were to be expected", "feed.silent" if feed.newest else "feed.silent_ever",
                    newest=newest, expected=feed.expected_since)  # fmt: skip
        return Condition("SILENT", said, feed.newest_us or 0)
    if feed.losses:
        size = f"{feed.lost_bytes:,} bytes" if feed.lost_bytes else "an unknown number of bytes"
        said = Said(f"{size} were destroyed before they were read", "feed.losing" if feed.lost_bytes else "feed.losing_unknown",
                    bytes=feed.lost_bytes)  # fmt: skip
        return Condition("LOSING", said, feed.lost_us or 0)
    if feed.rejected >= REFUSED_LINES and feed.rejected >= REFUSED_SHARE * feed.lines:
        share = feed.rejected / max(feed.lines, feed.rejected)
        said = Said(f"{share:.0%} of the last day's lines were refused, mostly {feed.reason}", "feed.refusing", share=share,
                    reason=feed.reason)  # fmt: skip
        return Condition("REFUSING", said, feed.read_us)
    if feed.lag_bytes > MIB:
        return Condition("BEHIND", f"{feed.lag_bytes / MIB:,.0f} MiB wait to be read", feed.read_us)
    if feed.expected_since is None:
        return Condition("UNKNOWN", "is read; whether it is too quiet cannot be told before a reference is pinned")
    return Condition("READING", f"up to date, newest record {feed.newest}")
