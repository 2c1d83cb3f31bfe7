"""An artefact is known by its bytes, every one of them, and by nothing else."""

import hashlib
import os
import stat

import pytest

from monitor.errors import ConfigError
from monitor.shadow.manifest import copy_pinned, pin_of


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "model"
    (made / "weights").mkdir(parents=True)
    (made / "answer.py").write_bytes(b"def load(d): ...")
    (made / "weights" / "w.bin").write_bytes(bytes(range(256)) * 9000)
    return made


def test_pin(folder):
    """The pin is the hash over name, size and hash of each file, in order of the names."""
    listed = [
        (name, (folder / name).stat().st_size, hashlib.sha256((folder / name).read_bytes()).hexdigest())
        for name in ("answer.py", "weights/w.bin")
    ]
    assert pin_of(folder) == hashlib.sha256(repr(listed).encode()).hexdigest()


@pytest.mark.parametrize(
    "change",
    [
        lambda f: (f / "weights" / "w.bin").open("r+b").write(b"\x01"),
        lambda f: (f / "answer.py").rename(f / "answers.py"),
        lambda f: (f / "empty").touch(),
        lambda f: (f / "answer.py").unlink(),
        lambda f: (f / "weights" / "w.bin").open("ab").write(b"\x00"),
    ],
    ids=["a byte", "a name", "an empty file", "one file less", "a byte more"],
)
def test_any_change(folder, change):
    """Any change of any file gives another pin."""
    before = pin_of(folder)
    change(folder)
    assert pin_of(folder) != before


def test_no_change(folder):
    """Times, modes and what Python caches beside a module do not matter."""
    before = pin_of(folder)
    os.utime(folder / "answer.py", (1, 1))
    (folder / "answer.py").chmod(0o600)
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "answer.pyc").write_bytes(b"x")
    assert pin_of(folder) == before


@pytest.mark.parametrize(
    "make",
    [
        lambda f: (f / "link").symlink_to(f / "answer.py"),
        lambda f: (f / "link").symlink_to("/etc", target_is_directory=True),
        lambda f: (f / "link").symlink_to("nowhere"),
        lambda f: os.mkfifo(f / "pipe"),
    ],
    ids=["file", "folder", "dangling", "fifo"],
)
def test_links(folder, make):
    """Links, to whatever, and what is no regular file are refused by name."""
    make(folder)
    with pytest.raises(ConfigError, match="link or no regular file"):
        pin_of(folder)


def test_no_folder(tmp_path):
    """What is not there, or is a file, is no artefact."""
    (tmp_path / "file").touch()
    for path in (tmp_path / "none", tmp_path / "file"):
        with pytest.raises(ConfigError, match="no directory"):
            pin_of(path)


def test_copy(folder, tmp_path):
    """The copy has the same bytes, hence the same pin, and nobody may write to it."""
    copy_pinned(folder, pin_of(folder), tmp_path / "copy")
    assert pin_of(tmp_path / "copy") == pin_of(folder)
    assert stat.S_IMODE((tmp_path / "copy" / "weights" / "w.bin").stat().st_mode) == 0o400
