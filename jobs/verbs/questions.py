"""Verbs that answer: status, check, compare, backtest, report."""

from datetime import datetime, timedelta
from typing import Annotated

import typer

from jobs.verbs.session import now, session, shell_identity, show

JsonOption = Annotated[bool, typer.Option("--json", help="For machines.")]
PROBE = {"OK": 0, "WATCH": 1, "ALARM": 2, "UNKNOWN": 3, "SILENT": 3}


def add_to(app: typer.Typer) -> None:
    """Register these verbs."""
    app.command("status")(status)
    app.command("check")(check)
    app.command("compare")(compare)
    app.command("backtest")(backtest)
    app.command("report")(report)


def _verdicts(context: typer.Context) -> list[dict[str, object]]:
    from jobs.status import verdicts

    config, store = session(context).both(read_only=True)
    return [
        {"schema_version": 1, "model": model, "status": verdict.status, "sentence": verdict.sentence,
         "since": verdict.since, "incident": verdict.incident_id, **extras}
        for model, verdict, extras in verdicts(store, config, now())
    ]  # fmt: skip


def _failed(context: typer.Context) -> list[str]:
    """Return what became of each job whose newest run did not go well, and the last it said."""
    from monitor.store import runs

    _, store = session(context).both(read_only=True)
    with store.read() as connection:
        failed = [row for row in runs.newest(connection) if row["state"] in runs.UNDONE]
    lines = []
    for row in failed:
        lines.append(f"job {row['job']} {row['state']}: {row['line']}")
        lines += [f"    {line}" for line in (row["stderr_tail"] or "").splitlines()]
    return lines


def status(context: typer.Context, as_json: JsonOption = False) -> None:
    """Verdict per model, the worst first; jobs whose newest run failed, with their last words."""
    found = sorted(_verdicts(context), key=lambda one: -PROBE[str(one["status"])])
    lines = [f"{one['status']:<8} {one['model']:<12} {one['sentence']}" for one in found]
    first = next((one["incident"] for one in found if one["incident"]), None)
    if as_json:
        for one in found:
            show(one, True, [])
        return
    show(
        None,
        False,
        [*(lines or ["no model in config.yaml"]), *_failed(context)],
        f"vigie incidents show {first}" if first else "vigie incidents list --all",
    )


def check(context: typer.Context, model: Annotated[str | None, typer.Argument()] = None) -> None:
    """The same as a monitoring probe: exit 0 OK, 1 WATCH, 2 ALARM, 3 UNKNOWN or SILENT."""
    found = [one for one in _verdicts(context) if model in {None, one["model"]}]
    worst = max(found, key=lambda one: PROBE[str(one["status"])], default=None)
    if worst is None:
        typer.echo("UNKNOWN no such model")
        raise typer.Exit(3)
    typer.echo(f"{worst['status']} {worst['model']}: {worst['sentence']}")
    raise typer.Exit(PROBE[str(worst["status"])])


def compare(
    context: typer.Context,
    model: Annotated[str | None, typer.Argument(help="The champion; needed with several models.")] = None,
    as_json: JsonOption = False,
) -> None:
    """The newest comparison of champion and challenger: exit 0 promote, 20 hold, 21 more labels."""
    from monitor.errors import NoData
    from monitor.store import shadow

    config, store = session(context).both(read_only=True)
    name = model or next(iter(config.models))
    with store.read() as connection:
        newest = shadow.latest_comparison(connection, name)
        troubles = shadow.troubles(connection, name, [c.sha256 for c in config.challengers.values() if c.sha256])
    if newest is None:
        raise NoData(" ".join([f"{name} was not compared yet.", *troubles]), remedy="vigie once shadow")
    lines = [f"{newest['verdict']}: {newest['body'].get('sentence', '')}"]
    lines += [f"  {c['result']:<12} {c['name']}: {c['text']}" for c in newest["body"].get("checks", [])]
    lines += troubles
    show({**newest, "troubles": troubles}, as_json, lines)
    raise typer.Exit({"promote": 0, "hold": 20}.get(newest["verdict"], 21))


def backtest(
    context: typer.Context,
    model: str,
    words: Annotated[list[str] | None, typer.Argument(help="What to try: tolerance_sd=0.05 threshold=5000, or reference_from=2026-01-05 weeks=6.", metavar="[NAME=VALUE]...")] = None,
    as_json: JsonOption = False,
) -> None:  # fmt: skip
    """Replay the stored hours behind the reference: what would have been told as configured, and under other settings."""
    from jobs.backtest import compared
    from monitor.report.replay import lines

    config, store = session(context).both(read_only=True)
    found = compared(store, config, now(), model, words or [])
    show(found, as_json, lines(found))


def report(
    context: typer.Context,
    model: Annotated[str | None, typer.Argument(help="A model; or the number of a report, to have it again.")] = None,
    incident: Annotated[int | None, typer.Option(help="Evidently's own report on this incident instead.")] = None,
    until: Annotated[str | None, typer.Option(help="Last day of the weekly report, ISO date; default: today.")] = None,
    first: Annotated[str | None, typer.Option("--from", help="First day, ISO date: a report of these days.")] = None,
    last: Annotated[str | None, typer.Option("--to", help="Last day, ISO date; default: today.")] = None,
    language: Annotated[str, typer.Option(help="Of a report of days, or after a decision: en or fr.")] = "en",
    after: Annotated[
        int | None,
        typer.Option("--after-decision", help="The two reports on the version that took over after this decision."),
    ] = None,
) -> None:
    """Write the weekly report now, one of any days, one that was made before, or the Evidently drill-down of an incident; prints the file."""
    from jobs import report as reports
    from jobs import succession, write
    from monitor.store import sheets
    from monitor.window import Window

    config, store = session(context).both()
    name = model or next(iter(config.models))
    if incident is not None:
        typer.echo(reports.drill_down(store, config, now(), incident))
    elif after is not None:
        for number in succession.asked(store, config, name, after, now(), language=language, by=shell_identity()):
            typer.echo(write.made_of(store, config, now(), number))
    elif first is not None:
        window, chosen = write.asked(config, name, [first, last or f"{now():%Y-%m-%d}", language])
        with store.write() as connection:
            number = sheets.ask(connection, name, window, chosen, by=shell_identity(), now=now())
        typer.echo(write.made_of(store, config, now(), number))
    elif name not in config.models and name.isascii() and name.isdigit():
        typer.echo(write.made_of(store, config, now(), int(name)))
    else:
        end = now() if until is None else datetime.fromisoformat(until).astimezone(now().tzinfo) + timedelta(days=1)
        typer.echo(reports.make_weekly(store, config, now(), name, Window.of(end - timedelta(days=7), end)))
