"""On a real cluster of two executor processes the profiles are those of this process, to the byte."""

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from jobs.backfill import backfill
from jobs.backfill_files import Files
from monitor.batch import Ledger
from monitor.engines import days, spark
from monitor.engines.days import Counted
from monitor.errors import ConfigError
from monitor.prediction import empty
from tests.conftest import opened
from tests.jobs.lake import LATER, Lake, bodies, lake

ROOT = Path(__file__).parents[3]


def executor() -> int:
    """Return the process that this Python works for: the parent of the daemon that forked it."""
    about = Path(f"/proc/{os.getppid()}/stat").read_text(encoding="utf-8")
    return int(about.rpartition(")")[2].split()[1])


@dataclass(frozen=True)
class Noted:
    """Read tasks of several sources, and note in the ledger which executor did."""

    files: dict[str, Files]

    def __call__(self, task: tuple[str, list[Any]]) -> Iterator[tuple[pl.DataFrame, Ledger]]:
        name, files = task
        yield from self.files[name](files)
        yield empty(), Ledger({f"read by {executor()}": 1})


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Start two executors with a core and a JVM each; what Spark writes goes to a folder of ours."""
    import pyspark

    quick = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"  # three JVMs that live a minute: compiling well does not pay
    home, there = tmp_path_factory.mktemp("spark"), Path(pyspark.__file__).parent
    for name in ("bin", "jars", "python"):
        (home / name).symlink_to(there / name)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (("SPARK_HOME", home), ("SPARK_LOCAL_IP", "127.0.0.1"), ("PYTHONPATH", ROOT),
                            ("PYSPARK_PYTHON", sys.executable), ("SPARK_LOCAL_DIRS", home / "shuffled"), ("JDK_JAVA_OPTIONS", quick)):  # fmt: skip
            patch.setenv(name, str(value))
        with spark.session("local-cluster[2,1,1024]") as started:
            yield started


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    names = ("json_plain", "json_rejects", "insee_g1", "sirene_g0", "cri_split", "ingress", "loki")
    return lake(tmp_path_factory.mktemp("lake"), names)


def plain(found: Counted) -> dict[Any, bytes]:
    return {key: one.to_bytes() for key, one in found.profiles.items()}


def test_two_executors_to_the_byte(cluster: Any, here: Lake) -> None:
    """Both executors read; in 1, 2 or 7 parts, profiles and ledger are those of this process, repeats and rejects included."""
    read = Noted({name: here.reader(name) for name in here.config.sources})
    expected = days.count(here.tasks(), read)
    mine = {name for name in expected.ledger.counts if name.startswith("read by")}
    told = {name: count for name, count in expected.ledger.counts.items() if name not in mine}
    assert told["duplicate"] > 1
    assert sum(name.startswith("reject ") for name in told) > 12
    assert any(one.distinct < one.records for one in expected.profiles.values())
    executors: set[str] = set()
    for partitions in (1, 2, 7):
        found = spark.count(cluster, here.tasks(), read, partitions)
        theirs = {name for name in found.ledger.counts if name.startswith("read by")}
        executors |= theirs
        assert plain(found) == plain(expected)
        assert {name: count for name, count in found.ledger.counts.items() if name not in theirs} == told
        assert found.ledger.examples == expected.ledger.examples
        assert found.ledger.unread == expected.ledger.unread
    assert len(executors) == 2
    assert not executors & mine


def test_backfill(cluster: Any, here: Lake, tmp_path: Path) -> None:
    """What the cluster counted is stored like what this process counts; a second backfill, there or here, changes nothing."""
    there = partial(spark.count, cluster)
    with opened(f"sqlite:///{tmp_path}/v.db") as store:
        for count, state in ((there, "written"), (there, "same"), (days.count, "same")):
            found = backfill(store, here.config, LATER, "insee_g1", folders=here.folders("insee_g1"), count=count)
            assert found["hours"] == found[state] > 0
            if state == "written":
                before = bodies(store)
        assert bodies(store) == before


def test_no_tasks() -> None:
    """Nothing to read gives nothing, without a cluster."""
    assert spark.count(None, [], days.count) == Counted({}, Ledger())


def test_no_java(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without Java is told what is missing, before anything is started."""
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(
        ConfigError, match=r"Spark needs Java, and there is none in JAVA_HOME .*install a Java 17 runtime"
    ) as told:
        spark.session("local[1]")
    assert told.value.exit_code == 3


def test_no_spark(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the extra the error says how to get it."""
    monkeypatch.setitem(sys.modules, "pyspark", None)
    monkeypatch.setitem(sys.modules, "pyspark.sql", None)
    monkeypatch.setitem(sys.modules, "pyspark.errors", None)
    with pytest.raises(ConfigError, match=r"Spark is not installed") as told:
        spark.session("local[1]")
    assert told.value.remedy == "install vigie[spark]"
