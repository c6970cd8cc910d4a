"""Make the handler of a lane: the ERP's client, and the works that use it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from worker.assemblies.handler import VismaHandler
from worker.assemblies.reading import AssemblyReading
from worker.clients.auth import Tokens
from worker.clients.intacct.client import IntacctClient
from worker.clients.intacct.tokens import IntacctTokens
from worker.clients.itempath.client import ItemPathClient
from worker.clients.itempath.login import Sessions
from worker.clients.visma.client import VismaClient, visma_auth
from worker.connections import Limits, Meter
from worker.jobs.ledger import utc_now
from worker.jobs.limits import learned
from worker.jobs.model import Lane
from worker.kit_ledger.book import KitBook
from worker.lines.intacct import KitComponentWork
from worker.lines.itempath import KitLineWork
from worker.notices.sending import Sender
from worker.notices.work import NoticeHandler
from worker.reports import observer
from worker.routing import OneByOne, Router
from worker.settings import NOTICES
from worker.sync.comparing import Comparison
from worker.sync.intacct import IntacctKits
from worker.sync.itempath import ItemPathKits
from worker.sync.itempath_book import ItemPathBook
from worker.sync.looking import KitLooking
from worker.sync.remembering import Remembering
from worker.sync.traits import traits_by_erp
from worker.sync.translation import translation_of
from worker.sync.visma import VismaKits
from worker.sync.work import SyncWork

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from worker.clients.base import ClientPool
    from worker.clients.intacct.stores import TokenStore
    from worker.handling import Handler, Work
    from worker.jobs.engine import Database
    from worker.settings import Intacct, ItemPath, Settings, Tenant, Visma
    from worker.sync.system import KitSystem

SYNC: Final = "sync_kit_lines"
READ: Final = "read_kit_assembly"
READ_KIT: Final = "read_kit"
KIT_LINES: Final = ("create_kit_line", "update_kit_line", "delete_kit_line")
KIT_COMPONENTS: Final = ("create_kit_component", "update_kit_component", "delete_kit_component")


@dataclass(frozen=True, slots=True)
class Systems:
    """One tenant's kits in one ERP: as a source, and as a target."""

    source: KitSystem
    target: KitSystem


class Handlers:
    """Makes handlers; all lanes of the process share its clients' pool, tokens and sessions."""

    def __init__(self, settings: Settings, db: Database, pool: ClientPool, store: TokenStore | None = None) -> None:
        self._settings = settings
        self._db = db
        self._pool = pool
        self._tokens = Tokens(pool)
        self._sessions = Sessions(pool)
        self._intacct_tokens = IntacctTokens(pool, store)
        self._makers: dict[str, Callable[[Tenant], Handler | None]] = {
            "visma": self._visma,
            "itempath": self._itempath,
            "intacct": self._intacct,
            NOTICES: self._notices,
        }
        self._sender = Sender()

    def make(self, lane: Lane) -> Handler | None:
        """The lane's handler; None where the settings have no such connection."""
        tenant = self._settings.tenants.get(lane.tenant)
        return None if tenant is None else self._makers[lane.erp](tenant)

    def _visma(self, tenant: Tenant) -> Handler | None:
        if tenant.visma is None:
            return None
        meter = Meter()
        client = self._visma_client(tenant.visma, meter)
        base = VismaHandler(tenant.visma, client, meter, time.time)
        kits = VismaKits(tenant.visma, client, tenant.sync.visma_recipe)
        works = {READ: OneByOne(AssemblyReading(client))}
        return self._router(tenant, _Parts(tenant.visma, meter, Systems(kits, kits.as_target()), works, base.probe, base))

    def _itempath(self, tenant: Tenant) -> Handler | None:
        if tenant.itempath is None:
            return None
        meter = Meter()
        observe = observer(meter)
        client = ItemPathClient(tenant.itempath, self._pool, self._sessions.auth(tenant.itempath, observe), observe)
        kits = ItemPathKits(tenant.itempath, client, ItemPathBook(self._book(tenant)))
        works = dict.fromkeys(KIT_LINES, OneByOne(KitLineWork(client, tenant.itempath)))
        return self._router(tenant, _Parts(tenant.itempath, meter, Systems(kits, kits), works, lambda: client.list_kit_lines(limit=1)))

    def _intacct(self, tenant: Tenant) -> Handler | None:
        if tenant.intacct is None:
            return None
        meter = Meter()
        observe = observer(meter)
        client = IntacctClient(tenant.intacct, self._pool, self._intacct_tokens.auth(tenant.intacct, observe), observe)
        kits = IntacctKits(client, tenant.intacct)
        works = dict.fromkeys(KIT_COMPONENTS, OneByOne(KitComponentWork(client, tenant.intacct)))
        return self._router(tenant, _Parts(tenant.intacct, meter, Systems(kits, kits), works, client.list_kit_components))

    def _notices(self, tenant: Tenant) -> Handler | None:
        lane = Lane(tenant.name, NOTICES)
        return NoticeHandler(tenant.notices, self._sender, lambda: learned(self._db, lane), time.time) if tenant.notices else None

    def _router(self, tenant: Tenant, parts: _Parts) -> Router:
        translation = translation_of(tenant.sync)
        book = KitBook(self._db, tenant.name, utc_now, translation.same)
        source, target = parts.systems.source, parts.systems.target
        sync = SyncWork(target, tenant, book, translation, source=source)
        remembering = Remembering(book, tenant.sync, translation)
        traits = traits_by_erp(tenant)
        comparison = Comparison(source, target, tenant, remembering, translation, self._db, traits, utc_now)
        looking = KitLooking(source, target, tenant, remembering, translation, traits)
        settings = parts.settings
        return Router(
            Limits(settings.slots, settings.calls_per_hour),
            settings.retries,
            parts.meter,
            {**parts.works, SYNC: sync, READ_KIT: OneByOne(looking)},
            {SYNC: comparison.plan},
            parts.read,
            time.time,
            parts.base,
        )

    def _visma_client(self, settings: Visma, meter: Meter) -> VismaClient:
        observe = observer(meter)
        return VismaClient(settings, self._pool, visma_auth(settings, self._tokens, observe), observe)

    def _book(self, tenant: Tenant) -> KitBook:
        return KitBook(self._db, tenant.name, utc_now, translation_of(tenant.sync).same)


@dataclass(frozen=True, slots=True)
class _Parts:
    """What differs between the ERPs. `read` is one harmless call."""

    settings: Visma | ItemPath | Intacct
    meter: Meter
    systems: Systems
    works: Mapping[str, Work] = field(default_factory=dict)
    read: Callable[[], object] = lambda: None
    base: Handler | None = None
