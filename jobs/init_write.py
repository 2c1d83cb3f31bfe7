"""Write config.yaml with every guess explained, and print rows beside the lines they were read from."""

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from jobs.init import YEAR_2100_US, Seen
from monitor.redaction import redacted
from monitor.sources.sniff_facts import Told
from monitor.window import moment

HEAD = """\
# Written by `vigie init` from {lines} lines of your logs. Each guess says what it rests on; what only you can know is
# marked DECIDE. Then: vigie config check. Every other setting, with its default, stands in the config.yaml shipped with
# Vigie.
data_dir: data

models:
"""
SHOWN_CHARS = 110


def written(found: Sequence[Seen], told: dict[str, Told], model: str | None, labels: Told | None, folder: Path) -> str:
    """Return the text of config.yaml for a file in `folder`; paths below it are written from there."""
    lines = sum(one.guess.lines for one in found)
    name = model or next((one.name for one in found if not one.is_access), found[0].name)
    parts = [HEAD.format(lines=lines), *_model(name, told, labels, folder, is_given=model is not None), "\nsources:\n"]
    for one in found:
        parts += _source(one, name, folder)
    return "".join(parts)


def report(found: Sequence[Seen], told: dict[str, Told]) -> Iterator[str]:
    """Yield for people what was found: per glob its counts and some rows beside their lines; then what nobody can tell."""
    for one in found:
        guess = one.guess
        form = guess.settings.get("preset", one.format)
        wrapper = f" in {guess.settings['wrapper']}" if "wrapper" in guess.settings else ""
        yield f"{one.files}: {form}{wrapper}, {guess.why['format']} (of {guess.lines} in {len(one.paths)} files)"
        for why, count in guess.refused.most_common(3):
            yield f"    refused {count} x {why}"
        for line, row in guess.shown:
            yield f"    line  {_masked(line)}"
            answer = f"{row.labels[0]} {row.scores[0] if row.scores else ''}" if row.labels else f"status {row.status}"
            is_time = row.time_us is not None and 0 <= row.time_us < YEAR_2100_US
            when = f"{moment(row.time_us or 0):%Y-%m-%d %H:%M:%S}" if is_time else "no time that can be"
            latency = "" if row.latency_ms is None else f", {row.latency_ms:g} ms ({row.latency_kind})"
            yield f"    row   {when}, {answer}{latency}, {_masked((row.text or row.endpoint or '').encode('utf-8', 'replace'))}"
    doubts = [f"{one.name}: zone: {one.zone.value}: {one.zone.why}" for one in found if one.zone and one.zone.is_doubt]
    doubts += [f"{one.name}: only requests to {one.keep_if.value} are kept: {one.keep_if.why}" for one in found
               if one.keep_if and one.keep_if.value]  # fmt: skip
    doubts += [f"{name}: {one.why}" for name, one in told.items() if one.is_doubt]
    yield from (f"DECIDE  {doubt}" for doubt in doubts)


def _model(name: str, told: dict[str, Told], labels: Told | None, folder: Path, *, is_given: bool) -> Iterator[str]:
    yield "" if is_given else "  # DECIDE: the name of the model, here and under sources; it comes from the glob.\n"
    yield f"  {name}:\n"
    yield _comment(told["score"])
    yield f"    score: {told['score'].value}\n"
    outside = told["outside"]
    if outside.value:
        yield f"    # {outside.value} {outside.why} have a number outside 0 to 1; true cuts it to the range, else they are refused.\n"
        yield "    score_clip: true\n"
    if told["quantum"].value:
        yield f"    # {told['quantum'].why}: two decimals are logged.\n"
    yield _comment(told["threshold"])
    since = f"{moment(told['days'].value):%Y-%m-%d}T00:00:00Z" if told["days"].value else "2026-01-01T00:00:00Z"
    mark, value = ("", told["threshold"].value) if told["threshold"].value is not None else ("#", 0.8)
    yield f"    {mark}thresholds: [{{from: {since}, automatic_at: {value:g}}}]\n"
    yield _comment(told["labels"])
    yield f"    #classes: {max(told['labels'].value, 2)}\n    #nomenclature: nomenclature.csv\n"
    if told["fields"].value:
        yield _comment(told["fields"])
        yield f"    fields: {{{', '.join(f'{key}: {kind}' for key, kind in told['fields'].value.items())}}}\n"
    yield "    # DECIDE: what your users were promised.\n    #latency_ms_limit: 200\n"
    if labels is None:
        yield "    # DECIDE: CSV files with what people found: label, source, labelled_at, and request_id or text.\n    #label_files: labels/*.csv\n"
    else:
        yield _comment(labels)
        yield f"    {'' if labels.value else '#'}label_files: {_path(labels.value or 'labels/*.csv', folder)}\n"


