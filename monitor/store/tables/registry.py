"""Keep the one registry all tables are drawn in."""

from sqlalchemy import BigInteger, Column, Integer, MetaData

metadata = MetaData()


def key(name: str = "id") -> Column[int]:
    """Return a column of whole numbers counted up by the database: the rowid in SQLite, an identity in PostgreSQL."""
    return Column(name, BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True)
