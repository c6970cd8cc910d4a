"""Which headers of a call are kept: no secret, whatever it is called."""

from __future__ import annotations

from datetime import UTC, datetime

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.clients.base import HEADERS
from worker.clients.exchanges import note, recorded
from worker.clients.headers import kept

SECRET = "hunter2hunter2"
NAMES = ["Cookie", "X-Api-Key", "Proxy-Authorization", "webhook-signature", "X-Auth", "X-Unknown", "Idempotency-Key-Secret"]


def carried(**headers: str) -> dict[str, str] | None:
    """What is kept of a call with these headers, and with those that every call has."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = httpx.Request("POST", "http://erp.test/x", headers={**HEADERS, "Authorization": f"Bearer {SECRET}", **named})
    return kept(request.headers.raw)


def test_nothing_beyond_the_common() -> None:
    """Of a call like every other nothing is kept, not even that it had a token."""
    assert carried() is None


def test_harmless_stays() -> None:
    """What a write carried is kept as it was sent, name and value."""
    sent = {
        "Content-Type": "application/json",
        "erp-api-background": "subscription:kitrelay-job=0191.a_b-c",
        "Idempotency-Key": "0191-1",
        "If-Match": 'W/"AAAAAE0YIiI="',
        "X-IA-API-Param-Entity": "Nordic & Sons (1)",
        "X-IA-API-Param-Transaction": "true",
    }
    assert carried(**sent) == sent


@pytest.mark.parametrize("name", NAMES)
def test_unknown_loses_its_value(name: str) -> None:
    """A header that is not known to be harmless keeps its name alone."""
    assert carried(**{name: SECRET}) == {name: "***"}


@pytest.mark.parametrize(
    "value",
    [f"https://relay.test/webhooks/visma/acme/{SECRET}?job=1", f"subscription:{SECRET}@x", f"none {SECRET}", f"url:{SECRET}"],
)
def test_callback_is_masked(value: str) -> None:
    """In url mode the header of a write ends with our own token: nothing but the known forms is kept."""
    assert carried(erp_api_background=value) == {"erp-api-background": "***"}


@pytest.mark.parametrize("value", [f"Bearer {SECRET}", f"access_token={SECRET}", f'{{"password": "{SECRET}"}}', "x" * 301 + SECRET])
def test_secret_in_a_harmless_header(value: str) -> None:
    """Also where a value may be kept, what looks like a secret is taken out of it."""
    (found,) = (carried(Idempotency_Key=value) or {}).values()
    assert SECRET not in found
    assert "***" in found


@given(st.lists(st.tuples(st.sampled_from([name.encode() for name in (*NAMES, "Authorization", "x-é")]), st.binary(max_size=20))))
def test_any_bytes_are_taken(raw: list[tuple[bytes, bytes]]) -> None:
    """Whatever stands in a request, what is kept is text, and without a value."""
    assert set((kept(raw) or {}).values()) <= {"***"}


def test_kept_with_the_call() -> None:
    """An exchange has the headers of its request; a repr of it has no token."""
    request = httpx.Request("POST", "http://erp.test/x", headers={"Authorization": f"Bearer {SECRET}", "If-Match": "1"})
    with recorded() as exchanges:
        note(
            at=datetime(2026, 1, 1, tzinfo=UTC),
            method="POST",
            url="/x",
            status=200,
            ms=1.0,
            request=None,
            response=None,
            headers=request.headers.raw,
        )
    assert [exchange.headers for exchange in exchanges] == [{"If-Match": "1"}]
    assert SECRET not in repr(exchanges)
