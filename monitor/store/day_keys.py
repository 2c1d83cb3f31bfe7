"""Keep a random key per day, wrapped by the secret, in a folder of its own: a day whose key is deleted is unreadable everywhere."""

import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import NamedTemporaryFile

from monitor.errors import StoreError

KEY_BYTES = 32


@dataclass(frozen=True)
class DayKeys:
    """
    Lend the keys of a folder.

    >>> import tempfile
    >>> keys = DayKeys(Path(tempfile.mkdtemp()) / "keys", b"secret")
    >>> keys.of(20781) == keys.of(20781) == DayKeys(keys.folder, b"secret").known(20781), keys.known(20782)
    (True, None)
    """

    folder: Path
    secret: bytes
    _seen: dict[int, bytes] = field(default_factory=dict, repr=False)

    def of(self, day: int) -> bytes:
        """Return the key of a day since 1970, made when there is none yet; two that make it at once get the same."""
        found = self._seen.get(day) or self.known(day)
        if found is None:
            self._make(day)
            found = self.known(day)
            assert found is not None, "a key that was just made is gone"
        self._seen[day] = found
        return found

    def known(self, day: int) -> bytes | None:
        """Return the key of a day; None when there is none, StoreError when the secret is not the one that wrapped it."""
        from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap

        try:
            wrapped = self._file(day).read_bytes()
        except FileNotFoundError:
            return None
        try:
            return aes_key_unwrap(self._wrapping, wrapped)
        except (InvalidUnwrap, ValueError):
            raise StoreError(
                "was not wrapped by this secret", str(self._file(day)), "bring the old secret back"
            ) from None

    def forget(self, before_day: int) -> int:
        """Delete the keys of all days before one; returns how many."""
        old = [file for file in self.folder.glob("*.key") if file.stem.isdigit() and int(file.stem) < before_day]
        for file in old:
            file.unlink(missing_ok=True)
            self._seen.pop(int(file.stem), None)
        return len(old)

    def _make(self, day: int) -> None:
        from cryptography.hazmat.primitives.keywrap import aes_key_wrap

        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with NamedTemporaryFile(dir=self.folder, suffix=".new") as fresh:  # 0600 from the start
            fresh.write(aes_key_wrap(self._wrapping, os.urandom(KEY_BYTES)))
            fresh.flush()
            os.fsync(fresh.fileno())
            try:
                os.link(fresh.name, self._file(day))
            except FileExistsError:
                return  # another process was first: its key counts
        descriptor = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _file(self, day: int) -> Path:
        return self.folder / f"{day}.key"

    @property
    def _wrapping(self) -> bytes:
        return hashlib.blake2b(self.secret, person=b"vigie day keys", digest_size=KEY_BYTES).digest()
