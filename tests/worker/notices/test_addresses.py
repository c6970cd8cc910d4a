"""Notices go to addresses that were looked at, and nowhere else."""

from __future__ import annotations

import socket
from threading import Event
from typing import TYPE_CHECKING

import pytest

from worker.notices.addresses import Dialler, Forbidden, Resolver, checked, resolve

if TYPE_CHECKING:
    from collections.abc import Callable

PUBLIC = "93.184.216.34"


def leads_to(*addresses: str) -> Callable[[str, int], tuple[str, ...]]:
    """A resolver that says so of every host."""
    return lambda _host, _port: addresses


@pytest.mark.parametrize(
    "inside", ["10.1.2.3", "127.0.0.1", "169.254.169.254", "::1", "fe80::1", "::ffff:10.1.2.3", "224.0.0.1", "240.0.0.1"]
)
def test_inner_address_refused(inside: str) -> None:
    """A host with one inner address among public ones is refused as a whole, and the message says how to allow it."""
    with pytest.raises(Forbidden, match="allow_private = true"):
        checked("shop.test", 443, leads_to(PUBLIC, inside), allow_private=False)
    assert checked("shop.test", 443, leads_to(PUBLIC, inside), allow_private=True) == (PUBLIC, inside)


def test_nowhere_is_no_refusal() -> None:
    """A name without an address is a failure that may pass."""
    with pytest.raises(OSError, match="no address") as caught:
        checked("shop.test", 443, leads_to(), allow_private=True)
    assert not isinstance(caught.value, Forbidden)


def test_rebinding_is_pointless() -> None:
    """The name is asked for once, and the connection goes to the address that was checked, though the name means another by then."""
    answers = iter([(PUBLIC,), ("127.0.0.1",)])
    dialled = []

    def connect(address: tuple[str, int], timeout: float) -> socket.socket:
        dialled.append((address, timeout))
        return socket.socket()

    Dialler(lambda _host, _port: next(answers), connect=connect)("shop.test", 443, 5.0).close()
    assert dialled == [((PUBLIC, 443), 5.0)]


def test_next_address_is_tried() -> None:
    """One address that does not answer leaves the others; after three the last failure counts."""
    dialled = []

    def refuse(address: tuple[str, int], _timeout: float) -> socket.socket:
        dialled.append(address[0])
        raise ConnectionRefusedError(address[0])

    with pytest.raises(ConnectionRefusedError, match=r"1\.0\.0\.3"):
        Dialler(leads_to("1.0.0.1", "1.0.0.2", "1.0.0.3", "1.0.0.4"), connect=refuse)("shop.test", 443, 5.0)
    assert dialled == ["1.0.0.1", "1.0.0.2", "1.0.0.3"]


def test_deaf_resolver_is_left() -> None:
    """Whom the resolver does not answer in time goes on without; no more wait for it than may, and it is asked again when it is back."""
    deaf, asked = Event(), []

    def ask(host: str, *_: object, **__: object) -> list[tuple[object, ...]]:
        asked.append(host)
        if host == "deaf.test":
            deaf.wait()
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (PUBLIC, 443))]

    resolve = Resolver(ask, deadline=0.05, most=2)
    try:
        for _ in range(2):
            with pytest.raises(TimeoutError, match=r"did not find deaf\.test"):
                resolve("deaf.test", 443)
        with pytest.raises(TimeoutError, match="answers nobody"):
            resolve("shop.test", 443)
    finally:
        deaf.set()
    resolve.deadline = 20.0
    assert resolve("shop.test", 443) == (PUBLIC,)
    assert asked.count("shop.test") == 1


def test_resolver_failure_is_told() -> None:
    """What the resolver raises is raised, as often as it does."""

    def ask(*_: object, **__: object) -> list[tuple[object, ...]]:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    resolve = Resolver(ask, most=1)
    for _ in range(3):
        with pytest.raises(socket.gaierror, match="unknown"):
            resolve("nowhere.test", 443)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "2130706433", "0x7f000001", "127.1", "::1"])
def test_spellings_of_loopback(host: str) -> None:
    """However this machine is spelt, its resolver's answer is what is judged."""
    with pytest.raises(Forbidden):
        checked(host, 443, resolve, allow_private=False)
