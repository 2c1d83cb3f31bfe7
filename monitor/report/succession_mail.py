"""Tell that a new version took over, and where the two reports on it are."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from monitor.letter import Letter
from monitor.report.letters import Block, fitted, letter, tidy
from monitor.report.words import Words


def succession_mail(
    decision: Mapping[str, Any], version: str, numbers: Sequence[int], now: datetime, words: Words
) -> Letter:
    """Render the letter about a version that took over; `numbers` are those of the reports without and with labels."""
    shown, number = tidy(version, 80), decision["id"]
    subject = fitted(decision["model"], lambda name: words.say("succession.subject", model=name, version=tidy(version, 20), number=number))  # fmt: skip
    rows = [(words.say("row.what"), words.say("succession.took_over", version=shown, number=number))]
    rows += [(words.say(f"succession.{name}_row"), words.say("succession.command", report=report))
             for name, report in zip(("without", "with"), numbers, strict=True)]  # fmt: skip
    block = Block(words.say("succession.heading", model=tidy(decision["model"], 80)), rows)
    return letter(subject, "", [block], words.say("mail.foot", now=now), words)
