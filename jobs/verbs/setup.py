"""Verbs that help to set up and to find what is wrong: init, doctor."""

from pathlib import Path
from typing import Annotated

import typer

from jobs.verbs.session import now, session, show


def add_to(app: typer.Typer) -> None:
    """Register these verbs."""
    app.command("init")(init)
    app.command("doctor")(doctor)


def init(
    context: typer.Context,
    logs: Annotated[list[str], typer.Option(help="Log files, as a glob in quotes; may be given several times.")],
    labels: Annotated[str | None, typer.Option(help="CSV files with what people found, as a glob.")] = None,
    model: Annotated[str | None, typer.Option(help="Name of the model; else it comes from the glob.")] = None,
    out: Annotated[
        Path | None, typer.Option(help="The file to write; else config.yaml, as every verb reads it.")
    ] = None,
    force: Annotated[bool, typer.Option(help="Write over a file that is there.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Look at log files and write a config.yaml that reads them, each guess explained; refuses to write over one."""
    from jobs.init import facts, label_file, look
    from jobs.init_write import report, written
    from monitor.config import load
    from monitor.errors import ConfigError

    path = (out or session(context).path).resolve()
    if path.exists() and not force:
        raise ConfigError("is there already", where=str(path), remedy="--out ANOTHER.yaml, or --force")
    found = look(logs)
    told = facts(found)
    text = written(found, told, model, label_file(labels) if labels else None, path.parent)
    path.write_text(text, encoding="utf-8")
    load(path)
    guesses = {one.name: {**one.guess.settings, "lines": one.guess.lines, "read": one.guess.read, "other": one.guess.other,
                          "refused": dict(one.guess.refused)} for one in found}  # fmt: skip
    lines = [*report(found, told), f"written: {path}, {text.count('DECIDE:')} lines to decide"]
    show(
        {"path": str(path), "sources": guesses},
        as_json,
        lines,
        f"vigie --config {path} config check, then vigie --config {path} once",
    )


def doctor(
    context: typer.Context, as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False
) -> None:
    """Say what is wrong, what it means and what to do; exit 8 when something is bad, else 0."""
    from jobs.doctor import Finding, worst
    from jobs.doctor_whole import diagnosed
    from monitor.errors import StoreError

    config = session(context).config()
    try:
        store = session(context).store(config, read_only=True)
    except StoreError as error:
        store, missing = (
            None,
            [Finding("database", "bad", error.what, error.remedy or "look at the database's own log")],
        )
    else:
        missing = []
    found = [*missing, *diagnosed(store, config, now())]
    lines = []
    for one in sorted(found, key=lambda one: ("bad", "warn", "unknown", "ok").index(one.state)):
        lines.append(f"{one.state:<8}{one.what}: {one.means}")
        lines += [f"        -> {one.do}"] if one.do else []
    state = worst(found)
    show([vars(one) for one in found], as_json, lines, "vigie once ingest" if state == "bad" else "vigie status")
    raise typer.Exit(8 if state == "bad" else 0)
