"""Do answers appear that hardly existed before?"""

from monitor.metrics.metric import Metric, Reading, Yardsticks, share
from monitor.profiles.profile import NO_LABEL, Profile

LEAST_SHARE = 0.001


def known(reference: Profile) -> frozenset[str]:
    """Return the labels that had at least one answer in a thousand."""
    least = LEAST_SHARE * reference.labels.total
    return frozenset(name for name, count in reference.labels.of_name.items() if count >= least and name != NO_LABEL)


def novelty(profile: Profile, at: Yardsticks) -> Reading:
    """
    Return the share of answers in labels that had less than one in a thousand in the reference.

    >>> from monitor.profiles.counts import Counts
    >>> novelty(Profile(labels=Counts.of(a=9, z=1)), Yardsticks(known=frozenset("a")))
    Reading(value=0.1, size=10)
    """
    answered = profile.labels.total - profile.labels[NO_LABEL]
    return share(answered - sum(profile.labels[name] for name in at.known), answered)


METRICS = (
    Metric("novelty", "outputs", "share", "share of answers that hardly existed before", novelty, is_share=True,
           directions=(1,)),
)  # fmt: skip
