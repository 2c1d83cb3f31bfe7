"""The service will judge a released version by what its artefact answered in the shadow."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from jobs.renew import replace, supersede
from monitor.config import Config
from monitor.detection import renewal
from monitor.detection.baseline import LEAST_HOURS, WITNESS, Baseline, Tried
from monitor.errors import NoData
from monitor.plan import left_out
from monitor.prediction import step_of
from monitor.profiles.profile import Key, Profile, by_hour, mark_repeats
from monitor.settings import Challenger
from monitor.shadow.answers import SCORES, in_place
from monitor.store import detectors, plans, predictions, profiles, references, shadow
from monitor.store.store import Store
from monitor.window import Window, start_of

LEADS_FROM = 0.95  # share of an hour's answers
KNOWN_FROM = 0.5  # share of the reference's answers from which it is the version's own


@dataclass(frozen=True)
class Switch:
    """Hold the first hour to be judged in which a version leads that was tried in the shadow, as whom, and in which hours."""

    hour: int
    tried: Tried
    window: Window


def switch(
    connection: Connection, config: Config, model: str, baseline: Baseline, hours: Mapping[int, Profile]
) -> Switch | None:
    """
    Return the first of these hours from which on a version is to be judged by its shadow; None when there is none.

    It gives nearly all answers of that hour, for the first time behind this reference, and its challenger was asked for
    two weeks before.
    """
    waiting = [one for one in config.challengers.values() if one.of == model and one.version is not None and one.sha256 is not None
               and one.version not in baseline.seeded]  # fmt: skip
    found = [(hour, spec, window) for spec in waiting for hour, window in _first(connection, config, spec, hours)
             if not _is_known(connection, model, baseline, spec.version or "")]  # fmt: skip
    if not found:
        return None
    hour, spec, window = min(found, key=lambda one: one[0])
    return Switch(hour, _tried(config, spec), window)


def _first(
    connection: Connection, config: Config, spec: Challenger, hours: Mapping[int, Profile]
) -> Iterator[tuple[int, Window]]:
    """Yield the first hour in which the version leads with two weeks of its challenger's answers before it, and these weeks."""
    for hour in sorted(hours):
        if _leads(hours[hour], spec.version or "", config.detection.smallest_block):
            answered = shadow.answered(connection, spec.sha256 or "", hour)
            window = None if answered is None else renewal.shadow_window(answered)
            if window is not None:
                yield hour, window
                return


def _leads(profile: Profile, version: str, least: int) -> bool:
    return profile.records >= least and profile.versions[version] >= LEADS_FROM * profile.records


def _is_known(connection: Connection, model: str, baseline: Baseline, version: str) -> bool:
    """Say whether what is usual of the answers is what this version gave; what another one gave in the shadow is not."""
    if renewal.tried(baseline, WITNESS) is not None:
        return False
    usual = profiles.total(connection, model, renewal.usual(baseline, WITNESS))
    return usual.versions.share(version) >= KNOWN_FROM


def _tried(config: Config, spec: Challenger) -> Tried:
    """Read scores as those of the version will be: as the model's are defined."""
    model, limit = config.models[spec.of], None if spec.automatic_at is None else step_of(spec.automatic_at)
    above = model.automatic_when == ">"
    return Tried(spec.version or "", spec.name, spec.sha256 or "", model.score if model.score in SCORES else None,
                 None if limit is None else limit + above)  # fmt: skip


def seed(store: Store, config: Config, now: datetime, model: str, found: Switch, *, reference: int) -> None:
    """
    Judge `model` from the switch on by what the version answered in the shadow.

    Does nothing when another process did it meanwhile, or judged that hour. Incidents that tell only of what is judged
    otherwise from now on are closed as superseded. With too few answers nothing changes but that it is not tried again.
    """
    with store.read() as connection:
        row = references.active(connection, model)
        if row is None or row.id != reference:
            return
        hours = hourly(answers(connection, model, found.tried, found.window))
        planned = left_out(plans.of_model(connection, model), found.window)
    new, kins, reason = _seeded(Baseline.from_bytes(row.baseline), config, found, hours, planned)
    reason = reason if kins else f"{row.reason}; {reason}"
    with store.write() as connection:
        pinned = references.active(connection, model)
        saved = detectors.load(connection, model, reference, to_change=True)
        if pinned is None or pinned.id != reference or (saved is not None and saved.judged_until != found.hour):
            return
        number = replace(connection, row, new, kins, by="vigie", reason=reason, now=now)
        supersede(connection, config, model, kins, number, at=start_of(found.hour), now=now, by="vigie",
                  reason=f"judged otherwise from now on: {reason}")  # fmt: skip


def _seeded(
    old: Baseline, config: Config, found: Switch, hours: Mapping[int, Profile], planned: Collection[int]
) -> tuple[Baseline, tuple[str, ...], str]:
    """Return the new baseline, the kins it judges otherwise, and why; what was planned is left out where two weeks remain."""
    tried, window = found.tried, found.window
    spared = planned if window.hours - len(planned) >= LEAST_HOURS else ()
    try:
        new = renewal.seeded(old, tried, window, hours, config.detection, at=found.hour, planned=spared)
    except NoData:
        return (
            renewal.passed(old, tried.version),
            (),
            f"version {tried.version}: too few shadow answers of {tried.name}",
        )
    told = ", ".join(renewal.title(kin) for kin in renewal.OF_THE_VERSION if new.shadowed.get(kin) == tried)
    return new, renewal.OF_THE_VERSION, (f"{told} of version {tried.version} from the shadow answers of {tried.name}, "
            f"from {start_of(window.first):%d %b} to {start_of(window.end):%d %b}")  # fmt: skip


def answers(connection: Connection, model: str, tried: Tried, window: Window) -> dict[Key, Profile]:
    """
    Return the profiles of what the champion would have answered in `window`, had it been the challenger.

    They are counted from the rows of both, as hours are; rows that only one of them answered are left out.
    """
    found: dict[Key, Profile] = {}
    at = window.first
    while at < window.end:
        day = Window(at, min(window.end, (at // 24 + 1) * 24))
        given = shadow.given(connection, tried.digest, day)
        if given:
            rows = mark_repeats(predictions.counted(connection, model, day))
            found |= by_hour(in_place(rows, given, tried.score, tried.automatic_from))
        at = day.end
    return found


def hourly(parts: Mapping[Key, Profile]) -> dict[int, Profile]:
    """Add up the segments of each hour."""
    hours: dict[int, list[Profile]] = {}
    for key, part in parts.items():
        hours.setdefault(key.hour, []).append(part)
    return {hour: Profile.sum(some) for hour, some in hours.items()}


def usual(connection: Connection, model: str, window: Window, tried: Tried | None) -> dict[str, Profile]:
    """Return by segment what was logged in the hours of `window`, or what a challenger answered in the shadow of them."""
    if tried is None:
        return profiles.segments(connection, model, window)
    segments: dict[str, list[Profile]] = {}
    for key, part in answers(connection, model, tried, window).items():
        segments.setdefault(key.segment, []).append(part)
    return {segment: Profile.sum(some) for segment, some in sorted(segments.items())}
