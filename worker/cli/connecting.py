"""`check` on connections: each ERP's token and a harmless read, its clock, and whether kits can be read where syncs need them."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from worker.cli.checking import TIMEOUT, Finding
from worker.cli.reading import erp_clock, intacct_client, itempath_client, visma_client
from worker.clients.intacct.query import ITEM, KIT_COMPONENT, Query
from worker.clients.intacct.schemas import component_of, item_of
from worker.clients.visma.lists import KitAssemblyFilter
from worker.clients.visma.specifications import KitSpecifications
from worker.errors import CallError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from worker.clients.answers import Answer
    from worker.clients.intacct.client import IntacctClient
    from worker.clients.itempath.client import ItemPathClient
    from worker.clients.visma.client import VismaClient
    from worker.settings import ItemPath, Settings, Tenant, Visma

LIMITED: Final = "it lets no more calls through now: look again later"


@dataclass
class Clock:
    """Hears every answer; `ahead` is by how many seconds the ERP's clock is ahead of ours, once an answer told its time."""

    ahead: float | None = None

    def __call__(self, answer: Answer) -> None:
        """The ERP's time is when it made the answer, so after the call began. It has whole seconds."""
        if answer.server_date is not None:
            self.ahead = answer.server_date.timestamp() - answer.at - answer.ms / 1000


@dataclass(frozen=True, slots=True)
class Looks:
    """How one ERP is looked at: `read` is a harmless call that says what was seen, `kits` reads a kit; what to do where they fail."""

    client: Callable[..., Any]
    read: Callable[[Any], str]
    kits: Callable[[Any], object]
    advice: Mapping[str, str]
    otherwise: str
    warning: Callable[[Any], str | None] = field(default=lambda _settings: None)


def connection(settings: Settings, tenant: Tenant, erp: str) -> tuple[Finding, float | None]:
    """A token and a harmless read; and by how many seconds the ERP's clock is ahead of ours, if it said so."""
    name, looks, table = f"{tenant.name}/{erp}", LOOKS[erp], getattr(tenant, erp)
    clock = Clock()
    with closing(looks.client(settings, tenant.name, clock)) as reader:
        try:
            seen = looks.read(reader.client)
        except CallError as error:
            return Finding(name, "wrong", f"{error.error_class}: {error.message}; {advice(looks, error)}"), clock.ahead
    ahead = clock.ahead if clock.ahead is not None else erp_clock(table.base_url, TIMEOUT)
    wanting = looks.warning(table)
    return Finding(name, "warning" if wanting else "ok", f"{seen}, but {wanting}" if wanting else seen), ahead


def sync(settings: Settings, tenant: Tenant, broken: frozenset[str]) -> Iterator[Finding]:
    """Whether kits can be read in the source and the targets of the tenant's syncs. `broken`: ERPs that nothing can be read in."""
    places = tuple(dict.fromkeys(erp for erp in (tenant.sync.source, *tenant.sync.targets) if erp is not None))
    if not places:
        return
    name = f"{tenant.name}/sync"
    wrong = {erp: "it can't be read at all" if erp in broken else _unread(settings, tenant, erp) for erp in places}
    told = [f"no kits can be read in {erp}, so none are kept in step there: {why}" for erp, why in wrong.items() if why is not None]
    yield from (Finding(name, "warning", each) for each in told)
    if not told:
        way = f"{tenant.sync.source} to {', '.join(tenant.sync.targets)}" if tenant.sync.source else ", ".join(places)
        yield Finding(name, "ok", f"{way}: kits can be read")


def advice(looks: Looks, error: CallError) -> str:
    """What to do about a call that failed."""
    return {"rate_limited": LIMITED, **looks.advice}.get(error.error_class, looks.otherwise)


def _unread(settings: Settings, tenant: Tenant, erp: str) -> str | None:
    """Why kits can't be read there; None: they can."""
    looks = LOOKS[erp]
    if (erp, tenant.sync.source, tenant.sync.visma_recipe) == ("visma", "visma", "assembly"):
        return None  # its recipes are kit assemblies, which were read before
    with closing(looks.client(settings, tenant.name)) as reader:
        try:
            looks.kits(reader.client)
        except CallError as error:
            return f"{error.error_class}: {error.message}"
    return None


def _visma(client: VismaClient) -> str:
    page = client.list_statuses(KitAssemblyFilter(), page_number=1, page_size=1)
    return "it can be read" if page.total_count is None else f"{page.total_count} kit assemblies"


def _visma_kits(client: VismaClient) -> object:
    return KitSpecifications(client).list_heads(page_number=1, page_size=1)


def _no_keys(table: Visma) -> str | None:
    if table.webhook_keys or table.background != "subscription":
        return None
    return "no webhook_keys: notifications are refused, and outcomes are polled for"


def _itempath(client: ItemPathClient) -> str:
    found = client.list_kit_lines(limit=1)
    return "kit lines can be read" if found else "it can be read, and has no kit lines"


def _no_secret(table: ItemPath) -> str | None:
    return None if table.webhook_secret is not None else "no webhook_secret: its pushes are refused, and edits are found by comparing"


def _intacct(client: IntacctClient) -> str:
    page = client.query(Query(object=KIT_COMPONENT, fields=("key",), size=1), component_of)
    return "it can be read" if page.total is None else f"{page.total} kit components"


def _intacct_kits(client: IntacctClient) -> object:
    return client.query(Query(object=ITEM, fields=("key", "id", "itemType"), size=1), item_of)


LOOKS: Final[dict[str, Looks]] = {
    "visma": Looks(
        visma_client,
        _visma,
        _visma_kits,
        {"auth": "look at client_id, client_secret, tenant_id and scopes", "missing_reference": "look at base_url"},
        "look at base_url and token_url, and whether it is up",
        _no_keys,
    ),
    "itempath": Looks(
        itempath_client,
        _itempath,
        lambda client: client.list_kits(limit=1),
        {"auth": "look at username and password, or token", "missing_reference": "look at base_url, which has no /api at its end"},
        "look at base_url, and whether it is up",
        _no_secret,
    ),
    "intacct": Looks(
        intacct_client,
        _intacct,
        _intacct_kits,
        {
            "auth": "look at client_id, client_secret, username (user@company) and entity",
            "missing_reference": "look at base_url, which ends with /ia/api/v1",
            "validation": "look at username (user@company) and entity",
        },
        "look at base_url, and whether it is up",
    ),
}
"""By ERP."""
