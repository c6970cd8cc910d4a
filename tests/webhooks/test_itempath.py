"""ItemPath's Data Push: proven by a secret header, stored, and made one sync for each kit."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from tests.webhooks.world import NOW, PUSH_SECRET, World, body, trio
from worker.jobs.model import Lane
from worker.jobs.tables import deliveries, jobs
from worker.settings import Secret, Sync

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.webhooks.world import Reply
    from worker.settings import Tenant

ADDRESS = "/webhooks/itempath/trio"
LANE = Lane("trio", "itempath")


def warehouse(**changes: Any) -> Tenant:
    """A tenant whose syncs come from ItemPath, with a changed connection."""
    plain = trio(sync=Sync(source="itempath", targets=("intacct",)))
    assert plain.itempath is not None
    return replace(plain, itempath=replace(plain.itempath, **changes))


@pytest.fixture
def push_world(ledger_url: str) -> Iterator[World]:
    """On each database, with a tenant that syncs from ItemPath."""
    world = World(ledger_url, warehouse())
    yield world
    world.database.close()


@pytest.fixture
def small_push_world(sqlite_url: str) -> Iterator[World]:
    """The same on SQLite."""
    world = World(sqlite_url, warehouse())
    yield world
    world.database.close()


def push(world: World, content: bytes, secret: str | None = PUSH_SECRET, address: str = ADDRESS, **headers: str) -> Reply:
    """One push with the secret (None: without)."""
    proof = {} if secret is None else {"x_push_key": secret}
    return world.push(content, address, **proof, **headers)


def rename(name: str = "K1", **more: Any) -> dict[str, Any]:
    """A record of a renamed kit."""
    return {"type": 15, "kitName": name, "userName": "warehouse", **more}


def test_push_makes_syncs(push_world: World) -> None:
    """Each kit of each record is synced once, a second from now; the lane is rung."""
    answer = push(push_world, orjson.dumps([rename("K1"), rename("K2"), rename("k1"), {"type": 2}]))

    (row,) = push_world.rows(deliveries)
    assert (answer.status_code, answer.json) == (200, {"delivery": row.id, "duplicate": False})
    assert (row.tenant, row.source, row.type, row.state, row.reason) == ("trio", "itempath", "DATA_PUSH", "accepted", None)
    made = push_world.rows(jobs)
    assert sorted(job.reference for job in made) == ["K1", "K2"]
    assert {(job.kind, job.erp, job.due_at) for job in made} == {("sync_kit_lines", "itempath", NOW + timedelta(seconds=1))}
    assert push_world.bell.rung == [LANE]


def test_one_record(small_push_world: World) -> None:
    """A push of one record is an object."""
    assert push(small_push_world, orjson.dumps(rename())).status_code == 200
    assert [job.reference for job in small_push_world.rows(jobs)] == ["K1"]


def test_unproven_is_refused(small_push_world: World) -> None:
    """The whole value and nothing else: not a part, not another case, not in another header, not twice; one answer for all."""
    sent = orjson.dumps(rename())
    forged = [push(small_push_world, sent, each) for each in (None, "", "push-secret", PUSH_SECRET.lower(), PUSH_SECRET + "x", "é")]
    forged.append(push(small_push_world, sent, None, authorization=PUSH_SECRET))
    forged.append(push(small_push_world, sent, f"{PUSH_SECRET},{PUSH_SECRET}"))
    forged.append(push(small_push_world, b"no JSON", None))

    assert {answer.status_code for answer in forged} == {401}
    assert len({answer.data for answer in forged}) == 1
    assert {row.state for row in small_push_world.rows(deliveries)} == {"refused"}
    assert small_push_world.rows(jobs) == []


def test_secret_is_not_kept(small_push_world: World) -> None:
    """The header that the settings name is kept neither with accepted nor with refused or duplicate deliveries."""
    sent = orjson.dumps(rename())
    for secret in (PUSH_SECRET, PUSH_SECRET, "almost the secret"):
        push(small_push_world, sent, secret, x_other="seen")

    rows = small_push_world.rows(deliveries)
    assert [row.state for row in rows] == ["accepted", "duplicate", "refused"]
    assert all("x-push-key" not in row.headers and row.headers["x-other"] == "seen" for row in rows)
    assert "secret" not in str(rows)


@pytest.mark.parametrize("header", ["Authorization", "X-Push-Key", "content-type"])
def test_any_header(sqlite_url: str, header: str) -> None:
    """Whatever header the customer chose, it is found and not kept."""
    secret = "application/json" if header == "content-type" else PUSH_SECRET
    world = World(sqlite_url, warehouse(webhook_header=header, webhook_secret=Secret(secret)))

    answer = world.push(orjson.dumps(rename()), ADDRESS, **{header.lower().replace("-", "_"): secret})

    assert answer.status_code == 200
    assert header.lower() not in world.rows(deliveries)[0].headers
    world.database.close()


def test_same_body_within_hour(push_world: World) -> None:
    """A push has no id of its own: the same body within an hour is the same push, sent again."""
    answers = []
    for minutes in (0, 59, 2):
        push_world.pass_time(minutes=minutes)
        answers.append(push(push_world, orjson.dumps(rename())).json["duplicate"])

    assert answers == [False, True, False]


@pytest.mark.parametrize("change", [{"webhook_secret": None}, None])
def test_no_such_receiver(sqlite_url: str, change: dict[str, Any] | None) -> None:
    """A tenant without the secret can't be pushed to, nor one without the connection, nor one that is unknown."""
    world = World(sqlite_url, warehouse(**change) if change else replace(trio(), itempath=None))

    assert push(world, body(), address=ADDRESS).status_code == 404
    assert push(world, body(), address="/webhooks/itempath/nobody").status_code == 404
    assert world.rows(deliveries) == []
    world.database.close()


def test_reason_is_kept(small_trio_world: World, small_push_world: World) -> None:
    """Where no sync follows the delivery says why: another source, or a record of something else."""
    push(small_trio_world, orjson.dumps(rename()))
    push(small_push_world, body(type=2, materialName="BOLT"))

    reasons = {row.reason for world in (small_trio_world, small_push_world) for row in world.rows(deliveries)}
    assert reasons == {"itempath is not the source of syncs", "names no kit: the next comparison finds what changed"}


def test_wrong_bodies(small_push_world: World) -> None:
    """Proven, but not JSON of ours, too large, or of another type: as for every receiver."""
    statuses = [push(small_push_world, each).status_code for each in (b"", b"{", b'"K1"')]
    statuses.append(push(small_push_world, b"[" + b" " * 1024 * 1024 + b"]").status_code)
    statuses.append(push(small_push_world, body(), content_type="text/csv").status_code)

    assert statuses == [400, 400, 400, 413, 415]
    assert push(small_push_world, orjson.dumps([1, "K1", None, [rename()]])).status_code == 200
    assert small_push_world.rows(jobs) == []
