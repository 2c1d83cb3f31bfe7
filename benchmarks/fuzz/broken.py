"""Read files that are broken or hostile as a whole; run as a module it prints what one process found of one file."""

import gzip
import json
import os
import random
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from backports import zstd
from sqlalchemy import func, select

from benchmarks.fuzz.seeds import TARGETS
from benchmarks.fuzz.storing import NOW
from jobs.ingest import ingest
from monitor.config import load
from monitor.sources.archives import Limits, content
from monitor.store import schema
from monitor.store.store import Store
from monitor.store.tables import prediction, reject

MIB = 1024 * 1024
SLOW_S = 1.0
LINE = TARGETS[0].lines[0] + b"\n"
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress,
    "zst": lambda data: zstd.compress(
        data, options={zstd.CompressionParameter.checksum_flag: 1}
    ),  # as its program does
}
INGESTED_CUTS = 40


def zeros_gz(mib: int) -> Iterator[bytes]:
    """Yield a gz that opens to nothing but zeros."""
    packer = zlib.compressobj(wbits=31)
    for _ in range(mib):
        yield packer.compress(bytes(MIB))
    yield packer.flush()


def zeros_zst(mib: int) -> Iterator[bytes]:
    """Yield the same as zst."""
    packer = zstd.ZstdCompressor()
    for _ in range(mib):
        yield packer.compress(bytes(MIB))
    yield packer.flush()


def nested_gz(mib: int) -> Iterator[bytes]:
    """Yield a gz of a gz of zeros: one layer only is opened."""
    yield gzip.compress(b"".join(zeros_gz(mib)))


def letters_gz(mib: int) -> Iterator[bytes]:
    """Yield a gz that opens to one line of one letter."""
    packer = zlib.compressobj(wbits=31)
    for _ in range(mib):
        yield packer.compress(b"x" * MIB)
    yield packer.compress(b"\n") + packer.flush()


def long_line(mib: int) -> Iterator[bytes]:
    """Yield a good line, one line without an end in sight, and a good line."""
    yield LINE
    for _ in range(mib):
        yield b"x" * MIB
    yield b"\n" + LINE


FILES: dict[str, tuple[Callable[[int], Iterator[bytes]], int, str | None]] = {
    # what is written; the good lines around it; the reason that tells what became of the rest
    "nothing": (lambda _: iter([LINE]), 1, None),
    "bomb_gz": (zeros_gz, 0, "archive_bomb"),
    "bomb_zst": (zeros_zst, 0, "archive_bomb"),
    "bomb_line_gz": (letters_gz, 0, "archive_bomb"),
    "nested_gz": (nested_gz, 0, "invalid_encoding"),
    "long_line": (long_line, 2, "line_too_long"),
    "hole": (lambda _: iter([LINE]), 2, "nul_hole"),  # a sparse file: what follows is written behind the hole
}


def run(name: str, folder: Path, mib: int) -> dict[str, Any]:
    """Write one file, ingest it, and tell what it gave."""
    written, good, reason = FILES[name]
    place = folder / "logs" / "a.log"
    place.parent.mkdir(parents=True)
    with place.open("wb") as file:
        for part in written(mib):
            file.write(part)
        if name == "hole":
            file.seek(mib * MIB, os.SEEK_CUR)
            file.write(LINE.replace(b"0f8c", b"0f8d"))
    accepted, reasons, took = _ingested(folder)
    expected = 1 if name == "long_line" else good  # the same line twice is one prediction and a duplicate
    faults = [] if accepted == expected else [f"{accepted} rows, not {expected}"]
    if reason is not None and reason not in reasons:
        faults.append(f"no reject {reason} among {sorted(reasons)}")
    return {"faults": faults, "seconds": round(took, 2), "reasons": sorted(reasons)}


