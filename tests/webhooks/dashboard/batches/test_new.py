"""A new batch on its page: by selection or by list, seen before anything starts."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.worker.jobs.acting import ended_batch, wanted
from worker.jobs import batches
from worker.jobs.model import Lane
from worker.jobs.search import find_batch
from worker.jobs.tables import batches as rows
from worker.jobs.tables import jobs

if TYPE_CHECKING:
    from tests.webhooks.world import World
    from worker.jobs.model import Batch

RELEASE = {"tenant": "acme", "kind": "release_kit_assembly", "once": "a"}
LIST = {**RELEASE, "by": "list"}
SELECT = {**RELEASE, "by": "select", "type": "P"}


def found(world: World, location: str) -> Batch:
    """The batch that an answer leads to."""
    with world.database.read() as connection:
        return find_batch(connection, location.rpartition("/")[2])


def test_form_by_address(small_trio_world: World) -> None:
    """What was chosen stands in the address; a kind that the ERP can't select takes a list; looks are not offered."""
    client = small_trio_world.log_in("root-key")
    text = client.get("/batches/new?tenant=trio&kind=create_kit_component").text
    assert "<textarea" in text
    assert "This kind takes a list" in text
    assert "read_kit" not in text
    assert "modified_since" in client.get("/batches/new?tenant=trio").text
    assert "all of whose kits are compared" in client.get("/batches/new?tenant=trio&kind=sync_kit_lines&by=select").text


def test_only_what_is_connected(small_world: World) -> None:
    """A tenant with Visma alone is offered what Visma does."""
    text = small_world.log_in().get("/batches/new").text
    assert "release_kit_assembly" in text
    assert "create_kit_line" not in text
    assert "sync_kit_lines" not in text


def test_list_is_previewed_first(world: World) -> None:
    """A preview tells numbers and makes nothing; what was typed stays; then the batch is made, once."""
    world.job("000002")
    client = world.log_in()
    form = {**LIST, "list": "P 1\nP/000002\n3\n3\n", "name": "Night <1>", "priority": "5"}

    told = world.press(client, "/batches/new", **form, do="preview")

    assert told.status_code == 200
    assert world.rows(rows) == []
    assert "Start 2 jobs" in told.text
    assert "1 with nothing new to do: its document has an open release job already." in told.text
    assert "1 line says again" in told.text
    assert "P/000002\n3\n3" in told.text
    assert "Night &lt;1&gt;" in told.text
    ends = [world.press(client, "/batches/new", **form, do="start") for _ in range(2)]
    assert ends[0].location == ends[1].location
    batch = found(world, ends[0].location)
    assert (batch.state, batch.total, batch.name, batch.priority, batch.made_by) == ("running", 3, "Night <1>", 5, "ops")


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"list": "P 1\nP 2 3"}, "<code>line 2</code> names no document"),
        ({"list": '{"type": "X", "ref_no": "1"}'}, "<code>line 1</code> type"),
        ({"list": ""}, "paste at least one line"),
        ({"list": "P 1", "priority": "much"}, "<code>priority</code>"),
        (
            {"by": "select", "created_since": "2026-01-02T10:00", "created_until": "2026-01-02T10:00", "modified_since": "x"},
            "<code>created until</code> must be after created since",
        ),
        ({"by": "select", "created_since": "yesterday"}, "<code>created since</code> must be a date and a time"),
    ],
)
def test_faults_stand_beside(small_world: World, form: dict[str, str], said: str) -> None:
    """What is wrong is said on the page, and nothing that was typed is lost."""
    told = small_world.press(small_world.log_in(), "/batches/new", **{**LIST, "name": "Kept", **form}, do="start")
    assert told.status_code == 422
    assert said in told.text
    assert 'value="Kept"' in told.text
    assert small_world.rows(rows) == []


def test_many_faults_are_cut(small_world: World) -> None:
    """A page names the first faults, and how many more there are."""
    told = small_world.press(small_world.log_in(), "/batches/new", **LIST, list="\n".join(f"a b {n}" for n in range(50)))
    assert told.text.count("names no document") == 20
    assert "And 30 more" in told.text


