"""Tell in one letter how many messages were beyond what one recipient gets in an hour, and what each of them was."""

from datetime import datetime
from typing import Any

from monitor.letter import Letter
from monitor.report.letters import Block, letter, tidy
from monitor.report.words import Words

MOST_TOLD = 100  # lines


def digest_mail(facts: dict[str, Any], most: int, now: datetime, words: Words) -> Letter:
    """Render the letter about the `messages` beyond `most` an hour, from what its message keeps of them."""
    told = list(facts["told"].items())
    rows = [(words.say("digest.times", n=many), tidy(_line(what, words), 200)) for what, many in told[:MOST_TOLD]]
    if len(told) > MOST_TOLD:
        rows.append(("", words.say("digest.rest", n=len(told) - MOST_TOLD)))
    heading = words.say("digest.heading", n=facts["messages"], most=most)
    subject = words.say("digest.subject", n=facts["messages"])
    return letter(subject, "ALARM", [Block(heading, rows)], words.say("mail.foot_short", now=now), words)


def _line(what: str, words: Words) -> str:
    event, _, rest = what.partition(": ")
    return words.say(key, what=rest) if words.knows(key := f"digest.{event}") else what
