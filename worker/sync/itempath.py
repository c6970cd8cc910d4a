"""ItemPath's kits as a sync sees them: every kit with its lines in one read, every write a call of its own.

A write is accepted first and imported by Power Pick later, so nothing here waits for its effect: the next read tells.
"""

from __future__ import annotations

import time
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, Literal

from worker.clients.itempath.filters import MOST, KitLineFilter
from worker.clients.itempath.finding import Finder
from worker.clients.itempath.identities import BOTH, Book, Identities, item_of_kit
from worker.clients.itempath.log import Lost, read_log, told
from worker.clients.itempath.records import Kit, KitLine, key_of
from worker.errors import AuthRefused, BadAnswer, CallError, Fault, KitFault, Missing, NotSent, RateLimited, Rejected, Unclear
from worker.kits.model import CreateLine, DeleteLine, Line, RemoteKit, RemoteLine, UpdateLine
from worker.sync.system import KitPage, Sent, Traits, Written

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from worker.clients.itempath.client import ItemPathClient
    from worker.kits.model import Item, Write
    from worker.settings import ItemPath
    from worker.sync.system import Order

__all__ = ["Book", "ItemPathKits", "traits_of"]

MOST_NAME: Final = 50
"""Characters of a material's name (documented)."""

Outcome = Literal["refused", "unclear", "unsent"]
_OUTCOMES: Final[tuple[tuple[tuple[type[CallError], ...], Outcome], ...]] = (
    ((NotSent, RateLimited, AuthRefused), "unsent"),
    ((Unclear, BadAnswer), "unclear"),
    ((Rejected, Missing), "refused"),
    ((CallError,), "unsent"),
)
"""What became of a write that ended so; the first that fits."""


def traits_of(settings: ItemPath) -> Traits:
    """What is true of kits in ItemPath."""
    return Traits(
        "itempath",
        imports=True,
        stock_only=True,
        numbering="unique",
        most_code=MOST_NAME,
        makes_kits="empty",
        import_timeout=settings.import_timeout,
        second_look=settings.second_look,
    )


class ItemPathKits:
    """One installation's kits. Threads share it; `clock` in epoch seconds. What `book` knows of ids goes before names."""

    def __init__(self, settings: ItemPath, client: ItemPathClient, book: Book, clock: Callable[[], float] = time.time) -> None:
        self.traits = traits_of(settings)
        self._client = client
        self._clock = clock
        self._identities = Identities(Finder(client), book)

    def read(self, codes: Collection[str], revision: str | None = None) -> dict[str, RemoteKit]:  # noqa: ARG002 - the protocol's
        """The kits with these codes, lines and all: one call for dozens of them, once their ids are known.

        Raises `KitFault` for codes that mean more than one thing there.
        """
        found = self._identities.kits(list(dict.fromkeys(codes)))
        several = [Fault(code, "names more than one kit in ItemPath") for code, kits in found.items() if len(kits) > 1]
        kits = {code: each[0] for code, each in found.items()}
        both = self._identities.materials(unmatched) if (unmatched := self._identities.unmatched(kits)) else {}
        if faults := (*several, *(Fault(code, BOTH) for code in both)):
            raise KitFault("validation", faults)
        self._identities.learn(item_of_kit(kit, code) for code, kit in kits.items())
        return self._remote(kits)

    def page(self, cursor: Any) -> KitPage:  # noqa: ANN401 - JSON of our own
        """A thousand kits of all levels, under the codes that they are known by."""
        number = int(cursor or 0)
        kits = self._client.list_kits(page=number)
        known = self._identities.known(kit.id for kit in kits)
        coded = {known[key].code if (key := key_of(kit.id)) in known else kit.name: kit for kit in kits}
        shown = tuple(self._remote(coded, at_hand=kits).values())
        return KitPage(shown, number + 1 if len(kits) >= MOST else None)

    def items(self, codes: Collection[str]) -> dict[str, Item]:
        """Materials and kits with these codes; what is blocked or ambiguous says why it can't be a component."""
        return self._identities.items(list(dict.fromkeys(codes)))

    def create_kit(self, code: str, job: str, generation: int) -> None:  # noqa: ARG002 - no idempotency key is known there
        """Hand over a kit without lines (inferred: ItemPath's own page on it was cut off)."""
        self._client.create_kit(_name(code))

    def create_item(self, item: Item, job: str, generation: int) -> None:  # noqa: ARG002 - likewise
        """Hand over a material with its unit."""
        self._client.create_material({"name": _name(item.code)} | ({"unit_of_measure": item.unit} if item.unit else {}))

    def write(self, order: Order) -> Written:
        """One call for each write, in their order, until one is not accepted."""
        sent: list[Sent] = []
        for write in order.writes[: order.most]:
            record = _record(write, self._clock())
            try:
                line = self._send(write, order)
            except CallError as error:
                outcome = next(name for kinds, name in _OUTCOMES if isinstance(error, kinds))
                return Written((*sent, replace(record, outcome=outcome)), error)
            sent.append(replace(record, line=line))
        return Written(tuple(sent))

    def operation_done(self, operation: str) -> CallError | bool:  # noqa: ARG002 - the protocol's
        """True: ItemPath has no background operations that can be asked."""
        return True

    def happened(self, sent: Sequence[Sent], kit: RemoteKit) -> list[bool | None]:
        """What ItemPath's own log of calls says of each; accepted ones ran, those refused or unsent did not."""
        plain = {"accepted": True, "refused": False, "unsent": False}
        unclear = [each.at for each in sent if each.outcome == "unclear"]
        log = read_log(self._client, kit.id, min(unclear), self._clock) if unclear else None
        return [plain[each.outcome] if each.outcome != "unclear" else told(log, self._lost(each, kit)) for each in sent]

    def _send(self, write: Write, order: Order) -> str | None:
        """The line's id, as far as the answer tells."""
        if isinstance(write, CreateLine):
            return self._create(write, order)
        if isinstance(write, UpdateLine):
            self._client.update_kit_line(write.remote.id, _changes(write))
            return write.remote.id
        try:
            self._client.delete_kit_line(write.remote.id)
        except Missing:
            return write.remote.id  # it is gone; the next read confirms it
        return write.remote.id

    def _create(self, write: CreateLine, order: Order) -> str | None:
        item = order.items.get(write.line.component)
        if item is None:
            raise Missing(f"{write.line.component} is neither a material nor a kit in ItemPath")
        if item.why_not is not None:
            raise Rejected(f"{write.line.component} {item.why_not}")
        target = write.line.extras.get("target")
        return self._client.create_kit_line(order.kit.id, item.id, write.line.quantity, write.number, target).id

    def _lost(self, sent: Sent, kit: RemoteKit) -> Lost:
        return Lost(
            sent.write,
            sent.at,
            kit.id,
            self._identities.ids(sent.component),
            sent.line,
            Decimal(sent.quantity) if sent.quantity is not None else None,
            sent.number,
        )

    def _remote(self, kits: Mapping[str, Kit], at_hand: Iterable[Kit] = ()) -> dict[str, RemoteKit]:
        lines = {code: self._lines(kit) for code, kit in kits.items()}
        ids = [line.material_id for each in lines.values() for line in each if line.material_id]
        called = self._identities.called(ids, (*kits.values(), *at_hand))
        return {code: _remote_kit(code, kit, lines[code], called) for code, kit in kits.items()}

    def _lines(self, kit: Kit) -> tuple[KitLine, ...]:
        """The lines in the kit; asked for alone where the answer shows none at all."""
        return kit.lines if kit.lines is not None else tuple(self._client.kit_lines(KitLineFilter(kit_id=kit.id)))


