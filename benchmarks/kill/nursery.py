"""
Fork readers from a process that has everything imported, so that a kill costs milliseconds and not a cold start.

Each line on standard input asks for one pass over the sources; the answer is the child's process id.
"""

import os
import signal
import sys
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jobs.ingest
from jobs.reading import Reader
from monitor.batch import Batch
from monitor.config import Config, load
from monitor.errors import VigieError
from monitor.store import rows
from monitor.store.store import Store

CRASHED = "reader-crashed"


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
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the readers: they are counted by their end
    print("ready", flush=True)
    for _ in sys.stdin:
        child = os.fork()
        if child == 0:
            mark = Path(path).with_name(CRASHED)
            try:
                one_pass(config)
            except VigieError as error:
                print(error, file=sys.stderr, flush=True)
            except Exception:  # a reader that cannot read at all proves nothing: the campaign must say so
                mark.write_text(traceback.format_exc(), encoding="utf-8")
            os._exit(0)
        print(child, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
