"""The service will let each challenger answer the logged inputs, and compare."""

import hashlib
import json
from dataclasses import asdict
from datetime import datetime
from types import SimpleNamespace
from typing import Any

from monitor.config import Config
from monitor.errors import ConfigError
from monitor.originals import opened
from monitor.prediction import step_of
from monitor.profiles.pairs import Pairs
from monitor.settings import Challenger
from monitor.shadow.answers import decision_of, score_of
from monitor.shadow.comparison import compare
from monitor.shadow.process import Worker, WorkerGone
from monitor.shadow.promotion import checks, verdict
from monitor.shadow.selftest import self_tests
from monitor.store import labels, predictions, profiles
from monitor.store import shadow as stored
from monitor.store.day_keys import DayKeys
from monitor.store.store import Store
from monitor.window import MICROSECONDS_PER_HOUR, Window, hour_of, microseconds

ROWS_A_TURN = 5000
MOST_GIVEN_UP = 3  # chunks a turn: a model that dies everywhere must not be started all night
RUN_WITH = ("callable", "python", "limits")  # what self-tests depend on besides the bytes
COUNTED_WITH = ("automatic_at", "score")  # what pair counts depend on


def shadow(store: Store, config: Config, now: datetime) -> str:
    """
    Ask every challenger what it has not answered yet, newest first, and compare it with its champion.

    Safe to run twice, or killed anywhere: a chunk's answers are one transaction, and only what is missing is asked.
    """
    told = []
    for spec in config.challengers.values():
        if spec.runs_code != "accepted" or spec.sha256 is None:
            raise ConfigError(f"challengers.{spec.name} runs code when it is opened: pin it and write runs_code: accepted",
                              where=str(config.path), remedy=f"vigie challenger pin {spec.name}")  # fmt: skip
        try:
            told.append(_run(store, config, spec, now))
        except WorkerGone as gone:  # one that cannot be started must not keep the others from being compared
            why = f"could not be started ({gone.outcome})"
            with store.write() as connection:
                stored.note_trouble(connection, spec.sha256, spec.name, spec.of, why=why, now_us=microseconds(now))
            told.append(f"{spec.name}: {why}")
    return "; ".join(told) or "no challengers"


def _run(store: Store, config: Config, spec: Challenger, now: datetime) -> str:
    window = Window(hour_of(now) - config.shadow.days * 24, hour_of(now))
    with Worker.start(spec) as worker:
        tests = _tested(store, config, spec, worker, now)
        passed = all(t["passed"] for t in tests)
        asked, left = _answer(store, config, spec, worker, window, now=now) if passed else (0, 0)
        isolation = worker.isolation
    _pair(store, spec)
    word = _compare(store, config, spec, window, now=now, tested=(tests, isolation))
    later = f", {left} left for next time because it kept dying" if left else ""
    return f"{spec.name}: {asked} texts answered{later}, {word}"


def _tested(store: Store, config: Config, spec: Challenger, worker: Worker, now: datetime) -> list[dict[str, Any]]:
    """Return the self-tests, run anew when config.yaml lets the model run otherwise; counts with another threshold are dropped."""
    digest, text = spec.sha256 or "", spec.model_dump_json()
    with store.read() as connection:
        known = stored.known_challenger(connection, digest)
    before, mine = {} if known is None else json.loads(known["spec"]), json.loads(text)
    if known is None or any(before.get(name) != mine[name] for name in RUN_WITH):
        tests = _test(store, spec, worker)
        if tests is None:
            return [{"name": "texts", "passed": False, "detail": "no logged text to try it on"}]
    elif before == mine and "trouble" not in known["resources"]:
        return list(known["self_tests"])
    else:
        tests = list(known["self_tests"])
    about = {
        "load_s": worker.about.get("load_s"),
        "peak_mib": worker.about.get("peak_mib"),
        "isolation": worker.isolation,
    }
    with store.write() as connection:
        if any(before.get(name) != mine[name] for name in COUNTED_WITH):
            stored.drop_pairs(connection, digest)
        stored.put_challenger(connection, {"digest": digest, "name": spec.name, "model": spec.of, "spec": text, "self_tests": json.dumps(tests),
                                           "resources": json.dumps(about), "seen_us": microseconds(now)})  # fmt: skip
    return tests


