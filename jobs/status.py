"""Say how every model stands: the one answer that the screen, the mail and the command line share."""

from datetime import datetime
from typing import Any

from monitor.config import Config
from monitor.store import standing
from monitor.store.store import Store
from monitor.verdict import Verdict, verdict


def verdicts(store: Store, config: Config, now: datetime) -> list[tuple[str, Verdict, dict[str, Any]]]:
    """Return (model, verdict, extras) for every model of config.yaml, in its order."""
    found = []
    with store.read() as connection:
        for name, model in config.models.items():
            facts, extras = standing.facts(
                connection, model, now, config.detection, config.ingest.silent_after_expected
            )
            found.append((name, verdict(facts), extras))
    return found
