"""Lay messages down as files, for networks where nothing may be sent, and for those that could not leave."""

import os
from datetime import datetime
from pathlib import Path


def name_of(message_id: str) -> str:
    """
    Return the name of a message's file, without its ending.

    >>> name_of("<0123abcd@vigie>")
    '0123abcd'
    """
    return message_id.strip("<>").partition("@")[0]


def lay(data: bytes, folder: Path, name: str, when: datetime) -> Path:
    """
    Write YYYY/MM/name under `folder`: whole or not at all, and the same name once if `when` is the same month.

    Raises OSError when the folder cannot be written.
    """
    target = folder / f"{when:%Y/%m}" / name
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = target.with_name(f"{name}.part")
    with fresh.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(target)
    within = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(within)
    finally:
        os.close(within)
    return target
