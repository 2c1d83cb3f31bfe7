"""How long do calls take?"""

import math

from monitor.metrics.metric import Metric, Reading, Yardsticks, share
from monitor.profiles.profile import Profile


def latency(profile: Profile, _at: Yardsticks) -> Reading:
    """
    Return the mean natural logarithm of the milliseconds a call took: robust, and a factor becomes a difference.

    >>> from monitor.profiles.histogram import Histogram
    >>> round(math.exp(latency(Profile(latency=Histogram.of("latency_ms", [10, 1000])), Yardsticks()).value))
    100
    """
    return Reading(profile.latency.log_mean(), profile.latency.total)


def slow(profile: Profile, at: Yardsticks) -> Reading:
    """Return the share of calls at or above the reference's 95 % latency."""
    return share(profile.latency.share_from(at.slow_ms) * profile.latency.total if profile.latency.total else 0,
                 profile.latency.total)  # fmt: skip


METRICS = (
    Metric("latency", "service", "ms", "usual latency", latency, shown=math.exp),
    Metric("slow", "service", "share", "share of slow calls", slow, is_share=True),
)
