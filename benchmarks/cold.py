"""Go from log files to verdicts in this one process: `python -m benchmarks.cold CONFIG END_HOUR`; prints seconds by stage."""

import time

BEGAN = time.perf_counter()

import json  # noqa: E402
import sys  # noqa: E402
from datetime import timedelta  # noqa: E402
from pathlib import Path  # noqa: E402

from jobs.detect import detect, pending  # noqa: E402
from jobs.ingest import ingest  # noqa: E402
from jobs.pin import pin  # noqa: E402
from jobs.status import verdicts  # noqa: E402
from jobs.summarise import summarise  # noqa: E402
from monitor.config import load  # noqa: E402
from monitor.store import profiles, schema  # noqa: E402
from monitor.store.store import Store  # noqa: E402
from monitor.window import Window, start_of  # noqa: E402

REFERENCE_HOURS = 14 * 24


def main(config_path: str, end_hour: str) -> None:
    """Read, count, pin two weeks, judge every later hour and ask how the model stands."""
    marks = [("imports", time.perf_counter())]
    config = load(Path(config_path))
    store = Store.open(config.database)
    schema.upgrade(store)
    now = start_of(int(end_hour)) + timedelta(minutes=30)
    marks.append(("tables", time.perf_counter()))
    ingest(store, config, now)
    marks.append(("ingest", time.perf_counter()))
    summarise(store, config, now)
    marks.append(("summarise", time.perf_counter()))
    model = next(iter(config.models))
    with store.read() as connection:
        span = profiles.span(connection, model)
    assert span is not None
    pin(store, config, now, model, Window(span.first, span.first + REFERENCE_HOURS), by="benchmark", reason="measured")
    marks.append(("pin", time.perf_counter()))
    judged = 0
    while waiting := pending(store, config, now):
        detect(store, config, now)
        judged += waiting - pending(store, config, now)
    marks.append(("detect", time.perf_counter()))
    verdict = verdicts(store, config, now)[0][1]
    marks.append(("verdict", time.perf_counter()))
    befores = [BEGAN, *(when for _, when in marks)]
    stages = {name: round(when - before, 4) for (name, when), before in zip(marks, befores, strict=False)}
    print(json.dumps({"stages_s": stages, "hours_judged": judged, "verdict": verdict.status}))


if __name__ == "__main__":
    main(*sys.argv[1:])
