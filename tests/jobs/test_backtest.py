"""A replay tells what was told live; other settings tell more, less, or refuse; people ask for one and find it."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from jobs.act import act
from jobs.backtest import backtest, compared
from monitor.config import Config
from monitor.errors import ConfigError, NoData
from monitor.profiles.profile import Key, Profile
from monitor.store import actions, backtests, incidents, profiles
from monitor.store.store import Store
from monitor.window import hour_of
from tests.conftest import Place
from tests.jobs.test_cli import run
from tests.jobs.test_detect import config, place, store  # noqa: F401 - the judged story
from tests.jobs.test_pipeline import END

ASKED = "threshold=1e8 tolerance_sd=0.05"


def test_as_told_live(config: Config, store: Store) -> None:  # noqa: F811
    """Under the settings of config.yaml every incident is told in the hour in which it was, by the same cause."""
    found = compared(store, config, END, "ape", [])
    with store.read() as connection:
        live = incidents.all(connection, "ape")
    assert [side["name"] for side in found["sides"]] == ["as configured"]
    assert len(found["rows"]) == len(live) > 0
    assert found["sides"][0]["incidents"] == len(live)
    for row in found["rows"]:
        same = ("told", "hours", "state", "cause", "closed")
        assert [row["as configured"][name] for name in same] == [row["live"][name] for name in same]
        assert row["live"]["claim"].startswith(row["as configured"]["claim"])


def test_other_settings(config: Config, store: Store) -> None:  # noqa: F811
    """A threshold nothing reaches tells of nothing; what was told stands beside it."""
    found = compared(store, config, END, "ape", ["threshold=1e300"])
    tried = found["sides"][1]
    assert (tried["settings"], tried["false_alarms_a_quarter_at_most"]) == ({"threshold": 1e300}, 0.0)
    assert all(row["tried"] is None and row["live"] is not None for row in found["rows"])
    assert "not even 90 %" in {size for row in tried["told"] for size in row.values()}
    assert "not even 90 %" not in {row["within a week from"] for row in found["sides"][0]["told"]}


def test_another_reference(config: Config, store: Store) -> None:  # noqa: F811
    """A reference that ends later is tried from its own end on, and both sides tell only of what came after it."""
    found = compared(store, config, END, "ape", ["reference_from=2026-08-18", "weeks=2"])
    assert [side["reference"].split(" to ")[0][:10] for side in found["sides"]] == ["2026-08-17", "2026-08-18"]
    assert found["from"] == "2026-09-01T00:00:00+00:00"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("tolerance=1", "'tolerance=1' sets nothing. write NAME=VALUE with one of threshold, clip"),
        ("tolerance_sd", "'tolerance_sd' sets nothing"),
        ("threshold=3", "threshold: Input should be greater than or equal to 100"),
        ("threshold=many", "threshold: Input should be a valid number"),
        ("weeks=6", "another reference needs reference_from=YYYY-MM-DD"),
        ("reference_from=yesterday", "another reference needs reference_from=YYYY-MM-DD"),
        ("reference_from=2026-08-15 weeks=1", "weeks=1 is not between 2 and 104"),
    ],
)
def test_words_that_set_nothing(config: Config, store: Store, words: str, said: str) -> None:  # noqa: F811
    """Who mistypes is told what can be written."""
    with pytest.raises(ConfigError, match=said[:20].replace("(", r"\(")) as error:
        compared(store, config, END, "ape", words.split())
    assert said in str(error.value)


def test_nothing_behind_the_reference(config: Config, store: Store) -> None:  # noqa: F811
    """A reference that ends with the stored hours leaves nothing to replay."""
    with pytest.raises(NoData, match="no hour behind the reference"):
        compared(store, config, END, "ape", ["reference_from=2026-08-25", "weeks=4"])


def test_too_long(config: Config, store: Store) -> None:  # noqa: F811
    """Years behind a reference are not read into memory; who asks is told what to try."""
    late = hour_of(END) + 401 * 24
    with store.write() as connection:
        profiles.replace(connection, "ape", [late], {Key("ape", "", late): Profile(records=1)})
    with pytest.raises(NoData, match="more than 400 days lie behind the reference"):
        compared(store, config, END + timedelta(days=402), "ape", [])


def test_asked_for(config: Config, store: Store) -> None:  # noqa: F811
    """What a person asks for waits, is made by the job once, and keeps its result or the reason why there is none."""
    with store.write() as connection:
        for words in (ASKED, "tolerance=1", "reference_from=2030-01-01"):
            actions.ask(connection, "local", "backtest", "model:ape", revision=None, reason=words, now=END)
        for actor, subject in (("login:eve", "model:ape"), ("local", "model:nobody")):
            actions.ask(connection, actor, "backtest", subject, revision=None, reason=ASKED, now=END)
    assert act(store, config, END) == "2 actions applied, 3 refused"
    with store.read() as connection:
        refusals = [one["refusal"] for one in reversed(actions.about(connection, "model:ape"))]
        assert [one["state"] for one in backtests.of_model(connection, "ape")] == ["asked", "asked"]
    assert refusals[0] is refusals[2] is None
    assert "'tolerance=1' sets nothing" in str(refusals[1])
    assert refusals[3] == "backtest needs the role operator"
    assert backtest(store, config, END + timedelta(minutes=1)) == "2 replays made"
    assert backtest(store, config, END + timedelta(minutes=2)) == "0 replays made"
    with store.read() as connection:
        failed, ready = backtests.of_model(connection, "ape")
    assert (failed["state"], failed["result"]) == ("failed", None)
    assert "no hour behind the reference" in failed["note"]
    assert ready["state"] == "ready"
    assert ready["result"] == json.loads(json.dumps(compared(store, config, END, "ape", ASKED.split())))


def test_the_oldest_are_forgotten(config: Config, store: Store) -> None:  # noqa: F811
    """Twenty replays of a model are kept."""
    with store.write() as connection:
        numbers = [backtests.ask(connection, "ape", f"clip={n}", by="local", now=END) for n in range(1, 26)]
        other = backtests.ask(connection, "other", "", by="local", now=END)
        for number in (*numbers, other):
            backtests.settle(connection, number, END, {"n": number})
        assert [one["id"] for one in backtests.of_model(connection, "ape")] == numbers[:4:-1]
        assert [one["result"] for one in backtests.of_model(connection, "other")] == [{"n": other}]


def test_in_a_terminal(place: Place, config: Config, store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:  # noqa: F811  # fmt: skip
    """The verb prints both sides change by change, or one JSON object; mistakes end with 3 and a sentence."""
    code, said = run(place, "backtest", "ape", *ASKED.split(), monkeypatch=monkeypatch, capsys=capsys)
    assert (code, said.count("tried: threshold 1e+08, tolerance_sd 0.05; reference ")) == (0, 1)
    assert "as configured: told after " in said
    code, said = run(place, "backtest", "ape", *ASKED.split(), "--json", monkeypatch=monkeypatch, capsys=capsys)
    assert (code, json.loads(said)["schema_version"]) == (0, 1)
    code, said = run(place, "backtest", "nobody", monkeypatch=monkeypatch, capsys=capsys)
    assert (code, "there is no model nobody" in said) == (3, True)
