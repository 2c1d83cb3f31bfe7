"""Tell about an incident so that its first screen says what changed, how much, for whom, and what to do now."""

from dataclasses import dataclass
from datetime import datetime

import polars as pl

from monitor.detection.explain import beside_chance, then_now
from monitor.detection.incident import Incident
from monitor.detection.suspects import new_languages
from monitor.letter import Letter
from monitor.report.advice import advice
from monitor.report.letters import Block, Picture, letter, tidy
from monitor.report.pictures import curve_title, metric_picture, png
from monitor.window import start_of

MOST_TEXTS = 5
VERBS = {"opened": "ALARM", "worsened": "ALARM", "closed": "OK"}


@dataclass(frozen=True)
class Surroundings:
    """Hold what the letter says beside the incident: champion, history of the first metric, accuracy, links, texts allowed."""

    version: str
    history: pl.DataFrame
    accuracy: str | None
    url: str
    with_texts: bool
    now: datetime


def alert_mail(incident: Incident, change: str, around: Surroundings) -> Letter:
    """Render the letter about a change (opened, worsened, closed) of an incident."""
    since = f"{start_of(incident.onset_hour):%a %d %b %H:%M}"
    status = VERBS[change]
    group = {"inputs": "inputs changed", "outputs": "answers changed", "service": "service changed"}
    topic = group.get(incident.causes[0].group if incident.causes else "", "changed")
    what = {
        "opened": f"{topic} since {since}",
        "worsened": f"{topic} more",
        "closed": f"closed as {incident.closed_as}",
    }[change]
    again = " again" if incident.recurrence_of and change == "opened" else ""
    subject = f"[Vigie] {status} {incident.model}: {what}{again} (#{incident.id})"
    blocks = [
        Block(
            f"{incident.model} ({around.version}), since {since}",
            _rows(incident, around, change),
            _picture(incident, around),
        )
    ]
    told = incident.told
    if told.get("labels"):
        moved = [
            ("", f"{tidy(one['title'])}: {then_now(one, 'share')}{beside_chance(one)}") for one in told["labels"][:5]
        ]
        blocks.append(Block("Answers that moved most", moved))
    gained = told.get("terms", {}).get("gained", [])
    if gained:
        words = ", ".join(f"{tidy(word, 30)} ({100 * now:.1f} %)" for word, _, now in gained[:8])
        blocks.append(Block("Words that came", [("", words)]))
    texts = told.get("texts", [])
    if around.with_texts and texts:
        blocks.append(Block("Texts", [(tidy(str(t["label"]), 20), tidy(t["text"])) for t in texts[:MOST_TEXTS]]))
    return letter(
        subject, status, blocks, f"Vigie, {around.now:%d %b %Y %H:%M} UTC. No link in this mail changes anything."
    )


def _rows(incident: Incident, around: Surroundings, change: str) -> list[tuple[str, str]]:
    found = f"{start_of(incident.found_hour):%a %d %b %H:%M} UTC, {incident.found_hour - incident.onset_hour} h after it began"
    rows = [("What changed", tidy(incident.claim, 300))]
    rows += [("Evidence", f"{cause.share:.0%}  {tidy(cause.text, 300)}") for cause in incident.causes]
    where = incident.detail.get("segments", [])
    if where and where[0]["share_of_change"] >= 0.3:
        whom = f"{min(where[0]['share_of_change'], 1):.0%} of it is {where[0]['field']} {tidy(str(where[0]['value']))}"
        unit = incident.causes[0].unit if incident.causes else ""
        rows.append(("Whom", f"{whom}: {then_now(where[0], unit)}"))
    languages = new_languages(incident.told)
    if languages:
        told = ", ".join(f"{tidy(code)} {now:.0%} (before {then:.0%})" for code, then, now in languages)
        rows.append(("Language", told))
    rows += [
        ("Found", found),
        ("Accuracy", "known, see the dashboard" if around.accuracy is None else f"UNKNOWN: {around.accuracy}"),
    ]
    if change != "closed":
        now = advice(incident.causes[0].metric) if incident.causes else None
        rows += [("Look first", now.check), ("Do now", now.do)] if now else [("Do now", "look at the incident")]
        rows.append(("Commands", f"vigie incidents show {incident.id}; vigie incidents ack {incident.id} --reason ..."))
    if around.url:
        rows.append(("Link", f"{around.url}/Incidents?id={incident.id}"))
    return rows


def _picture(incident: Incident, around: Surroundings) -> Picture | None:
    if not incident.causes or around.history.height == 0:
        return None
    cause = incident.causes[0]
    chart = metric_picture(around.history, metric=cause.metric, title=tidy(curve_title(cause), 90), subtitle="line: seen; band: what the reference does by itself",
                           onset=incident.onset_hour)  # fmt: skip
    return Picture(
        "metric", png(chart), f"{tidy(cause.text, 200)}; began {start_of(incident.onset_hour):%d %b %H:%M} UTC"
    )
