"""Tell what a new champion brought beside what its decision promised."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from monitor.letter import Letter
from monitor.quality.notes import recognised
from monitor.report.letters import Block, fitted, letter, tidy
from monitor.report.told import retold
from monitor.report.words import Words
from monitor.window import start_of


def outcome_mail(
    decision: Mapping[str, Any], day: int, outcome: Mapping[str, Any], now: datetime, words: Words
) -> Letter:
    """Render the letter about a new champion that costs more than it brings."""
    number = decision["id"]
    subject = fitted(decision["model"], lambda name: words.say("outcome.subject", model=name, number=number))
    rows = [*told(outcome["realised"], outcome["forecast"], day, words),
            (words.say("row.do_now"), words.say("outcome.do", number=number))]  # fmt: skip
    block = Block(words.say("outcome.heading", model=decision["model"], days=day), rows)
    return letter(subject, "WATCH", [block], words.say("mail.foot", now=now), words)


def told(realised: Mapping[str, Any], forecast: Mapping[str, Any], day: int, words: Words) -> list[tuple[str, str]]:
    """Tell the realised figures of a day since the new champion began beside the forecast, a row each; also on the page of a decision."""
    version, start = tidy(str(realised["version"]), 80), start_of(realised["began_hour"])
    rows = [("champion", words.say("outcome.champion", version=version, at=start, days=day, compared=realised["days"])),
            ("gain", gain(realised, words))]  # fmt: skip
    if realised["share"] is not None:
        value, low, high = realised["share"]
        rows.append(("recovered", words.say("outcome.recovered", value=value, low=100 * low, high=100 * high)))
    if "weekly_loss" in forecast:
        rows.append(("forecast", _forecast(forecast, words)))
    if realised["answered"] is not None:
        rows.append(("answered", words.say("outcome.answered", share=realised["answered"])))
    before, after = realised["before"], realised["after"]
    if before is not None and after is not None:
        rows += [(name, words.say("outcome.both", then=then, now=now)) for name, then, now in _both(before, after, words)]  # fmt: skip
    return [(words.say(f"outcome.row.{name}"), text) for name, text in rows]


def gain(realised: Mapping[str, Any], words: Words) -> str:
    """Say what a week brings, in EUR; where that is not known, why, and what is known of it."""
    if realised["gain"] is not None:
        value, low, high = realised["gain"]
        return words.say("outcome.gain", value=value, low=low, high=high)
    why = realised["why"]
    for side in (realised["before"], realised["after"]):
        if side is not None and side["right"]["note"] == why:
            why = retold(recognised(why, side["right"]["size"]), words)
            break
    unknown = words.say("outcome.unknown", why=why)
    if realised["from_people"] is None:
        return unknown
    value, low, high = realised["from_people"]
    return words.listed([unknown, words.say("outcome.from_people", value=value, low=low, high=high)], "semicolon")


def _forecast(forecast: Mapping[str, Any], words: Words) -> str:
    loss, low, high = forecast["weekly_loss"]
    told = [words.say("outcome.loss", value=loss, low=low, high=high)]
    if "recovered" in forecast:
        share, low, high = forecast["recovered"]
        told.append(words.say("outcome.expected", value=share, low=100 * low, high=100 * high))
    if "benefit" in forecast:
        benefit, low, high = forecast["benefit"]
        told.append(words.say("outcome.benefit", value=benefit, low=low, high=high, weeks=forecast["horizon_weeks"]))
    return words.listed(told, "semicolon")


def _both(before: Mapping[str, Any], after: Mapping[str, Any], words: Words) -> list[tuple[str, str, str]]:
    """Return the measures that are known of one of the two times, each with both of its values in words."""
    found = []
    for name, tell in (
        ("automatic", _share),
        ("right", _right),
        ("calibration", _calibration),
        ("hours", _hours),
        ("latency_ms", _times),
    ):
        then, now = (tell(side, words) for side in (before, after))
        if then or now:
            nothing = words.say("outcome.not_known")
            found.append((name, then or nothing, now or nothing))
    return found


def _share(side: Mapping[str, Any], words: Words) -> str:
    return "" if side["automatic"] is None else words.shown(side["automatic"], "share")


def _right(side: Mapping[str, Any], words: Words) -> str:
    one = side["right"]
    if one["value"] is None:
        return words.say("outcome.unknown", why=retold(recognised(one["note"], one["size"]), words))
    return words.say("outcome.right", value=one["value"], low=100 * one["low"], high=100 * one["high"], count=int(one["size"]))  # fmt: skip


def _calibration(side: Mapping[str, Any], words: Words) -> str:
    if side["calibration"] is None:
        return ""
    expected, right = side["calibration"]
    return words.say("outcome.calibration", expected=expected, right=right)


def _hours(side: Mapping[str, Any], words: Words) -> str:
    return words.say("outcome.hours", n=round(side["to_people"]), hours=side["hours"])


def _times(side: Mapping[str, Any], words: Words) -> str:
    if side["latency_ms"] is None:
        return ""
    half, most = side["latency_ms"]
    return words.say("outcome.latency", half=half, most=most)
