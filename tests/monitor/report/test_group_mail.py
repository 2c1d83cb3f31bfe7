"""A letter about many models says what they share, then each of them, the worst first."""

from datetime import UTC, datetime

import pytest

from monitor.detection.incident import Cause, Incident
from monitor.report.group_mail import Together, group_mail
from monitor.report.words import words

NOW = datetime(2026, 9, 2, 12, tzinfo=UTC)
NAMES = ("nace", "isco", "ape", "coicop")


def incident(number: int, seen: float, **more: object) -> Incident:
    cause = Cause("latency", "service", 1.0, "ms", 40.0, seen, 900.0, 1, f"usual latency 40 ms -> {seen:.0f} ms")
    return Incident(number, NAMES[number % 4], 9, 12, **{"state": "open", "causes": (cause,), **more})  # type: ignore[arg-type]


def told(
    change: str = "opened",
    new: frozenset[int] = frozenset(),
    shared: dict[str, frozenset[str]] | None = None,
    **more: object,
):
    some = (incident(4, 50.0), incident(5, 10.0), incident(6, 90.0, **more))
    return group_mail(
        Together(
            change,
            some,
            new,
            {"embedder": frozenset(NAMES)} if shared is None else shared,
            "https://vigie.example",
            NOW,
        ),
        words("en"),
    )


def order(text: str) -> list[str]:
    return [line.split()[1].strip(",") for line in text.splitlines() if "usual latency 40 ms" in line]


def test_worst_first() -> None:
    """A quarter of what is usual is worse than nearly twice as much; what is closed comes last."""
    assert order(told().text) == ["isco", "ape", "nace"]
    assert order(told(state="closed", closed_as="fixed").text) == ["isco", "nace", "ape"]


def test_what_is_shared() -> None:
    """The name most models share is told with how many of them; where none is known, where to name it."""
    one = told(shared={"embedder": frozenset(NAMES), "gateway": frozenset({"ape", "isco", "x", "y"})})
    assert one.subject == "[Vigie] ALARM 3 of 4 models sharing embedder: since Thu 01 Jan 09:00 (#4)"
    assert "gateway: 2 of its 4 models" in " ".join(one.text.split())
    assert "3 of the 4 models that share embedder" in one.text
    some = told(shared={"gateway": frozenset({"ape", "isco", "x", "y"})})
    assert some.subject == "[Vigie] ALARM 3 models sharing gateway: since Thu 01 Jan 09:00 (#4)"
    assert "2 of the 4 models that share gateway and 1 more" in some.text
    none = told(shared={})
    assert none.subject == "[Vigie] ALARM 3 models at once: since Thu 01 Jan 09:00 (#4)"
    assert "models.NAME.shares" in none.text


@pytest.mark.parametrize("length", [1, 40, 64])
def test_subject_is_whole(length: int) -> None:
    """However long a name is, the subject keeps its end, the number."""
    subject = told(shared={"x" * length: frozenset(NAMES)}).subject
    assert len(subject) <= 78
    assert subject.endswith("since Thu 01 Jan 09:00 (#4)")


def test_update_and_end() -> None:
    """An update marks what is new; an end says how they closed, and gives no advice."""
    update = told(new=frozenset({5}))
    assert ": 1 more (#4)" in update.subject
    assert [line.split()[2] for line in update.text.splitlines() if line.startswith("#5 new ")] == ["isco,"]
    end = told("closed", state="closed", closed_as="fixed")
    assert end.subject == "[Vigie] OK 3 of 4 models sharing embedder: all closed (#4)"
    assert "Look first" not in end.text
