"""Fill a store with weeks of one model: simulated hourly profiles in four segments, and rows behind them."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.detection.traffic import CALLERS, MONDAY, Scenario, simulate
from jobs.detect import detect, pending
from jobs.pin import pin
from monitor.config import Config, load
from monitor.profiles.counts import Counts
from monitor.profiles.profile import Key, Profile
from monitor.store import profiles, schema
from monitor.store.store import Store
from monitor.window import MICROSECONDS_PER_HOUR, Window, start_of

MODEL = "coder"
END = datetime(2026, 6, 1, tzinfo=UTC)  # a Monday
CONFIG = """\
data_dir: data
models:
  coder: {classes: LABELS, segment: caller, thresholds: [{from: 1970-01-01T00:00:00Z, automatic_at: 0.7}]}
"""
COMMON = """
insert into context (id, digest, source, model, task, kind, time_basis, variant, caller, segment, decision, status, outcome)
values (1, x'00', 'api', :model, 'main', 'prediction', 'logged', 'champion', 'front-desk', 'front-desk', 'automatic', 200, 'ok')
"""
ROWS = """
with recursive number(n) as (select 0 union all select n + 1 from number where n + 1 < :rows)
insert into prediction_row (day, uid, context, row, time, text_chars, words, label, score, score_step, latency_ms, bookmark, position,
                            bytes)
select (:first + n * :step) / 86400000000, cast(printf('%016d', n) as blob), 1, 0, :first + n * :step, 30, 5,
       printf('L%02d', n % 88), 0.8, 8000, 40.0, 1, n * 500, 500
from number
"""
SEEN = "insert into last_seen (model, at_us) values (:model, :first + (:rows - 1) * :step)"


@dataclass(frozen=True)
class Size:
    """
    Say how much there is; the last `unjudged_hours` of the days are left to whoever measures.

    With `groups` the profiles have one more field of that many values: a wider model.
    """

    predictions: int
    days: int = 90
    reference_days: int = 42
    labels: int = 88
    unjudged_hours: int = 0
    groups: int = 0


QUICK = Size(10_000, days=18, reference_days=14)


def write(folder: Path, size: Size, end: datetime = END) -> tuple[Path, Window]:
    """Make config.yaml and a store whose days end at `end` (midnight), pinned and judged; returns both."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "config.yaml"
    path.write_text(CONFIG.replace("LABELS", str(size.labels)), encoding="utf-8")
    config = load(path)
    store = Store.open(config.database)
    schema.upgrade(store)
    window = Window.of(end - timedelta(days=size.days), end)
    _profiles(store, window, size)
    _rows(store, window, size.predictions)
    reference = Window(window.first, window.first + 24 * size.reference_days)
    pin(store, config, now_after(window), MODEL, reference, by="benchmark", reason="measured")
    judge(store, config, now_after(Window(window.first, window.end - size.unjudged_hours)))
    return path, window


def judge(store: Store, config: Config, now: datetime) -> None:
    """Run the detection job until no complete hour waits."""
    while pending(store, config, now):
        detect(store, config, now)


def _profiles(store: Store, window: Window, size: Size) -> None:
    built = {}
    for seed, (caller, share) in enumerate(CALLERS):
        quiet = Scenario(seed, size.days, size.predictions / size.days * share, labels=size.labels, bursts=0.0)
        for hour, one in simulate(quiet).items():
            built[Key(MODEL, caller, hour - MONDAY + window.first)] = _widened(one, size.groups)
    with store.write() as connection:
        profiles.replace(connection, MODEL, range(window.first, window.end), built)
        while (
            profiles.unrolled(connection, MODEL, window.end // 24) is not None
        ):  # as summarise does, a month at a time
            profiles.roll(connection, MODEL, window.end // 24)


def _widened(one: Profile, groups: int) -> Profile:
    if not groups:
        return one
    counted: dict[str, int] = {}
    for label, count in one.labels.of_name.items():
        name = f"G{int(label[1:]) % groups:02d}"
        counted[name] = counted.get(name, 0) + count
    return replace(one, fields={**one.fields, "GROUP": Counts(counted)})


def _rows(store: Store, window: Window, predictions: int) -> None:
    step = window.hours * MICROSECONDS_PER_HOUR // predictions
    values = {"rows": predictions, "first": window.first * MICROSECONDS_PER_HOUR, "step": step, "model": MODEL}
    with store.write() as connection:
        connection.exec_driver_sql(COMMON, {"model": MODEL})
        connection.exec_driver_sql(ROWS, {name: value for name, value in values.items() if name != "model"})
        connection.exec_driver_sql(SEEN, values)


def now_after(window: Window) -> datetime:
    """Return a moment at which the whole window may be judged and is still fresh."""
    return start_of(window.end) + timedelta(minutes=10)
