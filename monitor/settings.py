"""Hold every setting, with its unit in its name, its limits, and nothing that knows where it was written."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
Share = Annotated[float, Field(ge=0, le=1)]


def _in_order(estimate: tuple[float, float, float]) -> tuple[float, float, float]:
    value, low, high = estimate
    if not (0 < low <= value <= high < float("inf") or 0 <= low == value == high < float("inf")):
        raise ValueError("is value, low, high: needs 0 < low <= value <= high, or three equal numbers")
    return estimate


Estimate = Annotated[tuple[float, float, float], AfterValidator(_in_order)]


class Part(BaseModel):
    """Refuse unknown keys everywhere, or a typo would be silence; never change after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


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
    score: Literal["max_prob", "margin", "margin_rest", "logged"] = "max_prob"
    thresholds: tuple[Threshold, ...] = ()
    automatic_when: Literal[">=", ">"] = ">="
    fields: dict[Name, Literal["category", "number"]] = Field(default_factory=dict)
    segment: str | None = None
    vocabulary: Path | None = None
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


class Unit(Part):
    """Say in which unit a logged number is, or from which field a column comes."""

    field: str
    unit: Literal["s", "ms", "us", "ns"] | None = None


class Dated(Part):
    """Date a change of the serving model that the log does not tell."""

    since: datetime = Field(alias="from")
    version: str = Field(alias="is")


class Keep(Part):
    """Keep only lines whose field passes; the rest is counted as other."""

    field: str
    equals: str


class Source(Part):
    """Say where lines come from and how one is read."""

    name: str = ""
    files: str
    format: Literal["vigie_line", "json_lines", "python_literal"]
    model: Name | None = None
    identity: Literal["by_request_id", "by_position", "by_line"] = "by_position"
    map: dict[str, str | Unit] = Field(default_factory=dict)
    zone: str | None = None
    encoding: Literal["utf-8", "latin-1", "cp1252"] = "utf-8"
    versions: tuple[Dated, ...] = ()
    keep_if: Keep | None = None
    instance_from: str | None = None


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
    limits: Limits = Limits()


class Shadow(Part):
    """Say how much of the traffic is tried in the shadow, and where artefacts may lie."""

    trusted_roots: tuple[Path, ...] = ()
    rate: Share = 1.0
    days: int = Field(14, ge=1)
    chunk_rows: int = Field(512, ge=1, le=10_000)


class Detection(Part):
    """Set the alarm budget and what counts as too small to matter."""

    threshold: float = Field(10_000, ge=100)
    clip: float = Field(4, gt=0)
    smallest_block: int = Field(20, ge=1)
    tolerance_sd: float = Field(0.025, ge=0)
    automation_tolerance: Share = 0.005
    witness_tolerance_hourly: float = Field(0.06, ge=0)
    witness_tolerance_daily: float = Field(0.042, ge=0)
    warning_share: Share = 0.1
    watermark_minutes: float = Field(5, ge=0)


class Privacy(Part):
    """Say what of a text is kept."""

    store: Literal["none", "hash", "redacted"] = "redacted"
    secret_file: Path | None = None
    shown_from_texts: int = Field(5, ge=1)


class Ingest(Part):
    """Bound one reading."""

    batch_mib: float = Field(8, gt=0)
    line_mib: float = Field(1, gt=0)
    grace_minutes: float = Field(10, ge=0)
    finish_minutes: float = Field(10, ge=0)
    future_minutes: float = Field(5, ge=0)
    settle_seconds: float = Field(10, ge=0)
    silent_after_expected: int = Field(50, ge=1)


class Route(Part):
    """Say who is told what."""

    to: Annotated[str, Field(pattern=r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,190}$")]
    language: Literal["en"] = "en"
    receives: tuple[Literal["incidents", "weekly", "decisions", "service"], ...]
    texts: Literal["none", "redacted"] = "none"


class Smtp(Part):
    """Reach the mail relay."""

    host: str
    port: int = Field(587, ge=1, le=65_535)
    starttls: Literal["required", "never"] = "required"
    user: str | None = None
    password_file: Path | None = None
    sender: str = "vigie@localhost"
    after_dot_s: float = Field(300, gt=0)

    @model_validator(mode="after")
    def _clear_text_stays_at_home(self) -> "Smtp":
        if self.starttls == "never" and self.host not in {"127.0.0.1", "::1", "localhost"}:
            raise ValueError("starttls: never is for a relay on this machine only; write starttls: required")
        return self


class Delivery(Part):
    """Say by which ways messages leave."""

    smtp: Smtp | None = None
    file_drop: Path | None = None


class Retraining(Part):
    """Give the costs a retraining decision weighs, and what an approval starts."""

    person_eur: Estimate = (0.90, 0.70, 1.15)
    error_eur: Estimate = (2.0, 1.0, 4.0)
    retrain_eur: Estimate = (6000, 4500, 8000)
    risk_eur: Estimate = (1500, 500, 4500)
    horizon_weeks: float = Field(13, gt=0)
    trigger_command: tuple[str, ...] = ()
    expires_days: float = Field(14, gt=0)


class WorkingHours(Part):
    """Say in which zone people work; charts and mails show times in it."""

    zone: str = "UTC"


class Schedule(Part):
    """Say how often each job looks; the store says what is left to do."""

    ingest_seconds: int = Field(60, ge=5)
    notify_seconds: int = Field(60, ge=5)
    detect_minute: int = Field(12, ge=0, le=59)
    shadow_hour: int = Field(1, ge=0, le=23)
    decide_hour: int = Field(6, ge=0, le=23)
    report_hour: int = Field(7, ge=0, le=23)


class Dashboard(Part):
    """Say where the dashboard listens and who may enter."""

    address: str = "127.0.0.1"
    port: int = Field(8501, ge=1, le=65_535)
    login: Literal["none", "password", "proxy"] = "none"
    passwords: Path | None = None
    public_url: str = ""
    idle_minutes: float = Field(60, gt=0)
    session_hours: float = Field(12, gt=0)
    proxy_header: str = "x-forwarded-user"
    proxy_secret_file: Path | None = None
    trusted_proxies: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _door(self) -> "Dashboard":
        if self.login == "none" and self.address not in {"127.0.0.1", "::1", "localhost"}:
            raise ValueError(f"address {self.address} needs login: password or login: proxy")
        if self.login == "password" and self.passwords is None:
            raise ValueError("login: password needs passwords: the file `vigie dashboard passwd NAME` writes")
        if self.login == "proxy" and not (self.trusted_proxies and self.proxy_secret_file):
            raise ValueError("login: proxy needs trusted_proxies and proxy_secret_file")
        return self


class Health(Part):
    """Say where probes ask whether Vigie itself is alive."""

    address: str = "127.0.0.1"
    port: int = Field(8502, ge=0, le=65_535)
