"""The service will read new rows of a table exactly once, and late ones behind them."""

import math
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from jobs.reading import MIB, Reader, refused_alone
from monitor.batch import Batch, Reject
from monitor.engines import local
from monitor.errors import DataRefused
from monitor.settings import Source, Table
from monitor.sources import highwater
from monitor.sources.identity import digest
from monitor.sources.lines import Reading
from monitor.sources.rows import Line, Unreadable, batch_of_rows, line_of
from monitor.sources.tables import Opened, Place, Row, opened
from monitor.store import arrivals
from monitor.store.known import Known, recognised, remember
from monitor.window import microseconds


@dataclass(frozen=True)
class _At:
    """Hold how far a table was read: rows committed, the place of the highest, and from where on each row is remembered."""

    id: int
    position: int
    place: Place | None
    floor: float = -math.inf


@dataclass(frozen=True)
class _Met:
    """Hold a row as it is read, as it is remembered, and whether another row of this key was read before."""

    row: Row
    line: Line
    known: Known
    changed: bool = False


def rows(reader: Reader) -> Generator[None, None, bool]:
    """
    Read the source's table to its end, giving way after each batch; returns whether it could be looked at.

    First what lies within the overlap behind the highest mark, of which only rows that were not there before are
    taken, or whose values changed; then what is new.
    """
    try:
        with opened(reader.source) as table:
            yield from _Pass(reader, table, _as_lines(reader.source)).run()
    except Unreadable as error:
        reader.done.unreadable.append(f"{_settings(reader.source).name} ({error})")
        return False
    return True


def by_halves(some: Sequence[Any], save: Callable[[Sequence[Any], str | None], bool]) -> Generator[None, None, bool]:
    """
    Commit rows in their order, giving way after each transaction; False when another runner was first.

    Where the database refuses what some hold they are saved by halves, and the one it refuses with its reason.
    """
    most = len(some)
    while some:
        part = some[:most]
        try:
            moved = save(part, None)
        except DataRefused as error:
            if len(part) > 1:
                most = len(part) // 2
                continue
            moved = save(part, str(error.what))
        if not moved:
            return False
        some, most = some[len(part) :], 2 * most
        yield
    return True


def _settings(source: Source) -> Table:
    assert source.table is not None
    return source.table


def _as_lines(source: Source) -> Source:
    """Return the source as its rows are read: JSON in UTF-8, and the key as request id where none is mapped."""
    key = _settings(source).key
    known = source.map if "request_id" in source.map or len(key) > 1 else {**source.map, "request_id": f'"{key[0]}"'}
    return source.model_copy(update={"map": known, "encoding": "utf-8"})


