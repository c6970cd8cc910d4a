"""A journey over real processes: a shop's order becomes two kit assemblies, created and released, once, however often it is told.

The shop hears of each release by one signed notice.
"""

from __future__ import annotations

import http.client
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import orjson
import pytest
from standardwebhooks import Webhook

from tests.worker.clients.erp import Erp
from worker.cli.cluster import Cluster, Plan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = [pytest.mark.timeout(400), pytest.mark.xdist_group("journeys")]

PATIENCE: Final = 120.0
SECRET: Final = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SOURCE: Final = {"name": "webshop", "scheme": "standard-webhooks", "secrets": ["whsec_b2xkLXNlY3JldC1vZi0yNC1ieXRlcw==", SECRET]}
RULE: Final = {
    "source": "webshop",
    "on": "order.paid",
    "when": "data.channel == 'b2b'",
    "each": "data.lines[?starts_with(sku, 'KIT-')]",
    "do": "create_kit_assembly",
    "with": {"item_id": "item.sku", "quantity": "item.qty", "release": "`true`"},
    "unique_key": "join('/', [event.data.order_no, item.sku])",
}
LINES: Final = [{"sku": "KIT-0001", "qty": 2}, {"sku": "BELL", "qty": 9}, {"sku": "KIT-0002", "qty": 1}]
ORDER: Final = {"type": "order.paid", "data": {"channel": "b2b", "order_no": "A-1001", "lines": LINES}}


@pytest.fixture
def shop() -> Iterator[Erp]:
    """Where the shop takes notices."""
    server = Erp()
    yield server
    server.close()


def test_order_becomes_kits(tmp_path: Path, shop: Erp) -> None:
    """Two of the order's lines are kits: each is created and released, and the shop is told of each release, once.

    The same event again, and the order told anew, do nothing.
    """
    notice = {
        "name": "shop",
        "url": f"{shop.url}/kits",
        "secrets": [SECRET],
        "events": ["job.succeeded"],
        "kinds": ["release_kit_assembly"],
        "allow_private": True,
    }
    plan = Plan(
        documents=0,
        accept_ms=10,
        finish_ms=30,
        read_ms=5,
        visma={"first_poll": "2s"},
        sources=(SOURCE,),
        rules=(RULE,),
        notices=(notice,),
    )
    with Cluster(tmp_path / "cluster", plan) as cluster:
        first = send(cluster, ORDER, "msg_1")
        again = send(cluster, ORDER, "msg_1")  # at once, while the first is worked on
        until(lambda: len(ended(cluster)) == 4, "the order does not become kits")
        until(lambda: len(shop.asked) >= 2, "the shop is not told")
        counts = cluster.sandbox_counts()
        late = send(cluster, ORDER, "msg_1")
        anew = send(cluster, ORDER, "msg_2")
        time.sleep(2.0)  # two sweeps: whatever would be done twice is done by now
        after = cluster.sandbox_counts()
        jobs = ended(cluster)
        delivered = delivery(cluster, first[1]["delivery"])
        told_anew = delivery(cluster, anew[1]["delivery"])

    assert first == (202, {"delivery": first[1]["delivery"], "duplicate": False})
    assert again == late == (202, {"delivery": first[1]["delivery"], "duplicate": True})
    assert sorted((job["kind"], job["state"]) for job in jobs) == [
        ("create_kit_assembly", "succeeded"),
        ("create_kit_assembly", "succeeded"),
        ("release_kit_assembly", "succeeded"),
        ("release_kit_assembly", "succeeded"),
    ]
    made = {job["arguments"]["item_id"]: job for job in jobs if job["kind"] == "create_kit_assembly"}
    assert {item: job["arguments"]["quantity"] for item, job in made.items()} == {"KIT-0001": 2, "KIT-0002": 1}
    assert (counts["effects"]["creates"], counts["effects"]["releases"], counts["released_documents"]) == (2, 2, 2)
    assert (after["effects"], after["released_twice"]) == (counts["effects"], 0)
    assert [(each["state"], each["job"]) for each in delivered["outcomes"]] == [
        ("made", made["KIT-0001"]["id"]),
        ("made", made["KIT-0002"]["id"]),
    ]
    released = {job["id"] for job in jobs if job["kind"] == "release_kit_assembly"}
    assert len(shop.asked) == 2
    assert {told["data"]["id"] for told in (verified(asked) for asked in shop.asked)} == released
    assert (anew[1]["duplicate"], [each["duplicate"] for each in told_anew["outcomes"]]) == (False, [True, True])


def test_forged_order_is_none(tmp_path: Path) -> None:
    """An order that some other shop signed, and one that changed on its way, make nothing; they are there to be seen."""
    with Cluster(tmp_path / "cluster", Plan(documents=0, sources=(SOURCE,), rules=(RULE,))) as cluster:
        foreign = send(cluster, ORDER, "msg_1", secret="whsec_Zm9yZWlnbi1zZWNyZXQtMjQtYnl0ZXM=")
        changed = send(cluster, ORDER, "msg_2", sent=orjson.dumps(ORDER).replace(b'"qty":2', b'"qty":9'))
        _, jobs = cluster.api("GET", "/api/jobs")
        _, deliveries = cluster.api("GET", "/api/deliveries")

    assert (foreign[0], changed[0]) == (401, 401)
    assert jobs["items"] == []
    assert [each["state"] for each in deliveries["items"]] == ["refused", "refused"]


def send(cluster: Cluster, event: Any, message: str, *, secret: str = SECRET, sent: bytes | None = None) -> tuple[int, Any]:
    """The event as the shop sends it, signed by the official library; `sent` is what arrives instead."""
    body, now = orjson.dumps(event), datetime.now(UTC)
    headers = {
        "Content-Type": "application/json",
        "webhook-id": message,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(secret).sign(message, now, body.decode()),
    }
    connection = http.client.HTTPConnection("127.0.0.1", cluster.port, timeout=30)
    try:
        connection.request("POST", f"/triggers/{cluster.tenant}/webshop", sent or body, headers)
        answer = connection.getresponse()
        return answer.status, orjson.loads(answer.read())
    finally:
        connection.close()


def verified(asked: Any) -> Any:
    """A notice, proved by the official library."""
    return Webhook(SECRET).verify(asked.body.decode(), {name.lower(): value for name, value in asked.headers.items()})


def ended(cluster: Cluster) -> list[dict[str, Any]]:
    """All jobs but notices, if none is open."""
    items: list[dict[str, Any]] = [job for job in cluster.api("GET", "/api/jobs")[1]["items"] if job["kind"] != "send_notice"]
    return items if {job["state"] for job in items} <= {"succeeded", "failed", "cancelled"} else []


def delivery(cluster: Cluster, name: str) -> dict[str, Any]:
    """A delivery as the API shows it."""
    found: dict[str, Any] = cluster.api("GET", f"/api/deliveries/{name}")[1]
    return found


def until(ready: Callable[[], object], otherwise: str) -> None:
    """Wait."""
    deadline = time.monotonic() + PATIENCE
    while not ready():
        if time.monotonic() > deadline:
            pytest.fail(otherwise)
        time.sleep(0.1)
