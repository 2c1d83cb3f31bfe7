"""Say where log lines and rows of tables come from and how one is read."""

from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from monitor.settings.part import Name, Part

Format = Literal[
    "vigie_line", "json_lines", "python_literal", "java_tostring", "access_log", "sagemaker_capture", "table"
]


STORES = ("s3", "gs", "abfs", "file", "memory")


class Unit(Part):
    """Say in which unit a logged number is, or from which field a column comes."""

    field: str
    unit: Literal["s", "ms", "us", "ns"] | None = None


class Dated(Part):
    """Date a change of the serving model that the log does not tell."""

    since: datetime = Field(alias="from")
    version: str = Field(alias="is")


class Keep(Part):
    """Keep only lines whose field equals or differs from a text, or matches an expression; the rest is counted as other."""

    field: str
    equals: str | None = None
    differs: str | None = None
    matches: str | None = None

    @model_validator(mode="after")
    def _one_test(self) -> "Keep":
        if sum(one is not None for one in (self.equals, self.differs, self.matches)) != 1:
            raise ValueError("needs one of equals, differs and matches")
        return self


class Side(Part):
    """Tell by the end of a field's text which half of a call a line is."""

    field: str
    ends_with: str


class Join(Part):
    """Put two lines of one call together: both carry the same id at `on`."""

    on: str
    input: Side
    answer: Side
    wait_hours: float = Field(2, gt=0)


class Table(Part):
    """
    Say which table or view of a database holds the answers, and by which columns its new rows are found.

    `mark` only rises as rows are committed, but for late ones: those are looked for `overlap_hours` back where the
    mark is a time (or a number of `mark_unit` since 1970), `overlap_numbers` back where it is another number.
    """

    url: str
    password_file: Path | None = None
    name: str
    key: tuple[str, ...] = Field(min_length=1)
    mark: str
    mark_unit: Literal["s", "ms", "us", "ns"] | None = None
    overlap_hours: float = Field(2, ge=0)
    overlap_numbers: int = Field(10_000, ge=0)
    chunk_rows: int = Field(5_000, ge=1, le=100_000)

    @model_validator(mode="after")
    def _known_database(self) -> "Table":
        if not self.url.startswith(("sqlite:///", "postgresql+psycopg://")):
            raise ValueError("url begins with sqlite:/// or postgresql+psycopg://")
        return self


class Source(Part):
    """Say where lines or rows come from and how one is read."""

    name: str = ""
    files: str = ""
    table: Table | None = None
    wrapper: Literal["none", "cri", "docker", "loki", "elasticsearch", "splunk", "cloudwatch", "kubectl", "otlp"] = (
        "none"
    )
    prefix: str | None = None
    format: Format = "json_lines"
    preset: str | None = None
    model: Name | None = None
    identity: Literal["by_request_id", "by_position", "by_line"] = "by_position"
    map: dict[str, str | Unit] = Field(default_factory=dict)
    zone: str | None = None
    encoding: Literal["utf-8", "latin-1", "cp1252"] = "utf-8"
    versions: tuple[Dated, ...] = ()
    keep_if: Keep | None = None
    join: Join | None = None
    gives: Literal["all", "answers", "service"] = "all"
    absent: tuple[str, ...] = ("", "NaN", "nan", "None")
    instance_from: str | None = None
    separator: Literal[",", ";", "\t", "|"] = ","
    run_time: str | None = None

    @model_validator(mode="after")
    def _one_origin(self) -> "Source":
        if (not self.files) == (self.table is None):
            raise ValueError("needs either files or table")
        if "://" in self.files and (self.files.partition("://")[0] not in STORES or "::" in self.files):
            raise ValueError(f"objects are read from {', '.join(f'{one}://' for one in STORES)}")
        has_columns = self.table is not None or self.format == "table"
        if has_columns and (self.wrapper != "none" or self.prefix or self.join):
            raise ValueError("a table has columns, mapped by `map`: no wrapper, prefix or join")
        if self.table is not None and self.format != "json_lines":
            raise ValueError("a table of a database has no format")
        if self.run_time is not None and (self.format != "table" or "time" in self.map):
            raise ValueError("run_time is for files with format: table, where no column is mapped as time")
        return self
