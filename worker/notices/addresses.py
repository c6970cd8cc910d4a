"""Where a host's name leads, and whether we may go there.

A name is resolved by us, every address it has is looked at, and the connection goes to an address that was: a name that means another
address a moment later changes nothing. One address that is not public refuses them all, since nobody mixes them without a purpose.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import BoundedSemaphore, Thread
from time import monotonic
from typing import Any, Final

from worker.configuration.ranges import is_public

MOST: Final = 3
"""So many addresses of a host are tried, one after the other."""

DEADLINE: Final = 5.0
"""Seconds for looking a name up."""

MOST_ASKED: Final = 8
"""Names that are looked up at once, in one process."""

Addresses = tuple[str, ...]
Resolve = Callable[[str, int], Addresses]
"""The addresses of a host, in the order of their worth. Raises `OSError` where it has none."""
Ask = Callable[..., Iterable[tuple[Any, ...]]]
Connect = Callable[[tuple[str, int], float], socket.socket]


class Forbidden(OSError):
    """The host leads to where notices must not go. Nothing was sent, as after any other failure to connect."""


class Resolver:
    """Looks names up, and waits only so long for the answer.

    What this machine asks knows no timeout of ours, and nothing stops it: it is asked in a thread, which is left to itself when the time is
    up. Of these there are few, however many names lead nowhere.

    Args:
        ask: Answers as `socket.getaddrinfo` does.
        deadline: Seconds for one name.
        most: Names that are looked up at once.
    """

    def __init__(self, ask: Ask = socket.getaddrinfo, *, deadline: float = DEADLINE, most: int = MOST_ASKED) -> None:
        self._ask = ask
        self.deadline = deadline
        self._free = BoundedSemaphore(most)

    def __call__(self, host: str, port: int) -> Addresses:
        """The addresses of a host. Raises `TimeoutError`, or the `OSError` of the answer."""
        until = monotonic() + self.deadline
        if not self._free.acquire(timeout=self.deadline):
            raise TimeoutError(f"{host} was not looked up: the resolver answers nobody")
        answer: SimpleQueue[Addresses | Exception] = SimpleQueue()
        try:
            Thread(target=self._look_up, args=(host, port, answer), name="resolver", daemon=True).start()
        except RuntimeError as error:
            self._free.release()
            raise OSError(f"{host} was not looked up: {error}") from error
        try:
            found = answer.get(timeout=max(0.0, until - monotonic()))
        except Empty:
            raise TimeoutError(f"the resolver did not find {host} within {self.deadline:.0f} s") from None
        if isinstance(found, Exception):
            raise found
        return found

    def _look_up(self, host: str, port: int, answer: SimpleQueue[Addresses | Exception]) -> None:
        try:
            found = self._ask(host, port, type=socket.SOCK_STREAM)
            answer.put(tuple(dict.fromkeys(str(address[0]) for *_, address in found)))
        except Exception as error:  # noqa: BLE001 - whoever asked raises it
            answer.put(error)
        finally:
            self._free.release()


resolve: Final = Resolver()
"""What this machine says, within one process."""


def checked(host: str, port: int, resolve: Resolve, *, allow_private: bool) -> tuple[str, ...]:
    """The addresses of a host, all of them fit to be called. Raises `Forbidden`, or `OSError` for a name that leads nowhere."""
    addresses = resolve(host, port)
    if not addresses:
        raise OSError(f"{host} has no address")
    inside = [address for address in addresses if not is_public(address)]
    if inside and not allow_private:
        raise Forbidden(f"{host} leads to {inside[0]}, which is not a public address: set allow_private = true if that is meant")
    return addresses


class Dialler:
    """Opens connections to addresses that were checked, whatever names mean by then."""

    def __init__(self, resolve: Resolve = resolve, *, allow_private: bool = False, connect: Connect = socket.create_connection) -> None:
        self._resolve = resolve
        self._connect = connect
        self._allow_private = allow_private

    def __call__(self, host: str, port: int, timeout: float) -> socket.socket:
        """A connected socket. Raises `OSError`; what is raised for the last address counts."""
        failure: OSError = OSError(f"{host} has no address")
        for address in checked(host, port, self._resolve, allow_private=self._allow_private)[:MOST]:
            try:
                opened = self._connect((address, port), timeout)
            except OSError as error:
                failure = error
                continue
            with suppress(OSError):
                opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return opened
        raise failure
