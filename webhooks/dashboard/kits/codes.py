"""The codes of kits as parts of addresses, and as what lines are aligned by. Pure.

A code may hold any character: `/`, blanks, `#`, `%`. What a browser or a router would change on its way stands in the query instead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from unicodedata import normalize
from urllib.parse import quote, urlencode

from worker.kinds.codes import folded

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.settings import Tenant

_DOTS: Final = (".", "..")


def kit_address(tenant: str, code: str) -> str:
    """Where the kit's page is."""
    if code in _DOTS or code.startswith("/") or "//" in code:
        return f"/kits?{urlencode({'code': code, 'tenant': tenant})}"
    return f"/kits/{quote(code, safe='')}?{urlencode({'tenant': tenant})}"


def with_query(address: str, **more: str) -> str:
    """An address that has a query, with more of it."""
    return f"{address}&{urlencode(more)}"


def sameness(tenant: Tenant) -> Callable[[str], str]:
    """What codes are compared by: equal where two are one to the tenant."""
    return folded if tenant.sync.ignore_case else _normal


def _normal(code: str) -> str:
    return normalize("NFC", code.strip())
