"""Every byte of a file is accounted: as a prediction, a blank, something else, or a reject with its reason."""

import json
import random

import pytest

from monitor.prediction import REJECT_REASONS
from tests.monitor.sources.reading import LINE_BYTES, read, reasons, source

GOOD = {"vigie": 1, "time": "2026-09-01T10:00:00Z", "request_id": "r1", "text": "bakery zzz", "topk": [["10", 0.9], ["47", 0.05]],
        "caller": "desk", "status": 200, "latency_ms": 12.5, "fields": {"TYP": "I"}}  # fmt: skip


def line(**changed: object) -> bytes:
    return json.dumps({k: v for k, v in {**GOOD, **changed}.items() if v is not Ellipsis}).encode() + b"\n"


def test_one_line() -> None:
    """A whole line becomes one row with label, score on the grid, decision, counted words and field."""
    batch = read(line())
    row = batch.predictions.row(0, named=True)
    assert (row["label"], row["score_step"], row["decision"]) == ("10", 9000, "automatic")
    assert (row["words"], row["unknown_words"], row["segment"], row["field_TYP"]) == (2, 1, "desk", "I")
    assert (row["outcome"], row["latency_ms"], row["text"]) == ("ok", 12.5, "bakery zzz")
    assert (batch.end, batch.lines.read, batch.rejects) == (len(line()), 1, ())


def test_half_line() -> None:
    """What follows the last newline waits; the position never passes it."""
    whole = line() + line(request_id="r2")
    for cut in range(len(line()), len(whole)):
        batch = read(whole[:cut])
        assert (batch.end, batch.predictions.height, reasons(batch)) == (len(line()), 1, [])


def test_any_cut_reads_the_same() -> None:
    """Reading in two turns, cut anywhere, gives the rows of reading at once."""
    data = b"".join(line(request_id=f"r{n}") for n in range(5)) + b"junk\n\n"
    uids = read(data).predictions["uid"].to_list()
    for cut in range(0, len(data), 7):
        first = read(data[:cut])
        second = read(data[first.end :], start=first.end)
        assert first.predictions["uid"].to_list() + second.predictions["uid"].to_list() == uids
        assert (first.lines + second.lines) == read(data).lines


def cri(second: int, body: bytes, stream: str = "stdout", tag: str = "F") -> bytes:
    return (
        f"2026-09-01T10:{second // 60:02d}:{second % 60:02d}.5Z {stream} {tag} ".encode() + body.rstrip(b"\n") + b"\n"
    )


def test_line_of_a_process_that_died() -> None:
    """The beginning of a line nobody ends is refused after ten minutes: it does not swallow the first line of the next process."""
    about = source(wrapper="cri")
    left = cri(0, b'{"vigie": 1, "time": "2026', tag="P") + cri(60, b"Killed", "stderr")
    assert read(left, about).lines.total == 0
    ended = read(left + cri(599, b'-09-01T10:00:00Z", "text": "taxi", "topk": [["a", 1]]}'), about)
    assert (ended.predictions["text"].to_list(), reasons(ended)) == (["taxi"], [])
    data = left + cri(601, line())
    for cut in range(0, len(data), 11):
        first = read(data[:cut], about)
        both = (first, read(data[first.end :], about, start=first.end))
        assert [one for batch in both for one in batch.predictions["request_id"]] == ["r1"]
        assert [one for batch in both for one in reasons(batch)] == ["unfinished_record"]
        assert sum(batch.lines.total for batch in both) == 3


def test_finished_remainder() -> None:
    """Of a finished file the last line without newline is judged: a whole one counts and is flagged, half of one is refused."""
    whole = read(line()[:-1], finished=True)
    assert (whole.predictions["flags"].to_list(), whole.end) == (["no_newline"], len(line()) - 1)
    half = read(line()[:40], finished=True)
    assert (reasons(half), half.end) == (["truncated_last_line"], 40)


@pytest.mark.parametrize(("raw", "reason"), [
    (b"{", "invalid_syntax"),
    (b"[1]", "not_a_record"),
    (b"null", "not_a_record"),
    (b'{"other": 1}', "not_a_record"),
    (b'{"vigie": 1, "text": "\xff\xfe"}', "invalid_encoding"),
    (b"\xff\xfe{\x00}\x00", "invalid_encoding"),
    (b"9" * 4000, "not_a_record"),
    (b'{"vigie": 1, "text": "' + b"a" * LINE_BYTES + b'"}', "line_too_long"),
    (b'{"vigie": 1, "fields": {"TYP": ' + b"[" * 40 + b"]" * 40 + b"}, }", "invalid_syntax"),
    (b'{"vigie": "1", "fields": {"TYP": ' + b"[" * 1000 + b"]" * 1000 + b"}}", "too_deep"),
])  # fmt: skip
def test_bad_bytes(raw: bytes, reason: str) -> None:
    """A line that is no record is rejected for the right reason, and its neighbours are read."""
    batch = read(line() + raw + b"\n" + line(request_id="r2"))
    assert (reasons(batch), batch.predictions.height, batch.lines.rejected) == ([reason], 2, 1)
    bad = batch.rejects[0]
    assert (bad.position, bad.length) == (len(line()), len(raw))


