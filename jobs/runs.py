"""The service will read each Parquet or CSV file of a folder exactly once: one batch scoring run."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from jobs.reading import MIB, Reader, mark_of, refused_alone, untouched_us
from jobs.tables import by_halves
from monitor.batch import Reject
from monitor.engines import local
from monitor.settings import Source
from monitor.sources.archives import Content
from monitor.sources.files import Seen, instance_of
from monitor.sources.identity import Mark
from monitor.sources.lines import Reading
from monitor.sources.objects import Object
from monitor.sources.rows import Line, Unreadable, batch_of_rows, line_of
from monitor.sources.runs import (
    RUN_TIME,
    Asked,
    Damaged,
    Entry,
    check,
    content_digest,
    is_parquet,
    is_whole,
    pieces,
    time_of_run,
)
from monitor.store import arrivals
from monitor.window import microseconds

DONE = ("finished", "refused")


def run(reader: Reader, seen: Seen, read: set[int]) -> Iterator[None]:
    """
    Read a file to its end once it is whole, giving way after every batch; `read` collects the bookmarks met in this pass.

    Its identity is all of its content: a file that changes is another run, a copy in the same folder is none.
    """
    with reader.opened(seen) as found:
        if found is None or reader.is_known(seen, read):
            return
        if not _is_ready(reader, found):
            reader.done.waiting += 1
            return
        try:
            told = time_of_run(reader.source, seen.path, seen.modified_us)
            check(found, reader.source, int(reader.config.ingest.line_mib * MIB))
            mark = _identified(reader, seen, found, read)
            if mark is not None:
                yield from _Run(reader, seen, found, told, mark).rows()
        except Unreadable as error:
            reader.done.refuse(seen, str(error))


def _is_ready(reader: Reader, found: Content) -> bool:
    """Say whether nobody is writing this file any more: a Parquet file has its end, another was left alone for a while."""
    is_old = untouched_us(found, reader.now) > reader.config.ingest.finish_minutes * 60e6
    return bool(found.read(0, 1)) and (is_old or (is_parquet(found) and is_whole(found)))


def _identified(reader: Reader, seen: Seen, found: Content, read: set[int]) -> Mark | None:
    """Return the bookmark of this content; None where it was read before, or is being read under another name."""
    key = content_digest(found, reader.config.secret)
    if found.bomb:
        raise Unreadable(found.bomb)
    if _moved(found, seen):
        reader.done.waiting += 1
        return None
    source = reader.source
    hints = {"path_last": seen.path, "device": seen.device, "inode": seen.inode, "modified_us": seen.modified_us}
    instance = instance_of(source, seen.path)
    fresh = {"source": source.name, "instance": instance, "first_digest": key, **hints}
    with reader.store.write() as connection:
        arrivals.alone(connection, source.name)
        known = arrivals.marks(connection, source.name, instance, key)
        mine = next((one for one in known if one.state not in DONE), None)
        if mine is None and known:  # another name of a run that was read: remembered, so that it is not compared again
            row = arrivals.register(connection, {**fresh, "state": "finished", "packed_size": seen.size})
            read.add(row.id)
            return None
        if mine is None:
            mine = arrivals.register(connection, {**fresh, "size_seen": seen.size})
        elif mine.id in read:
            return None
        elif any(getattr(mine, name) != value for name, value in hints.items()):
            arrivals.note(connection, mine.id, **hints)
    read.add(mine.id)
    return mark_of(mine)


def _moved(found: Content, seen: Seen) -> bool:
    """Say whether the open file is not what was listed: somebody writes it."""
    if isinstance(found.raw, Object):
        return found.raw.is_replaced()
    about = found.raw.about()
    return (about.size, about.modified_us, about.inode) != (seen.size, seen.modified_us, seen.inode)


@dataclass
class _Run:
    """Hold one run that is read."""

    reader: Reader
    seen: Seen
    found: Content
    told: tuple[str, str] | None  # the run's time, and whose word it is
    mark: Mark

    def rows(self) -> Iterator[None]:
        ingest = self.reader.config.ingest
        latest_us = microseconds(self.reader.now + timedelta(minutes=ingest.future_minutes))
        mark, source = self.mark, self.reader.source
        key = b"|".join((source.name.encode(), mark.instance.encode(), mark.first_digest, b"0"))
        as_lines = _as_lines(source, is_told=self.told is not None)
        reading = Reading(as_lines, key, mark.id, latest_us, int(ingest.line_mib * MIB))
        at = mark.position

        def save(some: Sequence[Line], why: str | None) -> bool:
            nonlocal at
            basis = "table" if self.told is None else self.told[1]
            batch = batch_of_rows(some, at, reading, self.reader.door, basis=basis)
            batch = batch if why is None else refused_alone(batch, why)
            parts = local.profiles(batch.predictions) if self.reader.config.privacy.store == "none" else None
            with self.reader.store.write() as connection:
                saved = arrivals.save(connection, batch, mark.id, {}, microseconds(self.reader.now), parts=parts)
            if saved.moved:
                self.reader.done.count(batch, saved)
                at = batch.end
            return saved.moved

        damage = self.found.damage
        try:
            for entries in pieces(self.found, Asked(source, at, reading.line_bytes)):
                if _moved(self.found, self.seen):
                    return  # what was read may be of two runs; the next pass looks at it anew
                lines = [self._line(one, at + number) for number, one in enumerate(entries)]
                if not (yield from by_halves(lines, save)):
                    return
        except Damaged as error:
            damage = str(error)
        rest = Reject(at, 0, "archive_damaged", damage) if damage else None
        self.reader.close(self.mark, self.found, rest, state="refused" if damage else "finished")

    def _line(self, one: Entry, number: int) -> Line:
        key = str(number).encode()
        if one.why:
            return Line(json.dumps([one.why]).encode(), key, one.why)
        return line_of(one.values if self.told is None else {**one.values, RUN_TIME: self.told[0]}, key)


def _as_lines(source: Source, *, is_told: bool) -> Source:
    """Return the source as its rows are read: JSON in UTF-8, with the run's time where no column tells it."""
    more = {"time": f'"{RUN_TIME}"'} if is_told else {}
    return source.model_copy(update={"map": {**source.map, **more}, "format": "json_lines", "encoding": "utf-8"})
