"""`check` says where notices would go."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from worker.cli.receivers import receivers
from worker.settings import Notice, Secret, Tenant

if TYPE_CHECKING:
    from collections.abc import Callable

PUBLIC = "93.184.216.34"


def tenant(*, allow_private: bool) -> Tenant:
    """One receiver, with a path that must not be shown."""
    return Tenant("acme", notices={"shop": Notice("shop", "https://shop.test/hidden", (Secret("s"),), allow_private=allow_private)})


def no_such_host(_host: str, _port: int) -> tuple[str, ...]:
    """A resolver that knows nobody."""
    raise OSError("Name or service not known")


@pytest.mark.parametrize(
    ("resolve", "allow_private", "state", "words"),
    [
        (lambda *_: (PUBLIC,), False, "ok", f"shop.test leads to {PUBLIC} (public)"),
        (lambda *_: ("10.0.0.1",), True, "ok", "10.0.0.1 (private, as allowed)"),
        (lambda *_: (PUBLIC, "10.0.0.1"), False, "wrong", "set allow_private = true if that is meant"),
        (no_such_host, True, "wrong", "shop.test leads nowhere"),
        (lambda *_: (), True, "wrong", "shop.test leads nowhere"),
    ],
)
def test_leads_somewhere(resolve: Callable[[str, int], tuple[str, ...]], allow_private: bool, state: str, words: str) -> None:  # noqa: FBT001 - a parameter of the test
    """Public addresses are fine, private ones with leave only; what leads nowhere is wrong. The path is not shown."""
    (finding,) = receivers(tenant(allow_private=allow_private), resolve)
    assert (finding.what, finding.state) == ("acme: notices to shop", state)
    assert words in finding.message
    assert "hidden" not in finding.message
