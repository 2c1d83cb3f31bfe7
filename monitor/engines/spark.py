"""
Compute hourly profiles on a Spark cluster: tasks are read where there is room, days are counted where their rows meet.

Executors run the same functions as this process would (`monitor.engines.days`), so the profiles are equal to the byte.
They need the same packages as the driver, and see the files under the same paths.
"""

import os
import shutil
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from typing import Any

import msgspec

from monitor.batch import Ledger
from monitor.engines.days import Counted, Read, counted, packed
from monitor.errors import ConfigError
from monitor.profiles.profile import Key, Profile

PARTS = "model string, day long, body binary"
PROFILES = "model string, segment string, hour long, body binary"
NO_HOUR = -1  # the row is a ledger
TASKS_PER_CORE = 32  # files are dealt out in so many tasks: enough that a long one does not keep the others waiting
DAYS_PER_CORE = 4  # the same for the partitions in which days are counted
SETTINGS = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.execution.arrow.maxRecordsPerBatch": "16",  # a record is a packed day of a reading, up to some MiB
    "spark.executorEnv.POLARS_MAX_THREADS": "1",  # an executor has as many readers as cores already
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.log.level": "ERROR",
}


def session(master: str) -> Any:
    """
    Start Spark, or join the cluster that `master` names (`local[*]`, `spark://host:7077`, `yarn`).

    Raises ConfigError where Spark or Java is missing, or the cluster cannot be reached.
    """
    try:
        from py4j.protocol import Py4JError
        from pyspark.errors import PySparkException
        from pyspark.sql import SparkSession
    except ImportError:
        raise ConfigError("Spark is not installed", remedy="install vigie[spark]") from None
    home = os.environ.get("JAVA_HOME")
    if shutil.which("java", path=None if home is None else f"{home}/bin") is None:
        where = "on the PATH" if home is None else f"in JAVA_HOME ({home})"
        raise ConfigError(f"Spark needs Java, and there is none {where}", remedy="install a Java 17 runtime")
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # Spark reads it from there and nowhere else
    builder = SparkSession.builder.master(master).appName("vigie")
    for name, value in SETTINGS.items():
        builder = builder.config(name, value)
    try:
        with _quiet():
            return builder.getOrCreate()
    except (PySparkException, Py4JError) as error:
        raise ConfigError(f"Spark does not start: {str(error).splitlines()[0]}", where=f"--master {master}") from None


@contextmanager
def _quiet() -> Iterator[None]:
    """Leave out that Spark doubts today's pandas, which no row of ours meets."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        yield


def count(spark: Any, tasks: Sequence[Any], read: Read, partitions: int | None = None) -> Counted:
    """Read all tasks on the cluster and count their days there, in `partitions` parts; only profiles come back."""
    if not tasks:
        return Counted({}, Ledger())
    cores = spark.sparkContext.defaultParallelism
    size = min(len(tasks), TASKS_PER_CORE * cores)
    shares = [tasks[at::size] for at in range(size)]

    def parts(batches: Iterator[Any]) -> Iterator[Any]:
        return _parts(batches, shares, read)

    with _quiet():
        days = spark.range(0, size, 1, size).mapInArrow(parts, PARTS)
        met = days.repartition(partitions or DAYS_PER_CORE * cores, "model", "day").sortWithinPartitions("model", "day")
        rows = met.mapInArrow(_profiles, PROFILES).collect()
    profiles = {Key(one.model, one.segment, one.hour): Profile.from_bytes(bytes(one.body))
                for one in rows if one.hour != NO_HOUR}  # fmt: skip
    ledgers = (msgspec.json.decode(bytes(one.body), type=Ledger) for one in rows if one.hour == NO_HOUR)
    return Counted(profiles, Ledger.sum(ledgers))


def _parts(batches: Iterator[Any], shares: Sequence[Sequence[Any]], read: Read) -> Iterator[Any]:
    """On an executor: read the tasks whose numbers come, and yield packed days, then a ledger."""
    for batch in batches:
        for number in batch.column(0).to_pylist():
            ledgers = []
            for task in shares[number]:
                for rows, ledger in read(task):
                    ledgers.append(ledger)
                    for model, day, body in packed(rows):
                        yield _record(model=model, day=day, body=body)
            yield _record(model="", day=NO_HOUR, body=msgspec.json.encode(Ledger.sum(ledgers)))


def _profiles(batches: Iterator[Any]) -> Iterator[Any]:
    """On an executor: count day by day, whose parts come one after the other; pass ledgers on."""
    parts = (row for batch in batches for row in batch.to_pylist())
    for (_, day), some in groupby(parts, lambda row: (row["model"], row["day"])):
        if day == NO_HOUR:
            ledger = Ledger.sum(msgspec.json.decode(row["body"], type=Ledger) for row in some)
        else:
            found, ledger = counted(row["body"] for row in some)
            for key, profile in found.items():
                yield _record(model=key.model, segment=key.segment, hour=key.hour, body=profile.to_bytes())
        yield _record(model="", segment="", hour=NO_HOUR, body=msgspec.json.encode(ledger))


def _record(**values: Any) -> Any:
    import pyarrow as pa

    return pa.RecordBatch.from_pylist([values])
