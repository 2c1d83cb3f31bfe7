"""Lend tests of jobs a real mail relay, and a story that was judged once for all of them."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller

from jobs.demo.mailbox import free_port
from monitor.config import Config
from tests.conftest import Fill, Place
from tests.jobs.relay import Relay
from tests.jobs.test_pipeline import judged_story


@pytest.fixture
def relay() -> Iterator[Relay]:
    """Run an SMTP server on a free port of this machine."""
    one = Relay(free_port())
    controller = Controller(one, hostname="127.0.0.1", port=one.port)
    controller.start()
    yield one
    controller.stop()


@pytest.fixture
def config(place: Place, relay: Relay) -> Config:
    """Return settings that deliver to the relay."""
    smtp = f"delivery: {{smtp: {{host: 127.0.0.1, port: {relay.port}, starttls: never, sender: vigie@stat.example}}}}"
    return place.configure(replaced=("delivery: {file_drop: mails}", smtp))


@pytest.fixture(scope="session")
def judged(filled: Callable[[Fill, None], Place]) -> Path:
    """Run the story once up to its incidents; a test works on a copy of this folder."""
    return filled(judged_story, None).folder
