"""Spoil lines: by the grammar they are written in, or byte by byte."""

import json
import random
import re
from collections.abc import Callable
from typing import Any

DOUBLE = "\x02"  # a key with this at its end is written without it: the key stands twice
_RAW = re.compile(r'"\\u0001(\d+)\\u0001"')
DEEP = 100_000
LONG_TEXT, MANY_ROWS = 20_001, 10_001
RARE_SHARE = 1 / 400
HOSTILE = (
    "NaN", "Infinity", "-Infinity", "1e999", "-1e999", str(2**80), str(2**63), str(-(2**63) - 1), "9" * 5000, "1e-400",
    "-0.0", "-1", "0", "1.0005", "1.5", "true", "false", "null", '""', '" "', "[]", "{}", "[[]]", '[{"a":[]}]', '"NaN"',
    '"\\ud800"', '"\\udfff\\ud800x"', '"\\u0000\\u0000"', '"\\u202eabc\\u2066"', '"\\u0007\\u001b[2J"', '"0001-01-01T00:00:00Z"',
    '"0001-01-01T00:00:00+14:00"', '"9999-12-31T23:59:59Z"', '"9999-12-31T23:59:59-14:00"', '"2026-03-29T02:30:00"',
    '"2026-10-25T02:30:00"', '"2026-02-30T00:00:00Z"', '"2026-09-01T10:33:52.123456789Z"', '"not a time"', '"1"', '"0x10"',
    '"\u0663.\u0664"', '"1_000"', "1788264000", "1788264000000000000", '"{}"', '"["', '"{\\"a\\":"', '"' + "a" * 200 + '"',
    '"champion"', '"shadow"', '"\\u2028\\u0085"', '"=1+1"', '"a\\tb"', "12345678901234567890", '["a","b"]', '[["a",0.5]]',
    '[["a","0.5",1]]', "[0.1,0.2,0.3]", '{"1":{"code":"x"}}', "65536", "4294967296", "1e18", "1e300", "-5e-324",
)  # fmt: skip
TOKEN_HOSTILE = (
    "NaN", "nan", "-inf", "1e999", str(2**80), "9" * 5000, "-1", "1.5", "''", "None", "True", "\x00" * 30, "\u202e", "[", "]",
    "{", "}", "(", ")", ",", "=", ":", " - ", '"', "'", "\\", "\\x", "\\ud800", "\\U99999999", "\\N{BULLET}", "0001-01-01",
    "9999-12-31", "-", ".", "1.2.3", "99/Zzz/9999:99:99:99 +9999", "01/Sep/0001:00:00:00 +2359", "np.float32(", "array([",
    "\u0663", "\x1b[31m", "'Query'", "'Response'", "CodificationBilan[", "predictions=", "HTTP/1.1", "\r", "\x85", "\u2028",
    "stdout", "P", "F",
)  # fmt: skip
_TOKEN = re.compile(r"\w+|\s+|[^\w\s]")


def spoiled(line: bytes, draw: random.Random) -> bytes:
    """Spoil a line once to three times by its grammar; what it gives holds no newline."""
    for _ in range(draw.choices((1, 2, 3), (6, 3, 1))[0]):
        line = _grammar(line, draw)
    return line.replace(b"\n", b" ")


def noised(line: bytes, draw: random.Random, other: bytes = b"") -> bytes:
    """Spoil a line once to eight times byte by byte; `other` is what is spliced in."""
    noise = bytearray(line)
    for _ in range(draw.choices((1, 2, 4, 8), (4, 3, 2, 1))[0]):
        NOISES[draw.randrange(len(NOISES))](noise, draw, other)
    return bytes(noise).replace(b"\n", b"\x0b")


def _grammar(line: bytes, draw: random.Random) -> bytes:
    if draw.random() < 0.05:
        return _recoded(line, draw)
    if draw.random() < RARE_SHARE:
        return _huge(line, draw)
    try:
        tree = json.loads(line)
    except (ValueError, RecursionError):
        return _tokens(line, draw)
    return _written(tree, draw) if isinstance(tree, dict | list) and tree else _tokens(line, draw)


