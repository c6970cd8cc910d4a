"""Every operation over HTTP: what is sent, what is read, and when the token is renewed."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from tests.worker.clients.erp import Said
from tests.worker.clients.intacct.samples import PATH, body, sample
from worker.clients.intacct import client as module
from worker.clients.intacct.client import IntacctClient
from worker.clients.intacct.faults import CACHED
from worker.clients.intacct.query import KIT_COMPONENT, Filter, Query
from worker.clients.intacct.tokens import IntacctTokens
from worker.errors import AuthRefused, BadAnswer, Missing, Rejected, Unclear
from worker.settings import Intacct, Secret

if TYPE_CHECKING:
    from tests.worker.clients.erp import Asked, Erp
    from worker.clients.base import ClientPool

QUERY = "/ia/api/v1/services/core/query"
ROWS = Query(object=KIT_COMPONENT, fields=("key", "kit.id"), filters=(Filter("$eq", "kit.id", "Kit_1"),), size=2)


def calls(erp: Erp) -> list[tuple[str, str]]:
    """Method and path of each call."""
    return [(one.method, one.path) for one in erp.asked]


def row_of(value: object) -> dict[str, Any]:
    """A row as it came."""
    assert isinstance(value, dict)
    return value


def rows(first: int, last: int, following: int | None, total: int = 5) -> Said:
    """A page of a query."""
    found = [{"key": str(number), "kit.id": "Kit_1"} for number in range(first, last + 1)]
    return Said(200, {"ia::result": found, "ia::meta": {"totalCount": total, "start": first, "pageSize": 2, "next": following}})


def test_documented_operations(erp: Erp, client: IntacctClient) -> None:
    """List, create, get, patch, delete, each with its documented sample; a key on POST and PATCH only."""
    erp.says(
        sample("kit_components.200.json"),
        sample("create.201.json"),
        sample("kit_component.200.json"),
        sample("update.200.json"),
        Said(204),
    )
    values: dict[str, Any] = {"kit": "1", "component": "2", "revenue_percentage": "90", "number_of_units": Decimal(1)}
    values |= {"default_delivery_status": "undelivered", "default_deferral_status": "deferUntilItemIsDelivered"}

    listed = client.list_kit_components()
    created = client.create_kit_component(values, "key-1")
    shown = client.get_kit_component("1")
    updated = client.update_kit_component("1", {"component": "10", "number_of_units": 1}, "key-2")
    client.delete_kit_component("1")

    assert ([one.key for one in listed.records], created.key, shown.component_id, updated.id) == (["1", "2"], "1", "Prnt_Paper", "1")
    assert calls(erp) == [("GET", PATH), ("POST", PATH), ("GET", f"{PATH}/1"), ("PATCH", f"{PATH}/1"), ("DELETE", f"{PATH}/1")]
    assert [one.headers.get("idempotency-key") for one in erp.asked] == [None, "key-1", None, "key-2", None]
    assert json.loads(erp.asked[1].body) == body("create.request.json")
    assert json.loads(erp.asked[3].body) == body("update.request.json")
    assert {one.headers["authorization"] for one in erp.asked} == {"Bearer t0ken-1"}
    assert not any("x-ia-api-param-entity" in one.headers for one in erp.asked)


def test_documented_error(erp: Erp, client: IntacctClient) -> None:
    """The documented refusal of a delete, with its support id."""
    erp.says(sample("malformed_url.400.json"))

    with pytest.raises(Rejected, match=r"Malformed URL \(invalidRequest, support id sQrM9"):
        client.delete_kit_component("1")


def test_entity_header(erp: Erp, pool: ClientPool, settings: Intacct) -> None:
    """With an entity every call names it, and the token is still the company's."""
    erp.says(sample("token.200.json"), rows(1, 1, None, 1), Said(204))
    entity = Intacct(settings.base_url, "us", Secret("s"), "kitrelay@acme", entity="CentralUS-35")
    client = IntacctClient(entity, pool, IntacctTokens(pool).auth(entity))

    client.kit_components(ROWS)
    client.delete_kit_component("1")

    assert [one.headers.get("x-ia-api-param-entity") for one in erp.asked] == [None, "CentralUS-35", "CentralUS-35"]
    assert b"CentralUS" not in erp.asked[0].body


def test_keys_are_escaped(erp: Erp, client: IntacctClient) -> None:
    """A key is one segment of the path, whatever is in it."""
    erp.says(Said(204))

    client.delete_kit_component("1/../2?x=1")

    assert calls(erp) == [("DELETE", f"{PATH}/1%2F..%2F2%3Fx%3D1")]
    with pytest.raises(ValueError, match="empty"):
        client.delete_kit_component("")


@pytest.mark.parametrize("key", ["", "x" * 257, "a\r\nX: y", "\N{LATIN SMALL LETTER E WITH ACUTE}"])
def test_idempotency_key_is_checked(erp: Erp, client: IntacctClient, key: str) -> None:
    """At most 256 plain characters (documented)."""
    with pytest.raises(ValueError, match="Idempotency-Key"):
        client.update_kit_component("1", {"number_of_units": 1}, key)

    assert erp.asked == []


def test_replayed_success(erp: Erp, client: IntacctClient) -> None:
    """A stored answer is an answer; it tells since when it is stored."""
    erp.says(sample("create.201.json", {CACHED: "2026-11-03T10:00:00Z"}))

    made = client.create_kit_component({"kit": "1", "component": "2", "number_of_units": 1}, "k")

    assert (made.key, made.cached) == ("1", "2026-11-03T10:00:00Z")


