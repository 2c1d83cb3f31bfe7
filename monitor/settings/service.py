"""Say how the service itself works: what is kept, who is told, when it looks."""

from datetime import date
from pathlib import Path
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field, model_validator

from monitor.settings.part import Name, Part, Share
from monitor.settings.triggers import Reached, Url
from monitor.working_time import weekdays


def _in_order(estimate: tuple[float, float, float]) -> tuple[float, float, float]:
    value, low, high = estimate
    if not (0 < low <= value <= high < float("inf") or 0 <= low == value == high < float("inf")):
        raise ValueError("is value, low, high: needs 0 < low <= value <= high, or three equal numbers")
    return estimate


Estimate = Annotated[tuple[float, float, float], AfterValidator(_in_order)]


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
    latency_tolerance: float = Field(0.05, ge=0)
    witness_tolerance_hourly: float = Field(0.03, ge=0)
    witness_tolerance_daily: float = Field(0.02, ge=0)
    warning_share: Share = 0.1
    watermark_minutes: float = Field(5, ge=0)


class Privacy(Part):
    """Say what of a text is kept."""

    store: Literal["none", "hash", "redacted", "full"] = "redacted"
    keys_dir: Path | None = None
    secret_file: Path | None = None
    shown_from_texts: int = Field(5, ge=1)
    patterns: dict[Name, str] = Field(default_factory=dict)
    text_days: int = Field(30, ge=1)
    prediction_days: int = Field(400, ge=1)
    hourly_days: int = Field(400, ge=1)
    profile_days: int = Field(1830, ge=1)

    @model_validator(mode="after")
    def _hours_after_rows(self) -> Self:
        if self.hourly_days < self.prediction_days:
            raise ValueError(
                "hourly_days is below prediction_days: hours go after their rows, or late rows would count twice"
            )
        return self

    def keys_in(self, data_dir: Path) -> Path:
        """Return the folder of the keys of days, in mode full."""
        return self.keys_dir or data_dir / "keys"


class Ingest(Part):
    """Bound one reading."""

    batch_mib: float = Field(4, gt=0)
    line_mib: float = Field(1, gt=0)
    grace_minutes: float = Field(10, ge=0)
    finish_minutes: float = Field(10, ge=0)
    future_minutes: float = Field(5, ge=0)
    settle_seconds: float = Field(10, ge=0)
    silent_after_expected: int = Field(50, ge=1)
    archive_gib: float = Field(50, gt=0)
    archive_ratio: float = Field(500, gt=1)


class Route(Reached):
    """
    Say who is told what: an address by mail, or a webhook by a name that is shown in place of its URL.

    The URL of a chat is a secret: `webhook_file` holds it alone.
    """

    to: Annotated[str, Field(pattern=r"^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,190}$|^$")] = ""
    name: Name | None = None
    webhook: Url | None = None
    webhook_file: Path | None = None
    key_file: Path | None = None
    form: Literal["standard", "slack", "teams"] = "standard"
    language: Literal["en", "fr"] = "en"
    receives: tuple[Literal["incidents", "weekly", "decisions", "service", "digest", "quarterly"], ...]
    texts: Literal["none", "redacted"] = "none"
    deliver: Literal["now", "working_hours"] = "now"
    level: int = Field(1, ge=1, le=3)

    @property
    def channel(self) -> str:
        """Return by which way it is told: mail or webhook."""
        return "mail" if self.to else "webhook"

    @property
    def recipient(self) -> str:
        """Return under which name its messages are kept."""
        return self.to or self.name or ""

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        where = (self.webhook, self.webhook_file)
        if [bool(self.to), *(one is not None for one in where)].count(True) != 1:
            raise ValueError("needs one of to, webhook and webhook_file")
        if not self.to and (self.name is None or self.texts != "none" or set(self.receives) - {"incidents", "service"}):
            raise ValueError("a webhook needs a name, receives incidents or service only, and no texts")
        if (not self.to and self.form == "standard") != (self.key_file is not None):
            raise ValueError(
                "key_file signs what a webhook of form standard is sent: there it is needed, elsewhere refused"
            )
        return self


def _named_once(routes: tuple[Route, ...]) -> tuple[Route, ...]:
    names = [one.name for one in routes if one.name is not None]
    if len(names) != len(set(names)):
        raise ValueError("each webhook needs a name of its own")
    return routes


