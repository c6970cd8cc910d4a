"""Tokens, scopes, the hour's calls and the rule about repeated requests."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.worker.sandbox.harness import Erp

KITS = "/v1/kitassembly"


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"client_secret": "wrong"}, "invalid_client"),
        ({"client_id": "nobody"}, "invalid_client"),
        ({"tenant_id": "other"}, "invalid_tenant"),
        ({"scope": "openid"}, "invalid_scope"),
    ],
)
def test_token_refused(erp: Erp, changes: dict[str, str], error: str) -> None:
    """Each wrong thing has its own error, with 400."""
    answer = erp.token(**changes)
    assert (answer.status_code, answer.json()) == (400, {"error": error})


def test_token_answer(erp: Erp) -> None:
    """A token looks like a JWT and names how long it lives."""
    answer = erp.token(scope="vismanet_erp_service_api:read").json()
    assert len(answer["access_token"].split(".")) == 3
    assert (answer["expires_in"], answer["token_type"], answer["scope"]) == (3600, "Bearer", "vismanet_erp_service_api:read")


def test_basic_credentials(erp: Erp) -> None:
    """Credentials may come in a Basic header; wrong ones are then 401."""
    form = {"grant_type": "client_credentials", "tenant_id": "demo"}
    assert erp.http.post("/connect/token", data=form, auth=("demo-client", "demo-secret")).status_code == 200
    assert erp.http.post("/connect/token", data=form, auth=("demo-client", "wrong")).status_code == 401


def test_bearer_needed(erp: Erp) -> None:
    """Without a token, with a made-up one, or with the customer's instead of the company's: 401."""
    assert erp.http.get(KITS, headers={"Authorization": ""}).status_code == 401
    assert erp.http.get(KITS, headers={"Authorization": "Bearer a.b.c"}).status_code == 401
    erp.sign_in(tenant_id="customer-of-demo")
    assert erp.http.get(KITS).status_code == 401


def test_scope_needed(erp: Erp) -> None:
    """A token for reading only cannot release."""
    erp.make()
    erp.sign_in(scope="vismanet_erp_service_api:read")
    assert erp.http.get(KITS).status_code == 200
    assert erp.release().status_code == 403
    assert erp.status() == "B"


def test_headers_on_every_answer(erp: Erp) -> None:
    """Limit, remaining, reset and policy stand on each answer, also on refused ones, and each call costs one."""
    first, second = erp.http.get(KITS), erp.http.get(f"{KITS}/P/000404")
    assert second.status_code == 404
    for answer in (first, second):
        assert (answer.headers["X-RateLimit-Limit"], answer.headers["X-RateLimit-Policy"]) == ("15000", "4-fixed-window")
        assert 0 < int(answer.headers["X-RateLimit-Reset"]) <= 3600
    assert int(first.headers["X-RateLimit-Remaining"]) - int(second.headers["X-RateLimit-Remaining"]) == 1


def test_hour_used_up(erp: Erp) -> None:
    """After the hour's calls comes 429 with Retry-After, without effect; after the window calls are answered again."""
    erp.change(companies={"demo": {"calls_per_hour": 2, "window": 100}})
    erp.make()
    assert [erp.http.get(KITS).status_code for _ in range(2)] == [200, 200]
    refused = erp.release()
    assert (refused.status_code, refused.headers["X-RateLimit-Remaining"], erp.counts()["operations"]["accepted"]) == (429, "0", 0)
    assert 90 <= int(refused.headers["Retry-After"]) <= 100
    erp.change(advance=101)
    assert erp.release().status_code == 202


def test_limits_apart(erp: Erp, other: Erp) -> None:
    """One company's calls are not another's."""
    erp.change(companies={"demo": {"calls_per_hour": 0}})
    assert (erp.http.get(KITS).status_code, other.http.get(KITS).status_code) == (429, 200)


def test_repeated_failures(erp: Erp) -> None:
    """The same failing request a third time within the window is counted; refused only if a setting says so; forgotten after it."""
    absent = f"{KITS}/P/000404"
    assert [erp.http.get(absent).status_code for _ in range(3)] == [404] * 3
    assert erp.counts()["violations"]["repeated_failures"] == 1
    erp.change(refuse_repeats=True)
    refused = erp.http.get(absent)
    assert (refused.status_code, refused.json()["message"]) == (429, "Same request made too many times")
    assert erp.http.get(f"{KITS}/P/000405").status_code == 404
    erp.change(advance=301)
    assert erp.http.get(absent).status_code == 404


def test_calls_at_once(erp: Erp) -> None:
    """The highest number of calls under way is recorded; more than the slots are violations, yet answered."""
    erp.change(accept_ms=150, companies={"demo": {"slots": 2}})
    erp.make(3)
    with ThreadPoolExecutor(3) as pool:
        statuses = [answer.status_code for answer in pool.map(erp.release, (1, 2, 3))]
    counts = erp.counts()
    assert statuses == [202] * 3
    assert (counts["most_calls_at_once"], counts["violations"]["slots"]) == (3, 1)
