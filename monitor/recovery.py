"""Tell which share of what a model does worse than usual a new one would put right."""

from collections.abc import Sequence
from dataclasses import dataclass

from monitor.retraining import NINETY_FIVE, Term
from monitor.said import Said

EACH = 4.0  # the prior is Beta(4, 4): as if of eight records a new model had put half right
OUTCOME = 4.0  # what a past retraining showed counts as so many records


@dataclass(frozen=True)
class Tried:
    """
    Hold how a challenger did on labelled records that it and the champion answered.

    `wrong` are the champion's, `wins` of them the challenger has right, `losses` only the champion has right; `usual` is the
    share of labels of the reference that find the champion wrong, None without one.
    """

    labelled: int
    wrong: int
    wins: int
    losses: int
    usual: float | None


def recovered(tried: Tried | None, realised: Sequence[float] = ()) -> Term:
    """
    Return the share that a new model recovers: Beta(4, 4), sharpened by a challenger and by what came of past retrainings.

    Of a challenger count the champion's errors beyond the usual ones, the usual share taken as known: as put right what the
    challenger wins less what it loses, the rest as not. `realised` are the shares of the excess loss that past retrainings took
    away (0: nothing, 1: all), each counting as four records.

    >>> found = recovered(Tried(labelled=100, wrong=16, wins=7, losses=2, usual=0.1))  # six too many: Beta(9, 5)
    >>> round(found.value, 3), round(recovered(None).value, 3), round(recovered(None, [1.0, 0.75]).value, 3)
    (0.643, 0.5, 0.688)
    """
    good, bad, basis = _of_challenger(tried)
    for share in realised:
        inside = min(max(share, 0.0), 1.0)
        good, bad = good + OUTCOME * inside, bad + OUTCOME * (1 - inside)
    first, second = EACH + good, EACH + bad
    whole = first + second
    value = first / whole
    wide = NINETY_FIVE * (value * (1 - value) / (whole + 1)) ** 0.5
    source = basis
    if n := len(realised):
        source = Said(
            f"{basis}; sharpened by {n} past retraining{'s' if n > 1 else ''}", "learnt.outcomes", basis=basis, n=n
        )
    return Term("recovered", value, value - wide, value + wide, "beta", source)


def _of_challenger(tried: Tried | None) -> tuple[float, float, Said]:
    if tried is None or not tried.labelled:
        return 0.0, 0.0, Said("prior, no challenger was tried on labelled records", "learnt.prior")
    if tried.usual is None:
        return 0.0, 0.0, Said("prior, no label of the reference says what is usual", "learnt.no_usual")
    excess = tried.wrong - tried.labelled * tried.usual
    facts = {"labelled": tried.labelled, "wins": tried.wins, "losses": tried.losses}
    if excess <= 0:
        text = f"prior, the model is no more often wrong than usual on {tried.labelled:,} labelled records"
        return 0.0, 0.0, Said(text, "learnt.no_excess", labelled=tried.labelled)
    good = min(max(float(tried.wins - tried.losses), 0.0), excess)
    text = f"challenger on {tried.labelled:,} labelled records: right alone on {tried.wins:,}, wrong alone on {tried.losses:,}"
    return good, excess - good, Said(text, "learnt.challenger", **facts)
