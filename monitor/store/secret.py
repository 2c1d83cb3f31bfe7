"""Refuse another secret than the one this database was filled with: every file would look new."""

import hmac

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from monitor.errors import ConfigError
from monitor.store.tables import setting

NAME = "secret_check"


def check(connection: Connection, secret: bytes, where: str) -> None:
    """Remember a value that only this secret gives; raises ConfigError when the database remembers another."""
    value = hmac.digest(secret, b"check", "sha256").hex()
    make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    connection.execute(make(setting).values(name=NAME, value=value).on_conflict_do_nothing())
    known = connection.execute(select(setting.c.value).where(setting.c.name == NAME)).scalar_one()
    if not hmac.compare_digest(known, value):
        raise ConfigError(
            "is not the secret this database was filled with", where, "bring the old one back from your copy"
        )
