"""Two reports on a version that took over: what both answered, and what labels say, by figures one counts by hand."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from jobs.letters import render
from jobs.prune import prune
from jobs.write import made_of
from monitor.profiles.pairs import Pairs
from monitor.store import labels, outbox, shadow, sheets
from monitor.store.store import Store
from monitor.store.tables import prediction
from monitor.window import MICROSECONDS_PER_HOUR
from tests.conftest import Place, opened
from tests.jobs.deciding import command
from tests.jobs.test_aftermath import BEGAN, follow, story
from tests.jobs.test_cli import run

DIGEST = "d" * 64
HOSTILE = "<script>alert(1)</script>|x"
TREE = 'code,parent,level,title\nA,,section,"First"\nB,,section,"Second"\n10,A,division,Ten\n11,A,division,Eleven\n47,B,division,"Forty"\n'


@pytest.fixture
def quick(quick_place: Place) -> Iterator[Store]:
    with opened(quick_place.database) as one:
        yield one


def answered(store: Store, many: int = 100) -> list[Any]:
    """Let the new version answer the last texts of the old one in the shadow: 60 the same, 20 a sibling, 10 apart, 10 hostile."""
    with store.write() as connection:
        shadow.put_challenger(connection, {"digest": DIGEST, "name": "next", "model": "ape", "spec": json.dumps({"version": "2.0"}), "seen_us": 1,
                                           "self_tests": json.dumps([{"name": "a", "passed": True}]), "resources": json.dumps({"isolation": "no network"})})  # fmt: skip
        old = [row for row in connection.execute(prediction.select().order_by(prediction.c.time)) if row.model_version == "1.0" and row.label][-many:]  # fmt: skip
        given = ["10"] * 60 + ["11"] * 20 + ["47"] * 10 + [HOSTILE] * 10
        rows = [{"digest": DIGEST, "day": row.day, "uid": bytes(row.uid), "hour": row.time // MICROSECONDS_PER_HOUR, "label": new, "topk": json.dumps([[new, 0.9], ["10", 0.05], ["x", 0.01]]),
                 "score_step": 9000, "outcome": "answered"} for row, new in zip(old, given, strict=True)]  # fmt: skip
        shadow.keep(connection, DIGEST, rows, {}, 1)
        hours: dict[int, list[Any]] = {}
        for row, new in zip(old, given, strict=True):
            hours.setdefault(row.time // MICROSECONDS_PER_HOUR, []).append(((row.label, row.score_step, row.decision), (new, 9000, "automatic")))  # fmt: skip
        for hour, pairs in hours.items():
            shadow.put_pairs(connection, DIGEST, hour, Pairs.of(pairs, {"answered": len(pairs)}), len(pairs))
    return old


def label(store: Store, rows: list[Any], truth: list[str], source: str = "routine") -> None:
    with store.write() as connection:
        labels.add(connection, [
            {"model": "ape", "day": row.day, "uid": bytes(row.uid), "label": true, "source": source, "inclusion": None, "annotator": "",
             "labelled_us": row.time, "imported_us": row.time} for row, true in zip(rows, truth, strict=True)])  # fmt: skip


def both_of(store: Store) -> list[dict[str, Any]]:
    with store.read() as connection:
        return [sheets.get(connection, number) for number in (1, 2)]


def test_on_the_same_texts(place: Place, store: Store) -> None:
    """Agreement overall, by level, class and score, flips, and F1 by source are those counted by hand; who decides is told, once."""
    story(place, store, weeks=1)
    (place.folder / "tree.csv").write_text(TREE, encoding="utf-8")
    config = command(place, replaced=("classes: 4", "classes: 4\n    nomenclature: tree.csv"))
    old = answered(store)
    label(store, old, ["10"] * 50 + ["11"] * 30 + ["47"] * 20)
    manual = sum(row.decision == "manual" for row in old)
    for _ in range(2):
        follow(store, config, BEGAN + timedelta(days=2))
    without, with_ = (one["body"]["facts"] for one in both_of(store))
    assert (without["compared"], without["agreement"][0]) == (100, 0.6)
    assert {one["level"]: one["share"] for one in without["levels"]} == {"section": 0.8, "division": 0.6}
    assert [(one["label"], one["count"], one["share"]) for one in without["classes"]] == [("10", 100, 0.6)]
    assert sum(one["count"] for one in without["bands"]) == 100
    assert without["flips"] == {"to_automatic": manual, "to_manual": 0}
    mix = {one["label"]: (one["old"], pytest.approx(one["new"])) for one in without["mix"]}
    assert mix == {"A": (1.0, 0.8), "B": (0.0, 0.1), HOSTILE: (0.0, 0.1)}
    (routine,) = with_["sources"]
    assert (routine["source"], routine["old"]["accuracy"]["value"], routine["new"]["accuracy"]["value"]) == (
        "routine",
        0.5,
        0.8,
    )
    ten, eleven, forty = 2 * 50 / 110, 2 * 20 / 50, 2 * 10 / 30
    assert routine["new"]["macro"]["value"] == pytest.approx((ten + eleven + forty + 0) / 4)
    assert routine["new"]["weighted"]["value"] == pytest.approx(0.5 * ten + 0.3 * eleven + 0.2 * forty)
    assert routine["new"]["micro"]["value"] == pytest.approx(0.8)
    assert [one[0] for one in routine["new"]["weak"]] == ["47", "11", "10"]
    assert (routine["new"]["top"], routine["old"]["top"]) == ([[3, 0.8]], [])
    assert (with_["verdict"]["word"], with_["verdict"]["wanted"]) == ("more_labels", 0)
    assert [check["result"] for check in with_["verdict"]["checks"]] == ["met", "met", "cannot tell", "met", "met"]
    assert [row[1] for row in both_of(store)[1]["body"]["blocks"][0]["rows"]][:2] == ["4 of 5 checks met", "met"]
    with store.read() as connection:
        (row,) = (one for one in outbox.about(connection, "decision:1") if one["event"] == "succession")
        assert len(sheets.all(connection)) == 2
    letter, note = render(store, config, {**row, "facts": json.loads(row["facts"])}, BEGAN)
    assert (row["recipient"], note, "vigie report 1" in letter.text, "vigie report 2" in letter.text) == ("owner@stat.example", "", True, True)  # fmt: skip


def test_forms(quick_place: Place, quick: Store) -> None:
    """A report lies there as a page that runs and fetches nothing, as JSON and as Markdown; what was logged is no markup, and its number gives the same bytes."""
    config = story(quick_place, quick, weeks=1)
    label(quick, answered(quick), [HOSTILE] * 100)
    follow(quick, config, BEGAN + timedelta(days=2))
    for number in (1, 2):
        file = made_of(quick, config, BEGAN + timedelta(days=2), number)
        forms = [file, file.with_suffix(".json"), file.with_suffix(".md")]
        first = [one.read_bytes() for one in forms]
        page, figures, markdown = (one.decode() for one in first)
        assert "default-src 'none'" in page
        assert "Agreement by level" not in page  # there is no nomenclature
        assert "<script" not in page + markdown.replace("\\<", "")
        assert "&lt;script&gt;" in page
        assert "\\<script\\>alert(1)\\</script\\>\\|x" in markdown
        assert json.loads(figures)["facts"]["new"] == "2.0"
        for one in forms:
            one.unlink()
        made_of(quick, config, BEGAN + timedelta(days=90), number)
        assert [one.read_bytes() for one in forms] == first
    prune(quick, config, BEGAN + timedelta(days=6 * 365))
    assert list(file.parent.glob("report-*")) == []


def test_nothing_in_the_shadow(quick_place: Place, quick: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    """A version nobody tried has answered no text that the old one did: that is said, with the mix before and since, in any language."""
    config = story(quick_place, quick, weeks=1)
    code, said = run(quick_place, "report", "ape", "--after-decision", "1", monkeypatch=monkeypatch, capsys=capsys)
    assert (code, "no version is known that took over" in said) == (7, True)
    follow(quick, config, BEGAN + timedelta(days=2))
    without, with_ = (one["body"]["facts"] for one in both_of(quick))
    assert (without["compared"], [one["label"] for one in without["mix"]]) == (0, ["10"])
    assert all(block["rows"] for one in both_of(quick) for block in one["body"]["blocks"])
    assert (with_["verdict"]["word"], with_["verdict"]["wanted"], with_["sources"]) == ("more_labels", 11, [])
    code, said = run(quick_place, "report", "ape", "--after-decision", "1", "--language", "fr", monkeypatch=monkeypatch, capsys=capsys)  # fmt: skip
    assert (code, [line.rpartition("/")[2] for line in said.split()]) == (0, ["report-3.html", "report-4.html"])
    files = [quick_place.folder / "data" / "reports" / f"report-{number}.md" for number in (3, 4)]
    told = [file.read_text(encoding="utf-8") for file in files]
    assert "aucun texte n’a reçu de réponse des deux" in told[0]
    assert "encore au moins 11 annotations" in told[1]
    assert run(quick_place, "report", "ape", "--after-decision", "1", "--language", "eo", monkeypatch=monkeypatch, capsys=capsys)[0] == 3  # fmt: skip


def test_not_counted_yet(quick_place: Place, quick: Store) -> None:
    """Answers in the shadow that were not put beside the old ones are no comparison, and no figure is made of none."""
    config = story(quick_place, quick, weeks=1)
    answered(quick)
    with quick.write() as connection:
        shadow.drop_pairs(connection, DIGEST)
    follow(quick, config, BEGAN + timedelta(days=2))
    assert [one["body"]["facts"]["compared"] for one in both_of(quick)] == [0, 0]


def test_audit_tells(quick_place: Place, quick: Store) -> None:
    """Of a record that an audit and routine coding label otherwise, the audit says which version was right."""
    config = story(quick_place, quick, weeks=1)
    old = answered(quick)
    label(quick, old[60:80], ["10"] * 20, "routine")
    label(quick, old[60:80], ["11"] * 20, "audit")
    follow(quick, config, BEGAN + timedelta(days=2))
    verdict = both_of(quick)[1]["body"]["facts"]["verdict"]
    assert "right alone on 20 of 20" in verdict["sentence"] + str(verdict["checks"])


def test_apart(quick_place: Place, quick: Store) -> None:
    """Without a shadow each version is measured on its own labelled records."""
    config = story(quick_place, quick, weeks=1)
    with quick.read() as connection:
        rows = [row for row in connection.execute(prediction.select().order_by(prediction.c.time)) if row.label]
    old, new = ([row for row in rows if row.model_version == version][:40] for version in ("1.0", "2.0"))
    label(quick, old, ["10"] * 30 + ["47"] * 10)
    label(quick, new, ["10"] * 36 + ["47"] * 4)
    follow(quick, config, BEGAN + timedelta(days=6))
    (one,) = both_of(quick)[1]["body"]["facts"]["sources"]
    assert [one[side]["accuracy"]["value"] for side in ("old", "new")] == [0.75, 0.9]
