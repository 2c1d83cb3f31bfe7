"""Tell that Vigie itself, or its feed, needs somebody, and that it is over."""

from datetime import datetime
from typing import Any

from monitor.letter import Letter
from monitor.report.letters import Block, fitted, letter
from monitor.report.told import about, retold
from monitor.report.words import Words
from monitor.said import recalled


def service_mail(facts: dict[str, Any], now: datetime, words: Words) -> Letter:
    """Render the letter about an alert of the service, or its end, from the facts its message keeps."""
    what, line = about(_said(facts, "what", words), words), retold(recalled(facts.get("said", facts["line"])), words)
    is_over = bool(facts.get("over"))
    rows = [("what", what), ("it_was" if is_over else "last_words", line)]
    some = facts["still"] if is_over else facts.get("models", [])
    if len(some) > (0 if is_over else 1):
        rows.append(("still_silent" if is_over else "models", words.listed(some)))
    if not is_over:
        rows.append(("do_now", _said(facts, "do", words) if "do" in facts else words.say("service.do")))
    kind, status = ("_over", "OK") if is_over else ("", "ALARM")
    subject = fitted(what, lambda name: words.say(f"service.subject{kind}", what=name))
    block = Block(words.say(f"service.heading{kind}"), [(words.say(f"row.{name}"), value) for name, value in rows])
    return letter(subject, status, [block], words.say("mail.foot_short", now=now), words)


def _said(facts: dict[str, Any], name: str, words: Words) -> str:
    return retold(recalled(facts.get(f"said_{name}", facts[name])), words)
