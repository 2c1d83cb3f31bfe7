"""When the version that answers was trained, as far as the store can tell."""

import pytest

from jobs.trained import due, trained
from monitor.profiles.counts import Counts
from monitor.profiles.profile import Key, Profile
from monitor.store import profiles, references
from monitor.store.store import Store
from monitor.window import hour_of
from tests.conftest import NOW, Place

TODAY = hour_of(NOW) // 24
CALENDAR = "retraining: {ape: {calendar: {every: quarter, anchor: 2026-07-25, policy: must}}}\n"


def answered(store: Store, *versions: dict[str, int]) -> None:
    """Let versions answer so many times on the last days, the last of them today."""
    with store.write() as connection:
        for number, counted in enumerate(reversed(versions)):
            hour = (TODAY - number) * 24 + 3
            profiles.replace(connection, "ape", [hour], {Key("ape", "", hour): Profile(versions=Counts(counted))})


def pin(store: Store) -> None:
    with store.write() as connection:
        references.pin(connection, {"model": "ape", "first_hour": (TODAY - 9) * 24, "end_hour": (TODAY - 7) * 24,
                                    "pinned_us": 0, "pinned_by": "test", "reason": "usual", "baseline": b""})  # fmt: skip


OLD, NEW, NONE = {"1.0": 9}, {"2.0": 9}, {}


@pytest.mark.parametrize(
    ("versions", "days_ago", "version"),
    [
        ([OLD, OLD, {"1.0": 5, "2.0": 4}, {"1.0": 4, "2.0": 5}, NEW], 1, "2.0"),
        ([OLD, NEW, NONE, NEW], 2, "2.0"),
        ([OLD, NEW, OLD], 7, None),
        ([{"0.9": 9}, OLD, NEW, OLD], 2, "1.0"),
        ([NEW, NEW], 7, None),
        ([NONE, NEW, NEW], 7, None),
    ],
)
def test_trained(store: Store, versions: list[dict[str, int]], days_ago: int, version: str | None) -> None:
    """The first day it led counts, also after a roll-back; a version that was always there tells nothing: the reference does."""
    answered(store, *versions)
    pin(store)
    with store.read() as connection:
        found = trained(connection, "ape", NOW)
    assert found is not None
    assert (found.hour, found.version) == ((TODAY - days_ago) * 24, version)


def test_nothing_known(store: Store, place: Place) -> None:
    """Without a reference and another version before nothing is known, and no calendar counts."""
    answered(store, NEW)
    with store.read() as connection:
        assert trained(connection, "ape", NOW) is None
        assert due(connection, place.configure(CALENDAR), "ape", NOW).state == "none"


def test_due(store: Store, place: Place) -> None:
    """A version that began to answer after a date has met it; the next one counts."""
    answered(store, OLD, NEW)
    with store.read() as connection:
        found = due(connection, place.configure(CALENDAR), "ape", NOW)
    assert (found.state, str(found.by)) == ("not_due", "2026-10-25")
