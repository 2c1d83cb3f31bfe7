"""What people silence is held with their reason, and told once at the end if it is still true."""

from datetime import timedelta

import pytest

from jobs import silence
from jobs.act import act
from jobs.notify import notify
from monitor.alerts import messages
from monitor.config import Config
from monitor.errors import ConfigError, NoData
from monitor.silence import words_of
from monitor.store import actions, incidents, outbox, silences
from monitor.store.store import Store
from tests.conftest import NOW, Place
from tests.jobs.relay import Relay
from tests.jobs.story import snapshot
from tests.jobs.test_cli import run
from tests.jobs.test_gather import closes, opens, subjects
from tests.jobs.test_working_hours import OPS, kept

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
HELD = "silenced by 1 (bruno): known since Friday"


def silenced(store: Store, config: Config, model: str = "ape", kind: str = "latency", length: str = "3d") -> int:
    """Silence incidents, as bruno does."""
    words = words_of(kind, length, "known since Friday", is_confirmed=True)
    return silence.add(store, config, NOW, model, words, author="bruno").id


def worsens(store: Store, config: Config, number: int, hours: int) -> None:
    """Let an incident worsen, as detect does."""
    at = NOW + hours * HOUR
    with store.write() as connection:
        old = incidents.get(connection, number)
        change = incidents.change(
            connection, old, "worsened", actor="vigie", reason="more", at=at, key=f"alarm:{hours}"
        )
        outbox.queue(connection, messages(change, incidents.get(connection, number), config.routes), at)


def test_open_at_the_end(store: Store, config: Config, relay: Relay) -> None:
    """Openings and worsenings wait with the silence's reason; at its end one message tells, and no later run another."""
    silenced(store, config)
    (number,) = opens(store, config, NOW, "ape")
    for hours in (0, 30):
        notify(store, config, NOW + hours * HOUR)
    for hours in (31, 60):
        worsens(store, config, number, hours)
    notify(store, config, NOW + 3 * DAY - HOUR)
    assert kept(store, OPS) == [("opened", "held", HELD), ("worsened", "held", HELD), ("worsened", "held", HELD)]
    assert relay.mails == []
    notify(store, config, NOW + 3 * DAY)
    again = ("worsened", "suppressed", "told by another message of its incident")
    assert kept(store, OPS) == [("opened", "sent", None), again, again]
    before = snapshot(store)
    notify(store, config, NOW + 4 * DAY)
    assert (len(subjects(relay)), snapshot(store)) == (1, before)


def test_worsened_meanwhile(store: Store, config: Config, relay: Relay) -> None:
    """What was told before the silence is told once more at its end, by the newest of what was held."""
    (number,) = opens(store, config, NOW, "ape")
    notify(store, config, NOW)
    silenced(store, config)
    for hours in (31, 60):
        worsens(store, config, number, hours)
        notify(store, config, NOW + hours * HOUR)
    assert len(subjects(relay)) == 1
    notify(store, config, NOW + 3 * DAY)
    told = [(event, state) for event, state, _ in kept(store, OPS)]
    assert [state for event, state in told if event != "reminder"] == ["sent", "suppressed", "sent"]
    assert {state for event, state in told if event == "reminder"} == {"suppressed"}
    assert len(subjects(relay)) == 2


def test_over_meanwhile(store: Store, config: Config, relay: Relay) -> None:
    """What opened and closed under a silence is never told, and says under which."""
    silenced(store, config)
    numbers = opens(store, config, NOW, "ape")
    notify(store, config, NOW)
    closes(store, config, NOW + HOUR, numbers)
    notify(store, config, NOW + HOUR)
    notify(store, config, NOW + 3 * DAY)
    assert relay.mails == []
    (opened, closed) = kept(store, OPS)
    assert opened == ("opened", "suppressed", f"over while {HELD}")
    assert closed[:2] == ("closed", "suppressed")


def test_end_is_told(store: Store, config: Config, relay: Relay) -> None:
    """Whoever was told of an incident before the silence is told of its end at once."""
    numbers = opens(store, config, NOW, "ape")
    notify(store, config, NOW)
    silenced(store, config)
    closes(store, config, NOW + HOUR, numbers)
    notify(store, config, NOW + HOUR)
    assert [said.split()[0] for said in subjects(relay)] == ["ALARM", "OK"]


