"""
Whatever writers, rotation and crashes do, each line is stored once, and every ledger sums to what was written.

A state machine drives the real ingest over real files and a real SQLite database; a model of a few counters says what
must be there. `VIGIE_TEST_EXAMPLES=10000` runs that many histories (default 500).
"""

import bz2
import gzip
import json
import lzma
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from backports import zstd
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from sqlalchemy import Connection, func, select

from jobs.ingest import _source, ingest
from jobs.reading import Pass, Reader
from monitor.config import Config
from monitor.errors import StoreError
from monitor.settings import Ingest, Model, Source
from monitor.sources.door import Door
from monitor.store import schema
from monitor.store.store import Store
from monitor.store.tables import bookmark, data_loss, prediction, read_range, reject
from tests.jobs.story import contiguous

MEMORY = next(filter(os.path.isdir, ["/dev/shm"]), None)  # no power fails here: a disk would only be waited for
EXAMPLES = int(os.environ.get("VIGIE_TEST_EXAMPLES", "500"))
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress, "zst": zstd.compress, "bz2": bz2.compress, "xz": lzma.compress,
}  # fmt: skip
BANNER = b'{"vigie":1,"dropped":1}\n'
KINDS = st.lists(
    st.sampled_from(["good", "good", "good", "garbage", "blank", "banner", "crlf"]), min_size=1, max_size=6
)


def template() -> Path:
    """Make a database with today's tables, once for all histories."""
    folder = Path(tempfile.mkdtemp(prefix="vigie-once-"))
    store = Store.open(f"sqlite:///{folder}/empty.db")
    schema.upgrade(store)
    store.scrub(())
    store.engine.dispose()
    return folder / "empty.db"


