"""The service will forget what a person asked to be forgotten, and keep it away."""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import polars as pl

from monitor.config import Config
from monitor.prediction import text_hashes
from monitor.redaction import redacted
from monitor.sources.door import Door
from monitor.sources.halves import digest_of
from monitor.sources.record import Half
from monitor.store import erasure
from monitor.store.store import Store
from monitor.window import microseconds

LOG = "erasures.log"


@dataclass
class Erased:
    """Tell what was deleted, and where the lines still lie that are not ours to change."""

    predictions: int = 0
    rows: dict[str, int] = field(default_factory=dict)
    reports: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)  # log files that still hold the lines


def erase(store: Store, config: Config, now: datetime, *, request_ids: Sequence[str] = (), texts: Sequence[str] = (),
          model: str | None = None, is_rehearsal: bool = False) -> Erased:  # fmt: skip
    """
    Delete the predictions of these calls and texts from every table, report and log of the database.

    What is to go is written down first, as keyed digests, so that a store restored from a backup forgets it again.
    """
    replay(store, config, now)
    with store.read() as connection:
        found = erasure.by_request(connection, model, list(request_ids))
        found += _by_text(erasure.by_text_hash(connection, model, text_hashes(pl.Series(texts, dtype=pl.String), config.secret).to_list()),
                          texts, config)  # fmt: skip
    told = Erased(len(found), files=sorted({one.path for one in found if one.path}))
    if is_rehearsal:
        return told
    uids = sorted({one.uid for one in found})
    log = config.data_dir / LOG
    count = _write_down(log, {"at": now.isoformat(), "uids": [uid.hex() for uid in uids]})
    now_us = microseconds(now)
    with store.write() as connection:
        told.rows = erasure.erase(connection, found, uids, now_us)
        for source in config.sources.values():
            door = Door(config.models, {}, config.privacy.store, config.secret)
            calls = [digest_of(Half(one, "input", []), source, door) for one in request_ids]
            told.rows["half"] += erasure.forget_halves(connection, source.name, calls)
        erasure.note_applied(connection, count)
    told.reports = _scrub_reports(config, [*texts, *(one.text for one in found if one.text)])
    store.scrub(erasure.TOUCHED)
    return told


def replay(store: Store, config: Config, now: datetime) -> int:
    """Apply the erasures that this store does not know, because it is older than they are; returns how many."""
    log = config.data_dir / LOG
    if not log.exists():
        return 0
    entries = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines() if line.endswith("}")]
    with store.read() as connection:
        known = erasure.applied(connection)
    if known >= len(entries):
        return 0
    uids = sorted({bytes.fromhex(uid) for entry in entries[known:] for uid in entry["uids"]})
    with store.write() as connection:
        erasure.erase(connection, erasure.by_uid(connection, uids), uids, microseconds(now))
        erasure.note_applied(connection, len(entries))
    store.scrub(erasure.TOUCHED)
    return len(entries) - known


def _by_text(found: list[erasure.Found], texts: Sequence[str], config: Config) -> list[erasure.Found]:
    """Keep the predictions whose stored text is one of the given; where no text is kept, all whose normalised text is."""
    stored = set(redacted(pl.Series(texts, dtype=pl.String), config.privacy.patterns).to_list())
    return [one for one in found if one.text is None or one.text in stored]


def _write_down(log: Path, entry: dict[str, object]) -> int:
    """Append an entry and wait until it is on the disk; returns how many there are."""
    log.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(log, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        os.fchmod(descriptor, 0o600)
        size = os.fstat(descriptor).st_size
        half = size and os.pread(descriptor, 1, size - 1) != b"\n"
        os.write(descriptor, (b"\n" if half else b"") + json.dumps(entry).encode() + b"\n")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return sum(line.endswith("}") for line in log.read_text(encoding="utf-8").splitlines())


def _scrub_reports(config: Config, texts: Sequence[str]) -> list[str]:
    """Delete report files that quote one of the texts; returns their names."""
    forms = {form for text in texts if text for form in _forms(text)}
    gone = []
    for file in sorted((config.data_dir / "reports").rglob("*")):
        if file.is_file() and any(form in file.read_bytes() for form in forms):
            file.unlink()
            gone.append(file.name)
    return gone


def _forms(text: str) -> set[bytes]:
    """Return the bytes a text may stand as: plain, in JSON, in HTML."""
    import html

    plain = {
        text,
        json.dumps(text)[1:-1],
        json.dumps(text, ensure_ascii=False)[1:-1],
        html.escape(text),
        html.escape(text, quote=False),
    }
    return {one.encode() for one in plain}
