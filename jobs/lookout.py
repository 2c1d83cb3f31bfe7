"""The service will put what probes ask for into memory every minute, and say every five that all is well, if it is."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from jobs import alive
from jobs.health import Health
from jobs.status import verdicts
from monitor.config import Config
from monitor.store import incidents, outbox, schema, slots
from monitor.store.feed import feeds
from monitor.store.store import Store
from monitor.window import microseconds

FIGURES_SECONDS, ALIVE_SECONDS = 60.0, 300.0
OPEN = ("open", "recovering")


@dataclass
class Lookout:
    """Look around behind a completed tick, where it is time to; `monotonic` seconds tell when."""

    store: Store
    config: Config
    health: Health
    tell: Callable[[Config], None] = alive.tell
    next_figures: float = 0.0
    next_alive: float = 0.0

    def look(self, moment: datetime, monotonic: float) -> None:
        """Renew `/readyz` and `/metrics`, and say outside that all is well."""
        if monotonic >= self.next_figures:
            schema.require(self.store)
            self.health.trouble = ""
            self.next_figures = monotonic + FIGURES_SECONDS
            self.health.figures = figures(self.store, self.config, moment)
        wanted = self.config.health.alive_url or self.config.health.alive_file
        if wanted and monotonic >= self.next_alive and self.health.is_alive(monotonic):
            self.next_alive = monotonic + ALIVE_SECONDS
            if not alive.troubles(self.store, self.config, moment):
                self.tell(self.config)


def figures(store: Store, config: Config, now: datetime) -> str:
    """Return the text of `/metrics` in the form Prometheus reads; times are seconds since 1970, ages seconds."""
    found: dict[str, list[str]] = {}
    for name, value, labels in _samples(store, config, now):
        found.setdefault(f"# TYPE vigie_{name} gauge", []).append(_line(name, value, labels))
    return "".join("\n".join([kind, *lines, ""]) for kind, lines in found.items())


def _samples(store: Store, config: Config, now: datetime) -> Iterator[tuple[str, float, dict[str, str]]]:
    now_us = microseconds(now)
    with store.read() as connection:
        for name, (_, ended_us) in sorted(slots.last_ok(connection, now_us).items()):
            yield "job_last_success_timestamp_seconds", ended_us / 1e6, {"job": name}
        for feed in feeds(connection, config.sources.values(), now):
            if feed.read_us is not None:
                yield "ingest_lag_seconds", (now_us - feed.read_us) / 1e6, {"source": feed.source}
                yield "ingest_lag_bytes", feed.lag_bytes, {"source": feed.source}
            yield "lines_last_day", feed.lines, {"source": feed.source, "outcome": "read"}
            yield "lines_last_day", feed.rejected, {"source": feed.source, "outcome": "rejected"}
        for model in config.models:
            yield "incidents_open", len(incidents.all(connection, model, OPEN)), {"model": model}
        for state, many in sorted(outbox.counts(connection).items()):
            yield "outbox_rows", many, {"state": state}
        oldest = outbox.oldest_queued_us(connection)
        yield "outbox_oldest_seconds", 0 if oldest is None else (now_us - oldest) / 1e6, {}
    for model, told, _ in verdicts(store, config, now):
        yield "verdict", 1, {"model": model, "status": told.status}
    if config.data_dir.exists():
        yield "store_free_bytes", shutil.disk_usage(config.data_dir).free, {}


def _line(name: str, value: float, labels: dict[str, str]) -> str:
    r"""
    Write one sample.

    >>> _line("verdict", 1, {"model": 'a"b'})
    'vigie_verdict{model="a\\"b"} 1'
    """
    told = ",".join(f'{key}="{_escaped(one)}"' for key, one in labels.items())
    return f"vigie_{name}{{{told}}} {value:.16g}" if told else f"vigie_{name} {value:.16g}"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
