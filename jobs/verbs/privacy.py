"""Verbs about what is kept of people: erase."""

from pathlib import Path
from typing import Annotated

import typer

from jobs.verbs.session import now, session, show


def add_to(app: typer.Typer) -> None:
    """Register these verbs."""
    app.command("erase")(erase)


def erase(
    context: typer.Context,
    request_id: Annotated[list[str] | None, typer.Option(help="A call to forget; may be given several times.")] = None,
    text_file: Annotated[Path | None, typer.Option(help="A file with texts to forget, one a line.")] = None,
    model: Annotated[str | None, typer.Option(help="Of this model only.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go, and change nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
) -> None:
    """Delete the predictions of calls or texts from every table, report and log of the database, for good."""
    from jobs.erase import erase as erased_by
    from monitor.errors import ConfigError

    if not request_id and text_file is None:
        raise ConfigError("nothing to erase was named", remedy="give --request-id or --text-file")
    config, store = session(context).upgraded()
    texts = [] if text_file is None else [line for line in text_file.read_text(encoding="utf-8").splitlines() if line]
    told = erased_by(store, config, now(), request_ids=request_id or [], texts=texts, model=model, is_rehearsal=dry_run)
    verb = "would be erased" if dry_run else "erased"
    lines = [f"{told.predictions} predictions {verb}"]
    lines += [f"  {table}: {count} rows" for table, count in sorted(told.rows.items()) if count]
    lines += [f"  report {name} deleted: it quoted one" for name in told.reports]
    lines += ["The lines still lie in what is not ours to change:"] * bool(told.files)
    lines += [f"  {name}" for name in told.files]
    if store.dialect == "postgresql" and not dry_run:
        lines.append("  and in the server's write-ahead log, archives and backups, until they are rotated")
    lines += ["Mails that were sent, and backups made before, are with whoever has them."] * (told.predictions > 0)
    show(vars(told), as_json, lines)
