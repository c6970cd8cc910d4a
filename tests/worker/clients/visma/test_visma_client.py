"""The six operations and the background API, over HTTP, with recorded samples."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.worker.clients.erp import Said
from worker.clients.auth import Tokens
from worker.clients.exchanges import recorded
from worker.clients.visma.client import VismaClient, visma_auth
from worker.clients.visma.lists import KitAssemblyFilter
from worker.clients.visma.names import background_header
from worker.clients.visma.records import Accepted, Created, KitAssembly, Page, ReleaseResult
from worker.errors import AuthRefused, BadAnswer, CallError, Missing, Rejected
from worker.settings import Secret, Visma

if TYPE_CHECKING:
    from tests.worker.clients.erp import Erp
    from worker.clients.base import ClientPool

SAMPLES = Path(__file__).parents[3] / "samples" / "visma"
ID = "5d0c2b1e-2b0f-4a58-9a9c-6f5f0b1c2d3e"
HEADER = "subscription:kitrelay-job=0191"


def sample(name: str, headers: dict[str, str] | None = None) -> Said:
    """A recorded answer; its status is in its name."""
    return Said(int(name.split(".")[-2]), (SAMPLES / name).read_bytes(), headers or {})


@pytest.fixture
def settings(erp: Erp) -> Visma:
    """A tenant of the scripted ERP."""
    return Visma(erp.url, f"{erp.url}/connect/token", "id", Secret("s3cr3t"), "tenant")


@pytest.fixture
def client(erp: Erp, pool: ClientPool, settings: Visma) -> VismaClient:
    """A client that has its token already."""
    erp.says(sample("token.200.json"), Said(200, {"records": []}))
    made = VismaClient(settings, pool, visma_auth(settings, Tokens(pool)))
    made.list_statuses()
    erp.asked.clear()
    return made


def asked(erp: Erp) -> list[tuple[str, str, str | None]]:
    """Method, path and background header of each call."""
    return [(one.method, one.path, one.headers.get("erp-api-background")) for one in erp.asked]


def test_release_is_accepted(erp: Erp, client: VismaClient) -> None:
    """A release with the background header is one POST without a body; the operation's id comes back."""
    erp.says(sample("accepted.202.json"))

    answer = client.release_kit_assembly("P", "000123", HEADER)

    assert isinstance(answer, Accepted)
    assert answer.id == ID
    assert asked(erp) == [("POST", "/v1/kitassembly/P/000123/action/release", HEADER)]
    assert erp.asked[0].body == b""


def test_release_at_once(erp: Erp, client: VismaClient) -> None:
    """Without the header the answer is an untyped object: what siblings answer, or anything, or nothing."""
    erp.says(sample("release.200.json"), Said(200), Said(200, [1]), Said(202, {}))

    answers = [client.release_kit_assembly("P", "000123") for _ in range(4)]

    assert [answer.action_result for answer in answers if isinstance(answer, ReleaseResult)] == ["Done", None, None, None]


@pytest.mark.parametrize(
    "said",
    [
        sample("accepted_without_id.202.json"),
        Said(202, b"", {"Location": f"https://elsewhere/v1/background/{ID}"}),
        Said(202, b"binary", {"Content-Type": "application/octet-stream", "Location": f"/v1/background/{ID}"}),
        Said(202, {"id": None, "stateLocation": f"https://elsewhere/v1/background/{ID}"}),
    ],
)
def test_operation_id_from_addresses(erp: Erp, client: VismaClient, said: Said) -> None:
    """Without an id in the body, the id stands in an address; the address itself is not called."""
    erp.says(said)

    answer = client.delete_kit_assembly("P", "1", HEADER)

    assert answer is not None
    assert answer.id == ID
    assert len(erp.asked) == 1


def test_acceptance_without_id(erp: Erp, client: VismaClient) -> None:
    """Accepted, but not what: that can't be read."""
    erp.says(Said(202, {}))

    with pytest.raises(BadAnswer, match="without naming"):
        client.release_kit_assembly("P", "1", HEADER)


