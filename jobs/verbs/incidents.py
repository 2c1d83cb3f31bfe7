"""Verbs on incidents: list, show, ack, snooze, close."""

from typing import Annotated

import typer

from jobs.verbs.session import now, session, shell_identity, show

JsonOption = Annotated[bool, typer.Option("--json", help="For machines.")]
ReasonOption = Annotated[str, typer.Option(help="Kept with the action.")]
incidents = typer.Typer(help="Work on incidents.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    """Register these verbs."""
    app.add_typer(incidents, name="incidents")


@incidents.command("list")
def list_incidents(
    context: typer.Context,
    model: Annotated[str | None, typer.Option()] = None,
    every: Annotated[bool, typer.Option("--all", help="Closed ones too.")] = False,
    as_json: JsonOption = False,
) -> None:
    """List incidents, newest first; open and recovering ones unless --all."""
    from monitor.store import groups
    from monitor.store import incidents as stored
    from monitor.window import start_of

    _, store = session(context).both(read_only=True)
    with store.read() as connection:
        found = stored.all(connection, model, None if every else ("open", "recovering"))
        others = {one.id: groups.together(connection, one.id) for one in found}
    if as_json:
        for one in found:
            show(_plain(one), True, [])
        return
    lines = [f"#{one.id:<4} {one.state:<10} {one.model:<12} since {start_of(one.onset_hour):%d %b %H:%M}  {_claim(one)}{_whose(one)}{_beside(others[one.id])}"
             for one in found]  # fmt: skip
    following = f"vigie incidents show {found[0].id}" if found else "vigie status"
    show(None, False, lines or ["no incident is open"], following)


@incidents.command("show")
def show_incident(context: typer.Context, number: int, as_json: JsonOption = False) -> None:
    """Show one incident: what changed, by how much, for whom, what holds its messages back, and what was done."""
    from dataclasses import asdict

    from monitor.detection.explain import beside_chance, then_now
    from monitor.store import groups, holding
    from monitor.store import incidents as stored
    from monitor.store.rollback import replayed
    from monitor.window import hour_of, start_of

    config, store = session(context).both(read_only=True)
    with store.read() as connection:
        others = groups.together(connection, number)
        one = stored.get(connection, number)
        sources = [source.name for source in config.sources.values() if source.model in {None, one.model}]
        held = holding.holding(connection, one, sources, now())
        waits = holding.waiting(connection, number)
        history = stored.history(connection, number)
        replay = replayed(connection, one, config.challengers.values(), hour_of(now()) + 1)
    lines = [f"#{one.id} {one.model}: {_claim(one)}",
             f"{one.state}, since {start_of(one.onset_hour):%Y-%m-%d %H:%M}, found {start_of(one.found_hour):%Y-%m-%d %H:%M} UTC{_whose(one)}{_beside(others)}"]  # fmt: skip
    lines += [f"  {cause.share:4.0%}  {cause.text}" for cause in one.causes]
    lines += [f"  {s['share_of_change']:4.0%}  of the change is {s['field']} = {s['value']}: {then_now(s, one.causes[0].unit)}"
              for s in one.detail.get("segments", [])[:3]]  # fmt: skip
    lines += [f"  {label['title']}: {then_now(label, 'share')} of the answers{beside_chance(label)}"
              for label in one.told.get("labels", [])[:3]]  # fmt: skip
    words = ", ".join(str(word) for word, _, _ in one.told.get("terms", {}).get("gained", [])[:8])
    lines += [f"  words that came: {words}"] if words else []
    lines += [f"  version before: {replay}"] if replay else []
    lines += [f"  messages are held back: {what.sentence}" for what in held]
    lines += [f"  a message waits: to {what}" for what in waits]
    lines += [f"  {change.at:%Y-%m-%d %H:%M} {change.change} by {change.actor}: {change.reason}" for change in history]
    verb = "close" if one.acknowledged_by else "ack"
    following = "vigie status" if one.state == "closed" else f"vigie incidents {verb} {one.id} --reason ..."
    show(_plain(one) | {"held_by": [asdict(what) for what in held], "waiting": waits}, as_json, lines, following)


@incidents.command("ack")
def acknowledge(context: typer.Context, number: int, reason: ReasonOption = "seen", dry_run: bool = False) -> None:
    """Say that somebody looks after it."""
    _act(context, "ack", number, reason, dry_run)


@incidents.command("snooze")
def snooze(
    context: typer.Context,
    number: int,
    reason: ReasonOption,
    days: Annotated[int, typer.Option(help="For so many days.", min=1, max=14)] = 1,
    dry_run: bool = False,
) -> None:
    """Keep its messages back for some days; its end is told all the same."""
    _act(context, f"snooze:{days}", number, reason, dry_run)


@incidents.command("close")
def close(
    context: typer.Context,
    number: int,
    reason: ReasonOption,
    closed_as: Annotated[str, typer.Option("--as", help="fixed or false_alarm.")] = "fixed",
    dry_run: bool = False,
) -> None:
    """Close it: fixed, or a false alarm."""
    if closed_as not in {"fixed", "false_alarm"}:
        raise typer.BadParameter("--as takes fixed or false_alarm; see also vigie incidents new-normal")
    _act(context, f"close:{closed_as}", number, reason, dry_run)


@incidents.command("new-normal")
def new_normal(context: typer.Context, number: int, reason: ReasonOption, dry_run: bool = False) -> None:
    """Say that this is how it is from now on."""
    _act(context, "close:new_normal", number, reason, dry_run)


def _act(context: typer.Context, verb: str, number: int, reason: str, dry_run: bool) -> None:
    from jobs.verbs.acting import act_now

    config, store = session(context).both()
    act_now(
        store,
        config,
        verb,
        f"incident:{number}",
        reason=reason,
        who=config.person(shell_identity()),
        dry_run=dry_run,
        now=now(),
        following=f"vigie incidents close {number} --reason ..." if verb == "ack" else "vigie status",
    )


def _claim(one: object) -> str:
    causes = one.causes  # type: ignore[attr-defined]
    return str(one.detail.get("claim") or (causes[0].text if causes else ""))  # type: ignore[attr-defined]


def _whose(one: object) -> str:
    who = one.acknowledged_by  # type: ignore[attr-defined]
    return f"; acknowledged by {who}" if who else ""


def _beside(others: list[int]) -> str:
    return f"; together with {', '.join(f'#{number}' for number in others)}" if others else ""


def _plain(one: object) -> dict[str, object]:
    from dataclasses import asdict

    return {"schema_version": 1, **asdict(one)}  # type: ignore[call-overload]
