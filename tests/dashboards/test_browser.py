"""What a person sees: every page, with hostile data and with none, in light and dark."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import BrowserContext, Page

from jobs.act import act
from jobs.backtest import backtest
from jobs.write import write
from monitor.store import actions, calls, decisions, plans, silences
from monitor.store.store import Store
from tests.dashboards.conftest import EVIL_LABEL, Served

PAGES = ("", "Incidents", "Inputs", "Answers", "Quality", "Challenger", "Service", "Decisions", "Backtest", "Reports")
QUESTIONS = {
    "": "Is anything wrong with this model?",
    "Incidents": "What happened, and what do we do?",
    "Inputs": "Are we asked different things?",
    "Answers": "Do we answer differently than we used to?",
    "Quality": "How many answers are right, and how do we know?",
    "Challenger": "Would the challenger do better on the same traffic?",
    "Service": "Fast enough, always, and is Vigie alive?",
    "Decisions": "Retrain, label first or wait?",
    "Backtest": "What would other settings have told?",
    "Reports": "What was made, and sent to whom?",
}


@dataclass
class Seen:
    """Hold a page and what it did besides being shown."""

    page: Page
    foreign: list[str] = field(default_factory=list)
    dialogs: list[str] = field(default_factory=list)


SETTLED = """() => {
    const rests = document.querySelector("[data-test-script-state=notRunning]");
    window.restsSince = rests ? window.restsSince || performance.now() : 0;
    return rests && performance.now() - window.restsSince > 500;
}"""  # a script that ended may start once more for what the address says: a click in between would be lost


def look(browser: BrowserContext, served: Served, path: str, scheme: str = "light") -> Seen:
    """Open a page and wait until its script ran to the end."""
    page = browser.new_page()
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
    seen = Seen(page)
    ours = (served.base, served.base.replace("http", "ws", 1), "data:", "blob:")
    page.on("request", lambda r: None if r.url.startswith(ours) else seen.foreign.append(r.url))
    page.on("dialog", lambda d: (seen.dialogs.append(d.message), d.dismiss()))
    page.goto(f"{served.base}/{path}")
    name = path.split("?", maxsplit=1)[0]
    page.get_by_text(QUESTIONS[name]).wait_for(timeout=60_000)
    page.locator("[data-testid=stStatusWidget]").wait_for(state="detached", timeout=60_000)
    page.wait_for_function(SETTLED, timeout=60_000)
    return seen


def assert_harmless(seen: Seen) -> None:
    """No exception, no dialog, nothing asked of another host."""
    assert seen.page.locator("[data-testid=stException]").count() == 0
    assert (seen.foreign, seen.dialogs) == ([], [])


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_page_with_hostile_data(browser: BrowserContext, hostile: Served, name: str, scheme: str) -> None:
    """A page shows markup as text, asks no other host, and fails nowhere."""
    seen = look(browser, hostile, name, scheme)
    assert_harmless(seen)
    assert seen.page.locator("main img, main script, [data-testid=stMarkdownContainer] b").count() == 0
    seen.page.close()


@pytest.mark.parametrize("name", PAGES)
def test_page_without_data(browser: BrowserContext, empty: Served, name: str) -> None:
    """An empty store gives a page that says so."""
    seen = look(browser, empty, name)
    assert_harmless(seen)
    if name == "":
        assert seen.page.get_by_text("UNKNOWN", exact=False).first.is_visible()
    seen.page.close()


def test_markup_is_shown_letter_by_letter(browser: BrowserContext, hostile: Served) -> None:
    """The claim of an incident about a hostile label names it as it is logged."""
    seen = look(browser, hostile, "Incidents?id=1")
    text = seen.page.locator("[data-testid=stMain]").inner_text()
    assert EVIL_LABEL.split("!")[0] in text
    assert_harmless(seen)
    seen.page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_incident_is_told_in_its_parts(browser: BrowserContext, hostile: Served, scheme: str) -> None:
    """From its page alone: what changed, since when, where to look, in which branch, what it means and what to do."""
    seen = look(browser, hostile, "Incidents?id=1", scheme)
    parts = ("Began about", "Told after", "Predictions since it began", "What changed?", "Where to look first", "What it means:",
             "What to check:", "What to do:", "New normal (role owner)", "History")  # fmt: skip
    for part in parts:  # a chart or a figure may be drawn after the script has ended
        seen.page.get_by_text(part).first.wait_for(timeout=30_000)
    text = seen.page.locator("[data-testid=stMain]").inner_text()
    places = [text.find(part) for part in parts]
    assert [part for part, at in zip(parts, places, strict=True) if at < 0] == []
    assert places == sorted(places)
    for words in ("larger = more unlike", "newest day: "):  # the course of the mix, and its noise beside it
        seen.page.locator("[data-testid=stVegaLiteChart] text", has_text=words).first.wait_for(timeout=30_000)
    assert f"Moved by more than chance: {EVIL_LABEL}" in text
    assert "Does the model answer otherwise? Yes" in text
    assert "Is the service slow or failing? No" in text
    assert_harmless(seen)
    seen.page.close()


def test_incident_names_its_companions(browser: BrowserContext, together: Served) -> None:
    """The page of an incident names those of other models that were told with it."""
    seen = look(browser, together, "Incidents?id=1")
    seen.page.get_by_text("Together with: nace #2, isco #3").wait_for(timeout=30_000)
    assert_harmless(seen)
    seen.page.close()


def test_incident_is_acknowledged_from_the_page(browser: BrowserContext, hostile: Served) -> None:
    """A reason and a click insert an action, which the act job would apply."""
    seen = look(browser, hostile, "Incidents?id=1")
    seen.page.get_by_role("button", name="Acknowledge").click()
    seen.page.get_by_text("Nothing was asked").wait_for(timeout=30_000)
    seen.page.get_by_label("Reason").fill("seen by the team")
    seen.page.get_by_role("button", name="Acknowledge").click()
    seen.page.get_by_text("ack by local: waits for the act job").wait_for(timeout=30_000)
    seen.page.get_by_role("button", name="Snooze a week", disabled=True).wait_for(timeout=30_000)
    seen.page.close()


def test_link_from_today_leads_to_the_incident(browser: BrowserContext, hostile: Served) -> None:
    """A click on Today opens the incident, with its number in the address."""
    seen = look(browser, hostile, "")
    seen.page.get_by_role("link", name="Open incident 1").click()
    seen.page.get_by_text("All incidents").wait_for(timeout=30_000)
    assert "/Incidents?" in seen.page.url
    assert "id=1" in seen.page.url
    seen.page.close()


def test_today_says_what_would_be_told(browser: BrowserContext, hostile: Served) -> None:
    """A table below the figures tells from which size on each kind of change is told, and that less cannot be seen."""
    seen = look(browser, hostile, "")
    seen.page.get_by_text("What would be told here, and how soon?").click()
    seen.page.get_by_text("What is smaller cannot be seen with this reference.").wait_for(timeout=30_000)
    row = seen.page.locator("[data-testid=stTable] tbody tr", has_text="rise of the usual latency").first
    row.wait_for(timeout=30_000)
    assert row.inner_text().count("%") == 3
    assert_harmless(seen)
    seen.page.close()


def test_today_tells_bursts(browser: BrowserContext, hostile: Served) -> None:
    """A label that was given far more often than on any day of the reference is told, letter by letter."""
    seen = look(browser, hostile, "")
    seen.page.get_by_text("Bursts of the last seven days").wait_for(timeout=30_000)
    said = seen.page.get_by_text("Bursts of the last seven days").inner_text().splitlines()
    assert len(said) > 1
    assert all(f"label {EVIL_LABEL}" in line and "on a day of the reference" in line for line in said[1:])
    assert_harmless(seen)
    seen.page.close()


def test_today_has_an_address_of_its_own(browser: BrowserContext, hostile: Served) -> None:
    """`/Today` leads to the first page instead of a complaint."""
    page = browser.new_page()
    page.goto(f"{hostile.base}/Today")
    page.get_by_text(QUESTIONS[""]).wait_for(timeout=60_000)
    assert page.get_by_text("Page not found").count() == 0
    page.close()


def test_estimates_are_named_as_such(browser: BrowserContext, hostile: Served) -> None:
    """Wrong answers that nobody counted are called estimated, with their day on Today and their span on Quality."""
    seen = look(browser, hostile, "")
    tile = seen.page.locator("[data-testid=stMetric]").filter(has_text="Probably wrong on")
    assert "estimated" in tile.inner_text()
    assert "17" in tile.inner_text()
    seen.page.close()
    seen = look(browser, hostile, "Quality")
    seen.page.get_by_text("Estimated without labels, this range, per week").wait_for(timeout=30_000)
    assert_harmless(seen)
    seen.page.close()


def test_challenger_that_did_not_start(browser: BrowserContext, unstarted: Served) -> None:
    """The page says which challenger could not be started, why and when, as it is written."""
    seen = look(browser, unstarted, "Challenger")
    said = "next could not be started (<b>timeout</b>), last tried 01 Jan 00:00 UTC."
    seen.page.get_by_text(said).wait_for(timeout=30_000)
    assert_harmless(seen)
    seen.page.close()


def test_terms_of_a_decision(browser: BrowserContext, hostile: Served) -> None:
    """The page of decisions shows terms in words, none by its name in the reckoning, and what the calendar is reckoned from."""
    seen = look(browser, hostile, "Decisions")
    table = seen.page.locator("[data-testid=stDataFrame]").first
    table.get_by_text("excess share sent to people").wait_for(state="attached", timeout=30_000)
    assert "excess_manual" not in (table.text_content() or "")
    seen.page.get_by_text("Calendar: none; last training").wait_for(timeout=30_000)
    seen.page.close()


def test_did_it_start(browser: BrowserContext, hostile: Served) -> None:
    """Where a call is in doubt the page asks whether it started, also behind a newer proposal, and takes the answer to the jobs."""
    now, store = datetime.now(UTC), Store.open(hostile.config.database)
    parts = {"model": "ape", "recommendation": "retrain", "evidence": {"p": 0.9}, "requester": "vigie"}
    with store.write() as connection:
        newest = decisions.all(connection, "ape")[0]
        old = decisions.propose(connection, parts, sentence="<b>x</b>", now=now, expires_days=1)
        assert old is not None
        decisions.judge(connection, old, "approve", actor="alice", reason="costs are right", now=now)
        calls.begin(connection, decisions.get(connection, old), now)
        calls.end(connection, old, "in_doubt", "no answer: <b>x</b>", now=now)
        again = {name: newest[name] for name in decisions.BOUND} | {"requester": "chloe"}
        decisions.propose(connection, again, sentence="again", now=now, expires_days=1)
    seen = look(browser, hostile, "Decisions")
    seen.page.get_by_text(f"Decision {old}: did it start?").wait_for(timeout=30_000)
    seen.page.get_by_text("no answer: <b>x</b>").wait_for(timeout=30_000)
    seen.page.get_by_label("Reason (at least 10 characters)").last.fill("the run is there")
    seen.page.get_by_role("button", name="It started").click()
    seen.page.get_by_role("button", name="It started", disabled=True).wait_for(timeout=30_000)
    assert_harmless(seen)
    seen.page.close()
    act(store, hostile.config, now)
    with store.read() as connection:
        assert decisions.get(connection, old)["state"] == "triggered"
    store.engine.dispose()


def test_replay_is_asked_for_and_shown(browser: BrowserContext, hostile: Served) -> None:
    """Settings to try are asked for on the page; once the jobs made the replay it stands there, change by change."""
    seen = look(browser, hostile, "Backtest")
    seen.page.get_by_label("Try").fill("threshold=5000 <b>x</b>")
    seen.page.get_by_role("button", name="Replay").click()
    seen.page.get_by_text("waits for the act job").wait_for(timeout=30_000)
    seen.page.close()
    now, store = datetime.now(UTC), Store.open(hostile.config.database)
    act(store, hostile.config, now)
    with store.write() as connection:
        actions.ask(connection, "local", "backtest", "model:ape", revision=None, reason="threshold=5000", now=now)
        refused = actions.about(connection, "model:ape")[1]["refusal"]
    act(store, hostile.config, now)
    backtest(store, hostile.config, now)
    store.engine.dispose()
    assert "'<b>x</b>' sets nothing" in str(refused)
    seen = look(browser, hostile, "Backtest")
    seen.page.get_by_text("Changes, and who would have told of them").wait_for(timeout=30_000)
    tables = seen.page.locator("[data-testid=stTable]")
    tables.nth(1).wait_for(timeout=30_000)
    changes, sizes = tables.all()
    row = changes.locator("tbody tr").first.inner_text()
    assert EVIL_LABEL.split("!")[0] in row
    assert row.count("told after") == 3
    assert seen.page.get_by_text("1 incident", exact=True).count() == 2
    assert "rise of the usual latency" in sizes.inner_text()
    assert_harmless(seen)
    seen.page.close()


def test_plan_is_changed_on_today(browser: BrowserContext, hostile: Served) -> None:
    """A person announces a deployment and takes it back; what makes no sense is refused with its reason."""
    store, now = Store.open(hostile.config.database), datetime.now(UTC)
    for note in ("2.5.0 <b>x</b>", "2.6.0"):
        seen = look(browser, hostile, "")
        seen.page.get_by_text("What is planned?").click()
        seen.page.get_by_role("button", name="Announce").wait_for(timeout=30_000)
        if note == "2.6.0":
            seen.page.get_by_label("To (not included)").fill("2026-12-27")
        seen.page.get_by_label("Note").fill(note)
        seen.page.wait_for_function(SETTLED, timeout=60_000)
        seen.page.get_by_role("button", name="Announce").click()
        seen.page.get_by_text("add by local: waits for the act job").wait_for(timeout=30_000)
        seen.page.close()
        act(store, hostile.config, now)
    with store.write() as connection:
        assert [(one.title, one.model, one.author) for one in plans.of_model(connection)] == [
            ("deployment 2.5.0 <b>x</b>", "ape", "local")
        ]
        actions.ask(connection, "local", "remove", "plan:ape", revision=None, reason="1", now=now)
    act(store, hostile.config, now)
    seen = look(browser, hostile, "")
    seen.page.get_by_text("What is planned?").click()
    seen.page.get_by_text("add by local: a deployment is a moment and has no end").wait_for(timeout=30_000)
    assert seen.page.get_by_text("remove by local: applied").count() == 1
    assert_harmless(seen)
    seen.page.close()
    store.engine.dispose()


def test_silence_begins_on_incidents(browser: BrowserContext, hostile: Served) -> None:
    """A person silences a model on the page Incidents; it is listed with its reason, on the incident's page too, and ended there."""
    store, now = Store.open(hostile.config.database), datetime.now(UTC)
    seen = look(browser, hostile, "Incidents")
    seen.page.get_by_text("What is silenced?").click()
    seen.page.get_by_label("Why").fill("known <b>x</b>")
    seen.page.wait_for_function(SETTLED, timeout=60_000)
    seen.page.get_by_role("button", name="Silence", exact=True).click()
    seen.page.get_by_text("add by local: waits for the act job").wait_for(timeout=30_000)
    seen.page.close()
    act(store, hostile.config, now)
    with store.read() as connection:
        (one,) = silences.on(connection, now)
    assert (one.model, one.kind, one.author, one.reason) == ("ape", "", "local", "known <b>x</b>")
    seen = look(browser, hostile, "Incidents")
    seen.page.get_by_text("Messages about it are silenced by 1 (local): known <b>x</b>").first.wait_for(timeout=30_000)
    assert_harmless(seen)
    seen.page.close()
    with store.write() as connection:
        actions.ask(connection, "local", "end", "silence:ape", revision=None, reason="1", now=now)
    act(store, hostile.config, now)
    with store.read() as connection:
        assert silences.on(connection, now) == []
    store.engine.dispose()


