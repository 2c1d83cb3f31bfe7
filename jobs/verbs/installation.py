"""Verbs on the installation: config, db, dashboard, rebuild, backfill."""

from typing import Annotated

import typer

from jobs.verbs.session import now, session, show

JsonOption = Annotated[bool, typer.Option("--json", help="For machines.")]
settings = typer.Typer(help="Check and show config.yaml.", no_args_is_help=True)
database = typer.Typer(help="The database's tables.", no_args_is_help=True)
dashboard = typer.Typer(help="Serve the dashboard alone; passwd writes an account.", invoke_without_command=True)


def add_to(app: typer.Typer) -> None:
    """Register these verbs."""
    app.add_typer(settings, name="config")
    app.add_typer(database, name="db")
    app.add_typer(dashboard, name="dashboard")
    app.command("rebuild")(rebuild)
    app.command("backfill")(backfill)


@settings.command("check")
def config_check(context: typer.Context) -> None:
    """Name every problem at once, with file, line and column; exit 3 when there is one."""
    config = session(context).config()
    config.holidays()
    typer.echo(f"{config.path}: ok, {len(config.models)} models, {len(config.sources)} sources\nNext: vigie up")


@settings.command("show")
def config_show(context: typer.Context) -> None:
    """Print the settings in force, defaults included, as JSON."""
    typer.echo(session(context).config().model_dump_json(indent=2))


@settings.command("schema")
def config_schema() -> None:
    """Print the JSON Schema of config.yaml."""
    import json

    from monitor.config import Config

    typer.echo(json.dumps(Config.model_json_schema(by_alias=True), indent=2))


@database.command("upgrade")
def db_upgrade(context: typer.Context) -> None:
    """Create missing tables, or bring old ones up to date."""
    from monitor.store import schema
    from monitor.store.store import Store

    config = session(context).config()
    store = Store.open(config.database)
    typer.echo(f"{store.place}: tables are at {schema.upgrade(store)}\nNext: vigie once")


@database.command("roles")
def db_roles(
    jobs: Annotated[str, typer.Option(help="Role that runs the jobs.")] = "vigie_jobs",
    dashboard: Annotated[str, typer.Option(help="Role that serves the dashboard.")] = "vigie_dashboard",
) -> None:
    """Print the SQL that gives two roles of PostgreSQL the rights they need, for the owner of the tables to run."""
    from monitor.store.roles import statements

    for statement in statements(jobs, dashboard):
        typer.echo(f"{statement};")


@database.command("check")
def db_check(
    context: typer.Context, model: Annotated[str | None, typer.Option()] = None, as_json: JsonOption = False
) -> None:
    """Compare every stored profile with one rebuilt from its rows; exit 8 when any differs."""
    from jobs.rebuild import differing
    from monitor.store import profiles

    config, store = session(context).both(read_only=True)
    found = {}
    for name in config.models if model is None else [model]:
        with store.read() as connection:
            span = profiles.span(connection, name)
        found[name] = differing(store, name, span) if span else []
    lines = [f"{name}: {len(hours)} hours differ from their rows" for name, hours in found.items()]
    show(found, as_json, lines, "vigie rebuild" if any(found.values()) else "vigie status")
    raise typer.Exit(8 if any(found.values()) else 0)


def rebuild(
    context: typer.Context, model: str, days: Annotated[int, typer.Option(min=1, help="Back from now.")] = 1
) -> None:
    """Rebuild stored profiles from their rows where they differ."""
    from datetime import timedelta

    from jobs.rebuild import mend
    from monitor.window import Window

    _, store = session(context).both()
    typer.echo(mend(store, model, Window.of(now() - timedelta(days=days), now() + timedelta(hours=1))))


def backfill(
    context: typer.Context,
    folders: Annotated[list[str], typer.Argument(help="Folders with log files, or globs in quotes.")],
    source: Annotated[str, typer.Option(help="The source of config.yaml whose lines these are.")],
    master: Annotated[
        str | None, typer.Option(help="A Spark cluster: spark://host:7077, yarn, local[*]; else this process counts.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count, and store nothing.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Count log files of the past by the hour, here or on Spark, where the service read nothing; keeps no text and no row."""
    from functools import partial

    from jobs.backfill import backfill as fill
    from jobs.backfill import told
    from monitor.engines import days, spark

    config, store = session(context).upgraded()
    if master is None:
        found = fill(store, config, now(), source, folders=folders, count=days.count, is_rehearsal=dry_run)
    else:
        with spark.session(master) as cluster:
            counted = partial(spark.count, cluster)
            found = fill(store, config, now(), source, folders=folders, count=counted, is_rehearsal=dry_run)
    show(found, as_json, told(found), "vigie status" if dry_run else "vigie reference pin MODEL --reason ...")


@dashboard.callback()
def dashboard_serve(context: typer.Context) -> None:
    """Serve the dashboard alone until a signal."""
    if context.invoked_subcommand is None:
        from jobs.verbs.service import dashboard as serve

        serve(context)


@dashboard.command("passwd")
def passwd(context: typer.Context, name: str) -> None:
    """Write an account with a password typed twice; the file is dashboard.passwords of config.yaml."""
    from monitor.accounts import write_account
    from monitor.errors import ConfigError

    config = session(context).config()
    if config.dashboard.passwords is None:
        raise ConfigError("dashboard.passwords names no file", where=str(config.path))
    write_account(config.dashboard.passwords, name, typer.prompt("password", hide_input=True, confirmation_prompt=True))
    typer.echo(f"{name} may log in\nNext: vigie dashboard")
