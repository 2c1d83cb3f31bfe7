"""Hold what was found against what happened, and print both."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from jobs.demo.story import Event, Story
from monitor.config import Config
from monitor.detection.incident import Incident
from monitor.retraining import approval_runs
from monitor.store import arrivals, decisions, estimates, incidents, outbox, references, shadow
from monitor.store.store import Store
from monitor.window import start_of

EARLY_HOURS = 12  # an onset estimated this long before the change is still its own


@dataclass(frozen=True)
class Written:
    """Count the calls of the eight weeks, those sent since, which may still be on their way, and the compressed files."""

    calls: int
    live: int
    packed: int


def summary(store: Store, config: Config, story: Story, written: Written) -> dict[str, Any]:
    """Return the story, what Vigie found of it, when, with which first cause, and what else there is to tell."""
    with store.read() as connection:
        (feed,) = arrivals.feed(connection)
        found = incidents.all(connection, "ape")[::-1]
        pinned = references.active(connection, "ape")
        figures = estimates.latest(connection, "ape")
        proposed = decisions.all(connection, "ape")
        compared = shadow.latest_comparison(connection, "ape")
        mails = outbox.counts(connection)
        by_reader = Counter(row["recipient"] for row in outbox.latest(connection) if row["state"] == "sent")
    events, claimed = [], set()
    for event in story.events:
        own = next((i for i in found if i.id not in claimed and _belongs(i, event, story)), None)
        claimed |= {own.id} if own else set()
        events.append(_told(event, own))
    others = [
        {"incident": i.id, "onset": str(start_of(i.onset_hour)), "claim": i.claim} for i in found if i.id not in claimed
    ]
    exact = (
        written.calls <= feed["accepted"] <= written.calls + written.live
        and not feed["duplicate"]
        and not feed["lost_bytes"]
    )
    return {
        "schema_version": 1,
        "story": story.lines(),
        "feed": {"calls": written.calls, "live_calls": written.live, "compressed_files": written.packed,
                 **{name: feed[name] for name in ("lines_read", "lines_rejected", "accepted", "duplicate", "lost_bytes")}},
        "changes": events,
        "quiet_weeks_clean": bool(pinned is not None and pinned.clean == 1),
        "other_incidents": others,
        "accuracy": {f"{name} {basis}": _figure(row) for (name, basis), row in sorted(figures.items())},
        "challenger": None if compared is None else {"verdict": compared["verdict"], "sentence": compared["body"]["sentence"]},
        "decision": None if not proposed else {"id": proposed[0]["id"], "recommendation": proposed[0]["recommendation"],
                                                "state": proposed[0]["state"], "sentence": proposed[0]["sentence"],
                                                "on_approval": approval_runs(proposed[0]["recommendation"], proposed[0]["trigger"])},
        "messages": mails,
        "mails_by_reader": dict(sorted(by_reader.items())),
        "ok": all(event["ok"] for event in events) and not others and bool(proposed) and pinned is not None and pinned.clean == 1
        and exact,
    }  # fmt: skip


def _belongs(incident: Incident, event: Event, story: Story) -> bool:
    later = [e.window.first for e in story.events if e.window.first > event.window.first]
    end = min(later, default=event.window.end)
    return event.window.first - EARLY_HOURS <= incident.onset_hour < end - EARLY_HOURS


def _told(event: Event, own: Incident | None) -> dict[str, Any]:
    told: dict[str, Any] = {"change": event.name, "what": event.sentence, "began": str(start_of(event.window.first))}
    if own is None:
        return {**told, "incident": None, "ok": False}
    cause = own.causes[0]
    return {
        **told, "incident": own.id, "onset": str(start_of(own.onset_hour)), "found": str(start_of(own.found_hour)),
        "found_after_hours": own.found_hour - event.window.first, "first_cause": cause.metric, "claim": own.claim,
        "state": own.state, "acknowledged_by": own.acknowledged_by, "ok": cause.metric in event.causes,
    }  # fmt: skip


def _figure(row: dict[str, Any]) -> str:
    if row["value"] is None:
        return str(row["note"])
    if row["name"] == "wrong_automatic":
        return f"{row['value']:.0f} ({row['low']:.0f} to {row['high']:.0f}) a day"
    return f"{100 * row['value']:.1f} % ({100 * row['low']:.1f} to {100 * row['high']:.1f})"


def lines(found: dict[str, Any]) -> list[str]:
    """Write the summary as a person reads it."""
    told = [
        "",
        "What happened (we know, because we made it)",
        *(f"  {line}" for line in found["story"]),
        "",
        "What Vigie found",
    ]
    for one in found["changes"]:
        if one["incident"] is None:
            told.append(f"  MISSED  {one['change']}: {one['what']}")
            continue
        mark = "ok" if one["ok"] else "WRONG CAUSE"
        state = one["state"] + (f", acknowledged by {one['acknowledged_by']}" if one["acknowledged_by"] else "")
        told.append(f"  {mark:<7} #{one['incident']} after {one['found_after_hours']} h: {one['claim']} [{state}]")
    told += [f"  FALSE   #{one['incident']}: {one['claim']}" for one in found["other_incidents"]]
    told.append(f"  six quiet weeks: {'nothing opened' if found['quiet_weeks_clean'] else 'NOT CLEAN'}")
    feed = found["feed"]
    told.append(
        f"  {feed['calls']:,} calls logged and {feed['live_calls']} live ones, {feed['accepted']:,} predictions read ({feed['compressed_files']} log files compressed), "
        f"{feed['duplicate']} twice, {feed['lines_rejected']} refused, {feed['lost_bytes']} bytes lost"
    )
    told += ["", "How many answers are right", *(f"  {name}: {value}" for name, value in found["accuracy"].items())]
    if found["challenger"]:
        told += ["", f"Challenger: {found['challenger']['verdict']}. {found['challenger']['sentence']}"]
    if found["decision"]:
        told += [
            "",
            f"Decision {found['decision']['id']} ({found['decision']['state']}): {found['decision']['recommendation']}. {found['decision']['sentence']}",
            f"  an approval would start: {found['decision']['on_approval']}",
        ]
    told.append(f"Messages: {', '.join(f'{count} {state}' for state, count in sorted(found['messages'].items()))}")
    told.append(f"  mails: {', '.join(f'{count} to {reader}' for reader, count in found['mails_by_reader'].items())}")
    return told
