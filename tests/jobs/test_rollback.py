"""A release whose answers moved: the former version, asked the same texts, says whether it was the model or the world."""

import json
import random
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from jobs.decide import propose
from jobs.detect import detect
from jobs.ingest import ingest
from jobs.letters import render
from jobs.pin import pin
from jobs.shadow import shadow
from jobs.summarise import summarise
from monitor.config import Config
from monitor.detection.incident import Incident
from monitor.store import decisions, incidents, outbox
from monitor.store.rollback import replayed
from monitor.store.store import Store
from monitor.window import hour_of
from tests.conftest import WORDS, Place, opened
from tests.jobs.test_cli import run
from tests.jobs.test_pipeline import BEGIN, CHANGE, END, QUIET_DAYS, REFERENCE
from tests.jobs.test_seed import BODY, Answer, right, wrong
from tests.monitor.shadow.models import artefact, challenger

SETTINGS = """\
detection: {{smallest_block: 5}}
shadow: {{trusted_roots: [models], days: 4}}
challengers:
  former: {{of: ape, path: models/former, sha256: {digest}, runs_code: accepted, automatic_at: 0.7, version: {version},
           limits: {{memory_mib: 1024}}}}
"""
NEWS, RELEASED, ASKED = "2.5.0", "2.4.1", END + timedelta(minutes=5)


def calls(
    version: str, answer: Callable[[str], Answer], bakeries: float = 0.0
) -> Callable[[random.Random], dict[str, Any]]:
    """Return what calls are like that a version answers; a share of them is of bakeries."""

    def changed(draw: random.Random) -> dict[str, Any]:
        first = ["bakery"] if draw.random() < bakeries else draw.choices(WORDS, k=1)
        text = " ".join(first + draw.choices(WORDS, k=3))
        return {"text": text, "topk": answer(text), "status": 200, "error": None, "model_version": version}

    return changed


def lived(
    place: Place, store: Store, answer: Callable[[str], Answer], bakeries: float, former: str = RELEASED
) -> Config:
    """Log fifteen days of version 2.4.1 and two of 2.5.0, and judge them; `former` is the version that a challenger is."""
    digest = challenger(artefact(place.folder / "models" / "former", BODY)).sha256
    config = place.configure(SETTINGS.format(digest=digest, version=f'"{former}"'))

    def read(now: datetime) -> None:
        ingest(store, config, now)
        summarise(store, config, now)

    place.write(QUIET_DAYS * 290, seed=1, first=BEGIN, hours=QUIET_DAYS * 24, changed=calls(RELEASED, right))
    read(CHANGE)
    pin(store, config, CHANGE, "ape", REFERENCE, by="test", reason="two usual weeks")
    place.write(580, seed=2, first=CHANGE, hours=48, changed=calls(NEWS, answer, bakeries))
    read(END)
    detect(store, config, END)
    return config


def told(store: Store, config: Config, language: str = "en") -> tuple[Incident, str]:
    """Return the incident, and its row about the former version in the mail."""
    with store.read() as connection:
        one = incidents.all(connection)[-1]
        row = next(row for row in outbox.about(connection, f"incident:{one.id}"))
    facts = {**json.loads(row["facts"]), "language": language}
    letter, note = render(store, config, {**row, "facts": facts}, ASKED)
    assert note == ""
    start = {"en": "Version before", "fr": "Version d’avant"}[language]
    return one, next(
        (line.removeprefix(start).strip() for line in letter.text.splitlines() if line.startswith(start)), ""
    )


@pytest.mark.parametrize(
    ("answer", "bakeries", "english", "french"),
    [(wrong, 0.0, "it is the model: on the same", "la cause est le modèle"), (right, 0.6, "it is the texts: on the same", "la cause est dans les textes")],
    ids=["another artefact", "another world"],
)  # fmt: skip
def test_whose_fault(
    quick_place: Place,
    answer: Callable[[str], Answer],
    bakeries: float,
    english: str,
    french: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys,
) -> None:
    """The former version keeps its mix where the new one is at fault, and moves with it where the texts are others."""
    with opened(quick_place.database) as store:
        config = lived(quick_place, store, answer, bakeries)
        one, said = told(store, config)
        assert f"version {NEWS} first answered" in one.claim
        assert said == f"version {RELEASED} was asked 0 of the texts since then so far; 200 are needed"
        shadow(store, config, ASKED)
        said = told(store, config)[1]
        assert said.startswith(english)
        assert told(store, config, "fr")[1].startswith(french)
        shown = run(quick_place, "incidents", "show", str(one.id), monkeypatch=monkeypatch, capsys=capsys)
        assert f"version before: {said}" in shown[1]
        with store.write() as connection:
            number = propose(connection, config, "ape", ASKED)
            assert number is not None
            assert ("roll back first" in decisions.get(connection, number)["sentence"]) == (answer is wrong)


def test_no_artefact(quick_place: Place) -> None:
    """Where no challenger is declared to be the former version, that is said."""
    with opened(quick_place.database) as store:
        config = lived(quick_place, store, wrong, 0.0, former="2.3.0")
        assert told(store, config)[1].startswith(f"not known: no challenger is declared to be version {RELEASED}")


def test_no_release(quick_place: Place) -> None:
    """An incident that began with no version, or in nothing that a version answers, has no former version to ask."""
    with opened(quick_place.database) as store:
        config = lived(quick_place, store, wrong, 0.0)
        one, _ = told(store, config)
        texts = replace(one, causes=tuple(replace(cause, group="inputs") for cause in one.causes))
        with store.read() as connection:
            challengers = list(config.challengers.values())
            assert replayed(connection, one, challengers, hour_of(ASKED)) is not None
            assert (
                replayed(
                    connection,
                    replace(one, onset_hour=one.onset_hour + 70, found_hour=one.found_hour + 70),
                    challengers,
                    hour_of(ASKED),
                )
                is None
            )
            assert replayed(connection, texts, challengers, hour_of(ASKED)) is None
