"""Real schedulers on one store are killed, and every slot still ends well once."""

from benchmarks.slots.campaign import Plan, _campaign


def test_kills() -> None:
    """After kills of children and runners, and a frozen one, no slot is lost or run twice, and nothing stale was written."""
    told = _campaign(Plan(24, 2, 1, 1.5), None)
    assert (told["lost"], told["twice"], told["stale_writes"]) == (0, 0, 0)
    assert told["killed_children"] + told["killed_runners"] >= 2
    assert told["attempts"] > told["slots"] == 24 or told["slots"] > 24
    assert told["take_over_s"]["times"] > 0


def test_no_fence() -> None:
    """A store that forgets its fence is caught: what was frozen goes on writing."""
    assert _campaign(Plan(12, 0, 2, 1.5, "no_fence"), None)["stale_writes"] > 0
