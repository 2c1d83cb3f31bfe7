"""A letter: what a message says, before anybody knows how it travels."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Letter:
    """Hold a rendered message: subject, text, HTML with `cid:` references, and the pictures by their cid."""

    subject: str
    text: str
    html: str = ""
    pictures: dict[str, bytes] = field(default_factory=dict)
