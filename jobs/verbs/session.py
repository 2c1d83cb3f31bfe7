"""Open config and store for a verb, and print what it found."""

from __future__ import annotations

import json
import logging
import os
import pwd
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from monitor.config import Config
    from monitor.store.store import Store

CONFIG_VARIABLE = "VIGIE_CONFIG"


@dataclass(frozen=True)
class Session:
    """Hold where config.yaml is; open things only when a verb asks for them."""

    path: Path

    def config(self) -> Config:
        """Read config.yaml."""
        from monitor.config import load

        return load(self.path)

    def store(self, config: Config, read_only: bool = False) -> Store:
        """Open the database and refuse one whose tables are not today's."""
        from monitor.store import schema
        from monitor.store.store import Store

        store = Store.open(config.database, read_only)
        schema.require(store)
        return store

    def both(self, read_only: bool = False) -> tuple[Config, Store]:
        """Read config.yaml and open its database."""
        config = self.config()
        return config, self.store(config, read_only)

    def upgraded(self) -> tuple[Config, Store]:
        """Read config.yaml, open its database and bring it to today's tables: for the service and its jobs."""
        from monitor.store import schema
        from monitor.store.store import Store

        config = self.config()
        store = Store.open(config.database)
        schema.upgrade(store)
        return config, store


def session(context: typer.Context) -> Session:
    """Return the session of this call: `--config`, else `$VIGIE_CONFIG`, else ./config.yaml."""
    found: Session = context.obj
    return found


def now() -> datetime:
    """Read the clock."""
    return datetime.now(UTC)


def shell_identity() -> str:
    """Name who types, as `people` in config.yaml knows them."""
    return f"os:{pwd.getpwuid(os.getuid()).pw_name}"


def show(value: Any, as_json: bool, lines: list[str], following: str = "") -> None:
    """Print `value` as JSON, or `lines` and the next useful command."""
    if as_json:
        typer.echo(json.dumps(value, ensure_ascii=False, default=str))
        return
    for line in lines:
        typer.echo(printable(line))
    if following:
        typer.echo(f"Next: {following}")


def printable(text: str) -> str:
    r"""
    Show control and direction-changing characters as escapes: logged text must not drive a terminal.

    >>> printable("a\x1b[2Jb\u202ec")
    'a\\x1b[2Jb\\u202ec'
    """
    return "".join(c if c.isprintable() or c in "\n\t" else c.encode("unicode_escape").decode() for c in text)


def log_to_stderr(level: int = logging.INFO) -> None:
    """Send our own log to stderr, one line a record."""
    logging.basicConfig(stream=sys.stderr, level=level, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    for library in ("apscheduler", "alembic"):
        logging.getLogger(library).setLevel(logging.WARNING)
