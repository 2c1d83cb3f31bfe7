"""Lay a mail down as a file, for networks where nothing may be sent."""

import os
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path


def drop(mail: EmailMessage, folder: Path, name: str, now: datetime) -> Path:
    """Write YYYY/MM/name.eml under `folder`: whole or not at all, and the same name once."""
    target = folder / f"{now:%Y/%m}" / f"{name}.eml"
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = target.with_suffix(".part")
    with fresh.open("wb") as file:
        file.write(mail.as_bytes(policy=SMTP))
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(target)
    return target
