"""Find what the version before a release answered to the texts that came since."""

from collections.abc import Iterable, Mapping

from sqlalchemy import Connection

from monitor.detection.incident import Incident
from monitor.plan import NAMED_WITHIN_HOURS
from monitor.profiles.counts import Counts
from monitor.profiles.profile import Profile
from monitor.said import Said
from monitor.settings import Challenger
from monitor.shadow.rollback import advice
from monitor.store import profiles, shadow
from monitor.window import Window

DAY, WEEKS = 24, 4 * 168


def replayed(connection: Connection, one: Incident, challengers: Iterable[Challenger], until: int) -> Said | None:
    """
    Return what a replay of the former version says, until an hour, of an incident in the answers that followed a release.

    None for any other. The former version is replayed by the challenger that is declared to be it.
    """
    found = released(connection, one)
    if "outputs" not in {cause.group for cause in one.causes} or found is None:
        return None
    former, new, first = found
    spec = next((c for c in challengers if c.of == one.model and c.version == former and c.sha256), None)
    if spec is None or spec.sha256 is None:
        text = f"not known: no challenger is declared to be version {former} (challengers.NAME.version), so it was not replayed"
        return Said(text, "rollback.unknown", former=former)
    paired = shadow.pairs_total(connection, spec.sha256, Window(first, one.closed_hour or until))
    return advice(paired, profiles.total(connection, one.model, Window(first - WEEKS, first)), former, new)


def released(connection: Connection, one: Incident) -> tuple[str, str, int] | None:
    """Return the version of before, the one that leads since the onset, and its first hour, at most two days before; None without a release."""
    begin = one.onset_hour - NAMED_WITHIN_HOURS
    near = profiles.by_hour(connection, one.model, Window(begin - DAY, max(one.found_hour, one.onset_hour + 1)))
    new = _leading(near, one.onset_hour, max(near, default=0) + 1)
    first = min((hour for hour, profile in near.items() if new and profile.versions[new]), default=None)
    if new is None or first is None or first < begin:
        return None
    former = _leading(near, first - DAY, first)
    return None if former is None else (former, new, first)


def _leading(near: Mapping[int, Profile], first: int, end: int) -> str | None:
    versions = sum((profile.versions for hour, profile in near.items() if first <= hour < end), Counts()).of_name
    return max(sorted(versions), key=lambda name: versions[name], default=None)
