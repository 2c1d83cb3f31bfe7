"""Verbs that help to set up and to find what is wrong: doctor."""

from typing import Annotated

import typer

from jobs.verbs.session import now, session, show


def add_to(app: typer.Typer) -> None:
    """Register these verbs."""
    app.command("doctor")(doctor)


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
