"""Describe the models that serve and the ones tried in the shadow."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator

from monitor.settings.part import Name, Part, Share


class Threshold(Part):
    """Date the score from which a prediction is automatic."""

    since: datetime = Field(alias="from")
    automatic_at: Share

    @field_validator("since", mode="after")
    @classmethod
    def _utc(cls, value: datetime) -> datetime:
        return value if value.tzinfo else value.replace(tzinfo=UTC)


class Model(Part):
    """Describe one champion: what it answers, from which score on nobody looks, what is promised."""

    name: str = ""
    classes: int | None = Field(None, ge=2)
    nomenclature: Path | None = None
    alarm_level: str | None = None
    score: Literal["max_prob", "margin", "margin_rest", "entropy", "logged"] = "max_prob"
    score_clip: bool = False
    thresholds: tuple[Threshold, ...] = ()
    automatic_when: Literal[">=", ">"] = ">="
    fields: dict[Name, Literal["category", "number"]] = Field(default_factory=dict)
    segment: str | None = None
    shares: tuple[Name, ...] = ()
    vocabulary: Path | None = None
    training: Path | None = None
    latency_ms_limit: float | None = Field(None, gt=0)
    minutes_per_case: float = Field(3.0, gt=0)
    accuracy_target: Share | None = None
    label_files: str | None = None
    accuracy_half_width_limit: Share = 0.03
    audit_days_limit: int = Field(28, ge=1)

    def automatic_at(self, moment: datetime) -> float | None:
        """Return the threshold in force at `moment` (aware), None before the first one."""
        in_force = [t for t in self.thresholds if t.since <= moment]
        return max(in_force, key=lambda t: t.since).automatic_at if in_force else None


class Limits(Part):
    """Limit what a challenger's process may take."""

    memory_mib: int = Field(4096, ge=256)
    threads: int = Field(1, ge=1)
    load_s: float = Field(300, gt=0)
    chunk_s: float = Field(60, gt=0)


class Challenger(Part):
    """Name a model to try in the shadow, where its files lie, and which bytes are trusted."""

    name: str = ""
    of: Name
    loader: Literal["python_callable"] = "python_callable"
    path: Path
    callable: str = Field("answer:load", pattern=r"^[A-Za-z_]\w*:[A-Za-z_]\w*$")
    sha256: str | None = Field(None, pattern=r"^[0-9a-f]{64}$")
    runs_code: Literal["accepted", "refused"] = "refused"
    python: Path | None = None
    score: Literal["max_prob", "margin", "margin_rest"] = "max_prob"
    automatic_at: Share | None = None
    version: str | None = Field(None, min_length=1)
    limits: Limits = Limits()
