"""Say whether the table or the objects of a source can be read, and whether looking for what is new is cheap."""

from collections.abc import Sequence
from typing import Any

from jobs.doctor import Finding
from monitor.settings import Source
from monitor.sources import objects
from monitor.sources.highwater import look_back
from monitor.sources.rows import Unreadable
from monitor.sources.tables import opened


def of_table(source: Source, marks: Sequence[Any]) -> list[Finding]:
    """Look at a source's table as the next pass will; nothing for a source that is files."""
    if source.table is None:
        return []
    settings, name = source.table, f"{source.name}: table"
    try:
        with opened(source) as table:
            newest, nameless, is_indexed = table.newest(), table.nameless(), table.is_indexed()
            address = table.address
    except Unreadable as error:
        return [Finding(name, "bad", f"{settings.name} cannot be read: {error}",
                        f"correct sources.{source.name}.table, or give that user the right to read it")]  # fmt: skip
    read = sum(one.position for one in marks if one.path_last == address)
    found = [
        Finding(name, "ok", f"{settings.name} can be read, newest {settings.mark} {newest}; {read:,} rows were read")
    ]
    if newest is not None and settings.overlap_hours and look_back(newest, settings) is None:
        found.append(Finding(f"{source.name}: mark", "bad", f"{settings.mark} is neither a time nor a number: late rows cannot be looked for",
                             "set overlap_hours: 0 if rows are never committed out of order, or name another mark"))  # fmt: skip
    if nameless:
        found.append(Finding(f"{source.name}: rows", "warn", "there are rows without a mark or key: they are never read",
                             f"have the service fill {', '.join((settings.mark, *settings.key))}"))  # fmt: skip
    if not is_indexed:
        found.append(Finding(f"{source.name}: index", "warn", f"no index of {settings.name} begins with {settings.mark}: every pass reads the whole table",
                             f"have an index made on ({', '.join((settings.mark, *settings.key))}); of a view, on what is below it"))  # fmt: skip
    return found


def of_objects(source: Source, marks: Sequence[Any]) -> list[Finding]:
    """List a source's objects as the next pass will; nothing for a source that is none."""
    if not objects.is_remote(source):
        return []
    name = f"{source.name}: objects"
    try:
        seen = objects.scan(source)
    except Unreadable as error:
        return [
            Finding(
                name, "bad", str(error), "give the process the credentials its client looks for, or correct the URL"
            )
        ]
    if not seen:
        return [Finding(name, "bad", f"no object matches {source.files}", "correct the glob")]
    known = {(one.device, one.inode, one.packed_size) for one in marks if one.state in {"finished", "refused"}}
    waiting = [one for one in seen if (one.device, one.inode, one.size) not in known and one.size]
    told = f"{len(seen)} objects match"
    if not waiting:
        return [Finding(name, "ok", told)]
    return [Finding(name, "warn", f"{told}, {len(waiting)} were not read to their end, the oldest {waiting[0].path}",
                    "vigie once ingest tells what is in the way")]  # fmt: skip
