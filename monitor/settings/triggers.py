"""Describe what an approval may start: a command on this host, or one call to an address written here."""

from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from monitor.settings.part import Name, Part

AT_HOME = {"127.0.0.1", "::1", "localhost"}
Word = Annotated[str, Field(pattern=r"^[^\x00-\x1f\x7f]{0,200}$")]


def _address(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in AT_HOME):
        raise ValueError("needs https://, or http:// to this machine")
    if (
        not parts.hostname
        or parts.username is not None
        or parts.fragment
        or not url.isascii()
        or set(url) & set(" \t\r\n")
    ):
        raise ValueError("needs a host, and neither a user, a fragment nor spaces")
    if parts.port == 0:
        raise ValueError("has no port that can be called")
    return url


Url = Annotated[str, AfterValidator(_address)]


class Command(Part):
    """Run an argument list on this host, without a shell."""

    kind: Literal["command"]
    command: tuple[str, ...] = Field(min_length=1)


class Reached(Part):
    """Say which addresses and certificates are accepted of the host that is called."""

    allow_private: bool = False
    ca_file: Path | None = None


class Webhook(Reached):
    """Send a signed POST as Standard Webhooks describes; the receiver knows repeats by `webhook-id`."""

    kind: Literal["webhook"]
    url: Url
    key_file: Path


class Github(Reached):
    """Dispatch a workflow of GitHub Actions; GitHub knows no key of ours."""

    kind: Literal["github"]
    api_url: Url = "https://api.github.com"
    repository: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]+/[A-Za-z0-9._-]+$")]
    workflow: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]+$")]
    ref: Annotated[str, Field(pattern=r"^[A-Za-z0-9._/-]+$")] = "main"
    inputs: dict[Name, Word] = Field(default_factory=dict)
    run_details: bool = True
    token_file: Path


class Argo(Reached):
    """Submit a workflow template of Argo under a name of ours."""

    kind: Literal["argo"]
    url: Url
    namespace: Name
    template: Name
    parameters: dict[Name, Word] = Field(default_factory=dict)
    token_file: Path


class Airflow(Reached):
    """Start a run of a DAG under an id of ours."""

    kind: Literal["airflow"]
    url: Url
    dag: Name
    api: Literal["v2", "v1"] = "v2"
    conf: dict[Name, Word] = Field(default_factory=dict)
    user: Annotated[str, Field(pattern=r"^[!-9;-~]{1,128}$")] | None = None
    token_file: Path


Call = Webhook | Github | Argo | Airflow
Trigger = Annotated[Command | Webhook | Github | Argo | Airflow, Field(discriminator="kind")]
