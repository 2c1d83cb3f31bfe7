"""Write artefacts: a model that behaves, and ones that do not."""

from pathlib import Path

from monitor.settings import Challenger, Limits
from monitor.shadow.manifest import pin_of

GOOD = """
    def answer(self, texts, fields, k):
        return [[("56" if "bread" in text else "47", 0.9), ("96", 0.05)] for text in texts]
"""


def artefact(folder: Path, body: str = GOOD, top: str = "", load: str = "return Model()") -> Path:
    """Write a model whose class has this body."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "answer.py").write_text(
        f"import json, os, struct, sys, time\n{top}\n\nclass Model:\n    labels = ['47', '56', '96']\n{body}\n\n"
        f"def load(directory):\n    {load}\n"
    )
    return folder


def challenger(folder: Path, *, chunk_s: float = 30, load_s: float = 30, memory_mib: int = 1024) -> Challenger:
    """Pin the artefact as a person would who trusts it."""
    return Challenger(
        name="next", of="ape", path=folder, sha256=pin_of(folder), runs_code="accepted",
        limits=Limits(memory_mib=memory_mib, load_s=load_s, chunk_s=chunk_s),
    )  # fmt: skip
