"""Only the world is called, private networks where that is allowed, and never what tells secrets of a machine."""

import socket

import pytest

from monitor.delivery.address import Forbidden, allowed, checked

NEVER = ("169.254.169.254", "169.254.0.1", "fe80::1", "0.0.0.0", "::", "224.0.0.1", "ff02::1", "255.255.255.255", "240.0.0.1",
         "100.100.100.200", "192.0.0.192", "fd00:ec2::254", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::1")  # fmt: skip
PRIVATE = ("127.0.0.1", "::1", "10.0.0.1", "172.16.9.9", "192.168.1.1", "100.64.0.1", "fd12::1", "::ffff:10.0.0.1",
           "64:ff9b::a00:1", "2002:a00:1::1")  # fmt: skip
WORLD = ("1.1.1.1", "140.82.112.3", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101")


@pytest.mark.parametrize("address", NEVER)
def test_never(address: str) -> None:
    """Link-local, metadata, group and reserved addresses are not called, whatever config.yaml says."""
    assert (allowed(address, False), allowed(address, True)) == (False, False)


@pytest.mark.parametrize("address", PRIVATE)
def test_private(address: str) -> None:
    """A private address is called where that is allowed, and only there."""
    assert (allowed(address, False), allowed(address, True)) == (False, True)


@pytest.mark.parametrize("address", WORLD)
def test_world(address: str) -> None:
    """An address of the world is called."""
    assert allowed(address, False)


def test_all_of_them() -> None:
    """A name that leads to one forbidden address beside good ones is not called at all."""
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, 443)) for one in ("1.1.1.1", "10.0.0.1")]
    with pytest.raises(Forbidden, match=r"10\.0\.0\.1"):
        checked("train.example", 443, False, lambda *_: found)
    assert checked("train.example", 443, True, lambda *_: found) == found
