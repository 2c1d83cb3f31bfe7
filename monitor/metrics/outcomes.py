"""How many calls fail?"""

from monitor.metrics.metric import Metric, Reading, Yardsticks, share
from monitor.profiles.profile import Profile


def errors(profile: Profile, _at: Yardsticks) -> Reading:
    """
    Return the share of calls that did not end well: refused, failed, or an error inside an answer.

    >>> from monitor.profiles.counts import Counts
    >>> errors(Profile(outcomes=Counts.of(ok=3, failed=1)), Yardsticks())
    Reading(value=0.25, size=4)
    """
    total = profile.outcomes.total
    return share(total - profile.outcomes["ok"], total)


METRICS = (Metric("errors", "service", "share", "share of failed calls", errors, is_share=True, directions=(1,)),)
