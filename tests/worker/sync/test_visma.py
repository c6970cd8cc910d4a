"""Visma's kits as a sync sees them, against the simulated Visma over HTTP: what is read, what is written, and with how many calls."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.worker.sandbox.harness import Erp, RunningSandbox, until
from worker.clients.auth import Tokens
from worker.clients.base import ClientPool
from worker.clients.visma.client import VismaClient, visma_auth
from worker.clients.visma.specifications import KitSpecifications
from worker.errors import BadAnswer, CallError, Missing, NotSent, RateLimited, Rejected, Unclear
from worker.kits.model import CreateLine, DeleteLine, Item, Line, RemoteKit, UpdateLine
from worker.sandbox import CompanySettings, SandboxSettings
from worker.settings import Secret, Timing, Visma
from worker.sync.system import KitSystem, Order, Written
from worker.sync.visma import VismaKits
from worker.sync.visma_catalogue import ALL_EVERY, FRESH, Catalogue
from worker.sync.visma_reading import line_id, place_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker.kits.model import Write
    from worker.sync.system import KitPage

LINES = [
    {"component": "BULB", "quantity": "4"},
    {"component": "STAND", "quantity": "0.25"},
    {"component": "WORK", "quantity": "2", "stocked": False},
]
LIST = "GET /v1/KitSpecifications"
JOB = "0191-job"
OPERATION = "5d0c0000-0000-4000-8000-000000000001"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[RunningSandbox]:
    """A simulated Visma with quick operations and small pages."""
    settings = SandboxSettings(companies=(CompanySettings("demo"),), accept_ms=0, finish_ms=5, jitter=0, max_page=10)
    with RunningSandbox(settings) as running:
        yield running


@pytest.fixture
def erp(sandbox: RunningSandbox) -> Iterator[Erp]:
    """The company, as at the start."""
    made = Erp(sandbox.url)
    assert made.owner.post("/reset").status_code == 204
    with made:
        yield made


@dataclass
class Clock:
    """A clock that goes forward when told to. It starts at the sandbox's time."""

    now: float = field(default_factory=time.time)

    def __call__(self) -> float:
        """What it shows."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    """The adapter's clock."""
    return Clock()


@pytest.fixture
def client(erp: Erp) -> Iterator[VismaClient]:
    """A client of the company."""
    with ClientPool(Timing()) as pool:
        settings = settings_of(erp.url)
        yield VismaClient(settings, pool, visma_auth(settings, Tokens(pool)))


@pytest.fixture
def kits(client: VismaClient, clock: Clock) -> VismaKits:
    """The adapter, by specification."""
    return VismaKits(settings_of(""), client, clock=clock)


@pytest.fixture
def built(client: VismaClient, clock: Clock) -> VismaKits:
    """The adapter, by assembly."""
    return VismaKits(settings_of(""), client, "assembly", clock=clock)


def settings_of(url: str) -> Visma:
    """The company's settings."""
    return Visma(url, f"{url}/connect/token", "demo-client", Secret("demo-secret"), "demo", second_look=7.0)


def put(erp: Erp, code: str = "LAMP", lines: list[dict[str, Any]] | None = None, **more: Any) -> None:
    """The kit as a person saves it in Visma."""
    erp.owner.put(f"/kits/visma/demo/{code}", json={"lines": LINES if lines is None else lines, **more}).raise_for_status()


def routes(erp: Erp) -> dict[str, int]:
    """How many calls each route had."""
    return {name: sum(statuses.values()) for name, statuses in erp.counts()["routes"].items()}


def lines_of(kit: RemoteKit) -> list[tuple[str, str, Decimal, bool]]:
    """Id, component, quantity and stock of all lines."""
    return [(one.id, one.line.component, one.line.quantity, one.line.stocked) for one in kit.lines]


def pages(kits: KitSystem) -> list[KitPage]:
    """All pages."""
    found = [kits.page(None)]
    while found[-1].cursor is not None:
        found.append(kits.page(found[-1].cursor))
    return found


def order_of(kit: RemoteKit, *writes: Write, **more: Any) -> Order:
    """An order for these writes."""
    return Order(JOB, kit, writes, more.pop("items", {}), **more)


