"""Which addresses are public."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.configuration.ranges import is_public

INSIDE = [
    *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.2.0/24"),
    *(
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
        "192.0.0.0/24",
        "192.88.99.0/24",
    ),
]


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "93.184.216.34", "2606:4700:4700::1111", "2a00:1450:400f::1", "64:ff9b::808:808", "2002:808:808::1"]
)
def test_public_addresses(address: str) -> None:
    """What everybody can reach is public, also through NAT64 and 6to4."""
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        *("::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12:3456::1", "fec0::1", "ff02::1", "2001:db8::1", "100::1", "::127.0.0.1"),
        *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:8.8.8.8", "64:ff9b::7f00:1", "64:ff9b:1::1", "2002:7f00:1::1", "2002:a00:1::1"),
        *("2001:0:7f00:1::1", "3fff::1", "", "localhost", "0x7f.1", "127.1", "8.8.8.8.8"),
    ],
)
def test_inner_addresses(address: str) -> None:
    """Local ranges are not public, nor IPv6 addresses that carry one inside, nor what is no address."""
    assert not is_public(address)


@given(st.sampled_from(INSIDE), st.integers(0, 2**32 - 1))
def test_ranges_hold_whole(network: str, number: int) -> None:
    """No address of an inner range of IPv4 is public, neither plain nor inside IPv6."""
    span = IPv4Network(network)
    address = IPv4Address(int(span.network_address) + number % span.num_addresses)
    inside = (
        IPv6Address(int(IPv6Address("::ffff:0:0")) + int(address)),
        IPv6Address(int(IPv6Address("64:ff9b::")) + int(address)),
        IPv6Address((0x2002 << 112) + (int(address) << 80)),
    )
    assert not any(is_public(str(each)) for each in (address, *inside))
