"""Do the declared fields, callers and regions hold what they used to hold?"""

from monitor.metrics.metric import Metric, Reading, Yardsticks, share
from monitor.profiles.counts import Counts
from monitor.profiles.profile import ABSENT, Profile

LEAST_SHARE = 0.01
NONE = Counts()


def watched(reference: Profile) -> tuple[tuple[str, str], ...]:
    """Return the (field, value) pairs with at least 1 % of the reference's records, but for values that are all there is."""
    pairs = []
    for name in sorted(reference.fields):
        counts = reference.of_field(name)
        values = sorted(v for v, c in counts.of_name.items() if c >= LEAST_SHARE * counts.total)
        pairs += [(name, value) for value in values] if len(counts.of_name) > 1 else []
    return tuple(pairs)


def metrics(pairs: tuple[tuple[str, str], ...]) -> tuple[Metric, ...]:
    """
    Return one metric per watched pair: the share of records whose field holds the value.

    >>> from monitor.profiles.counts import Counts
    >>> one = metrics((("TYP", "I"),))[0]
    >>> one.name, one.read(Profile(fields={"TYP": Counts.of(I=1, B=3)}), Yardsticks())
    ('field:TYP=I', Reading(value=0.25, size=4))
    """

    def made(name: str, value: str) -> Metric:
        def read(profile: Profile, _at: Yardsticks) -> Reading:
            counts = profile.fields.get(name, NONE)
            whole = max(profile.distinct, counts.total)
            return share(whole - counts.total if value == ABSENT else counts[value], whole)

        title = f"share of {name} = {value}"
        return Metric(f"field:{name}={value}", "inputs", "share", title, read, is_share=True, family=f"field:{name}")

    return tuple(made(name, value) for name, value in pairs)
