"""Tell nothing but that a message arrived."""

from datetime import datetime

from monitor.letter import Letter
from monitor.report.letters import Block, letter
from monitor.report.words import Words


def trial_mail(now: datetime, words: Words) -> Letter:
    """Render the letter of a test."""
    rows = [(words.say("row.what"), words.say("trial.what")), (words.say("row.do_now"), words.say("trial.do"))]
    block = Block(words.say("trial.heading"), rows)
    return letter(words.say("trial.subject"), "OK", [block], words.say("mail.foot_short", now=now), words)
