"""Read for the campaign: each line on standard input asks for one pass over the sources, by a reader of its own."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jobs.ingest
from benchmarks.kill.forks import serve
from jobs.reading import Reader
from monitor.batch import Batch
from monitor.config import Config, load
from monitor.store import rows
from monitor.store.store import Store


class Hasty(Reader):
    """Commit the place where the next reading begins before the rows: what no reader may do."""

    def _save(self, batch: Batch, *rest: Any) -> Any:
        empty = Batch(batch.start, batch.end, lines=batch.lines)
        moved = super()._save(empty, *rest)
        if moved is not None:
            with self.store.write() as connection:
                _, conflicts = rows.insert(connection, batch.predictions)
                self.done.rejected += len(conflicts)
        return moved


def one_pass(config: Config) -> None:
    """Read everything there is, as `vigie once ingest` does."""
    store = Store.open(config.database)
    try:
        jobs.ingest.ingest(store, config, datetime.now(UTC))
    finally:
        store.engine.dispose()


def main(path: str, variant: str) -> None:
    """Serve until standard input ends; `variant` is `ours` or `offset_first`."""
    config = load(Path(path))
    assert config.secret
    if variant == "offset_first":
        jobs.ingest.Reader = Hasty  # type: ignore[misc]
    serve(Path(path).parent, lambda _: one_pass(config))


if __name__ == "__main__":
    main(*sys.argv[1:])
