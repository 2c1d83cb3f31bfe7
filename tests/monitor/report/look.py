"""Write every kind of letter into a folder, to be looked at in a browser: python -m tests.monitor.report.look FOLDER."""

import base64
import sys
from pathlib import Path

from monitor.letter import Letter
from monitor.report.words import languages, words
from tests.monitor.report.kinds import KINDS, NAMES


def alone(letter: Letter) -> str:
    """Return a letter's HTML with its pictures inside, for a browser that has no mail around it."""
    html = letter.html
    for cid, png in letter.pictures.items():
        html = html.replace(f"cid:{cid}", f"data:image/png;base64,{base64.b64encode(png).decode()}")
    return "<!doctype html><meta charset='utf-8'>" + html


def write(folder: Path) -> list[Path]:
    """Write the letters of every kind, language and sort of data; return the files."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for kind, made in KINDS.items():
        for language in languages():
            for name, value in NAMES.items():
                letter = made(value, words(language))
                file = folder / f"{kind}-{language}-{name}.html"
                file.write_text(alone(letter), encoding="utf-8")
                file.with_suffix(".txt").write_text(f"{letter.subject}\n\n{letter.text}", encoding="utf-8")
                files.append(file)
    return files


if __name__ == "__main__":
    print(f"{len(write(Path(sys.argv[1])))} letters")
