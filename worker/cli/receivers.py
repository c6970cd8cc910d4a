"""What `check` says of those who are told of what happens: where their addresses lead. Nobody is called."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from worker.cli.checking import Finding
from worker.configuration.ranges import is_public
from worker.notices.addresses import Forbidden, checked, resolve

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker.notices.addresses import Resolve
    from worker.settings import Notice, Tenant

PORTS: Final = {"https": 443, "http": 80}


def receivers(tenant: Tenant, resolve: Resolve = resolve) -> Iterator[Finding]:
    """A finding for each receiver of the tenant's notices."""
    for notice in tenant.notices.values():
        state, message = _led(notice, resolve)
        yield Finding(f"{tenant.name}: notices to {notice.name}", state, message)


def _led(notice: Notice, resolve: Resolve) -> tuple[str, str]:
    parts = urlsplit(notice.url)
    host = parts.hostname or ""
    try:
        addresses = checked(host, parts.port or PORTS[parts.scheme], resolve, allow_private=notice.allow_private)
    except Forbidden as error:
        return "wrong", str(error)
    except (OSError, UnicodeError):
        return "wrong", f"{host} leads nowhere: correct url, or this machine's resolver"
    where = "public" if all(is_public(address) for address in addresses) else "private, as allowed"
    return "ok", f"{host} leads to {', '.join(addresses[:3])} ({where}); not called"
