"""The service will say when Vigie itself, or the feed, needs somebody."""

from datetime import datetime

from jobs.status import verdicts
from monitor.alerts import Message
from monitor.config import Config
from monitor.store import outbox, runs
from monitor.store.store import Store
from monitor.window import microseconds

FAILURES = 3
STUCK_US = 15 * 60 * 1_000_000


def watch(store: Store, config: Config, now: datetime) -> str:
    """
    Tell once when a model fell silent, a job failed three times in a row, or a message waits longer than 15 minutes.

    Safe to run twice: a message is keyed by what it tells.
    """
    silent = [(f"service:silent:{name}", told.sentence, extras["last_us"] or 0)
              for name, told, extras in verdicts(store, config, now) if told.status == "SILENT"]  # fmt: skip
    with store.write() as connection:
        by_job: dict[str, list[dict[str, object]]] = {}
        for run in runs.latest(connection, 400):
            by_job.setdefault(str(run["job"]), []).append(run)
        found = [(f"service:job:{name}", str(some[0]["line"]), some[FAILURES - 1]["slot_us"]) for name, some in by_job.items()
                 if len(some) >= FAILURES and all(run["state"] == "failed" for run in some[:FAILURES])] + silent  # fmt: skip
        oldest = outbox.oldest_queued_us(connection)
        if oldest is not None and microseconds(now) - oldest > STUCK_US:
            found.append(("service:outbox", "messages wait longer than 15 minutes", oldest))
        new = 0
        for subject, line, since in found:
            day = int(str(since)) // 86_400_000_000
            facts = {"kind": "service", "what": subject, "line": line}
            new += outbox.queue(connection, [Message(subject, "opened", day, "mail", route.to, facts)
                                             for route in config.routes if "service" in route.receives], now)  # fmt: skip
    return f"{len(found)} things to tell, {new} new messages"
