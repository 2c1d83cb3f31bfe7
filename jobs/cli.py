"""The service will do what the command line says: `vigie VERB`."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from jobs.verbs import decisions, incidents, installation, models, plan, privacy, questions, service, setup, silences
from jobs.verbs.session import CONFIG_VARIABLE, Session
from monitor.errors import VigieError

app = typer.Typer(
    name="vigie",
    help="Watch text classifiers in production: what changed, since when, and what to do.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.callback()
def _vigie(
    context: typer.Context,
    config: Annotated[
        Path, typer.Option(help=f"Settings; else ${CONFIG_VARIABLE}, else ./config.yaml.", show_default=False)
    ] = Path(os.environ.get(CONFIG_VARIABLE, "config.yaml")),
) -> None:
    context.obj = Session(config)


for subject in (setup, service, questions, models, incidents, silences, plan, decisions, privacy, installation):
    subject.add_to(app)


def main() -> None:
    """Run a verb; an operator's error is one line on stderr and its own exit code."""
    try:
        app()
    except VigieError as error:
        typer.echo(f"vigie: {error}", err=True)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
