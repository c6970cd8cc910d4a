"""Intacct's errors: every nesting, what each means, and what we say of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.worker.clients.erp import Said
from tests.worker.clients.intacct.samples import body, sample
from worker.clients.codec import write_json
from worker.clients.intacct.faults import CACHED, faults_in, replayed
from worker.errors import AuthRefused, CallError, Missing, RateLimited, Rejected, Unclear

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.worker.clients.erp import Erp
    from worker.clients.answers import Answer
    from worker.clients.intacct.client import IntacctClient

ERROR = {
    "code": "invalidRequest",
    "message": "Payload contains errors",
    "supportId": "S-2",
    "errorId": "REST-1064",
    "details": [{"message": "not a valid field", "errorId": "REST-1043", "target": "/newDate"}],
}
WORDS = "Payload contains errors: /newDate: not a valid field (REST-1043) (invalidRequest, REST-1064, support id S-2)"
NESTINGS: list[Any] = [
    {"ia::error": ERROR},
    {"ia::result": {"ia::error": ERROR}, "ia::meta": {"totalError": 1}},
    {"error": ERROR},
    {"ia::result": [{"ia::error": ERROR, "ia::status": 400}]},
    [{"ia::error": ERROR, "ia::status": 400}],
    {"ia::error": {**ERROR, "details": ERROR["details"][0]}},
]
ENDS: list[tuple[int, str, type[CallError], str, int]] = [
    (400, "invalidRequest", Rejected, "validation", 400),
    (422, "operationFailed", Rejected, "validation", 422),
    (403, "unauthorizedUser", AuthRefused, "auth", 403),
    (400, "GW-0042", AuthRefused, "auth", 403),
    (404, "notFound", Missing, "missing_reference", 404),
    (400, "notFound", Missing, "missing_reference", 400),
    (405, "invalidRequest", Rejected, "validation", 405),
    (429, "GW-0010", RateLimited, "rate_limited", 429),
    (503, "GW-0010", RateLimited, "rate_limited", 503),
    (400, "GW-0010", RateLimited, "rate_limited", 400),
    (500, "operationFailed", Unclear, "unavailable", 500),
    (503, "GW-0001", Unclear, "unavailable", 503),
    (409, "invalidRequest", Unclear, "conflict", 409),
]


def failing(call: Callable[[], object]) -> CallError:
    """What the call raises."""
    with pytest.raises(CallError) as caught:
        call()
    return caught.value


@pytest.mark.parametrize("value", NESTINGS)
def test_nesting_is_found(erp: Erp, client: IntacctClient, value: Any) -> None:
    """Each nesting gives the same words, with code, errorId and supportId."""
    erp.says(Said(400, value))

    with pytest.raises(Rejected) as caught:
        client.update_kit_component("1", {"number_of_units": 2}, "k")

    assert caught.value.message == WORDS
    assert (caught.value.status, caught.value.error_class) == (400, "validation")


def test_gateway_details(erp: Erp, client: IntacctClient, told: list[Answer]) -> None:
    """The gateway's details are an object with its own id, which support asks for; the observer hears of the limit."""
    erp.says(sample("throttled.429.json", {"X-IA-Throttle-Limit-RetryAfter": "7"}))

    with pytest.raises(RateLimited) as caught:
        client.get_kit_component("1")

    assert caught.value.message == "Rate limit exceeded (GW-0010, support id req-9)"
    assert caught.value.retry_after == 7.0
    assert [(each.status, each.error_class, each.retry_after) for each in told] == [(429, "rate_limited", 7.0)]


@pytest.mark.parametrize(("status", "code", "expected", "error_class", "shown"), ENDS)
def test_code_is_understood(
    erp: Erp, client: IntacctClient, status: int, code: str, expected: type[CallError], error_class: str, shown: int
) -> None:
    """Status and code together say what to do next."""
    erp.says(Said(status, {"ia::error": {"code": code, "message": "No."}}))

    with pytest.raises(CallError) as caught:
        client.create_kit_component({"kit": "1", "component": "2", "number_of_units": 1}, "k")

    assert type(caught.value) is expected
    assert (caught.value.error_class, caught.value.status) == (error_class, shown)


