"""The command line answers calmly where there is nothing, and names every mistake at once."""

import json

import pytest
from typer.testing import CliRunner

from jobs import cli
from monitor.store import decisions, runs
from tests.conftest import CONFIG, NOW, Place, opened


def run(place: Place, *arguments: str, monkeypatch: pytest.MonkeyPatch, capsys) -> tuple[int, str]:
    """Run `vigie` as its console script does, in this process; return exit code and everything it said."""
    monkeypatch.setattr("sys.argv", ["vigie", "--config", str(place.path), *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    said = capsys.readouterr()
    return int(ended.value.code or 0), said.out + said.err


def rows(said: str) -> list[dict]:
    """Return the JSON lines of what was said."""
    return [json.loads(line) for line in said.splitlines() if line.startswith("{")]


@pytest.fixture
def vigie(quick_place: Place, monkeypatch: pytest.MonkeyPatch, capsys):
    """Return a function that runs a verb on SQLite."""
    return lambda *arguments: run(quick_place, *arguments, monkeypatch=monkeypatch, capsys=capsys)


def test_all_wrong_keys_at_once(quick_place: Place, vigie) -> None:
    """Each wrong key is told as file:line:column with the nearest known key, all in one run, and the exit code is 3."""
    wrong = ["modles: {}", "dashbord: {}", "ingest: {batch_mb: 4}", "detection: {threshhold: 1000, clip: 0}"]
    base = (
        CONFIG.format(database="", more="")
        .replace("    classes: 4", "    clases: 4")
        .replace("    model: ape", "    modle: ape")
    )
    quick_place.path.write_text(base + "\n".join(wrong) + "\n", encoding="utf-8")
    text = quick_place.path.read_text().splitlines()

    def place(key: str) -> str:
        line = next(n for n, one in enumerate(text, 1) if key in one)
        return f"{quick_place.path}:{line}:{text[line - 1].index(key) + 1}"

    code, said = vigie("config", "check")
    assert code == 3
    told = said.removeprefix("vigie: ").strip().splitlines()
    assert told == [
        f"{place('clases')}: models.ape.clases: unknown key; did you mean classes?",
        f"{place('modle:')}: sources.api.modle: unknown key; did you mean model?",
        f"{place('modles')}: modles: unknown key; did you mean models?",
        f"{place('dashbord')}: dashbord: unknown key; did you mean dashboard?",
        f"{place('batch_mb')}: ingest.batch_mb: unknown key; did you mean batch_mib?",
        f"{place('threshhold')}: detection.threshhold: unknown key; did you mean threshold?",
        f"{place('clip')}: detection.clip: Input should be greater than 0",
    ]


@pytest.mark.parametrize(
    ("calendar", "wrong"),
    [
        ("every: quarter", ":{line}:20: retraining.ape.calendar: every: quarter needs anchor"),
        (
            "every: quarter, anchr: 2026-01-15",
            ":{line}:47: retraining.ape.calendar.anchr: unknown key; did you mean anchor?",
        ),
        ("every: quarter, anchor: soon", ":{line}:47: retraining.ape.calendar.anchor: Input should be a valid date"),
    ],
)
def test_calendar(quick_place: Place, vigie, calendar: str, wrong: str) -> None:
    """A calendar that cannot be reckoned with is told with its place and what to write."""
    text = CONFIG.format(database="", more=f"retraining: {{ape: {{calendar: {{{calendar}}}}}}}\n")
    quick_place.path.write_text(text, encoding="utf-8")
    code, said = vigie("config", "check")
    line = next(number for number, one in enumerate(text.splitlines(), 1) if one.startswith("retraining"))
    assert (code, wrong.format(line=line) in said) == (3, True), said


def test_loose_ends(quick_place: Place, vigie) -> None:
    """Names that lead nowhere are told with their place."""
    more = "retraining: {apee: {}}\nchallengers: {new: {of: apee, path: x, version: '2'}, two: {of: apee, path: y, version: '2'}}\n"
    quick_place.path.write_text(
        CONFIG.format(database="", more=more).replace("    model: ape", "    model: apee"), encoding="utf-8"
    )
    code, said = vigie("config", "check")
    assert code == 3
    for name in (
        "sources.api.model: apee is not among models",
        "challengers.new.of",
        "challengers.two.version: new is to be that version of apee already",
        "shadow.trusted_roots",
        "retraining.apee",
    ):
        assert name in said


@pytest.mark.parametrize(
    ("hours", "wrong"),
    [
        ("zone: Mars/Olympus", "zone 'Mars/Olympus' is not known"),
        ("from: '18:00', to: '08:30'", "from needs to be before to"),
        ("days: someday", "'someday' is no day or range of days"),
        ("to: '24:00'", "working_hours.to"),
        ("holidays: off.csv", "off.csv:3: a row begins with a date"),
        ("holidays: none.csv", "none.csv: cannot be read"),
    ],
)
def test_working_hours(quick_place: Place, vigie, hours: str, wrong: str) -> None:
    """Hours that cannot be reckoned with are refused, and so are holidays that cannot be read."""
    (quick_place.folder / "off.csv").write_text("date,name\n2026-12-25,Christmas\nChristmas\n")
    quick_place.path.write_text(CONFIG.format(database="", more=f"working_hours: {{{hours}}}\n"))
    code, said = vigie("config", "check")
    assert (code, wrong in said) == (3, True), said


@pytest.mark.parametrize("text", ["", "- 1", "a: [", "models: {ape: 5}", "\x00"])
def test_no_settings(quick_place: Place, vigie, text: str) -> None:
    """A file that is no config is one sentence and exit 3, never a traceback."""
    quick_place.path.write_text(text)
    code, said = vigie("config", "check")
    assert (code, "Traceback" in said, "config.yaml" in said) == (3, False, True)


def test_no_file(quick_place: Place, vigie) -> None:
    """A missing config.yaml is named."""
    quick_place.path.unlink()
    code, said = vigie("status")
    assert (code, str(quick_place.path) in said) == (3, True)


def test_status_before_anything(vigie) -> None:
    """Before the first run, status says that nothing is there and what to do."""
    code, said = vigie("status")
    assert (code, "there is no database yet" in said, "vigie once" in said) == (4, True, True)


def test_status_tells_last_words(quick_place: Place, vigie) -> None:
    """A job whose newest run failed stands below the verdicts with what it said last, harmless to a terminal; one that went well does not."""
    quick_place.configure()
    with opened(quick_place.database) as store, store.write() as connection:
        for job, state in (("labels", "failed"), ("report", "ok")):
            fence = runs.claim(connection, job, 5, "here:1:0", 10)
            runs.finish(connection, (job, 5, fence or 0), state, "no such folder", "", now_us=11)
            runs.overhear(connection, (job, 5), "here:1:0", "Traceback\n\x1b[2Jhalt")
    said = vigie("status")[1]
    assert "job labels failed: no such folder\n    Traceback\n    \\x1b[2Jhalt\n" in said
    assert "report" not in said


def test_once_on_an_empty_store(quick_place: Place, vigie) -> None:
    """The first pass over nothing ends with 0; then every question has an answer."""
    code, said = vigie("once", "--json")
    assert code == 0
    assert {row["state"] for row in rows(said)} == {"ok"}
    code, said = vigie("status", "--json")
    assert (code, json.loads(said)["status"]) == (0, "UNKNOWN")
    assert vigie("check")[0] == 3
    assert vigie("incidents", "list") == (0, "no incident is open\nNext: vigie status\n")
    assert vigie("decisions", "list")[0] == 0
    assert vigie("outbox", "list")[0] == 0
    assert vigie("db", "check")[0] == 0
    assert vigie("compare")[0] == 7
    assert vigie("incidents", "show", "1")[0] == 7
    assert vigie("rebuild", "ape")[0] == 7


def test_what_an_approval_runs(quick_place: Place, vigie) -> None:
    """The command is shown where an approval would run it, and nowhere else."""
    vigie("once")
    parts = {
        "model": "ape",
        "evidence": {},
        "requester": "vigie",
        "trigger": {"kind": "command", "command": ["make", "train"]},
    }
    with opened(quick_place.database) as store, store.write() as connection:
        for kind in ("wait", "retrain"):
            proposal = {**parts, "recommendation": kind}
            decisions.propose(connection, proposal, sentence=kind, now=NOW, expires_days=14)
    assert "approval runs: nothing; it is only put on record\n" in vigie("decisions", "show", "1")[1]
    assert "approval runs: make train\n" in vigie("decisions", "show", "2")[1]


def test_once_twice(quick_place: Place, vigie) -> None:
    """The second run of due jobs finds only what looks every minute."""
    quick_place.write(200)
    vigie("once")
    code, said = vigie("once", "--json")
    states = {row["job"]: row["state"] for row in rows(said)}
    assert code == 0
    assert {states[name] for name in ("summarise", "detect", "estimate", "decide", "report")} == {"not_due"}


def test_unknown_job(vigie) -> None:
    """A job that is none is refused with the list of those that are."""
    code, said = vigie("once", "nonsense")
    assert (code, "ingest" in said) == (2, True)


def test_upgrade_needed(quick_place: Place, vigie) -> None:
    """A database of other tables is refused with the verb that helps."""
    import sqlite3

    vigie("db", "upgrade")
    with sqlite3.connect(quick_place.folder / "data/vigie.db") as connection:
        connection.execute("update alembic_version set version_num = '0000'")
    code, said = vigie("status")
    assert (code, "vigie db upgrade" in said) == (4, True)


def test_every_verb_has_help() -> None:
    """Each verb explains itself."""
    runner, names = CliRunner(), []
    for command in cli.app.registered_commands:
        names.append([command.name])
    for group in cli.app.registered_groups:
        names += [[group.name, command.name] for command in group.typer_instance.registered_commands]
    assert len(names) > 15
    for name in names:
        result = runner.invoke(cli.app, [*name, "--help"])
        assert result.exit_code == 0
        assert "Usage" in result.output


def test_postgresql(postgres, tmp_path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    """The same verbs work on PostgreSQL, from an empty database on."""
    place = Place(tmp_path, postgres(empty=True))
    place.configure()
    place.write(100)

    def vigie(*arguments: str) -> tuple[int, str]:
        return run(place, *arguments, monkeypatch=monkeypatch, capsys=capsys)

    assert vigie("status")[0] == 4
    assert vigie("once", "ingest", "summarise", "detect")[0] == 0
    assert vigie("status")[0] == 0
    assert vigie("db", "check", "--json") == (0, '{"ape": []}\n')