def _test(store: Store, spec: Challenger, worker: Worker) -> list[dict[str, Any]] | None:
    with store.read() as connection:
        span = profiles.span(connection, spec.of)
        if span is None:
            return None
        probes = (
            predictions.sample(connection, spec.of, Window(max(span.first, span.end - 168), span.end), 200, 1)["text"]
            .drop_nulls()
            .to_list()
        )
    return self_tests(worker, probes)


def _answer(
    store: Store, config: Config, spec: Challenger, worker: Worker, window: Window, *, now: datetime
) -> tuple[int, int]:
    """Return how many texts were answered, and how many the model died on too often to be asked again this time."""
    digest, asked, keys = spec.sha256 or "", 0, DayKeys(config.privacy.keys_in(config.data_dir), config.secret)
    while True:
        with store.read() as connection:
            rows = stored.unanswered(connection, digest, spec.of, window, ROWS_A_TURN)
            sampled = [row for row in rows if _is_sampled(row.uid, config.shadow.rate)]
            known = stored.cached(connection, digest, list({bytes(row.input_hash) for row in sampled}))
        if not rows:
            return asked, 0
        askable = _as_they_were([row for row in sampled if bytes(row.input_hash) not in known], keys)
        fresh, outcomes = _ask(worker, askable, known, config.shadow.chunk_rows)
        asked += len(fresh)
        told = known.keys() | fresh.keys() | outcomes.keys()
        answers = [
            _stored(spec, row, known | fresh, outcomes, known) for row in sampled if bytes(row.input_hash) in told
        ]
        readable = {bytes(row.uid) for row in askable}
        answers += [
            _row(digest, row, None, "masked", None)
            for row in sampled
            if bytes(row.input_hash) not in told and bytes(row.uid) not in readable
        ]
        answers += [
            _row(digest, row, None, "not_sampled", None) for row in rows if not _is_sampled(row.uid, config.shadow.rate)
        ]
        with store.write() as connection:
            stored.keep(connection, digest, answers, fresh, microseconds(now))
        if len(answers) < len(rows):
            return asked, len(rows) - len(answers)


def _as_they_were(rows: list[Any], keys: DayKeys) -> list[Any]:
    """Return the rows with what was masked in the place of the mask; one whose day has no key any more is left out."""
    found = []
    for row in rows:
        if row.sealed is None:
            found.append(row)
        elif (original := opened(bytes(row.sealed), keys.known)) is not None:
            text, fields = original
            found.append(SimpleNamespace(**{**row._asdict(), "text": text, "fields": json.dumps(fields)}))
    return found


def _is_sampled(uid: bytes, rate: float) -> bool:
    """Decide by the record alone: the sample is the same in any order, and a higher rate only adds to it."""
    return int.from_bytes(hashlib.blake2b(bytes(uid), digest_size=8, salt=b"shadow").digest(), "big") < rate * 2**64


def _ask(
    worker: Worker, rows: list[Any], known: dict[bytes, list[Any]], chunk: int
) -> tuple[dict[bytes, list[Any]], dict[bytes, str]]:
    """
    Ask each distinct input once; returns new answers and, for those without one, what happened.

    A chunk may end the process once for each halving down to a single text. What is left of one that ends it more often
    is in neither answer, to be asked another time; so is everything after `MOST_GIVEN_UP` such chunks.
    """
    distinct = {bytes(row.input_hash): row for row in rows if bytes(row.input_hash) not in known}
    fresh: dict[bytes, list[Any]] = {}
    outcomes: dict[bytes, str] = {}
    items = list(distinct.items())
    waiting = [items[at : at + chunk] for at in range(0, len(items), chunk)]
    given_up = 0
    while waiting and given_up < MOST_GIVEN_UP:
        given_up += not _ask_chunk(worker, waiting.pop(0), fresh, outcomes)
    return fresh, outcomes


def _ask_chunk(
    worker: Worker, whole: list[tuple[bytes, Any]], fresh: dict[bytes, list[Any]], outcomes: dict[bytes, str]
) -> bool:
    """Add the chunk's answers and outcomes; say whether every text has one."""
    pending, restarts, most = [whole], 0, len(whole).bit_length() + 1
    while pending:
        some = pending.pop()
        try:
            found = worker.answer([row.text for _, row in some], [json.loads(row.fields or "{}") for _, row in some])
            error = found.get("error")
        except WorkerGone as gone:
            error, restarts = gone.outcome, restarts + 1
            _restart(worker)
            found = {}
        if error is None:
            fresh.update({key: answer for (key, _), answer in zip(some, found["answers"], strict=True)})
        elif len(some) == 1:
            outcomes[some[0][0]] = error
        else:  # one bad row must not fail its neighbours: halve down to it
            middle = len(some) // 2
            pending += [some[:middle], some[middle:]]
        if restarts >= most and pending:
            return False
    return True


