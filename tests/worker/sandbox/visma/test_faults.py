"""Each fault over HTTP, and that the seed decides whom it hits."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.worker.sandbox.harness import until
from worker.sandbox.faults import FAULTS, Faults

if TYPE_CHECKING:
    from tests.worker.sandbox.harness import Erp, Receiver

KITS = "/v1/kitassembly"


def test_lost(erp: Erp, receiver: Receiver) -> None:
    """No notification comes; the release took effect."""
    erp.change(faults={"lost": 1.0})
    erp.make()
    assert erp.ended(erp.release())["statusCode"] == 200
    assert (erp.counts()["notifications"]["lost"], receiver.received) == (1, [])


def test_duplicated(erp: Erp, receiver: Receiver) -> None:
    """Each notification comes twice, some with the same id and some with another."""
    erp.change(faults={"duplicated": 1.0})
    erp.make(8)
    for number in range(1, 9):
        erp.release(number)
    received = receiver.wait(16)
    ids: dict[str, set[str]] = {}
    for one in received:
        ids.setdefault(one.content["id"], set()).add(one.headers["x-vwd-notification-id"])
    assert sorted({len(found) for found in ids.values()}) == [1, 2]


def test_early(erp: Erp, receiver: Receiver) -> None:
    """The notification is there before the answer to the call, and the release is done."""
    erp.change(faults={"early": 1.0}, accept_ms=50)
    erp.make()
    answer = erp.release()
    (received,) = receiver.received
    assert received.content["id"] == answer.json()["id"]
    assert erp.state(answer.json()["id"])["status"] == "Finished"
    assert erp.counts()["effects"]["releases"] == 1


def test_late(erp: Erp, receiver: Receiver) -> None:
    """The notification comes a good while after the end."""
    erp.change(faults={"late": 1.0})
    erp.make()
    erp.ended(erp.release())
    ended = time.monotonic()
    receiver.wait()
    assert time.monotonic() - ended > 0.05


def test_batched(erp: Erp, receiver: Receiver) -> None:
    """Several come in one signed array, without the callers' headers."""
    erp.change(faults={"batched": 1.0})
    erp.make(3)
    ids = [erp.release(number, "subscription:kitrelay-job=7").json()["id"] for number in (1, 2, 3)]
    (received,) = receiver.wait()
    assert sorted(one["id"] for one in received.content) == sorted(ids)
    assert "x-vwd-signature-v1" in received.headers
    assert "kitrelay-job" not in received.headers


def test_lost_202(erp: Erp, receiver: Receiver) -> None:
    """The connection ends without an answer, and the operation runs; its notification names the caller's header."""
    erp.change(faults={"lost-202": 1.0})
    erp.make()
    with pytest.raises(httpx.RemoteProtocolError):
        erp.release(background="subscription:kitrelay-job=7")
    (received,) = receiver.wait()
    assert (received.headers["kitrelay-job"], erp.status()) == ("7", "R")


def test_storm(erp: Erp) -> None:
    """A storm refuses every call of the company with Retry-After, and ends."""
    erp.change(faults={"429": 1.0}, storm_seconds=0.1)
    erp.make()
    refused = erp.release()
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "1")
    assert erp.http.get(KITS).status_code == 429
    erp.change(faults={"429": 0})
    until(lambda: erp.release().status_code == 202)


def test_refused_by_server(erp: Erp) -> None:
    """5xx before acceptance: no effect; some bodies are no JSON."""
    erp.change(faults={"5xx": 1.0})
    erp.make(9)
    answers = [erp.release(number) for number in range(1, 10)]
    assert {answer.status_code for answer in answers} == {500, 502, 503}
    assert {answer.headers["Content-Type"].partition(";")[0] for answer in answers} == {"application/json", "text/html"}
    assert erp.counts()["operations"]["accepted"] == 0


def test_broken_after_effect(erp: Erp) -> None:
    """5xx although the write took effect, in the background and at once."""
    erp.change(faults={"5xx-after": 1.0})
    erp.make(2)
    assert erp.release(1).status_code >= 500
    assert erp.release(2, None).status_code >= 500
    until(lambda: erp.counts()["effects"]["releases"] == 2)


def test_slow(erp: Erp) -> None:
    """The answer takes its time."""
    erp.change(faults={"slow": 1.0})
    assert erp.http.get(KITS).elapsed.total_seconds() >= 0.1


def test_finished_400_stays(erp: Erp) -> None:
    """A document that it hits can never be released; the reason is in the content each time."""
    erp.change(faults={"finished-400": 1.0})
    erp.make()
    for _ in range(2):
        answer = erp.release()
        assert erp.ended(answer)["statusCode"] == 400
        assert "will go negative" in erp.http.get(f"/v1/background/{answer.json()['id']}/content").json()["message"]
    assert erp.status() == "B"