def test_document_is_read(erp: Erp, client: VismaClient) -> None:
    """One GET gives the document with its lines."""
    erp.says(sample("kit_assembly.200.json"))

    document = client.get_kit_assembly("P", "000123")

    assert isinstance(document, KitAssembly)
    assert (document.ref_no, document.status, document.quantity) == ("000123", "B", Decimal(2))
    assert len(document.stock_component_lines or ()) == 1


def test_list_is_read(erp: Erp, client: VismaClient) -> None:
    """A page of documents, and the same of their statuses only; new fields do no harm."""
    erp.says(sample("kit_assemblies.200.json"), sample("kit_assemblies.200.json"), sample("kit_assemblies_new_fields.200.json"))

    page = client.list_kit_assemblies(KitAssemblyFilter(type="P"))
    released = client.list_statuses(KitAssemblyFilter(status="R"), 1, 500)
    newer = client.list_kit_assemblies()

    assert isinstance(page, Page)
    assert isinstance(newer, Page)
    assert ([one.ref_no for one in page.records], page.last, page.dropped) == (["000123", "000124"], True, 0)
    assert ([one.ref_no for one in released.records], released.dropped) == (["000124"], 1)
    assert newer.records[0].extras["project"]["budget"] == Decimal("0.10")
    assert [path for _, path, _ in asked(erp)] == [
        "/v1/kitassembly?type=P&pageNumber=1&pageSize=1000",
        "/v1/kitassembly?status=R&pageNumber=1&pageSize=500",
        "/v1/kitassembly?pageNumber=1&pageSize=1000",
    ]


def test_reads_may_be_queued(erp: Erp, client: VismaClient) -> None:
    """The background header may stand on reads too."""
    erp.says(sample("accepted.202.json"), sample("accepted.202.json"))

    answers = [client.get_kit_assembly("P", "1", "none"), client.list_kit_assemblies(background="none")]

    assert [answer.id for answer in answers if isinstance(answer, Accepted)] == [ID, ID]
    assert {header for _, _, header in asked(erp)} == {"none"}


def test_create_names_the_document(erp: Erp, client: VismaClient) -> None:
    """A 201 has an empty body: type and number are in its Location, or nowhere."""
    erp.says(Said(201, b"", {"Location": "https://finance.visma.net/4711/api/v1/kitassembly/P/000125"}), Said(201))
    fields: dict[str, Any] = {"type": "P", "item_id": "KIT", "quantity": "2.50"}

    answers = [client.create_kit_assembly(fields) for _ in range(2)]

    assert answers == [Created(type="P", ref_no="000125"), Created()]
    assert erp.asked[0].body == b'{"type":"P","itemId":{"value":"KIT"},"quantity":{"value":2.50}}'
    assert erp.asked[0].headers["content-type"] == "application/json"


def test_update_and_delete_at_once(erp: Erp, client: VismaClient) -> None:
    """A 204 says no more than that."""
    erp.says(Said(204), Said(204))

    assert client.update_kit_assembly("D", "A/B", {"hold": True}) is None
    assert client.delete_kit_assembly("D", "A/B") is None
    assert [(one.method, one.path, one.body) for one in erp.asked] == [
        ("PUT", "/v1/kitassembly/D/b64(QS9C)", b'{"hold":{"value":true}}'),
        ("DELETE", "/v1/kitassembly/D/b64(QS9C)", b""),
    ]


def test_update_is_accepted(erp: Erp, client: VismaClient) -> None:
    """With the header an update is queued like a release."""
    erp.says(sample("accepted.202.json"))

    answer = client.update_kit_assembly("P", "1", {"description": ""}, HEADER)

    assert answer is not None
    assert answer.id == ID


def test_unknown_field_is_not_sent(erp: Erp, client: VismaClient) -> None:
    """A field that Visma's form lacks never leaves the house."""
    with pytest.raises(ValueError, match="release"):
        client.create_kit_assembly({"item_id": "KIT", "release": True})

    assert erp.asked == []


