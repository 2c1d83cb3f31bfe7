"""Every logged line is stored exactly once, across rotation and whoever else reads."""

import os
import shutil
import threading
from collections import Counter, namedtuple
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from jobs.ingest import ingest
from jobs.space import space
from monitor.config import Config, load
from monitor.errors import ConfigError, VigieError
from monitor.sources.files import scan
from monitor.store import arrivals
from monitor.store.store import Store
from monitor.store.tables import reject
from monitor.window import hour_of
from tests.conftest import NOW, Place, opened
from tests.jobs.story import contiguous, logged, request_ids, snapshot, stored


@pytest.fixture
def config(place: Place) -> Config:
    """Return settings with small batches, so that a file takes many transactions."""
    return place.configure("ingest: {batch_mib: 0.01}\n")


def everything(place: Place, store: Store) -> None:
    """Assert that each written call is stored once."""
    assert request_ids(store) == Counter(row["request_id"] for row in place.written)
    assert contiguous(store)


def test_counts(place: Place, config: Config, store: Store) -> None:
    """Stored counts by day and status equal an independent count over the files."""
    place.write(1500, max_bytes=100_000)
    assert len(list(place.folder.glob("logs/*"))) > 2
    assert ingest(store, config, NOW) == "api: 1500 read, 0 duplicate, 0 rejected"
    assert stored(store) == logged(f"{place.folder}/logs/*")
    everything(place, store)
    with store.read() as connection:
        (feed,) = arrivals.feed(connection)
    assert (feed["lines_read"], feed["accepted"], feed["lost_bytes"]) == (1500, 1500, 0)


def test_pauses(place: Place, config: Config, store: Store) -> None:
    """On a disk that is nearly full nothing is read and nothing written, and all that came meanwhile is read once there is room."""
    Disk = namedtuple("Disk", "total used free")
    place.write(200)
    ingest(store, config, NOW)
    before = snapshot(store)
    place.write(300, seed=1)
    line = ingest(store, config, NOW + timedelta(minutes=1), lambda _: Disk(1000, 951, 49))
    assert line == "paused: 4.9% of the disk under data_dir is free; reading goes on by itself from 5% on"
    assert snapshot(store) == before
    assert ingest(store, config, NOW + timedelta(hours=5), lambda _: Disk(1000, 950, 50)).startswith("api: 300 read")
    everything(place, store)


def test_unmeasured_disk(place: Place, config: Config, store: Store) -> None:
    """A disk that cannot be measured stops nothing; where the folder is still to be made, the one above it is measured."""

    def away(_: Path) -> object:
        raise FileNotFoundError

    place.write(20)
    assert ingest(store, config, NOW, away) == "api: 20 read, 0 duplicate, 0 rejected"
    new = config.model_copy(update={"data_dir": config.data_dir / "not" / "there"})
    assert space(new, shutil.disk_usage).free > 0


def test_twice(place: Place, config: Config, store: Store) -> None:
    """Reading again, now or later, changes nothing but when we looked."""
    place.write(300)
    ingest(store, config, NOW)
    before = snapshot(store)
    ingest(store, config, NOW)
    assert snapshot(store) == before
    ingest(store, config, NOW + timedelta(hours=5))
    assert snapshot(store, ("source",)) == {k: v for k, v in before.items() if k != "source"}


def test_growing_file(place: Place, config: Config, store: Store) -> None:
    """A file that grows by half lines is read to its last newline each time."""
    place.write(40)
    whole = place.log.read_bytes()
    place.log.write_bytes(b"")
    for start in range(0, len(whole), 777):
        with place.log.open("ab") as file:
            file.write(whole[start : start + 777])
        ingest(store, config, NOW)
    everything(place, store)


def test_rename(place: Place, config: Config, store: Store) -> None:
    """Rotation by rename: the old name's bookmark goes on under the new one; unread lines are not lost."""
    place.write(200, seed=1)
    ingest(store, config, NOW)
    for seed in (2, 3, 4):
        place.write(60, seed=seed)  # unread when the file is renamed
        os.rename(place.log, place.log.with_name(f"ape.jsonl.{seed}"))
        place.write(60, seed=10 * seed)
        ingest(store, config, NOW)
    everything(place, store)
    assert stored(store) == logged(f"{place.folder}/logs/*")


