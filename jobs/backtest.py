"""The service will replay stored hours under other settings, when somebody asks."""

from datetime import UTC, datetime, timedelta
from typing import Any

from monitor.config import Config
from monitor.detection import backtest as replays
from monitor.detection import power
from monitor.detection.baseline import Baseline
from monitor.detection.fitting import fit
from monitor.detection.incident import Incident
from monitor.errors import ConfigError, NoData, VigieError
from monitor.plan import freed, left_out
from monitor.profiles.profile import Profile
from monitor.settings import Detection
from monitor.store import backtests, incidents, plans, profiles, references
from monitor.store.store import Store
from monitor.window import Window, hour_of, start_of

QUARTER_HOURS = 90 * 24
LONGEST_HOURS = 400 * 24
CONFIGURED, TRIED = "as configured", "tried"
REFERENCE = ("reference_from", "weeks")


def backtest(store: Store, config: Config, now: datetime) -> str:
    """
    Make the replays that people asked for, the oldest first; one that cannot be made keeps the reason.

    Safe to run twice: a replay is made from what is stored and kept once.
    """
    with store.read() as connection:
        asked = backtests.waiting(connection)
    for one in asked:
        result, note = None, ""
        try:
            result = compared(store, config, now, one["model"], one["words"].split())
        except VigieError as error:
            note = str(error)
        with store.write() as connection:
            backtests.settle(connection, one["id"], now, result, note)
    return f"{len(asked)} replays made"


def compared(store: Store, config: Config, now: datetime, model: str, words: list[str]) -> dict[str, Any]:
    """
    Replay the hours behind the reference as configured and, with `words`, as these set it; return both side by side.

    `words` are NAME=VALUE: settings of `detection`, and `reference_from` (ISO day) with `weeks` for another reference.
    `rows` of the result tell, change by change, what each side would have told and what was told live. Raises
    ConfigError for words that set nothing, NoData without a reference or hours behind it.
    """
    settings, window = tried(config, model, words)
    with store.read() as connection:
        pinned, span = references.active(connection, model), profiles.span(connection, model)
        if span is None or (pinned is None and window is None):
            raise NoData(f"{model} has no reference", remedy=f"vigie reference pin {model} --reason ...")
        mine = Window(pinned.first_hour, pinned.end_hour) if pinned is not None else None
        asked = [(CONFIGURED, config.detection, mine)] if mine is not None else []
        other = window or mine
        asked += [(TRIED, settings, other)] if words and other is not None else []
        windows = [one for _, _, one in asked]
        end = min(span.end, hour_of(now))
        first = max(one.end for one in windows)
        if first >= end:
            raise NoData(f"there is no hour behind the reference, which ends {start_of(first):%Y-%m-%d %H:%M} UTC")
        if end - first > LONGEST_HOURS:
            raise NoData(f"more than {LONGEST_HOURS // 24} days lie behind the reference: they would fill the memory",
                         remedy="try a later one: reference_from=YYYY-MM-DD")  # fmt: skip
        hours = profiles.whole_hours(connection, model, Window(min(one.first for one in windows), end))
        plan = plans.of_model(connection, model)
        live = [one for one in incidents.all(connection, model) if first <= one.found_hour <= end]
    names, found, sides = config.nomenclature(model), [], []
    for name, chosen, reference in asked:
        fitted = fit(hours, reference, chosen, left_out(plan, reference))
        planned = freed(plan, range(reference.end, end), timedelta(minutes=config.detection.watermark_minutes))
        whole = replays.replay(hours, fitted, chosen, end, names, planned=planned)
        incidents_ = tuple(one for one in whole.incidents if one.found_hour > first)
        found.append(incidents_)
        usual = Profile.sum(hours[h] for h in reference if h in hours)
        sides.append(_side(name, (config.detection, chosen), fitted, usual, len(incidents_)))
    return {"schema_version": 1, "model": model, "from": start_of(first).isoformat(), "until": start_of(end).isoformat(),
            "hours": end - first, "words": " ".join(words), "sides": sides,
            "rows": _rows([one["name"] for one in sides], found, live)}  # fmt: skip


def tried(config: Config, model: str, words: list[str]) -> tuple[Detection, Window | None]:
    """Read the words of a replay: the settings it tries, and another reference if it names one."""
    if model not in config.models:
        raise ConfigError(f"there is no model {model}", where=str(config.path))
    named = dict(word.partition("=")[::2] for word in words if word.partition("=")[0] in REFERENCE)
    settings = replays.changed(config.detection, [word for word in words if word.partition("=")[0] not in REFERENCE])
    if not named:
        return settings, None
    try:
        first = datetime.fromisoformat(named["reference_from"]).replace(tzinfo=UTC)
        weeks = int(named.get("weeks", "6"))
    except (KeyError, ValueError):
        raise ConfigError("another reference needs reference_from=YYYY-MM-DD, and weeks=N if not 6") from None
    if not 2 <= weeks <= 104:
        raise ConfigError(f"weeks={weeks} is not between 2 and 104")
    return settings, Window.of(first, first + timedelta(weeks=weeks))


def _side(
    name: str, settings: tuple[Detection, Detection], fitted: Baseline, usual: Profile, told: int
) -> dict[str, Any]:
    usual_settings, chosen = settings
    ours, theirs = usual_settings.model_dump(), chosen.model_dump()
    return {"name": name, "settings": {one: theirs[one] for one in theirs if theirs[one] != ours[one]},
            "reference": str(Window(fitted.first_hour, fitted.end_hour)), "incidents": told,
            "false_alarms_a_quarter_at_most": round(QUARTER_HOURS / chosen.threshold, 3),
            "told": power.rows(power.table(fitted, usual, chosen))}  # fmt: skip


def _rows(names: list[str], found: list[tuple[Incident, ...]], live: list[Incident]) -> list[dict[str, Any]]:
    """Put what each side told of one change into one row, with what was told live."""
    pairs = replays.beside(found[0], found[1] if len(found) > 1 else ())
    both = [dict(zip(names, pair, strict=False)) for pair in pairs]
    known = [next(one for one in pair if one is not None) for pair in pairs]
    with_live = replays.beside(known, live)
    of_live = {id(one): real for one, real in with_live if one is not None}
    rows = [
        {"since": start_of(min(i.onset_hour for i in cells.values() if i is not None)).isoformat(),
         **{name: _cell(one) for name, one in cells.items()}, "live": _cell(of_live[id(one)])}
        for cells, one in zip(both, known, strict=True)
    ]  # fmt: skip
    rows += [{"since": start_of(one.onset_hour).isoformat(), **dict.fromkeys(names), "live": _cell(one)}
             for first, one in with_live if first is None and one is not None]  # fmt: skip
    return sorted(rows, key=lambda row: row["since"])


def _cell(one: Incident | None) -> dict[str, Any] | None:
    if one is None:
        return None
    return {"number": one.id, "told": start_of(one.found_hour).isoformat(), "hours": one.found_hour - one.onset_hour,
            "state": one.closed_as or one.state, "cause": one.causes[0].metric if one.causes else "", "claim": one.claim,
            "closed": None if one.closed_hour is None else start_of(one.closed_hour).isoformat()}  # fmt: skip
