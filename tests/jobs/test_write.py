"""A report of any days is made once, says what the store knew then, and is given again to the byte."""

import hashlib
import html
import re
from datetime import timedelta

import pytest

from jobs.act import act
from jobs.prune import prune
from jobs.write import asked, made_of, write
from monitor.config import Config
from monitor.errors import ConfigError, NoData
from monitor.report.sheet import POLICY
from monitor.store import actions, estimates, profiles, sheets
from monitor.store.store import Store
from monitor.window import Window, start_of
from tests.conftest import Place
from tests.jobs.test_cli import run
from tests.jobs.test_detect import config, place, store  # noqa: F401 - the judged story
from tests.jobs.test_pipeline import END
from tests.monitor.report.test_letters import structure

LATER = END + timedelta(days=1)


def ask(store: Store, window: Window, language: str = "en") -> int:  # noqa: F811
    with store.write() as connection:
        return sheets.ask(connection, "ape", window, language, by="os:alice", now=END)


def words_of(page: str) -> str:
    """Return what a page shows."""
    return html.unescape(
        re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", re.sub(r"<style.*?</style>", "", page, flags=re.DOTALL)))
    )


@pytest.fixture
def window(store: Store) -> Window:  # noqa: F811
    """Return the last ten whole days of the story."""
    with store.read() as connection:
        span = profiles.span(connection, "ape")
    assert span is not None
    return Window(span.end // 24 * 24 - 240, span.end // 24 * 24)


def test_page(config: Config, store: Store, window: Window) -> None:  # noqa: F811
    """The page needs nothing else and may run nothing; its figures are those of the profiles; it says what it was made from."""
    file = made_of(store, config, END, ask(store, window))
    page = file.read_text()
    tags, attributes = structure(page)
    assert not tags & {"script", "iframe", "form", "a", "link", "object"}
    assert ("content", POLICY) in attributes
    assert all((value or "").startswith("data:image/png;") for name, value in attributes if name == "src")
    assert not re.search(r"https?://", page)
    assert len(page.encode()) <= 2_000_000
    told = words_of(page)
    with store.read() as connection:
        whole = profiles.total(connection, "ape", window)
        kept = sheets.get(connection, 1)
    for part in (f"{whole.records:,}", f"{100 * whole.automatic / whole.decided:.1f} %", f"{whole.decisions['manual']:,} cases",
                 "Report 1", "Verdict", "Accuracy not known, because", "chance alone gives", "#1 ", kept["body"]["origin"]["config"][:16],
                 kept["body"]["origin"]["reference"][:16], f"{start_of(window.first):%d %b %Y %H:%M}", "none: nothing was drawn by chance"):  # fmt: skip
        assert part in told, part
    assert kept["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()


def test_again(config: Config, store: Store, window: Window) -> None:  # noqa: F811
    """The same number gives the same bytes, whatever was learnt and let go since; another report tells of it."""
    number = ask(store, window)
    first = made_of(store, config, END, number).read_bytes()
    figure = {"model": "ape", "day": window.first // 24, "name": "accuracy_automatic", "basis": "estimated", "value": 0.91,
              "low": 0.9, "high": 0.92, "size": 100.0, "note": ""}  # fmt: skip
    with store.write() as connection:
        estimates.put(connection, [figure])
    made_of(store, config, LATER, number).unlink()
    assert made_of(store, config, LATER, number).read_bytes() == first
    assert b"91.0 % (90.0 to 92.0)" not in first
    assert b"91.0 % (90.0 to 92.0)" in made_of(store, config, LATER, ask(store, window)).read_bytes()


def test_french(config: Config, store: Store, window: Window) -> None:  # noqa: F811
    """A report has the words and the numbers of its language."""
    told = words_of(made_of(store, config, END, ask(store, window, "fr")).read_text())
    assert "Réponses comparées à la référence" in told
    assert not re.search(r"\b(the|against|chance|incident opened|of these days)\b", told)
    assert re.search(r"\d,\d\u00a0%", told)


def test_asked_for(config: Config, store: Store, window: Window) -> None:  # noqa: F811
    """What a person asks for waits, is written by the job once, and keeps its page or the reason why there is none."""
    days = f"{start_of(window.first):%Y-%m-%d} {start_of(window.end - 1):%Y-%m-%d}"
    with store.write() as connection:
        for reason in (f"{days} fr", "2030-01-01 2030-01-02 en", "yesterday today en"):
            actions.ask(connection, "local", "report", "model:ape", revision=None, reason=reason, now=END)
        actions.ask(connection, "login:eve", "report", "model:ape", revision=None, reason=days, now=END)
    assert act(store, config, END) == "2 actions applied, 2 refused"
    with store.read() as connection:
        refusals = [one["refusal"] for one in reversed(actions.about(connection, "model:ape"))]
    assert refusals[:2] == [None, None]
    assert "needs its first and last day" in str(refusals[2])
    assert refusals[3] == "report needs the role operator"
    assert write(store, config, LATER) == "1 reports written, 1 not possible"
    assert write(store, config, LATER) == "0 reports written, 0 not possible"
    with store.read() as connection:
        failed, ready = sheets.all(connection)
    assert (ready["state"], ready["language"], ready["first_hour"], ready["end_hour"]) == (
        "ready",
        "fr",
        window.first,
        window.end,
    )
    assert (failed["state"], failed["note"][:32]) == ("failed", "ape has no profiles of these day")
    with pytest.raises(NoData, match="report 2 could not be made"):
        made_of(store, config, LATER, failed["id"])


def test_let_go(config: Config, store: Store, window: Window) -> None:  # noqa: F811
    """A report is kept as long as profiles are; then its row and its file go."""
    file = made_of(store, config, END, ask(store, window))
    prune(store, config, END)
    assert file.exists()
    prune(store, config, END + timedelta(days=config.privacy.profile_days + 1))
    assert not file.exists()
    with store.read() as connection:
        assert sheets.all(connection) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (["2026-08-01"], "needs its first and last day"),
        (["2026-08-01", "soon"], "needs its first and last day"),
        (["2026-08-02", "2026-08-01"], "is not between 1 and 400 days"),
        (["2025-01-01", "2026-08-01"], "is not between 1 and 400 days"),
        (["2026-08-01", "2026-08-02", "eo"], "there are no words in eo"),
    ],
)
def test_words_that_ask_nothing(quick_place: Place, text: list[str], said: str) -> None:
    """Who mistypes is told what can be asked for."""
    settings = quick_place.configure()
    with pytest.raises(ConfigError, match=said):
        asked(settings, "ape", text)
    with pytest.raises(ConfigError, match="there is no model nace"):
        asked(settings, "nace", ["2026-08-01", "2026-08-01"])


def test_last_day_counts(quick_place: Place) -> None:
    """The last day belongs to the report."""
    window, language = asked(quick_place.configure(), "ape", ["2026-08-01", "2026-08-01"])
    assert (window.hours, language) == (24, "en")


def test_verb(place: Place, config: Config, window: Window, monkeypatch: pytest.MonkeyPatch, capsys) -> None:  # noqa: F811
    """The command line writes a report of days, and the same one again by its number."""
    days = "--from", f"{start_of(window.first):%Y-%m-%d}", "--to", f"{start_of(window.end - 1):%Y-%m-%d}"
    code, said = run(place, "report", "ape", *days, "--language", "fr", monkeypatch=monkeypatch, capsys=capsys)
    assert (code, said.strip()) == (0, str(config.data_dir / "reports/report-1.html"))
    first = (config.data_dir / "reports/report-1.html").read_bytes()
    assert run(place, "report", "1", monkeypatch=monkeypatch, capsys=capsys)[0] == 0
    assert (config.data_dir / "reports/report-1.html").read_bytes() == first
    code, said = run(place, "report", "7", monkeypatch=monkeypatch, capsys=capsys)
    assert code != 0
    assert "there is no report 7" in said
