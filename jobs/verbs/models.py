"""Verbs about a model: reference pin and show, challenger pin and test, labels import."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from jobs.verbs.session import now, session, shell_identity, show

JsonOption = Annotated[bool, typer.Option("--json", help="For machines.")]
reference = typer.Typer(help="Which period is normal, and whether it is clean.", no_args_is_help=True)
challenger = typer.Typer(help="Trust an artefact by its digest.", no_args_is_help=True)
labels = typer.Typer(help="Truth in.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    """Register these verbs."""
    app.add_typer(reference, name="reference")
    app.add_typer(challenger, name="challenger")
    app.add_typer(labels, name="labels")


@reference.command("pin")
def reference_pin(
    context: typer.Context,
    model: str,
    reason: Annotated[str, typer.Option(help="Why this period is normal.")],
    start: Annotated[str | None, typer.Option("--from", help="First day, ISO date.")] = None,
    weeks: Annotated[int, typer.Option(min=2, help="Whole weeks from there.")] = 6,
    dry_run: Annotated[bool, typer.Option(help="Say what would be pinned.")] = False,
) -> None:
    """Pin the period that is normal from now on; it is checked against itself first."""
    from jobs.pin import pin
    from monitor.errors import NoData
    from monitor.store import profiles
    from monitor.window import Window, start_of

    config, store = session(context).both()
    with store.read() as connection:
        span = profiles.span(connection, model)
    if span is None:
        raise NoData(f"{model} has no profiles yet", remedy="vigie once ingest summarise")
    first = start_of(span.first) if start is None else datetime.fromisoformat(start).replace(tzinfo=UTC)
    window = Window.of(first, first + timedelta(weeks=weeks))
    if dry_run:
        typer.echo(f"would pin {window} as the reference of {model}")
        return
    who = config.person(shell_identity())
    typer.echo(pin(store, config, now(), model, window, by=who, reason=reason))


@reference.command("renew")
def reference_renew(
    context: typer.Context,
    model: str,
    metrics: Annotated[
        list[str], typer.Argument(help="answers, sureness, latency, words, length, errors, volume or field:NAME.")
    ],
    since: Annotated[datetime, typer.Option(help="When the new normal began, UTC.")],
    reason: Annotated[str, typer.Option(help="Why that is normal now.")],
) -> None:
    """Learn some metrics anew: no bet on them for two weeks, which then are what is usual; all else stays."""
    from jobs.renew import renew

    config, store = session(context).both()
    who = config.person(shell_identity())
    typer.echo(renew(store, config, now(), model, metrics, since=since.replace(tzinfo=UTC), by=who, reason=reason))


@reference.command("show")
def reference_show(context: typer.Context, model: str, as_json: JsonOption = False) -> None:
    """Show the pinned reference of a model, and the smallest changes that would be told with it."""
    from monitor.detection import power, renewal
    from monitor.detection.baseline import Baseline
    from monitor.errors import NoData
    from monitor.store import profiles, references
    from monitor.window import Window

    config, store = session(context).both(read_only=True)
    with store.read() as connection:
        pinned = references.active(connection, model)
        if pinned is None:
            raise NoData(f"{model} has no reference", remedy=f"vigie reference pin {model} --reason ...")
        window = Window(pinned.first_hour, pinned.end_hour)
        usual = profiles.total(connection, model, window)
    clean = {1: "clean", 0: "NOT clean", None: "not checked"}[pinned.clean]
    fitted = Baseline.from_bytes(pinned.baseline)
    seen = power.rows(power.table(fitted, usual, config.detection))
    blind, thin = power.blind(fitted, config.detection), power.thin(fitted)
    value = {
        "model": model,
        "window": str(window),
        "by": pinned.pinned_by,
        "reason": pinned.reason,
        "clean": clean,
        "other": renewal.sentences(fitted),
        "told": seen,
        "blind": blind,
        "thin": thin,
    }
    lines = [
        f"{model}: {window}, {clean}; by {pinned.pinned_by}: {pinned.reason}",
        *(f"Other than that: {sentence}" for sentence in renewal.sentences(fitted)),
        "Changes that would be told, typically:",
    ]
    lines += ["  " + ", ".join([f"{row['change']}: {row[power.HEADINGS[0]]} within a day", f"{row[power.HEADINGS[1]]} within a week",
                                f"{row[power.HEADINGS[2]]} within four weeks"]) for row in seen]  # fmt: skip
    lines += [
        f"Blind here: {name}. In the reference it moves by itself as much as what should be told." for name in blind
    ]
    lines += [f"Not watched here: {name}. Too few predictions a day." for name in thin]
    show(value, as_json, [*lines, "What is smaller cannot be seen with this reference."])


@challenger.command("pin")
def challenger_pin(context: typer.Context, name: str) -> None:
    """Print the digest of an artefact's files; a person copies it into config.yaml. Nothing is loaded."""
    from monitor.errors import ConfigError
    from monitor.shadow.manifest import pin_of

    config = session(context).config()
    if name not in config.challengers:
        raise ConfigError(f"no challenger {name}", where=str(config.path))
    typer.echo(f"sha256: {pin_of(config.challengers[name].path)}")
    typer.echo(f"Next: write it under challengers.{name}, with runs_code: accepted if you trust its author")


@labels.command("import")
def labels_import(context: typer.Context) -> None:
    """Read the label files that config.yaml names; what is known already changes nothing."""
    from jobs.labels import labels as import_labels

    config, store = session(context).both()
    typer.echo(import_labels(store, config, now()))
