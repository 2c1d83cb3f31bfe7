"""
One question per file: a metric reads a number from a profile.

A new metric is a file with `METRICS`, its line in `FIXED`, and its test.
"""

from functools import lru_cache

from monitor.metrics import (
    automation,
    confidence,
    input_fields,
    input_text,
    latency,
    novelty,
    outcomes,
    prediction_shift,
    support,
)
from monitor.metrics.metric import Metric, Yardsticks
from monitor.profiles.profile import Profile

__all__ = ["FIXED", "Metric", "Yardsticks", "all_for", "yardsticks"]

FIXED: tuple[Metric, ...] = (
    *latency.METRICS,
    *outcomes.METRICS,
    *confidence.METRICS,
    *automation.METRICS,
    *support.METRICS,
    *input_text.METRICS,
    *novelty.METRICS,
)


def yardsticks(reference: Profile) -> Yardsticks:
    """Fix what the metrics need to know of the reference."""
    return Yardsticks(
        slow_ms=latency.slow_from(reference),
        unsure=reference.score.quantile(0.05) if reference.score.total else 0.0,
        known=novelty.known(reference),
        watched=input_fields.watched(reference),
        unsupported=reference.support.quantile(0.05) if reference.support.total else 0.0,
    )


@lru_cache(maxsize=64)
def all_for(at: Yardsticks, labels: tuple[str, ...]) -> tuple[Metric, ...]:
    """Return every scalar metric under these yardsticks, `labels` having a daily bet each."""
    return (*FIXED, *input_fields.metrics(at.watched), *prediction_shift.metrics(labels))
