"""
Say again, in the language of a letter, what was said in English when it was found out.

What is stored keeps its English sentence and its facts. A sentence is written anew only where the English words, filled with
these facts, give the stored sentence to the letter; any other, as of an incident from before, is shown as it is.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from monitor.detection.baseline import VOLUME, WITNESS
from monitor.detection.incident import Cause, Incident
from monitor.plan import Planned
from monitor.report.words import Words, words
from monitor.said import Said, recalled

ABOUT = ("source:unread", "source:silent", "source:losing", "source:refusing", "shared:silent:all", "shared:silent", "silent", "job", "outbox", "disk",
         "paused", "unhealthy", "labels", "budget", "dead", "profiles")  # fmt: skip
ABOUT_ANOTHER = ("flapping", "cannot_measure")
TELLING_SHARE = 0.6  # of a change, from which a claim names who carries it


def retold(said: Any, to: Words) -> str:
    """
    Write what was said in another language.

    >>> old = Said("the newest audit is 40 days old (limit 30)", "standing.old_audit", days=40, limit=30)
    >>> retold(old, words("fr")), retold("by hand", words("fr"))
    ('le dernier audit date de 40 jours (limite\xa0: 30)', 'by hand')
    """
    if not isinstance(said, Said) or _written(said, words("en")) != said:
        return str(said)
    return _written(said, to)


def _written(said: Said, to: Words) -> str:
    return to.say(said.key, **{name: _fact(one, to) for name, one in said.facts.items()}) if to.knows(said.key) else ""


def _fact(one: Any, to: Words) -> Any:
    if isinstance(one, Incident):
        return claim(one, to)
    if isinstance(one, tuple | list):
        return [_fact(inner, to) for inner in one]
    return retold(one, to) if isinstance(one, Said) else one


def cause(one: Cause, to: Words) -> str:
    """
    Say what a cause says.

    >>> slow = Cause("latency", "service", 1.0, "ms", 40.0, 53.0, 900.0, 1, "usual latency 40 ms -> 53 ms")
    >>> cause(slow, words("fr"))
    'temps de réponse habituel\xa0: 40 ms -> 53 ms'
    """
    return _cause(one, to) if _cause(one, words("en")) == one.text else one.text


def _cause(one: Cause, to: Words) -> str:
    """Write a cause from its facts; empty where they are not all there."""
    if one.metric == VOLUME:
        return to.say("cause.volume", n=one.seen)
    if one.metric == WITNESS:
        return _mix(one, to)
    if "labels" not in one.facts:
        return moved(one, to) if one.metric != "novelty" else ""
    return to.say("cause.named", moved=moved(one, to), labels=_labels(one, to) or to.say("cause.none"))


def _mix(one: Cause, to: Words) -> str:
    if "form" not in one.facts:
        return ""
    seen, chance = (to.shown(value, "share") for value in (one.seen, one.expected))
    return to.say(f"cause.mix_{one.facts['form']}", seen=seen, chance=chance, labels=_labels(one, to))


def _labels(one: Cause, to: Words) -> str:
    rows = one.facts.get("labels", [])
    return to.listed(to.say("cause.label", title=row["title"], **_shares(row, "share", to)) for row in rows)


def _shares(row: Mapping[str, Any], unit: str, to: Words) -> dict[str, str]:
    return {side: to.shown(row[side], unit) for side in ("then", "now")}


def then_now(row: Mapping[str, Any], unit: str, to: Words) -> str:
    """Write what a segment or label had and has."""
    return to.say("cause.then_now", **_shares(row, unit, to))


def moved(one: Cause, to: Words) -> str:
    """Name what a cause measures, and what it was and is."""
    return to.say("cause.moved", title=measure(one.metric, to), then=to.shown(one.expected, one.unit), now=to.shown(one.seen, one.unit))  # fmt: skip


def measure(metric: str, to: Words) -> str:
    """
    Name a metric.

    >>> measure("automation", words("fr")), measure("field:TYP=I", words("en"))
    ('taux de codification automatique', 'share of TYP = I')
    """
    kind, _, of = metric.partition(":")
    name, _, value = of.partition("=")
    if kind == "label":
        return to.say("metric.label", name=of)
    return to.say(f"metric.{kind}", name=name, value=value) if to.knows(f"metric.{kind}") else metric


def field(name: str, to: Words) -> str:
    """Name a field: a caller, a region; a declared one has its own name."""
    return to.say(f"field.{name}") if to.knows(f"field.{name}") else name


def topic(one: Incident, to: Words) -> str:
    """Say in two words what an incident is about."""
    key = f"topic.{one.causes[0].group if one.causes else 'other'}"
    return to.say(key if to.knows(key) else "topic.other")


def claim(one: Incident, to: Words) -> str:
    """
    Say in one sentence what changed.

    >>> slow = Cause("latency", "service", 1.0, "ms", 40.0, 53.0, 900.0, 1, "usual latency 40 ms -> 53 ms")
    >>> claim(Incident(7, "ape", 5, 9, "open", (slow,)), words("fr"))
    'temps de réponse habituel\xa0: 40 ms -> 53 ms'
    """
    return _claim(one, to) if _claim(one, words("en")) == one.claim else one.claim


def _claim(one: Incident, to: Words) -> str:
    sentence = _cause(one.causes[0], to) if one.causes else to.say("claim.something")
    if "claim" not in one.detail:
        return sentence
    where = one.detail.get("segments", [])
    if where and where[0]["share_of_change"] >= TELLING_SHARE:
        sentence = to.say("claim.where", claim=sentence, share=min(where[0]["share_of_change"], 1),
                          field=field(where[0]["field"], to), value=where[0]["value"])  # fmt: skip
    sentence = sentence[:1].upper() + sentence[1:]
    began = recalled(one.detail.get("began"))
    return to.say("claim.began", claim=sentence, began=retold(began, to)) if began else sentence


def known(text: str, keys: Iterable[str], to: Words, **facts: Any) -> str:
    """
    Write a text that is one of these in English in another language; any other as it is.

    >>> known("audits", ["source.unknown", "source.audits"], words("fr")), known("by hand", ["source.unknown"], words("fr"))
    ('audits', 'by hand')
    """
    return next((to.say(key, **facts) for key in keys if words("en").say(key, **facts) == text), text)


def planned(one: Planned, to: Words) -> str:
    """Say what was announced, and when it is or begins and ends."""
    title = retold(one.title, to)
    if one.to_us is None:
        return to.say("daily.mark", what=title, at=one.from_us)
    return to.say("daily.stretch", what=title, first=one.from_us, end=one.to_us)


def about(subject: str, to: Words) -> str:
    """
    Say what an alert about Vigie itself, or its feed, is about; a subject without words stays as it is.

    >>> about("service:source:unread:api", words("en")), about("service:flapping:disk", words("en"))
    ('source api is not read', 'comes and goes: the disk is nearly full')
    >>> about("was vigie-31 started?", words("fr"))
    'was vigie-31 started?'
    """
    what = subject.removeprefix("service:")
    for kind in (*ABOUT, *ABOUT_ANOTHER):
        if f"{what}:".startswith(f"{kind}:"):
            name = what[len(kind) + 1 :]
            return to.say(f"about.{kind.replace(':', '_')}", name=about(name, to) if kind in ABOUT_ANOTHER else name)
    return what
