"""
Find a value in a parsed line by its path.

`a.b` a key inside a key, `"a.b"` a key with a dot, `[0]` an element, `[]` one row per element, `[*]` one top-k entry per
element, `{1..5}` top-k under numbered keys, `!` the string here is JSON: read it and go on.
"""

import re
from collections.abc import Callable
from typing import Any

from monitor.sources.record import Refused, strict_json

_STEP = re.compile(r'"([^"]+)"|\[(\d+)\]|(\[\])|(\[\*\])|\{(\d+)\.\.(\d+)\}|(!)|([^.\[\]{}!"]+)')
Path = tuple[Any, ...]
UNIT_MS = {"s": 1000.0, "ms": 1.0, "us": 0.001, "ns": 0.000001}
ROWS, ENTRIES = object(), object()


def compiled(path: str) -> Path:
    """
    Turn a written path into its steps.

    >>> find({"in": [{"text": "a"}, {"text": "b"}]}, compiled("in[].text"))
    ['a', 'b']
    >>> find({"out": {"1": {"code": "x"}, "2": {"code": "y"}}}, compiled("out.{1..5}.code"))
    ['x', 'y']
    """
    steps: list[Any] = []
    for quoted, index, rows, entries, low, high, parse, key in _STEP.findall(path):
        if index:
            steps.append(int(index))
        elif rows or entries:
            steps.append(ROWS if rows else ENTRIES)
        elif low:
            steps.append([str(n) for n in range(int(low), int(high) + 1)])
        elif parse:
            steps.append(strict_json)
        else:
            steps.append(quoted or key)
    return tuple(steps)


def has_rows(path: Path) -> bool:
    """Say whether the path gives one value per row."""
    return any(step is ROWS for step in path)


def find(node: Any, path: Path) -> Any:
    """Return the value at `path`: a list where it fans out, None where nothing is."""
    for number, step in enumerate(path):
        if node is None:
            return None
        if step is ROWS or step is ENTRIES:
            if not isinstance(node, list):
                return None
            return [find(one, path[number + 1 :]) for one in node]
        if isinstance(step, list):
            if not isinstance(node, dict):
                return None
            return [find(node[key], path[number + 1 :]) for key in step if key in node]
        node = _one(node, step)
    return node


def _one(node: Any, step: str | int | Callable[[str], Any]) -> Any:
    if callable(step):
        if not isinstance(node, str):
            raise Refused("wrong_type", "a string with JSON was expected")
        return step(node)
    if isinstance(step, int):
        return node[step] if isinstance(node, list) and step < len(node) else None
    return node.get(step) if isinstance(node, dict) else None
