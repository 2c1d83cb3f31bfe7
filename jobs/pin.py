"""The service will take a period as normal from now on, after checking it against itself."""

from datetime import datetime

from monitor.alerts import messages
from monitor.config import Config
from monitor.detection import detector, fitting, power
from monitor.errors import NoData
from monitor.plan import left_out
from monitor.profiles.profile import Profile
from monitor.store import incidents, outbox, plans, profiles, references
from monitor.store.store import Store
from monitor.window import Window, hour_of, microseconds, start_of


def pin(store: Store, config: Config, now: datetime, model: str, window: Window, *, by: str, reason: str) -> str:
    """
    Fit the baseline of `window` and make it the reference of `model`; returns what was found.

    Hours of a holiday, campaign or closure in the plan are left out.

    Open incidents are closed as superseded: they tell of what the former reference expected.

    The period is clean when its first half, taken as a reference, raises no alarm in its second half. Raises NoData for
    less than two weeks.
    """
    with store.read() as connection:
        hours = profiles.whole_hours(connection, model, window)
        planned = left_out(plans.of_model(connection, model), window)
    fitted = fitting.fit(hours, window, config.detection, planned)
    clean, detail = _check(hours, window, config, planned)
    with store.write() as connection:
        number = references.pin(connection, {
            "model": model, "first_hour": window.first, "end_hour": window.end, "pinned_us": microseconds(now), "pinned_by": by,
            "reason": reason, "clean": clean, "clean_detail": detail, "baseline": fitted.to_bytes()})  # fmt: skip
        for one in incidents.all(connection, model, ("open", "recovering")):
            change = incidents.change(connection, one, "closed", actor=by, reason=f"a new reference was pinned: {reason}", at=now,
                                      key=f"reference:{number}", state="closed", closed_as="superseded",
                                      closed_hour=hour_of(now))  # fmt: skip
            outbox.queue(connection, messages(change, incidents.get(connection, one.id), config.routes), now)
    seen = power.sentence(fitted, Profile.sum(hours.values()), config.detection)
    return f"{model}: {window} is the reference, {detail}; {seen}"


def _check(
    hours: dict[int, Profile], window: Window, config: Config, planned: frozenset[int]
) -> tuple[int | None, str]:
    weeks = window.hours // 168
    if weeks < 4:
        return None, "not checked: two halves of two weeks are needed"
    half = Window(window.first, window.first + weeks // 2 * 168)
    try:
        first = fitting.fit(hours, half, config.detection, planned)
    except NoData:
        return None, "not checked: its first half holds less than two weeks besides what was planned"
    state = detector.begin(first, half.end)
    for hour in range(half.end, window.end):
        state, judged = detector.advance(
            state, first, hours.get(hour, Profile()), config.detection, is_planned=hour in planned
        )
        if judged.alarm is not None:
            cause = next(iter(judged.alarm.shares))
            return 0, f"not clean: {cause} changed about {start_of(judged.alarm.onset):%d %b %H:%M}"
    return 1, "clean"