def _ingested(folder: Path) -> tuple[int, set[str], float]:
    """Ingest every file below the folder's logs as finished ones; returns rows, reasons and seconds."""
    then = (NOW - timedelta(days=1)).timestamp()
    for file in (folder / "logs").rglob("*.log*"):
        os.utime(file, (then, then))
    source = {"files": "logs/**/*.log*", "format": "vigie_line", "model": "ape", "identity": "by_request_id"}
    settings = {"data_dir": "data", "models": {"ape": {}}, "sources": {"api": source}}
    path = folder / "config.yaml"
    path.write_text(json.dumps(settings), encoding="utf-8")
    config = load(path)
    store = Store.open(config.database)
    schema.upgrade(store)
    began = time.perf_counter()
    for _ in range(2):
        ingest(store, config, NOW)
    took = time.perf_counter() - began
    with store.read() as connection:
        rows = connection.execute(select(func.count()).select_from(prediction)).scalar_one()
        reasons = set(connection.execute(select(reject.c.reason)).scalars())
    store.engine.dispose()
    return int(rows), reasons, took


def damaged(folder: Path, cuts: int, seed: int) -> dict[str, Any]:
    """Cut archives at many places and flip bits in them: what comes out is the log's beginning, or the damage is told."""
    draw, faults, slowest = random.Random(seed), [], 0.0
    lines = [LINE.replace(b"0f8c", b"%06x" % draw.getrandbits(24)) for _ in range(300)]
    whole = b"".join(lines)
    spoiled = folder / "spoiled"
    for kind, pack in PACKERS.items():
        packed = pack(whole)
        for number in range(cuts):
            began = time.perf_counter()
            at = draw.randrange(7, len(packed))
            is_cut = number % 2 == 0
            spoiled.write_bytes(packed[:at] if is_cut else packed[:at] + bytes([packed[at] ^ 1 << draw.randrange(8)]) + packed[at + 1 :])  # fmt: skip
            fault = _opened(spoiled, whole, is_cut=is_cut)
            slowest = max(slowest, time.perf_counter() - began)
            if fault:
                faults.append(f"{kind}, {'cut' if is_cut else 'flipped'} at {at}: {fault}")
    return {
        "faults": [*faults[:20], *_stored(folder, whole, draw)],
        "damaged": cuts * len(PACKERS),
        "slowest_s": slowest,
    }


def _opened(file: Path, whole: bytes, *, is_cut: bool) -> str:
    descriptor = os.open(file, os.O_RDONLY)
    try:
        found = content(descriptor, Limits(1024 * MIB, 500))
        given = found.read(0, len(whole) + MIB)
    except Exception as error:  # any exception at all is what is looked for
        return f"{type(error).__name__}: {error}"
    finally:
        os.close(descriptor)
    if is_cut and not (whole.startswith(given) and found.damage):
        return "not the log's beginning, or no damage told"
    return "" if found.damage or given == whole else "other bytes, and no damage told"


def _stored(folder: Path, whole: bytes, draw: random.Random) -> Iterator[str]:
    """Ingest some cut archives, each from a folder of its own: all whole lines arrive, and each is told."""
    packed = gzip.compress(whole)
    expected: set[bytes] = set()
    for number in range(INGESTED_CUTS):
        at = draw.randrange(100, len(packed) - 1)
        place = folder / "logs" / f"pod-{number}" / "a.log.gz"
        place.parent.mkdir(parents=True)
        place.write_bytes(packed[:at])
        begin = zlib.decompressobj(wbits=31).decompress(packed[:at])
        expected |= set(begin[: begin.rfind(b"\n") + 1].splitlines())
    rows, reasons, _ = _ingested(folder)
    if rows != len(expected) or not reasons <= {"archive_damaged"}:
        yield f"cut archives gave {rows} rows and {sorted(reasons)}, not {len(expected)}"


if __name__ == "__main__":
    given = sys.argv[1:]
    report = damaged(Path(given[1]), int(given[2]), 1) if given[0] == "damaged" else run(given[0], Path(given[1]), int(given[2]))  # fmt: skip
    print(json.dumps(report))
