"""Carry what somebody asks for through an action: named words as they stand on the command line."""

import json
from collections.abc import Iterable


def written(**words: str) -> str:
    """
    Write words down for an action to carry; a name that Python keeps for itself ends in an underscore.

    >>> written(kind="closure", from_="2026-12-24")
    '{"kind": "closure", "from": "2026-12-24"}'
    """
    return json.dumps({name.rstrip("_"): word for name, word in words.items()}, ensure_ascii=False)


def read(text: str, names: Iterable[str]) -> dict[str, str]:
    """
    Read the words of these names; what is missing, or no such text, is empty.

    >>> read(written(kind="closure"), ("kind", "note")), read("party", ("kind",))
    ({'kind': 'closure', 'note': ''}, {'kind': ''})
    """
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    known = found if isinstance(found, dict) else {}
    return {name: str(known.get(name) or "") for name in names}