def done(kits: VismaKits, written: Written) -> CallError | bool:
    """What became of the operation."""
    assert written.operation is not None
    operation = written.operation
    until(lambda: kits.operation_done(operation) is not False)
    return kits.operation_done(operation)


def test_traits(kits: KitSystem) -> None:
    """What differs between the systems is said as facts."""
    traits = kits.traits
    assert (traits.erp, traits.imports, traits.stock_only, traits.numbering, traits.most_code) == ("visma", False, False, "own", 30)
    assert (traits.makes_kits, traits.second_look) == ("with_lines", 7.0)


def test_read_one_list(erp: Erp, kits: VismaKits) -> None:
    """Stock and non-stock lines are one list, quantities exact; an id tells list and number; units are Visma's text."""
    put(erp)

    kit = kits.read(["LAMP"])["LAMP"]

    assert lines_of(kit) == [
        ("stock:1", "BULB", Decimal(4), True),
        ("stock:2", "STAND", Decimal("0.25"), True),
        ("nonstock:1", "WORK", Decimal(2), False),
    ]
    assert [(one.line.rank, one.number, one.line.unit, one.item_id) for one in kit.lines][2] == (3, 1, "Piece", "WORK")
    assert kit.lines[0].line.extras["disassembly_coeff"] == 1
    assert (kit.id, kit.code, kit.revision, kit.active, kit.type) == ("LAMP/1", "LAMP", "1", True, "kit")
    assert kits.read(["NONE"]) == {}


def test_read_newest_active(erp: Erp, kits: VismaKits) -> None:
    """Of several active revisions the one changed last counts, and the others are named; a named one is read as it is."""
    for revision, active in (("A", True), ("B", True), ("C", False)):
        put(erp, lines=[{"component": "BULB", "quantity": str(ord(revision))}], revision=revision, active=active)

    kit = kits.read(["LAMP"])["LAMP"]
    retired = kits.read(["LAMP", "NONE"], "C")

    assert (kit.revision, kit.lines[0].line.quantity, kit.facts["other_revisions"]) == ("B", Decimal(66), ["A"])
    assert [(one.revision, one.active) for one in retired.values()] == [("C", False)]


def test_read_retired(erp: Erp, kits: VismaKits) -> None:
    """A kit with retired revisions only is there, and says that it is not active; no page shows it."""
    put(erp, active=False)

    assert kits.read(["LAMP"])["LAMP"].active is False
    assert [page.kits for page in pages(kits)] == [()]


def test_inner_kit_known(erp: Erp, kits: VismaKits) -> None:
    """A component with an active specification of its own is a kit; without, an item."""
    put(erp, "STAND", [{"component": "FOOT", "quantity": "1"}])
    put(erp)
    put(erp, "BULB", active=False)

    kit = kits.read(["LAMP"])["LAMP"]

    assert [one.line.type for one in kit.lines] == ["item", "kit", "item"]
    assert kits.items(["STAND", "FOOT", "WORK", "NEW"]) == {
        "STAND": Item("STAND", "STAND", "kit"),
        "FOOT": Item("FOOT", "FOOT"),
        "WORK": Item("WORK", "WORK", stocked=False),
        "NEW": Item("NEW", "NEW"),
    }


def test_fewest_calls(erp: Erp, kits: VismaKits, clock: Clock) -> None:
    """The first reading reads the list, which knows all; then a kit is a call, and what is new a call more, twice a minute at most."""
    for number in range(3):
        put(erp, f"SET-{number}")
    kits.read(["SET-0"])
    assert routes(erp) == {LIST: 1}

    kits.read(["SET-1"])
    kits.items(["SET-2"])
    assert routes(erp) == {LIST: 2}

    clock.now += FRESH
    kits.read(["SET-1"])
    assert routes(erp) == {LIST: 4}

    kits.read(["SET-0", "SET-1", "SET-2"])  # all of it is one page, so that is one call, not three
    assert routes(erp) == {LIST: 5}


