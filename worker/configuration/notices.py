"""What the table of a receiver of notices must hold together, as far as that is known without asking who has which address."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from worker.configuration.addresses import is_loopback
from worker.configuration.ranges import is_public
from worker.errors import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker.configuration.tables import TenantTables


def check_notices(tenant: TenantTables) -> Iterator[Fault]:
    """All faults of a tenant's receivers."""
    names: set[str] = set()
    for table in tenant.notices:
        name, url = table.get("name"), table.get("url")
        if name in names:
            yield Fault(table.at("name"), "is the name of a receiver before it")
        names |= {name} if name else set()
        if url and _is_inside(urlsplit(url).hostname or "") and table.get("allow_private", default=False) is False:
            yield Fault(table.at("allow_private"), "must be true, since url names an address that is not public")


def _is_inside(host: str) -> bool:
    """Whether a host is written as an address that is not public. What a name leads to is looked at when it is called."""
    try:
        return not is_public(str(ipaddress.ip_address(host)))
    except ValueError:
        return is_loopback(host)
