"""A report of any days is kept and given again on both kinds of database, also where nothing was pinned as normal."""

from datetime import timedelta

from jobs.ingest import ingest
from jobs.prune import prune
from jobs.summarise import summarise
from jobs.write import made_of, write
from monitor.store import sheets
from monitor.store.store import Store
from monitor.window import Window, hour_of
from tests.conftest import NOW, Place


def test_kept(place: Place, store: Store) -> None:
    """It is written by the job once, again to the byte, and goes when profiles go; without a reference it says so."""
    config = place.configure()
    place.write(400, hours=14 * 24)
    ingest(store, config, NOW)
    summarise(store, config, NOW)
    end = hour_of(NOW) // 24 * 24
    with store.write() as connection:
        number = sheets.ask(connection, "ape", Window(end - 240, end), "en", by="os:alice", now=NOW)
    assert write(store, config, NOW) == "1 reports written, 0 not possible"
    file = config.data_dir / f"reports/report-{number}.html"
    first = file.read_bytes()
    assert b"not known, because no period was pinned as normal" in first
    assert write(store, config, NOW + timedelta(days=1)) == "0 reports written, 0 not possible"
    file.unlink()
    assert made_of(store, config, NOW + timedelta(days=1), number).read_bytes() == first
    prune(store, config, NOW + timedelta(days=config.privacy.profile_days + 2))
    with store.read() as connection:
        assert (sheets.all(connection), file.exists()) == ([], False)
