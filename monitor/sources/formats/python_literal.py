"""
Read `time - LEVEL - {python literal}` lines, as the model case's API wrote them.

One regular expression turns the literal's tokens into JSON; nothing is evaluated. What is no token of the list is
refused as `invalid_syntax`.
"""

import json
import re
from typing import Any

from monitor.settings import Source
from monitor.sources.record import Half, Record, Refused, label, score, strict_json, text_of, time_us

MARKER = "'Query'"
_TOKEN = re.compile(
    r"""\s*(?:(?P<string>[bru]?'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")|(?P<number>-?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?)"""
    r"""|(?P<word>None|True|False|nan|-?inf)\b|(?P<call>np\.\w+|array|tensor|Decimal|UUID)\(|(?P<mark>[][{}(),:]))""",
    re.VERBOSE,
)
_UNQUOTED = re.compile(r"\{'Query': (?![{'\"])(.*), ('Response': .*)\}", re.DOTALL)  # the text ends at the last one
_WHOLE = re.compile(r"-?\d+")
_WORDS = {"None": "null", "True": "true", "False": "false", "nan": "null", "inf": "null", "-inf": "null"}
_ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|.)", re.DOTALL)
_SIMPLE = {"n": "\n", "t": "\t", "r": "\r", "'": "'", '"': '"', "\\": "\\", "0": "\0", "a": "\a", "b": "\b", "f": "\f",
           "v": "\v"}  # fmt: skip


def read_line(line: bytes, source: Source, clock_us: int | None = None) -> list[Record | Half | Refused] | None:
    """Return the record of one line; None for a line without the marker `'Query'`."""
    try:
        text = line.decode(source.encoding)
    except UnicodeDecodeError:
        raise Refused("invalid_encoding") from None
    if MARKER not in text:
        return None
    parts = text.split(" - ", 2)
    if len(parts) != 3:
        raise Refused("invalid_syntax", "time - LEVEL - {...} was expected")
    unquoted = _UNQUOTED.fullmatch(parts[2].strip())
    tree = (
        literal(parts[2])
        if unquoted is None
        else {"Query": {"libelle": unquoted[1]}, **literal("{" + unquoted[2] + "}")}
    )
    query, response = tree.get("Query"), tree.get("Response")
    if not isinstance(query, dict) or not isinstance(response, dict):
        raise Refused("missing_field", "Query or Response")
    flags: list[str] = []
    return [_record(time_us(parts[0], source.zone, clock_us, flags), query, response, flags)]


def literal(text: str) -> Any:
    """
    Parse a Python literal of dicts, lists, tuples, strings, numbers, None, True, False, nan and numpy scalars.

    >>> literal("{'a': (1, None), 'b': np.float32(0.5), 'c': \\"l'air\\", 'd': nan}")
    {'a': [1, None], 'b': 0.5, 'c': "l'air", 'd': None}
    """
    out: list[str] = []
    at, closers = 0, []  # a call's own parentheses are dropped, a tuple's become brackets
    text = text.rstrip()
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise Refused("invalid_syntax", f"at character {at}")
        at = found.end()
        kind, token = found.lastgroup, found[found.lastgroup or 0]
        if kind == "string":
            out.append(json.dumps(_unescaped(token)))
        elif kind == "number":
            out.append(token + "0" if token.endswith(".") else token)
        elif kind == "word":
            out.append(_WORDS[token])
        elif kind == "call":
            closers.append("")
        elif token == "(":
            closers.append("]")
            out.append("[")
        elif token in ")]}":
            if token == ")" and not closers:
                raise Refused("invalid_syntax", f"at character {at}")
            if out and out[-1] == ",":  # Python allows a comma after the last element
                out.pop()
            out.append(closers.pop() if token == ")" else token)
        elif token == ":" and out and _WHOLE.fullmatch(out[-1]):
            out[-1:] = [f'"{out[-1]}"', ":"]  # a number as a key
        else:
            out.append(token)
    found_tree = strict_json("".join(out))
    if not isinstance(found_tree, dict):
        raise Refused("not_a_record", "the literal is no dict")
    return found_tree


def _unescaped(token: str) -> str:
    body = token[token.index(token[-1]) + 1 : -1]

    def one(found: re.Match[str]) -> str:
        code = found[1]
        if code[0] in "xuU" and len(code) > 1:
            return chr(min(int(code[1:], 16), 0x10FFFF))
        return _SIMPLE.get(code, "\\" + code)

    return _ESCAPE.sub(one, body)


def _record(when_us: int, query: dict[str, Any], response: dict[str, Any], flags: list[str]) -> Record:
    answers = [response[key] for key in ("1", "2", "3", "4", "5") if isinstance(response.get(key), dict)]
    known = {name: value for name, value in query.items() if name not in {"libelle", "description_activity"}}
    return Record(
        time_us=when_us,
        text=text_of(query.get("libelle", query.get("description_activity")), flags),
        fields=known,
        labels=[label(one.get("code")) for one in answers],
        scores=[score(one.get("probabilite"), flags) for one in answers],
        logged_score=None if response.get("IC") is None else score(response["IC"], flags, clip=True),
        status=200,
        flags=flags,
    )
