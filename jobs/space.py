"""The service will see how much room is left on the disk under `data_dir`."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from monitor.config import Config
from monitor.hysteresis import Reading

GIB = 1024**3
LOW, ENOUGH, FULL = 0.10, 0.15, 0.05  # of the disk that is free
LOW_BYTES = 5 * GIB
Usage = Callable[[Path], Any]  # like shutil.disk_usage: total, used and free bytes


@dataclass(frozen=True)
class Space:
    """Hold what is free on a disk: its share, 0 to 1, and bytes."""

    share: float
    free: int

    @property
    def gib(self) -> float:
        """Return what is free in GiB."""
        return self.free / GIB

    @property
    def reading(self) -> Reading:
        """
        Read it as an alert: bad below a tenth or 5 GiB, good from both 15 % and 5 GiB on.

        >>> [Space(share, gib * GIB).reading for share, gib in ((0.09, 90), (0.4, 4), (0.12, 12), (0.15, 15))]
        ['bad', 'bad', 'between', 'good']
        """
        if self.share < LOW or self.free < LOW_BYTES:
            return "bad"
        return "good" if self.share >= ENOUGH else "between"

    @property
    def is_full(self) -> bool:
        """Say whether so little is left (below 5 %) that nothing more is read into it."""
        return self.share < FULL


def space(config: Config, usage: Usage) -> Space:
    """Measure the disk under `data_dir`, also before there is such a folder; raises OSError where it cannot be measured."""
    found = usage(existing(config.data_dir))
    return Space(found.free / found.total, found.free)


def existing(folder: Path) -> Path:
    """Return a folder, or the nearest one above it that is there."""
    return folder if folder.exists() or folder == folder.parent else existing(folder.parent)
