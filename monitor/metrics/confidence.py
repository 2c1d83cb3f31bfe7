"""How sure is the model of its answers?"""

from monitor.metrics.metric import Metric, Reading, Yardsticks, share
from monitor.profiles.profile import Profile


def confidence(profile: Profile, _at: Yardsticks) -> Reading:
    """
    Return the mean score of the distinct predictions, between 0 and 1.

    >>> from monitor.profiles.histogram import Histogram
    >>> round(confidence(Profile(score=Histogram.of("score", [0.2, 0.8])), Yardsticks()).value, 2)
    0.5
    """
    return Reading(profile.score.mean(), profile.score.total)


def unsure(profile: Profile, at: Yardsticks) -> Reading:
    """Return the share of scores below the reference's 5 % quantile."""
    total = profile.score.total
    return share((1 - profile.score.share_from(at.unsure)) * total if total else 0, total)


METRICS = (
    Metric("confidence", "outputs", "score", "mean confidence", confidence),
    Metric("unsure", "outputs", "share", "share of very unsure answers", unsure, is_share=True),
)
