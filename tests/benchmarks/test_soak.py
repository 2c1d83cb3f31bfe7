"""The service runs hours of simulated traffic under a clock that leaps from slot to slot, and a scheduler that forgets is caught."""

from dataclasses import replace

from benchmarks.soak.campaign import CONTROL, QUICK, campaign


def test_hours() -> None:
    """Every slot ends well, nobody is told of a quiet model, and kills of the scheduler bring no message."""
    told = campaign(replace(QUICK, models=1, behind=0, per_day=240, days=0.09, kills=2))
    assert told["states"] == {"ok": told["slots"]}
    assert (told["lost"], told["kills"], told["stirred"], told["unasked"]) == ([], 2, set(), 0)
    assert told["slots"] > 15


def test_forgetful() -> None:
    """A scheduler without one of its jobs loses that job's slot."""
    assert any(one.startswith("notify of ") for one in campaign(CONTROL)["lost"])
