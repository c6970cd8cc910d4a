"""Visma's kits as a sync sees them: read by specification or by the last assembly, written to the specification.

All changes of a kit go out as one PUT, which is done whole or not at all (inferred); Visma queues it, and its operation tells the end.
Lines keep the numbers that Visma gave them. A kit that has no specification yet gets one together with its lines.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final, Literal

from worker.clients.messages import message_in
from worker.clients.outcomes import error_of
from worker.clients.visma.names import background_header
from worker.clients.visma.specifications import MOST, KitSpecifications, read_specification
from worker.errors import AuthRefused, BadAnswer, CallError, Missing, NotSent, RateLimited, Rejected, Unclear
from worker.kits.model import Item
from worker.sync.system import KitPage, Traits, Written
from worker.sync.visma_assemblies import ReleasedAssemblies
from worker.sync.visma_catalogue import Catalogue, ended, key_of, moment_of
from worker.sync.visma_reading import kit_of_assembly, kit_of_specification
from worker.sync.visma_writing import changes, sent, specification

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from worker.clients.visma.client import VismaClient
    from worker.clients.visma.records import Accepted, BackgroundState
    from worker.clients.visma.specification_records import KitSpecification
    from worker.clients.visma.specifications import Head
    from worker.kits.model import RemoteKit
    from worker.settings import Visma
    from worker.sync.system import Order, Sent

Outcome = Literal["refused", "unclear", "unsent"]
MOST_CODE: Final = 30
"""Characters of an item's code: Visma publishes no limit; this is that of the platform beneath it (inferred)."""

_OUTCOMES: Final[tuple[tuple[tuple[type[CallError], ...], Outcome], ...]] = (
    ((NotSent, RateLimited, AuthRefused), "unsent"),
    ((Unclear, BadAnswer), "unclear"),
    ((Rejected, Missing), "refused"),
    ((CallError,), "unsent"),
)
"""What became of a write that ended so; the first that fits. A plain `CallError` is a token that was not given."""


def traits_of(settings: Visma) -> Traits:
    """What is true of kits in Visma."""
    return Traits(
        "visma",
        imports=False,
        stock_only=False,
        numbering="own",
        most_code=MOST_CODE,
        makes_kits="with_lines",
        second_look=settings.second_look,
    )


