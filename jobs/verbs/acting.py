"""Ask for an action and apply it at once, the way the dashboard's button and the act job do."""

from datetime import datetime

import typer

from monitor.config import Config
from monitor.errors import VigieError
from monitor.store import actions
from monitor.store.store import Store


def act_now(
    store: Store, config: Config, verb: str, subject: str, *, reason: str, who: str, dry_run: bool, now: datetime,
    following: str = "vigie status"
) -> None:  # fmt: skip
    """Insert the action row, apply pending rows, and print what became of it and what to do next; a refusal exits with 2."""
    from jobs.act import act

    if dry_run:
        typer.echo(f"would ask: {verb} {subject} by {who}: {reason}")
        return
    with store.write() as connection:
        number = actions.ask(connection, who, verb, subject, revision=None, reason=reason, now=now)
    act(store, config, now)
    with store.read() as connection:
        done = actions.get(connection, number)
    if done is None:
        raise VigieError(f"action {number} vanished")
    if done["refusal"]:
        typer.echo(f"refused: {done['refusal']}", err=True)
        raise typer.Exit(2)
    typer.echo(f"{verb} {subject}: applied\nNext: {following}")
