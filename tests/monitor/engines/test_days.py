"""Days counted from packed parts are what this process counts from all rows at once, whatever the parts and their order."""

from random import Random

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from monitor.batch import Ledger
from monitor.engines import days, local
from monitor.profiles.profile import Key
from tests.monitor.profiles.rows import QUICK, ROWS, frame


def placed(rows: list, start: int = 0) -> pl.DataFrame:  # type: ignore[type-arg]
    """Return rows as they come from a file, in its order."""
    return frame([row | {"bookmark": 0, "position": start + at, "row": 0} for at, row in enumerate(rows)])


@QUICK
@given(ROWS, st.randoms(use_true_random=False), st.integers(1, 5))
def test_any_parts(rows: list, random: Random, size: int) -> None:  # type: ignore[type-arg]
    """Cut anyhow and given in any order, the profiles are those of all rows of each model, and no row is lost."""
    whole = placed(rows)
    parts = [whole.filter(pl.Series([random.randrange(size) == 0 for _ in rows], dtype=pl.Boolean))]
    parts.append(whole.join(parts[0], on="uid", how="anti"))
    random.shuffle(parts)
    found = days.count(parts, lambda part: [(part, Ledger({"given": part.height}))])
    expected: dict[Key, bytes] = {}
    for model in whole["model"].unique():
        of_model = whole.filter(pl.col("model") == model)
        if of_model["field_TYP"].is_null().all():  # a day without the field knows none, as when it comes from the store
            of_model = of_model.drop("field_TYP")
        expected |= {key: one.to_bytes() for key, one in local.profiles(of_model).items()}
    assert {key: one.to_bytes() for key, one in found.profiles.items()} == expected
    assert found.ledger.counts.get("rows", 0) == found.ledger.counts.get("given", 0) == len(rows)


def test_same_id() -> None:
    """Of rows with one id the first that was read counts; one that answers otherwise is a reject, its copy a duplicate."""
    rows = [row | {"uid": b"one"} for row in _three()]
    whole = placed(rows).with_columns(pl.Series("label", ["10", "10", "47"]))
    found = days.count([whole[2:], whole[:2]], lambda part: [(part, Ledger())])
    assert found.ledger.counts == {"rows": 1, "duplicate": 1, "reject conflicting_duplicate": 1}
    assert [one.labels_raw["10"] for one in found.profiles.values()] == [1]


def test_no_text_is_packed() -> None:
    """What leaves a reader holds no text, request id or error."""
    whole = placed(_three()).with_columns(
        text=pl.lit("secret words"), request_id=pl.lit("secret id"), error=pl.lit("secret")
    )
    assert [b"secret" in body for _, _, body in days.packed(whole)] == [False]


def _three() -> list:  # type: ignore[type-arg]
    blank = {
        "model": "ape",
        "segment": "",
        "variant": None,
        "kind": "prediction",
        "second": 0,
        "step": 5000,
        "text_hash": b"t",
    }
    return [blank | {"uid": bytes([at])} for at in range(3)]
