"""Are other packages asked fairly: named or refused, set by their own quiet days, timed from the change on?"""

import sys

import numpy as np
import pytest

from benchmarks.detection import packages
from benchmarks.detection.packages import NEVER, Stream
from benchmarks.peers import drift
from monitor.errors import ConfigError


def test_evidently_always_runs():
    """Evidently is a dependency; what else runs is named with its Python."""
    assert packages.asked_for("") == {"evidently": sys.executable}
    assert packages.asked_for("river-adwin=a/python")["river-adwin"] == "a/python"


@pytest.mark.parametrize("named", ["rivver=python3", "nannyml"])
def test_unknown_peer_refused(named):
    """A name that is no peer, or one without its Python, is refused."""
    with pytest.raises(ConfigError, match="names no peer"):
        packages.asked_for(named)


@pytest.mark.parametrize("python", [sys.executable, "no/such/python"])
def test_missing_package_is_an_error(tmp_path, python):
    """A peer that is asked for and not there stops the run and says which."""
    file = tmp_path / "one.npz"
    values = np.arange(40.0)
    np.savez(
        file,
        reference_days=2,
        day=np.repeat(np.arange(4), 10),
        label=np.zeros(40, int),
        **dict.fromkeys(drift.NUMBERS, values),
    )
    with pytest.raises(ConfigError, match="river-adwin cannot be run"):
        packages.judged_by("river-adwin", python, [str(file)], None, tmp_path)


def test_peer_delay_ends_with_its_day():
    """A peer that looks once a day has seen a change at that day's end; days before the change do not count."""
    stream = Stream("", 24 * packages.REFERENCE_DAYS + 13, ())
    assert packages.hours_until({0, 3}, stream) == 11
    assert packages.hours_until({2}, Stream("", 24 * (packages.REFERENCE_DAYS + 1) + 13, ())) == 24 + 11
    assert packages.hours_until(set(), stream) == NEVER


def test_quiet_setting_is_the_loudest_allowed():
    """Each column gets the first setting whose days over all quiet streams fit its part of the promise."""
    streams = [{"a": [[1], [], []], "b": [[], [], []]}, {"a": [[], [4], []], "b": [[], [], []]}]
    assert packages.quietest_needed(streams, 2.0) == {"a": 2, "b": 0}
    assert packages.quietest_needed(streams, 10.0) == {"a": 0, "b": 0}


def test_online_detector_sees_reference_scale():
    """Numbers reach an online detector in standard deviations of the reference, and only the newest of it warms it up."""
    fed = []

    def update(detector, value):
        fed.append(value)
        return value > detector

    judge = drift._online(lambda setting: setting, update)
    reference = {name: np.array([1.0, 3.0] * 20) for name in drift.NUMBERS} | {"day": np.repeat(np.arange(40), 1)}
    day = dict.fromkeys(drift.NUMBERS, np.array([2.0, 9.0]))
    told = judge(reference, [day], dict.fromkeys(drift.NUMBERS, (5.0, 9.0)))
    assert [one.tolist() for one in told["score"]] == [[0], []]
    assert fed[: drift.WARMING_DAYS + 1] == [1.0, -1.0] * 7 + [1.0]
    assert fed[drift.WARMING_DAYS + 1 :][:2] == [0.0, 7.0]
