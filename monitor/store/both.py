"""Find what a version answered in the shadow before it took over, beside what the version before it answered."""

import json
from typing import Any

from sqlalchemy import Connection, and_, desc, func, select

from monitor.store.tables import challenger, comparison, label, prediction, shadow_answer
from monitor.window import Window


def artefact(connection: Connection, model: str, version: str) -> dict[str, Any] | None:
    """Return the newest challenger of `model` that names itself this version, with its self-tests and resources; None when none was tried."""
    query = (
        select(challenger).where(challenger.c.model == model).order_by(desc(challenger.c.seen_us), challenger.c.digest)
    )
    for row in connection.execute(query):
        if json.loads(row.spec).get("version") == version:
            return {**row._mapping, "self_tests": json.loads(row.self_tests), "resources": json.loads(row.resources)}
    return None


def compared(connection: Connection, digest: str) -> dict[str, Any] | None:
    """Return the newest comparison of a challenger; None before the first."""
    query = select(comparison).where(comparison.c.digest == digest).order_by(desc(comparison.c.made_us)).limit(1)
    row = connection.execute(query).one_or_none()
    return None if row is None else {**row._mapping, "body": json.loads(row.body)}


def by_step(connection: Connection, digest: str, window: Window) -> list[tuple[int, bool, int]]:
    """Return (score step of the champion, same answer or not, texts) of what both answered in `window`, by step."""
    same = prediction.c.label == shadow_answer.c.label
    query = (
        select(prediction.c.score_step, same.label("same"), func.count())
        .join(prediction, _twin())
        .where(*_of(digest, window), prediction.c.score_step.is_not(None), shadow_answer.c.label.is_not(None))
        .group_by(prediction.c.score_step, same)
        .order_by(prediction.c.score_step, same)
    )
    return [(int(step), bool(alike), int(many)) for step, alike, many in connection.execute(query)]


def labelled(connection: Connection, digest: str, window: Window) -> list[dict[str, Any]]:
    """Return the newest label per record and source of what both answered: truth, source, inclusion, both answers and their best ones."""
    query = (
        select(label.c.day, label.c.uid, label.c.label.label("truth"), label.c.source, label.c.inclusion, prediction.c.label.label("old"),
               prediction.c.topk.label("old_topk"), shadow_answer.c.label.label("new"), shadow_answer.c.topk.label("new_topk"))
        .select_from(shadow_answer)
        .join(prediction, _twin())
        .join(label, and_(label.c.day == shadow_answer.c.day, label.c.uid == shadow_answer.c.uid))
        .where(*_of(digest, window), shadow_answer.c.label.is_not(None))
        .order_by(label.c.labelled_us, label.c.id)
    )  # fmt: skip
    newest = {(row.day, bytes(row.uid), row.source): dict(row._mapping) for row in connection.execute(query)}
    return [newest[key] for key in sorted(newest)]


def _twin() -> Any:
    return and_(prediction.c.day == shadow_answer.c.day, prediction.c.uid == shadow_answer.c.uid)


def _of(digest: str, window: Window) -> tuple[Any, ...]:
    return shadow_answer.c.digest == digest, shadow_answer.c.hour >= window.first, shadow_answer.c.hour < window.end
