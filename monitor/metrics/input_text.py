"""Are the texts as they used to be?"""

import math

from monitor.metrics.metric import Metric, Reading, Yardsticks, share
from monitor.profiles.profile import Profile


def length(profile: Profile, _at: Yardsticks) -> Reading:
    """Return the mean natural logarithm of the number of characters."""
    return Reading(profile.length.log_mean(), profile.length.total)


def unknown_words(profile: Profile, _at: Yardsticks) -> Reading:
    """
    Return the mean share of a text's words that the model's vocabulary does not hold, between 0 and 1.

    >>> from monitor.profiles.moments import Moments
    >>> unknown_words(Profile(unknown=Moments(2, 10_000, 100_000_000)), Yardsticks())
    Reading(value=0.5, size=2)
    """
    return Reading(profile.unknown.mean(), profile.unknown.count)


def mostly_unknown(profile: Profile, _at: Yardsticks) -> Reading:
    """
    Return the share of texts at least half of whose words are unknown, of texts of two words or more.

    >>> from monitor.profiles.histogram import Histogram
    >>> mostly_unknown(Profile(strange=Histogram.of("score", [0.0, 0.4, 0.5, 1.0])), Yardsticks())
    Reading(value=0.5, size=4)
    """
    return Reading(profile.strange.share_from(0.5), profile.strange.total)


def foreign(profile: Profile, _at: Yardsticks) -> Reading:
    """Return the share of texts at least three quarters of whose words are unknown, of texts of two words or more."""
    return Reading(profile.strange.share_from(0.75), profile.strange.total)


def empty(profile: Profile, _at: Yardsticks) -> Reading:
    """Return the share of texts without a word of two letters."""
    return share(profile.empty_texts, profile.distinct)


METRICS = (
    Metric("length", "inputs", "characters", "usual text length", length, shown=math.exp),
    Metric("unknown_words", "inputs", "share", "share of unknown words", unknown_words),
    Metric(
        "mostly_unknown",
        "inputs",
        "share",
        "texts with half of their words unknown",
        mostly_unknown,
        is_share=True,
        directions=(1,),
        family="unknown_words",
    ),
    Metric(
        "foreign",
        "inputs",
        "share",
        "texts with three quarters of their words unknown",
        foreign,
        is_share=True,
        directions=(1,),
        family="unknown_words",
    ),
    Metric("empty", "inputs", "share", "share of texts without words", empty, is_share=True, directions=(1,)),
)