def test_changes_learned(erp: Erp, kits: VismaKits, clock: Clock) -> None:
    """What becomes a kit later is seen by the list of changes; what was deleted by the next full reading."""
    put(erp)
    kits.read(["LAMP"])
    put(erp, "BULB", [{"component": "GLASS", "quantity": "1"}])
    assert kits.read(["LAMP"])["LAMP"].lines[0].line.type == "item"

    clock.now += FRESH
    assert kits.read(["LAMP"])["LAMP"].lines[0].line.type == "kit"

    erp.owner.delete("/kits/visma/demo/BULB").raise_for_status()
    clock.now += ALL_EVERY
    assert kits.read(["LAMP"])["LAMP"].lines[0].line.type == "item"


def test_pages_of_all(erp: Erp, kits: VismaKits) -> None:
    """All kits with an active specification, each once, on whichever page its newest revision stands; two calls for a page."""
    erp.owner.post("/kits", json={"count": 23, "lines_each": 2, "erps": ["visma"]}).raise_for_status()
    for revision in ("0", "2"):
        put(erp, "KIT-00010", revision=revision)
    put(erp, "KIT-00011", active=False)

    found = pages(kits)

    codes = [kit.code for page in found for kit in page.kits]
    assert codes == [f"KIT-{number:05}" for number in range(1, 24) if number != 11]
    chosen = next(kit for page in found for kit in page.kits if kit.code == "KIT-00010")
    assert (chosen.revision, chosen.facts["other_revisions"]) == ("2", ["0", "1"])
    assert (len(found), routes(erp)) == (3, {LIST: 6})


def test_one_page_one_call(erp: Erp, kits: VismaKits) -> None:
    """A company whose specifications fit on one page costs one call, inner kits told apart."""
    put(erp, "STAND", [{"component": "FOOT", "quantity": "1"}])
    put(erp)

    (page,) = pages(kits)

    assert {kit.code: [one.line.type for one in kit.lines] for kit in page.kits} == {"LAMP": ["item", "kit", "item"], "STAND": ["item"]}
    assert routes(erp) == {LIST: 1}


def test_write_as_one(erp: Erp, kits: VismaKits) -> None:
    """All writes go out as one PUT with the job in its header; the operation tells the end, and the next reading shows them."""
    put(erp)
    put(erp, "OTHER", [{"component": "HOOK", "quantity": "1"}])
    kit = kits.read(["LAMP"])["LAMP"]
    bulb, stand, work = kit.lines

    written = kits.write(
        order_of(
            kit,
            UpdateLine(bulb, Decimal("4.5")),
            CreateLine(Line("HOOK", Decimal("0.1"), extras={"min_component_qty": Decimal(1), "revenue_percentage": 5})),
            DeleteLine(stand),
            DeleteLine(work),
        )
    )

    assert done(kits, written) is True
    assert [(one.write, one.component, one.outcome, one.line, one.quantity) for one in written.sent] == [
        ("update", "BULB", "accepted", "stock:1", "4.5"),
        ("create", "HOOK", "accepted", None, "0.1"),
        ("delete", "STAND", "accepted", "stock:2", None),
        ("delete", "WORK", "accepted", "nonstock:1", None),
    ]
    after = kits.read(["LAMP"])["LAMP"]
    assert lines_of(after) == [("stock:1", "BULB", Decimal("4.5"), True), ("stock:3", "HOOK", Decimal("0.1"), True)]
    assert (after.lines[1].line.unit, after.lines[1].line.extras["min_component_qty"]) == ("Piece", Decimal(1))
    assert routes(erp)["PUT /v1/KitSpecifications/{kitInventoryID}/{revisionID}"] == 1
    assert erp.counts()["specifications"]["lines"] == {"creates": 1, "updates": 1, "deletes": 2, "created_twice": 0}


def test_new_kit_with_lines(erp: Erp, kits: VismaKits) -> None:
    """A kit that has no specification gets one with its lines, each in the list where its item belongs; nothing empty is made."""
    put(erp)
    items = kits.items(["PART-0001", "WORK"])
    lines = [CreateLine(Line("PART-0001", Decimal(2))), CreateLine(Line("WORK", Decimal(1)))]

    with pytest.raises(Rejected):
        kits.create_kit("KIT-0001", JOB, 0)
    with pytest.raises(Rejected, match="create the inventory item"):
        kits.create_item(Item("", "NEW"), JOB, 0)
    written = kits.write(order_of(RemoteKit("", "KIT-0001", ()), *lines, items=items))

    assert done(kits, written) is True
    made = kits.read(["KIT-0001"])["KIT-0001"]
    assert (made.id, made.active) == ("KIT-0001/1", True)
    assert lines_of(made) == [("stock:1", "PART-0001", Decimal(2), True), ("nonstock:1", "WORK", Decimal(1), False)]


