"""Keep names and scrypt hashes of passwords in one file that only its owner reads."""

import hashlib
import hmac
import json
import os
import secrets
from pathlib import Path

COST, BLOCKS = 2**15, 8
MEMORY = 2 * 128 * COST * BLOCKS


def write_account(file: Path, name: str, password: str) -> None:
    """Add or replace an account; the file is made with mode 0600."""
    accounts = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    salt = secrets.token_bytes(16)
    accounts[name] = {"salt": salt.hex(), "hash": _hash(password, salt).hex()}
    fresh = file.with_name(file.name + ".part")
    fresh.unlink(missing_ok=True)  # one left by a crash keeps its own mode
    fresh.touch(mode=0o600, exist_ok=False)
    fresh.write_text(json.dumps(accounts, indent=1), encoding="utf-8")
    os.replace(fresh, file)


def is_right(file: Path, name: str, password: str) -> bool:
    """
    Say whether the password is the account's; an unknown name takes the same time.

    >>> import tempfile
    >>> accounts = Path(tempfile.mkdtemp()) / "accounts.json"
    >>> write_account(accounts, "alice", "correct horse")
    >>> is_right(accounts, "alice", "correct horse"), is_right(accounts, "alice", "x"), is_right(accounts, "bob", "x")
    (True, False, False)
    """
    accounts = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    known = accounts.get(name, {"salt": "00" * 16, "hash": "00" * 64})
    return (
        hmac.compare_digest(_hash(password, bytes.fromhex(known["salt"])), bytes.fromhex(known["hash"]))
        and name in accounts
    )


def _hash(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode("utf-8", "surrogatepass"), salt=salt, n=COST, r=BLOCKS, p=1, maxmem=MEMORY)
