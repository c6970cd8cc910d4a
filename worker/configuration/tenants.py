"""What the values of one tenant must hold together: its connections and sources; its sync by `syncs`, its rules by `rules`."""

from __future__ import annotations

import re
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Final

from worker.configuration.notices import check_notices
from worker.configuration.places import inside
from worker.configuration.rules import check_rules
from worker.configuration.standard import PREFIX
from worker.configuration.syncs import check_sync
from worker.errors import Fault
from worker.settings import ERPS, Retries
from worker.settings import Visma as VismaSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from worker.configuration.tables import Table, TenantTables

DAY: Final = 86_400.0
_BASE64: Final = re.compile(r"[A-Za-z0-9+/]+")
RETRIES: Final = Retries()
DEFAULTS: Final[dict[str, Any]] = {field.name: field.default for field in fields(VismaSettings)}
OWN_ID: Final = "standard-webhooks brings an id of its own"
FITS: Final[dict[str, dict[str, str]]] = {
    "standard-webhooks": {
        "header": "standard-webhooks names its headers itself",
        "encoding": "standard-webhooks has one encoding",
        "id_header": OWN_ID,
        "id": OWN_ID,
    },
    "bearer": {"header": "bearer stands in Authorization", "encoding": "bearer has no encoding"},
    "hmac-sha256": {},
}
"""By scheme, the keys that mean nothing with it, and why."""


def check_tenant(tenant: TenantTables) -> Iterator[Fault]:
    """All faults between the values of one tenant."""
    for erp, table in tenant.connections.items():
        if not table.broken:
            yield from _retries(table)
            yield from CONNECTION_CHECKS.get(erp, _nothing)(table)
    yield from check_sync(tenant)
    for table in tenant.sources:
        yield from _source(table)
    yield from _source_names(tenant)
    yield from check_rules(tenant)
    yield from check_notices(tenant)


def _nothing(_: Table) -> Iterator[Fault]:
    yield from ()


def _retries(table: Table) -> Iterator[Fault]:
    first, most = table.get("retry_first", RETRIES.first), table.get("retry_max", RETRIES.most)
    if first and most and first > most:
        yield Fault(
            table.at("retry_first" if "retry_first" in table.written else "retry_max"), "retry_first must not be longer than retry_max"
        )


def _visma(table: Table) -> Iterator[Fault]:
    yield from _proofs(table)
    give_up = table.get("give_up", DEFAULTS["give_up"])
    if give_up and give_up >= DAY:
        yield Fault(table.at("give_up"), "must be shorter than 24h: by then Visma has forgotten the operation")
    waits = {key: table.get(key, DEFAULTS[key]) for key in ("poll_max", "second_look")}
    longer = [key for key, wait in waits.items() if wait and give_up and wait >= give_up]
    yield from (Fault(table.at(key), "must be shorter than give_up") for key in longer if key in table.written)
    if unwritten := [key for key in longer if key not in table.written]:
        yield Fault(table.at("give_up"), f"must be longer than {' and '.join(unwritten)}")
    first, most = table.get("first_poll"), table.get("poll_max", DEFAULTS["poll_max"])
    if first and most and first > most:
        yield Fault(table.at("first_poll"), "must not be longer than poll_max")


def _proofs(table: Table) -> Iterator[Fault]:
    """What url mode needs; without `webhook_keys` a subscription's notifications are refused, of which `kitrelay check` warns."""
    background = table.get("background", "subscription")
    for key in {"url": ("callback_url", "callback_tokens")}.get(background, ()):
        if key not in table.written or table.get(key) == ():
            yield Fault(table.at(key), f'is required with background = "{background}"')


def _itempath(table: Table) -> Iterator[Fault]:
    has = table.written
    if "token" in has:
        for key in sorted({"username", "password"} & has):
            yield Fault(table.at(key), "is of no use beside token: give one or the other")
    elif not {"username", "password"} & has:
        yield Fault(table.path, "needs token, or username with password")
    else:
        for key in sorted({"username", "password"} - has):
            yield Fault(table.at(key), "is required, as username and password go together")


CONNECTION_CHECKS: Final[dict[str, Callable[[Table], Iterator[Fault]]]] = {"visma": _visma, "itempath": _itempath}


def _source(table: Table) -> Iterator[Fault]:
    scheme, has = table.get("scheme"), table.written
    if scheme == "hmac-sha256" and "header" not in has:
        yield Fault(table.at("header"), "is required with hmac-sha256")
    for key, why in FITS.get(scheme, {}).items():
        if key in has:
            yield Fault(table.at(key), f"does not belong here: {why}")
    if scheme != "standard-webhooks" and {"id", "id_header"} <= has:
        yield Fault(table.at("id"), "is of no use beside id_header: give one or the other")
    if scheme == "standard-webhooks":
        yield from _prefixed(table)


def _prefixed(table: Table) -> Iterator[Fault]:
    """What says that it is base64 must be: with the text itself nothing would ever be proven. Padding may be left out."""
    for index, secret in enumerate(table.get("secrets") or ()):
        text = secret.reveal()
        bare = text.removeprefix(PREFIX).rstrip("=")
        if text.startswith(PREFIX) and not (bare and _BASE64.fullmatch(bare) and len(bare) % 4 != 1):
            yield Fault(inside(table.at("secrets"), index), f"must be base64 after {PREFIX}")


def _source_names(tenant: TenantTables) -> Iterator[Fault]:
    names: set[str] = set()
    for table in tenant.sources:
        name = table.get("name")
        if name in ERPS:
            yield Fault(table.at("name"), "is an ERP's: choose another")
        if name in names:
            yield Fault(table.at("name"), "is the name of a source before it")
        names |= {name} if name else set()
