"""The service will see what became of a retraining that was started."""

from datetime import datetime, timedelta

from sqlalchemy import Connection

from jobs.bound import champion
from monitor.config import Config
from monitor.settings import Retraining
from monitor.store import decisions
from monitor.window import moment


def look_back(connection: Connection, config: Config, model: str, now: datetime) -> None:
    """End what was started: done when another version answers, failed when none did in the days it was expected in."""
    days = config.retraining.get(model, Retraining()).expect_champion_days
    for one in decisions.in_state(connection, "triggered", model):
        answers = champion(connection, model, now)
        if answers is not None and answers != one["champion"]:
            decisions.move(connection, one, "done", actor="vigie", reason=f"version {answers} answers", now=now)
        elif now > moment(one["call"]["called_us"]) + timedelta(days=days):
            reason = f"no other version answered within {days:g} days"
            decisions.move(connection, one, "failed", actor="vigie", reason=reason, now=now)