def test_documented_query(erp: Erp, client: IntacctClient) -> None:
    """The documented query and its answer; it carries no key, since queries know none."""
    erp.says(sample("query.200.json"))
    query = Query(
        object="accounts-payable/vendor",
        fields=("id", "name", "status", "href"),
        filters=(Filter("$eq", "status", "active"), Filter("$gt", "totalDue", "1000")),
        expression="1 and 2",
        order=(("id", "asc"),),
        size=100,
    )

    page = client.query(query, row_of)

    assert [row["name"] for row in page.records] == ["Test vendor", "Design Works"]
    assert (page.total, page.start, page.size, page.next) == (2, 1, 100, None)
    assert json.loads(erp.asked[0].body) == body("query.request.json")
    assert "idempotency-key" not in erp.asked[0].headers


def test_pages_are_followed(erp: Erp, client: IntacctClient) -> None:
    """Until no next one is named; a row that comes again counts once."""
    erp.says(rows(1, 2, 3), rows(2, 4, 5), rows(5, 5, None))

    found = client.kit_components(ROWS)

    assert [row.key for row in found] == ["1", "2", "3", "4", "5"]
    assert [json.loads(one.body)["start"] for one in erp.asked] == [1, 3, 5]
    assert {path for _, path in calls(erp)} == {QUERY}


def test_circle_of_pages(erp: Erp, client: IntacctClient) -> None:
    """A next page that is not behind this one ends it."""
    erp.says(rows(1, 2, 1))

    with pytest.raises(BadAnswer, match="not behind"):
        client.kit_components(ROWS)


def test_endless_pages(erp: Erp, client: IntacctClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is a last page, if not Intacct's then ours."""
    monkeypatch.setattr(module, "MOST_PAGES", 3)
    erp.says(rows(1, 2, 3, 99), rows(3, 4, 5, 99), rows(5, 6, 7, 99))

    with pytest.raises(BadAnswer, match="more than 3 pages"):
        client.kit_components(ROWS)

    assert len(erp.asked) == 3


def test_read_is_never_unclear(erp: Erp, client: IntacctClient) -> None:
    """A query is a POST that changes nothing: nothing must be looked for after it failed."""
    erp.says(Said(500, {}), Said(drop=True))

    for _ in range(2):
        with pytest.raises(Exception, match=r".") as caught:
            client.query(ROWS, row_of)
        assert not isinstance(caught.value, Unclear)


def test_model_is_read(erp: Erp, client: IntacctClient) -> None:
    """What Intacct says of an object."""
    erp.says(Said(200, {"ia::result": {"idempotenceSupported": True}}), Said(200, {"ia::result": []}))

    assert client.model(KIT_COMPONENT, type="object") == {"idempotenceSupported": True}
    assert calls(erp) == [("GET", "/ia/api/v1/services/core/model?name=inventory-control%2Fkit-component&type=object")]
    with pytest.raises(BadAnswer):
        client.model()


@pytest.mark.parametrize(
    "refusal",
    [
        Said(401, {"ia::error": {"code": "GW-0031", "message": "no"}}),
        Said(401),
        sample("token_error.401.json"),
        Said(400, {"ia::error": {"code": "invalidRequest", "message": "The access token provided is invalid"}}),
        Said(400, {"ia::result": {"ia::error": {"code": "tokenInvalid", "message": "no"}}}),
        Said(403, {"error": {"code": "x", "message": "no", "errorId": "REST-2102"}}),
    ],
)
def test_token_is_renewed_once(erp: Erp, client: IntacctClient, refusal: Said) -> None:
    """An old token is refused in many ways, and then replaced once; the call goes again with the same key."""
    erp.says(refusal, Said(200, {"access_token": "t0ken-2", "expires_in": 3600}), sample("update.200.json"))
    client.update_kit_component("1", {"number_of_units": 2}, "k")

    assert [one.path.removeprefix("/ia/api/v1") for one in erp.asked][1] == "/oauth2/token"
    assert [one.headers.get("authorization") for one in erp.asked] == ["Bearer t0ken-1", None, "Bearer t0ken-2"]
    assert _keys(erp.asked) == ["k", None, "k"]


def test_second_refusal_counts(erp: Erp, client: IntacctClient) -> None:
    """A fresh token that is refused too is a matter for a person."""
    erp.says(Said(401), Said(200, {"access_token": "t0ken-2", "expires_in": 3600}), Said(401))

    with pytest.raises(AuthRefused) as caught:
        client.get_kit_component("1")

    assert caught.value.status == 401
    assert len(erp.asked) == 3


def test_permission_is_no_token(erp: Erp, client: IntacctClient) -> None:
    """A 403 is the user's: no token helps."""
    erp.says(Said(403, {"ia::error": {"code": "unauthorizedUser", "message": "no"}}))

    with pytest.raises(AuthRefused):
        client.get_kit_component("1")

    assert len(erp.asked) == 1


def test_missing_record(erp: Erp, client: IntacctClient) -> None:
    """404 is a record that is not there."""
    erp.says(Said(404, {"ia::error": {"code": "notFound", "message": "none"}}))

    with pytest.raises(Missing):
        client.get_kit_component("1")


def test_lost_answer_is_unclear(erp: Erp, client: IntacctClient) -> None:
    """A timeout or a cut connection says nothing of what was done."""
    erp.says(Said(201, {}, wait=2.0), Said(201, body("create.201.json"), cut=True), Said(201, b"<html>"))

    for _ in range(2):
        with pytest.raises(Unclear):
            client.create_kit_component({"kit": "1", "component": "2", "number_of_units": 1}, "k")
    with pytest.raises(BadAnswer):
        client.create_kit_component({"kit": "1", "component": "2", "number_of_units": 1}, "k")


def _keys(asked: list[Asked]) -> list[str | None]:
    return [one.headers.get("idempotency-key") for one in asked]
