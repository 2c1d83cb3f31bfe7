"""Find the references between settings that lead nowhere."""

import re
from collections.abc import Iterator
from typing import Any

Place = tuple[Any, ...]


def loose_ends(config: Any) -> Iterator[tuple[Place, str]]:
    """Yield where in config.yaml a setting names something that is not there, or cannot be used, and what is wrong."""
    for name, source in config.sources.items():
        if source.model is not None and source.model not in config.models:
            yield ("sources", name, "model"), f"{source.model} is not among models"
        kept = source.keep_if and source.keep_if.matches
        for key, pattern in (("prefix", source.prefix), ("instance_from", source.instance_from), ("keep_if", kept)):
            try:
                re.compile(pattern or "")
            except re.error as error:
                yield ("sources", name, key), f"no regular expression: {error}"
    if config.privacy.patterns:
        from monitor.redaction import trouble  # brings polars, which most configurations do without

        for name, pattern in config.privacy.patterns.items():
            if (why := trouble(pattern)) is not None:
                yield ("privacy", "patterns", name), f"cannot be used: {why}"
    served: dict[tuple[str, str], str] = {}
    for name, challenger in config.challengers.items():
        if challenger.of not in config.models:
            yield ("challengers", name, "of"), f"{challenger.of} is not among models"
        if not any(challenger.path.is_relative_to(root) for root in config.shadow.trusted_roots):
            yield ("challengers", name, "path"), "lies under none of shadow.trusted_roots"
        if challenger.version and (twin := served.setdefault((challenger.of, challenger.version), name)) != name:
            yield ("challengers", name, "version"), f"{twin} is to be that version of {challenger.of} already"
    for name, one in config.retraining.items():
        if name not in config.models:
            yield ("retraining", name), "is not among models"
        if one.trigger is not None and one.trigger not in config.triggers:
            yield ("retraining", name, "trigger"), f"{one.trigger} is not among triggers"
    for what in ("incidents", "service"):
        levels = [route.level for route in config.routes if what in route.receives]
        if levels and 1 not in levels:
            yield ("routes",), f"{what} reach no route of level 1, so nobody is told of them at first"
    for name, model in config.models.items():
        if model.score == "entropy" and model.classes is None:
            yield ("models", name, "score"), "entropy needs classes, the number of labels"
        segment = model.segment
        if segment and segment not in {"caller", "region"} and segment.removeprefix("field_") not in model.fields:
            yield ("models", name, "segment"), f"{segment} is neither caller, region nor a declared field"
