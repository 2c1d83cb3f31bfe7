"""Every letter is whole in every language, and what is said in code and in the tables is one wording."""

import inspect
import re
import string
from datetime import UTC, datetime
from email.message import EmailMessage

import pytest

from jobs import weigh
from monitor.delivery.mail import compose
from monitor.detection.burst import Burst
from monitor.detection.incident import CLOSED_AS, STATES, Cause, Incident
from monitor.detection.renewal import KIN, TITLES, title
from monitor.letter import Letter
from monitor.metrics import FIXED, input_fields, prediction_shift
from monitor.plan import KINDS as PLANNED
from monitor.report.told import claim, measure, retold
from monitor.report.weekly import _burst
from monitor.report.words import Words, languages, words
from monitor.retraining import TERMS, approval_runs
from monitor.said import Said
from monitor.verdict import ORDER
from tests.monitor.report.kinds import HOSTILE, KINDS, NAMES, NOW, incident, mix
from tests.monitor.report.test_letters import shown, structure

ENGLISH_WORDS = re.compile(
    r"\b(the|since|answers|changed|share|was|began|hours|with|from|nothing|decision waits|Found|Whom|Verdict:|known)\b"
)
LONGEST_HTML, LONGEST_PICTURE, LONGEST_MAIL = 90_000, 60_000, 300_000  # bytes


def fields(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}


def figures(part: str) -> set[str]:
    """Return the numbers of a text, spaces between thousands taken out."""
    joined = re.sub(r"(?<=\d)[\u00a0\u202f](?=\d{3}\b)", "", part)
    return set(re.findall(r"\d[\d,.]*\d|\d", joined))


@pytest.mark.parametrize("language", languages())
def test_same_tables(language: str) -> None:
    """Each language has the same keys, each with the same facts, and the same ones by number."""
    mine, english = words(language).templates(), words("en").templates()
    assert mine.keys() == english.keys()
    for key, one in mine.items():
        other = english[key]
        assert isinstance(one, str) == isinstance(other, str), key
        if isinstance(one, str):
            assert fields(one) == fields(other), key
        else:
            assert one.keys() == other.keys() == {"one", "other"}
            assert fields(one["other"]) == fields(other["other"]) >= {"n"} | fields(one["one"])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("language", languages())
def test_every_letter(kind: str, name: str, language: str) -> None:
    """Whatever the data are, both parts carry the same figures, nothing becomes markup or a header, and nothing is too large."""
    letter = KINDS[kind](NAMES[name], words(language))
    assert figures(shown(letter)) == figures(letter.text)
    tags, attributes = structure(letter.html)
    assert not tags & {"script", "iframe", "form", "a", "link", "svg", "object"}
    assert not re.search(r"data:|@import|url\(", re.sub(r">[^<]*<", "><", letter.html))
    assert ("lang", language) in attributes
    assert all((value or "").startswith("cid:") for at, value in attributes if at == "src")
    assert "\u202e" not in letter.html + letter.text
    assert len(letter.html.encode()) <= LONGEST_HTML
    assert all(len(picture) <= LONGEST_PICTURE for picture in letter.pictures.values())
    assert len(letter.pictures) <= (1 if kind.startswith(("alert", "group")) else 4)
    mail = sent(letter)
    assert len(mail.as_bytes()) <= LONGEST_MAIL
    assert mail["Bcc"] is None
    assert len(str(mail["Subject"])) <= 78
    assert name == "hostile" or "{" not in letter.text


@pytest.mark.parametrize("kind", KINDS)
def test_numbered_subject(kind: str) -> None:
    """However long a name is, the subject of what has a number keeps it."""
    for language in languages():
        subject = KINDS[kind](HOSTILE, words(language)).subject
        assert len(subject) <= 78
        if kind.startswith(("alert", "group")):
            assert re.search(r"\(#\d\)$", subject)


@pytest.mark.parametrize("kind", KINDS)
def test_no_english_left(kind: str) -> None:
    """A letter in French has no English sentence where the facts are known, and the English one has."""
    plain = "Lieu"  # a name that is no English word
    assert ENGLISH_WORDS.search(body(KINDS[kind](plain, words("en"))))
    assert not ENGLISH_WORDS.findall(body(KINDS[kind](plain, words("fr"))))


def body(letter: Letter) -> str:
    """Return a letter's text without commands and links, which are the same in every language."""
    return re.sub(r"vigie [a-z]+ [^;)]*|https?:\S+|[a-z]+\.[A-Z]+\.[a-z]+", "", f"{letter.subject}\n{letter.text}")


def sent(letter: Letter) -> EmailMessage:
    return compose(letter, "vigie@stat.example", "ops@stat.example", message_id="<1@vigie>", attempt=1, now=NOW)


@pytest.mark.parametrize(
    ("at", "english", "french"),
    [
        (datetime(2026, 11, 23, 10, tzinfo=UTC), "Mon 23 Nov 10:00", "lun. 23 nov. 10:00"),
        (datetime(2026, 8, 1, 0, 5, tzinfo=UTC), "Sat 01 Aug 00:05", "sam. 1er août 00:05"),
    ],
)
def test_moments(at: datetime, english: str, french: str) -> None:
    """A moment is written as the language does, by name of day and month, whatever the machine's locale is."""
    assert [words(one).say("time.plain", at=at) for one in ("en", "fr")] == [english, french]
    assert english == f"{at:%a %d %b %H:%M}"


