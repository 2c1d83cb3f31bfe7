"""Call the benchmarks: `python -m benchmarks list`, `python -m benchmarks p4 [--quick] [--json]`."""

import argparse
import difflib
import importlib
import json
import sys
from typing import Any

MEASURES = {
    "p1": ("benchmarks.p1", "log lines into SQLite, redaction off"),
    "p1r": ("benchmarks.p1r", "log lines into SQLite as shipped"),
    "p2": ("benchmarks.p2", "log lines into PostgreSQL as shipped"),
    "p3": ("benchmarks.p3", "log lines into hourly counts only"),
    "p4": ("benchmarks.p4", "log lines to a verdict for every hour, in one cold process"),
    "p5": ("benchmarks.p5", "the verdict and any window of 90 days from stored profiles"),
    "p6": ("benchmarks.p6", "the same while the number of predictions behind it grows"),
    "p7": ("benchmarks.p7", "one hour through the detector"),
    "p11": ("benchmarks.p11", "what the logging middleware adds to a request"),
    "p13": ("benchmarks.p13", "hourly counts on Spark, with one executor and with two"),
    "p14": ("benchmarks.p14", "bytes of the store per million predictions"),
    "p15": ("benchmarks.p15", "cold start of the command line"),
    "kill": ("benchmarks.kill.campaign", "readers killed at random moments: lines lost, stored twice, counted wrongly"),
    "slots": (
        "benchmarks.slots.campaign",
        "schedulers killed and frozen: slots lost or run twice, stale writes, take-over",
    ),
    "decisions": (
        "benchmarks.decisions.campaign",
        "approvals, triggers and kill -9 against a model: started unapproved, twice, not at all",
    ),
    "outbox": (
        "benchmarks.outbox.campaign",
        "senders killed, a relay that fails at every verb: messages lost, repeated unmarked",
    ),
    "histories": (
        "benchmarks.histories.campaign",
        "random weeks of incidents and messages, jobs cut off at any change: promises broken",
    ),
    "soak": (
        "benchmarks.soak.campaign",
        "a week of 30 models in minutes, then a hundred kills: slots lost, memory, reports, false messages",
    ),
    "mutants": (
        "benchmarks.mutants",
        "Vigie broken on purpose: is each break caught by its test?",
    ),
    "redaction": ("benchmarks.redaction", "what masking finds, what it masks wrongly, and how fast"),
    "fuzz": ("benchmarks.fuzz.campaign", "malformed lines and hostile files: crashes, hangs, ledgers, memory"),
    "detection": (
        "benchmarks.detection.campaign",
        "false alarms in quiet quarters, delays and causes of known changes",
    ),
    "quiet": ("benchmarks.detection.quiet", "false alarms on wilder or richer traffic in which nothing changes"),
    "peers": ("benchmarks.detection.packages", "other packages on the same records: false alarms and delays"),
    "dated": ("benchmarks.detection.dated", "real streams in their own time: what was told of what is known of them"),
}


def main(arguments: list[str] | None = None) -> int:
    """Run one benchmark and print what it found; 0 when it ran, with `--strict` 1 when a goal was missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("name", help=f"list, or one of {', '.join(MEASURES)}")
    parser.add_argument("--names", action="store_true", help="with list: names only, one a line")
    parser.add_argument("--quick", action="store_true", help="less data and fewer runs: does it work at all?")
    parser.add_argument("--strict", action="store_true", help="end with 1 when a goal is missed")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    asked = parser.parse_args(arguments)
    if asked.name == "list":
        print("\n".join(name if asked.names else f"{name:<10} {what}" for name, (_, what) in MEASURES.items()))
        return 0
    if asked.name not in MEASURES:
        near = difflib.get_close_matches(asked.name, MEASURES, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        print(f"no benchmark {asked.name!r}{hint} There are: {', '.join(MEASURES)}.", file=sys.stderr)
        return 2
    found = _with_machine(importlib.import_module(MEASURES[asked.name][0]).run(asked.quick))
    print(json.dumps(found, ensure_ascii=False) if asked.json else _told(found))
    return 1 if asked.strict and not found["holds"] else 0


def _with_machine(found: dict[str, Any]) -> dict[str, Any]:
    from benchmarks.machine import description

    return {**found, "details": {**found["details"], "machine": description()}}


def _told(found: dict[str, Any]) -> str:
    size = " (quick: no figure to quote)" if found["quick"] else ""
    details = dict(found["details"])
    lines = [f"{found['id']}: {'holds' if found['holds'] else 'DOES NOT HOLD'}{size}"]
    for one in details.pop("figures"):
        goal = f"goal {'at most' if one['at_most'] else 'at least'} {one['goal']:,}"
        lines.append(
            f"  {one['name']}: {one['reached']:,} {one['unit']}, {goal}: {'holds' if one['holds'] else 'MISSED'}"
        )
    return "\n".join([*lines, *_lines(details, "  ")])


def _lines(tree: dict[Any, Any], indent: str) -> list[str]:
    found = []
    for name, value in tree.items():
        if isinstance(value, dict) and value.keys() == {"median", "min", "max", "runs"}:
            found.append(f"{indent}{name}: {value['median']} ({value['min']} to {value['max']}, {value['runs']} runs)")
        elif isinstance(value, dict):
            found += [f"{indent}{name}:", *_lines(value, indent + "  ")]
        else:
            found.append(f"{indent}{name}: {value}")
    return found


if __name__ == "__main__":
    sys.exit(main())
