"""The service will know since when the version that answers does, and what the calendar asks of it."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection

from jobs.bound import champion
from monitor.calendar import NO_CALENDAR, Standing, standing
from monitor.config import Config
from monitor.profiles.profile import Profile
from monitor.settings import Retraining
from monitor.store import profiles, references
from monitor.window import Window, hour_of, start_of


@dataclass(frozen=True)
class Trained:
    """Hold the hour of the last training as far as it is known; `version` began to answer then, None: the reference ended."""

    hour: int
    version: str | None

    @property
    def day(self) -> date:
        """Return its day, in UTC."""
        return start_of(self.hour).date()


def trained(connection: Connection, model: str, now: datetime) -> Trained | None:
    """
    Return when the version that answers now first gave most answers of a day, where another one had before it.

    Where the store never saw another version, the end of the reference stands for it; None without one.
    """
    span, pinned = profiles.span(connection, model), references.active(connection, model)
    answers = champion(connection, model, now)
    if span is not None and answers is not None:
        whole = Window(span.first // 24 * 24, -(-span.end // 24) * 24)
        led = {day: _leader(one) for day, one in profiles.by_day(connection, model, whole).items()
               if day * 24 <= hour_of(now) and one.versions}  # fmt: skip
        began = min((day for day, version in led.items() if version == answers), default=None)
        if began is not None and began > min(led):
            return Trained(began * 24, answers)
    return None if pinned is None else Trained(pinned.end_hour, None)


def due(connection: Connection, config: Config, model: str, now: datetime) -> Standing:
    """Return where a model stands in its calendar today (UTC); none where no training is known."""
    calendar = config.retraining.get(model, Retraining()).calendar
    known = None if calendar.every == "none" else trained(connection, model, now)
    return NO_CALENDAR if known is None else standing(calendar, known.day, now.date())


def _leader(one: Profile) -> str:
    versions = one.versions.of_name
    return max(sorted(versions), key=lambda name: versions[name])
