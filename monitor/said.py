"""A sentence that keeps the facts it was written from, so that a letter can say it in another language."""

from collections.abc import Mapping
from typing import Any, Self


class Said(str):
    """
    Hold an English sentence, the key of its words in `monitor/report/words`, and the facts that fill them.

    A fact is a number, a name, a moment (microseconds since 1970), or something said itself.
    """

    __slots__ = ("facts", "key")
    key: str
    facts: Mapping[str, Any]

    def __new__(cls, text: str, key: str, /, **facts: Any) -> Self:
        """
        Make it; it is the text wherever a text is asked for.

        >>> f"{Said('3 wait', 'outbox.waiting', n=3)}", Said("3 wait", "outbox.waiting", n=3).facts["n"]
        ('3 wait', 3)
        """
        made = super().__new__(cls, text)
        made.key, made.facts = key, facts
        return made

    def __getnewargs_ex__(self) -> tuple[tuple[str, str], dict[str, Any]]:
        """Let it be copied and pickled whole."""
        return (str(self), self.key), dict(self.facts)

    def record(self) -> dict[str, Any]:
        """
        Return what JSON can hold; see `recalled`.

        >>> Said("3 wait", "outbox.waiting", n=3).record()
        {'text': '3 wait', 'key': 'outbox.waiting', 'facts': {'n': 3}}
        """
        return {"text": str(self), "key": self.key, "facts": {name: _kept(value) for name, value in self.facts.items()}}


def recalled(record: Any) -> Any:
    """
    Return what `Said.record` made a record of; anything else as it is.

    >>> recalled(Said("3 wait", "outbox.waiting", n=3).record()).key, recalled("3 wait")
    ('outbox.waiting', '3 wait')
    """
    if isinstance(record, list):
        return [recalled(one) for one in record]
    if not (isinstance(record, dict) and {"text", "key", "facts"} <= record.keys()):
        return record
    return Said(record["text"], record["key"], **{name: recalled(one) for name, one in record["facts"].items()})


def _kept(value: Any) -> Any:
    if isinstance(value, Said):
        return value.record()
    return [_kept(one) for one in value] if isinstance(value, tuple | list) else value
