"""Say which files and objects of a source were read to their end."""

from sqlalchemy import Connection, select

from monitor.store.tables import bookmark

Hints = tuple[int, int, int, int]


def finished(connection: Connection, name: str) -> dict[Hints, int]:
    """Return the bookmarks of what was read as far as it can be, by device, inode, size in bytes and time of change."""
    query = select(
        bookmark.c.device, bookmark.c.inode, bookmark.c.packed_size, bookmark.c.modified_us, bookmark.c.id
    ).where(
        bookmark.c.source == name, bookmark.c.state.in_(("finished", "refused")), bookmark.c.packed_size.is_not(None)
    )
    return {(device, inode, size, modified): one for device, inode, size, modified, one in connection.execute(query)}
