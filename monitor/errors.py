"""
Name what an operator can meet and mend.

    VigieError
    ├── ConfigError      config.yaml or a file it names is wrong          exit 3
    ├── StoreError       the database cannot be read or written           exit 4
    │   └── DataRefused  the database cannot hold a value                 exit 4
    ├── DeadlineError    a job or a child took longer than it may         exit 5
    ├── LeaseLost        another runner took this job over                exit 6
    ├── NoData           nothing is stored where something was asked      exit 7
    └── Unhealthy        Vigie itself does not work as it should          exit 8

A line that cannot be read is a reject row and too little data is a value: neither is an error.
"""

from typing import ClassVar


class VigieError(Exception):
    """
    Say what is wrong, where, and what to do about it.

    >>> ConfigError("limits.latency_ms: 0 is not above 0", where="config.yaml:41:5").exit_code
    3
    >>> str(ConfigError("limits.latency_ms: 0 is not above 0", where="config.yaml:41:5"))
    'config.yaml:41:5: limits.latency_ms: 0 is not above 0'
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, what: str, where: str = "", remedy: str = "") -> None:
        """Keep the sentence, the place (`file:line:column`, a table, a path) and the remedy."""
        self.what, self.where, self.remedy = what, where, remedy
        super().__init__(what)

    def __str__(self) -> str:
        """Join place, sentence and remedy into one line."""
        place = f"{self.where}: " if self.where else ""
        return f"{place}{self.what}{'. ' + self.remedy if self.remedy else ''}"


class ConfigError(VigieError):
    """Refuse config.yaml, or a file it names."""

    exit_code = 3


class StoreError(VigieError):
    """Report a database that cannot be read or written now; trying again may help."""

    exit_code = 4


class DataRefused(StoreError):
    """Report a value that the database cannot hold; trying again does not help."""


class DeadlineError(VigieError):
    """Report a job or child that took longer than it may."""

    exit_code = 5


class LeaseLost(VigieError):
    """Report that another runner took the job over; everything was rolled back."""

    exit_code = 6


class NoData(VigieError):
    """Report that nothing is stored where something was asked."""

    exit_code = 7


class Unhealthy(VigieError):
    """Report that Vigie itself does not work as it should."""

    exit_code = 8
