"""Each fault over HTTP."""

from __future__ import annotations

import contextlib
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.worker.sandbox.intacct.harness import COMPONENTS, fault
from worker.sandbox.faults import FAULTS, NOT_IN_ALL

if TYPE_CHECKING:
    from tests.worker.sandbox.intacct.harness import Books


@pytest.fixture
def kit(books: Books) -> Books:
    """A kit K without components, and the items A and B."""
    books.items("A", "B")
    books.put("K")
    return books


def test_429(kit: Books) -> None:
    """Each way to say how long to wait has its turn, also none."""
    kit.change(faults={"intacct-429": 1.0}, intacct_retry_after=7)
    answers = [kit.create("K", "A") for _ in range(7)]
    assert [fault(answer) for answer in answers] == [(429, "GW-0010")] * 7
    names = [next((name for name in answer.headers if "retry" in name.lower()), "") for answer in answers]
    assert sorted(set(names)) == [
        "",
        "retry-after",
        "x-ia-hour-rate-limit-retry-after",
        "x-ia-tenant-throttle-limit-retry-after",
        "x-ia-throttle-limit-retry-after",
        "x-ia-throttle-limit-retryafter",
    ]
    plain = [answer.headers["Retry-After"] for answer in answers if "Retry-After" in answer.headers]
    (date,) = (text for text in plain if text != "7")
    assert parsedate_to_datetime(date).tzinfo is not None
    assert kit.lines("K") == []


def test_5xx(kit: Books) -> None:
    """A call is refused without effect."""
    kit.change(faults={"intacct-5xx": 1.0})
    assert {kit.create("K", "A").status_code for _ in range(20)} == {500, 502, 503, 504}
    assert kit.lines("K") == []


def test_5xx_after(kit: Books) -> None:
    """A write took effect all the same; under its key it is answered once the trouble is over."""
    kit.change(faults={"intacct-5xx-after": 1.0})
    assert kit.create("K", "A", key="one").status_code >= 500
    kit.change(faults={"intacct-5xx-after": 0})
    assert kit.create("K", "A", key="one").status_code == 201
    assert (kit.lines("K"), kit.query().status_code) == ([("A", "1", 1)], 200)


def test_timeout(kit: Books) -> None:
    """A write runs, and its connection ends without an answer; reads are spared."""
    kit.change(faults={"intacct-timeout": 1.0})
    with pytest.raises(httpx.RemoteProtocolError):
        kit.create("K", "A", key="one")
    assert (kit.lines("K"), kit.query().status_code) == ([("A", "1", 1)], 200)
    kit.change(faults={"intacct-timeout": 0})
    assert kit.create("K", "A", key="one").status_code == 201
    assert kit.counts()["effects"]["creates"] == 1


def test_token_400(kit: Books) -> None:
    """The token dies, and 400 says that it is invalid, then and later; a new one works."""
    kit.change(faults={"intacct-token-400": 1.0})
    answers = [kit.create("K", "A") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [400, 400]
    assert all("token is invalid" in answer.text for answer in answers)
    kit.change(faults={"intacct-token-400": 0})
    assert kit.create("K", "A").status_code == 401
    kit.sign_in()
    assert kit.create("K", "A").status_code == 201


def test_token_killed(kit: Books) -> None:
    """Somebody else authorises: the token is dead for good, and its refresh token."""
    refresh = kit.sign_in()["refresh_token"]
    killed = kit.counts()["tokens_killed"]
    kit.change(faults={"intacct-token-killed": 1.0})
    assert fault(kit.create("K", "A")) == (401, "GW-0031")
    kit.change(faults={"intacct-token-killed": 0})
    assert kit.create("K", "A").status_code == 401
    assert fault(kit.token(grant_type="refresh_token", refresh_token=refresh)) == (400, "REST-2102")
    assert kit.counts()["tokens_killed"] == killed + 1


def test_nesting(kit: Books) -> None:
    """An error comes in each of the wrappings, and says the same in all."""
    kit.change(faults={"intacct-nesting": 1.0})
    answers = [kit.http.post(COMPONENTS, json={"color": number, "kit": {"id": f"K{number}"}}) for number in range(30)]
    shapes = {next(iter(answer.json())) + type(answer.json().get("ia::result")).__name__ for answer in answers}
    assert shapes == {"ia::errorNoneType", "errorNoneType", "ia::resultlist"}
    assert {fault(answer)[0] for answer in answers} == {400}
    missing = {next(iter(kit.http.get(f"{COMPONENTS}/{key}").json())) for key in range(900, 930)}
    assert missing == {"ia::result", "error"}


def test_ignored(kit: Books) -> None:
    """A write is answered as done, and one of its fields is not written."""
    key = kit.made("K", "A", 2, revenuePercentage=10)
    kit.change(faults={"intacct-ignored": 1.0})
    assert kit.http.patch(f"{COMPONENTS}/{key}", json={"numberOfUnits": 3, "revenuePercentage": 20}).status_code == 200
    record = kit.record(key)
    assert (record["numberOfUnits"], record["revenuePercentage"]) in {(2, 20), (3, 10)}


def test_down(kit: Books) -> None:
    """Every call is 503 while it is down, tokens too; the other ERPs are up."""
    kit.change(down={"intacct": True})
    assert [kit.query().status_code, kit.token().status_code] == [503, 503]
    kit.change(down={"intacct": False}, faults={"intacct-down": 1.0})
    assert "Retry-After" in kit.query().headers
    kit.change(faults={"intacct-down": 0})
    assert kit.query().status_code == 200


def test_seed_decides(kit: Books) -> None:
    """The same seed hits the same calls."""
    kit.change(faults={"intacct-5xx": 0.5})
    first = [kit.http.get(f"{COMPONENTS}/{key}").status_code for key in range(900, 930)]
    kit.owner.post("/reset")
    kit.sign_in()
    kit.change(faults={"intacct-5xx": 0.5})
    assert [kit.http.get(f"{COMPONENTS}/{key}").status_code for key in range(900, 930)] == first
    assert len(set(first)) > 1


def test_all_at_once(kit: Books) -> None:
    """With every fault on, a client that tries again under the same keys makes each component once."""
    codes = [f"P{number:02}" for number in range(20)]
    kit.items(*codes)
    kit.change(faults={name: 0.25 for name in FAULTS if name.startswith("intacct-") and name not in NOT_IN_ALL})
    open_codes = set(codes)
    for _ in range(40):
        for code in sorted(open_codes):
            with contextlib.suppress(httpx.RemoteProtocolError):
                answer = kit.create("K", code, 2, key=code)
                if answer.status_code in {400, 401}:
                    kit.sign_in()
                elif answer.status_code == 201:
                    open_codes.discard(code)
    assert open_codes == set()
    assert sorted(line[0] for line in kit.lines("K")) == codes
    counts = kit.counts()
    assert (counts["effects"]["creates"], counts["created_twice"], counts["replays"] > 0) == (20, 0, True)
    hits = set(kit.owner.get("/counts").json()["faults"])
    assert hits >= {"intacct-429", "intacct-5xx", "intacct-5xx-after", "intacct-timeout", "intacct-token-killed", "intacct-token-400"}
