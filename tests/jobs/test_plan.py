"""What was announced beforehand is not judged; what was entered later only names; a closure is no silence."""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from jobs import plan
from jobs.detect import detect, pending
from jobs.pin import pin
from jobs.status import verdicts
from monitor.config import Config
from monitor.errors import ConfigError, NoData
from monitor.store import incidents, plans, readings, references
from monitor.store.store import Store
from monitor.window import Window, hour_of
from tests.conftest import Fill, Place, opened
from tests.jobs.test_cli import run
from tests.jobs.test_pipeline import BEGIN, CHANGE, END, SETTINGS, pinned_story


@pytest.fixture
def place(copied: Callable[[Fill], Place]) -> Place:
    return copied(pinned_story)


@pytest.fixture
def shop(place: Place) -> Iterator[tuple[Store, Config]]:
    """Return the story read and summed up, with a reference, and no hour judged yet."""
    with opened(place.database) as store:
        yield store, place.configure(SETTINGS)


@pytest.fixture
def bare(quick_place: Place) -> Iterator[tuple[Store, Config]]:
    """Return an empty store: for what is refused before anything is looked at."""
    with opened(quick_place.database) as store:
        yield store, quick_place.configure()


def announced(shop: tuple[Store, Config], kind: str, when, begin=CHANGE, end=END, model: str = "ape", note: str = "autumn sale") -> None:  # type: ignore[no-untyped-def]  # fmt: skip
    store, config = shop
    plan.add(store, config, when, kind, model, begin=begin, end=end, note=note, author="bruno")


def judged(shop: tuple[Store, Config]) -> list[str]:
    store, config = shop
    while pending(store, config, END):
        detect(store, config, END)
    with store.read() as connection:
        return [one.claim for one in incidents.all(connection)]


def states(store: Store) -> set[str]:
    with store.read() as connection:
        window = Window(hour_of(CHANGE), hour_of(END) - 2)
        return set(readings.history(connection, "ape", "volume", window)["state"].to_list())


@pytest.mark.parametrize("model", ["ape", ""])
def test_announced_beforehand(shop: tuple[Store, Config], model: str) -> None:
    """A campaign that was announced is not told of; its hours are read and marked."""
    announced(shop, "campaign", CHANGE - timedelta(days=3), model=model)
    assert judged(shop) == []
    assert states(shop[0]) == {"planned"}


def test_entered_afterwards(shop: tuple[Store, Config]) -> None:
    """Hours that were over when it was entered are judged all the same: nobody drops hours after seeing them."""
    announced(shop, "campaign", END)
    assert len(judged(shop)) == 1
    assert "planned" not in states(shop[0])


def test_taken_back(shop: tuple[Store, Config]) -> None:
    """From the moment an entry is taken back its hours are judged."""
    announced(shop, "campaign", CHANGE - timedelta(days=3))
    plan.remove(*shop, CHANGE + timedelta(hours=5), 1, author="bruno")
    assert len(judged(shop)) == 1
    with pytest.raises(NoData, match="no entry 1"):
        plan.remove(*shop, END, 1, author="bruno")


def test_deployment_is_named(shop: tuple[Store, Config]) -> None:
    """An incident names the deployment it follows, and not one of another model or of long before."""
    for days, note in ((-9, "2.4.0"), (-0.5, "2.5.0")):
        announced(shop, "deployment", END, begin=CHANGE + timedelta(days=days), end=None, note=note)
    (claim,) = judged(shop)
    assert "h after deployment 2.5.0" in claim


def test_closure_is_no_silence(shop: tuple[Store, Config]) -> None:
    """While an announced closure lasts nothing is expected, and nothing is known; behind it silence is silence again."""
    store, config = shop
    judged(shop)
    with store.write() as connection:
        for one in incidents.all(connection, "ape", ("open",)):
            incidents.change(connection, one, "closed", actor="test", reason="over", at=END, key="over", state="closed")
    late = END + timedelta(days=4)
    ((_, silent, _),) = verdicts(store, config, late)
    assert silent.status == "SILENT"
    announced(shop, "closure", END, begin=END - timedelta(hours=3), end=END + timedelta(days=5), note="Christmas")
    ((_, closed, _),) = verdicts(store, config, late)
    assert closed.status == "UNKNOWN"
    assert "closure Christmas until" in closed.sentence
    ((_, again, _),) = verdicts(store, config, END + timedelta(days=12))
    assert again.status == "SILENT"


@pytest.mark.parametrize(
    ("kind", "change", "said"),
    [
        ("party", {}, "'party' is none of deployment"),
        ("deployment", {}, "a deployment is a moment"),
        ("closure", {"end": None}, "a closure needs an end"),
        ("closure", {"end": CHANGE}, "it ends before it begins"),
        ("holiday", {"begin": BEGIN - timedelta(days=90)}, "longer than 92 days"),
        ("holiday", {"model": "nobody"}, "there is no model nobody"),
        ("holiday", {"note": "a\x1bb"}, "printable characters"),
    ],
)
def test_refused(bare: tuple[Store, Config], kind: str, change: dict, said: str) -> None:  # type: ignore[type-arg]
    """Entries that make no sense are refused with a sentence, and nothing is kept."""
    with pytest.raises(ConfigError, match=said):
        announced(bare, kind, END, **change)
    with bare[0].read() as connection:
        assert plans.of_model(connection) == []


def test_who_may(bare: tuple[Store, Config]) -> None:
    """A viewer announces nothing."""
    store, config = bare
    with pytest.raises(ConfigError, match="plan needs the role operator"):
        plan.add(store, config, END, "holiday", "", begin=CHANGE, end=END, note="", author="chloe")


def test_in_a_terminal(place: Place, shop: tuple[Store, Config], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    """Add, list and take back from the command line; times without an offset are those people work in."""
    place.configure(SETTINGS + "working_hours: {zone: Europe/Paris}\n")

    def vigie(*words: str) -> tuple[int, str]:
        return run(place, *words, monkeypatch=monkeypatch, capsys=capsys)

    assert vigie("plan", "list") == (0, "nothing is planned\n")
    code, said = vigie("plan", "add", "closure", "--from", "2026-12-24T18:00", "--to", "2026-12-27", "--note", "Noel")
    assert (code, said.splitlines()[0]) == (0, "#1 closure Noel, 2026-12-24 17:00 to 2026-12-26 23:00 UTC, all models")
    assert vigie("plan", "add", "deployment", "--model", "ape", "--note", "2.5.0")[0] == 0
    code, said = vigie("plan", "list", "--json")
    assert [json.loads(line)["kind"] for line in said.splitlines()] == ["deployment", "closure"]
    assert vigie("plan", "remove", "1")[0] == 0
    assert "taken back" in vigie("plan", "list")[1]
    assert vigie("plan", "add", "closure", "--from", "tomorrow", "--to", "2026-12-27")[0] == 3


def test_reference_leaves_it_out(shop: tuple[Store, Config]) -> None:
    """A reference leaves out what is in the plan, also what was entered afterwards, until it is taken back."""
    store, config = shop
    window = Window.of(BEGIN, BEGIN + timedelta(days=15))

    def pinned() -> bytes:
        pin(store, config, END, "ape", window, by="test", reason="again")
        with store.read() as connection:
            row = references.active(connection, "ape")
        assert row is not None
        return bytes(row.baseline)

    usual = pinned()
    announced(shop, "closure", END, begin=BEGIN + timedelta(days=3), end=BEGIN + timedelta(days=3, hours=20))
    assert pinned() != usual
    plan.remove(store, config, END, 1, author="bruno")
    assert pinned() == usual
