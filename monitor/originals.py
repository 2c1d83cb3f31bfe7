"""Seal what was masked, so that only the key of its day can read it again."""

import hashlib
from collections.abc import Callable
from typing import Any

import msgspec

NONCE_BYTES, DAY_BYTES = 12, 4


def sealed(day: int, text: str | None, fields: dict[str, Any], key: bytes) -> bytes:
    """
    Return a text and its fields under AES-256-GCM with the key (32 bytes) of a day since 1970, which stands in front.

    The nonce is a keyed digest of what is sealed: the same text gives the same bytes, another one another nonce. The same
    is said by `text_hash` anyway.

    >>> opened(sealed(20781, "call 06 12 34 56 78", {"TYP": "B"}, b"k" * 32), {20781: b"k" * 32}.get)
    ('call 06 12 34 56 78', {'TYP': 'B'})
    """
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    plain = msgspec.json.encode([text, fields], enc_hook=str)
    nonce = hashlib.blake2b(plain, key=key, digest_size=NONCE_BYTES).digest()
    return day.to_bytes(DAY_BYTES, "big") + nonce + AESGCM(key).encrypt(nonce, plain, None)


def opened(whole: bytes, key_of: Callable[[int], bytes | None]) -> tuple[str | None, dict[str, Any]] | None:
    """
    Return the text and fields; None when the key of their day is no more.

    Raises ValueError when the bytes were changed or the key is not theirs.
    """
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    key = key_of(int.from_bytes(whole[:DAY_BYTES], "big"))
    if key is None:
        return None
    nonce, closed = whole[DAY_BYTES : DAY_BYTES + NONCE_BYTES], whole[DAY_BYTES + NONCE_BYTES :]
    try:
        text, fields = msgspec.json.decode(AESGCM(key).decrypt(nonce, closed, None))
    except InvalidTag:
        raise ValueError("these bytes were not sealed with this key") from None
    return text, fields
