"""A journey over real processes: what a shop is told of a bulk release."""

from __future__ import annotations

import base64
import time
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import orjson
import pytest
from standardwebhooks.webhooks import Webhook

from tests.worker.clients.erp import Asked, Erp, Said
from worker.cli.cluster import Cluster, Plan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = [pytest.mark.timeout(400), pytest.mark.xdist_group("journeys")]

DOCUMENTS: Final = 20
PATIENCE: Final = 120.0
SECRET: Final = "whsec_" + base64.b64encode(b"shop-secret-of-thirty-two-bytes!").decode()
OLD: Final = "whsec_" + base64.b64encode(b"the-old-one-is-known-as-well-now").decode()


@pytest.fixture
def shop() -> Iterator[Erp]:
    """A shop that is told."""
    server = Erp()
    yield server
    server.close()


def plan_for(shop: Erp, **changes: Any) -> Plan:
    """A company whose shop hears of successes and of its batches, signed with two secrets."""
    notice = {
        "name": "shop",
        "url": f"{shop.url}/hooks/kitrelay",
        "secrets": [OLD, SECRET],
        "events": ["job.succeeded", "batch.finished"],
        "allow_private": True,
    }
    return Plan(documents=DOCUMENTS, visma={"first_poll": "2s", "second_look": "2s", "poll_max": "5s"}, notices=(notice,), **changes)


def test_shop_is_told_once(tmp_path: Path, shop: Erp) -> None:
    """A batch of twenty releases is told with twenty notices and one more, each signed, each once; then nothing more comes."""
    with Cluster(tmp_path / "cluster", plan_for(shop)) as cluster:
        batch = _release_all(cluster)
        _until(lambda: len(shop.asked) >= DOCUMENTS + 1, "the shop is not told")
        _until(lambda: not _open_notices(cluster), "notices stay open")
        time.sleep(2.0)  # two sweeps: whatever would be told twice is told by now
        status, found = cluster.api("GET", f"/api/batches/{batch}")
        jobs = cluster.api("GET", f"/api/jobs?batch={batch}&limit=100")[1]["items"]
        listed = cluster.api("GET", "/api/jobs?kind=send_notice&limit=100")[1]["items"]
        connections = cluster.api("GET", "/api/connections")[1]["items"]
    told = _told(shop.asked)
    assert status == 200
    assert Counter(each["type"] for each in told.values()) == {"job.succeeded": DOCUMENTS, "batch.finished": 1}
    assert len(shop.asked) == DOCUMENTS + 1
    assert {each["data"]["id"] for each in told.values() if each["type"] == "job.succeeded"} == {job["id"] for job in jobs}
    (end,) = (each["data"] for each in told.values() if each["type"] == "batch.finished")
    assert (end["id"], end["state"], end["counts"]) == (batch, found["state"], found["counts"])
    assert {job["id"] for job in listed} == set(told)
    assert {job["state"] for job in listed} == {"succeeded"}
    assert [each["erp"] for each in connections] == ["visma"]


def test_kill_costs_no_notice(tmp_path: Path, shop: Erp) -> None:
    """The worker is killed while it releases and tells: every end is told under one id, none is lost, and no more are told than ended."""
    shop.else_ = Said(204, wait=0.1)
    with Cluster(tmp_path / "cluster", plan_for(shop, accept_ms=200.0)) as cluster:
        batch = _release_all(cluster)
        _until(lambda: len(shop.asked) >= 3, "the shop is not told")
        cluster.kill("worker")
        _until(lambda: len(_ids(shop.asked)) >= DOCUMENTS + 1, "the shop is not told of all")
        _until(lambda: not _open_notices(cluster), "notices stay open")
        jobs = cluster.api("GET", f"/api/jobs?batch={batch}&limit=100")[1]["items"]
    told = _told(shop.asked)
    about = Counter(each["data"]["id"] for each in told.values())
    assert about == dict.fromkeys([batch, *(job["id"] for job in jobs)], 1)


def _told(asked: list[Asked]) -> dict[str, dict[str, Any]]:
    """What was told under each id: proved with either secret, and the same however often it came."""
    found: dict[str, dict[str, Any]] = {}
    for each in asked:
        for secret in (OLD, SECRET):
            Webhook(secret).verify(each.body, dict(each.headers))
        said = orjson.loads(each.body)
        assert found.setdefault(each.headers["webhook-id"], said) == said
    return found


def _ids(asked: list[Asked]) -> set[str]:
    return {each.headers["webhook-id"] for each in list(asked)}


def _open_notices(cluster: Cluster) -> list[Any]:
    try:
        status, page = cluster.api("GET", "/api/jobs?kind=send_notice&state=queued,running,waiting,retrying&limit=100")
    except OSError:
        return [None]
    return list(page["items"]) if status == 200 else [page]


def _release_all(cluster: Cluster) -> str:
    body = {"tenant": cluster.tenant, "kind": "release_kit_assembly", "select": {"status": "B", "type": "P"}}
    status, batch = cluster.api("POST", "/api/batches", body)
    assert status == 202, batch
    return str(batch["id"])


def _until(holds: Callable[[], bool], otherwise: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > deadline:
            pytest.fail(otherwise)
        time.sleep(0.1)