def _source(one: Seen, model: str, folder: Path) -> Iterator[str]:
    settings = one.guess.settings
    yield f"  {one.name}:\n    files: {_path(one.files, folder)}\n"
    if one.instance_from:
        yield f"    # {len(one.paths)} sampled files lie in several folders; this one names the pod or host.\n"
        yield f"    instance_from: {json.dumps(one.instance_from)}\n"
    for key in ("wrapper", "encoding"):
        if key in settings:
            yield f"    # {one.guess.why[key]}.\n    {key}: {settings[key]}\n"
    yield f"    # {one.guess.why['format']}.\n"
    if "preset" in settings:
        yield f"    format: {one.format}\n    preset: {settings['preset']}\n"
    else:
        yield f"    format: {settings['format']}\n"
    if "prefix" in settings:
        yield f"    # What stands before the JSON; the time in it is not read.\n    prefix: {json.dumps(settings['prefix'])}\n"
    if settings.get("map"):
        yield from _map(settings["map"])
    yield f"    model: {model}\n"
    if one.records and not one.is_access:  # of halves alone the preset knows
        identity = _identity(one)
        yield f"    # {identity.why}.\n    identity: {identity.value}\n"
    if one.zone is not None:
        yield _comment(one.zone)
        yield f"    zone: {one.zone.value}\n"
    if one.keep_if is not None and one.keep_if.why:
        yield _comment(one.keep_if)
        if one.keep_if.value:
            pattern = json.dumps("^" + _escaped(one.keep_if.value))
            yield f"    keep_if: {{field: path, matches: {pattern}}}\n"
    if one.gives != "all":
        why = "latency, status and number of calls come from here alone" if one.gives == "service" else "the access log beside gives latency and status"  # fmt: skip
        yield f"    # {why[0].upper()}{why[1:]}.\n    gives: {one.gives}\n"


def _identity(one: Seen) -> Told:
    from monitor.sources.sniff_facts import identity

    return identity(one.records)


def _map(columns: dict[str, Any]) -> Iterator[str]:
    yield "    # By the names and values of the keys; `vigie init` printed rows beside their lines.\n    map:\n"
    for column, where in columns.items():
        if isinstance(where, dict):
            doubt = (
                "  # DECIDE: the unit is guessed by its name or size" if column == "latency_ms" else "  # by its size"
            )
            yield f"      {column}: {{field: {json.dumps(where['field'])}, unit: {where['unit']}}}{doubt}\n"
        else:
            yield f"      {column}: {json.dumps(where)}\n"


def _comment(told: Told) -> str:
    text = ("DECIDE: " if told.is_doubt else "") + told.why
    text = "".join(c if c.isprintable() else " " for c in text)  # names come from the logs: none may end the comment
    return f"    # {text[0].upper()}{text[1:]}.\n" if told.why else ""


def _path(pattern: str, folder: Path) -> str:
    whole = os.path.abspath(pattern)
    below = os.path.relpath(whole, folder)
    return json.dumps(whole if below.startswith("..") else below)


def _escaped(path: str) -> str:
    return "".join("\\" + c if c in r".^$*+?{}[]\|()" else c for c in path)


def _masked(line: bytes) -> str:
    import polars as pl

    text = line.decode("utf-8", "replace")[:2000]
    return str(redacted(pl.Series([text]))[0])[:SHOWN_CHARS].replace("\n", " ")