Routes = Annotated[tuple[Route, ...], AfterValidator(_named_once)]


class Smtp(Part):
    """Reach the mail relay."""

    host: str
    port: int = Field(587, ge=1, le=65_535)
    starttls: Literal["required", "never"] = "required"
    user: str | None = None
    password_file: Path | None = None
    sender: str = "vigie@localhost"
    connect_s: float = Field(10, gt=0)
    verb_s: float = Field(30, gt=0, le=60)
    after_dot_s: float = Field(300, gt=0, le=480)

    @model_validator(mode="after")
    def _clear_text_stays_at_home(self) -> "Smtp":
        if self.starttls == "never" and self.host not in {"127.0.0.1", "::1", "localhost"}:
            raise ValueError("starttls: never is for a relay on this machine only; write starttls: required")
        return self


class Fallback(Part):
    """Say where messages are laid down that could not leave for so long."""

    file_drop: Path
    after_hours: float = Field(1, gt=0, lt=96)


class Delivery(Part):
    """Say by which ways messages leave."""

    smtp: Smtp | None = None
    file_drop: Path | None = None
    fallback: Fallback | None = None
    messages_per_hour: int = Field(20, ge=1)


class Alerts(Part):
    """Say when people are reminded, when the next level is told, how long a silence may last, and when routes are tested."""

    reminder_working_days: int = Field(1, ge=1, le=10)
    escalate_working_hours: float = Field(4, gt=0, le=100)
    silence_max_days: float = Field(7, gt=0, le=31)
    test_day: Literal["", "mon", "tue", "wed", "thu", "fri", "sat", "sun"] = ""


class Calendar(Part):
    """Say how often a model is retrained whatever the evidence says, and what being late means."""

    every: Literal["quarter", "half-year", "none"] = "none"
    anchor: date | None = None
    lead_days: int = Field(30, ge=0, le=60)
    overdue_days: int = Field(30, ge=0, le=60)
    policy: Literal["review", "must"] = "review"

    @model_validator(mode="after")
    def _counts_from_a_day(self) -> Self:
        if self.every != "none" and self.anchor is None:
            raise ValueError(f"every: {self.every} needs anchor: a day on which a retraining is due, like 2026-01-15")
        return self


class Retraining(Part):
    """Give the costs a retraining decision weighs, and what an approval starts."""

    person_eur: Estimate = (0.90, 0.70, 1.15)
    error_eur: Estimate = (2.0, 1.0, 4.0)
    retrain_eur: Estimate = (6000, 4500, 8000)
    risk_eur: Estimate = (1500, 500, 4500)
    horizon_weeks: float = Field(13, gt=0)
    trigger: Name | None = None
    approvals: Literal[1, 2] = 1
    expires_days: float = Field(14, gt=0)
    expect_champion_days: float = Field(28, gt=0)
    calendar: Calendar = Calendar()
    accuracy_floor: Share | None = None


Clock = Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]


class WorkingHours(Part):
    """Say when people work, and in which zone; daily jobs run and charts show times in it."""

    zone: str = "UTC"
    days: str = "mon-fri"
    begin: Clock = Field("08:30", alias="from")
    end: Clock = Field("18:00", alias="to")
    holidays: Path | None = None

    @model_validator(mode="after")
    def _can_be_reckoned_with(self) -> Self:
        weekdays(self.days)
        try:
            ZoneInfo(self.zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError(f"zone {self.zone!r} is not known; write one like Europe/Paris") from None
        if self.begin >= self.end:
            raise ValueError("from needs to be before to, on one day")
        return self


class Schedule(Part):
    """Say how often each job looks; the store says what is left to do."""

    ingest_seconds: int = Field(60, ge=5)
    notify_seconds: int = Field(60, ge=5)
    detect_minute: int = Field(12, ge=0, le=59)
    shadow_hour: int = Field(1, ge=0, le=23)
    decide_hour: int = Field(6, ge=0, le=23)
    report_hour: int = Field(7, ge=0, le=23)
    digest: str = Field("07:00", pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")


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
    """Say where probes ask whether Vigie itself is alive, and where it says so unasked."""

    address: str = "127.0.0.1"
    port: int = Field(8502, ge=0, le=65_535)
    alive_url: str = Field("", pattern=r"^(https?://\S+)?$")
    alive_file: Path | None = None
