"""The service will know what obliges to retrain a model whatever that pays, and what it could be trained on."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from jobs.trained import Trained
from jobs.weigh import Weeks
from monitor.calendar import Standing
from monitor.config import Config
from monitor.obligation import below_floor, overdue, revision, unknown, unknown_classes
from monitor.profiles.profile import Profile
from monitor.said import Said
from monitor.settings import Retraining
from monitor.sources.training import support_of
from monitor.store import estimates, incidents, labels, plans, profiles
from monitor.window import MICROSECONDS_PER_HOUR, Window, hour_of, microseconds

OF_A_LABEL = "label:"  # metrics about one class


@dataclass(frozen=True)
class Labelled:
    """
    Hold the labels since the last training by class, the classes the model does not know, and labels to train it on.

    `wanted` are the classes that moved or are new, by title, with the labels that are held of each.
    """

    truths: Counter[str]
    new: tuple[str, ...]
    wanted: Mapping[str, int]


def labelled(connection: Connection, config: Config, model: str, since: Window, weeks: Weeks) -> Labelled:
    """
    Count the labels of what was answered `since` the last training: of each prediction the newest one.

    A class that moved is one that an open incident names; where it is neither answered nor labelled any more nothing of it is
    wanted. Raises ConfigError where training texts that config.yaml names cannot be read.
    """
    joined = labels.joined(connection, model, since).unique(["day", "uid"], keep="last", maintain_order=True)
    truths = Counter[str](joined["truth"].to_list())
    new = unknown_classes(truths, _known(config, model, weeks.then, profiles.total(connection, model, since)))
    moved = {name for name in _moved(connection, model) if weeks.now.labels[name] or truths[name]}
    titles = config.nomenclature(model)
    return Labelled(truths, tuple(new), {titles.name(name): truths[name] for name in sorted(moved.union(new))})


def obliged(
    connection: Connection,
    config: Config,
    model: str,
    now: datetime,
    *,
    of: Labelled,
    last: Trained,
    calendar: Standing,
) -> tuple[Said, ...]:
    """Return what obliges to retrain, in the order in which it is told."""
    settings, titles = config.retraining.get(model, Retraining()), config.nomenclature(model)
    trained_us = None if last.version is None else last.hour * MICROSECONDS_PER_HOUR
    measured = estimates.history(connection, model, "accuracy_automatic", "measured")
    floor = settings.accuracy_floor
    found = (
        revision(plans.of_model(connection, model), microseconds(now), trained_us),
        unknown(of.new, of.truths, {name: titles.name(name) for name in of.new}),
        None if floor is None else below_floor(measured, floor, hour_of(now) // 24, last.hour // 24),
        overdue(calendar, settings.calendar.policy),
    )
    return tuple(one for one in found if one is not None)


def _known(config: Config, model: str, *answered: Profile) -> set[str]:
    """Return the classes that a model answered, and those it was trained on where config.yaml names its training texts."""
    file, kept = config.models[model].training, config.data_dir / "support" / f"{model}.msgpack"
    trained_on = set[str]() if file is None else set(support_of(file, kept).labels)
    return trained_on.union(*(one.labels.of_name for one in answered))


def _moved(connection: Connection, model: str) -> set[str]:
    """Return the classes that open incidents name: causes about one class, and what stands out in the mix of answers."""
    found = set[str]()
    for one in incidents.all(connection, model):
        if one.state == "open":
            found |= {
                cause.metric.removeprefix(OF_A_LABEL) for cause in one.causes if cause.metric.startswith(OF_A_LABEL)
            }
            found |= {str(row["label"]) for row in one.told.get("labels", []) if row.get("stands_out", True)}
    return found
