"""Run the whole loop: train, serve, log, ingest, detect, compare, alert, decide, show."""

import json
import logging
import multiprocessing
import shutil
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from jobs.act import act
from jobs.decide import decide
from jobs.demo import history, settings
from jobs.demo.live import Api, Client, catch_up
from jobs.demo.mailbox import Mailbox, free_port
from jobs.demo.steps import Steps
from jobs.demo.story import DAYS, Story
from jobs.demo.summary import Written, lines, summary
from jobs.demo.texts import Description, descriptions
from jobs.demo.traffic import Traffic
from jobs.describe import describe
from jobs.detect import detect, pending
from jobs.estimate import estimate
from jobs.ingest import ingest
from jobs.labels import labels
from jobs.notify import notify
from jobs.pin import pin
from jobs.report import drill_down, report
from jobs.shadow import shadow
from jobs.summarise import summarise
from jobs.trigger import trigger
from jobs.watch import watch
from monitor.config import Config, load
from monitor.errors import VigieError
from monitor.shadow.manifest import pin_of
from monitor.store import actions, incidents, schema
from monitor.store.store import Store
from monitor.window import hour_of

EPOCHS, EARLY_EPOCH = 8, 2
STEPS = 11


@dataclass(frozen=True)
class Stage:
    """Hold what all steps share."""

    folder: Path
    story: Story
    traffic: Traffic
    known: list[Description]
    seed: int


def demo(directory: Path, *, once: bool, as_json: bool, seed: int) -> int:
    """
    Run the demonstration in `directory`; returns 0 when every change was found, named rightly, and nothing else opened.

    Without `once` the dashboard and the scheduler stay, live traffic flows, and Ctrl-C ends all of it.
    """
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING)
    folder = directory.resolve()
    if (folder / "config.yaml").exists():
        for name in ("logs", "labels", "data", "models", "mails"):
            shutil.rmtree(folder / name, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    end = hour_of(datetime.now(UTC))
    story = Story.of((end // 24 - DAYS) * 24, end, seed)
    known = descriptions()
    stage = Stage(folder, story, Traffic(known, story, seed), known, seed)
    steps, mailbox = Steps(STEPS), Mailbox(folder / "mails")
    try:
        config, api, written = _prepare(stage, steps, mailbox)
        try:
            store = Store.open(config.database)
            _loop(stage, steps, store, config)
            found = {**summary(store, config, story, written), "seconds": steps.seconds, "directory": str(folder)}
            print(json.dumps(found, ensure_ascii=False, default=str) if as_json else "\n".join(lines(found)))
            if not once:
                _stay(stage, config, api.port)
        finally:
            api.stop()
    finally:
        mailbox.close()
    return 0 if found["ok"] else 1


def _prepare(stage: Stage, steps: Steps, mailbox: Mailbox) -> tuple[Config, Api, Written]:
    """Train both models side by side, write the history as soon as the champion is there, and start the live API."""
    folder, seed = stage.folder, stage.seed
    context = multiprocessing.get_context("spawn")
    challenger = context.Process(target=train_challenger, args=(str(folder), seed))
    with steps.step("train the champion (French texts)"):
        champion = context.Process(target=train_champion, args=(str(folder), seed))
        champion.start()
        challenger.start()
        champion.join()
    from jobs.demo.answer import load as load_model

    models = {name: load_model(folder / "models" / name).answer for name in ("champion", "early")}
    with steps.step("write eight weeks of logs through the API"):
        calls = sum(history.write(stage.traffic, stage.story, folder, models, steps.progress).values())
        packed = history.compress(folder / "logs")
    with steps.step("train the challenger (more texts)"):
        challenger.join()
        from jobs.demo.model import champion_texts, examples

        known = champion_texts(stage.known, seed)
        path = settings.write(folder, known, examples(known, 2, seed), pin=pin_of(folder / "models/challenger"),
                              smtp_port=mailbox.port, screen_port=free_port(8501))  # fmt: skip
    with steps.step("serve, and send this hour's live requests"):
        api = Api(folder, seed, history.SLOWER)
        api.ready()
        now = datetime.now(UTC)
        live = catch_up(stage.traffic, hour_of(now), now.minute * 60 + now.second, api.port)
    return load(path), api, Written(calls, live, packed)


def _loop(stage: Stage, steps: Steps, store: Store, config: Config) -> None:
    """Run the jobs that the scheduler runs, in the order of a pass."""
    schema.upgrade(store)
    now = datetime.now(UTC)
    with steps.step("ingest"):
        ingest(store, config, now)
    with steps.step("summarise into hourly profiles"):
        summarise(store, config, now)
        labels(store, config, now)
    with steps.step("pin the six quiet weeks, and judge every hour"):
        pin(
            store, config, now, "ape", stage.story.reference, by="vigie demo", reason="the six quiet weeks of the story"
        )
        whole = max(pending(store, config, now), 1)
        while left := pending(store, config, now):
            detect(store, config, now)
            steps.progress(1 - left / whole)
    with steps.step("challenger in the shadow"):
        shadow(store, config, now)
    with steps.step("what is new in the incidents' texts, estimate, decide, act"):
        _acknowledge(store, now)
        for job in (describe, estimate, decide, act, trigger):
            job(store, config, now)
    with steps.step("reports and mails"):
        for job in (report, watch, notify):
            job(store, config, now)
    with steps.step("Evidently's own report on the first incident"):
        try:
            drill_down(store, config, now, 1)
        except VigieError as error:
            print(f"  {error}", file=sys.stderr)


def _acknowledge(store: Store, now: datetime) -> None:
    """Let the desk say that it looks after the second incident, as it would on its page."""
    with store.write() as connection:
        second = next((one for one in incidents.all(connection, "ape")[-2:-1]), None)
        if second is not None:
            actions.ask(connection, settings.DESK, "ack", f"incident:{second.id}", revision=second.revision, now=now,
                        reason="the coding unit was asked whether these activities are new")  # fmt: skip


def train_champion(directory: str, seed: int) -> None:
    """Train on a part of the French descriptions; an early checkpoint is kept for the story's wrong artefact."""
    from jobs.demo import model

    folder = Path(directory) / "models"

    def keep(epoch: int, trained: model.answer.Answers) -> None:
        if epoch == EARLY_EPOCH:
            model.save(trained, folder / "early")

    pairs = model.examples(model.champion_texts(descriptions(), seed), 6, seed)
    model.save(model.train(pairs, EPOCHS, seed, keep), folder / "champion")


def train_challenger(directory: str, seed: int) -> None:
    """Train on all French and English descriptions."""
    from jobs.demo import model

    pairs = model.examples(descriptions(), 5, seed + 100)
    model.save(model.train(pairs, EPOCHS, seed + 100), Path(directory) / "models/challenger")


def _stay(stage: Stage, config: Config, port: int) -> None:
    client = Client(stage.traffic, port)
    client.start()
    children = [
        subprocess.Popen([sys.executable, "-m", "jobs.cli", "--config", str(config.path), *verb])
        for verb in (["run"], ["dashboard"])
    ]
    print(
        f"\nDashboard: http://{config.dashboard.address}:{config.dashboard.port}   Mails: {stage.folder / 'mails'}\nCtrl-C ends it all.",
        flush=True,
    )
    over = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: over.set())
    while not over.wait(1.0) and all(child.poll() is None for child in children):
        pass  # one that ended by itself has said why; the rest end with it
    client.over.set()
    for child in children:
        child.terminate()
    for child in children:
        child.wait(40)
