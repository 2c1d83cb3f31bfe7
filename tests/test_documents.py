"""The documents are true: settings are explained, commands exist, links lead somewhere, examples run."""

import asyncio
import json
import re
import shlex
import sys
import typing
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import typer
from pydantic import BaseModel
from ruamel.yaml import YAML

import monitor.line
from jobs.cli import app
from jobs.timetable import NAMED
from monitor.config import Config, load
from monitor.prediction import REJECT_REASONS
from monitor.settings import Source
from monitor.sources.formats import json_lines, python_literal, vigie_line
from monitor.sources.preset import names as presets

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]
MACHINE = re.compile(r"/(?:home|root|tmp|work|Users|mnt)/|C:\\")
REGISTRY = re.compile(
    r"py" r"pi\.|python" r"hosted|conda\.|docker\.io|ghcr\.io|quay\.io", re.IGNORECASE
)  # split: not a host here
FOR_PEOPLE = {"alarm_level", "accuracy_target"}  # facts about a model, computed with by nothing, and said so


def everything_on() -> str:
    """Return config.yaml with every example in force."""
    return re.sub(r"(?m)^(\s*)#(?=[^\s#])", r"\1", (ROOT / "config.yaml").read_text(encoding="utf-8"))


def values(part: BaseModel) -> Iterator[BaseModel]:
    """Yield a part of the settings and all parts below it."""
    yield part
    for name in type(part).model_fields:
        found = getattr(part, name)
        inside = found.values() if isinstance(found, dict) else found if isinstance(found, tuple) else (found,)
        for one in inside:
            if isinstance(one, BaseModel):
                yield from values(one)