@dataclass
class _Pass:
    """Hold one pass over a table."""

    reader: Reader
    table: Opened
    source: Source

    def run(self) -> Iterator[None]:
        at = self._begun()
        if at.place is not None:
            moved = yield from self._again(at, at.place)
            if moved is None:
                return
            at = moved
        while page := self.table.page(at.place):
            ahead = next((n for n, one in enumerate(page) if self._is_ahead(one)), None)
            met = self._met(page if ahead is None else page[:ahead])
            moved = yield from self._taken(at, met, is_new=True)
            if moved is None:
                return
            at = moved
            if ahead is not None:
                self._tell(f"rows wait whose {self.table.settings.mark} lies in the future: {page[ahead].place.mark}")
                break
            if len(page) < self.table.settings.chunk_rows:
                break
        if self.table.nameless():
            self._tell("rows without a mark or key have no place to be read at")

    def _tell(self, why: str) -> None:
        self.reader.done.unreadable.append(f"{self.table.settings.name} ({why})")

    @property
    def _latest_us(self) -> int:
        return microseconds(self.reader.now + timedelta(minutes=self.reader.config.ingest.future_minutes))

    def _is_ahead(self, row: Row) -> bool:
        return highwater.is_ahead(row.place.mark, self.source, self._latest_us)

    def _begun(self) -> _At:
        """Return how far this table was read by this key and mark, from its first row on where it never was."""
        settings, name = self.table.settings, self.source.name
        order = digest(self.reader.config.secret, "|".join((settings.name, settings.mark, *settings.key)).encode())
        with self.reader.store.write() as connection:
            arrivals.alone(connection, name)
            found = arrivals.marks(connection, name, "", order)
            fresh = {"source": name, "instance": "", "first_digest": order, "path_last": self.table.address}
            row = found[0] if found else arrivals.register(connection, fresh)
            if row.path_last != self.table.address:
                arrivals.note(connection, row.id, path_last=self.table.address)
        if row.mark is None:
            return _At(row.id, row.position, None)
        mark, floor = highwater.read(row.mark)
        return _At(row.id, row.position, Place(mark, highwater.read(row.mark_key)), floor)

    def _again(self, at: _At, highest: Place) -> Generator[None, None, _At | None]:
        """Look again from the overlap on up to the highest place; None when another runner was first."""
        back = self._back(highest.mark)
        if back is None:
            return at
        page = self.table.page(None, start=back[0], until=highest)
        while page:
            met = self._met(page)
            with self.reader.store.read() as connection:
                known = recognised(connection, at.id, [one.known.key_digest for one in met])
            fresh = [replace(one, changed=one.known.key_digest in known) for one in met
                     if known.get(one.known.key_digest) != one.known.row_digest and self._is_told(at, one)]  # fmt: skip
            moved = yield from self._taken(at, fresh, is_new=False)
            if moved is None:
                return None
            at = moved
            full = len(page) == self.table.settings.chunk_rows
            page = self.table.page(page[-1].place, until=highest) if full else []
        return at

    def _is_told(self, at: _At, one: _Met) -> bool:
        """Say whether it can be told that a row is new; after the overlap was made longer, only stored rows tell."""
        return one.known.place >= at.floor or self.reader.config.privacy.store != "none"

    def _back(self, mark: Any) -> tuple[Any, float] | None:
        """Return from where to look again; None where the settings say never."""
        settings = self.table.settings
        by_number = not isinstance(mark, str) and settings.mark_unit is None and _is_number(mark)
        if not (settings.overlap_numbers if by_number else settings.overlap_hours):
            return None
        back = highwater.look_back(mark, settings)
        if back is None:
            raise Unreadable(f"{settings.mark} {str(mark)[:40]} is neither a time nor a number: set overlap_hours: 0, or name another mark")  # fmt: skip
        return back

    def _met(self, page: Sequence[Row]) -> list[_Met]:
        secret, found = self.reader.config.secret, []
        for row in page:
            key = highwater.written(row.place.key).encode()
            line = line_of(row.values, key)
            place = highwater.place_of(row.place.mark) or 0.0
            found.append(_Met(row, line, Known(digest(secret, key), digest(secret, line.data), place)))
        return found

    def _taken(self, at: _At, met: list[_Met], *, is_new: bool) -> Generator[None, None, _At | None]:
        """Commit rows; new ones move the mark. None: another runner was first."""
        place = at

        def save(some: Sequence[_Met], why: str | None) -> bool:
            nonlocal place
            batch = self._batch(place, some)
            moved = self._save(place, some, batch if why is None else refused_alone(batch, why), is_new=is_new)
            place = moved or place
            return moved is not None

        return place if (yield from by_halves(met, save)) else None

    def _batch(self, at: _At, met: Sequence[_Met]) -> Batch:
        config = self.reader.config
        reading = Reading(
            self.source, self.source.name.encode(), at.id, self._latest_us, int(config.ingest.line_mib * MIB)
        )
        batch = batch_of_rows([one.line for one in met], at.position, reading, self.reader.door, basis="table")
        return batch if config.privacy.store != "none" else _without_changed(batch, met)

    def _save(self, at: _At, met: Sequence[_Met], batch: Batch, *, is_new: bool) -> _At | None:
        reader, now_us = self.reader, microseconds(self.reader.now)
        place = met[-1].row.place if is_new else at.place
        assert place is not None
        back = self._back(place.mark)
        floor = max(at.floor, (highwater.place_of(place.mark) or 0.0) if back is None else back[1])
        stands = {"mark": highwater.written((place.mark, floor)), "mark_key": highwater.written(place.key)}
        parts = local.profiles(batch.predictions) if reader.config.privacy.store == "none" else None
        with reader.store.write() as connection:
            saved = arrivals.save(connection, batch, at.id, stands, now_us, parts=parts)
            if saved.moved and back is not None:
                remember(connection, at.id, [one.known for one in met], back[1])
        if not saved.moved:
            return None
        reader.done.count(batch, saved)
        return _At(at.id, batch.end, place, floor)


def _is_number(mark: Any) -> bool:
    return highwater.place_of(mark) is not None and not hasattr(mark, "year")


def _without_changed(batch: Batch, met: Sequence[_Met]) -> Batch:
    """Refuse rows that were counted before with other values: where no row is kept, the store cannot tell."""
    again = {batch.start + number for number, one in enumerate(met) if one.changed}
    rows = batch.predictions
    if not again or not rows.height:
        return batch
    is_again = rows["position"].is_in(list(again))
    twice = tuple(
        Reject(position, 1, "conflicting_duplicate", "same key, other values", record=row + 1)
        for position, row in rows.filter(is_again).select("position", "row").iter_rows()
    )
    return replace(batch, predictions=rows.filter(~is_again), rejects=(*batch.rejects, *twice),
                   rows_refused=batch.rows_refused + len(twice))  # fmt: skip
