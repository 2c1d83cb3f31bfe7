"""Say whether disk, files, database library and clock are what the store needs."""

import os
import shutil
import sqlite3
import stat
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from jobs.doctor import Finding
from jobs.space import existing
from monitor.config import Config
from monitor.store import arrivals
from monitor.store.store import Store
from monitor.window import microseconds, moment

SAFE_SQLITE = (3, 51, 3)
WAL_MIB, MIB = 256, 1024 * 1024
LEAST_FREE, LITTLE_FREE = 0.05, 0.10
NETWORK = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "fuse.sshfs", "9p", "glusterfs", "fuse.glusterfs", "ceph", "lustre",
           "afs", "davfs"}  # fmt: skip


def of_machine(config: Config, mounts: str, free: Callable[[Path], tuple[int, int]]) -> list[Finding]:
    """Judge disk, file modes and database library; `mounts` is the system's table, `free` gives total and free bytes."""
    found = [_disk(config.data_dir, *free(existing(config.data_dir))), *_modes(config)]
    if config.database.startswith("sqlite"):
        found += [_library(sqlite3.sqlite_version_info), *_wal(config), *_network(config, mounts)]
    return found


def of_clock(store: Store, now: datetime) -> list[Finding]:
    """Tell a clock that was set back: what we wrote ourselves then lies ahead of it."""
    with store.read() as connection:
        newest = max((one["read_us"] or 0 for one in arrivals.feed(connection)), default=0)
    if newest <= microseconds(now) + 60_000_000:
        return [Finding("clock", "ok", f"{now:%Y-%m-%d %H:%M} UTC, and nothing stored was written later")]
    means = f"it is {now:%Y-%m-%d %H:%M} UTC here, but a pass was noted at {moment(newest):%Y-%m-%d %H:%M}: the clock was set back, or was ahead then"
    return [Finding("clock", "bad", means, "let the system keep time (chrony, systemd-timesyncd), then vigie once")]


def usage(folder: Path) -> tuple[int, int]:
    """Return total and free bytes of the disk below a folder."""
    about = shutil.disk_usage(folder)
    return about.total, about.free


def mount_table() -> str:
    """Return the system's table of mounts; nothing where there is none."""
    table = Path("/proc/mounts")
    return table.read_text(encoding="utf-8", errors="replace") if table.exists() else ""


def file_system(folder: Path, mounts: str) -> str:
    """
    Name the kind of file system a folder lies on, by the longest mount above it.

    >>> file_system(Path("/srv/vigie"), "disk / ext4 rw 0 0\\nnas:/v /srv nfs4 rw 0 0\\n")
    'nfs4'
    """
    best, kind = "", ""
    for line in mounts.splitlines():
        parts = line.split()
        if len(parts) >= 3 and len(parts[1]) >= len(best) and folder.is_relative_to(parts[1]):
            best, kind = parts[1], parts[2]
    return kind


def _disk(folder: Path, total: int, free: int) -> Finding:
    share = free / total if total else 0.0
    state = "bad" if share < LEAST_FREE else "warn" if share < LITTLE_FREE else "ok"
    means = f"{share:.0%} free below {folder} ({free / 1024**3:,.1f} GiB)"
    do = (
        ""
        if state == "ok"
        else "free space, or move data_dir; a full disk stops the reading (nothing is lost while the logs stay)"
    )
    return Finding("disk", state, means, do)  # type: ignore[arg-type]


def _modes(config: Config) -> list[Finding]:
    database = Path(config.database.removeprefix("sqlite:///"))
    private = [config.privacy.secret_file or config.data_dir / "secret", database, config.dashboard.passwords]
    open_ = [one for one in private if one is not None and one.is_file() and one.stat().st_mode & 0o077]
    found = [
        Finding(f"mode of {one.name}", "bad", f"others may read {one}", f"chmod 600 {one}") for one in open_
    ]  # fmt: skip
    if config.path.exists() and config.path.stat().st_mode & stat.S_IWOTH:
        found.append(Finding("mode of config.yaml", "bad", "everybody may change the settings, commands included", f"chmod o-w {config.path}"))  # fmt: skip
    return found or [Finding("file modes", "ok", "secret, database and accounts are closed to others")]


def _library(version: tuple[int, ...]) -> Finding:
    told = ".".join(map(str, version))
    if version >= SAFE_SQLITE:
        return Finding("SQLite", "ok", f"version {told}")
    means = f"version {told}: before {'.'.join(map(str, SAFE_SQLITE))} two processes that end a write-ahead log at one moment can, rarely, damage the file"
    return Finding("SQLite", "warn", means, "update the system's SQLite or Python; keep backups until then")


def _wal(config: Config) -> list[Finding]:
    wal = Path(config.database.removeprefix("sqlite:///") + "-wal")
    size = os.path.getsize(wal) / MIB if wal.exists() else 0.0
    if size <= WAL_MIB:
        return [Finding("write-ahead log", "ok", f"{size:,.0f} MiB")]
    means = f"{size:,.0f} MiB wait beside the database: a reader has been open all the time"
    return [Finding("write-ahead log", "warn", means, "restart the dashboard and whatever else reads the file, then vigie once")]  # fmt: skip


def _network(config: Config, mounts: str) -> list[Finding]:
    kind = file_system(existing(config.data_dir).resolve(), mounts)
    if kind not in NETWORK:
        return [Finding("file system", "ok" if kind else "unknown", f"{config.data_dir} lies on {kind or 'an unknown kind'}")]  # fmt: skip
    means = f"{config.data_dir} lies on {kind}: SQLite's locks do not hold there, rows can be lost"
    return [Finding("file system", "bad", means, "move data_dir to a local disk, or name a PostgreSQL under database")]
