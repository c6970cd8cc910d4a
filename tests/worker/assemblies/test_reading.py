"""A look at one document: all that Visma answered, exact and without secrets; and what becomes of a look that fails."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import httpx
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.worker.assemblies.company import NOW, Company, job_of, refused
from worker.assemblies.reading import LARGEST, AssemblyReading, result_of, shown
from worker.clients.redaction import MASK
from worker.clients.visma.records import KitAssembly
from worker.jobs.states import State

if TYPE_CHECKING:
    from worker.jobs.verdicts import Verdict

LINES = [{"lineNbr": 1, "itemId": "PART-0001", "uoM": "STK", "componentQty": 2.0, "quantity": 4.25, "unitCost": None}]


def look(company: Company) -> Verdict:
    """Look at P/000001."""
    return AssemblyReading(company.client()).start(job_of("read_kit_assembly", sent=None, arguments=NAMED), NOW)


NAMED = {"type": "P", "ref_no": "000001"}


def test_whole_document() -> None:
    """Every field that Visma answered is there: ours in snake case, null where it said null, and those that we do not know."""
    company = Company()
    company.document(description=None, stockComponentLines=LINES, branch={"number": "1", "name": "Oslo"})

    verdict = look(company)

    assert verdict.state is State.SUCCEEDED
    document = verdict.result["document"]
    assert (document["ref_no"], document["status"], document["item_id"], document["description"]) == ("000001", "B", "KIT-0001", None)
    assert document["stock_component_lines"] == [
        {"line_nbr": 1, "item_id": "PART-0001", "uom": "STK", "component_qty": 2.0, "quantity": 4.25, "unit_cost": None}
    ]
    assert document["branch"] == {"number": "1", "name": "Oslo"}
    assert "warehouse" not in document
    assert company.asked == ["GET /v1/kitassembly/P/000001"]


def test_gone() -> None:
    """That Visma has no such document is what the look found."""
    verdict = look(Company())

    assert (verdict.state, verdict.result) == (State.SUCCEEDED, {"document": None})


def test_secrets_are_masked() -> None:
    """What looks like a secret is kept out, in members and in texts, whatever quotes stand around it."""
    company = Company()
    company.document(description='password=abc\\"def', apiToken="t0p", inner={"clientSecret": {"value": "s3cret"}})

    document = look(company).result["document"]

    assert (document["apiToken"], document["inner"]) == (MASK, {"clientSecret": MASK})
    assert "abc" not in document["description"]


def test_half_a_character() -> None:
    """Half of a character, which JSON can escape, does not keep the rest from being shown."""
    result = result_of({"description": "Chair \ud800", "extra \ud800": 1})

    assert orjson.loads(orjson.dumps(result)) == {"document": {"description": "Chair ?", "extra ?": 1}}


@pytest.mark.parametrize(
    ("answer", "state", "error_class"),
    [
        (refused(500), State.RETRYING, "unavailable"),
        (httpx.ConnectError("no route"), State.RETRYING, "unavailable"),
        (refused(429, retry_after="5"), State.RETRYING, "rate_limited"),
        (refused(429, retry_after="600"), State.FAILED, "rate_limited"),
        (refused(403), State.FAILED, "auth"),
        (refused(400), State.FAILED, "validation"),
    ],
)
def test_failures(answer: httpx.Response | Exception, state: State, error_class: str) -> None:
    """What may pass soon is tried again; what won't, or takes longer than anybody waits, fails at once."""
    company = Company()
    company.next.append(answer)

    verdict = look(company)

    assert verdict.error is not None
    assert (verdict.state, verdict.error.error_class, verdict.counts) == (state, error_class, True)


def test_worker_stopped() -> None:
    """A look whose worker stopped is made again."""
    verdict = AssemblyReading(Company().client()).look(job_of("read_kit_assembly", arguments=NAMED), NOW)

    assert (verdict.state, verdict.progress) == (State.QUEUED, {"doubt": None})


def test_too_large() -> None:
    """What is too large is left out, the largest first, and named; the rest stays."""
    lines = [{"item_id": "X" * 50}] * 4_000

    result = result_of({"ref_no": "000001", "description": "y" * 1_000, "kit_allocations": lines, "stock_component_lines": lines * 2})

    assert result["left_out"] == ["stock_component_lines"]
    assert result["document"].keys() == {"ref_no", "description", "kit_allocations"}
    assert len(orjson.dumps(result["document"])) <= LARGEST


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.decimals(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(st.text(max_size=12), JSON, max_size=4))
def test_any_extras(extras: dict[str, Any]) -> None:
    """Whatever Visma adds to a document can be kept, and numbers are exact or texts."""
    result = result_of(shown(KitAssembly(quantity=Decimal("0.1"), extras=extras)))

    assert orjson.loads(orjson.dumps(result))["document"].get("quantity") in (0.1, extras.get("quantity"))


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_exact_numbers(quantity: Decimal) -> None:
    """A number that a float can't hold is told as it was written."""
    told = shown(KitAssembly(quantity=quantity))["quantity"]

    assert Decimal(told if isinstance(told, str) else repr(told)) == quantity
