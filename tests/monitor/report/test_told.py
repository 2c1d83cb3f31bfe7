"""What the code says in English is what the English words say of its facts, so that every language can say it."""

import json
from dataclasses import asdict
from datetime import date

import pytest

from jobs.weigh import Weeks
from monitor.calendar import SENTENCES, Standing, suggested
from monitor.detection import explain
from monitor.detection.baseline import VOLUME, WITNESS
from monitor.detection.incident import Cause, Incident
from monitor.detection.power import TITLES
from monitor.feed import Feed, condition
from monitor.growth import PastWeek, growth
from monitor.obligation import below_floor, overdue, revision, unknown
from monitor.plan import MARKS, Planned, since_mark
from monitor.profiles.profile import Profile
from monitor.quality.notes import recognised
from monitor.recovery import Tried, recovered
from monitor.report.told import ABOUT, ABOUT_ANOTHER, about, cause, claim, retold
from monitor.report.words import words
from monitor.retraining import advise
from monitor.said import Said, recalled
from monitor.verdict import Evidence, verdict
from tests.monitor.detection.test_explain import baseline, profile, sides
from tests.monitor.test_retraining import case

MANY = {f"l{k}": 97 for k in range(10, 110)}
LED = {"l1": 600, "l2": 500, "l3": 500}
HOUR_US = 3_600_000_000
CHANGES = {
    "words": ("unknown_words", profile(1000, 0.031), profile(500, 0.079)),
    "latency": ("latency", profile(1000, ms=40.0), profile(500, ms=1800.0)),
    "volume": (VOLUME, profile(1000), profile(5000)),
    "nothing before": ("automation", profile(0), profile(10)),
    "one label": (WITNESS, profile(10_000, l47=9800, l56=200), profile(1000, l47=900, l56=100)),
    "many labels": (WITNESS, profile(9, l1=100, l2=100, l3=100, **MANY), profile(9, **LED, **dict.fromkeys(MANY, 84))),
    "no label": (WITNESS, profile(9, **MANY), profile(9, **dict.fromkeys(MANY, 1))),
    "no answers": (WITNESS, profile(9), profile(9, l47=9)),
    "new label": ("novelty", profile(9000, l47=9000), profile(100, l47=90, l56=10)),
    "no new label": ("novelty", profile(9000, l47=9000), profile(100, l47=100)),
}


@pytest.mark.parametrize("name", CHANGES)
def test_causes(name: str) -> None:
    """Every cause that is found is written anew in French, from what JSON keeps of it, and in English as it was said."""
    metric, then, now = CHANGES[name]
    (found,) = explain.causes({metric: 1.0}, baseline(), sides({"": then}, {"": now}))
    kept = Cause(**json.loads(json.dumps(asdict(found))))
    assert cause(kept, words("en")) == found.text
    assert cause(kept, words("fr")) != found.text


def test_claims() -> None:
    """A claim is written anew with who carries the change and what went before, as they are kept."""
    metric, then, now = CHANGES["words"]
    causes = explain.causes({metric: 1.0}, baseline(), sides({"": then}, {"": now}))
    mark = Planned(1, "", "deployment", 5 * HOUR_US, None, "2.5.0", "alice", 0)
    for began in (None, since_mark(mark, 5), since_mark(mark, 8)):
        for where in ([], [{"field": "TYP", "value": "I", "share_of_change": 1.4, "then": 0.1, "now": 0.2}]):
            said = explain.claim(causes, where) + ("" if began is None else f"; began {began}")
            detail = json.loads(json.dumps({"claim": said, "began": began and began.record(), "segments": where}))
            one = Incident(1, "ape", 5, 9, "open", causes, detail)
            assert claim(one, words("en")) == said
            french = claim(one, words("fr"))
            assert french.startswith("Part de mots inconnus")
            assert ("mise en production 2.5.0" in french) == (began is not None)
            assert ("TYP I explique 100\u00a0% de l’écart" in french) == bool(where)