def test_state_is_read(erp: Erp, client: VismaClient) -> None:
    """The state of an operation, its times with their offset, its Location in whatever case."""
    erp.says(sample("background_created.200.json"))

    state = client.background_state(ID)

    assert (state.succeeded, state.status_code) == (True, 201)
    assert state.finished_utc == "2026-11-03T10:20:55.788+01:00"
    assert asked(erp) == [("GET", f"/v1/background/{ID}", None)]


def test_content_is_read(erp: Erp, client: VismaClient) -> None:
    """The stored answer, whatever it is; none is None, and so is 404; a repeated 400 is content, not a failure to read."""
    refused = sample("background_content_refused.200.json")
    erp.says(refused, Said(400, refused.body), Said(200, b"plain words"), Said(200), Said(404, {"message": "none"}))

    answers = [client.background_content(ID) for _ in range(5)]

    said = {"message": "Kit assembly can't be updated because it is already released."}
    assert answers == [said, said, "plain words", None, None]


def test_forgotten_content_is_missing(erp: Erp, client: VismaClient) -> None:
    """410: Visma has removed it after 24 hours."""
    erp.says(Said(410))

    with pytest.raises(Missing) as caught:
        client.background_content(ID)

    assert caught.value.status == 410


@pytest.mark.parametrize(
    ("name", "expected", "error_class"),
    [("business_error.400.json", Rejected, "conflict"), ("gateway_error.403.json", AuthRefused, "auth")],
)
def test_recorded_error_is_understood(erp: Erp, client: VismaClient, name: str, expected: type[CallError], error_class: str) -> None:
    """Recorded error bodies become our errors with Visma's own words."""
    erp.says(sample(name))

    with pytest.raises(expected) as caught:
        client.release_kit_assembly("P", "1", HEADER)

    body = json.loads((SAMPLES / name).read_bytes())
    assert caught.value.error_class == error_class
    assert (body.get("message") or body["ExceptionMessage"]) in caught.value.message


def test_401_names_its_usual_cause(erp: Erp, client: VismaClient) -> None:
    """A 401 with a valid token usually means the wrong tenant id: the message says so."""
    erp.says(Said(401), sample("token.200.json"), Said(401))

    with pytest.raises(AuthRefused, match="tenant_id is the customer's instead of the company's"):
        client.release_kit_assembly("P", "1", HEADER)


@pytest.mark.parametrize("body", [b"[]", b'"x"', b'{"quantity": "2"}', b'{"refNo": 7}', b"<html>"])
def test_strange_document_is_a_bad_answer(erp: Erp, client: VismaClient, body: bytes) -> None:
    """A 200 that is no document is not taken for one."""
    erp.says(Said(200, body))

    with pytest.raises(BadAnswer):
        client.get_kit_assembly("P", "1")


def test_our_token_stays_out_of_exchanges(erp: Erp, client: VismaClient, settings: Visma) -> None:
    """In url mode Visma shows our callback address, token and all: the exchange and the record's repr do not."""
    state = json.loads((SAMPLES / "background_finished.200.json").read_bytes())
    erp.says(Said(200, {**state, "webhookAddress": "https://relay/webhooks/visma/acme/t0k3n?job=1"}))

    with recorded() as exchanges:
        answer = client.background_state(ID)

    erp.says(sample("accepted.202.json"), sample("accepted.202.json"))
    ours = replace(settings, background="url", callback_url="https://relay/webhooks/visma/acme", callback_tokens=(Secret("t0k3n"),))
    with recorded() as more:
        for header in (background_header(ours, "1"), HEADER):
            client.release_kit_assembly("P", "1", header)
    exchanges += more

    assert [call.headers for call in more] == [{"erp-api-background": "***"}, {"erp-api-background": HEADER}]
    assert answer.webhook_address is not None
    assert "t0k3n" not in repr(exchanges) + repr(answer)
    assert "s3cr3t" not in background_header(settings, "1")
