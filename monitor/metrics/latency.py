"""How long do calls take?"""

import math

from monitor.metrics.metric import Metric, Reading, Yardsticks, share
from monitor.profiles.profile import Profile

WELL_ABOVE = 1.25


def latency(profile: Profile, _at: Yardsticks) -> Reading:
    """
    Return the mean natural logarithm of the milliseconds a call took: robust, and a factor becomes a difference.

    >>> from monitor.profiles.histogram import Histogram
    >>> round(math.exp(latency(Profile(latency=Histogram.of("latency_ms", [10, 1000])), Yardsticks()).value))
    100
    """
    return Reading(profile.latency.log_mean(), profile.latency.total)


def slow_from(reference: Profile) -> float:
    """
    Return from how many milliseconds on a call is slow: the reference's 95 % latency, where that is well above the usual one.

    Of a service whose calls all take the same time, a twentieth is above it and nobody calls them slow.

    >>> from monitor.profiles.histogram import Histogram
    >>> 10 < slow_from(Profile(latency=Histogram.of("latency_ms", [10] * 99 + [12]))) < 13.5, slow_from(Profile())
    (True, inf)
    """
    times = reference.latency
    return max(times.quantile(0.95), WELL_ABOVE * times.quantile(0.5)) if times.total else math.inf


def slow(profile: Profile, at: Yardsticks) -> Reading:
    """Return the share of slow calls, as the reference says from when on a call is slow."""
    return share(profile.latency.share_from(at.slow_ms) * profile.latency.total if profile.latency.total else 0,
                 profile.latency.total)  # fmt: skip


METRICS = (
    Metric("latency", "service", "ms", "usual latency", latency, shown=math.exp),
    Metric("slow", "service", "share", "share of slow calls", slow, is_share=True),
)