def test_report_is_asked_for_and_opened(browser: BrowserContext, hostile: Served) -> None:
    """A person asks for days on the page Reports; the report is written, listed, and opens without any script; days that are none are refused there."""
    store, now = Store.open(hostile.config.database), datetime.now(UTC)
    for first in ("2026-02-30", f"{now - timedelta(days=6):%Y-%m-%d}"):
        seen = look(browser, hostile, "Reports")
        seen.page.get_by_label("First day").fill(first)
        seen.page.get_by_label("Last day").fill(f"{now - timedelta(days=2):%Y-%m-%d}")
        seen.page.wait_for_function(SETTLED, timeout=60_000)
        seen.page.get_by_role("button", name="Ask for it").click()
        seen.page.get_by_text("waits for the act job").wait_for(timeout=30_000)
        seen.page.close()
        act(store, hostile.config, now)
        if first == "2026-02-30":
            seen = look(browser, hostile, "Reports")
            seen.page.get_by_text("a report needs its first and last day").wait_for(timeout=30_000)
            seen.page.close()
    assert write(store, hostile.config, now) == "1 reports written, 0 not possible"
    store.engine.dispose()
    seen = look(browser, hostile, "Reports")
    with browser.expect_page() as opened:
        seen.page.get_by_role("link", name="Open report 1").click()
    opened.value.get_by_text("Answers, against the reference").wait_for(timeout=30_000)
    assert "<b>47</b>" in opened.value.inner_text("body")
    assert opened.value.locator("script").count() == 0
    opened.value.close()
    assert_harmless(seen)
    seen.page.close()