@pytest.mark.parametrize("value", NESTINGS[:3])
def test_error_on_a_2xx(erp: Erp, client: IntacctClient, told: list[Answer], value: Any) -> None:
    """An error body counts, whatever the status says."""
    erp.says(Said(200, value))

    with pytest.raises(Rejected) as caught:
        client.update_kit_component("1", {"number_of_units": 2}, "k")

    assert (caught.value.message, caught.value.status) == (WORDS, 200)
    assert told[0].error_class == "validation"


def test_plain_bodies(erp: Erp, client: IntacctClient) -> None:
    """A page of a proxy, or nothing at all, is understood by its status."""
    erp.says(Said(502, b"<html><title>Bad gateway</title></html>", {"Content-Type": "text/html"}), Said(503))

    errors = [failing(lambda: client.delete_kit_component("1")) for _ in range(2)]

    assert [(type(error), error.message) for error in errors] == [
        (Unclear, "Bad gateway"),
        (Unclear, "503 Service Unavailable, without a message"),
    ]


def test_taken_key_is_unclear(erp: Erp, client: IntacctClient) -> None:
    """A 409 under an Idempotency-Key: it may have been ours, so the kit is read before anything is sent again. A duplicate is one."""
    erp.says(
        Said(409, {"ia::error": {"code": "invalidRequest", "message": "The idempotency key is already in use"}}),
        Said(409, {"ia::error": {"code": "operationFailed", "message": "Another one already exists"}}),
        Said(409, {"ia::error": {"code": "operationFailed", "message": "No."}}),
    )
    values = {"kit": "1", "component": "2", "number_of_units": 1}

    errors = [failing(lambda: client.create_kit_component(values, "k")) for _ in range(2)]
    deleting = failing(lambda: client.delete_kit_component("1"))

    assert [(type(error), error.error_class) for error in errors] == [(Unclear, "conflict"), (Rejected, "duplicate")]
    assert (type(deleting), deleting.error_class) == (Rejected, "conflict")


def test_stored_failure_is_named(erp: Erp, client: IntacctClient) -> None:
    """A failure that Intacct only repeats says so: under the same key it would come again for two days."""
    said = sample("nested_error.400.json", {CACHED: "2026-11-03T10:00:00Z"})
    erp.says(said, sample("nested_error.400.json"))

    stored, fresh = (failing(lambda: client.update_kit_component("1", {"number_of_units": 2}, "k")) for _ in range(2))

    assert replayed(stored)
    assert "2026-11-03T10:00:00Z" in stored.message
    assert not replayed(fresh)


def test_secrets_stay_out(erp: Erp, client: IntacctClient) -> None:
    """What an error repeats of a token is not repeated by us."""
    erp.says(Said(400, {"ia::error": {"code": "x", "message": 'body was {"access_token": "abc123"}'}}))

    error = failing(lambda: client.delete_kit_component("1"))

    assert "abc123" not in error.message
    assert "body was" in error.message


def test_records_are_no_error() -> None:
    """The errors inside a batch are found one by one."""
    assert [fault.error_id for fault in faults_in(body("mixed.207.json"))] == ["REST-1064"]
    assert [fault.message for fault in faults_in({"error": "invalid_client", "error_description": "Unknown"})] == ["Unknown"]


@given(
    value=st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["ia::error", "ia::result", "error", "details", "code", "message", "errorId"]), inner, max_size=4
            )
        ),
        max_leaves=12,
    )
)
def test_any_body_is_survived(value: Any) -> None:
    """Error bodies may hold anything."""
    for fault in faults_in(value):
        assert str(fault)
    assert write_json(value)
