"""JSON lines of any shape become records through the declared mapping."""

import json

import pytest

from monitor.settings import Source
from monitor.sources.formats.json_lines import read_line
from monitor.sources.record import Refused
from tests.monitor.sources.reading import read, source

BATCH = {
    "time": "at", "request_id": "id", "text": "in[].text", "topk_labels": "out[].top[*].code", "topk_scores": "out[].top[*].p",
    "latency_ms": {"field": "took", "unit": "s"}, "field_TYP": "in[].type",
}  # fmt: skip
CALL = {"at": "2026-09-01T10:00:00Z", "id": "c1", "took": 0.25,
        "in": [{"text": "a", "type": "I"}, {"text": "b"}],
        "out": [{"top": [{"code": "10", "p": 0.9}, {"code": "47", "p": 0.1}]}, {"top": [{"code": "56", "p": 0.4}]}]}  # fmt: skip


def about(**more: object) -> Source:
    return source("json_lines", **{"map": BATCH, **more})


def test_rows_and_nested_topk() -> None:
    """A call of two rows gives two records, each with its own top-k; latency is of the call, in ms."""
    first, second = read_line(json.dumps(CALL).encode(), about())
    assert (first.labels, first.scores, first.fields) == (["10", "47"], [0.9, 0.1], {"TYP": "I"})
    assert (second.labels, second.row, second.batch_size, second.fields) == (["56"], 1, 2, {"TYP": None})
    assert (first.latency_ms, second.latency_ms) == (250.0, None)


def test_numbered_keys_and_json_in_json() -> None:
    """Top-k under numbered keys, inside a string that is JSON itself."""
    inner = json.dumps({"1": {"c": "10", "p": 0.8}, "2": {"c": "47", "p": 0.1}})
    mapping = {
        "time": {"field": "t", "unit": "ms"},
        "text": '"log.text"',
        "topk_labels": "msg!{1..5}.c",
        "topk_scores": "msg!{1..5}.p",
    }
    line = json.dumps({"t": 1_788_256_800_000, "log.text": "x", "msg": inner}).encode()
    (one,) = read_line(line, about(map=mapping))
    assert (one.labels, one.scores, one.text, one.time_us) == (["10", "47"], [0.8, 0.1], "x", 1_788_256_800_000_000)


@pytest.mark.parametrize(("changed", "reason"), [
    ({"out": CALL["out"][:1]}, "not_a_record"),
    ({"at": None}, "missing_field"),
    ({"took": "soon", "in": CALL["in"][:1], "out": CALL["out"][:1]}, "wrong_type"),
    ({"in": [{"text": 5}] * 2}, "wrong_type"),
    ({"out": [{"top": [{"code": "10"}]}] * 2}, "wrong_type"),
    ({"out": [{"top": [{"code": ["10"], "p": 0.5}]}] * 2}, "bad_label"),
    ({"in": [{}, {}], "out": [{}, {}]}, "missing_field"),
])  # fmt: skip
def test_refused(changed: dict, reason: str) -> None:
    """A call that does not fit its mapping is refused with the reason."""
    with pytest.raises(Refused) as refused:
        read_line(json.dumps({**CALL, **changed}).encode(), about())
    assert refused.value.reason == reason


def test_one_bad_row() -> None:
    """A bad row is refused alone, by its number; the rest of its call is read."""
    rows = {"in": [{"text": "a"}, {"text": 5}, {"text": "c"}], "out": [{"top": [{"code": "10", "p": 0.9}]}] * 3}
    batch = read(json.dumps({**CALL, **rows}).encode() + b"\n", about())
    assert batch.predictions["row"].to_list() == [0, 2]
    assert [(one.reason, one.record) for one in batch.rejects] == [("wrong_type", 2)]
    assert (batch.lines.read, batch.lines.rejected, batch.rows_refused) == (1, 0, 1)


def test_no_list_of_labels() -> None:
    """Labels that are no list are refused, not read letter by letter."""
    mapping = {"time": "at", "topk_labels": "x", "topk_scores": "y"}
    for wrong in ("abc", 5, {"a": 1}):
        with pytest.raises(Refused):
            read_line(json.dumps({"at": CALL["at"], "x": wrong, "y": [0.5]}).encode(), about(map=mapping))


def test_too_many_rows() -> None:
    """A line of more than 10,000 rows is refused whole."""
    with pytest.raises(Refused, match="not_a_record"):
        read_line(
            json.dumps({"at": CALL["at"], "in": [{"text": "a"}] * 10_001}).encode(),
            about(map={"time": "at", "text": "in[].text"}),
        )


def test_call_without_rows() -> None:
    """A call of no rows holds no prediction: it is counted as other."""
    for empty in ({"in": [], "out": []}, {"in": [], "out": None}):
        assert read_line(json.dumps({**CALL, **empty}).encode(), about()) is None


def test_keep_if() -> None:
    """A line that `keep_if` does not name is counted as other."""
    only = about(map={"time": "at", "text": "text"}, keep_if={"field": "kind", "equals": "answer"})
    line = {"at": CALL["at"], "text": "x"}
    assert read_line(json.dumps({**line, "kind": "banner"}).encode(), only) is None
    assert len(read_line(json.dumps({**line, "kind": "answer"}).encode(), only)) == 1


def test_declared_encoding() -> None:
    """A line is decoded in the declared encoding, even where its bytes would pass as UTF-8."""
    line = '{"at": "2026-09-01T10:00:00Z", "text": "pÃ©trin"}'
    plain = {"map": {"time": "at", "text": "text"}}
    assert read_line(line.encode("latin-1"), about(encoding="latin-1", **plain))[0].text == "pÃ©trin"
    assert (
        read_line(
            "{}".encode("cp1252") + b" ",
            about(encoding="cp1252", map={"time": "at"}, keep_if={"field": "x", "equals": "1"}),
        )
        is None
    )
    with pytest.raises(Refused, match="invalid_encoding"):
        read_line('{"at": "2026-09-01T10:00:00Z", "text": "é"}'.encode("latin-1"), about(**plain))
