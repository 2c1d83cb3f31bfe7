"""Training texts are learned once, again when their file changes, and refused with a sentence."""

import os
from pathlib import Path

import pytest

from monitor.errors import ConfigError
from monitor.sources.training import support_of

ROWS = "text,label\n" + "Fresh  BREAD,10\nbread daily, 10\ntaxi at night,49\ntaxi stand,49\n"


def test_learned_once(tmp_path: Path) -> None:
    """What is kept answers until the file changes; what is torn or of another file is made anew."""
    file, kept = tmp_path / "training.csv", tmp_path / "data" / "support" / "ape.msgpack"
    file.write_text(ROWS, encoding="utf-8")
    first = support_of(file, kept)
    assert (list(first.words), list(first.labels)) == (["bread", "taxi"], ["10", "49"])
    made = kept.stat().st_ino
    assert support_of(file, kept).words == first.words
    assert kept.stat().st_ino == made
    for body in (b"", kept.read_bytes()[:40], b"x" * 99):
        kept.write_bytes(body)
        assert support_of(file, kept).words == first.words
    file.write_text(ROWS + "bus stop,49\nbus line,49\n", encoding="utf-8")
    os.utime(file, (1, 1))
    assert list(support_of(file, kept).words) == ["bread", "bus", "taxi"]
    assert [one.name for one in kept.parent.iterdir()] == ["ape.msgpack"]


@pytest.mark.parametrize("body", ["", "text\nbread\n", "label,text\n\xff", '"text,label\n'])
def test_refused(tmp_path: Path, body: str) -> None:
    """A file without the two columns is named with what it needs."""
    file = tmp_path / "training.csv"
    file.write_bytes(body.encode("latin-1"))
    with pytest.raises(ConfigError, match=r"training\.csv: is no CSV with the columns text and label"):
        support_of(file, tmp_path / "kept")
    with pytest.raises(ConfigError, match=r"nowhere\.csv: cannot be read: No such file"):
        support_of(tmp_path / "nowhere.csv", tmp_path / "kept")
