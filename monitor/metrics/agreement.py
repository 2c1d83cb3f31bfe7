"""Do the champion and its challenger answer alike?"""

from monitor.metrics.metric import Reading
from monitor.profiles.pairs import Pairs


def agreement(pairs: Pairs) -> Reading:
    """
    Return the share of equal answers and the number of compared records.

    >>> agreement(Pairs.of([(("a", None, None), ("a", None, None)), (("a", None, None), ("b", None, None))]))
    Reading(value=0.5, size=2)
    """
    return Reading(pairs.agreement, pairs.compared)
