"""Has the mix of answers moved away from the reference?"""

from monitor.metrics.distance import jensen_shannon, noise_floor, total_variation
from monitor.metrics.metric import Metric, Reading, Yardsticks, share
from monitor.profiles.profile import NO_LABEL, Profile

LEAST_SHARE = 0.002
LABEL_FAMILY = "label"  # one stake for all, though each tells of a label of its own


def prediction_shift(current: Profile, reference: Profile) -> float:
    """
    Return the Jensen-Shannon distance (base 2) between the two mixes of answers.

    >>> from monitor.profiles.counts import Counts
    >>> usual, today = Profile(labels=Counts.of(a=30, b=70)), Profile(labels=Counts.of(a=70, b=30))
    >>> round(prediction_shift(today, usual), 3)
    0.345
    """
    return jensen_shannon(*current.labels.beside(reference.labels))


def moved_share(current: Profile, reference: Profile) -> tuple[float, float]:
    """Return the share of answers that moved (total variation), and what chance alone gives at this many records."""
    now, then = current.labels.beside(reference.labels)
    return total_variation(now, then), noise_floor(then, int(now.sum()))


def frequent(reference: Profile) -> tuple[str, ...]:
    """Return the labels with at least two answers in a thousand, which have a bet of their own by the day."""
    least = LEAST_SHARE * reference.labels.total
    return tuple(sorted(n for n, c in reference.labels.of_name.items() if c >= least and n != NO_LABEL))


def metrics(labels: tuple[str, ...]) -> tuple[Metric, ...]:
    """Return one daily metric per label: its share of the answers."""

    def made(name: str) -> Metric:
        def read(profile: Profile, _at: Yardsticks) -> Reading:
            return share(profile.labels[name], profile.labels.total - profile.labels[NO_LABEL])

        return Metric(f"label:{name}", "outputs", "share", f"share of answers {name}", read, is_share=True,
                      family=LABEL_FAMILY, scales=(24,))  # fmt: skip

    return tuple(made(name) for name in labels)