def test_failed(erp: Erp, receiver: Receiver) -> None:
    """The state is Failed with a message, nothing took effect, and the subscription is told."""
    erp.change(faults={"failed": 1.0})
    erp.make()
    state = erp.ended(erp.release())
    assert (state["status"], state["statusCode"], state["hasResponseContent"], erp.status()) == ("Failed", 0, False, "B")
    assert state["errorMessage"]
    assert len(receiver.wait()) == 1


def test_late_release(erp: Erp) -> None:
    """Finished with 200 while the document is still B; it turns R by itself, once."""
    erp.change(faults={"late-release": 1.0}, late_release_seconds=2.0)
    erp.make()
    assert erp.ended(erp.release())["statusCode"] == 200
    assert erp.status() == "B"
    until(lambda: erp.status() == "R")
    counts = erp.counts()
    assert (counts["effects"]["releases"], counts["most_operations_at_once"]) == (1, 1)


def test_token_revoked(erp: Erp) -> None:
    """The token stops working for good; a new one works."""
    erp.change(faults={"token-revoked": 1.0})
    assert erp.http.get(KITS).status_code == 401
    erp.change(faults={"token-revoked": 0})
    assert erp.http.get(KITS).status_code == 401
    erp.sign_in()
    assert erp.http.get(KITS).status_code == 200


def test_forgotten(erp: Erp) -> None:
    """The state is gone soon after the operation's end."""
    erp.change(faults={"forgotten": 1.0})
    erp.make()
    answer = erp.release()
    erp.ended(answer)
    until(lambda: erp.http.get(f"/v1/background/{answer.json()['id']}").status_code == 404)


def test_down(erp: Erp) -> None:
    """Every call is 503 while the ERP is down, now or for so many seconds; the token endpoint is another service."""
    erp.change(down=True)
    refused = erp.http.get(KITS)
    assert (refused.status_code, erp.token().status_code) == (503, 200)
    erp.change(down=False)
    assert erp.http.get(KITS).status_code == 200
    erp.change(down=100)
    assert erp.http.get(KITS).headers["Retry-After"] == "100"
    erp.change(advance=101)
    assert erp.http.get(KITS).status_code == 200


def test_down_by_rate(erp: Erp) -> None:
    """As a fault it takes a share of the time."""
    erp.change(faults={"down": 0.5}, down_seconds=10)
    statuses = []
    for _ in range(24):
        statuses.append(erp.http.get(KITS).status_code)
        erp.change(advance=10)
    assert set(statuses) == {200, 503}


def refused_documents(erp: Erp, order: list[int]) -> set[int]:
    """Which releases a run refuses with 5xx, and which documents can never be released."""
    erp.change(faults={"5xx": 0.3, "finished-400": 0.3})
    erp.make(len(order))
    answers = {number: erp.release(number, None) for number in order}
    return {number for number, answer in answers.items() if answer.status_code != 200}


def test_seed_decides(erp: Erp) -> None:
    """The same seed hits the same documents, in whatever order they come; another seed hits others."""
    order = list(range(1, 31))
    first = refused_documents(erp, order)
    erp.owner.post("/reset")
    erp.sign_in()
    assert refused_documents(erp, order[::-1]) == first
    erp.owner.post("/reset")
    erp.sign_in()
    erp.change(seed=2)
    assert refused_documents(erp, order) != first
    assert 0 < len(first) < 30


def test_all_at_once(erp: Erp) -> None:
    """With every fault on and a client that tries again, each document is released once, but for those that never can be."""
    rates = {name: 0.08 for name in FAULTS if name not in {"down", "429"}} | {"finished-400": 0.3}
    never = {f"P/{number:06}" for number in range(1, 21) if Faults(1, rates).would_hit("finished-400", f"P/{number:06}", 0)}
    erp.change(faults=rates, slow_seconds=0.01)
    erp.make(20)
    for number in range(1, 21):
        for _ in range(12):
            with contextlib.suppress(httpx.RemoteProtocolError):
                if erp.release(number).status_code == 401:
                    erp.sign_in()
    until(lambda: erp.counts()["released_documents"] == 20 - len(never))
    told = erp.counts(documents=True)["documents"]
    assert {one["key"] for one in told if not one["releases"]} == never
    assert max(one["releases"] for one in told) == 1
    assert 0 < len(never) < 20
    assert set(erp.hits()) > {"lost", "early", "5xx", "failed"}
