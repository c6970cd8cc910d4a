"""Which addresses are public: everybody's, and nobody's inside. Pure."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

GLOBAL_UNICAST: Final = IPv6Network("2000::/3")
"""The only part of IPv6 that is given out to be reached from everywhere (RFC 4291)."""

NAT64: Final = IPv6Network("64:ff9b::/96")
"""Networks with IPv6 alone reach IPv4 addresses through these (RFC 6052)."""


SPECIAL: Final = (IPv4Network("192.0.0.0/24"), IPv4Network("192.88.99.0/24"))
"""Given out for protocols, and for relays to IPv6 (RFC 6890, RFC 7526): Python takes them, or a part of them, for global."""

DOCUMENTATION: Final = IPv6Network("3fff::/20")
"""RFC 9637: younger than what Python knows."""


def is_public(text: str) -> bool:
    """Whether an address, as a resolver writes it, can only be a host on the internet.

    Not public are private, loopback, link-local, shared, documentation, multicast and reserved ranges, and all IPv6 addresses that carry an
    IPv4 address of such a range inside. What is no address is not public.
    """
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return False
    return _is_public_v4(address) if isinstance(address, IPv4Address) else _is_public_v6(address)


def _is_public_v4(address: IPv4Address) -> bool:
    return address.is_global and not address.is_multicast and not address.is_reserved and not any(address in each for each in SPECIAL)


def _is_public_v6(address: IPv6Address) -> bool:
    inside = _inside(address)
    if not all(_is_public_v4(each) for each in inside):
        return False
    if address in NAT64:
        return True
    return address in GLOBAL_UNICAST and address not in DOCUMENTATION and address.is_global and not address.is_multicast


def _inside(address: IPv6Address) -> tuple[IPv4Address, ...]:
    """The IPv4 addresses that stand in an IPv6 one: where packets to it may come out."""
    if address in NAT64:
        return (IPv4Address(int(address) & 0xFFFF_FFFF),)
    if address.sixtofour is not None:
        return (address.sixtofour,)
    if address.teredo is not None:
        return address.teredo
    return () if address.ipv4_mapped is None else (address.ipv4_mapped,)