@pytest.mark.parametrize(
    ("model", "kind", "is_held"),
    [("ape", "", True), ("", "latency", True), ("", "", True), ("ape", "answers", False), ("ape", "latency", True)],
)
def test_matcher(store: Store, config: Config, relay: Relay, model: str, kind: str, is_held: bool) -> None:
    """A silence holds what matches its model and the kind of the first cause, and nothing else."""
    silenced(store, config, model, kind)
    opens(store, config, NOW, "ape")
    notify(store, config, NOW)
    assert (len(subjects(relay)) == 0) is is_held


def test_ended_early(store: Store, config: Config, relay: Relay) -> None:
    """Ending a silence tells what is open; it cannot be ended twice."""
    number = silenced(store, config)
    opens(store, config, NOW, "ape")
    notify(store, config, NOW)
    silence.end(store, config, NOW + HOUR, number, author="bruno")
    notify(store, config, NOW + HOUR)
    assert len(subjects(relay)) == 1
    with pytest.raises(NoData, match="no silence 1 that goes on"):
        silence.end(store, config, NOW + HOUR, number, author="bruno")


@pytest.mark.parametrize(
    ("model", "kind", "length", "reason", "said"),
    [
        ("", "", "3d", "known", "matches every incident of every model"),
        ("ape", "", "8d", "known", "longer than 7 days"),
        ("ape", "", "long", "known", "'long' is no length of time"),
        ("ape", "", "3d", "x", "a reason has 3 to 200"),
        ("ape", "noise", "3d", "known", "'noise' is none of answers, errors"),
        ("ghost", "", "3d", "known", "there is no model ghost"),
    ],
)
def test_refused(place: Place, store: Store, model: str, kind: str, length: str, reason: str, said: str) -> None:
    """A silence that is too wide, too long, or about nothing is refused with a sentence, asked for here or on the page."""
    config, words = place.configure(), words_of(kind, length, reason, is_confirmed=False)
    with pytest.raises(ConfigError, match=said):
        silence.add(store, config, NOW, model, words, author="bruno")
    with store.write() as connection:
        number = actions.ask(connection, "bruno", "add", f"silence:{model}", revision=None, reason=words, now=NOW)
    act(store, config, NOW)
    with store.read() as connection:
        row = actions.get(connection, number)
        assert silences.on(connection, NOW) == []
    assert row is not None
    assert said in row["refusal"] or model == "ghost"


def test_from_the_page(place: Place, store: Store) -> None:
    """An action begins a silence, and another ends it; a viewer's does neither."""
    config = place.configure()
    words = words_of("", "12h", "known", is_confirmed=False)
    asked = [
        ("chloe", "add", words),
        ("bruno", "add", words),
        ("bruno", "end", "1"),
        ("bruno", "end", "1"),
        ("bruno", "end", "x"),
    ]
    refusals = []
    for who, verb, reason in asked:
        with store.write() as connection:
            number = actions.ask(connection, who, verb, "silence:ape", revision=None, reason=reason, now=NOW)
        act(store, config, NOW)
        act(store, config, NOW)
        with store.read() as connection:
            refusals.append((actions.get(connection, number) or {})["refusal"])
    assert refusals[0] == "add needs the role operator"
    assert refusals[1:3] == [None, None]
    assert "no silence 1 that goes on" in refusals[3]
    assert "'x' is no number" in refusals[4]


def test_verbs(quick_place: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A silence is begun, listed and ended in a terminal, in the name of its user."""
    quick_place.configure()

    def vigie(*words: str) -> tuple[int, str]:
        return run(quick_place, "incidents", *words, monkeypatch=monkeypatch, capsys=capsys)

    run(quick_place, "db", "upgrade", monkeypatch=monkeypatch, capsys=capsys)
    assert vigie("silences") == (0, "nothing is silenced\n")
    code, said = vigie("silence", "--model", "ape", "--kind", "answers", "--for", "3d", "--reason", "known")
    assert (code, said.startswith("1    answers of ape until "), " by os:" in said) == (0, True, True)
    assert said.endswith("Next: vigie incidents unsilence 1\n")
    assert vigie("silence", "--for", "1d", "--reason", "known")[0] == 3
    assert vigie("silence", "--for", "1d", "--reason", "known", "--confirm")[0] == 0
    assert [line.split()[0] for line in vigie("silences")[1].splitlines()[:2]] == ["1", "2"]
    assert '"kind": "answers"' in vigie("silences", "--json")[1]
    assert vigie("unsilence", "1")[0] == 0
    assert vigie("unsilence", "1")[0] == 7
