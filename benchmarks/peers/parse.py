"""Floor: decode every line to a typed record and keep nothing: `python -m benchmarks.peers.parse FILE...`."""

import sys

import msgspec

from monitor.sources.formats.vigie_line import Line


def main(files: list[str]) -> None:
    """Decode all lines of all files."""
    decode = msgspec.json.Decoder(Line).decode
    count = 0
    for name in files:
        with open(name, "rb") as file:
            for line in file:
                decode(line)
                count += 1
    print(count)


if __name__ == "__main__":
    main(sys.argv[1:])
