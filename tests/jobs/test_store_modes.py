"""What is kept of a text is what privacy.store says: nothing, hashes, or the redacted text."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from jobs.detect import detect
from jobs.ingest import ingest
from jobs.pin import pin
from jobs.prune import prune
from jobs.rebuild import differing, rebuild
from jobs.status import verdicts
from jobs.summarise import summarise
from monitor.config import Config
from monitor.errors import StoreError
from monitor.originals import opened as opened_original
from monitor.store import profiles
from monitor.store.day_keys import DayKeys
from monitor.store.store import Store
from monitor.store.tables import prediction, prediction_input
from monitor.window import Window, hour_of, microseconds
from tests.conftest import NOW, Place, opened
from tests.jobs.test_halves import SOURCE, event, write

CANARIES = {"email": "canary.bird@stat.example", "card": "4111 1111 1111 1111", "iban": "FR76 3000 6000 0112 3456 7890 189",
            "phone": "+33 6 98 76 54 32", "url": "https://stat.example/x?who=canary"}  # fmt: skip
WHOLE = Window(hour_of(NOW) - 100, hour_of(NOW) + 100)


def count(store: Store, table: object) -> int:
    with store.read() as connection:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())  # type: ignore[arg-type]


def files_with(folder: Path, words: list[str]) -> list[str]:
    return [
        f.name for f in sorted(folder.rglob("*")) if f.is_file() and any(w.encode() in f.read_bytes() for w in words)
    ]


@pytest.mark.parametrize("mode", ["none", "hash", "redacted", "full"])
def test_canaries(quick_place: Place, mode: str) -> None:
    """Secrets in accepted and in rejected lines reach no file of the data folder, in any mode."""
    config = quick_place.configure(f"privacy: {{store: {mode}}}\n")
    quick_place.write(200, seed=1)
    for number, secret in enumerate(CANARIES.values()):
        quick_place.write(1, seed=10 + number, changed=lambda _, text=secret: {"text": f"voir {text} svp"})
    with quick_place.log.open("a", encoding="utf-8") as log:
        log.writelines(f'{{"vigie": 1, "text": "voir {secret} svp"\n' for secret in CANARIES.values())
    with opened(quick_place.database) as store:
        ingest(store, config, NOW)
        summarise(store, config, NOW)
        detect(store, config, NOW)
        assert files_with(config.data_dir, list(CANARIES.values())) == []
        if mode in {"none", "hash"}:
            assert files_with(config.data_dir, ["bakery", "books", "taxi"]) == []
        assert count(store, prediction) == (0 if mode == "none" else 205)


def test_none_keeps_counts_only(place: Place, store: Store) -> None:
    """Without rows the hourly counts are those of the kept mode, in batches, over passes, and survive a rebuild."""
    config = place.configure("privacy: {store: none}\ningest: {batch_mib: 0.01}\n")
    for seed in (1, 2):
        place.write(300, seed=seed)
        ingest(store, config, NOW)
        ingest(store, config, NOW)
    summarise(store, config, NOW)
    rebuild(store, config, NOW)
    assert (count(store, prediction), count(store, prediction_input)) == (0, 0)
    assert differing(store, "ape", WHOLE) == []
    with store.read() as connection:
        whole = profiles.total(connection, "ape", WHOLE)
    assert whole.records == 600
    assert dict(whole.outcomes.of_name) == {
        name: sum({200: "ok", 422: "refused_input", 500: "failed"}[row["status"]] == name for row in place.written)
        for name in ("ok", "refused_input", "failed")
    }


def test_modes_may_change(quick_place: Place) -> None:
    """Hours of which counts alone were kept stay when rows are kept again, in the same hour too."""
    with opened(quick_place.database) as store:
        ingest(store, quick_place.configure("privacy: {store: none}\n"), NOW)
        quick_place.write(100, seed=1)
        ingest(store, quick_place.configure("privacy: {store: none}\n"), NOW)
        config = quick_place.configure()
        quick_place.write(100, seed=2)
        ingest(store, config, NOW)
        summarise(store, config, NOW)
        rebuild(store, config, NOW)
        with store.read() as connection:
            assert profiles.total(connection, "ape", WHOLE).records == 200
        assert count(store, prediction) == 100


def test_verdict_without_rows(quick_place: Place) -> None:
    """Detection and the verdict work on counts alone; what came last is known all the same."""
    config = quick_place.configure("privacy: {store: none}\n")
    quick_place.write(6000, hours=21 * 24)
    with opened(quick_place.database) as store:
        ingest(store, config, NOW)
        pin(
            store,
            config,
            NOW,
            "ape",
            Window(hour_of(NOW) - 20 * 24, hour_of(NOW) - 48),
            by="local",
            reason="quiet weeks",
        )
        detect(store, config, NOW)
        (_, told, extras) = verdicts(store, config, NOW)[0]
        assert told.status == "UNKNOWN"
        assert "whether the answers are right" in told.sentence
        newest = max(row["time"] for row in quick_place.written)
        assert extras["last_us"] // 1000 == microseconds(newest) // 1000  # a line tells milliseconds
        assert verdicts(store, config, NOW + timedelta(hours=12))[0][1].status == "SILENT"


def originals(store: Store, config: Config) -> list[tuple[str | None, str | None]]:
    """Return (text as stored, text as it was) of every row with something sealed."""
    keys = DayKeys(config.privacy.keys_in(config.data_dir), config.secret)
    with store.read() as connection:
        query = select(prediction_input.c.text, prediction_input.c.sealed).where(prediction_input.c.sealed.is_not(None))
        found = connection.execute(query.order_by(prediction_input.c.day, prediction_input.c.uid)).all()
    told = [(row.text, opened_original(bytes(row.sealed), keys.known)) for row in found]
    return [(text, None if original is None else original[0]) for text, original in told]


def test_full_seals_what_it_masks(place: Place, store: Store) -> None:
    """What was masked can be read with its day's key, in whatever order it is read; without the key nobody can."""
    config = place.configure("privacy: {store: full, text_days: 2}\n")
    place.write(50, seed=1)
    secrets = [f"voir {secret} svp" for secret in CANARIES.values()]
    for number, text in enumerate(secrets):
        place.write(1, seed=10 + number, changed=lambda _, text=text: {"text": text})
    with place.log.open("a", encoding="utf-8") as log:
        log.write(
            json.dumps(
                {"vigie": 1, "time": (NOW - timedelta(hours=1)).isoformat(), "model": "ape", "text": "long " * 5000}
            )
            + "\n"
        )
    ingest(store, config, NOW)
    ingest(store, config, NOW)
    found = originals(store, config)
    assert {was for _, was in found} == {*secrets, "long " * 5000}
    assert all(text != was for text, was in found)
    assert (
        config.privacy.keys_in(config.data_dir).stat().st_mode & 0o777,
        {f.stat().st_mode & 0o777 for f in config.privacy.keys_in(config.data_dir).iterdir()},
    ) == (0o700, {0o600})
    keys = len(list(config.privacy.keys_in(config.data_dir).iterdir()))
    assert prune(store, config, NOW + timedelta(days=30)).endswith(f", {keys} keys of days")
    assert list(config.privacy.keys_in(config.data_dir).iterdir()) == []
    assert count(store, prediction_input) == 0


