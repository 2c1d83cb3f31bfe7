"""The shadow job with models that break: the others are compared all the same."""

from jobs.ingest import ingest
from jobs.shadow import shadow
from jobs.summarise import summarise
from monitor.store.store import Store
from tests.conftest import NOW, opened
from tests.monitor.shadow.models import artefact, challenger

WORDY = """
    def answer(self, texts, fields, k):
        return [[("56" if "bakery" in text else "47", 0.9), ("10", 0.05)] for text in texts]
"""


def tried(store: Store, place, folders: dict[str, dict[str, str]]) -> str:
    """Log two days, give `ape` these challengers, and run the job once."""
    lines = ["shadow: {trusted_roots: [models]}", "challengers:"]
    for name, parts in folders.items():
        pinned = challenger(artefact(place.folder / "models" / name, **parts))
        lines.append(f"  {name}: {{of: ape, path: models/{name}, sha256: {pinned.sha256}, runs_code: accepted, automatic_at: 0.7, "
                     "limits: {memory_mib: 1024, chunk_s: 30, load_s: 30}}")  # fmt: skip
    config = place.configure("\n".join(lines))
    place.write(300)
    ingest(store, config, NOW)
    summarise(store, config, NOW)
    return shadow(store, config, NOW)


def test_broken_neighbour(quick_place):
    """A challenger that cannot be loaded, and one that dies when asked, leave the good one its comparison."""
    with opened(quick_place.database) as store:
        told = tried(store, quick_place, {
            "broken": {"load": "raise OSError('no weights')"},
            "deadly": {"body": "\n    def answer(self, texts, fields, k):\n        os._exit(1)\n"},
            "good": {"body": WORDY},
        })  # fmt: skip
    broken, deadly, good = told.split("; ")
    assert broken == "broken: could not be started (model_error: OSError: no weights)"
    assert deadly.startswith("deadly: 0 texts answered")
    assert 0 < int(good.split()[1]) <= 300


def test_poison(quick_place):
    """One text on which a model dies costs that text its answer, not its neighbours theirs."""
    poison = WORDY.replace(
        "return",
        "[os._exit(1) for text in texts if 'crêpe' in text and 'taxi' in text and 'books' in text and 'roofing' in text]\n        return",
    )
    with opened(quick_place.database) as store:
        told = tried(store, quick_place, {"touchy": {"body": poison}})
    assert int(told.split()[1]) > 250