def kinds(kind: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """Yield a class of settings and all classes below it."""
    yield kind
    for field in kind.model_fields.values():
        waiting = [field.annotation]
        while waiting:
            one = waiting.pop()
            if isinstance(one, type) and issubclass(one, BaseModel):
                yield from kinds(one)
            waiting += typing.get_args(one)


def blocks(page: str, language: str) -> list[str]:
    """Return the fenced blocks of a page that are written in `language`, indentation taken off."""
    text = (ROOT / page).read_text(encoding="utf-8")
    found = re.findall(rf"(?ms)^( *)```{language}\n(.*?)^ *```$", text)
    return [re.sub(rf"(?m)^{indent}", "", body) for indent, body in found]


def commands() -> list[str]:
    """Return every vigie command the documents and the code's own advice give."""
    code = [p for package in ("monitor", "jobs", "dashboards") for p in (ROOT / package).rglob("*.py")]
    found = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        found += [line for body in re.findall(r"(?ms)```(?:sh|ini)\n(.*?)```", text) for line in body.splitlines()]
        found += re.findall(r"`(vigie [^`]+)`", text)
    for file in code:
        found += re.findall(r"`(vigie [^`{]+)`|remedy=f?\"(vigie [^\"]+)\"", file.read_text(encoding="utf-8"))
    flat = ["".join(one) if isinstance(one, tuple) else one for one in found]
    cut = (re.split(r"#| \\$|/bin/", one.replace("\n", " "))[0] for one in flat)
    return sorted({found[0].strip() for one in cut if (found := re.search(r"^\s*vigie [a-z-].*", one))})


def anchors(page: Path) -> set[str]:
    """Return the names by which headings of a page can be linked."""
    headings = re.findall(r"(?m)^#+ (.+)$", page.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w -]", "", one.lower()).replace(" ", "-") for one in headings}


def line_schema() -> dict[str, Any]:
    """Read docs/line.schema.json."""
    return json.loads((ROOT / "docs/line.schema.json").read_text(encoding="utf-8"))


def test_manual_loads() -> None:
    """config.yaml loads as it stands."""
    assert load(ROOT / "config.yaml").models


def test_manual_tells_defaults() -> None:
    """What config.yaml writes in force for the service as a whole is the default."""
    written = load(ROOT / "config.yaml")
    bare = Config(models=written.models, sources=written.sources)
    general = set(Config.model_fields) - {"path", "data_dir", "database", "models", "sources"}
    assert {name: getattr(written, name) for name in general} == {name: getattr(bare, name) for name in general}


def test_manual_explains_every_setting(tmp_path: Path) -> None:
    """Every setting stands in config.yaml, in its place, with a value that is accepted."""
    file = tmp_path / "config.yaml"
    file.write_text(everything_on(), encoding="utf-8")
    known: dict[type[BaseModel], set[str]] = {}
    for part in values(load(file)):
        known.setdefault(type(part), set()).update(part.model_fields_set)
    missing = [f"{kind.__name__}.{name}" for kind in kinds(Config) for name in kind.model_fields
               if name not in known.get(kind, set()) and name != "path"]  # fmt: skip
    assert missing == []


def test_settings_are_read() -> None:
    """No setting is accepted and then ignored."""
    code = "\n".join(
        file.read_text(encoding="utf-8")
        for package in ("monitor", "jobs", "dashboards")
        for file in (ROOT / package).rglob("*.py")
        if file.parent.name != "settings"
    )
    names = {name for kind in kinds(Config) for name in kind.model_fields} - FOR_PEOPLE
    unread = [name for name in sorted(names) if not re.search(rf"\.{name}\b|[\"']{name}[\"']", code)]
    assert unread == []


@pytest.mark.parametrize("page", [*NAMES, "config.yaml", "Dockerfile", "docs/line.schema.json"])
def test_no_machine(page: str) -> None:
    """No document names a place on somebody's machine, or a package registry."""
    text = (ROOT / page).read_text(encoding="utf-8")
    assert not MACHINE.findall(text)
    assert not REGISTRY.findall(text)


@pytest.mark.parametrize("page", NAMES)
def test_links(page: str) -> None:
    """Every relative link leads to a file, and to a heading in it where it names one."""
    text = re.sub(r"(?ms)^ *```.*?^ *```", "", (ROOT / page).read_text(encoding="utf-8"))
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, heading = target.partition("#")
        found = (ROOT / page).parent / name if name else ROOT / page
        assert found.exists(), target
        assert not heading or heading in anchors(found), target


@pytest.mark.parametrize("command", commands())
def test_commands_exist(command: str) -> None:
    """Every vigie command that is told to somebody exists, options and names of jobs included."""
    try:
        words = shlex.split(command)[1:]
    except ValueError:
        words = command.split()[1:]
    if words[0] == "--config":
        words = words[2:]
    group: Any = typer.main.get_command(app)
    path = []
    while words and hasattr(group, "commands") and not words[0].startswith("-"):
        alternatives = words.pop(0).split("/")
        for word in alternatives:
            assert word in group.commands, f"vigie {' '.join([*path, word])}"
        path.append(alternatives[0])
        group = group.commands[alternatives[0]]
    known = {"--help"} | {option for parameter in group.params for option in parameter.opts}
    for word in words:
        assert not word.startswith("--") or word in known, f"vigie {' '.join(path)} has no {word}"
    if path in (["once"], ["job"]):
        named = [word for word in words[: 1 if path == ["job"] else None] if word.islower()]
        assert set(named) <= set(NAMED), named


def test_scripts_exist() -> None:
    """Every script the documents name is there and may be run."""
    texts = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    named = set(re.findall(r"(?<![\w/.])((?:scripts|\.ci)/\w+|\./install)\b", texts))
    assert {"scripts/demo", "scripts/test", "./install"} <= named
    for name in named:
        assert (ROOT / name).stat().st_mode & 0o111, name


def test_decisions_are_short() -> None:
    """A decision has its three parts and fits on a screen."""
    for page in (ROOT / "docs/decisions").glob("*.md"):
        text = page.read_text(encoding="utf-8")
        assert len(text.splitlines()) <= 25, page.name
        assert all(part in text for part in ("**Context.**", "**Decision.**", "**Consequence.**")), page.name


def test_reject_reasons_have_advice() -> None:
    """Every reason a reader gives has its line in the runbook, and no line is of a reason nobody gives."""
    told = set(re.findall(r"`([a-z_]+)`", "\n".join(re.findall(r"(?m)^\| (`.*?) \|", _section("## Rejects")))))
    code = [*(ROOT / "monitor/sources").rglob("*.py"), ROOT / "monitor/store/arrivals.py", ROOT / "monitor/store/halves.py",
            ROOT / "jobs/reading.py"]  # fmt: skip
    given = {r for r in REJECT_REASONS for file in code if f'"{r}"' in file.read_text(encoding="utf-8")}
    assert told == given


def test_readme_quick_start(tmp_path: Path) -> None:
    """The least configuration of README is complete."""
    file = tmp_path / "my.yaml"
    file.write_text(blocks("README.md", "yaml")[0], encoding="utf-8")
    assert load(file).sources["ape-api"].identity == "by_request_id"


def test_formats_page(tmp_path: Path) -> None:
    """Every source on the page of formats is accepted, its preset too, and every wrapper, format and preset stands there."""
    page = (ROOT / "docs/formats.md").read_text(encoding="utf-8")
    file = tmp_path / "config.yaml"
    for block in blocks("docs/formats.md", "yaml"):
        indented = "".join(f"  {line}\n" for line in block.splitlines())
        file.write_text("models: {ape: {}}\nsources:\n" + indented, encoding="utf-8")
        assert load(file).sources
    options = [one for name in ("wrapper", "format") for one in typing.get_args(Source.model_fields[name].annotation)]
    assert [one for one in (*options, *presets()) if f"`{one}`" not in page and f"### {one}" not in page] == []


def test_operations_settings(tmp_path: Path) -> None:
    """The pieces of configuration in operations.md are accepted together."""
    file = tmp_path / "config.yaml"
    file.write_text("models: {ape: {}}\n" + "".join(blocks("docs/operations.md", "yaml")), encoding="utf-8")
    config = load(file)
    assert config.dashboard.login == "password"
    assert config.database.startswith("postgresql+psycopg://")


def test_schema_names_every_key() -> None:
    """The schema of a line names what the reader reads, and what our writer adds."""
    assert set(line_schema()["properties"]) == {*vigie_line.Line.__struct_fields__, "text_hash"}


@pytest.mark.parametrize("text", ["full", "hash", "none"])
def test_written_lines_fit_schema(tmp_path: Path, text: str) -> None:
    """What monitor.line writes is what the schema describes, and is read back."""
    where = tmp_path / "ape.jsonl"
    lines = monitor.line.Lines(None, model="ape", text=text, where=where, threaded=False)
    lines.write(request_id="7", text="bakery", fields={"TYP": "A", "SRF": 3.5, "NAT": None}, topk=[["10", 0.9], ["47", 0.1]],
                score=0.9, decision="automatic", caller="portal", latency_ms=12.5, status=200)  # fmt: skip
    lines.write(text="x" * 9000, topk=[["10", 1]], time=datetime(2026, 11, 17, 14, 3, tzinfo=UTC))
    lines.write(status=503, error="TimeoutError")
    lines._unsaid = 3
    lines.write(topk=[["10", 0.5]])
    lines.close()
    written = where.read_bytes().splitlines()
    assert len(written) == 5
    for one in written:
        jsonschema.validate(json.loads(one), line_schema())
    source = Source(files="*", format="vigie_line")
    assert [vigie_line.read_line(one, source) is None for one in written] == [False, False, False, True, False]


@pytest.mark.parametrize(
    "broken",
    [{"time": "2026-11-17T14:03:00Z", "text": "a"}, {"vigie": 1, "text": "a"}, {"vigie": 1, "time": "2026-11-17T14:03:00Z"},
     {"vigie": 1, "time": "2026-11-17T14:03:00Z", "topk": [["10"]]}, {"vigie": 1, "time": "2026-11-17T14:03:00Z", "topk": [["10", 2]]},
     {"vigie": 1, "time": "2026-11-17T14:03:00Z", "text": "a", "decision": "maybe"}],
)  # fmt: skip
def test_schema_refuses(broken: dict[str, Any]) -> None:
    """What the reader would reject, the schema rejects too."""
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(broken, line_schema())


def test_middleware_example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The API of logging.md answers as before, and writes lines that fit the schema."""
    monkeypatch.setitem(sys.modules, "line", monitor.line)
    where = tmp_path / "ape.jsonl"
    names: dict[str, Any] = {}
    exec(blocks("docs/logging.md", "python")[0].replace("/var/log/ape/ape.jsonl", str(where)), names)
    body = json.dumps({"request_id": "7", "text": "bakery", "fields": {"TYP": "A"}, "caller": "portal"}).encode()
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    scope = {"type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST", "path": "/predict",
             "raw_path": b"/predict", "query_string": b"", "headers": [], "root_path": "", "scheme": "http"}  # fmt: skip
    asyncio.run(names["app"](scope, receive, send))
    names["app"].close()
    assert sent[0]["status"] == 200
    line = json.loads(where.read_text(encoding="utf-8"))
    jsonschema.validate(line, line_schema())
    assert (line["request_id"], line["topk"][0], line["caller"], line["status"]) == ("7", ["10", 0.93], "portal", 200)
    assert len(line) >= 15


def test_mapping_example() -> None:
    """The mapping of logging.md reads the line beside it."""
    source = Source(**YAML(typ="safe").load(blocks("docs/logging.md", "yaml")[0])["ape-api"])
    line = blocks("docs/logging.md", "json")[0].replace("\n", " ")
    (record,) = json_lines.read_line(line.encode(), source) or []
    assert (record.text, record.fields, record.caller) == ("boulangerie artisanale", {"TYP": "A"}, "portal")
    assert (record.labels, record.scores, record.latency_ms) == (["10", "47"], [0.93, 0.04], 43.0)
    assert json_lines.read_line(line.replace('"prediction"', '"start"').encode(), source) is None


def test_literal_example() -> None:
    """The printed dictionary of logging.md is read."""
    source = Source(files="*", format="python_literal", zone="Europe/Paris")
    (record,) = python_literal.read_line(blocks("docs/logging.md", "text")[0].strip().encode(), source) or []
    assert record.text == "fabrication d'objets en bois"
    assert (record.labels, record.logged_score) == (["16", "31"], 0.81)


def test_image_follows_install() -> None:
    """The image installs by the same script, has no root, runs `vigie up`, and asks where health answers by default."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert text.index("USER vigie") < text.index("RUN ./install") < text.index('CMD ["up"]')
    assert f"http://127.0.0.1:{Config(models={'ape': {}}).health.port}/healthz" in text


def _section(heading: str) -> str:
    text = (ROOT / "docs/runbooks.md").read_text(encoding="utf-8")
    return text[text.index(heading) :]
