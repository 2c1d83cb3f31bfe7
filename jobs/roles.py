"""The service will know what a person may ask for."""

from monitor.config import Config

RANK = {"viewer": 0, "operator": 1, "owner": 2, "approver": 3}


def role_of(config: Config, actor: str) -> str:
    """Return the role of a person; whoever has a shell on this host may do everything that config.yaml does not restrict."""
    if actor in config.roles:
        return config.roles[actor]
    return "approver" if actor.startswith("os:") or actor == "local" else "viewer"
