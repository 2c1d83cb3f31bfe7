"""A week's report tells of that week, whenever it is written."""

from datetime import UTC, datetime

import pytest

from jobs.ingest import ingest
from jobs.pin import pin
from jobs.report import weekly_letter
from jobs.summarise import summarise
from monitor.plan import Planned
from monitor.profiles.counts import Counts
from monitor.profiles.profile import Key, Profile
from monitor.store import estimates, plans, profiles
from monitor.store.store import Store
from monitor.window import MICROSECONDS_PER_HOUR as US
from monitor.window import Window, hour_of
from tests.conftest import NOW, Place

DAY = hour_of(NOW) // 24
WEEK = Window((DAY - 10) * 24, (DAY - 3) * 24)


def figure(day: int, name: str, value: float) -> dict[str, object]:
    return {"model": "ape", "day": day, "name": name, "basis": "estimated", "value": value, "low": value, "high": value,
            "size": 100.0, "note": ""}  # fmt: skip


@pytest.fixture
def letter(place: Place, store: Store):
    """Return what writes the letter of `WEEK` from these figures."""
    config = place.configure()
    place.write(400, hours=14 * 24)
    ingest(store, config, NOW)
    summarise(store, config, NOW)

    def written(rows: list[dict[str, object]]) -> str:
        with store.write() as connection:
            estimates.put(connection, rows)
        return weekly_letter(store, config, "ape", WEEK, NOW, language="en").text

    return written


def test_figures_of_the_week(letter) -> None:
    """Accuracy is that of the week's last day, wrong answers the mean over its days; what came after is left out."""
    rows = [figure(DAY - 10 + at, "wrong_automatic", 10.0 + at) for at in range(10)]
    rows += [figure(DAY - 10 + at, "accuracy_automatic", 0.9 + at / 100) for at in range(10)]
    text = letter(rows)
    assert "96.0 % (96.0 to 96.0) of automatic answers right, estimated without labels" in text
    assert "probably 13 wrong automatic answers a day, estimated, mean of the week" in text
    assert "as of" not in text


def test_figures_of_before(letter) -> None:
    """A figure older than the week is dated, and wrong answers of other weeks are not told as this one's."""
    before = DAY - 12
    text = letter([figure(before, "accuracy_automatic", 0.91), figure(before, "wrong_automatic", 7.0)])
    assert f"estimated without labels, as of {(NOW.day - 12) % 31 or 31:02d} Aug" in text
    assert "wrong automatic answers" not in text


def test_no_figure(letter) -> None:
    """Without any figure of those days nothing is known."""
    assert "not known, because no label was ever read" in letter([figure(DAY - 1, "accuracy_automatic", 0.91)])


MONDAY = datetime(2026, 8, 3, tzinfo=UTC)
FIRST = hour_of(MONDAY)


def hour(number: int, rising: int = 0) -> Profile:
    """Return an hour of 40 answers, of which `rising` moved to the code that rises."""
    answers = {"a": 24 - rising + number % 3, "b": 16 - number % 3, "c": rising}
    counts = Counts({name: many for name, many in answers.items() if many})
    return Profile(records=40, distinct=40, outcomes=Counts.of(ok=40), labels=counts, labels_raw=counts)


def test_beside_the_week(place: Place, store: Store) -> None:
    """
    A week is told beside the one of a year ago, with the hours of silence, what rose, what comes, and what cannot be seen.

    Hours of silence that were announced, or at which nothing is due, are none.
    """
    config, span = place.configure(), Window(FIRST - 5 * 168, FIRST)
    at_night = {number for number in range(span.first, FIRST) if number % 24 < 4}
    silent, announced = range(FIRST - 60, FIRST - 57), range(FIRST - 38, FIRST - 36)
    built = {number: hour(number, 4 if number >= FIRST - 168 else 0) for number in {*range(span.first, FIRST)} - at_night - {*silent, *announced}}  # fmt: skip
    built |= {number: hour(number) for number in range(FIRST - 53 * 168, FIRST - 52 * 168)}
    closure = Planned(
        0, "", "closure", announced[0] * US, (announced[-1] + 1) * US, "works", "alice", announced[0] * US
    )
    campaign = Planned(0, "ape", "campaign", (FIRST + 40) * US, (FIRST + 90) * US, "census", "alice", FIRST * US)
    far = Planned(0, "ape", "campaign", (FIRST + 400) * US, (FIRST + 450) * US, "later", "alice", FIRST * US)
    with store.write() as connection:
        profiles.replace(
            connection, "ape", sorted(built), {Key("ape", "", number): one for number, one in built.items()}
        )
        for one in (closure, campaign, far):
            plans.add(connection, one)
    pin(store, config, MONDAY, "ape", Window(FIRST - 5 * 168, FIRST - 168), by="alice", reason="usual weeks")
    told = {language: weekly_letter(store, config, "ape", Window(FIRST - 168, FIRST), MONDAY, language=language).text for language in ("en", "fr")}  # fmt: skip
    records = 40 * (168 - 28 - 5)
    for line in (f"{records:,}, -3.6 % against the week before, -19.6 % against the same week last year", "3 hours without a prediction",
                 "c: 0.0 % -> 10.0 % of the answers", "campaign census, Tue 04 Aug 16:00 to Thu 06 Aug 18:00 UTC", "5 % of the answers that move"):  # fmt: skip
        assert line in told["en"], line
    for line in ("3 heures sans aucune prédiction", "c : 0,0 % -> 10,0 % des réponses", "campagne census", "que 5 % des réponses passent"):  # fmt: skip
        assert line.replace(" : ", "\xa0: ").replace(" %", "\xa0%") in told["fr"], line
    assert not {"b:", "later"} & set(told["en"].split())


@pytest.mark.parametrize(
    ("anchor", "block", "said"),
    [
        ("2026-10-20", "Coming", "The calendar asks for the next retraining by 20 Oct 2026."),
        ("2026-10-02", "Waiting for you", "The calendar asks for a retraining by 02 Oct 2026."),
    ],
)
def test_calendar(place: Place, store: Store, letter, anchor: str, block: str, said: str) -> None:
    """What waits says that a retraining is due, or when the next one will be, in the recipient's language."""
    assert "calendar" not in letter([])
    two_weeks = Window((DAY - 15) * 24, (DAY - 1) * 24)
    pin(store, place.configure(), NOW, "ape", two_weeks, by="test", reason="usual")
    config = place.configure(f"retraining: {{ape: {{calendar: {{every: quarter, anchor: {anchor}}}}}}}\n")
    text = weekly_letter(store, config, "ape", WEEK, NOW, language="en").text
    told = text.partition(f"{block}\n")[2].partition("\n\n")[0]
    assert f"retraining {said}" in " ".join(told.split())
    french = weekly_letter(store, config, "ape", WEEK, NOW, language="fr").text
    assert "calendrier" in french
    assert "asks" not in french
