"""Letters of every kind, with ordinary, empty and hostile data, in any language."""

from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, date, datetime
from typing import Any

import polars as pl

from monitor.calendar import Standing
from monitor.detection.burst import Burst
from monitor.detection.incident import Cause, Incident
from monitor.growth import growth
from monitor.letter import Letter
from monitor.plan import Planned
from monitor.profiles.counts import Counts
from monitor.profiles.profile import Profile
from monitor.quality.automation_curve import Point
from monitor.quality.estimate import Figure
from monitor.quality.notes import few
from monitor.report.alert_mail import Surroundings, alert_mail
from monitor.report.daily_mail import Day, LastRun, Pulse, daily_mail
from monitor.report.decision_mail import decision_mail
from monitor.report.digest_mail import digest_mail
from monitor.report.group_mail import Together, group_mail
from monitor.report.outcome_mail import outcome_mail
from monitor.report.quarterly import Band, Quarter, quarterly
from monitor.report.service_mail import service_mail
from monitor.report.succession_mail import succession_mail
from monitor.report.trial_mail import trial_mail
from monitor.report.weekly import Week, weekly
from monitor.report.words import Words
from monitor.said import Said
from monitor.verdict import Evidence, Verdict, verdict
from monitor.window import Window, hour_of, microseconds

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
HOUR = hour_of(NOW)
HOSTILE = (
    "<script>x</script>\u202e\r\nBcc: x@y.z http://evil.example/?a=1&b='\" {n} \u05e9\u05dc\u05d5\u05dd 日本語の職業 "
    + "long" * 60
)
MEASURED = {"value": 0.935, "low": 0.915, "high": 0.952}
NAMES = {"ordinary": "Restaurants", "empty": "", "hostile": HOSTILE}
HISTORY = pl.DataFrame({"hour": range(HOUR - 100, HOUR), "value": [0.1] * 91 + [0.4] * 9, "size": [1500.0] * 100, "expected": [0.1] * 100,
                        "low": [0.05] * 100, "high": [0.15] * 100, "state": ["judged"] * 100})  # fmt: skip


def mix(name: str) -> Cause:
    rows = [{"title": f"56 {name}", "then": 0.1, "now": 0.3}]
    text = f"answers 56 {name} 10.0 % -> 30.0 %"
    return Cause("answers", "outputs", 0.17, "share moved", 0.1, 0.4, 900.0, 1, text, {"form": "few", "labels": rows})


def incident(name: str, number: int = 7, **more: Any) -> Incident:
    """Return an incident whose facts are all kept."""
    text = "share of unknown words 10.0 % -> 40.0 %"
    words = Cause("unknown_words", "inputs", 0.83, "share", 0.1, 0.4, 12_900.0, 1, text)
    began = Said(f"3 h after version {name} first answered", "began.version_after", hours=3, version=name)
    claim = f"Share of unknown words 10.0 % -> 40.0 %; 90% of it comes from caller {name}; began {began}"
    detail = {
        "claim": claim, "began": began.record(), "labels": [{"label": "56", "title": f"56 {name}", "then": 0.1, "now": 0.3, "stands_out": False}],
        "segments": [{"field": "caller", "value": name, "share_of_change": 0.9, "then": 0.1, "now": 0.5}],
        "terms": {"gained": [[name, 0.0, 0.2]], "lost": []}, "texts": [{"text": name, "label": "56", "score": 0.4, "caller": "x"}],
        "language": {"then": {"fr": 1.0}, "now": {"fr": 0.9, "en": 0.1}},
    }  # fmt: skip
    model = name[:64] or "ape"
    return Incident(
        number, model, HOUR - 9, HOUR - 3, **{"state": "open", "causes": (words, mix(name)), "detail": detail, **more}
    )


def alert(change: str, name: str, words: Words) -> Letter:
    why = Said("the newest audit is 40 days old (limit 30)", "standing.old_audit", days=40, limit=30)
    if not name:
        bare = Incident(7, "ape", HOUR - 9, HOUR - 3, "open", ())
        return alert_mail(
            bare, change, Surroundings(None, pl.DataFrame(), None, "", False, NOW, measured=MEASURED), words
        )
    closed = {"state": "closed", "closed_as": "false_alarm"} if change == "closed" else {}
    text = f"it is the model: on the same 2,040 texts 2.5.0 moved 12.3 % of its answers, {name} 1.1 % (chance alone gives 1.4 %)"
    replay = Said(text, "rollback.model", former=name, new="2.5.0", count=2040, now=0.123, then=0.011, chance=0.014)
    around = Surroundings(
        name[:64], HISTORY, why, "https://vigie.example", True, NOW, NOW if change == "escalated" else None, replay
    )
    return alert_mail(incident(name, **closed), change, around, words)


def group(change: str, name: str, words: Words) -> Letter:
    shared = {name[:64]: frozenset({name[:64], "nace", "isco"})} if name else {}
    closed = {"state": "closed", "closed_as": "fixed"} if change == "closed" else {}
    some = (incident(name, 4, **closed), *(Incident(number, model, HOUR - 9, HOUR - 3, "open", (), **closed) for number, model in ((5, "nace"), (6, "isco"))
            if not closed))  # fmt: skip
    return group_mail(
        Together(change, some, frozenset({5} if change == "more" else ()), shared, "https://vigie.example", NOW), words
    )


