"""Revenue shares of kits in the simulated Intacct, by each policy: never compared, left out where nobody says how, else 100 in all."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tests.worker.sync.relay import failed_as, succeeded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.worker.sync.conftest import Begin
    from tests.worker.sync.relay import Owner


def line(component: str, quantity: int, percentage: str | None = None, **more: Any) -> dict[str, Any]:
    """A line in Intacct."""
    return {"component": component, "quantity": str(quantity), **({"percentage": percentage} if percentage else {}), **more}


def chairs(owner: Owner, source: Sequence[tuple[str, int]], there: Sequence[dict[str, Any]], **more: Any) -> None:
    """A kit in Visma and in Intacct; FELT costs 5 there, and stands in another kit."""
    owner.put("visma", "CHAIR", source)
    owner.put("intacct", "STORE", [line("FELT", 1, cost="5")])
    owner.put("intacct", "CHAIR", there, **more)


def shares(owner: Owner) -> dict[str, str | None]:
    """The share of each component."""
    return {each["component"]: each["percentage"] for each in owner.kit("intacct", "CHAIR")["lines"]}


def test_left_out(begin: Begin, owner: Owner) -> None:
    """Without a policy a new line has no share, others keep theirs, and the total is flagged: a person enters what is missing."""
    chairs(owner, [("LEG", 5), ("FELT", 4)], [line("LEG", 4, "60"), line("SEAT", 1, "40")])
    relay = begin("visma", "intacct")

    job = succeeded(relay.sync("CHAIR"))

    assert shares(owner) == {"LEG": "60", "FELT": None}
    assert job.result["targets"]["intacct"]["revenue_total_off"] == "60"
    assert not any("revenuePercentage" in call.request for call in relay.calls(job, "POST", "/kit-component"))


def test_total_is_flagged_without_a_write(begin: Begin, owner: Owner) -> None:
    """A total that is off is told of a kit that is in step, too; one of 100 is not."""
    chairs(owner, [("LEG", 4), ("SEAT", 1)], [line("LEG", 4, "60"), line("SEAT", 1, "30")])
    relay = begin("visma", "intacct")

    job = succeeded(relay.sync("CHAIR"))

    assert job.result["targets"]["intacct"]["revenue_total_off"] == "90"
    owner.put("intacct", "CHAIR", [line("LEG", 4, "60"), line("SEAT", 1, "40")])
    assert "revenue_total_off" not in succeeded(relay.sync("CHAIR")).result["targets"]["intacct"]
    assert owner.effects("intacct") == (0, 0, 0)


def test_equal_shares(begin: Begin, owner: Owner) -> None:
    """Three equal shares are 33.33 each, made exactly 100 on the first line."""
    chairs(owner, [("LEG", 4), ("SEAT", 1), ("FELT", 4)], [line("LEG", 4, "50"), line("SEAT", 1, "50")])
    relay = begin("visma", "intacct", revenue="equal")

    job = succeeded(relay.sync("CHAIR"))

    assert shares(owner) == {"LEG": "33.34", "SEAT": "33.33", "FELT": "33.33"}
    assert sum(Decimal(share or 0) for share in shares(owner).values()) == 100
    assert "revenue_total_off" not in job.result["targets"]["intacct"]
    assert owner.effects("intacct") == (1, 2, 0)
    assert not succeeded(relay.sync("CHAIR")).result["wrote"]


def test_shares_by_cost(begin: Begin, owner: Owner) -> None:
    """By quantity times standard cost, again whenever a line goes or changes: 20 of felt and 30 of a seat are 40 and 60 per cent."""
    there = [line("LEG", 4, "50", cost="10"), line("SEAT", 2, "50", cost="30")]
    chairs(owner, [("SEAT", 1), ("FELT", 4)], there)
    relay = begin("visma", "intacct", revenue="by_cost")

    succeeded(relay.sync("CHAIR"))

    assert shares(owner) == {"SEAT": "60", "FELT": "40"}
    owner.put("visma", "CHAIR", [("SEAT", 2), ("FELT", 4)])
    succeeded(relay.sync("CHAIR"))
    assert shares(owner) == {"SEAT": "75", "FELT": "25"}


def test_shares_from_a_table(begin: Begin, owner: Owner) -> None:
    """By the table's weights; a component that it lacks is named, and nothing is written."""
    chairs(owner, [("LEG", 4), ("FELT", 4)], [line("LEG", 4, "100")])
    table = {"LEG": Decimal(30)}

    message = failed_as(begin("visma", "intacct", revenue="from_table", revenue_table=table).sync("CHAIR"), "validation")

    assert "FELT" in message
    assert owner.effects("intacct") == (0, 0, 0)
    succeeded(begin("visma", "intacct", revenue="from_table", revenue_table={**table, "FELT": Decimal(10)}).sync("CHAIR"))
    assert shares(owner) == {"LEG": "75", "FELT": "25"}


def test_kit_posts_by_itself(begin: Begin, owner: Owner) -> None:
    """A kit that posts its revenue as a whole needs no shares: none are written, and none are flagged."""
    chairs(owner, [("LEG", 4), ("FELT", 4)], [line("LEG", 4, "60")], posting="kitLevel")
    relay = begin("visma", "intacct", revenue="equal")

    job = succeeded(relay.sync("CHAIR"))

    assert shares(owner) == {"LEG": "60", "FELT": None}
    assert "revenue_total_off" not in job.result["targets"]["intacct"]


def test_shares_after_a_lost_answer(begin: Begin, owner: Owner) -> None:
    """Shares are right in the end, and each line is made once, also where no write is answered."""
    chairs(owner, [("LEG", 4), ("SEAT", 1), ("FELT", 4)], [line("LEG", 3, "50"), line("SEAT", 1, "50")])
    owner.fault("intacct-timeout")
    relay = begin("visma", "intacct", revenue="equal")

    succeeded(relay.sync("CHAIR"))

    assert shares(owner) == {"LEG": "33.34", "SEAT": "33.33", "FELT": "33.33"}
    assert owner.effects("intacct")[0] == 1
