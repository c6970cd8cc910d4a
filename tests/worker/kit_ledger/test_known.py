"""What pages show of a kit at once: each system's side as it was last read, names it had, kits that hold it, agreements."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from tests.worker.kit_ledger.acting import NOW, Clock, kit
from worker.kit_ledger.book import KitBook
from worker.kit_ledger.finding import find_kits
from worker.kit_ledger.known import known
from worker.kit_ledger.model import FAULT, Snapshot
from worker.kits.codec import to_json
from worker.kits.codes import Codes
from worker.kits.model import Line, Recipe
from worker.settings import Alias, Intacct, ItemPath, Secret, Sync, Tenant, Visma

if TYPE_CHECKING:
    from worker.jobs.engine import Database
    from worker.kit_ledger.known import KnownSide

VISMA = Visma("https://visma.example", "https://token.example", "id", Secret("s"), "t")
ITEMPATH = ItemPath("https://itempath.example", token=Secret("t"))
INTACCT = Intacct("https://intacct.example", "id", Secret("s"), "user@company")


def tenant_of(name: str = "acme", **sync: Any) -> Tenant:
    """A tenant with all three systems."""
    return Tenant(name, VISMA, ITEMPATH, INTACCT, Sync(**{"source": "intacct", "targets": ("itempath",), **sync}))


def book_of(db: Database, tenant: Tenant, clock: Clock | None = None) -> KitBook:
    """Its book."""
    return KitBook(db, tenant.name, clock or Clock(), Codes((), ignore_case=tenant.sync.ignore_case).same)


def seen(code: str, *components: str, fingerprint: str = "f", **more: Any) -> Snapshot:
    """A kit as it is kept, with two of each component."""
    lines = tuple(Line(each, Decimal("2.00"), "PIECE", rank=rank) for rank, each in enumerate(components, 1))
    given = {"revision": None, **more}
    return Snapshot(code, f"id-{code}", fingerprint, to_json(Recipe(code, lines)), parts=components, **given)


def sides_of(db: Database, tenant: Tenant, code: str) -> dict[str, KnownSide]:
    """The known sides by system."""
    with db.read() as connection:
        return {side.erp: side for side in known(connection, tenant, code).sides}


def test_sides(db: Database) -> None:
    """A side for each system, the source first, with its lines and the time of its reading; what was never read is unknown."""
    tenant, clock = tenant_of(), Clock()
    book_of(db, tenant, clock).keep("intacct", [seen("CHAIR", "LEG", "SEAT", revision="R1")])

    sides = sides_of(db, tenant, "CHAIR")

    assert [(side.erp, side.role, side.state) for side in sides.values()] == [
        ("intacct", "source", "present"),
        ("visma", "other", "unknown"),
        ("itempath", "target", "unknown"),
    ]
    found = sides["intacct"]
    assert [(line.component, line.base_quantity, line.base_unit, line.rank, line.kit) for line in found.lines] == [
        ("LEG", "2", "PIECE", 1, False),
        ("SEAT", "2", "PIECE", 2, False),
    ]
    assert (found.seen_at, found.id, found.revision, found.active) == (NOW, "id-CHAIR", "R1", True)
    assert (sides["visma"].seen_at, sides["visma"].lines) == (None, ())


def test_spellings(db: Database) -> None:
    """A code is known by every spelling that is one code to the tenant, and by no other."""
    loose, strict = tenant_of(ignore_case=True), tenant_of("strict", ignore_case=False)
    for tenant in (loose, strict):
        book_of(db, tenant).keep("visma", [seen("Chair", "LEG")])

    assert sides_of(db, loose, " chair ")["visma"].state == "present"
    assert sides_of(db, strict, "chair")["visma"].state == "unknown"
    assert sides_of(db, strict, "Chair")["visma"].state == "present"


def test_unreadable(db: Database) -> None:
    """A kit that was read and can't be understood says why."""
    tenant = tenant_of()
    book_of(db, tenant).keep("visma", [Snapshot("CHAIR", "id", FAULT, {FAULT: "LEG: PACK can't be split"})])

    side = sides_of(db, tenant, "CHAIR")["visma"]

    assert (side.state, side.trouble, side.lines) == ("unreadable", ("LEG: PACK can't be split",), ())