def _restart(worker: Worker) -> None:
    worker.stop()
    new = Worker.start(worker.spec)
    worker.folder, worker.process, worker.about = new.folder, new.process, new.about


def _stored(
    spec: Challenger,
    row: Any,
    answers: dict[bytes, list[Any]],
    outcomes: dict[bytes, str],
    known: dict[bytes, list[Any]],
) -> dict[str, Any]:
    key = bytes(row.input_hash)
    outcome = outcomes.get(key) or ("cached" if key in known else "answered")
    topk = answers.get(key)
    return _row(spec.sha256 or "", row, topk, outcome, _step(spec, topk))


def _step(spec: Challenger, topk: list[Any] | None) -> int | None:
    """Return the score of an answer as config.yaml defines it, in steps."""
    score = score_of(topk or (), spec.score)
    return None if score is None else step_of(score)


def _row(digest: str, row: Any, topk: list[Any] | None, outcome: str, step: int | None) -> dict[str, Any]:
    return {"digest": digest, "day": row.day, "uid": row.uid, "hour": row.time // MICROSECONDS_PER_HOUR, "label": topk[0][0] if topk else None,
            "topk": json.dumps(topk) if topk else None, "score_step": step, "outcome": outcome[:20]}  # fmt: skip


def _pair(store: Store, spec: Challenger) -> None:
    """Count the pairs of new hours, with the threshold and score of config.yaml: `_tested` drops counts made with others."""
    digest, threshold = spec.sha256 or "", None if spec.automatic_at is None else step_of(spec.automatic_at)
    with store.read() as connection:
        hours = stored.unpaired_hours(connection, digest)
        rows = {hour: stored.answers_of(connection, digest, hour) for hour in hours}
    with store.write() as connection:
        for hour, some in rows.items():
            outcomes: dict[str, int] = {}
            for row in some:
                outcomes[row.outcome] = outcomes.get(row.outcome, 0) + 1
            steps = [_step(spec, json.loads(row.topk or "[]")) for row in some]
            both = [((r.label, r.score_step, r.decision), (r.other, step, decision_of(step, threshold)))
                    for r, step in zip(some, steps, strict=True) if r.outcome in stored.ANSWERED]  # fmt: skip
            stored.put_pairs(connection, digest, hour, Pairs.of(both, outcomes), len(some))


def _compare(
    store: Store,
    config: Config,
    spec: Challenger,
    window: Window,
    *,
    now: datetime,
    tested: tuple[list[dict[str, Any]], str],
) -> str:
    digest = spec.sha256 or ""
    with store.read() as connection:
        hours = stored.pairs_by_hour(connection, digest, window)
        truth = labels.joined(connection, spec.of, window)
        truths = {(row[0], row[1]): row[2] for row in truth.select("day", "uid", "truth").iter_rows()}
        wins, losses = stored.disagreements(connection, digest, window, truths)
    by_day: dict[int, list[Pairs]] = {}
    for hour, one in hours.items():
        by_day.setdefault(hour // 24, []).append(one)
    found = compare([Pairs.sum(some) for some in by_day.values()], wins, losses)
    outcomes = Pairs.sum(hours.values()).outcomes
    tried = sum(n for o, n in outcomes.items() if o not in {"not_sampled", "masked"})
    errors = 1 - sum(outcomes.get(o, 0) for o in stored.ANSWERED) / tried if tried else 0.0
    listed = checks(found, tests=tested[0], isolation=tested[1], days=max(0, len(by_day) - 1), row_errors=errors)
    word, sentence = verdict(listed)
    body = {
        **asdict(found),
        "sentence": sentence,
        "checks": [asdict(check) for check in listed],
        "name": spec.name,
        "outcomes": outcomes,
    }
    with store.write() as connection:
        stored.put_comparison(connection, {"digest": digest, "model": spec.of, "first_hour": window.first, "end_hour": window.end,
                                           "made_us": microseconds(now), "verdict": word, "body": json.dumps(body)})  # fmt: skip
    return word
