"""Bring the database to the tables this code knows, or say that it is not there."""

from pathlib import Path
from typing import Final

from sqlalchemy import Connection, inspect, text

from monitor.errors import StoreError
from monitor.store.store import Store

HEAD: Final = "0015"
_REMEDY: Final = "vigie db upgrade"


def upgrade(store: Store) -> str:
    """
    Run the missing migration steps in one transaction, under the writer lock; doing it again changes nothing.

    Returns the version reached. Raises StoreError when the database is newer than this code, or so old that no step
    leads on from it.
    """
    with store.write() as connection:
        if store.dialect == "postgresql":
            connection.execute(text("select pg_advisory_xact_lock(7316591)"))  # one upgrader at a time
        if version(connection) not in {None, HEAD}:
            _refuse_foreign(connection)
        if version(connection) != HEAD:
            _run(connection)
    return HEAD


def version(connection: Connection) -> str | None:
    """Return the version of the database's tables; None when it has none yet."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.execute(text("select version_num from alembic_version")).scalar()
    return None if found is None else str(found)


def require(store: Store) -> None:
    """Raise StoreError unless the database has exactly the tables this code knows."""
    with store.read() as connection:
        found = version(connection)
    if found != HEAD:
        raise StoreError(f"tables are at {found or 'nothing'}, this code needs {HEAD}", store.place, _REMEDY)


def _refuse_foreign(connection: Connection) -> None:
    found = version(connection)
    if found is not None and found > HEAD:
        raise StoreError(f"tables are at {found}, newer than this code ({HEAD})", remedy="install the newer Vigie")
    if not inspect(connection).has_table("context"):
        raise StoreError(
            "these tables are older than the first version that can be brought forward",
            remedy="move the database away and run vigie db upgrade: the logs that are still there are read anew",
        )


def _run(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    settings = Config()
    settings.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    settings.attributes["connection"] = connection
    command.upgrade(settings, "head")
