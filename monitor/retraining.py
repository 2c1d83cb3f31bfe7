"""
Weigh the evidence into one recommendation a person can check: retrain, label first, or wait.

Net benefit over H weeks: `NB = rho (H G + g H^2 / 2) - C_retrain - C_risk` with the weekly loss
`G = N (c_h d_manual + c_e d_error)`; every term is drawn from its interval. Drift alone is never a reason: it reaches G
only through cases that went to people and answers that were wrong.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, time
from typing import Any, Literal

import numpy as np

from monitor.calendar import NO_CALENDAR, Standing, rhythm_weeks, suggested
from monitor.said import Said
from monitor.window import microseconds

Recommendation = Literal["retrain", "label_first", "wait"]
DRAWS = 40_000  # the probability is then known to 0.0025, one standard deviation
SURE, UNSURE = 0.8, 0.2
NINETY_FIVE, EIGHTY = 1.96, 1.2816
LABELS_NEEDED, LABELS_PER_CLASS = 2000, 30
MOST_CLASSES = 5  # that a sentence names
TERMS = {"predictions": "predictions a week", "excess_manual": "excess share sent to people", "excess_error": "excess share automatic and wrong",
         "person_eur": "cost of a case to a person, EUR", "error_eur": "cost of a wrong code, EUR", "growth_eur": "growth of the loss a week, EUR",
         "recovered": "share a new model recovers", "retrain_eur": "cost of retraining, EUR", "risk_eur": "cost of risk, EUR"}  # fmt: skip
PASSED = ("inputs", "parameters", "conf")  # what the kinds of a trigger call what they pass on
CHALLENGER_WAITS = {"promote": "promote", "more_labels": "more labels"}  # verdicts that ask for something


def approval_runs(recommendation: str, trigger: Mapping[str, Any] | None) -> str:
    """
    Say what an approval starts: a command or a call with what it passes on, and only where a new model was proposed.

    >>> train = {"kind": "command", "command": ["make", "train"]}
    >>> approval_runs("retrain", train), approval_runs("wait", train)
    ('make train', 'nothing; it is only put on record')
    >>> approval_runs("retrain", {"kind": "airflow", "endpoint": "https://air.example/api/v2/dags/d/dagRuns", "conf": {"days": "90"}})
    'POST https://air.example/api/v2/dags/d/dagRuns days=90'
    """
    if recommendation != "retrain" or not trigger:
        return "nothing; it is only put on record"
    if trigger["kind"] == "command":
        return " ".join(trigger["command"])
    passed: Mapping[str, str] = next((trigger[name] for name in PASSED if trigger.get(name)), {})
    branch = [f"ref={trigger['ref']}"] if "ref" in trigger else []
    named = [f"template={trigger['template']}"] if "template" in trigger else []
    return " ".join(
        ["POST", trigger["endpoint"], *branch, *named, *(f"{name}={value}" for name, value in passed.items())]
    )


@dataclass(frozen=True)
class Term:
    """Hold one input: value, 95 % interval, how it is drawn (exact, normal, lognormal, beta) and where it comes from."""

    name: str
    value: float
    low: float
    high: float
    drawn: Literal["exact", "normal", "lognormal", "beta"]
    source: str

    def record(self) -> dict[str, Any]:
        """Return what JSON can hold; where the source was said with facts they are kept."""
        return asdict(self) | ({"said": self.source.record()} if isinstance(self.source, Said) else {})

    def draws(self, random: np.random.Generator, count: int) -> np.ndarray:
        """
        Return `count` draws; `beta` has the value as its mean and the interval's variance.

        >>> share = Term("recovered", 0.5, 0.18, 0.82, "beta", "prior").draws(np.random.default_rng(1), 100_000)
        >>> [round(float(np.quantile(share, q)), 2) for q in (0.025, 0.5, 0.975)]
        [0.19, 0.5, 0.81]
        """
        if self.drawn == "exact" or self.low == self.high:
            return np.full(count, self.value)
        if self.drawn == "normal":
            return random.normal(self.value, (self.high - self.low) / 2 / NINETY_FIVE, count)
        if self.drawn == "lognormal":
            spread = np.log(self.high / self.low) / 2 / NINETY_FIVE
            return np.asarray(self.value * np.exp(random.normal(0, spread, count)))
        variance = ((self.high - self.low) / 2 / NINETY_FIVE) ** 2
        strength = self.value * (1 - self.value) / variance - 1
        return random.beta(self.value * strength, (1 - self.value) * strength, count)


def described(term: dict[str, Any]) -> tuple[str, str]:
    """
    Return a term of a decision's evidence in words, and its value with interval and source.

    >>> described({"name": "recovered", "value": 0.5, "low": 0.18, "high": 0.82, "source": "prior"})
    ('share a new model recovers', '0.5 (0.18 to 0.82), prior')
    """
    value, low, high = (_number(term[name]) for name in ("value", "low", "high"))
    return TERMS.get(term["name"], term["name"]), f"{value} ({low} to {high}), {term['source']}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


@dataclass(frozen=True)
class Case:
    """Hold the evidence: the terms by name, and the facts the rules ask for."""

    terms: tuple[Term, ...]
    horizon_weeks: float
    accuracy_unknown: str | None = None
    labels_since_training: int = 0
    after_deployment: str | None = None  # the incident that began with a deployment, if one is open
    days_left_out: int = 0  # of the last 7: a passing fault tells nothing of what waiting costs
    challenger: str | None = None  # the verdict on a challenger, if there is one
    calendar: Standing = NO_CALENDAR
    obliged: tuple[Said, ...] = ()  # what asks for a new model whatever it pays
    wanted: Mapping[str, int] = field(
        default_factory=dict
    )  # labels held since the training, of each class that moved or is new
    look_again: date | None = None
    audit_size: int | None = None  # more audited answers that would halve the variance of the excess share wrong

    @property
    def lacking(self) -> dict[str, int]:
        """
        Return how many labels lack of each class that moved or is new, the most first.

        >>> Case((), 13, wanted={"47": 12, "56": 30, "62": 0}).lacking
        {'62': 30, '47': 18}
        """
        lack = {name: LABELS_PER_CLASS - count for name, count in self.wanted.items() if count < LABELS_PER_CLASS}
        return dict(sorted(lack.items(), key=lambda one: (-one[1], one[0])))

    @property
    def labels_suffice(self) -> bool:
        """Say whether a model can be trained: on enough new labels, or on enough of every class that moved or is new."""
        return self.labels_since_training >= LABELS_NEEDED or bool(self.wanted and not self.lacking)

    def term(self, name: str) -> Term:
        """Return the term of that name."""
        return next(one for one in self.terms if one.name == name)


@dataclass(frozen=True)
class Advice:
    """Hold the recommendation, what is said for it, P(NB > 0), the net benefit (median, 80 % interval) and a week's cost."""

    recommendation: Recommendation
    said: tuple[Said, ...]
    probability: float
    benefit: tuple[float, float, float]
    weekly_loss: tuple[float, float, float]
    variance_shares: dict[str, float]
    calendar: Standing

    @property
    def sentence(self) -> str:
        """Say it."""
        return " ".join(self.said)


