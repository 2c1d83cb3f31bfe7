"""
Tell of two versions of a model after a retraining, in two reports: what no label is needed for, and what labels say.

What is told is a body as `monitor.report.sheet.page` makes a page of, with the figures as `facts`; the same body gives the same bytes.
"""

import json
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from monitor.quality.notes import recognised
from monitor.report.letters import printable, tidy
from monitor.report.told import retold
from monitor.report.words import Words

MOST_CLASSES, MOST_WEAK, LONGEST_NAME = 15, 5, 80
Rows = list[tuple[str, str]]


def without_labels(facts: Mapping[str, Any], now: datetime, words: Words) -> dict[str, Any]:
    """Write the report without labels: agreement, mix of answers, flips, hard texts."""
    blocks: list[tuple[str, Rows]] = [("agreement", _agreement(facts, words))]
    if facts["compared"]:
        share = "share"
        blocks += [
            ("levels", [(tidy(one["level"], LONGEST_NAME), words.shown(one[share], share)) for one in facts["levels"]]),
            ("classes", [(tidy(one["name"], LONGEST_NAME), _same(one, words)) for one in facts["classes"][:MOST_CLASSES]]),
            ("bands", [(words.say("succession.band", low=one["low"], high=one["high"]), _same(one, words)) for one in facts["bands"]]),
            ("flips", [(words.say(f"succession.{name}"), words.say("succession.texts", n=facts["flips"][name])) for name in sorted(facts["flips"])]),
        ]  # fmt: skip
    mix = [(tidy(one["name"], LONGEST_NAME), words.say("succession.mix_row", old=one["old"], new=one["new"])) for one in facts["mix"][:MOST_CLASSES]]  # fmt: skip
    blocks += [("mix", mix), ("hard", [("", words.say("succession.no_hard"))])]
    return _body("without", facts, blocks, now, words)


def with_labels(facts: Mapping[str, Any], now: datetime, words: Words) -> dict[str, Any]:
    """Write the report with labels: accuracy and F1 of both, by source of the labels, and the verdict."""
    blocks: list[tuple[str, Rows]] = [("verdict", _verdict(facts["verdict"], words))]
    rows: list[tuple[str, str]] = []
    for one in facts["sources"]:
        for side in ("old", "new"):
            rows += _scored(one, side, words)
    records = words.say("succession.same_records" if facts["compared"] else "succession.other_records")
    blocks.append(("scores", [("", records), *rows] if rows else [("", words.say("weekly.no_label"))]))
    return _body("with", facts, blocks, now, words)


def as_json(body: Mapping[str, Any]) -> str:
    """Return the figures of a report as JSON."""
    told = {name: body[name] for name in ("kind", "title", "language", "facts")}
    return json.dumps(told, ensure_ascii=False, indent=2, sort_keys=True) + "\n"


def as_markdown(body: Mapping[str, Any]) -> str:
    r"""
    Return a report as Markdown: nothing that was logged is markup.

    >>> body = {"title": "t", "foot": "f", "blocks": [{"heading": "h", "rows": [["<b>|x", "1 *"]]}]}
    >>> "| \\<b\\>\\|x | 1 \\* |" in as_markdown(body)
    True
    """
    lines = [f"# {_plain(body['title'])}"]
    for block in body["blocks"]:
        lines += ["", f"## {_plain(block['heading'])}", "", "| | |", "|---|---|"]
        lines += [f"| {_plain(name)} | {_plain(value)} |" for name, value in block["rows"]]
    return "\n".join([*lines, "", _plain(body["foot"]), ""])


def _plain(text: str) -> str:
    return re.sub(r"([\\`*_\[\]|<>#&!~])", r"\\\1", printable(text))


def _body(kind: str, facts: Mapping[str, Any], blocks: Iterable[tuple[str, Rows]], now: datetime, words: Words) -> dict[str, Any]:  # fmt: skip
    about = {name: tidy(str(facts[name] or "-"), LONGEST_NAME) for name in ("old", "new")}
    title = words.say(f"succession.{kind}", model=facts["model"], number=facts["decision"], **about)
    told = [{"heading": words.say(f"succession.block.{name}"), "rows": [list(row) for row in rows], "picture": None} for name, rows in blocks if rows]  # fmt: skip
    told[0]["heading"] = f"{title}: {told[0]['heading']}"
    return {"kind": kind, "title": title, "status": "", "language": words.language, "foot": words.say("sheet.foot", now=now),
            "blocks": told, "facts": dict(facts)}  # fmt: skip


def _agreement(facts: Mapping[str, Any], words: Words) -> Rows:
    if not facts["compared"]:
        return [("", words.say("succession.nothing"))]
    value, low, high = facts["agreement"]
    rate = words.say("succession.agree", value=value, low=100 * low, high=100 * high, n=facts["compared"])
    old, new = facts["automation"]
    return [(words.say("succession.overall"), rate), (words.say("row.automation"), words.say("succession.mix_row", old=old, new=new))]  # fmt: skip


def _same(one: Mapping[str, Any], words: Words) -> str:
    return words.say("succession.same", value=one["share"], n=one["count"])


def _verdict(verdict: Mapping[str, Any], words: Words) -> Rows:
    """Tell the word, how many labels are missing where labels would help, and every check, also those met."""
    name, wanted = words.say(f"succession.{verdict['word']}"), verdict["wanted"]
    met = sum(check["result"] == "met" for check in verdict["checks"])
    told = words.say("succession.checks", met=met, of=len(verdict["checks"]))
    if verdict["word"] == "more_labels" and wanted:
        told = words.say("succession.wanted", n=wanted)
    checks = [(words.say(f"succession.check.{_key(check['name'])}"), words.say(f"succession.result.{_key(check['result'])}"))
              for check in verdict["checks"]]  # fmt: skip
    return [(name, told), *checks]


def _key(name: str) -> str:
    return re.sub(r"[ -]", "_", name)


def _scored(one: Mapping[str, Any], side: str, words: Words) -> Rows:
    known = f"quarterly.{one['source']}"
    source = words.say(known) if words.knows(known) else tidy(one["source"], 40)
    name = words.say(f"succession.{side}_by", source=source)
    told = one[side]
    if told is None:
        return [(name, words.say("succession.no_answers"))]
    figure = told["accuracy"]
    if figure["value"] is None:
        return [(name, words.say("outcome.unknown", why=retold(recognised(figure["note"], figure["size"]), words)))]
    parts = [words.say(f"succession.{measure}", value=told[measure]["value"], low=100 * told[measure]["low"], high=100 * told[measure]["high"])
             for measure in ("accuracy", "macro", "micro", "weighted")]  # fmt: skip
    parts += [words.say("succession.top", k=k, value=value) for k, value in told["top"]]
    weak = [words.say("succession.weak_row", name=tidy(label, LONGEST_NAME), value=f1, count=count) for label, count, f1 in told["weak"][:MOST_WEAK]]  # fmt: skip
    rows = [(name, words.listed([words.say("succession.labels", n=int(figure["size"])), *parts], "semicolon"))]
    return [*rows, (words.say("succession.weak"), words.listed(weak, "semicolon"))] if weak else rows
