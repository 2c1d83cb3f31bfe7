"""Do the words of the texts speak for the answers they get?"""

import math

from monitor.metrics.metric import Metric, Reading, Yardsticks, share
from monitor.profiles.profile import Profile


def support(profile: Profile, _at: Yardsticks) -> Reading:
    """
    Return the mean support of an answer by the most telling word of its text, in nats.

    >>> from monitor.profiles.histogram import Histogram
    >>> round(support(Profile(support=Histogram.of("nats", [2.0, 4.0])), Yardsticks()).value, 2)
    3.05
    """
    return Reading(profile.support.mean(), profile.support.total)


def unsupported(profile: Profile, at: Yardsticks) -> Reading:
    """Return the share of answers with less support than 95 % of the reference's had."""
    total = profile.support.total
    return share((1 - profile.support.share_from(at.unsupported)) * total if total else 0, total)


METRICS = (
    Metric("support", "outputs", "times", "usual weight of a text's most telling word for its answer", support,
           family="support", shown=math.exp),
    Metric("unsupported", "outputs", "share", "share of answers that no word of their text speaks for", unsupported, is_share=True,
           directions=(1,), family="support"),
)  # fmt: skip
