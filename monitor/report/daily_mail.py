"""Tell in the morning how all models stand and what the day before brought."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from monitor.detection.incident import Incident
from monitor.letter import Letter
from monitor.plan import Planned
from monitor.report.alert_mail import closed_as
from monitor.report.letters import Block, letter, tidy
from monitor.report.told import about, claim, planned, retold
from monitor.report.words import Words
from monitor.verdict import ORDER, Verdict
from monitor.window import microseconds

MOST_ROWS, LONGEST_NAME, LONGEST_ROW = 20, 40, 180
RUNS_A_ROW, TICK_US = 6, 120_000_000  # a tick that is older is late
BAD = ("ALARM", "SILENT")
HELD = {
    "over before the maintenance ended": "held.over_maintenance",
    "over before its feed was back": "held.over_feed",
    "over before it was told": "held.over",
    "over the mails of an hour; in the next digest": "held.budget",
    "maintenance": "held.maintenance",
    "inhibited:": "held.inhibited",
    "snoozed until": "held.snoozed",
}  # beginnings of the reasons that messages keep, and the words for them


@dataclass(frozen=True)
class LastRun:
    """Hold the newest slot of a job that went well (None: none ever did), and the one that should have by now (microseconds since 1970)."""

    job: str
    well_us: int | None
    due_us: int

    @property
    def is_late(self) -> bool:
        """
        Say whether it should have gone well since.

        >>> [LastRun("prune", well_us, 5).is_late for well_us in (None, 4, 5)]
        [True, True, False]
        """
        return self.well_us is None or self.well_us < self.due_us


@dataclass(frozen=True)
class Pulse:
    """Hold what tells whether Vigie itself works: the scheduler's last tick, each job's last success, since when the oldest message waits."""

    tick_us: int | None
    runs: tuple[LastRun, ...]
    oldest_us: int | None


@dataclass(frozen=True)
class Day:
    """
    Hold what a day brought (from, to: microseconds since 1970), and how models, feeds and jobs stand at its end.

    `kept_back` counts messages by the reason they were held or suppressed for. The `pulse` of Vigie itself is told where there
    is something to tell anyway.
    """

    span: tuple[int, int]
    verdicts: tuple[tuple[str, Verdict], ...] = ()
    opened: tuple[Incident, ...] = ()
    closed: tuple[Incident, ...] = ()
    kept_back: Mapping[str, int] | None = None
    feeds: tuple[tuple[str, str], ...] = ()  # source, sentence
    jobs: tuple[tuple[str, str], ...] = ()  # job, last line
    planned: tuple[Planned, ...] = ()
    flapping: tuple[tuple[str, int], ...] = ()  # what comes and goes, since when
    pulse: Pulse | None = None

    @property
    def is_something(self) -> bool:
        """
        Say whether anybody needs to be told: a verdict alone only where it is an alarm or silence.

        >>> Day((0, 9)).is_something, Day((0, 9), jobs=(("ingest", "no such folder"),)).is_something
        (False, True)
        """
        events = (self.opened, self.closed, self.kept_back, self.feeds, self.jobs, self.planned, self.flapping)
        return any(events) or any(one.status in BAD for _, one in self.verdicts)


def daily_mail(day: Day, now: datetime, words: Words) -> Letter:
    """Render the digest of a day; a part without anything to tell is left out."""
    standing = sorted(day.verdicts, key=lambda one: ORDER.index(one[1].status))
    alarms = sum(one.status == "ALARM" for _, one in standing)
    facts = {"opened": len(day.opened), "closed": len(day.closed), "alarms": alarms}
    parts = {
        "happened": [(f"#{one.id}", _incident("opened", one, words)) for one in day.opened]
        + [(f"#{one.id}", _incident("closed", one, words)) for one in day.closed],
        "kept_back": [(words.say("digest.times", n=many), _held(why, words)) for why, many in (day.kept_back or {}).items()],
        "service": [(source, words.say("daily.feed", how=retold(how, words))) for source, how in day.feeds]
        + [(job, words.say("daily.job", line=line or words.say("watch.killed"))) for job, line in day.jobs]
        + [(what, words.say("daily.flapping", what=about(what, words), at=since_us)) for what, since_us in day.flapping],
        "planned": [(one.model or words.say("daily.all_models"), planned(one, words)) for one in day.planned],
    }  # fmt: skip
    verdicts = [(model, words.say("daily.verdict", status=words.say(f"status.{one.status}"), sentence=retold(one.sentence, words)))
                for model, one in standing]  # fmt: skip
    blocks = [Block(words.say("daily.heading", first=day.span[0], end=day.span[1]), _cut(verdicts, words))]
    if day.pulse is not None:
        parts["alive"] = list(_alive(day.pulse, microseconds(now), words))
    blocks += [Block(words.say(f"daily.{name}"), _cut(rows, words)) for name, rows in parts.items() if rows]
    subject = words.say("daily.subject", at=day.span[1], **facts)
    status = standing[0][1].status if standing else ""
    return letter(subject, status, blocks, words.say("mail.foot", now=now), words)


def _alive(pulse: Pulse, now_us: int, words: Words) -> Iterator[tuple[str, str]]:
    if pulse.tick_us is None:
        yield words.say("daily.scheduler"), words.say("daily.never_ticked")
    else:
        ticks = "ticks" if abs(now_us - pulse.tick_us) <= TICK_US else "stopped"
        yield (
            words.say("daily.scheduler"),
            words.say(f"daily.{ticks}", at=pulse.tick_us, seconds=(now_us - pulse.tick_us) / 1e6),
        )
    oldest = words.say("daily.none_waits") if pulse.oldest_us is None else words.say("daily.oldest", at=pulse.oldest_us)
    yield words.say("daily.message"), oldest
    yield words.say("daily.backup"), words.say("daily.no_backup")
    well = [words.say("daily.well", job=one.job, at=one.well_us) for one in pulse.runs if not one.is_late]
    for key, some in (("on_time", well), ("never_well", [one.job for one in pulse.runs if one.well_us is None])):
        for first in range(0, len(some), RUNS_A_ROW):
            yield "" if first else words.say(f"daily.{key}"), words.listed(some[first : first + RUNS_A_ROW])
    for one in pulse.runs:
        if one.is_late and one.well_us is not None:
            yield one.job, words.say("daily.late", at=one.well_us, due=one.due_us)


def _incident(change: str, one: Incident, words: Words) -> str:
    facts = {"model": one.model, "claim": claim(one, words)}
    return words.say(f"daily.{change}", **facts, **({"how": closed_as(one, words)} if change == "closed" else {}))


def _held(why: str, words: Words) -> str:
    key, rest = next(
        ((key, why.removeprefix(start)) for start, key in HELD.items() if why.startswith(start)), ("held.other", why)
    )
    return words.say(key, what=about(rest.strip(), words))


def _cut(rows: Iterable[tuple[str, str]], words: Words) -> list[tuple[str, str]]:
    told = [(tidy(name, LONGEST_NAME), tidy(value, LONGEST_ROW)) for name, value in rows]
    more = len(told) - MOST_ROWS
    return told[:MOST_ROWS] + ([("", words.say("daily.more", n=more))] if more > 0 else [])