def test_selection_is_held(world: World) -> None:
    """A selection is looked for by a worker, and starts nothing; its times are those of the reader's clock."""
    client = world.log_in()
    client.set_cookie("kitrelay-zone", "Europe/Oslo")

    moved = world.press(client, "/batches/new", **SELECT, modified_since="2026-07-01T08:30", do="hold")

    batch = found(world, moved.location)
    assert (batch.state, batch.held) == ("planning", True)
    assert batch.select == {"status": "B", "type": "P", "modified_since": "2026-07-01T06:30:00Z"}
    assert world.bell.planned == [batch.id]
    text = client.get(moved.location).text
    assert "is being looked for: 0 jobs so far; it is held" in text
    assert "Start" not in text


def test_held_page_says_what_it_takes(world: World) -> None:
    """When all is found the page tells numbers, calls and what others have in hand; then it is started there."""
    world.job("000002")
    client = world.log_in()
    batch = found(world, world.press(client, "/batches/new", **SELECT, do="hold").location)
    with world.database.write() as connection:
        news = [wanted(n, batch=batch.id) for n in range(1, 4)]
        batches.add_planned(world.database, connection, batch, news, {}, world.now)
        batches.start(connection, batch.id, world.now)

    text = client.get(f"/batches/{batch.id}").text

    assert "it would take 3 jobs and about 4 calls to ERPs: done in 1 s at the earliest, at" in text
    assert "1 of them will find nothing to do: its document has an open release job already." in text
    assert "Held: nothing of it has started" in text
    world.bell.rung.clear()
    small = world.log_in("view-key").get(f"/batches/{batch.id}").text
    assert "Start 3 jobs" not in small
    said = "Started: its jobs begin as the connection has room."
    assert world.press(client, f"/batches/{batch.id}/resume", said=said).location == f"/batches/{batch.id}"
    assert said in client.get(f"/batches/{batch.id}").text
    assert world.bell.rung == [Lane("acme", "visma")]
    assert found(world, batch.id).state == "running"


def test_words_say_what_it_rests_on(small_world: World) -> None:
    """A time that a batch of last night taught, or that the calls of the hour bound, is told with these words: listed, and held."""
    ended_batch(small_world.database, 2.0, now=small_world.now - timedelta(hours=12))
    client = small_world.log_in("root-key")
    listed = small_world.press(client, "/batches/new", **LIST, list="P 900\nP 901", do="preview").text
    assert "at the pace of the last batches, if started now: done at" in listed
    small_world.ask("PATCH", "/api/connections/acme/visma", "root-key", json={"calls_per_hour": 1})
    held = client.get(small_world.press(client, "/batches/new", **LIST, list="P 900\nP 901", do="hold").location).text
    assert "done in 2 h as the calls of the hour allow, at" in held


def test_held_is_dropped(small_world: World) -> None:
    """A held list that is dropped leaves nothing to do."""
    client = small_world.log_in()
    moved = small_world.press(client, "/batches/new", **LIST, list="P 1\nP 2", do="hold")
    assert "Start 2 jobs" in client.get(moved.location).text
    assert small_world.press(client, f"{moved.location}/cancel").status_code == 303
    assert "2 jobs are being cancelled" in client.get(moved.location).text


def test_selection_starts_at_once(small_trio_world: World) -> None:
    """Who wants no look before gets none; a comparison of all kits may be only that."""
    client = small_trio_world.log_in("root-key")
    form: dict[str, Any] = {"tenant": "trio", "kind": "sync_kit_lines", "by": "select", "source": "visma", "dry_run": "yes"}
    moved = small_trio_world.press(client, "/batches/new", **form, do="start")
    batch = found(small_trio_world, moved.location)
    assert (batch.held, batch.erp, batch.select) == (False, "visma", {"all": True, "source": "visma", "dry_run": True})
    assert small_trio_world.rows(jobs) == []


def test_roles_and_tenants(small_world: World) -> None:
    """Who may only look makes nothing, and nobody makes anything for a tenant that is not theirs."""
    assert small_world.log_in("view-key").get("/batches/new").status_code == 403
    assert small_world.press(small_world.log_in("view-key"), "/batches/new", **LIST, list="1").status_code == 403
    client = small_world.log_in("other-key")
    assert small_world.press(client, "/batches/new", **LIST, list="1", do="start").status_code == 404
    assert client.get("/batches/new?tenant=acme").status_code == 404
    assert not re.search("acme", client.get("/batches/new").text)
