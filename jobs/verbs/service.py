"""Verbs that run the service: demo, up, run, once, job, watchdog; and the dashboard."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from jobs.verbs.session import log_to_stderr, now, session, show
from monitor.errors import Unhealthy


def add_to(app: typer.Typer) -> None:
    """Register these verbs."""
    app.command("demo")(demo)
    app.command("up")(up)
    app.command("run")(run)
    app.command("once")(once)
    app.command("job")(job)
    app.command("watchdog")(watchdog)


def demo(
    once: Annotated[bool, typer.Option(help="Do everything, print the summary, and end.")] = False,
    directory: Annotated[Path, typer.Option("--dir", help="Everything is kept in this folder.")] = Path("demo-data"),
    seed: Annotated[int, typer.Option(help="Another seed gives other texts and other traffic.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as one JSON object.")] = False,
) -> None:
    """The whole loop on real texts: trains, serves, logs, ingests, detects, compares, alerts, decides, shows."""
    from jobs.demo.demo import demo as whole_loop

    raise typer.Exit(whole_loop(directory, once=once, as_json=as_json, seed=seed))


def up(context: typer.Context) -> None:
    """Run the scheduler and the dashboard until a signal."""
    import subprocess
    import sys

    from jobs.child import bound
    from jobs.schedule import run as run_until_signal

    log_to_stderr()
    config, store = session(context).upgraded()
    command = [sys.executable, "-m", "dashboards.app", "--config", str(config.path)]
    screen = subprocess.Popen(command, preexec_fn=bound())  # noqa: PLW1509
    try:
        run_until_signal(store, config, wanted=lambda: screen.poll() is None)
        ended = screen.poll()
    finally:
        screen.terminate()
        screen.wait()
    if ended is not None:
        raise Unhealthy(
            f"the dashboard ended by itself with {ended}", "vigie up", "read its last lines above, then start again"
        )


def run(context: typer.Context) -> None:
    """Run the scheduler alone until a signal."""
    from jobs.schedule import run as run_until_signal

    log_to_stderr()
    config, store = session(context).upgraded()
    run_until_signal(store, config)


def dashboard(context: typer.Context) -> None:
    """Serve the dashboard alone until a signal."""
    import os
    import sys

    config = session(context).config()
    os.execv(sys.executable, [sys.executable, "-m", "dashboards.app", "--config", str(config.path)])


def once(
    context: typer.Context,
    jobs: Annotated[list[str] | None, typer.Argument(help="Names of jobs; none: all that are due.")] = None,
    as_json: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """Run all due jobs, or the named ones, once, in the order of one pass; the exit code is the worst."""
    from jobs.supervise import run_due, run_slot
    from jobs.timetable import JOBS, NAMED

    log_to_stderr()
    unknown = [name for name in jobs or [] if name not in NAMED]
    if unknown:
        raise typer.BadParameter(f"no job {unknown[0]}; there are {', '.join(NAMED)}")
    config, store = session(context).upgraded()
    outcomes = []
    for one in JOBS:
        if not jobs:
            outcomes.append(run_due(store, config, one, now))
        elif one.name in jobs:
            outcomes.append(run_slot(store, config, one, now(), now))
    for outcome in outcomes:
        show(None, False, [outcome.to_json() if as_json else f"{outcome.job:<10} {outcome.state:<8} {outcome.line}"])
    raise typer.Exit(max((outcome.code for outcome in outcomes), default=0))


def job(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Name of the job.")],
    slot: Annotated[str | None, typer.Option(help="The slot to claim, ISO time; default: the newest.")] = None,
    result: Annotated[Path | None, typer.Option(help="Write the outcome as JSON to this file.")] = None,
) -> None:
    """Run one job as a step of Argo, Airflow or a Makefile; it claims its slot like anybody else."""
    from jobs.supervise import run_slot
    from jobs.timetable import NAMED

    log_to_stderr()
    if name not in NAMED:
        raise typer.BadParameter(f"no job {name}; there are {', '.join(NAMED)}")
    config, store = session(context).upgraded()
    when = NAMED[name].slot(config, now()) if slot is None else datetime.fromisoformat(slot).astimezone(UTC)
    outcome = run_slot(store, config, NAMED[name], when, now)
    if result is not None:
        result.write_text(outcome.to_json() + "\n", encoding="utf-8")
    show(None, False, [outcome.to_json()])
    raise typer.Exit(outcome.code)


def watchdog(context: typer.Context) -> None:
    """For cron or a timer: is the scheduler alive, do messages leave? Mails, at most hourly, and ends with 8 when not."""
    from jobs.watchdog import look, tell

    config = session(context).config()
    found = look(config, now())
    if found:
        raise Unhealthy("; ".join([*found, tell(config, found, now())]), remedy="vigie doctor")
    show(None, False, ["the scheduler ticks, and no message waits"])