def test_names_and_holders(db: Database) -> None:
    """What the kit is called there, what it was called before, and which kits hold it."""
    tenant = tenant_of(aliases=(Alias("itempath", "STOL", "CHAIR"),))
    book = book_of(db, tenant)
    book.learn("itempath", [kit("SEDIA", "ID1")])
    book.learn("itempath", [kit("STOL", "ID1")])
    book.keep("itempath", [seen("CHAIR", "LEG"), seen("ROOM", "CHAIR"), seen("HALL", "CHAIR")])

    side = sides_of(db, tenant, "CHAIR")["itempath"]

    assert (side.code, side.former_names, side.where_used) == ("STOL", ("SEDIA",), ("HALL", "ROOM"))


def test_agreements(db: Database) -> None:
    """When source and target were last in step, and whether the target is known to be another since."""
    tenant, clock = tenant_of(), Clock()
    book = book_of(db, tenant, clock)
    book.keep("itempath", [seen("CHAIR", "LEG", fingerprint="now")])
    book.agree("intacct", "itempath", "CHAIR", "s", "then")
    clock.turn(hours=1)
    book.agree("visma", "itempath", "CHAIR", "s", "now")
    book.agree("itempath", "visma", "CHAIR", "s", "t")
    book.agree("visma", "itempath", "OTHER", "s", "now")

    with db.read() as connection:
        found = known(connection, tenant, "CHAIR").agreements

    assert [(each.source, each.target, each.target_changed) for each in found] == [
        ("itempath", "visma", None),
        ("visma", "itempath", False),
        ("intacct", "itempath", True),
    ]
    assert found[-1].at == NOW


def test_other_tenants(db: Database) -> None:
    """Nothing is told of another tenant's kits."""
    book_of(db, tenant_of("other")).keep("visma", [seen("CHAIR", "LEG")])

    assert {side.state for side in sides_of(db, tenant_of(), "CHAIR").values()} == {"unknown"}
    with db.read() as connection:
        assert find_kits(connection, [tenant_of()], "", 10).kits == ()


def test_found_by_beginning(db: Database) -> None:
    """Kits whose code begins so, once each, in the order of codes, with the systems that have them and when they were read last."""
    tenant, clock = tenant_of(), Clock()
    book = book_of(db, tenant, clock)
    book.keep("itempath", [seen(code, "LEG") for code in ("CHAIR-2", "CHAIR-1", "CHAIN", "DESK")])
    clock.turn(hours=1)
    book.keep("intacct", [seen("Chair-1", "LEG")])

    with db.read() as connection:
        found = find_kits(connection, [tenant], "chai", 10)
        plain = find_kits(connection, [tenant], "CHAIR-", 10)

    assert [each.code for each in found.kits] == ["CHAIN", "Chair-1", "CHAIR-2"]
    assert [(each.erps, each.seen_at) for each in plain.kits] == [(("intacct", "itempath"), clock()), (("itempath",), NOW)]
    assert (found.next, plain.next) == (None, None)


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 100])
def test_page_after_page(db: Database, limit: int) -> None:
    """Page after page gives every kit of every tenant once, in one order, whatever the size of a page."""
    tenants = [tenant_of("acme"), tenant_of("globex")]
    for tenant in tenants:
        book_of(db, tenant).keep("visma", [seen(f"K{number}", "LEG") for number in range(6)])
        book_of(db, tenant).keep("itempath", [seen(f"K{number}", "LEG") for number in range(3, 9)])
    kits, after = [], None
    with db.read() as connection:
        for _ in range(40):
            page = find_kits(connection, tenants, "k", limit, after)
            assert len(page.kits) <= limit
            kits += [(each.code, each.tenant) for each in page.kits]
            after = page.next
            if after is None:
                break

    assert kits == [(f"K{number}", tenant.name) for number in range(9) for tenant in tenants]
