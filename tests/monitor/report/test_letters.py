"""What a mail says in HTML it says in text; nothing logged becomes markup, and nothing is fetched."""

import io
import re
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any

import polars as pl
import pytest
from PIL import Image

from monitor.detection.burst import Burst
from monitor.detection.incident import Cause, Incident
from monitor.letter import Letter
from monitor.plan import Planned
from monitor.profiles.counts import Counts
from monitor.profiles.profile import Profile
from monitor.report.alert_mail import Surroundings, alert_mail
from monitor.report.decision_mail import decision_mail
from monitor.report.pictures import at_grain, by_itself, metric_picture, png
from monitor.report.weekly import Week, weekly
from monitor.report.words import words
from monitor.verdict import Verdict
from monitor.window import Window, hour_of, start_of

NOW = datetime(2026, 9, 2, 12, tzinfo=UTC)
HOUR = hour_of(NOW)
EVIL = "<script>x</script>\u202e\r\nhttp://evil.example/?a=1&b='\""
SEEN = pl.DataFrame({"hour": range(HOUR - 100, HOUR), "value": [0.1] * 99 + [0.4], "size": [50.0] * 100, "expected": [0.1] * 100,
                     "low": [0.05] * 100, "high": [0.15] * 100, "state": ["judged"] * 100})  # fmt: skip


def incident(**detail: Any) -> Incident:
    cause = Cause(
        "novelty", "inputs", 0.83, "share", 0.1, 0.4, 900.0, 1, f"share of unknown words 10.0 % -> 40.0 % {EVIL}"
    )
    mix = Cause("answers", "outputs", 0.17, "share moved", 0.1, 0.4, 900.0, 1, "answers 10 10.0 % -> 30.0 %")
    return Incident(
        7, "ape", HOUR - 9, HOUR - 3, "open", (cause, mix), {"claim": f"words are unknown {EVIL}", **detail}
    )


FULL = {
    "labels": [{"label": "10", "title": EVIL, "then": 0.1, "now": 0.3}],
    "segments": [{"field": "caller", "value": EVIL, "share_of_change": 0.9, "then": 0.1, "now": 0.5}],
    "terms": {"gained": [[EVIL, 0.0, 0.2]], "lost": []}, "texts": [{"text": f"secret {EVIL}", "label": "10", "score": 0.4, "caller": "x"}],
    "language": {"then": {"fr": 1.0}, "now": {"fr": 0.9, "en": 0.1}},
}  # fmt: skip


def alarm(change: str = "opened", with_texts: bool = False) -> Letter:
    around = Surroundings("1.0", SEEN, "no audit", "https://vigie.example", with_texts, NOW)
    return alert_mail(incident(**FULL), change, around, words("en"))


def shown(letter: Letter) -> str:
    """Return the words of the HTML part."""
    read: list[str] = []
    reader = HTMLParser(convert_charrefs=True)
    reader.handle_data = read.append  # type: ignore[method-assign]
    reader.feed(re.sub(r"<style.*?</style>", "", letter.html, flags=re.DOTALL))
    reader.close()
    return re.sub(r"[ \n]+", " ", " ".join(read))


def structure(html: str) -> tuple[set[str], list[tuple[str, str | None]]]:
    """Return the tags of a page and all their attributes, as a browser reads them."""
    tags: set[str] = set()
    attributes: list[tuple[str, str | None]] = []

    def note(tag: str, found: list[tuple[str, str | None]]) -> None:
        tags.add(tag)
        attributes.extend(found)

    reader = HTMLParser()
    reader.handle_starttag = note  # type: ignore[method-assign]
    reader.feed(html)
    reader.close()
    return tags, attributes


