"""Say whether a call may go to an address: to the whole world, to private networks only where config.yaml allows it."""

from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Any

Resolve = Callable[[str, int], list[Any]]
METADATA = {ip_address(one) for one in ("100.100.100.200", "192.0.0.192", "fd00:ec2::254", "fd20:ce::254")}
NAT64 = IPv6Network("64:ff9b::/96")


class Forbidden(Exception):
    """Say why nothing is sent to a host."""


def allowed(address: str, allow_private: bool) -> bool:
    """
    Say whether an address may be called; one that is written inside another counts too.

    Never: link-local and metadata addresses, groups, none, and what is reserved.

    >>> allowed("1.1.1.1", False), allowed("10.0.0.1", False), allowed("10.0.0.1", True)
    (True, False, True)
    >>> allowed("169.254.169.254", True), allowed("::ffff:169.254.169.254", True), allowed("64:ff9b::a00:1", False)
    (False, False, False)
    """
    return all(_allowed(one, allow_private) for one in _inside(ip_address(address)))


def checked(host: str, port: int, allow_private: bool, resolve: Resolve) -> list[Any]:
    """
    Return what `resolve` (as `socket.getaddrinfo`) knows of a host, when all of its addresses may be called.

    Raises Forbidden when one may not, OSError when the name leads nowhere.
    """
    found = resolve(host, port)
    for one in found:
        if not allowed(one[4][0], allow_private):
            raise Forbidden(
                f"{host} leads to {one[4][0]}, which is not called"
                + ("" if allow_private else " without allow_private")
            )
    if not found:
        raise OSError(f"{host} has no address")
    return found


def _allowed(one: IPv4Address | IPv6Address, allow_private: bool) -> bool:
    if one.is_link_local or one.is_multicast or one.is_unspecified or one in METADATA:
        return False
    if isinstance(one, IPv4Address) and (one.is_reserved or one in {IPv4Address(0)}):
        return False
    return one.is_global or allow_private


def _inside(one: IPv4Address | IPv6Address) -> list[IPv4Address | IPv6Address]:
    if isinstance(one, IPv4Address):
        return [one]
    inner: list[IPv4Address | IPv6Address] = [
        part for part in (one.ipv4_mapped, one.sixtofour, *(one.teredo or ())) if part
    ]
    if one in NAT64:
        inner.append(IPv4Address(int(one) & 0xFFFFFFFF))
    return inner if one.ipv4_mapped else [one, *inner]