class VismaKits:
    """One company's kits in Visma. Threads share it; `clock` in epoch seconds.

    `recipe`: where a kit's recipe is read, as a source. A target is always its specification: see `as_target`.
    """

    def __init__(
        self,
        settings: Visma,
        client: VismaClient,
        recipe: Literal["specification", "assembly"] = "specification",
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.traits = traits_of(settings)
        self._settings = settings
        self._client = client
        self._clock = clock
        self._kits = KitSpecifications(client)
        self._catalogue = Catalogue(self._kits, clock)
        self._assemblies = ReleasedAssemblies(client, clock) if recipe == "assembly" else None

    def as_target(self) -> VismaKits:
        """The same company, read by specification: what is written can only be seen there."""
        return self if self._assemblies is None else VismaKits(self._settings, self._client, clock=self._clock)

    def read(self, codes: Collection[str], revision: str | None = None) -> dict[str, RemoteKit]:
        """The kits with these codes: the named revision, else the active one that was changed last, else the last of those retired.

        Other active revisions are named in `facts["other_revisions"]`. By assembly, a revision can't be chosen.
        """
        if self._assemblies is not None:
            return self._built(codes)
        if revision is not None:
            self._catalogue.refresh()
            found = {code: self._revision(code, revision) for code in codes}
            return {code: self._kit(each) for code, each in found.items() if each is not None}
        by_kit: dict[str, list[Head]] = {}
        for head in self._catalogue.find(codes):
            by_kit.setdefault(key_of(head.kit_inventory_id), []).append(head)
        return {code: self._newest(by_kit[key_of(code)]) for code in codes if key_of(code) in by_kit}

    def page(self, cursor: Any) -> KitPage:  # noqa: ANN401 - JSON of our own
        """All kits with an active specification (or a released assembly), up to a thousand at a time.

        A kit's revisions may be on different pages: it is told on that of its newest active one. For this all are known before, by the
        catalogue's own calls, which a company with one page of them does not need.
        """
        if self._assemblies is not None:
            built, following = self._assemblies.page(cursor)
            self._catalogue.refresh()
            return KitPage(tuple(kit_of_assembly(each, self._catalogue.is_kit) for each in built), following)
        at: dict[str, int] = cursor or {"page": 1, "received": 0}
        shown = self._kits.list_heads(page_number=at["page"], page_size=MOST)
        received = at["received"] + shown.received
        over = ended(shown, received)
        if over and at["page"] == 1:
            self._catalogue.learn_all(shown.records)
        else:
            self._catalogue.refresh()
            self._catalogue.learn(shown.records)
        kits = tuple(self._kit(self._whole(head)) for head in shown.records if self._catalogue.is_newest(head))
        return KitPage(kits, None if over else {"page": at["page"] + 1, "received": received})

    def items(self, codes: Collection[str]) -> dict[str, Item]:
        """Every code: no call that lists items is known here, so Visma refuses a write that names one it lacks.

        Those with a specification are kits; those only ever seen among non-stock components are not stocked.
        """
        self._catalogue.refresh()
        is_kit, is_stocked = self._catalogue.is_kit, self._catalogue.is_stocked
        return {code: Item(code, code, "kit" if is_kit(code) else "item", stocked=is_stocked(code)) for code in codes}

    def create_kit(self, code: str, job: str, generation: int) -> None:  # noqa: ARG002 - the protocol's
        """Refused always: a specification is made with its lines, by `write` of a kit whose `id` is empty."""
        raise Rejected(f"{code}: Visma takes a kit specification only with its lines: write them, and it is made with them")

    def create_item(self, item: Item, job: str, generation: int) -> None:  # noqa: ARG002 - the protocol's
        """Refused always: an item needs a class, units and accounts that only its owner knows."""
        message = f"{item.code}: create the inventory item in Visma, with its item class and base unit, then replay"
        raise Rejected(message, error_class="missing_reference")

    def write(self, order: Order) -> Written:
        """Send all writes as one call: one PUT, or one POST for a kit that has no specification yet."""
        writes = order.writes[: order.most]
        if not writes:
            return Written()
        if "assembly" in order.kit.facts:
            error = Rejected(f"{order.kit.code} was read by its assembly {order.kit.id}: only its specification can be written")
            return Written(tuple(sent(write, "unsent", self._clock()) for write in writes), error)
        at = self._clock()
        try:
            answer = self._send(order, background_header(self._settings, order.job))
        except CallError as error:
            outcome = next(name for kinds, name in _OUTCOMES if isinstance(error, kinds))
            return Written(tuple(sent(write, outcome, at) for write in writes), error)
        return Written(tuple(sent(write, "accepted", at) for write in writes), operation=answer.id if answer else None)

    def operation_done(self, operation: str) -> CallError | bool:
        """Whether Visma has ended it: an error with Visma's own words when badly. An operation it has forgotten counts as ended: read."""
        try:
            state = self._client.background_state(operation)
        except Missing:
            return True
        if not state.done:
            return False
        return True if state.succeeded else self._error(state, operation)

    def happened(self, sent: Sequence[Sent], kit: RemoteKit) -> list[bool | None]:  # noqa: ARG002 - the protocol's
        """Nobody can tell but the kit itself: Visma keeps no list of calls and takes no idempotency key."""
        return [None] * len(sent)

    def _send(self, order: Order, header: str) -> Accepted | None:
        kit, writes = order.kit, order.writes[: order.most]
        if not kit.id:
            return self._kits.insert(specification(kit, writes, order.items), header)
        return self._kits.update(kit.facts["kit"], kit.facts["revision"], changes(writes, order.items), header)

    def _error(self, state: BackgroundState, operation: str) -> CallError:
        status = state.status_code or 0
        fallback = state.error_message or f"the call inside ended with {status}"
        content: Any = None
        if state.has_response_content is not False:
            try:
                content = self._client.background_content(operation)
            except Missing:
                content = None
        message = fallback if content is None else message_in(content, status)
        return error_of(status, message, write=True) or Unclear(message, error_class="unavailable")

    def _built(self, codes: Collection[str]) -> dict[str, RemoteKit]:
        assert self._assemblies is not None  # noqa: S101 - for the type checker
        found = self._assemblies.find(codes)
        self._catalogue.refresh()
        return {code: kit_of_assembly(each, self._catalogue.is_kit) for code, each in found.items()}

    def _revision(self, code: str, revision: str) -> KitSpecification | None:
        try:
            return self._kits.get_revision(code, revision)
        except Missing:
            return None

    def _newest(self, heads: list[Head]) -> RemoteKit:
        chosen = max(heads, key=lambda head: (head.is_active, moment_of(head.last_modified), head.revision))
        others = [head.revision for head in heads if head.is_active and head is not chosen]
        return kit_of_specification(self._whole(chosen), others, self._catalogue.is_kit)

    def _kit(self, shown: KitSpecification) -> RemoteKit:
        others = self._catalogue.other_revisions(shown.kit_inventory_id or "", shown.revision or "")
        return kit_of_specification(shown, others, self._catalogue.is_kit)

    def _whole(self, head: Head) -> KitSpecification:
        """The specification with its lines; asked for alone where the list left them out."""
        shown = read_specification(head.raw)
        return shown if shown.whole else self._kits.get_revision(head.kit_inventory_id, head.revision)
