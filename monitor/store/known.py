"""Remember which rows of a table were read, as far back as it is looked at again."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from monitor.store.tables import row_known

AT_ONCE = 400


@dataclass(frozen=True)
class Known:
    """Stand for a row that was read: keyed digests of its key and of all its values, and the place of its mark."""

    key_digest: bytes
    row_digest: bytes
    place: float


def recognised(connection: Connection, bookmark: int, keys: Sequence[bytes]) -> dict[bytes, bytes]:
    """Return the digest of the values that were read, by the digest of the key, of those rows that are remembered."""
    found: dict[bytes, bytes] = {}
    for at in range(0, len(keys), AT_ONCE):
        query = select(row_known.c.key_digest, row_known.c.row_digest).where(
            row_known.c.bookmark == bookmark, row_known.c.key_digest.in_(keys[at : at + AT_ONCE])
        )
        found |= {bytes(key): bytes(row) for key, row in connection.execute(query)}
    return found


def remember(connection: Connection, bookmark: int, rows: Sequence[Known], behind: float) -> None:
    """Remember rows, a key once with its newest values, and forget those whose mark lies before `behind`."""
    connection.execute(delete(row_known).where(row_known.c.bookmark == bookmark, row_known.c.place < behind))
    newest = {one.key_digest: one for one in rows if one.place >= behind}
    if not newest:
        return
    make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    insert = make(row_known)
    connection.execute(
        insert.on_conflict_do_update(
            index_elements=["bookmark", "key_digest"],
            set_={"row_digest": insert.excluded.row_digest, "place": insert.excluded.place},
        ),
        [{"bookmark": bookmark, "key_digest": one.key_digest, "row_digest": one.row_digest, "place": one.place}
         for one in newest.values()],
    )  # fmt: skip
