"""Put the mapping of a known log in the place of one that an operator would have to write."""

import difflib
from functools import lru_cache
from importlib.resources import files
from typing import Any

from pydantic import ValidationError
from ruamel.yaml import YAML

from monitor.errors import ConfigError
from monitor.settings import Source


def names() -> list[str]:
    """Return the presets there are."""
    found = (one.name for one in files("monitor.sources").joinpath("presets").iterdir())
    return sorted(name.removesuffix(".yaml") for name in found if name.endswith(".yaml"))


def expanded(source: Source) -> Source:
    """
    Return the source with its preset's keys; keys written beside `preset` win.

    Raises ConfigError for an unknown preset, naming the nearest.

    >>> expanded(Source(name="in", files="x", preset="ingress_nginx")).gives
    'service'
    """
    if source.preset is None:
        return source
    if source.preset not in names():
        near = difflib.get_close_matches(source.preset, names(), 1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(names())}"
        raise ConfigError(f"no preset {source.preset}", where=f"sources.{source.name}", remedy=hint)
    written = source.model_dump(by_alias=True, exclude_unset=True)
    try:
        return Source(**{**_keys(source.preset), **written})
    except ValidationError as error:
        why = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise ConfigError(f"preset {source.preset} does not fit: {why}", where=f"sources.{source.name}") from None


@lru_cache(maxsize=64)
def _keys(preset: str) -> dict[str, Any]:
    text = files("monitor.sources").joinpath("presets", f"{preset}.yaml").read_text(encoding="utf-8")
    keys: dict[str, Any] = YAML(typ="safe").load(text)
    return keys
