"""Hold what people want to hear nothing of for a while."""

from dataclasses import dataclass

from monitor import asked
from monitor.window import MICROSECONDS_PER_HOUR

HOURS = {"h": 1, "d": 24}
SHORTEST_REASON, LONGEST_REASON = 3, 200


@dataclass(frozen=True)
class Silence:
    """Hold one silence: of which model and kind of incident ("" for all), from when to when (microseconds since 1970), by whom and why."""

    id: int
    model: str
    kind: str
    from_us: int
    to_us: int
    author: str
    reason: str
    ended_us: int | None = None

    @property
    def title(self) -> str:
        """
        Name it as held messages do.

        >>> Silence(3, "ape", "", 0, 9, "alice", "known").title
        'silenced by 3 (alice): known'
        """
        return f"silenced by {self.id} ({self.author}): {self.reason}"

    @property
    def of(self) -> str:
        """
        Say what it matches.

        >>> Silence(3, "ape", "answers", 0, 9, "alice", "known").of, Silence(3, "", "", 0, 9, "alice", "known").of
        ('answers of ape', 'everything of all models')
        """
        return f"{self.kind or 'everything'} of {self.model or 'all models'}"

    def matches(self, model: str, kind: str) -> bool:
        """
        Say whether it is about incidents of this model whose first cause is of this kind.

        >>> one = Silence(3, "ape", "answers", 0, 9, "alice", "known")
        >>> one.matches("ape", "answers"), one.matches("ape", "latency"), one.matches("nace", "answers")
        (True, False, False)
        """
        return self.model in {"", model} and self.kind in {"", kind}


def hours_of(text: str) -> int | None:
    """
    Read a length of time in hours; None for anything but a whole number of hours or days.

    >>> hours_of("12h"), hours_of("3d"), hours_of("0d"), hours_of("3"), hours_of("²d")
    (12, 72, None, None, None)
    """
    number, unit = text[:-1], text[-1:]
    is_read = number.isascii() and number.isdigit() and len(number) <= 4 and unit in HOURS
    return int(number) * HOURS[unit] or None if is_read else None


def trouble(one: Silence, most_days: float, *, is_confirmed: bool) -> str | None:
    """
    Say why a silence cannot be made; None when it can.

    >>> day_us = 24 * MICROSECONDS_PER_HOUR
    >>> trouble(Silence(0, "", "", 0, day_us, "alice", "known"), 7, is_confirmed=False)
    'it matches every incident of every model: name a model or a kind, or confirm it (--confirm)'
    >>> trouble(Silence(0, "ape", "", 0, 8 * day_us, "alice", "known"), 7, is_confirmed=False)
    'longer than 7 days (alerts.silence_max_days)'
    >>> trouble(Silence(0, "ape", "", 0, 7 * day_us, "alice", "known"), 7, is_confirmed=False)
    """
    if not one.model and not one.kind and not is_confirmed:
        return "it matches every incident of every model: name a model or a kind, or confirm it (--confirm)"
    if one.to_us - one.from_us > most_days * 24 * MICROSECONDS_PER_HOUR:
        return f"longer than {most_days:g} days (alerts.silence_max_days)"
    if not (SHORTEST_REASON <= len(one.reason) <= LONGEST_REASON and one.reason.isprintable()):
        return f"a reason has {SHORTEST_REASON} to {LONGEST_REASON} printable characters"
    return None


def words_of(kind: str, length: str, reason: str, *, is_confirmed: bool) -> str:
    """
    Write down a silence that somebody asks for, in the words of the command line, for an action to carry.

    >>> read_words(words_of("answers", "3d", "known", is_confirmed=False))["for"]
    '3d'
    """
    return asked.written(kind=kind, for_=length, reason=reason, confirm="yes" if is_confirmed else "")


def read_words(text: str) -> dict[str, str]:
    """
    Read what `words_of` wrote; what is missing, or no such text, is empty.

    >>> read_words("quiet!")
    {'kind': '', 'for': '', 'reason': '', 'confirm': ''}
    """
    return asked.read(text, ("kind", "for", "reason", "confirm"))