def test_a_deleted_key_ends_its_day(quick_place: Place) -> None:
    """A copy of the database that is older than the deletion of a key tells no original; another secret is refused."""
    config = quick_place.configure("privacy: {store: full}\n")
    quick_place.write(3, hours=1, changed=lambda _: {"text": f"voir {CANARIES['email']} svp"})
    with opened(quick_place.database) as store:
        ingest(store, config, NOW)
        assert {was for _, was in originals(store, config)} == {f"voir {CANARIES['email']} svp"}
        (key,) = config.privacy.keys_in(config.data_dir).iterdir()
        with pytest.raises(StoreError, match="not wrapped by this secret"):
            DayKeys(config.privacy.keys_in(config.data_dir), b"another").known(int(key.stem))
        key.unlink()
        assert {was for _, was in originals(store, config)} == {None}


def test_halves_keep_their_original(quick_place: Place) -> None:
    """A request that waited for its answer is sealed as it was asked, though what waits is masked."""
    text = quick_place.configure().path.read_text(encoding="utf-8")
    old = text[text.index("sources:\n") : text.index("routes:")]
    config = quick_place.configure("privacy: {store: full}\n", replaced=(old, SOURCE))
    (quick_place.folder / "logs").mkdir(exist_ok=True)
    secret = f"voir {CANARIES['email']} svp"
    with opened(quick_place.database) as store:
        write(quick_place, [event(1, "request", text=secret)])
        ingest(store, config, NOW)
        assert files_with(config.data_dir, [CANARIES["email"]]) == []
        write(quick_place, [event(1, "response")])
        ingest(store, config, NOW)
        assert {was for _, was in originals(store, config)} == {f"{secret} 1"}