LATER, WHY = Said("Mon 31 Aug 10:00 UTC", "time.utc", at=20_696 * 24 * HOUR_US + 10 * HOUR_US), Said("no audited label is at hand", "standing.no_audit")  # fmt: skip
NAMED = tuple(TITLES.values())[:5]
STANDING = [
    Evidence(),
    Evidence(expected_since=80.4),
    Evidence(expected_since=80.4, last_seen=LATER),
    Evidence(incident=(7, Said("Mon 31 Aug 10:00", "time.plain", at=LATER.facts["at"]), Said("3 wait", "nowhere.known"))),
    Evidence(reference=Said("no period was pinned as normal yet (vigie reference pin)", "standing.no_reference")),
    Evidence(planned=Said("holiday until Mon 31 Aug 10:00 UTC", "planned.until", what=Said("holiday", "planned.holiday"), end=LATER.facts["at"])),
    Evidence(judged_until=LATER, behind=True),
    Evidence(judged_until=LATER, evidence=0.5),
    Evidence(judged_until=LATER, renewing=NAMED[:2]),
    Evidence(judged_until=LATER, accuracy=WHY),
    Evidence(judged_until=LATER, accuracy=WHY, blind=NAMED),
    Evidence(judged_until=LATER, thin=NAMED[:2]),
    Evidence(judged_until=LATER, thin=NAMED),
    Evidence(judged_until=LATER, blind=NAMED),
    Evidence(judged_until=LATER),
]  # fmt: skip
FEEDS = [
    Feed("api", "ape"),
    Feed("api", "ape", read_us=-(10**10)),
    Feed("api", "ape", read_us=0, expected_since=80),
    Feed("api", "ape", read_us=0, newest_us=LATER.facts["at"], newest=str(LATER), expected_since=80),
    Feed("api", "ape", read_us=0, losses=1),
    Feed("api", "ape", read_us=0, losses=1, lost_bytes=12_345),
    Feed("api", "ape", read_us=0, lines=1000, rejected=300, reason="too_deep"),
]
CASES = [
    case(),
    case(manual=0.2),
    case(manual=0.2, labels=1999),
    case(manual=0.064, wide=0.05),
    case(accuracy_unknown=WHY, days_left_out=2, challenger="promote"),
    case(after_deployment=Said("Incident 3", "reason.incident", number=3), challenger="more_labels"),
    case(look_again=date(2026, 10, 5)),
    case(manual=0.05, wide=0.02, audit_size=1234),
    case(manual=0.2, labels=1, wanted={f"{number} Retail": number for number in range(20, 29)}),
    case(
        labels=1,
        wanted={"47": 29},
        obliged=(
            revision([Planned(1, "", "revision", 9 * HOUR_US, None, "NAF", "alice", 5)], 0, None),
            unknown(["47"], {"47": 30, "56": 970}, {"47": "47 Retail"}),
            below_floor([{"day": 45, "high": 0.88}, {"day": 80, "high": 0.86}], 0.9, 100, 40),
            overdue(Standing("overdue", date(2026, 1, 1)), "must"),
        ),
    ),
]
TRIED = [None, Tried(1000, 200, 90, 9, 0.1), Tried(1000, 20, 9, 9, 0.1), Tried(1000, 20, 9, 9, None)]
SAID = [
    *(verdict(one).sentence for one in STANDING),
    *(condition(one, 1, 50).sentence for one in FEEDS),
    *(one for made in CASES for one in advise(made, 3).said),
    *(Standing(state, date(2026, 10, 1)).said for state in SENTENCES),
    *(
        growth([PastWeek(number, 9, 0.1, error) for number in range(count)], 1.0, 2.0).source
        for count in (3, 5)
        for error in (None, 0.1)
    ),
    *(recovered(tried, realised).source for tried in TRIED for realised in ((), (0.5,), (0.5, 0.2))),
    Weeks(Profile(), Profile(), frozenset(range(7))).source,
    suggested(0.4),
    suggested(12.02),
    *(
        since_mark(Planned(1, "", kind, 5 * HOUR_US, None, note, "alice", 0), 7)
        for kind in MARKS
        for note in ("", "2.5")
    ),
    recognised("only 7 audited answers; 30 are needed", 7.0),
]


@pytest.mark.parametrize("said", SAID, ids=str)
def test_said_again(said: str) -> None:
    """Each sentence is the English words' own to the letter, also when it was kept as JSON, and another one in French."""
    assert isinstance(said, Said)
    kept = recalled(json.loads(json.dumps(said.record())))
    assert retold(kept, words("en")) == said
    assert retold(kept, words("fr")) != said


@pytest.mark.parametrize("language", ["en", "fr"])
def test_about(language: str) -> None:
    """Every kind of alert has words; the name in it is kept, also where one alert is about another."""
    plain = words("en" if language == "fr" else "fr")
    for kind in (*ABOUT, *ABOUT_ANOTHER):
        said = about(f"service:{kind}:disk", words(language))
        assert said not in {f"{kind}:disk", about(f"service:{kind}:disk", plain)}
    assert "api" in about("service:flapping:source:refusing:api", words(language))
    assert about("service:jobless", words(language)) == "jobless"