@pytest.mark.parametrize(
    ("key", "facts", "english", "french"),
    [
        ("unit.share", {"value": 0.803}, "80.3 %", "80,3\u00a0%"),
        ("unit.score", {"value": 0.5}, "0.50", "0,50"),
        ("weekly.volume", {"count": 1_234_567}, "1,234,567", "1\u00a0234\u00a0567"),
        ("weekly.volume_against", {"count": 5, "change": -0.031}, "5, -3.1 % against the week before", "5, -3,1\u00a0% par rapport à la semaine précédente"),
        ("weekly.to_people", {"n": 0, "hours": 0.2}, "0 cases, about 0 hours", "0 cas, environ 0 h de travail"),
        ("group.at_once", {"n": 1}, "1 model at once", "1 modèle touché"),
        ("group.at_once", {"n": 0}, "0 models at once", "0 modèle touché"),
        ("group.at_once", {"n": 2}, "2 models at once", "2 modèles touchés à la fois"),
        ("weekly.wrong", {"n": 1}, "probably 1 wrong automatic answer a day, estimated, mean of the week",
         "sans doute 1 réponse automatique fausse par jour (estimation, moyenne de la semaine)"),
    ],
)  # fmt: skip
def test_numbers(key: str, facts: dict[str, float], english: str, french: str) -> None:
    """Numbers have the language's separators, and what is counted the form of their number."""
    assert [words(one).say(key, **facts) for one in ("en", "fr")] == [english, french]


def test_signs_do_not_break() -> None:
    """No line of French begins with a sign: the space before it is one that does not break."""
    french = words("fr").templates()
    texts = [text for one in french.values() for text in ([one] if isinstance(one, str) else one.values())]
    assert not [text for text in texts if re.search(r" [:;?!»%]|« ", text)]
    assert any("\u00a0;" in text for text in texts)


@pytest.mark.parametrize("to", [words(one) for one in languages()], ids=languages())
def test_everything_has_words(to: Words) -> None:
    """What comes from elsewhere by name (states, reasons, metrics, units, statuses) has words; English says what the code says."""
    named = (
        [f"status.{one}" for one in ORDER]
        + [f"closed_as.{one}" for one in CLOSED_AS]
        + [f"state.{one}" for one in STATES]
    )
    named += [f"planned.{one}" for one in PLANNED] + [f"term.{one}" for one in TERMS]
    named += [f"kin.{kin_}" for kin_ in (*KIN.values(), *TITLES)] + [f"unit.{one.unit}" for one in FIXED]
    assert [one for one in named if not to.knows(one)] == []
    if to.language == "en":
        metrics = (*FIXED, *input_fields.metrics((("TYP", "I"),)), *prediction_shift.metrics(("56",)))
        assert {one.name: measure(one.name, to) for one in metrics} == {one.name: one.title for one in metrics}
        assert to.say("decision.runs_nothing") == approval_runs("wait", [])
        assert to.say("source.profiles_without", days=2) == to.say("source.profiles") + ", without 2 of them"
        code = inspect.getsource(weigh)
        sources = {key: one for key, one in to.templates().items() if key.startswith("source.") and not fields(one)}
        assert [key for key, one in sources.items() if f'"{one}"' not in code] == []
        assert {name: to.say(f"term.{name}") for name in TERMS} == TERMS
        assert {kin: to.say(f"kin.{kin}") for kin in KIN.values()} == {kin: title(kin) for kin in KIN.values()}


def test_claim() -> None:
    """A claim is written anew from its facts, in the words of the language."""
    assert claim(incident("web"), words("en")) == incident("web").claim
    assert claim(incident("web"), words("fr")).replace("\u00a0", " ") == (
        "Part de mots inconnus : 10,0 % -> 40,0 % ; appelant web explique 90 % de l’écart ; "
        "début 3 h après la première réponse de la version web"
    )


@pytest.mark.parametrize(
    "old",
    [
        Incident(1, "ape", 5, 9, "open", (mix("Taxi"),), {"claim": "Answers 56 Taxi 10.0 % -> 30.0 %; told by hand"}),
        Incident(1, "ape", 5, 9, "open", (Cause("answers", "outputs", 1.0, "share moved", 0.1, 0.4, 9.0, 1, "answers 56 1.0 % -> 4.0 %"),)),
        Incident(1, "ape", 5, 9, "open", (Cause("latency", "service", 1.0, "ms", 40.0, 53.0, 9.0, 1, "usual latency 40 ms -> 99 ms"),)),
    ],
)  # fmt: skip
def test_old_incidents(old: Incident) -> None:
    """A sentence that its facts do not give back is shown as it is stored."""
    assert claim(old, words("fr")) == claim(old, words("en")) == old.claim


@pytest.mark.parametrize("days", [1, 3])
def test_bursts(days: int) -> None:
    """A burst is told as the page tells it."""
    one = Burst(20_000, "caller", "batch", 4210, 1300, days)
    assert _burst(one, words("en")) == one.sentence
    assert _burst(one, words("fr")).startswith("appelant batch\u00a0: 4\u00a0210 prédictions le ven. 4 oct.")


def test_no_moment() -> None:
    """A fact that is no moment where one is due is a TypeError, which lets the message leave in its plain form."""
    with pytest.raises(TypeError):
        words("fr").say("time.plain", at=None)


def test_untrue_facts() -> None:
    """What was said is not written anew from facts that say something else, or by a key nobody knows."""
    assert retold(Said("3 wait", "feed.unread", minutes=4), words("fr")) == "3 wait"
    assert retold(Said("3 wait", "nowhere.known"), words("fr")) == "3 wait"