def _remote_kit(code: str, kit: Kit, lines: tuple[KitLine, ...], called: Mapping[str, Item]) -> RemoteKit:
    """The kit in the common words. A line whose component nobody knows has its id for a code; `facts` name those lines."""
    ordered = sorted(lines, key=lambda line: (line.number is None, line.number or 0, line.id))
    unknown = [line.id for line in ordered if key_of(line.material_id or "") not in called]
    shown = tuple(_remote_line(line, rank, called) for rank, line in enumerate(ordered, 1))
    return RemoteKit(kit.id, code, shown, facts={"name": kit.name} | ({"unknown": unknown} if unknown else {}))


def _remote_line(line: KitLine, rank: int, called: Mapping[str, Item]) -> RemoteLine:
    item_id = line.material_id or ""
    item = called.get(key_of(item_id))
    quantity = (
        line.quantity if line.quantity is not None else Decimal(0)
    )  # none is no quantity: a target's is put right, a source's refused
    extras = {"target": line.target} if line.target else {}
    if item is None:
        return RemoteLine(line.id, Line(line.material_name or item_id, quantity, rank=rank, extras=extras), item_id, line.number)
    return RemoteLine(line.id, Line(item.code, quantity, item.unit, item.type, rank=rank, extras=extras), item_id, line.number)


def _record(write: Write, at: float) -> Sent:
    if isinstance(write, CreateLine):
        return Sent("create", write.line.component, "accepted", at, None, f"{write.line.quantity:f}", write.number)
    if isinstance(write, DeleteLine):
        return Sent("delete", write.remote.line.component, "accepted", at, write.remote.id)
    quantity = f"{write.quantity:f}" if write.quantity is not None else None
    return Sent("update", write.remote.line.component, "accepted", at, write.remote.id, quantity, write.number)


def _changes(write: UpdateLine) -> dict[str, Any]:
    named = {"quantity": write.quantity, "number": write.number, "target": write.extras.get("target")}
    return {name: value for name, value in named.items() if value is not None}


def _name(code: str) -> str:
    if len(code) > MOST_NAME:
        raise Rejected(f"{code}: a name in ItemPath has at most {MOST_NAME} characters: give it an alias")
    return code
