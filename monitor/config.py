"""
Read config.yaml into one frozen value, naming every problem with its line.

All problems are told together, as `file:line:column: key: what is wrong`, with the nearest known key for a typo.
Relative paths are taken from the folder of the file.
"""

import difflib
import logging
import os
import secrets
from datetime import date, time
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from monitor.errors import ConfigError
from monitor.nomenclature import Nomenclature
from monitor.settings import (
    Alerts,
    Challenger,
    Dashboard,
    Delivery,
    Detection,
    Health,
    Ingest,
    Model,
    Name,
    Part,
    Privacy,
    Retraining,
    Schedule,
    Shadow,
    Source,
    Trigger,
    WorkingHours,
)
from monitor.settings.loose_ends import loose_ends
from monitor.settings.service import Routes
from monitor.sources.preset import expanded
from monitor.working_time import WorkingTime, dates, weekdays

log = logging.getLogger("vigie")
Role = Literal["viewer", "operator", "owner", "approver"]
SECRET_BYTES = 32


class Config(Part):
    """
    Hold everything an operator decides.

    >>> config = Config(data_dir="/srv/vigie", models={"ape": {}}, sources={})
    >>> config.database, config.models["ape"].name
    ('sqlite:////srv/vigie/vigie.db', 'ape')
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: Path = Path("config.yaml")
    demo: bool = False  # the banner says that these are replayed texts
    data_dir: Path = Path("data")
    database: str = ""
    models: dict[Name, Model]
    sources: dict[Name, Source] = Field(default_factory=dict)
    challengers: dict[Name, Challenger] = Field(default_factory=dict)
    shadow: Shadow = Shadow()
    detection: Detection = Detection()
    privacy: Privacy = Privacy()
    ingest: Ingest = Ingest()
    people: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    roles: dict[str, Role] = Field(default_factory=dict)
    routes: Routes = ()
    delivery: Delivery = Delivery()
    alerts: Alerts = Alerts()
    triggers: dict[Name, Trigger] = Field(default_factory=dict)
    retraining: dict[Name, Retraining] = Field(default_factory=dict)
    working_hours: WorkingHours = WorkingHours()
    schedule: Schedule = Schedule()
    dashboard: Dashboard = Dashboard()
    health: Health = Health()

    @model_validator(mode="before")
    @classmethod
    def _named(cls, raw: Any) -> Any:
        if isinstance(raw, dict):
            for group in ("models", "sources", "challengers"):
                entries = raw.get(group)
                if isinstance(entries, dict):
                    raw = raw | {group: {n: {"name": n, **(e or {})} if isinstance(e, dict | None) else e
                                         for n, e in entries.items()}}  # fmt: skip
            folder = Path(raw.get("data_dir", "data"))
            raw = {"database": f"sqlite:///{folder / 'vigie.db'}"} | {
                k: v for k, v in raw.items() if k != "database" or v
            }
        return raw

    @cached_property
    def secret(self) -> bytes:
        """Return the master secret of all keyed hashes; made once in data_dir when no file is named."""
        return _secret(self.privacy.secret_file or self.data_dir / "secret")

    def nomenclature(self, model: str) -> Nomenclature:
        """Read the label hierarchy of `model`; an empty one when none is declared."""
        return read_nomenclature(self.models[model].nomenclature)

    def vocabulary(self, model: str) -> frozenset[str] | None:
        """Read the words the model was trained on; None when no file is declared."""
        file = self.models[model].vocabulary
        return None if file is None else frozenset(_text(file).split())

    def holidays(self) -> frozenset[date]:
        """Read the days on which nobody works; none when no file is declared."""
        file = self.working_hours.holidays
        return frozenset() if file is None else dates(_text(file), str(file))

    @cached_property
    def working_time(self) -> WorkingTime:
        """Return when people work, the holidays read from their file; without it no day is one, for messages must leave."""
        told, holidays = self.working_hours, frozenset[date]()
        try:
            holidays = self.holidays()
        except ConfigError as error:
            log.warning("no day is a holiday until this is mended: %s", error)
        begin, end = (time.fromisoformat(one) for one in (told.begin, told.end))
        return WorkingTime(told.zone, weekdays(told.days), begin, end, holidays)

    def person(self, identity: str) -> str:
        """Return the person behind `os:name` or `login:name`; the identity itself when nobody claims it."""
        return next((person for person, known in self.people.items() if identity in known), identity)


def load(path: Path) -> Config:
    """
    Read and check config.yaml.

    Raises ConfigError with one line per problem.
    """
    tree = _tree(path)
    raw = _absolute(_plain(tree), path.resolve().parent) | {"path": path.resolve()}
    try:
        config = Config(**raw)
    except ValidationError as error:
        raise ConfigError("\n".join(_problems(path, tree, error))) from None
    loose = [_at(path, tree, location, wrong) for location, wrong in loose_ends(config)]
    if loose:
        raise ConfigError("\n".join(loose))
    return config.model_copy(update={"sources": {name: expanded(one) for name, one in config.sources.items()}})


def read_nomenclature(file: Path | None) -> Nomenclature:
    """Read rows `code,parent,level,title` (first line is the heading); an empty nomenclature for None."""
    import csv

    if file is None:
        return Nomenclature()
    rows = list(csv.reader(_text(file).splitlines()))
    bad = [number for number, row in enumerate(rows, 1) if len(row) != 4]
    if bad:
        raise ConfigError("a row needs code,parent,level,title", where=f"{file}:{bad[0]}")
    return Nomenclature.of((row[0], row[1], row[2], row[3]) for row in rows[1:])


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot be read: {error}", where=str(file)) from None


def _secret(file: Path) -> bytes:
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = file.with_name(f"{file.name}.{os.getpid()}")
        fresh.touch(mode=0o600)
        fresh.write_text(secrets.token_hex(SECRET_BYTES))
        try:
            os.link(fresh, file)  # fails when another process was first: then its secret is ours
        except FileExistsError:
            pass
        fresh.unlink()
    if file.stat().st_mode & 0o077:
        raise ConfigError("may be read by others", where=str(file), remedy=f"chmod 600 {file}")
    return file.read_bytes().strip()


def _tree(path: Path) -> CommentedMap:
    try:
        tree = YAML(typ="rt").load(_text(path))
    except MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else str(path)
        raise ConfigError(f"not YAML: {error.problem}", where=where) from None
    except YAMLError as error:
        raise ConfigError(f"not YAML: {str(error).splitlines()[0]}", where=str(path)) from None
    if not isinstance(tree, CommentedMap):
        raise ConfigError("holds no settings", where=str(path), remedy="vigie demo writes an example")
    return tree


def _plain(node: Any) -> Any:
    if isinstance(node, CommentedMap):
        return {str(key): _plain(value) for key, value in node.items()}
    if isinstance(node, CommentedSeq):
        return [_plain(value) for value in node]
    return node


PATHS = {"data_dir", "files", "nomenclature", "vocabulary", "training", "label_files", "path", "python", "secret_file", "password_file", "keys_dir",
         "file_drop", "alive_file", "passwords", "proxy_secret_file", "trusted_roots", "key_file", "token_file", "ca_file",
         "webhook_file", "holidays"}  # fmt: skip


def _absolute(node: Any, folder: Path, key: str = "") -> Any:
    if isinstance(node, dict):
        return {name: _absolute(value, folder, name) for name, value in node.items()}
    if isinstance(node, list):
        return [_absolute(value, folder, key) for value in node]
    if key in PATHS and isinstance(node, str) and "://" not in node:
        return str(folder / node)
    if key in {"database", "url"} and isinstance(node, str) and node.startswith("sqlite:///"):
        return f"sqlite:///{folder / node.removeprefix('sqlite:///')}"
    return node


def _at(path: Path, tree: Any, location: tuple[Any, ...], wrong: str) -> str:
    line, column = _place(tree, location)
    return f"{path}:{line}:{column}: {'.'.join(map(str, location))}: {wrong}"


def _place(tree: Any, location: tuple[Any, ...]) -> tuple[int, int]:
    line, column, node = 0, 0, tree
    for step in location:
        if isinstance(node, CommentedMap) and step in node:
            line, column = node.lc.key(step)
            node = node[step]
        elif isinstance(node, CommentedSeq) and isinstance(step, int) and step < len(node):
            line, column = node.lc.item(step)
            node = node[step]
    return line + 1, column + 1


def _problems(path: Path, tree: CommentedMap, error: ValidationError) -> list[str]:
    found = []
    for problem in error.errors():
        location = tuple(step for step in problem["loc"] if step not in {"str", "Unit", "[key]"})
        location = location[:2] + location[3:] if location[0] == "triggers" else location  # without the kind
        line, column = _place(tree, location)
        name, message = ".".join(map(str, location)) or "config", problem["msg"].removeprefix("Value error, ")
        if problem["type"] == "extra_forbidden":
            near = difflib.get_close_matches(str(location[-1]), _known_keys(location[:-1]), 1)
            message = "unknown key" + (f"; did you mean {near[0]}?" if near else "")
        elif problem["type"] == "missing":
            message = "is missing"
        found.append(f"{path}:{line}:{column}: {name}: {message}")
    return sorted(set(found), key=lambda one: [int(n) for n in one.split(": ")[0].rsplit(":", 2)[1:]])


def _known_keys(location: tuple[Any, ...]) -> list[str]:
    """Return the keys that may stand at `location`: a step into a setting, a name, or a number of a list."""
    known: Any = Config
    for step in location:
        if isinstance(known, type) and issubclass(known, BaseModel):
            known = {field.alias or name: field.annotation for name, field in known.model_fields.items()}.get(str(step))
        else:
            known = _model_in(known)  # the step was a name or a number
        if _is_optional(known):
            known = _model_in(known)
    if not (isinstance(known, type) and issubclass(known, BaseModel)):
        return []
    return [field.alias or name for name, field in known.model_fields.items()]


def _is_optional(annotation: Any) -> bool:
    return type(None) in getattr(annotation, "__args__", ())


def _model_in(annotation: Any) -> Any:
    for argument in getattr(annotation, "__args__", ()):
        if isinstance(argument, type) and issubclass(argument, BaseModel):
            return argument
    return annotation
