"""In random weeks with jobs that are cut off, every promise about incidents and their messages holds; two broken services are caught."""

import pytest

from benchmarks.histories.campaign import SPOILED, campaign


@pytest.mark.parametrize("seed", [0, 1])
def test_promises(store_url: str, seed: int) -> None:
    """With mails and with webhooks, on both databases: the log gives the incidents, each message leaves once, in order, or says why not."""
    told = campaign(1, store_url, first=seed)
    assert not told["broken"]
    assert told["crashes"] > 0
    assert told["messages sent"] > 0


@pytest.mark.parametrize("name", SPOILED)
def test_broken_services(name: str) -> None:
    """One that loses a message, and one that tells the end first, break a promise."""
    assert campaign(1, None, SPOILED[name], first=3)["broken"]
