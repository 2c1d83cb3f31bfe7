"""Tell an approver what is proposed, what a week of waiting costs, and how to decide."""

from datetime import datetime
from typing import Any

from monitor.letter import Letter
from monitor.report.letters import Block, fitted, letter, tidy
from monitor.report.told import known, retold
from monitor.report.words import Words
from monitor.retraining import approval_runs
from monitor.said import recalled

BIG = 1000  # from which a term is written in whole numbers


def decision_mail(decision: dict[str, Any], url: str, now: datetime, words: Words) -> Letter:
    """Render the letter about a proposed decision."""
    evidence, number = decision["evidence"], decision["id"]
    (cost, cost_low, cost_high), (gain, low, high) = evidence["weekly_loss"], evidence["benefit"]
    recommendation = words.say(f"decision.{decision['recommendation']}")

    def row(name: str, **facts: Any) -> tuple[str, str]:
        return words.say(f"row.{name}"), words.say(f"decision.{name}", **facts)

    rows = [
        row("proposed", recommendation=recommendation, sentence=sentence(decision, words)),
        row("waiting", cost=cost, low=cost_low, high=cost_high),
        row("benefit", gain=gain, low=low, high=high, weeks=evidence["horizon_weeks"], probability=evidence["probability"]),
        (words.say("row.approval_runs"), _runs(decision, words)),
        row("until", at=decision["expires_us"]),
        row("do_now", number=number),
    ]  # fmt: skip
    if url:
        rows.append((words.say("row.link"), f"{url}/Decisions?id={number}"))
    terms = [_term(term, evidence.get("days_left_out", 0), words) for term in evidence["terms"]]
    subject = fitted(
        decision["model"],
        lambda name: words.say("decision.subject", model=name, recommendation=recommendation, number=number),
    )
    blocks = [
        Block(words.say("decision.heading", model=decision["model"]), rows),
        Block(words.say("decision.terms"), terms),
    ]
    return letter(subject, "", blocks, words.say("mail.foot", now=now), words)


def sentence(decision: dict[str, Any], words: Words) -> str:
    """Say why a decision is proposed; as it is stored, where its facts do not give it."""
    said = recalled(decision.get("evidence", {}).get("said", []))
    if " ".join(said) != decision["sentence"]:
        return str(decision["sentence"])
    return " ".join(retold(one, words) for one in said)


def _runs(decision: dict[str, Any], words: Words) -> str:
    return tidy(
        known(approval_runs(decision["recommendation"], decision["trigger"]), ("decision.runs_nothing",), words)
    )


def _term(term: dict[str, Any], days_left_out: int, words: Words) -> tuple[str, str]:
    value, low, high = (_number(term[name], words) for name in ("value", "low", "high"))
    sources = [key for key in words.templates() if key.startswith("source.")]
    told = retold(recalled(term["said"]), words) if "said" in term else None
    source = known(term["source"], sources, words, days=days_left_out) if told is None else told
    key = f"term.{term['name']}"
    name = words.say(key) if words.knows(key) else term["name"]
    return name, words.say("decision.term", value=value, low=low, high=high, source=source)


def _number(value: float, words: Words) -> str:
    return words.say("decision.big" if abs(value) >= BIG else "decision.small", value=value)
