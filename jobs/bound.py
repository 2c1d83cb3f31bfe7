"""The service will know what an approval is bound to, and what of it is no longer so."""

import hashlib
import json
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from jobs.roles import RANK, role_of
from monitor.config import Config
from monitor.delivery.triggers import endpoint
from monitor.settings import Command, Retraining
from monitor.store import decisions, profiles
from monitor.window import Window, hour_of

CHAMPION_HOURS = 24
WORDS = {
    "champion": "another version answers",
    "trigger": "what would be run",
    "settings": "the settings of the model or of its retraining",
}


def circumstances(connection: Connection, config: Config, model: str, now: datetime) -> dict[str, Any]:
    """Return what a proposal is bound to beside its evidence: champion, trigger and the digest of the settings."""
    retraining = config.retraining.get(model, Retraining())
    known = config.models.get(model)
    settings = {"model": known and known.model_dump(mode="json"), "retraining": retraining.model_dump(mode="json")}
    return {"champion": champion(connection, model, now), "trigger": resolved(config, model),
            "settings": digest_of(config, settings)}  # fmt: skip


def digest_of(config: Config, settings: dict[str, Any]) -> str:
    """Return the SHA-256 of settings; a path counts from config.yaml: a moved installation is the same one."""
    here = json.dumps(f"{config.path.parent}/").removesuffix('"')
    plain = json.dumps(settings, sort_keys=True).replace(here, '"')
    return hashlib.sha256(plain.encode()).hexdigest()


def settings_of(config: Config) -> str:
    """Return the SHA-256 of all settings in force."""
    return digest_of(config, config.model_dump(mode="json"))


def champion(connection: Connection, model: str, now: datetime) -> str | None:
    """Return the version that answered most in the last 24 hours with traffic; None when none is logged."""
    span = profiles.span(connection, model)
    if span is None:
        return None
    end = min(hour_of(now) + 1, span.end)
    versions = profiles.total(connection, model, Window(end - CHAMPION_HOURS, end)).versions.of_name
    return max(sorted(versions), key=lambda name: versions[name], default=None)


def resolved(config: Config, model: str) -> dict[str, Any] | None:
    """Return what an approval would run, with its address and inputs; None for nothing. Secrets are named by their files."""
    name = config.retraining.get(model, Retraining()).trigger
    if name is None:
        return None
    one = config.triggers[name]
    reached = {} if isinstance(one, Command) else {"endpoint": endpoint(one)}
    return {"name": name, **one.model_dump(mode="json"), **reached}


def changed(connection: Connection, config: Config, one: dict[str, Any], now: datetime) -> list[str]:
    """Return in words what of a decision's bounds is not as it was; empty when its digest, computed anew, is the same."""
    today = circumstances(connection, config, one["model"], now)
    if decisions.digest_of({**one, **today}) == one["digest"]:
        return []
    return [WORDS[name] for name in WORDS if today[name] != one[name]] or ["the evidence"]


def unfit(connection: Connection, config: Config, one: dict[str, Any], now: datetime) -> list[str]:
    """
    Return in words why an approved decision may start nothing now; empty when it may.

    Beside its bounds, the approvals must still be enough: by people who may approve today, distinct, none the requester.
    """
    people = {who for who in decisions.approvers(one, config.person) if RANK[role_of(config, who)] >= RANK["approver"]}
    lacking = config.retraining.get(one["model"], Retraining()).approvals - len(people)
    return changed(connection, config, one, now) + (["who approved it"] if lacking > 0 else [])
