"""Compute hourly profiles of stored rows with polars, on this machine."""

import polars as pl

from monitor.profiles.profile import Key, Profile, by_hour, mark_repeats


def profiles(rows: pl.DataFrame) -> dict[Key, Profile]:
    """Return the profile of every (model, segment, hour); `rows` must hold all rows of the hours it touches."""
    return by_hour(mark_repeats(rows)) if rows.height else {}
