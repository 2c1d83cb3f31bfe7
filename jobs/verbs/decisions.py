"""Verbs on decisions: list, show, propose, approve, reject, started, fail, done; and on messages: outbox list, retry and test."""

from pathlib import Path
from typing import Annotated

import typer

from jobs.verbs.session import now, session, shell_identity, show

JsonOption = Annotated[bool, typer.Option("--json", help="For machines.")]
decisions = typer.Typer(help="Retraining decisions.", no_args_is_help=True)
outbox = typer.Typer(help="Messages that wait or could not be delivered.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    """Register these verbs."""
    app.add_typer(decisions, name="decisions")
    app.add_typer(outbox, name="outbox")


@decisions.command("list")
def list_decisions(context: typer.Context, as_json: JsonOption = False) -> None:
    """List decisions, newest first."""
    from monitor.store import decisions as stored

    _, store = session(context).both(read_only=True)
    with store.read() as connection:
        found = stored.all(connection)
    if as_json:
        for one in found:
            show(one, True, [])
        return
    lines = [
        f"#{one['id']:<4} {one['state']:<10} {one['model']:<12} {one['recommendation']}: {one['sentence']}"
        for one in found
    ]
    show(
        None,
        False,
        lines or ["no decision yet"],
        f"vigie decisions show {found[0]['id']}" if found else "vigie once decide",
    )


@decisions.command("show")
def show_decision(context: typer.Context, number: int, as_json: JsonOption = False) -> None:
    """Show one decision with every term of its evidence."""
    from monitor.calendar import described as calendar_described
    from monitor.report.outcome_mail import told
    from monitor.report.words import words
    from monitor.retraining import approval_runs, described
    from monitor.store import decisions as stored
    from monitor.store import outcomes

    _, store = session(context).both(read_only=True)
    with store.read() as connection:
        one = stored.get(connection, number)
        found = {day: known for day, known in outcomes.of(connection, number).items() if day != outcomes.BEGAN}
    evidence = one["evidence"]
    shares = evidence.get("variance_shares", {})
    lines = [
        f"#{one['id']} {one['model']}: {one['recommendation'].replace('_', ' ')} ({one['state']})",
        str(one["sentence"]),
    ]
    for title, name in (("a week of waiting costs", "weekly_loss"), ("net benefit", "benefit")):
        if name in evidence:
            value, low, high = evidence[name]
            lines.append(f"{title}: {value:,.0f} EUR ({low:,.0f} to {high:,.0f})")
    if "probability" in evidence:
        lines.append(
            f"above zero with probability {evidence['probability']:.2f} over {evidence['horizon_weeks']:g} weeks"
        )
    for term in evidence.get("terms", []):
        meant, value = described(term)
        part = f"; {100 * shares[term['name']]:.0f} % of the variance" if term["name"] in shares else ""
        lines.append(f"  {meant}: {value}{part}")
    if evidence.get("labels_lacking"):  # all of them, where the sentence names the first
        lacking = ", ".join(f"{count} of {name}" for name, count in evidence["labels_lacking"].items())
        lines.append(f"labels that lack: {lacking}")
    if "calendar" in evidence:  # decisions of before have none
        lines.append(f"calendar: {calendar_described(evidence['calendar'])}")
    lines.append(f"version that answered: {one['champion'] or 'not logged'}")
    lines += [f"{given['verdict']} by {given['person']}: {given['reason']}" for given in one["approvals"]]
    if one["call"] is not None:
        lines.append(f"call: {one['call']['state']}, tried {one['call']['attempts']}x: {one['call']['answer']}")
    for day, known in found.items():
        lines += [f"{name}: {text}" for name, text in told(known["realised"], known["forecast"], day, words("en"))]
    lines.append(f"approval runs: {approval_runs(one['recommendation'], one['trigger'])}")
    show({**one, "outcomes": found}, as_json, lines, f"vigie decisions approve {number} --reason ...")


@decisions.command("approve")
def approve(
    context: typer.Context,
    number: int,
    reason: Annotated[str, typer.Option(help="At least 10 characters.")],
    dry_run: bool = False,
) -> None:
    """Approve it; of a "retrain" the configured trigger is started once, the others are put on record."""
    _act(context, "approve", number, reason, dry_run)


@decisions.command("reject")
def reject(context: typer.Context, number: int, reason: Annotated[str, typer.Option()], dry_run: bool = False) -> None:
    """Reject it."""
    _act(context, "reject", number, reason, dry_run)


@decisions.command("propose")
def propose(
    context: typer.Context,
    model: str,
    reason: Annotated[str, typer.Option(help="At least 10 characters.")],
    dry_run: bool = False,
) -> None:
    """Ask for a retraining; the evidence is weighed as ever, and somebody else approves."""
    _ask(context, "propose", f"model:{model}", reason, dry_run)


@decisions.command("started")
def started(context: typer.Context, number: int, reason: Annotated[str, typer.Option()], dry_run: bool = False) -> None:
    """Say that a call in doubt did start."""
    _act(context, "started", number, reason, dry_run)


@decisions.command("fail")
def fail(context: typer.Context, number: int, reason: Annotated[str, typer.Option()], dry_run: bool = False) -> None:
    """Say that a call in doubt did not start, or that what it started failed."""
    _act(context, "fail", number, reason, dry_run)


@decisions.command("done")
def done(context: typer.Context, number: int, reason: Annotated[str, typer.Option()], dry_run: bool = False) -> None:
    """Say that what was started is done; Vigie sees it by itself when another version answers."""
    _act(context, "done", number, reason, dry_run)


def _act(context: typer.Context, verb: str, number: int, reason: str, dry_run: bool) -> None:
    _ask(context, verb, f"decision:{number}", reason, dry_run)


@decisions.command("export")
def export(
    context: typer.Context,
    number: int,
    to: Annotated[Path, typer.Option(help="A new or empty folder.")],
    labels: Annotated[int, typer.Option(min=0, help="How many predictions to draw for labelling.")] = 300,
) -> None:
    """Write the evidence of a decision as files: classes, labels wanted, what to leave out, hard cases, a report; ids, never texts."""
    from jobs import export as packs

    config, store = session(context).both(read_only=True)
    files = packs.export(store, config, number, to, labels)
    typer.echo("\n".join(map(str, files)) + f"\nNext: (cd {to} && sha256sum --check {packs.MANIFEST})")


def _ask(context: typer.Context, verb: str, subject: str, reason: str, dry_run: bool) -> None:
    from jobs.verbs.acting import act_now

    config, store = session(context).both()
    act_now(
        store,
        config,
        verb,
        subject,
        reason=reason,
        who=config.person(shell_identity()),
        dry_run=dry_run,
        now=now(),
    )


@outbox.command("list")
def list_outbox(context: typer.Context, limit: int = 50, as_json: JsonOption = False) -> None:
    """List the newest messages and their state."""
    from monitor.store import outbox as stored

    _, store = session(context).both(read_only=True)
    with store.read() as connection:
        found = stored.latest(connection, limit)
    if as_json:
        for one in found:
            show(one, True, [])
        return
    show(None, False, [f"{one['id']:<5} {one['state']:<11} {one['recipient']:<30} {one['subject']} {one['event']}" for one in found]
         or ["no message yet"])  # fmt: skip


@outbox.command("retry")
def retry(context: typer.Context, number: int) -> None:
    """Queue a message that is dead or in doubt again."""
    from monitor.store import outbox as stored

    _, store = session(context).both()
    with store.write() as connection:
        stored.retry(connection, number)
    typer.echo(f"message {number} is queued again\nNext: vigie once notify")


@outbox.command("test")
def try_out(
    context: typer.Context,
    to: Annotated[str, typer.Option(help="An address or the name of a webhook; all recipients if left out.")] = "",
) -> None:
    """Queue a message that only says that it arrived, to each recipient."""
    from jobs.trial import trial
    from monitor.errors import NoData

    config, store = session(context).both()
    routes = [route for route in config.routes if to in {"", route.recipient}]
    if not routes:
        raise NoData(f"no route leads to {to}" if to else "config.yaml names no routes", remedy="vigie config show")
    with store.write() as connection:
        many = trial(connection, routes, int(now().timestamp()), now())
    typer.echo(f"{many} messages are queued\nNext: vigie once notify")
