"""The nouns of Vigie: what is read, counted, judged, compared, decided and told."""

from typing import Final

__version__: Final = "0.1.0"