def net_benefit(case: Case, seed: int, fixed: str | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Return draws of the net benefit and of the weekly loss, in EUR; `fixed` holds one term at its middle."""
    random = np.random.default_rng(seed)
    drawn = {}
    for one in case.terms:
        values = one.draws(random, DRAWS)
        drawn[one.name] = np.full(DRAWS, np.median(values)) if one.name == fixed else values
    loss = drawn["predictions"] * (
        drawn["person_eur"] * drawn["excess_manual"] + drawn["error_eur"] * drawn["excess_error"]
    )
    weeks = case.horizon_weeks
    gain = drawn["recovered"] * (weeks * loss + drawn["growth_eur"] * weeks**2 / 2)
    return gain - drawn["retrain_eur"] - drawn["risk_eur"], loss


def advise(case: Case, seed: int) -> Advice:
    """
    Apply the rules to the case; the first that fits decides.

    A change that began with a deployment: wait and roll back. What obliges to retrain: retrain, if there are labels enough,
    else label first. Accuracy unknown: label first. P(NB > 0) of at least 0.8: as what obliges; between 0.2 and 0.8: label
    first. Else wait.
    """
    benefit, loss = net_benefit(case, seed)
    probability = float((benefit > 0).mean())
    whole = float(benefit.var()) or 1.0
    shares = {
        t.name: max(0.0, 1 - float(net_benefit(case, seed, t.name)[0].var()) / whole)
        for t in case.terms
        if t.drawn != "exact"
    }
    most = max(shares, key=lambda n: shares[n], default="")
    recommendation, why = _weighed(case, probability, loss, most)
    asks = bool(case.obliged) or (case.accuracy_unknown is None and probability >= SURE)
    calendar = case.calendar.beside(asks=asks and case.after_deployment is None)
    waits = _of_waiting(case, loss) if recommendation == "wait" else []
    audit = _audit(case) if most == "excess_error" else []
    said = (*why, *waits, *audit, *_besides(case), *_by_calendar(case, calendar))
    return Advice(recommendation, said, probability, _interval(benefit), _interval(loss), shares, calendar)


def rhythm(case: Case) -> float | None:
    """Return every how many weeks costs suggest a retraining; None where the loss is not known to grow."""
    growth = case.term("growth_eur")
    return rhythm_weeks(case.term("retrain_eur").value, growth.value) if growth.low > 0 else None


def _weighed(case: Case, probability: float, loss: np.ndarray, most: str) -> tuple[Recommendation, list[Said]]:
    """Return what the first rule that fits recommends, and why; `most` is the term that the benefit depends on most."""
    fault, unknown, sure = case.after_deployment, case.accuracy_unknown, {"probability": probability}
    if fault is not None:
        return "wait", [Said(f"{fault} began with a deployment: roll back first.", "reason.rolled", what=fault)]
    if case.obliged and case.labels_suffice:
        return "retrain", [*case.obliged]
    if case.obliged:
        return "label_first", [*case.obliged, _lacks(case)]
    if unknown is not None:
        return "label_first", [Said(f"Accuracy is not known: {unknown}.", "reason.accuracy", why=unknown)]
    if probability >= SURE and case.labels_suffice:
        euros = float(np.median(loss))
        text = f"A new model pays with probability {probability:.2f}; waiting costs about {euros:,.0f} EUR a week."
        return "retrain", [Said(text, "reason.pays", euros=euros, **sure)]
    if probability >= SURE:
        return "label_first", [
            Said(f"A new model would pay ({probability:.2f}).", "reason.would_pay", **sure),
            _lacks(case),
        ]
    if probability > UNSURE:
        term = Said(TERMS.get(most, most), f"term.{most}")
        text = f"Whether a new model pays is open ({probability:.2f}); most depends on the {term}."
        return "label_first", [Said(text, "reason.open", term=term, **sure)]
    return "wait", [Said(f"A new model does not pay now ({probability:.2f}).", "reason.does_not_pay", **sure)]


def _lacks(case: Case) -> Said:
    """Say how many labels lack: of each class that moved or is new, else in all."""
    lacking = case.lacking
    if not lacking:
        labels = LABELS_NEEDED - case.labels_since_training
        return Said(f"{labels:,} more labels are needed to train it.", "reason.lacks_labels", labels=labels)
    named = list(lacking.items())[:MOST_CLASSES]
    told = [Said(f"{count} of {name}", "reason.lacks_of", count=count, name=name) for name, count in named]
    if more := len(lacking) - len(named):
        told.append(Said(f"{more} more classes", "reason.lacks_more", more=more))
    return Said(f"Labels lack to train it: {', '.join(told)}.", "reason.lacks_classes", classes=told)


def _of_waiting(case: Case, loss: np.ndarray) -> list[Said]:
    """Say what waiting costs, and when to look again."""
    euros, low, high = _interval(loss)
    text = f"Waiting costs about {euros:,.0f} EUR a week ({low:,.0f} to {high:,.0f})."
    told = [Said(text, "reason.waiting", euros=euros, low=low, high=high)]
    if case.look_again is not None:
        at = microseconds(datetime.combine(case.look_again, time(), UTC))
        told.append(Said(f"Look again on {case.look_again:%d %b %Y}.", "reason.look_again", at=at))
    return told


def _audit(case: Case) -> list[Said]:
    n, term = case.audit_size, Said(TERMS["excess_error"], "term.excess_error")
    text = f"About {n} more audited answers would halve the variance of the {term}."
    return [] if n is None else [Said(text, "reason.audit", n=n, term=term)]


def _besides(case: Case) -> list[Said]:
    told, days = [], case.days_left_out
    if days:
        text = f"{days} of the last 7 days left out: an incident that is over, or that began with a deployment."
        told.append(Said(text, "reason.left_out", days=days))
    if case.challenger in CHALLENGER_WAITS:
        told.append(
            Said(f"A challenger waits: {CHALLENGER_WAITS[case.challenger]}.", f"reason.challenger_{case.challenger}")
        )
    return told


def _by_calendar(case: Case, calendar: Standing) -> list[Said]:
    weeks = rhythm(case)
    told = (calendar.said, None if weeks is None else suggested(weeks))
    return [one for one in told if one is not None]


def _interval(draws: np.ndarray) -> tuple[float, float, float]:
    low, middle, high = np.quantile(draws, (0.1, 0.5, 0.9))
    return float(middle), float(low), float(high)
