"""Kits in the memory of a test: a system that holds some, and a sync that is carried through its steps without processes."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import TYPE_CHECKING, Any

from worker.errors import CallError, Rejected
from worker.jobs.model import Job
from worker.jobs.states import State, may_move
from worker.jobs.verdicts import after
from worker.kinds import KINDS
from worker.kit_ledger.book import KitBook
from worker.kits.model import CreateLine, Item, Line, RemoteKit, RemoteLine, UpdateLine
from worker.settings import Intacct, ItemPath, Retries, Secret, Sync, Tenant, Visma
from worker.sync.system import KitPage, Sent, Traits, Written
from worker.sync.translation import translation_of
from worker.sync.work import SyncWork

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from worker.jobs.engine import Database
    from worker.jobs.verdicts import NewJob, Verdict
    from worker.kits.model import ItemType, Write
    from worker.sync.system import KitSystem, Order

START = 1_800_000_000.0
VISMA = Visma("https://visma.example", "https://token.example", "id", Secret("s"), "t")
ITEMPATH = ItemPath("https://itempath.example", token=Secret("t"))
INTACCT = Intacct("https://intacct.example", "id", Secret("s"), "user@company")
TRAITS = {
    "visma": Traits("visma", imports=False, stock_only=False, numbering="own", most_code=30, makes_kits="with_lines"),
    "itempath": Traits("itempath", imports=True, stock_only=True, numbering="unique", most_code=50, makes_kits="empty"),
    "intacct": Traits(
        "intacct", imports=False, stock_only=False, numbering="pushing", most_code=30, stockable_in_stockable_only=True, shares_revenue=True
    ),
}


@dataclass
class Clock:
    """Epoch seconds that go on when a test says so."""

    seconds: float = START

    def __call__(self) -> float:
        """Now."""
        return self.seconds

    def moment(self) -> datetime:
        """The same as a datetime."""
        return datetime.fromtimestamp(self.seconds, UTC)


@dataclass
class FakeKits:
    """A `KitSystem` in memory. `import_seconds`: how long a write stays unseen. `next`: ends of writes to come.

    An error, or no answer: "lost" when it ran, "unseen" when it did not.
    """

    traits: Traits
    clock: Clock
    units: dict[str, str] = field(default_factory=dict)
    import_seconds: float = 0.0
    refused: set[str] = field(default_factory=set)
    next: list[CallError | str | None] = field(default_factory=list)
    operation: str | None = None
    log: list[str] = field(default_factory=list)
    generations: list[int] = field(default_factory=list)
    calls: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    tells: bool | None = None
    page_size: int = 1_000
    fails: list[CallError] = field(default_factory=list)
    kits: dict[str, RemoteKit] = field(default_factory=dict)
    known: dict[str, Item] = field(default_factory=dict)
    _later: list[tuple[float, Callable[[], None]]] = field(default_factory=list)
    _ids: Any = field(default_factory=lambda: count(1))

    def put(self, code: str, *lines: tuple[str, str] | Line, type: ItemType = "kit", **more: Any) -> None:  # noqa: A002 - the model's word
        """A kit as a person makes it there."""
        whole = [each if isinstance(each, Line) else Line(each[0], Decimal(each[1]), self.units.get(each[0])) for each in lines]
        remotes = tuple(
            RemoteLine(f"{self.traits.erp}-{next(self._ids)}", replace(line, rank=rank), item_id=line.component, number=rank)
            for rank, line in enumerate(whole, 1)
        )
        self.kits[code] = RemoteKit(f"id-{code}", code, remotes, type=type, **more)
        self.item(code, type=type)
        for line in whole:
            if line.component not in self.known:
                self.item(line.component, type=line.type)

    def item(self, code: str, **more: Any) -> None:
        """Something that may be a component."""
        self.known[code] = replace(Item(f"id-{code}", code, unit=self.units.get(code)), **more)

    def lines(self, code: str) -> list[tuple[str, str]]:
        """What a kit consists of there, now."""
        self._import()
        return [(each.line.component, f"{each.line.quantity.normalize():f}") for each in self.kits[code].lines]

    # -- the protocol

    def read(self, codes: Collection[str], revision: str | None = None) -> dict[str, RemoteKit]:  # noqa: ARG002 - the protocol's
        """The kits with these codes."""
        self._call("read")
        return {code: self.kits[code] for code in codes if code in self.kits}

    def page(self, cursor: Any) -> KitPage:
        """Some of all."""
        self._call("page")
        start = int(cursor or 0)
        codes = sorted(self.kits)[start : start + self.page_size]
        more = start + self.page_size < len(self.kits)
        return KitPage(tuple(self.kits[code] for code in codes), start + self.page_size if more else None)

    def items(self, codes: Collection[str]) -> dict[str, Item]:
        """Those that are known."""
        self._call("items")
        return {code: self.known[code] for code in codes if code in self.known}

    def create_kit(self, code: str, job: str, generation: int) -> None:  # noqa: ARG002 - the protocol's
        """An empty one, seen after the import."""
        self._call("create_kit")
        if self.traits.makes_kits == "no":
            raise Rejected("make it here")
        self._after_import(lambda: self.put(code))

    def create_item(self, item: Item, job: str, generation: int) -> None:  # noqa: ARG002 - likewise
        """A material, likewise."""
        self._call("create_item")
        self._after_import(lambda: self.item(item.code, unit=item.unit))

    def write(self, order: Order) -> Written:
        """One after the other, until one does not end well."""
        found: list[Sent] = []
        self.generations.append(order.generation)
        for write in order.writes[: order.most]:
            self.calls["write"] += 1
            end = self.next.pop(0) if self.next else None
            sent = _sent(write, self.clock())
            if end is None or end == "lost":
                self._run(order.kit, write, order.items)
            if end is None:
                found.append(sent)
                continue
            error = CallError("no answer", error_class="timeout") if isinstance(end, str) else end
            found.append(replace(sent, outcome="unclear" if isinstance(end, str) else "refused"))
            return Written(tuple(found), error)
        return Written(tuple(found), operation=self.operation)

    def operation_done(self, operation: str) -> CallError | bool:  # noqa: ARG002 - the protocol's
        """At once."""
        return True

    def happened(self, sent: Sequence[Sent], kit: RemoteKit) -> list[bool | None]:  # noqa: ARG002 - the protocol's
        """As the test says."""
        return [self.tells for _ in sent]

    def _call(self, name: str) -> None:
        self.calls[name] += 1
        self._import()
        if self.fails:
            raise self.fails.pop(0)

    def _run(self, kit: RemoteKit, write: Write, items: Mapping[str, Item]) -> None:
        self.log.append(_words(write))
        component = write.line.component if isinstance(write, CreateLine) else write.remote.line.component
        if component not in self.refused:
            self._after_import(lambda: self._change(kit.code, write, items))

    def _change(self, code: str, write: Write, items: Mapping[str, Item]) -> None:
        kit = self.kits.get(code) or RemoteKit(f"id-{code}", code, ())
        lines = list(kit.lines)
        if isinstance(write, CreateLine):
            line = replace(write.line, rank=len(lines) + 1, unit=self.units.get(write.line.component))
            number = write.number or max((each.number or 0 for each in lines), default=0) + 1
            lines.append(RemoteLine(f"{self.traits.erp}-{next(self._ids)}", line, items[write.line.component].id, number))
        else:
            at = next(place for place, each in enumerate(lines) if each.id == write.remote.id)
            if isinstance(write, UpdateLine):
                line = replace(lines[at].line, extras={**lines[at].line.extras, **write.extras})
                changed = line if write.quantity is None else replace(line, quantity=write.quantity)
                lines[at] = replace(lines[at], line=changed, number=write.number or lines[at].number)
            else:
                del lines[at]
        self.kits[code] = replace(kit, lines=tuple(sorted(lines, key=lambda each: each.number or 0)))

    def _after_import(self, change: Callable[[], None]) -> None:
        if not self.import_seconds:
            change()
        else:
            self._later.append((self.clock() + self.import_seconds, change))

    def _import(self) -> None:
        due = [change for at, change in self._later if at <= self.clock()]
        self._later = [each for each in self._later if each[0] > self.clock()]
        for change in due:
            change()


class Company:
    """A tenant with three systems, and syncs that run to their end on one thread, the clock going on while they wait."""

    def __init__(self, db: Database, sync: Sync | None = None) -> None:
        self.clock = Clock()
        self.db = db
        self.sync = sync or Sync(source="visma", targets=("itempath",))
        self.tenant = Tenant("acme", VISMA, ITEMPATH, INTACCT, self.sync)
        self.visma, self.itempath, self.intacct = (FakeKits(TRAITS[erp], self.clock) for erp in ("visma", "itempath", "intacct"))
        self.systems: dict[str, KitSystem] = {"visma": self.visma, "itempath": self.itempath, "intacct": self.intacct}
        translation = translation_of(self.sync)
        self.book = KitBook(db, "acme", self.clock.moment, translation.same)
        self.works = {erp: SyncWork(system, self.tenant, self.book, translation) for erp, system in self.systems.items()}
        self.followers: list[NewJob] = []
        self.causes: list[str] = []
        self.before: Callable[[Job], Job] = lambda job: job

    def job(self, kit: str = "KIT", made_by: str = "a test", **arguments: Any) -> Job:
        """A sync that is to be started."""
        kind = KINDS["sync_kit_lines"]
        checked = kind.check({"kit": kit, **arguments})
        moment = self.clock.moment()
        source = str(checked.get("source") or self.sync.source)
        return Job(
            "job", "acme", source, kind.name, checked, kind.reference(checked), moment, moment, made_by, 8, subject=kind.subject(checked)
        )

    def run(self, kit: str = "KIT", *, most: int = 200, **arguments: Any) -> Job:
        """Carry a sync through to its end."""
        return self.carry(self.job(kit, **arguments), most=most)

    def carry(self, job: Job, *, most: int = 200) -> Job:
        """The same for a job that is there."""
        for _ in range(most):
            if job.finished_at is not None or job.state is State.FAILED:
                return job
            job = self.step(job)
        raise AssertionError(f"it did not end: {self.causes}")

    def step(self, job: Job) -> Job:
        """One start, or one look, when it is due."""
        self.clock.seconds = max(self.clock.seconds, job.due_at.timestamp())
        job = self.before(job)
        if job.state is State.WAITING:
            found = self.works[job.erp].looks([job], self.clock())
            return self.moved(job, found[0][1]) if found else job
        running = replace(job, state=State.RUNNING, starts=job.starts + 1, claimed_at=self.clock.moment())
        return self.moved(running, self.works[job.erp].start(running, self.clock()))

    def moved(self, job: Job, verdict: Verdict) -> Job:
        """The job after a verdict, as the ledger would have it."""
        assert verdict.state is job.state or may_move(job.state, verdict.state), (job.state, verdict)
        self.causes.append(verdict.cause)
        self.followers += verdict.follow
        then = after(job, verdict, self.clock.moment(), Retries(), 0.5)
        return replace(then, due_at=max(then.due_at, self.clock.moment() + timedelta(milliseconds=1)))


def _sent(write: Write, at: float) -> Sent:
    if isinstance(write, CreateLine):
        return Sent("create", write.line.component, "accepted", at, None, f"{write.line.quantity:f}", write.number)
    quantity = f"{write.quantity:f}" if isinstance(write, UpdateLine) and write.quantity is not None else None
    word: Any = "update" if isinstance(write, UpdateLine) else "delete"
    return Sent(word, write.remote.line.component, "accepted", at, write.remote.id, quantity)


def _words(write: Write) -> str:
    sent = _sent(write, 0.0)
    return f"{sent.write} {sent.component} {sent.quantity or ''}".strip()