def week() -> Letter:
    profile = Profile(records=2000, distinct=1800, outcomes=Counts({"ok": 1990, "failed": 10}), automatic=1500, decided=1990,
                      decisions=Counts({"automatic": 1500, "manual": 490}))  # fmt: skip
    window = Window(HOUR - 168, HOUR)
    figures = {("accuracy_automatic", "measured"): {"value": 0.951, "low": 0.93, "high": 0.97, "note": ""}}
    decision = {"id": 3, "recommendation": "label_first", "sentence": f"labels {EVIL}"}
    return weekly(Week("ape", window, ((HOUR - 336, profile), (HOUR - 168, profile)), Verdict("ALARM", f"open {EVIL}"), figures,
                       (incident(**FULL),), (decision,), 4.0, 200.0, (Burst(HOUR // 24, "caller", EVIL, 4210, 1300),)), NOW, words("en"))  # fmt: skip


def proposal(recommendation: str = "retrain") -> Letter:
    term = {
        "name": "predictions",
        "value": 38_000.0,
        "low": 38_000.0,
        "high": 38_000.0,
        "drawn": "exact",
        "source": EVIL,
    }
    evidence = {"weekly_loss": [1390.0, 740.0, 2560.0], "benefit": [4800.0, -300.0, 11_500.0], "horizon_weeks": 13, "probability": 0.89,
                "terms": [term]}  # fmt: skip
    return decision_mail({"id": 3, "model": "ape", "recommendation": recommendation, "sentence": EVIL, "trigger": {"kind": "command", "command": ["train", EVIL]},
                          "expires_us": 1_788_256_800_000_000, "evidence": evidence}, "https://vigie.example", NOW, words("en"))  # fmt: skip


LETTERS = {"opened": alarm, "worsened": lambda: alarm("worsened"), "closed": lambda: alarm("closed"), "texts": lambda: alarm(with_texts=True),
           "weekly": week, "decision": proposal}  # fmt: skip


@pytest.mark.parametrize("kind", LETTERS)
def test_form(kind: str) -> None:
    """No markup of a logged value, no script, no remote picture, no control character; small enough for every reader."""
    letter = LETTERS[kind]()
    tags, attributes = structure(letter.html)
    assert tags <= {"html", "head", "meta", "style", "body", "table", "tbody", "tr", "td", "h1", "p", "span", "img"}
    assert {name for name, _ in attributes} <= {
        "name",
        "content",
        "width",
        "role",
        "style",
        "class",
        "src",
        "alt",
        "lang",
    }
    assert all((value or "").startswith("cid:") for name, value in attributes if name == "src")
    assert not any("url(" in (value or "") for name, value in attributes if name == "style")
    assert "<script>x</script>" in shown(letter)
    assert "\u202e" not in letter.html + letter.text
    assert "\r" not in letter.text
    assert len(letter.html.encode()) <= 90_000
    assert all(len(picture) <= 60_000 for picture in letter.pictures.values())
    for cid in re.findall(r"cid:(\w+)", letter.html):
        assert cid in letter.pictures


@pytest.mark.parametrize("kind", LETTERS)
def test_same_figures(kind: str) -> None:
    """Each figure of the HTML is in the text, and the other way round."""
    letter = LETTERS[kind]()
    figures = [set(re.findall(r"\d[\d,.]*\d|\d", part)) for part in (shown(letter), letter.text)]
    assert figures[0] == figures[1]


def test_first_screen() -> None:
    """An alarm's subject and first block say what changed, for whom, since when, what is not known, what to do now."""
    letter = alarm()
    assert letter.subject == "[Vigie] ALARM ape: inputs changed since Wed 02 Sep 03:00 (#7)"
    for part in ("words are unknown", "83%", "10.0 % -> 40.0 %", "90% of it is caller", "en 10%", "UNKNOWN: no audit", "Do now",
                 "vigie incidents ack 7"):  # fmt: skip
        assert part in letter.text


def test_texts_only_where_allowed() -> None:
    """Logged texts are in the mail of those whose route allows them, and in no other."""
    assert "secret" in alarm(with_texts=True).text
    for kind in ("opened", "worsened", "closed", "weekly", "decision"):
        assert "secret" not in LETTERS[kind]().text + LETTERS[kind]().html


def test_what_an_approval_runs() -> None:
    """Only "retrain" runs the command; the others say that nothing runs."""
    assert "train <script>" in proposal().text
    for recommendation in ("wait", "label_first"):
        text = proposal(recommendation).text
        assert "nothing; it is only put on record" in text
        assert "train <script>" not in text


def test_week_by_hand() -> None:
    """The week's figures are those one computes by hand."""
    text = week().text
    for part in (
        "2,000, +0.0 % against the week before",
        "75.4 %",
        "490 cases, about 33 hours",
        "95.1 % (93.0 to 97.0)",
    ):
        assert part in text
    half = 1.96 * (1500 / 1990 * 490 / 1990 / 1990) ** 0.5
    assert f"({100 * (1500 / 1990 - half):.1f} to {100 * (1500 / 1990 + half):.1f})" in text


def test_picture() -> None:
    """A picture is a PNG of double pixels and few colours, for any history."""
    for history in (SEEN, SEEN.head(1), pl.concat([SEEN] * 5).with_columns(hour=pl.int_range(HOUR - 500, HOUR))):
        image = Image.open(
            io.BytesIO(
                png(
                    metric_picture(
                        history, metric="novelty", title="t", subtitle="s", words=words("en"), onset=HOUR - 9
                    ),
                    words("en"),
                )
            )
        )
        assert (image.format, image.mode) == ("PNG", "P")
        assert image.width >= 1200


def test_distance_beside_its_noise() -> None:
    """The picture of the mix has no percent and no end at 1, and says below what as many answers give by chance."""
    far = SEEN.with_columns(value=pl.col("value") * 5, high=pl.col("high") * 8)
    chart = metric_picture(far, metric="answers", title="t", subtitle="s", words=words("en")).to_dict()
    assert chart["layer"][1]["encoding"]["y"]["axis"]["format"] == ".2~f"
    points = at_grain(far, "answers")
    assert (points["high"].max(), points["low"].min()) == (pytest.approx(1.2), pytest.approx(0.05))
    mean = (23 * 0.5 + 2.0) / 24
    told = f"newest day: {mean:.2f} over 1200 answers; by itself up to {0.1 + (1.2 - 0.05) / 2 / 6**0.5:.2f}"
    assert chart["layer"][0]["title"]["subtitle"] == ["s", told]
    assert metric_picture(far, metric="novelty", title="t", subtitle="s", words=words("en")).to_dict()["layer"][0][
        "title"
    ]["subtitle"] == ["s"]


def test_nothing_measured() -> None:
    """A mix without a measured hour says no distance."""
    assert (
        by_itself(SEEN.with_columns(value=pl.lit(None, pl.Float64)), words("en"))
        == by_itself(SEEN.clear(), words("en"))
        == []
    )


def test_plan_in_pictures() -> None:
    """Of what was planned a picture shows what falls into it: moments as lines, stretches cut to its ends; nothing else."""
    us = 3_600_000_000
    inside = Planned(1, "", "deployment", (HOUR - 50) * us, None, f"2.5.0 {EVIL}", "alice", 0)
    across = Planned(2, "", "closure", (HOUR - 500) * us, (HOUR - 90) * us, "autumn", "alice", 0)
    before = Planned(3, "", "campaign", (HOUR - 500) * us, (HOUR - 400) * us, "", "alice", 0)
    back = replace(inside, id=4, removed_us=1)

    def drawn(*plan: Planned) -> list[str]:
        chart = metric_picture(SEEN, metric="novelty", title="t", subtitle="s", words=words("en"), plan=plan)
        assert Image.open(io.BytesIO(png(chart, words("en")))).format == "PNG"
        return [layer["mark"]["type"] for layer in chart.to_dict()["layer"]]

    assert drawn() == drawn(before, back) == ["area", "line"]
    assert drawn(inside) == ["area", "line", "rule"]
    assert drawn(inside, across, before) == ["area", "line", "rule", "rect"]
    shaded = metric_picture(SEEN, metric="novelty", title="t", subtitle="s", words=words("en"), plan=[across]).to_dict()
    (row,) = next(rows for rows in shaded["datasets"].values() if "until" in rows[0])
    first, last = (f"{start_of(hour):%Y-%m-%dT%H}" for hour in (HOUR - 100, HOUR - 90))
    assert (row["time"][:13], row["until"][:13], row["planned"]) == (first, last, "closure autumn")


def test_days_are_weighted_means() -> None:
    """Beyond 14 days a point is the day's mean, weighted by the size of its hours."""
    hours = 15 * 24
    history = pl.DataFrame({"hour": range(hours), "value": [0.0, 1.0] * (hours // 2), "size": [1.0, 3.0] * (hours // 2),
                            "expected": [0.5] * hours, "low": [0.4] * hours, "high": [0.6] * hours, "state": ["judged"] * hours})  # fmt: skip
    points = at_grain(history, "novelty")
    assert points.height == 15
    assert points["value"].to_list() == pytest.approx([0.75] * 15)
    assert points["high"].to_list() == pytest.approx([0.5 + 0.1 / 24**0.5] * 15)
    assert at_grain(history, "answers")["high"].to_list() == pytest.approx([0.5 + 0.1 / 6**0.5] * 15)
    assert at_grain(history.head(15 * 24 - 18), "novelty")["high"][-1] == pytest.approx(0.5 + 0.1 / 6**0.5)
    assert at_grain(SEEN, "novelty")["value"].to_list() == SEEN["value"].to_list()
