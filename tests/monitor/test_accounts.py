"""Passwords are kept as scrypt hashes in a file that only its owner reads."""

import hashlib
import json
import stat

import pytest

from monitor.accounts import is_right, write_account


@pytest.fixture
def file(tmp_path):
    write_account(tmp_path / "accounts.json", "alice", "correct horse")
    return tmp_path / "accounts.json"


def test_hash(file):
    """What is stored is scrypt's answer at a cost of 2^15, and nothing of the password."""
    kept = json.loads(file.read_text())["alice"]
    salt = bytes.fromhex(kept["salt"])
    expected = hashlib.scrypt(b"correct horse", salt=salt, n=32_768, r=8, p=1, maxmem=2**27)
    assert kept == {"salt": salt.hex(), "hash": expected.hex()}
    assert len(salt) == 16
    assert "horse" not in file.read_text()


def test_mode(file):
    """Only the owner reads the file, also after it was replaced."""
    write_account(file, "bob", "x")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in file.parent.iterdir()] == ["accounts.json"]


def test_stale_part(file):
    """A part left open to all by a crash does not make the accounts readable."""
    part = file.with_name("accounts.json.part")
    part.write_text("{}")
    part.chmod(0o666)
    write_account(file, "bob", "x")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "password", ["", "correct hors", "correct horse ", "Correct horse", "correct\u00a0horse", "\udcff"]
)
def test_wrong(file, password):
    """Every other password is wrong, odd ones too."""
    assert not is_right(file, "alice", password)


@pytest.mark.parametrize("name", ["bob", "", "Alice", "__proto__"])
def test_unknown(file, name):
    """A name without an account has no right password, not even an empty one."""
    assert not is_right(file, name, "correct horse")
    assert not is_right(file, name, "")


def test_replaced(file):
    """A new password replaces the old one and leaves other accounts alone."""
    write_account(file, "bob", "crêpe 🥞")
    write_account(file, "alice", "new")
    assert is_right(file, "alice", "new")
    assert not is_right(file, "alice", "correct horse")
    assert is_right(file, "bob", "crêpe 🥞")


def test_salted(file):
    """Two accounts of one password do not show it."""
    write_account(file, "bob", "correct horse")
    one, other = json.loads(file.read_text()).values()
    assert one["hash"] != other["hash"]


def test_no_file(tmp_path):
    """Without a file nobody enters."""
    assert not is_right(tmp_path / "none.json", "alice", "correct horse")