@pytest.mark.parametrize(("changed", "reason"), [
    ({"time": ...}, "missing_field"),
    ({"time": "2026-09-01T10:00:00"}, "no_time_zone"),
    ({"time": 12}, "wrong_type"),
    ({"time": "yesterday"}, "wrong_type"),
    ({"time": "2031-01-01T00:00:00Z"}, "too_new"),
    ({"time": "1969-12-31T23:59:59Z"}, "too_old"),
    ({"text": ..., "topk": ...}, "missing_field"),
    ({"text": 5}, "wrong_type"),
    ({"topk": 5}, "not_a_record"),
    ({"topk": [["10"]]}, "not_a_record"),
    ({"topk": [["", 0.5]]}, "bad_label"),
    ({"topk": [["a\nb", 0.5]]}, "bad_label"),
    ({"topk": [["x" * 129, 0.5]]}, "bad_label"),
    ({"topk": [[["10", [0.5]], 0.5]]}, "bad_label"),
    ({"topk": [["10", [["10", 0.5]]]]}, "wrong_type"),
    ({"topk": [["10", True]]}, "wrong_type"),
    ({"topk": [["10", 1.1]]}, "out_of_range"),
    ({"topk": [["10", -0.1]]}, "out_of_range"),
    ({"topk": [["10", "1e999"]]}, "not_finite"),
    ({"topk": [["10", float("nan")]]}, "not_finite"),
    ({"latency_ms": 10**30}, "out_of_range"),
    ({"latency_ms": "fast"}, "wrong_type"),
    ({"status": 70_000}, "out_of_range"),
    ({"status": -1}, "out_of_range"),
    ({"row": -1}, "out_of_range"),
    ({"row": 2**32}, "out_of_range"),
    ({"rows": 2**40}, "out_of_range"),
    ({"seq": 2**64}, "out_of_range"),
    ({"variant": "x" * 40}, "out_of_range"),
    ({"decision": "maybe"}, "wrong_type"),
    ({"model": "unknown"}, "out_of_range"),
    ({"endpoint": 5}, "wrong_type"),
])  # fmt: skip
def test_bad_value(changed: dict, reason: str) -> None:
    """A value that is none is refused with its reason and the name of its field."""
    batch = read(line(**changed))
    assert (reasons(batch), batch.predictions.height) == ([reason], 0)
    assert batch.rejects[0].detail or reason == "too_deep"


def test_good_oddities() -> None:
    """A score just above 1 is 1, a number in quotes counts, BOM and carriage return are no part of a line."""
    batch = read(
        b"\xef\xbb\xbf" + line(topk=[["10", 1.0005]])[:-1] + b"\r\n" + line(topk=[[10, "0.5"]], request_id="r2")
    )
    assert batch.predictions["score_step"].to_list() == [10_000, 5_000]
    assert batch.predictions["flags"].to_list() == ["score_clipped", ""]


def test_nul_and_surrogates() -> None:
    """NUL and lone surrogates become U+FFFD in texts, names and fields: no database is asked to hold them."""
    batch = read(
        line(text="a\x00b\ud800c", caller="d\x00e", request_id="\udfff", fields={"TYP": "\x00"}, error="\ud800")
    )
    row = batch.predictions.row(0, named=True)
    assert (row["text"], row["caller"], row["request_id"]) == ("a\ufffdb\ufffdc", "d\ufffde", "\ufffd")
    assert (row["field_TYP"], row["flags"]) == ("\ufffd", "text_repaired")


def test_surrogates_however_nested() -> None:
    """A lone surrogate inside a list or an object of a field is repaired too, in every format; one nested too deep is refused."""
    nested = read(line(fields={"TYP": {"a\udfff": ["\ud800", {"b": "\x00"}]}, "other": ["\ud800"]}))
    assert nested.predictions["field_TYP"].to_list() == ["{'a\ufffd': ['\ufffd', {'b': '\ufffd'}]}"]
    mapped = source("json_lines", map={"time": "time", "text": "text", "field_TYP": "fields.TYP"})
    assert read(line(fields={"TYP": ["\ud800"]}), mapped).predictions["field_TYP"].to_list() == ["['\ufffd']"]
    python = rb"2026-09-01 10:00:00,000 - INFO - {'Query': {'libelle': 'a', 'TYP': {'z': '\ud800'}}, 'Response': {}}"
    found = read(python + b"\n", source("python_literal", zone="UTC")).predictions
    assert found["field_TYP"].to_list() == ["{'z': '\ufffd'}"]
    deep: object = "\ud800"
    for _ in range(600):
        deep = [deep]
    assert reasons(read(line(fields={"TYP": deep}) + line())) == ["too_deep"]


