"""Verbs on what is announced: add, list, remove."""

from typing import Annotated

import typer

from jobs.verbs.session import now, session, shell_identity, show

plan = typer.Typer(help="Announce deployments, holidays, campaigns and closures.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    """Register these verbs."""
    app.add_typer(plan, name="plan")


@plan.command("add")
def plan_add(
    context: typer.Context,
    kind: Annotated[str, typer.Argument(help="deployment, threshold, revision (moments); holiday, campaign, closure (not judged); maintenance (not told).")],
    start: Annotated[str | None, typer.Option("--from", help="ISO date or time; now if left out.")] = None,
    end: Annotated[str | None, typer.Option("--to", help="ISO date or time, not included.")] = None,
    model: Annotated[str, typer.Option(help="One model; all if left out.")] = "",
    note: Annotated[str, typer.Option(help="A version, a name.")] = "",
) -> None:  # fmt: skip
    """Announce something: moments are marked and named by incidents, stretches of time are not judged."""
    from jobs import plan as plans

    config, store = session(context).both()
    begin, stop = (None if one is None else plans.moment_of(one, config) for one in (start, end))
    one = plans.add(store, config, now(), kind, model, begin=begin or now(), end=stop, note=note,
                    author=config.person(shell_identity()))  # fmt: skip
    show(None, False, [f"#{one.id} {_told(one)}"], "vigie plan list")


@plan.command("list")
def plan_list(context: typer.Context, as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False) -> None:  # fmt: skip
    """List what was announced, the earliest first."""
    from dataclasses import asdict

    from monitor.store import plans

    _, store = session(context).both(read_only=True)
    with store.read() as connection:
        found = plans.of_model(connection)
    if as_json:
        for one in found:
            show({"schema_version": 1, **asdict(one)}, True, [])
        return
    show(None, False, [f"#{one.id:<4} {_told(one)}, by {one.author}" for one in found] or ["nothing is planned"])


@plan.command("remove")
def plan_remove(context: typer.Context, number: int) -> None:
    """Take an entry back; hours that were judged already stay as they are."""
    from jobs import plan as plans

    config, store = session(context).both()
    plans.remove(store, config, now(), number, author=config.person(shell_identity()))
    show(None, False, [f"#{number} is taken back"], "vigie plan list")


def _told(one: object) -> str:
    from monitor.plan import Planned
    from monitor.window import moment

    assert isinstance(one, Planned)
    until = "" if one.to_us is None else f" to {moment(one.to_us):%Y-%m-%d %H:%M}"
    back = "" if one.removed_us is None else ", taken back"
    return f"{one.title}, {moment(one.from_us):%Y-%m-%d %H:%M}{until} UTC, {one.model or 'all models'}{back}"
