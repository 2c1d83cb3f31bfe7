"""Keep the challenger's answers, their pair counts, the cache and the comparisons."""

import json
from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, and_, delete, desc, func, or_, select
from sqlalchemy.dialects import postgresql, sqlite

from monitor.profiles.pairs import Pairs
from monitor.store.predictions import inside
from monitor.store.tables import (
    challenger,
    comparison,
    pairs,
    prediction,
    prediction_input,
    shadow_answer,
    shadow_cache,
)
from monitor.window import Window, moment

AT_ONCE = 400
ANSWERED = ("answered", "cached")  # the outcomes that come with an answer


def _insert(connection: Connection, table: Any) -> Any:
    return (postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert)(table)


def unanswered(connection: Connection, digest: str, model: str, window: Window, limit: int) -> list[Any]:
    """
    Return eligible predictions of `window` this challenger has not answered: (day, uid, time, input_hash, text, fields, sealed).

    What was masked or cut is eligible where the original is kept under its day's key.
    """
    joined = prediction.join(
        prediction_input, and_(prediction.c.day == prediction_input.c.day, prediction.c.uid == prediction_input.c.uid)
    ).outerjoin(
        shadow_answer,
        and_(
            shadow_answer.c.digest == digest,
            shadow_answer.c.day == prediction.c.day,
            shadow_answer.c.uid == prediction.c.uid,
        ),
    )
    query = (
        select(prediction.c.day, prediction.c.uid, prediction.c.time, prediction.c.input_hash, prediction_input.c.text, prediction_input.c.fields, prediction_input.c.sealed)
        .select_from(joined)
        .where(inside(model, window), prediction.c.variant == "champion", shadow_answer.c.uid.is_(None))
        .where(prediction_input.c.text.is_not(None), or_(prediction_input.c.sealed.is_not(None), and_(
            prediction.c.flags.not_like("%text_redacted%"), prediction.c.flags.not_like("%text_cut%"))))
        .order_by(desc(prediction.c.time), prediction.c.uid)
        .limit(limit)
    )  # fmt: skip
    return list(connection.execute(query))


def cached(connection: Connection, digest: str, hashes: list[bytes]) -> dict[bytes, list[Any]]:
    """Return known answers by input hash."""
    found: dict[bytes, list[Any]] = {}
    for at in range(0, len(hashes), AT_ONCE):
        query = select(shadow_cache.c.input_hash, shadow_cache.c.topk).where(
            shadow_cache.c.digest == digest, shadow_cache.c.input_hash.in_(hashes[at : at + AT_ONCE])
        )
        found |= {bytes(key): json.loads(topk) for key, topk in connection.execute(query)}
    return found


def keep(
    connection: Connection, digest: str, answers: list[dict[str, Any]], fresh: dict[bytes, list[Any]], now_us: int
) -> None:
    """Store a chunk's answers and put new ones into the cache."""
    connection.execute(_insert(connection, shadow_answer).on_conflict_do_nothing(), answers)
    if fresh:
        rows = [
            {"digest": digest, "input_hash": key, "topk": json.dumps(topk), "score_step": None, "used_us": now_us}
            for key, topk in fresh.items()
        ]
        connection.execute(_insert(connection, shadow_cache).on_conflict_do_nothing(), rows)


def unpaired_hours(connection: Connection, digest: str) -> list[int]:
    """Return hours with answers that are newer than their pair counts."""
    answered = {hour: int(count) for hour, count in connection.execute(
        select(shadow_answer.c.hour, func.count()).where(shadow_answer.c.digest == digest).group_by(shadow_answer.c.hour))}  # fmt: skip
    known = {hour: int(count) for hour, count in connection.execute(
        select(pairs.c.hour, func.max(pairs.c.revision)).where(pairs.c.digest == digest).group_by(pairs.c.hour))}  # fmt: skip
    return sorted(hour for hour, count in answered.items() if known.get(hour) != count)


def answers_of(connection: Connection, digest: str, hour: int) -> list[Any]:
    """Return (champion label, step, decision, challenger label, topk as JSON, outcome) of an hour's answers."""
    query = (
        select(prediction.c.label, prediction.c.score_step, prediction.c.decision, shadow_answer.c.label.label("other"),
               shadow_answer.c.topk, shadow_answer.c.outcome)
        .join(prediction, and_(prediction.c.day == shadow_answer.c.day, prediction.c.uid == shadow_answer.c.uid))
        .where(shadow_answer.c.digest == digest, shadow_answer.c.hour == hour)
    )  # fmt: skip
    return list(connection.execute(query))


def answered(connection: Connection, digest: str, before: int) -> Window | None:
    """Return the hours from this challenger's first answer to its last one before hour `before`; None without one."""
    query = select(shadow_answer.c.hour).where(
        shadow_answer.c.digest == digest, shadow_answer.c.hour < before, shadow_answer.c.outcome.in_(ANSWERED)
    )
    ends = [
        connection.execute(query.order_by(by).limit(1)).scalar()
        for by in (shadow_answer.c.hour, desc(shadow_answer.c.hour))
    ]
    return None if ends[0] is None or ends[1] is None else Window(ends[0], ends[1] + 1)


def given(connection: Connection, digest: str, window: Window) -> dict[bytes, list[Any]]:
    """Return the challenger's answers [[label, score], ...] to predictions of `window`, a day at most, by uid."""
    query = select(shadow_answer.c.uid, shadow_answer.c.topk).where(
        shadow_answer.c.digest == digest, shadow_answer.c.hour >= window.first, shadow_answer.c.hour < window.end,
        shadow_answer.c.outcome.in_(ANSWERED))  # fmt: skip
    return {bytes(uid): json.loads(topk or "[]") for uid, topk in connection.execute(query)}


