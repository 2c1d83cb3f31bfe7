"""Say what a change means, what to look at first, and what to do, by what leads its causes."""

from typing import NamedTuple

from monitor.detection.renewal import kin_of


class Advice(NamedTuple):
    """Hold what a change means, what to look at, and what to do; docs/runbooks.md says it at length."""

    means: str
    check: str
    do: str


INPUTS = Advice(
    "What is asked differs from what was asked in the reference: another source, form, language or population.",
    "Is it one caller? Another language, another business, markup? Did the length jump (a form that sends titles, or cuts)?",
    "Ask the owner of the caller named above what changed on the day it began. A fault: let them mend it, then close as fixed. "
    "A lasting change the model was not trained for: have texts of that caller labelled.",
)
ADVICE = {
    "words": INPUTS,
    "length": INPUTS,
    "field": INPUTS,
    "answers": Advice(
        "Labels are given in other shares than before. Either the world changed, or the model, or what it is asked.",
        "Did the texts change too (then start there)? One activity with its own words is the world; many labels on ordinary "
        "words are the model. Was a version released just before?",
        "The model: roll back, then close as fixed. The world: look at twenty of its texts; if the answers are right, declare a "
        "new normal, if not, have them labelled.",
    ),
    "sureness": Advice(
        "The model is less (or more) sure, and more (or fewer) texts go to people.",
        "Which version serves, and since when: a wrong artefact or a changed preprocessing shows here first. Is it one caller? "
        "Was the threshold moved?",
        "Roll back if it began with a release. Otherwise see on the page Quality what another threshold would cost, and warn those "
        "who code by hand.",
    ),
    "support": Advice(
        "More texts than usual got an answer that none of their words speaks for: the answers are wrong, or the texts are about "
        "something the model never saw.",
        "Did unknown words rise too (then start with the texts)? Answers wrong on ordinary words are the model's: a wrong "
        "artefact, labels in another order, a broken preprocessing.",
        "The model: roll back, then close as fixed. New subjects: have twenty labelled; the next decision weighs them.",
    ),
    "latency": Advice(
        "Calls take longer (or shorter) than in the same hours of the reference; the answers are another matter.",
        "A release, another machine, neighbours on it, longer texts, more texts per call.",
        "Compare with the release before; roll back if it began there. A lasting change that is accepted: declare a new normal.",
    ),
    "errors": Advice(
        "More calls than usual did not end well: refused, failed, or an error inside an answer.",
        "The API's own log at the time it began; whether one caller sends what it cannot read.",
        "Follow the API's own runbook. Close as fixed when it is.",
    ),
    "volume": Advice(
        "Far more or fewer predictions than this hour of the week usually has.",
        "A caller that vanished or repeats itself; a holiday; files that are not read (page Service).",
        "Ask the caller. Announce holidays and campaigns beforehand (vigie plan add), so that they are not told.",
    ),
}  # fmt: skip


def advice(metric: str) -> Advice:
    """
    Return the advice for a cause that leads.

    >>> advice("slow").do.split(";")[0], advice("field:TYP=I") == advice("length")
    ('Compare with the release before', True)
    """
    if metric in {"support", "unsupported"}:
        return ADVICE["support"]
    return ADVICE[kin_of(metric).partition(":")[0]]
