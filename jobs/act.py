"""The service will apply what people asked for, or say why not."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from jobs import bound, plan, silence, write
from jobs.backtest import tried
from jobs.renew import begin
from jobs.roles import RANK, role_of
from monitor.alerts import messages
from monitor.config import Config
from monitor.detection import detector, renewal
from monitor.detection.baseline import Baseline
from monitor.detection.incident import NEW_CAUSE_SHARE
from monitor.detection.state import State
from monitor.errors import VigieError
from monitor.settings import Retraining
from monitor.store import actions, backtests, calls, decisions, detectors, incidents, outbox, references, sheets
from monitor.store.store import Store

NEEDS = {
    "incident": {"ack": "operator", "close:fixed": "operator", "close:false_alarm": "operator", "close:new_normal": "owner",
                 **{f"snooze:{days}": "operator" for days in range(1, incidents.MOST_SNOOZED_DAYS + 1)}},
    "decision": {"approve": "approver", "reject": "approver", "started": "owner", "fail": "owner", "done": "owner"},
    "model": {"backtest": "operator", "report": "operator", "propose": "owner"},
    "plan": {"add": plan.NEEDS, "remove": plan.NEEDS},
    "silence": {"add": silence.NEEDS, "end": silence.NEEDS},
}  # fmt: skip
ANNOUNCED = {"plan": plan.apply, "silence": silence.apply}


class Refusal(Exception):
    """Carry the sentence that tells why an action was not applied."""


def act(store: Store, config: Config, now: datetime) -> str:
    """
    Apply pending actions, oldest first, each in a transaction of its own.

    Safe to run twice: an action is settled in the transaction that applies it.
    """
    with store.read() as connection:
        waiting = actions.pending(connection)
    applied = 0
    for one in waiting:
        refusal = None
        try:
            with store.write() as connection:
                _apply(connection, config, one, now)
                if not actions.settle(connection, one["id"], now, None):
                    raise Refusal("another process applied it first")
                applied += 1
        except (Refusal, VigieError) as error:
            refusal = str(error)
        if refusal is not None:
            with store.write() as connection:
                actions.settle(connection, one["id"], now, refusal)
    return f"{applied} actions applied, {len(waiting) - applied} refused"


def _apply(connection: Connection, config: Config, one: dict[str, Any], now: datetime) -> None:
    kind, _, number = one["subject"].partition(":")
    needed = NEEDS.get(kind, {}).get(one["verb"])
    is_known = number.isascii() and number.isdigit()
    if kind in {"model", *ANNOUNCED}:  # what is for all models has no name behind the colon
        is_known = number in config.models or (kind in ANNOUNCED and not number)
    if needed is None or not is_known:
        raise Refusal(f"there is no action {one['verb']} on {one['subject']}")
    if RANK[role_of(config, one["actor"])] < RANK[needed]:
        raise Refusal(f"{one['verb']} needs the role {needed}")
    if kind == "model" and one["verb"] == "propose":
        _propose(connection, config, number, one, now)
        return
    if kind == "model" and one["verb"] == "report":
        window, language = write.asked(config, number, one["reason"].split())
        sheets.ask(connection, number, window, language, by=one["actor"], now=now)
        return
    if kind == "model":
        tried(config, number, one["reason"].split())
        backtests.ask(connection, number, one["reason"], by=one["actor"], now=now)
        return
    if kind in ANNOUNCED:
        ANNOUNCED[kind](connection, config, one, now)
        return
    if kind == "decision":
        _judge(connection, config, one, now)
        return
    if one["verb"] == "ack":
        incidents.acknowledge(connection, int(number), one["revision"], one["actor"], one["reason"], now=now)
        return
    kind, _, value = one["verb"].partition(":")
    if kind == "snooze":
        incidents.snooze(
            connection, int(number), one["revision"], one["actor"], one["reason"], days=int(value), now=now
        )
        return
    closed_as = value
    model = incidents.get(connection, int(number)).model
    reference = references.active(connection, model)  # the detector first, as detect does: neither waits for the other
    saved = None if reference is None else detectors.load(connection, model, reference.id, to_change=True)
    change = incidents.close(
        connection, int(number), one["revision"], closed_as, one["actor"], reason=one["reason"], now=now
    )
    closed = incidents.get(connection, int(number))
    outbox.queue(connection, messages(change, closed, config.routes), now)
    if reference is not None and closed_as == "new_normal":
        told = {
            renewal.kin_of(cause.metric)
            for cause in closed.causes
            if cause.share >= NEW_CAUSE_SHARE or cause == closed.causes[0]
        }
        known = told & set(renewal.kins(Baseline.from_bytes(reference.baseline)))
        if known:
            reason = f"new normal (incident #{closed.id}): {one['reason']}"
            begin(connection, config, now, model, known, since=closed.onset_hour, by=one["actor"], reason=reason)
    elif saved is not None:
        state = detector.lower_floors(State.from_bytes(saved.state), closed.found_hour)
        detectors.save(connection, closed.model, saved.reference, judged_until=saved.judged_until, state=state.to_bytes(),
                       evidence=saved.evidence)  # fmt: skip


def _judge(connection: Connection, config: Config, one: dict[str, Any], now: datetime) -> None:
    """Approve or reject a proposal that still is what it was, or take a person's word for what a call came to."""
    number, said = int(one["subject"].partition(":")[2]), {"actor": one["actor"], "reason": one["reason"], "now": now}
    if one["verb"] in calls.ANSWERS:
        calls.answer(connection, number, one["verb"], **said, revision=one["revision"])
        return
    found = decisions.get(connection, number)
    needed = config.retraining.get(found["model"], Retraining()).approvals
    if one["verb"] == "approve" and found["state"] == "proposed":
        why = bound.changed(connection, config, found, now)
        if why:
            raise Refusal(f"changed since it was proposed: {', '.join(why)}; the next decide job proposes anew")
    decisions.judge(
        connection, number, one["verb"], **said, revision=one["revision"], needed=needed, person=config.person
    )


def _propose(connection: Connection, config: Config, model: str, one: dict[str, Any], now: datetime) -> None:
    from jobs.decide import propose  # brings the whole reckoning

    if len(one["reason"].strip()) < decisions.SHORTEST_REASON:
        raise Refusal(f"a reason of at least {decisions.SHORTEST_REASON} characters is needed")
    if propose(connection, config, model, now, (one["actor"], one["reason"])) is None:
        raise Refusal("nothing to propose: there is no reference, no week of traffic, or the same was proposed before")
