"""Verbs on silences: silence, silences, unsilence."""

from typing import Annotated

import typer

from jobs.verbs.incidents import JsonOption, ReasonOption, incidents
from jobs.verbs.session import now, session, shell_identity, show


def add_to(_: typer.Typer) -> None:
    """Register these verbs beside the others on incidents."""
    incidents.command("silence")(silence)
    incidents.command("silences")(silences)
    incidents.command("unsilence")(unsilence)


def silence(
    context: typer.Context,
    reason: ReasonOption,
    length: Annotated[str, typer.Option("--for", help="For so many hours or days: 12h, 3d.")],
    model: Annotated[str, typer.Option(help="Incidents of one model; all if left out.")] = "",
    kind: Annotated[str, typer.Option(help="Whose first cause is of this kind: answers, latency, words ...")] = "",
    confirm: Annotated[bool, typer.Option("--confirm", help="Yes, all kinds of all models.")] = False,
) -> None:
    """Keep messages about incidents of a model or a kind back; what is open at the end is told then."""
    from jobs.silence import add
    from monitor.silence import words_of

    config, store = session(context).both()
    words = words_of(kind, length, reason, is_confirmed=confirm)
    one = add(store, config, now(), model, words, author=config.person(shell_identity()))
    show(None, False, [_told(one)], f"vigie incidents unsilence {one.id}")


def silences(context: typer.Context, as_json: JsonOption = False) -> None:
    """List the silences that go on."""
    from dataclasses import asdict

    from monitor.store import silences as stored

    _, store = session(context).both(read_only=True)
    with store.read() as connection:
        found = stored.on(connection, now())
    if as_json:
        for one in found:
            show({"schema_version": 1, **asdict(one)}, True, [])
        return
    show(None, False, [_told(one) for one in found] or ["nothing is silenced"])


def unsilence(context: typer.Context, number: int) -> None:
    """End a silence now: what is still open is told."""
    from jobs.silence import end

    config, store = session(context).both()
    end(store, config, now(), number, author=config.person(shell_identity()))
    show(None, False, [f"silence {number} is over"], "vigie incidents silences")


def _told(one: object) -> str:
    from monitor.silence import Silence
    from monitor.window import moment

    assert isinstance(one, Silence)
    return f"{one.id:<4} {one.of} until {moment(one.to_us):%Y-%m-%d %H:%M} UTC, by {one.author}: {one.reason}"
