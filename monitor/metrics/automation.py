"""How many predictions need no person?"""

from monitor.metrics.metric import Metric, Reading, Yardsticks, share
from monitor.profiles.profile import Profile


def automation(profile: Profile, _at: Yardsticks) -> Reading:
    """
    Return the share of distinct decided predictions that were coded without a person.

    >>> automation(Profile(automatic=3, decided=4), Yardsticks())
    Reading(value=0.75, size=4)
    """
    return share(profile.automatic, profile.decided)


METRICS = (Metric("automation", "outputs", "share", "automation rate", automation, is_share=True),)