def standing(name: str) -> Verdict:
    one = incident(name)
    claim = Said(one.claim, "claim.whole", incident=one)
    since = Said("Wed 25 Nov 03:00", "time.plain", at=microseconds(NOW) - 9 * 3_600_000_000)
    return verdict(Evidence(incident=(7, since, claim)))


def week(name: str, words: Words) -> Letter:
    window = Window(HOUR - 168, HOUR)
    if not name:
        return weekly(
            Week("ape", window, ((HOUR - 168, Profile()),), verdict(Evidence()), {}, (), (), 4.0, None), NOW, words
        )
    profile = Profile(records=12_000, distinct=1800, outcomes=Counts({"ok": 11_990, "failed": 10}), automatic=9_500, decided=11_990,
                      decisions=Counts({"automatic": 9_500, "manual": 2_490}))  # fmt: skip
    figures = {("accuracy_automatic", "measured"): {"value": None, "low": None, "high": None, "size": 7.0, "note": "only 7 audited answers; 30 are needed"},
               ("accuracy_automatic", "estimated"): {"value": 0.951, "low": 0.93, "high": 0.97, "note": "", "day": HOUR // 24 - 20},
               ("wrong_automatic", "estimated"): {"value": 1234.4, "low": 1.0, "high": 2000.0, "note": ""}}  # fmt: skip
    us = microseconds(NOW)
    limits = Said("5 % of the answers that move to twenty other labels would take about 9 days to be told here, 2 % could not be seen", "power.told",
                  large=Said("about 9 days", "power.days", count=9.2), small=Said("could not be seen", "power.unseen"))  # fmt: skip
    rising = ({"title": f"56.10 {name}", "then": 0.031, "now": 0.052}, {"title": "62.01", "then": 0.0, "now": 0.012})
    coming = (Planned(1, name[:64], "campaign", us, us + 9 * 3_600_000_000, name, "alice", 0),)
    return weekly(Week(name[:64], window, tuple((HOUR - 168 * back, profile) for back in (3, 2, 1)), standing(name), figures,
                       (incident(name),), (proposal(name),), 4.0, 200.0, (Burst(HOUR // 24, "caller", name, 4210, 1300, 3),),
                       year_ago=Profile(records=11_000), quiet_hours=3, rising=rising, coming=coming, limits=limits,
                       calendar=Standing("overdue", date(2026, 7, 1))), NOW, words)  # fmt: skip


def proposal(name: str) -> dict[str, Any]:
    why = Said("1,500 more labels are needed to train it.", "reason.lacks_labels", labels=1500)  # fmt: skip
    terms = [{"name": "predictions", "value": 38_000.0, "low": 38_000.0, "high": 38_000.0, "source": "profiles of the last 7 days, without 2 of them"},
             {"name": "recovered", "value": 0.5, "low": 0.18, "high": 0.82, "source": name or "audits"},
             growth([], 1.0, 2.0).record()]  # fmt: skip
    evidence = {"weekly_loss": [1390.0, 740.0, 2560.0], "benefit": [4800.0, -300.0, 11_500.0], "horizon_weeks": 13, "probability": 0.89,
                "terms": terms if name else [], "days_left_out": 2, "said": [why.record()]}  # fmt: skip
    return {"id": 3, "model": name[:64] or "ape", "recommendation": "label_first", "sentence": str(why), "trigger": {"kind": "command", "command": ["train", name]},
            "expires_us": microseconds(NOW), "evidence": evidence}  # fmt: skip


def service(facts: dict[str, Any]) -> Callable[[str, Words], Letter]:
    def made(name: str, words: Words) -> Letter:
        line = Said(
            f"source {name}: was never looked at",
            "watch.source",
            source=name,
            how=Said("was never looked at", "feed.never"),
        )
        named = {
            "what": f"service:source:unread:{name}",
            "line": str(line),
            "said": line.record(),
            "models": [name, "nace"],
            "still": [name],
        }
        return service_mail({**named, **facts}, NOW, words)

    return made


def digest(name: str, words: Words) -> Letter:
    told = {f"opened: {name}, incident #7": 1, f"worsened: {name}, incident #7": 2, f"source:unread:{name}": 3}
    more = {f"opened: ape, incident #{number}": 1 for number in range(100)}
    return digest_mail({"messages": 106, "told": told | more}, 20, NOW, words)


CHANGES = ("opened", "worsened", "reminder", "escalated", "closed")


def quarter(name: str, words: Words) -> Letter:
    window = Window(HOUR - 13 * 168, HOUR)
    if not name:
        one = Week(
            "ape", window, ((window.first, Profile()),), verdict(Evidence()), {}, (), (), 4.0, None, about="quarterly"
        )
        return quarterly(Quarter(one, (), {}, (), (), (0, 0), 0.216, ()), NOW, words)
    profile = Profile(records=12_000, distinct=1800, outcomes=Counts({"ok": 11_990, "failed": 10}), automatic=9_500, decided=11_990,
                      decisions=Counts({"automatic": 9_500, "manual": 2_490}))  # fmt: skip
    figures = {("wrong_automatic", "estimated"): {"value": 1234.4, "low": 1.0, "high": 2000.0, "note": ""}}
    one = Week(name[:64], window, ((window.first - 13 * 168, profile), (window.first, profile)), standing(name), figures,
               tuple(incident(name, number) for number in range(10, 30)), (), 4.0, 200.0, about="quarterly")  # fmt: skip
    weeks = tuple((window.first + 168 * number, profile) for number in range(13))
    sources = {
        "audit": Figure(0.951, 0.93, 0.97, 420),
        name[:16]: Figure(None, None, None, 7),
        "routine": Figure(0.8, 0.7, 0.9, 99),
    }
    bands = (Band(0.0, 0.5, None, Figure(None, None, None, 7)), Band(0.9, 1.0, 0.96, Figure(0.951, 0.93, 0.97, 420)))
    points = tuple(Point(number / 40, 0.9, 0.95, 1234.0, 56.0) for number in range(40))
    made = tuple(
        {
            **proposal(name),
            "id": number,
            "state": "expired",
            "made_us": microseconds(NOW),
            "realised": (28, realised(name)) if number == 1 else None,
        }
        for number in range(30)
    )
    return quarterly(Quarter(one, weeks, sources, bands, points, (5, 1), 0.216, made), NOW, words)


def daily(name: str, words: Words) -> Letter:
    us = microseconds(NOW)
    if not name:
        return daily_mail(Day((us - 86_400_000_000, us)), NOW, words)
    closed = incident(name, 4, state="closed", closed_as="fixed")
    many = tuple(incident(name, number) for number in range(10, 40))
    kept = {
        "maintenance 2.5.0": 2,
        "snoozed until 2026-12-01 08:00 UTC": 1,
        f"inhibited: service:silent:{name}"[:64]: 3,
        "over before it was told": 1,
    }
    runs = (LastRun(name[:32], None, us), LastRun("prune", 5, us), *(LastRun(f"job{n}", us, us) for n in range(9)))
    pulse = Pulse(us - 60_000_000, runs, us - 99)
    never = Said("was never looked at", "feed.never")
    stretch = Planned(1, name[:64], "campaign", us, us + 9 * 3_600_000_000, name, "alice", 0)
    mark = Planned(2, "", "deployment", us, None, name, "alice", 0)
    return daily_mail(Day((us - 86_400_000_000, us), ((name[:64], standing(name)), ("nace", verdict(Evidence()))), many, (closed,), kept,
                          ((name[:64], never),), (("ingest", ""), ("labels", name)), (stretch, mark), ((name, us),), pulse), NOW, words)  # fmt: skip


def side(known: bool, name: str) -> dict[str, Any]:
    right = Figure(0.951, 0.93, 0.97, 420) if known else Figure(None, None, None, 7, few(7))
    return {"predictions": 38_000.0, "automatic": 0.81, "right": asdict(right), "calibration": [0.96, 0.951] if known else None,
            "to_people": 1234.0, "hours": 61.7, "latency_ms": [23.0, 1200.0] if name else None}  # fmt: skip


def realised(name: str) -> dict[str, Any]:
    """Return what a new champion brought: a loss, or for an empty name that nothing is known."""
    began = {"version": name or "2.0", "began_hour": HOUR - 672}
    if not name:
        return {**began, "days": 0, "before": None, "after": None, "answered": None, "from_people": None, "gain": None, "share": None, "why": "no day"}  # fmt: skip
    return {**began, "days": 26, "before": side(False, name), "after": side(True, name), "answered": 0.993, "from_people": [90.0, 80.0, 100.0],
            "gain": [-1234.0, -2000.0, -300.0], "share": [-0.5, -0.8, -0.1], "why": ""}  # fmt: skip


def outcome(name: str, words: Words) -> Letter:
    forecast = {"weekly_loss": [1390.0, 740.0, 2560.0], "recovered": [0.5, 0.18, 0.82], "benefit": [4800.0, -300.0, 11_500.0], "horizon_weeks": 13}  # fmt: skip
    told = {"realised": realised(name), "forecast": forecast if name else {}}
    return outcome_mail(proposal(name), 28, told, NOW, words)


KINDS: dict[str, Callable[[str, Words], Letter]] = {
    **{f"alert_{change}": lambda name, words, change=change: alert(change, name, words) for change in CHANGES},
    **{f"group_{change}": lambda name, words, change=change: group(change, name, words) for change in ("more", *CHANGES)},
    "weekly": week,
    "decision": lambda name, words: decision_mail(proposal(name), "https://vigie.example" if name else "", NOW, words),
    "service": service({}),
    "service_over": service({"over": True}),
    "digest": digest,
    "outcome": outcome,
    "succession": lambda name, words: succession_mail(proposal(name), name or "2.0", (7, 8), NOW, words),
    "trial": lambda _, words: trial_mail(NOW, words),
    "daily": daily,
    "quarterly": quarter,
}  # fmt: skip