class Files(RuleBasedStateMachine):
    """Write, rotate, compress, copy, crash and read in any order."""

    empty: Path

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="vigie-once-"))
        (self.folder / "logs").mkdir()
        self.data = Path(tempfile.mkdtemp(prefix="vigie-once-", dir=MEMORY))
        shutil.copy(self.empty, self.data / "vigie.db")
        self.log = self.folder / "logs/a.log"
        self.config = Config(
            data_dir=self.data, models={"ape": Model()},
            sources={"api": Source(files=f"{self.folder}/logs/*", format="vigie_line", model="ape")},
            ingest=Ingest(batch_mib=0.005, settle_seconds=0),
        )  # fmt: skip
        self.store = Store.open(self.config.database)
        self.number, self.turn, self.rest, self.unread = 0, 0, b"", False
        self.written: Counter[str] = Counter()
        self.positions: dict[int, int] = {}
        self.has_line = False

    def teardown(self) -> None:
        """Finish torn lines, read what is left twice, and compare everything with the model."""
        try:
            self.append(b"")
            for _ in range(2):
                ingest(self.store, self.config, self.now())
            self.compare()
        finally:
            self.store.engine.dispose()
            shutil.rmtree(self.folder)
            shutil.rmtree(self.data)

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=1)

    def append(self, data: bytes, torn: int = 0) -> None:
        data = self.rest + data
        torn = min(torn, len(data) - 1) if data else 0
        self.rest = data[len(data) - torn :] if torn else b""
        with self.log.open("ab") as file:
            file.write(data[: len(data) - torn])
        self.unread = True

    # --- what writers and rotation do ------------------------------------------------------------------------------
    @rule(kinds=KINDS, torn=st.sampled_from([0, 0, 1, 20]))
    def write(self, kinds: list[str], torn: int) -> None:
        """Append lines of several kinds; the last may be torn."""
        data = b""
        for kind in kinds:
            self.written[kind] += 1
            if kind in {"good", "crlf"}:
                line = {
                    "vigie": 1,
                    "time": "2026-09-01T10:00:00Z",
                    "request_id": str(self.number),
                    "text": "taxi",
                    "topk": [["a", 0.5]],
                }
                self.number += 1
                data += json.dumps(line).encode() + (b"\r\n" if kind == "crlf" else b"\n")
            else:
                data += {"garbage": b'{"vigie": 1, "te\n', "blank": b" \n", "banner": BANNER}[kind]
            self.has_line |= kind in {"good", "crlf"}
        self.append(data, torn)

    @precondition(lambda self: self.has_line and not self.rest)
    @rule(starts_alike=st.booleans())
    def rename(self, starts_alike: bool) -> None:
        """Rotate by rename; the next file may begin with the same line."""
        self.turn += 1
        self.log.rename(self.log.with_name(f"a.log.{self.turn}"))
        self.begin(starts_alike)

    @precondition(lambda self: self.has_line and not self.rest)
    @rule(starts_alike=st.booleans())
    def copy_and_truncate(self, starts_alike: bool) -> None:
        """Rotate by copy and truncation, nothing being written between."""
        self.turn += 1
        shutil.copy2(self.log, self.log.with_name(f"a.log.{self.turn}"))
        os.truncate(self.log, 0)
        self.begin(starts_alike)

    def begin(self, starts_alike: bool) -> None:
        self.has_line = False
        if starts_alike:
            self.written["banner"] += 1
            self.append(BANNER)

    def rotated(self) -> list[Path]:
        return sorted(one for one in self.log.parent.glob("a.log.*") if one.suffix[1:].isdigit())

    @precondition(lambda self: self.rotated())
    @rule(kind=st.sampled_from(sorted(PACKERS)), keeps_plain=st.booleans())
    def compress(self, kind: str, keeps_plain: bool) -> None:
        """Compress the oldest rotated file; the plain one may stay beside it."""
        file = self.rotated()[0]
        file.with_name(f"{file.name}.{kind}").write_bytes(PACKERS[kind](file.read_bytes()))
        if not keeps_plain:
            file.unlink()

    @precondition(lambda self: self.rotated())
    @rule(is_link=st.booleans())
    def duplicate(self, is_link: bool) -> None:
        """Copy or link a rotated file under another name."""
        self.turn += 1
        file = self.rotated()[-1]
        (os.link if is_link else shutil.copy2)(file, file.with_name(f"a.log.again{self.turn}"))

    @precondition(lambda self: not self.unread and self.rotated())
    @rule()
    def remove(self) -> None:
        """Remove a rotated file that was read."""
        self.rotated()[0].unlink()

    # --- what readers do ---------------------------------------------------------------------------------------------
    @rule()
    def read(self) -> None:
        """Read everything; a second pass changes nothing."""
        ingest(self.store, self.config, self.now())
        self.unread = False
        before = self.totals()
        assert ingest(self.store, self.config, self.now()) == "api: 0 read, 0 duplicate, 0 rejected"
        assert self.totals() == before

    @rule(at=st.integers(1, 9))
    def crash(self, at: int) -> None:
        """Lose the store at the n-th transaction of a pass."""
        left = [at]

        def guard(_connection: Connection) -> None:
            left[0] -= 1
            if not left[0]:
                raise StoreError("gone")

        try:
            ingest(self.store.guarded(guard), self.config, self.now())
        except StoreError:
            pass
        else:
            self.unread = False

    @rule(turns=st.lists(st.booleans(), max_size=30))
    def two_readers(self, turns: list[bool]) -> None:
        """Let two readers work batch by batch in any order; the first may stop in the middle."""
        door = Door(self.config.models, {"ape": None}, "redacted", self.config.secret)
        source = self.config.sources["api"]
        both = [_source(Reader(self.store, self.config, source, door, self.now(), Pass())) for _ in range(2)]
        for is_second in turns:
            next(both[is_second], None)
        for one in both:
            one.close()

    # --- what must hold ----------------------------------------------------------------------------------------------
    def totals(self) -> tuple[object, ...]:
        with self.store.read() as connection:
            names = ("lines_read", "lines_rejected", "lines_blank", "lines_other", "accepted", "duplicate", "rejected")
            sums = connection.execute(select(*(func.coalesce(func.sum(read_range.c[one]), 0) for one in names))).one()
            return (*sums, connection.execute(select(func.count()).select_from(reject)).scalar_one())

    @invariant()
    def nothing_goes_back(self) -> None:
        """No position decreases, ranges tile each file, and no line is stored twice."""
        with self.store.read() as connection:
            places = dict(connection.execute(select(bookmark.c.id, bookmark.c.position)).tuples().all())
            twice = connection.execute(
                select(prediction.c.request_id).group_by(prediction.c.request_id).having(func.count() > 1)
            ).all()
        assert twice == []
        assert all(places[one] >= at for one, at in self.positions.items())
        self.positions = places
        assert contiguous(self.store)

    def compare(self) -> None:
        with self.store.read() as connection:
            there = set(connection.execute(select(prediction.c.request_id)).scalars())
            lost = connection.execute(select(data_loss.c.why)).all()
        good = self.written["good"] + self.written["crlf"]
        assert there == {str(number) for number in range(self.number)}
        assert lost == []
        assert self.totals() == (good, self.written["garbage"], self.written["blank"], self.written["banner"], good, 0, 0,
                                 self.written["garbage"])  # fmt: skip


@pytest.mark.timeout(max(300, EXAMPLES))
def test_histories() -> None:
    """Hundreds of histories, drawn by a fixed seed."""
    Files.empty = template()
    try:
        run_state_machine_as_test(Files, settings=settings(
            derandomize=True, deadline=None, max_examples=EXAMPLES, stateful_step_count=8,
            suppress_health_check=list(HealthCheck), database=None,
        ))  # fmt: skip
    finally:
        shutil.rmtree(Files.empty.parent)