def test_nul_hole() -> None:
    """A run of NULs, as a truncated file gets from a writer without append mode, is one reject; the line behind it counts."""
    batch = read(b"\x00" * 3000 + line() + b"\x00" * 10 + b"\n" + line(request_id="r2"))
    assert (reasons(batch), batch.predictions.height) == (["nul_hole"] * 2, 2)
    assert [(r.position, r.length) for r in batch.rejects] == [(0, 3000), (3000 + len(line()), 10)]


def test_long_names() -> None:
    """Names are cut to what the tables hold; two long ids that begin alike stay two."""
    batch = read(line(request_id="x" * 300, caller="y" * 300, endpoint="z" * 300) + line(request_id="x" * 299 + "!"))
    assert batch.predictions["uid"].n_unique() == 2
    row = batch.predictions.row(0, named=True)
    assert (len(row["request_id"]), len(row["caller"]), len(row["endpoint"]), len(row["segment"])) == (
        128,
        128,
        200,
        128,
    )


def test_markup_stays_text() -> None:
    """Markup, formulas and control characters are kept as what they are: characters of a text."""
    text = "<script>alert(1)</script> =cmd|' /C calc'!A0 \x1b[2J"
    assert read(line(text=text)).predictions["text"].to_list() == [text]


def test_redacted_sample() -> None:
    """What is kept of a refused line is masked too, and nothing is kept where no text may be."""
    bad = b'{"vigie": 1, "text": "write to jane.doe@example.org", \n'
    assert "jane.doe" not in read(bad).rejects[0].sample
    assert read(bad, keep="none").rejects[0].sample == ""


def test_store_modes() -> None:
    """Without stored texts neither text nor fields leave the door; words and hash still do."""
    for keep in ("none", "hash"):
        row = read(line(), keep=keep).predictions.row(0, named=True)
        assert (row["text"], row["field_TYP"], row["words"], row["text_chars"]) == (None, None, 2, 10)
        assert row["text_hash"] is not None


def test_random_bytes() -> None:
    """Whatever bytes come, each physical line has exactly one fate and each reject a reason of the closed list."""
    draw = random.Random(5)
    good = line()
    for _ in range(300):
        data = bytearray(good * 3)
        for _ in range(draw.randint(1, 12)):
            data[draw.randrange(len(data))] = draw.choice([0, 10, 34, 92, 123, 125, 0xD8, 0xFF, draw.randrange(256)])
        batch = read(bytes(data))
        assert batch.lines.total == bytes(data[: batch.end]).count(b"\n")
        assert set(reasons(batch)) <= set(REJECT_REASONS)
        assert batch.end == bytes(data).rfind(b"\n") + 1


def test_identity_by_request_id() -> None:
    """By request id, the same call is the same prediction in whatever file; another row of it is another."""
    about = source(identity="by_request_id")
    one = read(line(), about, file_key=b"a").predictions["uid"][0]
    assert read(b"\n" + line(), about, file_key=b"b").predictions["uid"][0] == one
    assert read(line(row=1), about).predictions["uid"][0] != one
    assert read(line(variant="canary"), about).predictions["uid"][0] != one


def test_identity_by_position() -> None:
    """By position, equal lines at two places, or in two files, are two predictions."""
    about = source(identity="by_position")
    uids = read(line() * 2, about, file_key=b"a").predictions["uid"].to_list()
    assert len({*uids, *read(line(), about, file_key=b"b").predictions["uid"]}) == 3
    assert read(line(), about, file_key=b"a").predictions["uid"][0] == uids[0]


def test_identity_by_line() -> None:
    """By line, equal bytes are one prediction wherever they lie."""
    about = source(identity="by_line")
    uids = read(line() + line(caller="web") + line(), about).predictions["uid"].to_list()
    assert uids[0] == uids[2] != uids[1]


def test_dropped_notice() -> None:
    """The writer's remark about dropped lines is no prediction and no reject."""
    batch = read(b'{"vigie":1,"instance":"i","dropped":4,"seq":9}\n\n')
    assert (batch.lines.other, batch.lines.blank, batch.rejects) == (1, 1, ())


def test_fields_and_errors_are_masked() -> None:
    """A field or an error that quotes somebody is masked like a text; the row is told not to be as it was asked."""
    batch = read(
        line(fields={"TYP": "write to jo@stat.example"}, error="cannot code jo@stat.example") + line(request_id="r2")
    )
    first, second = batch.predictions.to_dicts()
    assert (first["field_TYP"], first["error"]) == ("write to [email]", "cannot code [email]")
    assert ("text_redacted" in first["flags"], second["flags"], batch.masked["email"]) == (True, "", 2)
    hashed = read(line(error="cannot code jo@stat.example"), keep="hash").predictions
    assert hashed["error"].to_list() == ["cannot code [email]"]