def _written(tree: Any, draw: random.Random) -> bytes:
    """Change one value or key of a parsed line and write it again, with tokens that no JSON writer writes."""
    raws: list[str] = []

    def raw(token: str) -> str:
        raws.append(token)
        return f"\x01{len(raws) - 1}\x01"

    node, key = _somewhere(tree, draw)
    change = draw.randrange(8)
    if change == 0:
        del node[key]
    elif change == 1 and isinstance(node, dict):
        node[key + DOUBLE] = draw.choice((node[key], raw(draw.choice(HOSTILE))))
    elif change == 2:
        node[key] = {"a": node[key]} if draw.random() < 0.5 else [node[key]] * draw.randint(1, 3)
    elif change == 3 and isinstance(node[key], int | float | str):
        node[key] = float(draw.uniform(-2, 2)) if isinstance(node[key], str) else str(node[key])
    elif change == 4 and isinstance(node[key], str):  # JSON inside a string, or a prose
        node[key] = spoiled(node[key].encode("utf-8", "replace"), draw).decode("utf-8", "replace")
    elif change == 5 and isinstance(node, dict):
        node[draw.choice(("", "a" * 300, "\x00", "__class__", "time", "1", "Query", "vigie"))] = node.pop(key)
    else:
        node[key] = raw(draw.choice(HOSTILE))
    written = json.dumps(tree, ensure_ascii=draw.random() < 0.5).replace("\\u0002", "")
    return _RAW.sub(lambda found: raws[int(found[1])], written).encode("utf-8", "surrogatepass")


def _somewhere(tree: Any, draw: random.Random) -> tuple[Any, Any]:
    """Walk to a random place: a container and a key of it."""
    node = tree
    while True:
        key = draw.choice(list(node)) if isinstance(node, dict) else draw.randrange(len(node))
        if not isinstance(node[key], dict | list) or not node[key] or draw.random() < 0.3:
            return node, key
        node = node[key]


def _tokens(line: bytes, draw: random.Random) -> bytes:
    """Drop, double, swap or replace a token of a line that is no JSON."""
    parts = _TOKEN.findall(line.decode("utf-8", "replace")) or [""]
    at, change = draw.randrange(len(parts)), draw.randrange(5)
    if change == 0:
        del parts[at]
    elif change == 1:
        parts.insert(at, parts[at])
    elif change == 2:
        other = draw.randrange(len(parts))
        parts[at], parts[other] = parts[other], parts[at]
    else:
        parts[at : at + (change == 3)] = [draw.choice(TOKEN_HOSTILE)]
    return "".join(parts).encode("utf-8", "surrogatepass")


def _recoded(line: bytes, draw: random.Random) -> bytes:
    text = line.decode("utf-8", "replace") + "é\u20ac"
    return text.encode(draw.choice(("latin-1", "cp1252", "utf-16-le", "utf-16", "utf-7", "utf-8-sig")), "replace")


def _huge(line: bytes, draw: random.Random) -> bytes:
    """Make what is too long or too deep: a text, an array, brackets, a hole."""
    kind, at = draw.randrange(5), draw.randrange(len(line) + 1)
    if kind == 0:
        return line.replace(b"card lost", b"x" * LONG_TEXT).replace(b"coiffure", b"\xc3\xa9" * LONG_TEXT)
    if kind == 1:
        opened = line.find(b"[{")
        element = line[opened + 1 : line.find(b"}", opened) + 1]
        return (
            line[: opened + 1] + (element + b",") * MANY_ROWS + line[opened + 1 :] if opened >= 0 and element else line
        )
    if kind == 2:
        return line[:at] + draw.choice((b"[", b'{"a":', b"(", b"{'a': ")) * DEEP + line[at:]
    if kind == 3:
        return b"\x00" * draw.choice((1, 4096)) + line
    return line[:at] + b"\x00" * draw.choice((3, 4096)) + line[at:]


def _flip(noise: bytearray, draw: random.Random, _: bytes) -> None:
    if noise:
        noise[draw.randrange(len(noise))] ^= 1 << draw.randrange(8)


def _insert(noise: bytearray, draw: random.Random, _: bytes) -> None:
    at = draw.randrange(len(noise) + 1)
    noise[at:at] = bytes(draw.choices(range(256), k=draw.randint(1, 6)))


def _delete(noise: bytearray, draw: random.Random, _: bytes) -> None:
    at = draw.randrange(len(noise) + 1)
    del noise[at : at + draw.randint(1, 12)]


def _splice(noise: bytearray, draw: random.Random, other: bytes) -> None:
    at, begin = draw.randrange(len(noise) + 1), draw.randrange(len(other) + 1)
    noise[at:at] = other[begin : begin + draw.randint(1, 200)]


def _truncate(noise: bytearray, draw: random.Random, _: bytes) -> None:
    if draw.random() < 0.3:
        del noise[draw.randrange(len(noise) + 1) :]


NOISES: tuple[Callable[[bytearray, random.Random, bytes], None], ...] = (_flip, _insert, _delete, _splice, _truncate)