def test_most_writes(erp: Erp, kits: VismaKits) -> None:
    """No more than so many writes go out; no writes, no call."""
    put(erp)
    kit = kits.read(["LAMP"])["LAMP"]

    written = kits.write(order_of(kit, *[DeleteLine(line) for line in kit.lines], most=1))

    assert done(kits, written) is True
    assert [one.component for one in written.sent] == ["BULB"]
    assert len(kits.read(["LAMP"])["LAMP"].lines) == 2
    assert kits.write(order_of(kit)) == Written()


def test_refused_inside(erp: Erp, kits: VismaKits) -> None:
    """An operation that ends with a refusal gives Visma's own words, and nothing of the order took effect."""
    put(erp)
    kit = kits.read(["LAMP"])["LAMP"]

    written = kits.write(order_of(kit, UpdateLine(kit.lines[0], Decimal(9)), CreateLine(Line("NONE", Decimal(1)))))
    end = done(kits, written)

    assert written.error is None
    assert isinstance(end, Rejected)
    assert (end.error_class, "'NONE'" in end.message) == ("missing_reference", True)
    assert lines_of(kits.read(["LAMP"])["LAMP"]) == lines_of(kit)


def test_failed_operation(erp: Erp, kits: VismaKits) -> None:
    """An operation that Visma failed at is unclear; one it has forgotten counts as ended."""
    put(erp)
    kit = kits.read(["LAMP"])["LAMP"]
    erp.change(faults={"failed": 1.0}).raise_for_status()

    end = done(kits, kits.write(order_of(kit, DeleteLine(kit.lines[0]))))

    assert isinstance(end, Unclear)
    assert (end.error_class, "stopped" in end.message) == ("unavailable", True)
    assert kits.operation_done(OPERATION) is True


def test_per_kit_of_assembly(erp: Erp, built: VismaKits) -> None:
    """An assembly of 10 kits with a line of 40 says 4 for one kit; what only this document has is none of the recipe's."""
    put(erp)
    extra = {"operation": "Update", "lineNbr": {"value": 2}, "quantity": {"value": 3}}
    form = {"type": "P", "itemId": {"value": "LAMP"}, "quantity": {"value": 10}, "stockComponentLines": [extra]}
    erp.http.post("/v1/kitassembly", json=form).raise_for_status()
    assert built.read(["LAMP"]) == {}  # not released: built by nobody yet
    erp.release(background=None).raise_for_status()

    kit = built.read(["LAMP"])["LAMP"]

    assert [line["quantity"] for line in erp.get()["stockComponentLines"]] == [40.0, 3.0]
    assert lines_of(kit) == [
        ("stock:1", "BULB", Decimal(4), True),
        ("stock:2", "STAND", Decimal("0.25"), True),
        ("nonstock:1", "WORK", Decimal(2), False),
    ]
    assert (kit.id, kit.facts["deviations"]) == ("P/000001", ["STAND: 3 used, 2.5 by its recipe"])


def test_newest_assembly(erp: Erp, built: VismaKits) -> None:
    """The production released last counts, not the highest number; a disassembly never does."""
    put(erp)
    put(erp, "BOX", [{"component": "BULB", "quantity": "1"}])
    for lines in ("3", "5"):
        put(erp, lines=[{"component": "BULB", "quantity": lines}])
        erp.http.post("/v1/kitassembly", json={"type": "P", "itemId": {"value": "LAMP"}, "quantity": {"value": 2}}).raise_for_status()
    erp.make(12, item="BOX")
    erp.make(1, item="LAMP", type="D")
    for number in (2, 1, *range(3, 15)):
        erp.release(number, background=None).raise_for_status()
    erp.http.post("/v1/kitassembly/D/000001/action/release").raise_for_status()

    assert built.read(["LAMP"])["LAMP"].lines[0].line.quantity == Decimal(3)
    found = {kit.code: kit.id for page in pages(built) for kit in page.kits}
    assert found == {"LAMP": "P/000001", "BOX": "P/000014"}


