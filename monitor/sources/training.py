"""Read the texts a model was trained on, and keep what their words say of its labels at hand: ingestion begins every minute."""

import hashlib
import os
from pathlib import Path

import msgspec
import polars as pl

from monitor.errors import ConfigError
from monitor.prediction import normalised
from monitor.profiles.support import Support

FORM = b"1"  # of the kept file: raise it when `Support` changes


def support_of(file: Path, kept: Path) -> Support:
    """
    Return the support of answers that the CSV `file` (columns text, label) gives; `kept` is where it is kept between readings.

    What is kept is made anew when the file's size or time changed. Raises ConfigError for a file without these columns,
    or one that cannot be read.
    """
    try:
        about = file.stat()
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", where=str(file)) from None
    mark = hashlib.blake2b(
        b"|".join([FORM, str(file).encode(), str(about.st_size).encode(), str(about.st_mtime_ns).encode()]),
        digest_size=16,
    ).digest()
    try:
        before = kept.read_bytes()
        if before[:16] == mark:
            return Support.from_bytes(before[16:])
    except (OSError, msgspec.DecodeError, ValueError):
        pass  # not there yet, or torn: it is made anew
    fresh = _learned(file)
    kept.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    beside = kept.with_name(f"{kept.name}.{os.getpid()}")
    beside.write_bytes(mark + fresh.to_bytes())
    beside.replace(kept)
    return fresh


def _learned(file: Path) -> Support:
    try:
        rows = pl.read_csv(file, columns=["text", "label"], schema_overrides={"text": pl.String, "label": pl.String})
    except (OSError, pl.exceptions.PolarsError) as error:
        raise ConfigError(
            f"is no CSV with the columns text and label: {str(error).splitlines()[0]}", where=str(file)
        ) from None
    bare = rows.select(normalised(pl.col("text"))).to_series()
    return Support.of(bare, rows["label"].str.strip_chars())