def test_rename_while_looking(place: Place, config: Config, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that moves between listing and opening is neither an error nor a loss, and the pass is not complete."""
    place.write(100, seed=1)
    ingest(store, config, NOW)
    place.write(50, seed=2)
    listed = scan(config.sources["api"])
    os.rename(place.log, place.log.with_name("ape.jsonl.1"))
    with monkeypatch.context() as patched:
        patched.setattr("jobs.ingest.scan", lambda _source: listed)
        ingest(store, config, NOW + timedelta(hours=3))
    with store.read() as connection:
        (feed,) = arrivals.feed(connection)
    assert (feed["lost_bytes"], feed["accepted"], feed["lag_bytes"]) == (0, 100, listed[0].size)
    assert feed["complete_until_hour"] == hour_of(NOW - timedelta(minutes=config.ingest.grace_minutes))
    ingest(store, config, NOW + timedelta(hours=3))
    everything(place, store)


def test_flush_while_looking(place: Place, config: Config, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A quiet file that grows by half a line between listing and reading is not finished: the line waits for its end."""
    place.write(20, seed=1)
    first = place.log.read_bytes()
    place.write(20, seed=2)
    second = place.log.read_bytes()[len(first) :]
    place.log.write_bytes(first)
    quiet = (NOW - timedelta(hours=1)).timestamp()
    os.utime(place.log, (quiet, quiet))
    listed = scan(config.sources["api"])
    with place.log.open("ab") as file:
        file.write(second[:40])
    os.utime(place.log, (NOW.timestamp(), NOW.timestamp()))
    with monkeypatch.context() as patched:
        patched.setattr("jobs.ingest.scan", lambda _source: listed)
        ingest(store, config, NOW)
    with place.log.open("ab") as file:
        file.write(second[40:])
    assert ingest(store, config, NOW) == "api: 20 read, 0 duplicate, 0 rejected"
    everything(place, store)


def test_copytruncate(place: Place, config: Config, store: Store) -> None:
    """Rotation by copy and truncate: the copy goes on, the emptied original begins again."""
    place.write(200, seed=1)
    ingest(store, config, NOW)
    for seed in (2, 3, 4):
        place.write(60, seed=seed)
        shutil.copyfile(place.log, place.log.with_name(f"ape.jsonl.{seed}"))
        os.truncate(place.log, 0)
        ingest(store, config, NOW)
        place.write(20 * seed, seed=10 * seed)
        ingest(store, config, NOW)
    everything(place, store)


def test_copytruncate_unseen(place: Place, config: Config, store: Store) -> None:
    """A copy outside the glob: what was read stays, the truncated file's new lines are read from its start."""
    place.write(100, seed=1)
    ingest(store, config, NOW)
    os.truncate(place.log, 0)
    ingest(store, config, NOW)
    place.write(30, seed=2)
    ingest(store, config, NOW)
    everything(place, store)


def test_lost_bytes(place: Place, config: Config, store: Store) -> None:
    """Bytes that were seen but vanished unread leave a row that says how many."""
    place.write(50)
    with place.log.open("ab") as file:
        file.write(b'{"half": ')
    ingest(store, config, NOW)
    place.log.unlink()
    ingest(store, config, NOW)
    with store.read() as connection:
        assert arrivals.feed(connection)[0]["lost_bytes"] == len(b'{"half": ')


def test_alias(place: Place, config: Config, store: Store) -> None:
    """A copy and a hard link of a file are the same content: counted once."""
    place.write(80)
    shutil.copyfile(place.log, place.log.with_name("ape.jsonl.copy"))
    os.link(place.log, place.log.with_name("ape.jsonl.link"))
    ingest(store, config, NOW)
    everything(place, store)


def test_link_out_of_the_root(place: Place, config: Config, store: Store) -> None:
    """A link that leads out of the logs' folder is not followed."""
    place.write(5)
    outside = place.folder / "outside.jsonl"
    shutil.copyfile(place.log, outside)
    place.log.unlink()
    place.log.symlink_to(outside)
    ingest(store, config, NOW)
    assert not stored(store)


def test_hostile_file(place: Place, config: Config, store: Store) -> None:
    """Hostile lines are rows of `reject` with position and reason, on both databases; their neighbours are stored."""
    place.write(20)
    bad = [b"{", b"\xff\xfe", b"\x00\x00\x00", b'{"vigie":1,"time":"2026-09-01T10:00:00Z","text":"a\\u0000\\ud800","status":200,"topk":[["1",0.5]]}',
           b'{"vigie":1,"time":"2026-09-01T10:00:00Z","text":"a","status":70000}', b"[" * 5000, b'{"vigie":1,"text":"' + b"x" * 30_000,
           b"{\"vigie\":1,\"time\":\"2026-09-01T10:00:00Z\",\"text\":\"<script>'; drop table prediction; --\",\"status\":422}"]  # fmt: skip
    with place.log.open("ab") as file:
        file.write(b"\n".join(bad) + b"\n")
    told = ingest(store, config, NOW)
    assert told == "api: 22 read, 0 duplicate, 5 rejected"
    with store.read() as connection:
        found = {row["reason"]: row["count"] for row in arrivals.rejects_by_reason(connection)}
    assert found == {"invalid_syntax": 3, "invalid_encoding": 1, "nul_hole": 1, "out_of_range": 1} or found == {
        "invalid_syntax": 2, "too_deep": 1, "invalid_encoding": 1, "nul_hole": 1, "out_of_range": 1}  # fmt: skip


TWO = (
    "sources:\n",
    "sources:\n  other: {files: other/*.log, format: vigie_line, identity: by_request_id, model: ape}\n",
)


def test_one_source_fails(place: Place, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A source that cannot be read does not stop the next one; at the end the job fails, and its line says which."""
    place.write(30)
    config = place.configure(replaced=TWO)
    with monkeypatch.context() as patched:
        patched.setattr(
            "jobs.ingest.scan", lambda source: os.listdir("/no/such") if source.name == "other" else scan(source)
        )
        with pytest.raises(VigieError, match=r"other: failed, .*No such file.*; api: 30 read, 0 duplicate, 0 rejected"):
            ingest(store, config, NOW)
    everything(place, store)
    assert ingest(store, config, NOW).startswith("other: 0 read")


def test_file_that_cannot_be_opened(
    place: Place, config: Config, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that cannot be opened is told by name, its neighbours are read, and the source is not complete."""
    place.write(30)
    locked = place.log.with_name("ape.jsonl.1")
    locked.write_bytes(b"secret")
    listed = scan(config.sources["api"])
    locked.unlink()
    locked.symlink_to(place.log)  # a link is not followed: as closed to us as a file of somebody else
    with monkeypatch.context() as patched:
        patched.setattr("jobs.ingest.scan", lambda _source: listed)
        told = ingest(store, config, NOW)
    assert told.startswith("api: 30 read, 0 duplicate, 0 rejected, cannot read ape.jsonl.1 (")
    everything(place, store)
    with store.read() as connection:
        (feed,) = arrivals.feed(connection)
    assert (feed["lag_bytes"], feed["complete_until_hour"]) == (len(b"secret"), None)


def test_endless_line(place: Place, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line far beyond the limit is one reject with its length, and is never read whole; without an end it waits."""
    config = place.configure("ingest: {batch_mib: 0.01, line_mib: 0.02}\n")
    place.write(10, seed=1)
    start, asked = place.log.stat().st_size, []
    read = os.pread

    def watched(descriptor: int, count: int, at: int) -> bytes:
        asked.append(count)
        return read(descriptor, count, at)

    monkeypatch.setattr("os.pread", watched)
    with place.log.open("ab") as file:
        file.write(b"x" * 3_000_000)
    os.utime(place.log, (NOW.timestamp(), NOW.timestamp()))
    assert ingest(store, config, NOW) == "api: 10 read, 0 duplicate, 0 rejected"
    with place.log.open("ab") as file:
        file.write(b"x\n")
    place.write(10, seed=2)
    assert ingest(store, config, NOW) == "api: 10 read, 0 duplicate, 1 rejected"
    assert max(asked) < 0.02 * 1024 * 1024 + 2048
    with store.read() as connection:
        (one,) = connection.execute(select(reject.c.reason, reject.c.position, reject.c.length)).all()
    assert tuple(one) == ("line_too_long", start, 3_000_001)
    everything(place, store)
    with place.log.open("ab") as file:
        file.write(b"y" * 50_000)
    os.utime(place.log, (NOW.timestamp(), NOW.timestamp()))
    assert ingest(store, config, NOW + timedelta(hours=1)) == "api: 0 read, 0 duplicate, 1 rejected"
    assert contiguous(store)


def test_repeats(place: Place, config: Config, store: Store) -> None:
    """The same id again is a duplicate; the same id with another answer is refused by that name."""
    place.write(10)
    lines = place.log.read_bytes().splitlines(keepends=True)
    ok = next(one for one in lines if b'"status":200' in one)
    with place.log.open("ab") as file:
        file.write(ok + ok.replace(b'"topk":[["', b'"topk":[["9'))
    assert ingest(store, config, NOW) == "api: 10 read, 1 duplicate, 1 rejected"
    with store.read() as connection:
        assert [row["reason"] for row in arrivals.rejects_by_reason(connection)] == ["conflicting_duplicate"]


def test_missing_folder(place: Place, config: Config, store: Store) -> None:
    """A source without any file is no error."""
    assert ingest(store, config, NOW) == "api: 0 read, 0 duplicate, 0 rejected"


def test_four_readers_at_once(place: Place, config: Config, store_url: str) -> None:
    """Four runners that read the same growing files at once store everything once."""
    place.write(600, max_bytes=40_000)
    start, trouble = threading.Barrier(4), []

    def one() -> None:
        with opened(store_url) as mine:
            start.wait(20)
            try:
                for _ in range(3):
                    ingest(mine, load(place.path), NOW)
            except Exception as error:
                trouble.append(error)

    threads = [threading.Thread(target=one) for _ in range(4)]
    for thread in threads:
        thread.start()
    place.write(600, seed=1, max_bytes=40_000)
    for thread in threads:
        thread.join(120)
    with opened(store_url) as store:
        ingest(store, config, NOW)
        assert trouble == []
        everything(place, store)


def test_another_secret(quick_place: Place) -> None:
    """A lost secret that was made anew reads nothing twice: the start is refused, and says what to bring back."""
    config = quick_place.configure()
    quick_place.write(10)
    with opened(quick_place.database) as store:
        ingest(store, config, NOW)
        old = (config.data_dir / "secret").read_bytes()
        (config.data_dir / "secret").unlink()
        with pytest.raises(ConfigError, match="not the secret this database was filled with"):
            ingest(store, quick_place.configure(), NOW)
        (config.data_dir / "secret").write_bytes(old)
        assert ingest(store, quick_place.configure(), NOW) == "api: 0 read, 0 duplicate, 0 rejected"


def test_files_that_begin_alike(place: Place, config: Config, store: Store) -> None:
    """Files whose first lines are the same, one of them having no other yet, are each read to their end in one pass."""
    (place.folder / "logs").mkdir(exist_ok=True)
    banner = b'{"vigie":1,"dropped":1}\n'
    one = b'{"vigie":1,"time":"2026-09-01T10:00:00Z","request_id":"%d","text":"taxi"}\n'
    for number, name in enumerate(("a", "b", "c", "d")):
        file = place.folder / f"logs/ape.jsonl.{name}"
        file.write_bytes(banner + (one % number) * (name != "b"))
        os.utime(file, ns=(number * 10**9, number * 10**9 + 1_788_000_000 * 10**9))
    (place.folder / "logs/ape.jsonl.e").hardlink_to(place.folder / "logs/ape.jsonl.d")
    assert ingest(store, config, NOW) == "api: 3 read, 0 duplicate, 0 rejected"
    assert ingest(store, config, NOW) == "api: 0 read, 0 duplicate, 0 rejected"
    with store.read() as connection:
        (fed,) = arrivals.feed(connection)
    assert (fed["lines_other"], fed["accepted"], fed["lost_bytes"]) == (4, 3, 0)
