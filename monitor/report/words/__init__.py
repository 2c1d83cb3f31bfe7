"""
Give the words of a language: a table of templates, its plurals, and how it writes numbers and times.

A template's placeholder may say how its fact is written: `{n:,}` and `{rate:.0%}` as Python does, with the language's own
separators; `{rate:.1p}` as a percentage with a space before the sign; `{at:moment}`, `{at:day}`, `{at:date}`, `{at:stamp}`,
`{at:weekday}` a moment (microseconds since 1970, or a datetime), always in UTC.
"""

import math
import re
import string
import tomllib
from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import lru_cache
from importlib.resources import files
from typing import Any

from monitor.window import moment

NO_BREAK = "\u00a0"


class Words(string.Formatter):
    """Write what is to be said in one language."""

    def __init__(self, language: str, table: Mapping[str, Any]) -> None:
        """Keep the table flat, a template by the path of its keys."""
        self.language = language
        self._forms: Mapping[str, Any] = table["form"]
        self._templates = dict(self._flat({name: one for name, one in table.items() if name != "form"}))

    def say(self, key: str, /, **facts: Any) -> str:
        """
        Fill the template of a key; where it has a form for one and one for many, the fact `n` decides.

        >>> words("en").say("group.at_once", n=3), words("fr").say("unit.share", value=0.803)
        ('3 models at once', '80,3\xa0%')
        """
        template = self._templates[key]
        if not isinstance(template, str):
            template = template["one" if self._forms["one_from"] <= facts["n"] < 2 else "other"]
        return self.vformat(template, (), facts).strip(" ")

    def knows(self, key: str) -> bool:
        """Say whether there are words for a key."""
        return key in self._templates

    def templates(self) -> dict[str, Any]:
        """Return every template by its key: a text, or the texts for `one` and `other`."""
        return dict(self._templates)

    def listed(self, parts: Iterable[str], between: str = "comma") -> str:
        """
        Write parts one behind the other; `between` is comma or semicolon.

        >>> words("fr").listed(["a", "b"], "semicolon")
        'a\xa0; b'
        """
        return str(self._templates[f"between.{between}"]).join(parts)

    def shown(self, value: float, unit: str) -> str:
        """
        Write a value with its unit.

        >>> [words(one).shown(0.0312, "share moved") for one in ("en", "fr")]
        ['3.1 % moved', '3,1\xa0% déplacés']
        """
        if math.isnan(value):
            return self.say("unit.nothing")
        key = f"unit.{unit.replace(' ', '_')}"
        return self.say(key if self.knows(key) else "unit.other", value=value, unit=unit)

    def format_field(self, value: Any, spec: str) -> Any:
        """Write one fact in the form its placeholder asks for."""
        if spec in self._forms["times"] and isinstance(value, int | datetime):
            return self._time(moment(value) if isinstance(value, int) else value, self._forms["times"][spec])
        if isinstance(value, tuple | list):
            return self.listed(str(one) for one in value)
        return self._number(value, spec) if isinstance(value, int | float) and spec else format(value, spec)

    def _number(self, value: float, spec: str) -> str:
        with_space = spec.endswith("p")
        plain = format(100 * value, f"{spec[:-1]}f") if with_space else format(value, spec)
        sign = str(self._forms["percent" if with_space else "percent_close"])
        plain = f"{plain}%" if with_space else plain
        return plain.translate({ord(","): self._forms["thousands"], ord("."): self._forms["decimal"], ord("%"): sign})

    def _time(self, at: datetime, pattern: str) -> str:
        first = self._forms["first_day"]
        day = first if first and at.day == 1 else format(at.day, self._forms["day"])
        return pattern.format(weekday=self._forms["weekdays"][at.weekday()], day=day, month=self._forms["months"][at.month - 1],
                              year=at.year, clock=f"{at:%H:%M}")  # fmt: skip

    def _flat(self, table: Mapping[str, Any], path: str = "") -> Iterable[tuple[str, Any]]:
        for name, one in table.items():
            if isinstance(one, str):
                yield path + name, self._spaced(one)
            elif one.keys() <= {"one", "other"}:
                yield path + name, {form: self._spaced(text) for form, text in one.items()}
            else:
                yield from self._flat(one, f"{path}{name}.")

    def _spaced(self, text: str) -> str:
        """Let no line break before a sign that stands behind a space, or within quotation marks."""
        signs = re.escape(self._forms["after_space"])
        return re.sub(rf" (?=[{signs}])|(?<=«) ", NO_BREAK, text) if signs else text


@lru_cache(maxsize=8)
def words(language: str) -> Words:
    """
    Return the words of a language; those of one without a table are English.

    >>> words("fr").say("unit.nothing"), words("eo").language
    ('rien', 'en')
    """
    if language not in languages():
        return words("en")
    text = files("monitor.report.words").joinpath(f"{language}.toml").read_text(encoding="utf-8")
    return Words(language, tomllib.loads(text))


def languages() -> list[str]:
    """
    Return the languages there are words in.

    >>> languages()
    ['en', 'fr']
    """
    found = (one.name for one in files("monitor.report.words").iterdir())
    return sorted(name.removesuffix(".toml") for name in found if name.endswith(".toml"))