def put_pairs(connection: Connection, digest: str, hour: int, counted: Pairs, answers: int) -> None:
    """Replace the pair counts of an hour; `answers` is how many rows they were made from."""
    connection.execute(delete(pairs).where(pairs.c.digest == digest, pairs.c.hour == hour))
    connection.execute(
        pairs.insert().values(digest=digest, segment="", hour=hour, revision=answers, body=counted.to_bytes())
    )


def drop_pairs(connection: Connection, digest: str) -> None:
    """Forget the pair counts of a challenger: they are counted again from its answers."""
    connection.execute(delete(pairs).where(pairs.c.digest == digest))


def pairs_by_hour(connection: Connection, digest: str, window: Window) -> dict[int, Pairs]:
    """Return the pair counts of each hour of `window`."""
    query = select(pairs.c.hour, pairs.c.body).where(
        pairs.c.digest == digest, pairs.c.hour >= window.first, pairs.c.hour < window.end
    )
    return {hour: Pairs.from_bytes(body) for hour, body in connection.execute(query.order_by(pairs.c.hour))}


def pairs_total(connection: Connection, digest: str, window: Window) -> Pairs:
    """Add up the pair counts of `window`."""
    return Pairs.sum(pairs_by_hour(connection, digest, window).values())


def put_challenger(connection: Connection, values: dict[str, Any]) -> None:
    """Insert or replace what is known of a challenger."""
    changed = {name: value for name, value in values.items() if name != "digest"}
    connection.execute(
        _insert(connection, challenger).values(values).on_conflict_do_update(index_elements=["digest"], set_=changed)
    )


def known_challenger(connection: Connection, digest: str) -> dict[str, Any] | None:
    """Return what is known of a challenger, None before its self-tests."""
    row = connection.execute(select(challenger).where(challenger.c.digest == digest)).one_or_none()
    if row is None:
        return None
    return {**row._mapping, "self_tests": json.loads(row.self_tests), "resources": json.loads(row.resources)}


def note_trouble(connection: Connection, digest: str | None, name: str, model: str, *, why: str, now_us: int) -> None:
    """Keep why a challenger could not be tried, beside what is known of it; `put_challenger` takes it back."""
    known = known_challenger(connection, digest or "")
    old = known or {"spec": "{}", "self_tests": [], "resources": {}}
    put_challenger(connection, {
        "digest": digest, "name": name, "model": model, "spec": old["spec"], "self_tests": json.dumps(old["self_tests"]),
        "resources": json.dumps({**old["resources"], "trouble": why}), "seen_us": now_us})  # fmt: skip


def troubles(connection: Connection, model: str, digests: Collection[str]) -> list[str]:
    """Return a sentence for each of these challengers of `model` that could not be tried."""
    query = select(challenger).where(challenger.c.model == model, challenger.c.digest.in_(digests))
    found = [(row.name, json.loads(row.resources).get("trouble"), row.seen_us)
             for row in connection.execute(query.order_by(challenger.c.name))]  # fmt: skip
    return [f"{name} {why}, last tried {moment(at):%d %b %H:%M} UTC." for name, why, at in found if why]


def put_comparison(connection: Connection, values: dict[str, Any]) -> None:
    """Insert a comparison, or replace the one of the same window."""
    changed = {name: values[name] for name in ("verdict", "body", "made_us", "model")}
    connection.execute(_insert(connection, comparison).values(values).on_conflict_do_update(
        index_elements=["digest", "first_hour", "end_hour"], set_=changed))  # fmt: skip


def latest_comparison(connection: Connection, model: str) -> dict[str, Any] | None:
    """Return the newest comparison of a champion, None before the first."""
    query = select(comparison).where(comparison.c.model == model).order_by(desc(comparison.c.made_us)).limit(1)
    row = connection.execute(query).one_or_none()
    return None if row is None else {**row._mapping, "body": json.loads(row.body)}


def disagreements(
    connection: Connection, digest: str, window: Window, truths: dict[tuple[int, bytes], str]
) -> tuple[int, int]:
    """Return how often only the challenger, and only the champion, was right on labelled records where they differ."""
    wins = losses = 0
    query = (
        select(shadow_answer.c.day, shadow_answer.c.uid, shadow_answer.c.label.label("other"), prediction.c.label)
        .join(prediction, and_(prediction.c.day == shadow_answer.c.day, prediction.c.uid == shadow_answer.c.uid))
        .where(
            shadow_answer.c.digest == digest, shadow_answer.c.hour >= window.first, shadow_answer.c.hour < window.end
        )
        .where(shadow_answer.c.label.is_not(None), prediction.c.label != shadow_answer.c.label)
    )
    for day, uid, other, label in connection.execute(query):
        truth = truths.get((day, bytes(uid)))
        wins += truth == other
        losses += truth == label
    return wins, losses


def labelled(
    connection: Connection, digest: str, window: Window, truths: dict[tuple[int, bytes], str]
) -> tuple[int, int]:
    """Return how many labelled records of `window` this challenger answered, and on how many of them the champion was wrong."""
    query = (
        select(shadow_answer.c.day, shadow_answer.c.uid, prediction.c.label)
        .join(prediction, and_(prediction.c.day == shadow_answer.c.day, prediction.c.uid == shadow_answer.c.uid))
        .where(
            shadow_answer.c.digest == digest, shadow_answer.c.hour >= window.first, shadow_answer.c.hour < window.end
        )
        .where(shadow_answer.c.label.is_not(None), prediction.c.label.is_not(None))
    )
    found = [(truths.get((day, bytes(uid))), label) for day, uid, label in connection.execute(query)]
    known = [(truth, label) for truth, label in found if truth is not None]
    return len(known), sum(truth != label for truth, label in known)
