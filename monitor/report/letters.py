"""
Turn facts into letters: the same figures in the text and in the HTML.

A letter is a list of blocks; both parts are written from it, so that they cannot differ.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from html import escape

import css_inline

from monitor.letter import Letter
from monitor.report.words import NO_BREAK, Words

STATUS_COLOURS = {"ALARM": "#D55E00", "OK": "#009E73", "WATCH": "#E69F00", "UNKNOWN": "#6E6E6E", "SILENT": "#6E6E6E"}
LONGEST_SUBJECT = 78
SPACES = {NO_BREAK, "\u202f"}  # not printable to Python, and no harm
STYLE = """
body { margin: 0 8px; background: #ffffff; color: #1a1a1a; font-family: Arial, Helvetica, sans-serif; font-size: 15px; }
table { border-collapse: collapse; }
td { padding: 4px 10px 4px 0; vertical-align: top; line-height: 1.4; }
td.name { color: #555555; width: 110px; }
h1 { font-size: 19px; margin: 16px 0 8px 0; }
p.small { color: #555555; font-size: 13px; }
"""
DARK = """
@media (prefers-color-scheme: dark) {
  body, td, h1 { background: #16191d !important; color: #e8e8e8 !important; }
  td.name, p.small { color: #b0b0b0 !important; }
}
"""
NARROW = """
@media (max-width: 620px) {
  table, img { width: 100% !important; }
  td { overflow-wrap: anywhere; }
}
"""


@dataclass(frozen=True)
class Picture:
    """Hold a PNG and the sentence that says the same."""

    cid: str
    png: bytes
    text: str


@dataclass(frozen=True)
class Block:
    """Hold a heading and rows of (name, sentence); `picture` stands below them."""

    heading: str
    rows: Sequence[tuple[str, str]]
    picture: Picture | None = None


def letter(subject: str, status: str, blocks: Sequence[Block], foot: str, words: Words) -> Letter:
    """
    Write both parts.

    >>> from monitor.report.words import words
    >>> made = letter("s", "OK", [Block("Week 3", [("Volume", "2,000 predictions")])], "by Vigie", words("en"))
    >>> "Volume" in made.text and "2,000 predictions" in made.html
    True
    """
    blocks, foot = [_clean(block) for block in blocks], printable(foot)
    pictures = {b.picture.cid: b.picture.png for b in blocks if b.picture is not None and b.picture.png}
    colour, word = STATUS_COLOURS.get(status, "#6E6E6E"), words.say(f"status.{status}") if status else ""
    html = "".join(_html(block, "" if number else word, colour) for number, block in enumerate(blocks))
    page = (f"<html lang='{words.language}'><head><meta name='color-scheme' content='light dark'><style>{STYLE}</style></head>"
            f"<body><table width='600' role='presentation'><tr><td>{html}<p class='small'>{escape(foot)}</p></td></tr></table></body></html>")  # fmt: skip
    inlined = css_inline.CSSInliner(load_remote_stylesheets=False).inline(page)
    inlined = inlined.replace("</head>", f"<style>{DARK}{NARROW}</style></head>", 1)
    mark = words.say("picture.mark")
    text = "\n\n".join(_text(block, "" if number else word, mark) for number, block in enumerate(blocks))
    return Letter(subject, f"{text}\n\n-- \n{foot}\n", inlined, pictures)


def _clean(block: Block) -> Block:
    rows = [(printable(name), printable(value)) for name, value in block.rows]
    picture = block.picture and replace(block.picture, text=printable(block.picture.text))
    return Block(printable(block.heading), rows, picture)


def _html(block: Block, status: str, colour: str) -> str:
    mark = ""
    if status:
        mark = f"<span style='color:{colour}'>&#9632;</span> {escape(status)} &nbsp;"
    rows = "".join(
        f"<tr><td class='name'>{escape(name)}</td><td>{escape(value)}</td></tr>" for name, value in block.rows
    )
    image = ""
    if block.picture is not None:
        alt = escape(block.picture.text, quote=True)
        image = f"<p class='small'>{alt}</p>"
        if block.picture.png:
            image = f"<img src='cid:{block.picture.cid}' width='600' alt='{alt}'>" + image
    return f"<h1>{mark}{escape(block.heading)}</h1><table role='presentation' width='600'>{rows}</table>{image}"


def _text(block: Block, status: str, mark: str) -> str:
    head = f"{status}  {block.heading}" if status else block.heading
    width = max((len(name) for name, _ in block.rows), default=0) + 2
    lines = [head, "=" * min(len(head), 72)] + [f"{name:<{width}}{value}" for name, value in block.rows]
    if block.picture is not None:
        lines.append(f"{mark} {block.picture.text}")
    return "\n".join(lines)


def printable(value: str) -> str:
    r"""
    Return a value with control and direction-changing characters as escapes; spaces that do not break are let through.

    >>> printable("a\nb\u202e")
    'a\\nb\\u202e'
    """
    return "".join(c if c.isprintable() or c in SPACES else c.encode("unicode_escape").decode() for c in value)


def tidy(value: str, longest: int = 200) -> str:
    r"""
    Return a logged value as one line that is no link: see `printable`, cut at `longest`.

    >>> tidy("see http://x.y\n")
    'see http[:]//x.y\\n'
    """
    shown = re.sub(r"(?i)\b(https?)://", r"\1[:]//", printable(value))
    return shown if len(shown) <= longest else shown[: longest - 1] + "…"


def fitted(name: str, write: Callable[[str], str]) -> str:
    """
    Return the subject that `write` makes of a name, which is cut where it would be longer than 78 letters: its end stays.

    >>> len(fitted("x" * 90, lambda name: f"{name}: all closed (#4)")), fitted("ape", lambda name: f"{name}: all closed (#4)")
    (78, 'ape: all closed (#4)')
    """
    return write(tidy(name, max(LONGEST_SUBJECT - len(write("x")) + 1, 1)))
