"""Say what a change means, what to look at first, and what to do, by what leads its causes."""

from typing import NamedTuple

from monitor.detection.renewal import kin_of
from monitor.report.words import Words

SUBJECTS = {"words": "inputs", "length": "inputs", "field": "inputs", "answers": "answers", "sureness": "sureness", "support": "support",
            "latency": "latency", "errors": "errors", "volume": "volume"}  # fmt: skip


class Advice(NamedTuple):
    """Hold what a change means, what to look at, and what to do; docs/runbooks.md says it at length."""

    means: str
    check: str
    do: str


def advice(metric: str, words: Words) -> Advice:
    """
    Return the advice for a cause that leads.

    >>> from monitor.report.words import words
    >>> advice("slow", words("en")).do.split(";")[0], advice("field:TYP=I", words("fr")) == advice("length", words("fr"))
    ('Compare with the release before', True)
    """
    kin = "support" if metric in {"support", "unsupported"} else kin_of(metric).partition(":")[0]
    return Advice(*(words.say(f"advice.{SUBJECTS[kin]}.{part}") for part in Advice._fields))