def test_released_since(erp: Erp, built: VismaKits) -> None:
    """What is released later is seen by one list call and one reading."""
    put(erp)
    erp.make(2, item="LAMP")
    erp.release(1, background=None)
    assert built.read(["LAMP"])["LAMP"].id == "P/000001"
    erp.release(2, background=None)
    before = routes(erp)

    assert built.read(["LAMP"])["LAMP"].id == "P/000002"

    after = routes(erp)
    assert {name: count - before[name] for name, count in after.items() if count != before[name]} == {
        "GET /v1/kitassembly": 1,
        "GET /v1/kitassembly/{type}/{refNo}": 1,
    }


def test_assembly_not_written(erp: Erp, built: VismaKits, kits: VismaKits) -> None:
    """What was read by an assembly can't be written; the company as a target is read by specification."""
    put(erp)
    erp.make(1, item="LAMP")
    erp.release(1, background=None)
    kit = built.read(["LAMP"])["LAMP"]

    written = built.write(order_of(kit, DeleteLine(kit.lines[0])))

    assert isinstance(written.error, Rejected)
    assert [one.outcome for one in written.sent] == ["unsent"]
    assert built.as_target().read(["LAMP"])["LAMP"].id == "LAMP/1"
    assert kits.as_target() is kits


@dataclass
class Told(httpx.BaseTransport):
    """A Visma that answers what it was told to."""

    answers: deque[httpx.Response | Exception]
    asked: list[str] = field(default_factory=list)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """The next answer."""
        self.asked.append(f"{request.method} {request.url.raw_path.decode()}")
        answer = self.answers.popleft()
        if isinstance(answer, Exception):
            raise answer
        return answer


def told(*answers: httpx.Response | Exception) -> tuple[VismaKits, Told]:
    """The adapter on such a Visma."""
    transport = Told(deque(answers))
    settings = settings_of("http://visma.test")
    return VismaKits(settings, VismaClient(settings, ClientPool(transport=transport), httpx.Auth()), clock=lambda: 5.0), transport


KIT = RemoteKit("A/1", "A", (), "1", facts={"kit": "A", "revision": "1"})


@pytest.mark.parametrize(
    ("answer", "outcome", "error"),
    [
        (httpx.Response(204), "accepted", None),
        (httpx.Response(202, json={"id": OPERATION}), "accepted", None),
        (httpx.Response(400, json={"message": "No."}), "refused", Rejected),
        (httpx.Response(404, json={"message": "It cannot be found."}), "refused", Missing),
        (httpx.Response(429, headers={"Retry-After": "9"}), "unsent", RateLimited),
        (httpx.ConnectError("refused"), "unsent", NotSent),
        (httpx.Response(502), "unclear", Unclear),
        (httpx.ReadTimeout("late"), "unclear", Unclear),
        (httpx.Response(202, json={}), "unclear", BadAnswer),
    ],
)
def test_outcomes(answer: httpx.Response | Exception, outcome: str, error: type[CallError] | None) -> None:
    """What is known of a write after each kind of end; nothing is raised."""
    kits, _ = told(answer)

    written = kits.write(order_of(KIT, CreateLine(Line("B", Decimal(1)))))

    assert [(one.outcome, one.at) for one in written.sent] == [(outcome, 5.0)]
    assert type(written.error) is (error or type(None))
    assert (written.operation == OPERATION) is (getattr(answer, "status_code", 0) == 202 and error is None)
    assert kits.happened(written.sent, KIT) == [None]


def state(status: str, code: int, **more: Any) -> httpx.Response:
    """The state of an operation."""
    return httpx.Response(200, json={"id": OPERATION, "status": status, "statusCode": code, **more})


