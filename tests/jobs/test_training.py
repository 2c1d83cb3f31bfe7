"""A served model that begins to answer wrongly, just as sure as before, is told where its training texts are known, and only there."""

import random
from datetime import datetime, timedelta

import pytest

from jobs.detect import detect, pending
from jobs.ingest import ingest
from jobs.pin import pin
from jobs.rebuild import differing
from jobs.summarise import summarise
from monitor.line import Lines
from monitor.store import incidents, profiles
from monitor.window import Window
from tests.conftest import LABELS, NOW, Place, opened
from tests.jobs.test_pipeline import BEGIN, END, REFERENCE, SETTINGS

OF_LABEL = dict(zip(LABELS, (("bread", "oven"), ("shop", "market"), ("menu", "cook"), ("code", "server")), strict=True))
WRONG_FROM = BEGIN + timedelta(days=15)
VOCABULARY, TRAINING = "    vocabulary: vocabulary.txt\n", "    training: training.csv\n"


def text(draw: random.Random, label: str) -> str:
    return " ".join([draw.choice(OF_LABEL[label]), *draw.choices(("small", "business", "daily", "sale"), k=3)])


def story(place: Place) -> None:
    """Write training texts, and logs in which a quarter of the answers is wrong from a day on, scores as ever."""
    draw = random.Random(3)
    rows = [f"{text(draw, label)},{label}" for label in LABELS for _ in range(50)]
    (place.folder / "training.csv").write_text("\n".join(["text,label", *rows]) + "\n", encoding="utf-8")
    lines = Lines(None, model="ape", text="full", where=place.log, threaded=False, instance="i")
    for number in range(17 * 24 * 12):
        when = BEGIN + timedelta(minutes=5 * number)
        truth = draw.choice(LABELS)
        answer = draw.choice(LABELS) if when >= WRONG_FROM and draw.random() < 0.3 else truth
        lines.write(time=when, request_id=str(number), caller="desk", status=200, latency_ms=draw.lognormvariate(3, 0.3),
                    text=text(draw, truth), topk=[[answer, round(draw.uniform(0.5, 0.99), 4)]])  # fmt: skip
    lines.close()


def judged(place: Place, replaced: tuple[str, str], mode: str = "redacted") -> tuple[list[str], int]:
    """Run the jobs; return the first cause of every incident, and how many answers have a support."""
    config = place.configure(f"{SETTINGS}privacy: {{store: {mode}}}\n", replaced)
    with opened(place.database) as store:
        ingest(store, config, END)
        summarise(store, config, END)
        pin(store, config, END, "ape", REFERENCE, by="test", reason="two usual weeks")
        while pending(store, config, END):
            detect(store, config, END)
        if mode != "none":
            assert differing(store, "ape", Window.of(BEGIN, END)) == []
        with store.read() as connection:
            whole = profiles.total(connection, "ape", Window.of(BEGIN, END))
            return [one.causes[0].metric for one in incidents.all(connection, "ape")], whole.support.total


@pytest.mark.parametrize("mode", ["redacted", "hash", "none"])
def test_wrong_answers(place: Place, mode: str) -> None:
    """It is told whatever is kept of the texts: what counts is taken at the door."""
    story(place)
    told, many = judged(place, (VOCABULARY, VOCABULARY + TRAINING), mode)
    assert told
    assert set(told) <= {"support", "unsupported"}
    assert many > 4000


def test_without_training_texts(place: Place) -> None:
    """Without the training texts nothing else moves, and nothing is told."""
    story(place)
    assert judged(place, ("", "")) == ([], 0)


def test_vocabulary_of_the_training_texts(place: Place) -> None:
    """Training texts are the vocabulary where none is named: their words are known, others are not."""
    story(place)
    config = place.configure("", (VOCABULARY, TRAINING))
    with opened(place.database) as store:
        now = datetime.fromtimestamp(END.timestamp(), NOW.tzinfo)
        ingest(store, config, now)
        summarise(store, config, now)
        with store.read() as connection:
            whole = profiles.total(connection, "ape", Window.of(BEGIN, END))
    assert whole.unknown.count > 4000
    assert whole.unknown.mean() == 0.0