@pytest.mark.parametrize(
    ("answers", "end"),
    [
        ([state("Started", 0)], False),
        ([state("Queued", 0)], False),
        ([state("Finished", 204)], True),
        ([httpx.Response(404)], True),
        ([httpx.Response(410)], True),
        ([state("Finished", 400), httpx.Response(200, json={"message": "'X' cannot be found."})], (Rejected, "'X' cannot be found.")),
        ([state("Finished", 400), httpx.Response(410)], (Rejected, "the call inside ended with 400")),
        ([state("Finished", 400), httpx.Response(404)], (Rejected, "the call inside ended with 400")),
        ([state("Finished", 500, hasResponseContent=False)], (Unclear, "the call inside ended with 500")),
        ([state("Failed", 0, hasResponseContent=False, errorMessage="Stopped.")], (Unclear, "Stopped.")),
        ([state("Failed", 200, hasResponseContent=False, errorMessage="Stopped.")], (Unclear, "Stopped.")),
    ],
)
def test_operation_ends(answers: list[httpx.Response], end: bool | tuple[type[CallError], str]) -> None:  # noqa: FBT001 - a case's outcome
    """`Finished` alone is no success; what Visma does not know any more has ended."""
    kits, _ = told(*answers)

    found = kits.operation_done(OPERATION)

    assert (found if isinstance(found, bool) else (type(found), found.message)) == end


def raw(kit: str, revision: str = "1", **more: Any) -> dict[str, Any]:
    """A specification in a list."""
    return {"kitInventoryID": kit, "revision": revision, "isActive": True, "lastModifiedDateTime": "2026-01-01T00:00:00", **more}


def test_list_without_lines() -> None:
    """Where a list leaves lines out, the chosen revision is read alone."""
    whole = raw("A", stockComponentLines=[{"lineNbr": 1, "componentID": "B ", "componentQty": 2.5}])
    kits, visma = told(httpx.Response(200, json={"totalCount": 1, "records": [raw("A")]}), httpx.Response(200, json=whole))

    kit = kits.read(["A"])["A"]

    assert [(one.line.component, one.line.quantity, one.item_id) for one in kit.lines] == [("B", Decimal("2.5"), "B ")]
    assert visma.asked[1:] == ["GET /v1/KitSpecifications/A/1"]


def test_smaller_pages() -> None:
    """Pages that are smaller than asked are followed until all have come; an empty one ends a list that promised more."""
    first, second = [raw(f"A{number}", stockComponentLines=[]) for number in range(2)], [raw("B", stockComponentLines=[])]
    answers = [httpx.Response(200, json={"pageSize": 2, "totalCount": 9, "records": part}) for part in (first, second, [])]
    kits, visma = told(*answers)

    assert sorted(kits.read(["B", "A1"])) == ["A1", "B"]
    assert [path.split("?")[1] for path in visma.asked] == [f"pageNumber={number}&pageSize=1000" for number in (1, 2, 3)]


def test_endless_list(monkeypatch: pytest.MonkeyPatch) -> None:
    """A list that never ends is given up."""
    monkeypatch.setattr("worker.sync.visma_catalogue.MOST_PAGES", 3)
    kits, visma = told(*[httpx.Response(200, json={"totalCount": 99, "records": [raw("A")]}) for _ in range(4)])

    with pytest.raises(BadAnswer, match="3 pages"):
        kits.items(["A"])

    assert len(visma.asked) == 3


def test_line_names() -> None:
    """A line's name tells its list and number back; anything else is no name of Visma's."""
    assert place_of(line_id("nonstock", 12)) == ("nonstock", 12)
    with pytest.raises(ValueError, match="no line of Visma's"):
        place_of("other:1")


def test_changes_without_times() -> None:
    """Specifications without times can't be asked for by time: all are read again."""
    same = [httpx.Response(200, json={"totalCount": 1, "records": [raw("A", lastModifiedDateTime=None)]}) for _ in range(2)]
    transport, settings, clock = Told(deque(same)), settings_of("http://visma.test"), Clock()
    catalogue = Catalogue(KitSpecifications(VismaClient(settings, ClientPool(transport=transport), httpx.Auth())), clock)

    catalogue.refresh()
    clock.now += FRESH
    catalogue.refresh()

    assert transport.asked == ["GET /v1/KitSpecifications?pageNumber=1&pageSize=1000"] * 2
