"""The pages of batches: the list, a batch, what one does there, and the file of its results."""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.worker.jobs.acting import claim, settle
from webhooks.dashboard import csv_rows
from worker.jobs import verdicts
from worker.jobs.model import JobError
from worker.jobs.tables import actions

if TYPE_CHECKING:
    from tests.webhooks.world import World
    from worker.jobs.model import Job

NASTY = '=HYPERLINK("http://evil.test")<script>alert(1)</script>'


def made(world: World, count: int = 3, tenant: str = "acme", start: int = 1, **more: Any) -> str:
    """A batch of releases; its id."""
    items = [{"type": "P", "ref_no": f"{n:06}"} for n in range(start, start + count)]
    body = {"tenant": tenant, "kind": "release_kit_assembly", "items": items, **more}
    answer = world.ask("POST", "/api/batches", "root-key", json=body)
    assert answer.status_code == 202, answer.text
    return str(answer.json["id"])


def begun(world: World, count: int = 1) -> list[Job]:
    """The next jobs, running: those of a batch are made by the machine's own clock, and are long due."""
    return sorted(claim(world.database, count, now=world.now.replace(year=2100)), key=lambda job: job.reference)


def fail(world: World, *messages: str) -> list[Job]:
    """Let the next jobs fail so."""
    found = begun(world, len(messages))
    for job, message in zip(found, messages, strict=True):
        settle(world.database, job, verdicts.failed(JobError("validation", message)), world.now)
    return found


def rows_of(text: str) -> list[dict[str, str]]:
    """The lines of the file."""
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))


def test_list_shows_own(small_world: World) -> None:
    """Newest first, only of tenants that the key may see, filtered by what stands in the address."""
    first, second = made(small_world, name="Night one"), made(small_world, name="Night <b>two</b>", start=10)
    made(small_world, tenant="globex", name="Elsewhere")
    client = small_world.log_in()
    small_world.press(client, f"/batches/{first}/pause")

    text = client.get("/batches").text
    assert text.index(second) < text.index(first)
    assert "Night &lt;b&gt;two&lt;/b&gt;" in text
    assert "Elsewhere" not in text
    paused = client.get("/batches?state=paused&tenant=").text
    assert first in paused
    assert second not in paused
    other, wrong = client.get("/batches?tenant=globex"), client.get("/batches?state=nothing")
    assert (other.status_code, "there is no such tenant" in other.text, "Elsewhere" in other.text) == (422, True, False)
    assert (wrong.status_code, "must be of planning" in wrong.text) == (422, True)
    assert "No batch matches this filter" in client.get("/batches?state=cancelled").text


def test_list_has_pages(small_world: World) -> None:
    """A page holds some; the next one follows without a gap, and keeps the filter."""
    ids = [made(small_world, 1, start=n) for n in range(5)]
    client = small_world.log_in()

    first = client.get("/batches?limit=3&state=running").text
    link = re.search(r'rel="next" href="([^"]+)"', first)
    assert link is not None
    second = client.get("/batches" + link.group(1).replace("&amp;", "&")).text

    found = re.findall(r'id="b-([^"]+)"', first) + re.findall(r'id="b-([^"]+)"', second)
    assert found == ids[::-1]
    assert "state=running" in link.group(1)


def test_batch_says_where_it_stands(small_world: World) -> None:
    """Counts lead to the jobs, failures are grouped, and what a message holds is text."""
    batch = made(small_world, 5, name="Night")
    fail(small_world, f"P/000001 {NASTY}", f"P/000002 {NASTY}", "item is unknown")
    small_world.pass_time(seconds=60)

    text = small_world.log_in("view-key").get(f"/batches/{batch}").text

    assert f'href="/jobs?batch={batch}&amp;state=failed">3 failed</a>' in text
    assert "<script>alert" not in text
    assert len(re.findall(r'id="g-[0-9a-f]+"', text)) == 2
    assert "3 <small" in text
    assert "Pause" not in text
    assert "Replay" not in text


def test_part_is_the_whole_that_moves(small_world: World) -> None:
    """What moves is asked for alone, as long as something is to come; then no more."""
    batch = made(small_world, 1)
    client = small_world.log_in()
    part = client.get(f"/batches/{batch}?part=live_batch").text
    assert part.strip().startswith('<div id="batch"')
    assert 'hx-trigger="every 2s"' in part
    (job,) = begun(small_world)
    settle(small_world.database, job, verdicts.done("seen", {"ref_no": "000001"}), small_world.now)
    assert small_world.ask("POST", f"/api/batches/{batch}/cancel").status_code == 200
    assert "hx-trigger" not in client.get(f"/batches/{batch}?part=live_batch").text


def test_cancelled_with_jobs_under_way(small_world: World) -> None:
    """A cancelled batch says what is still followed, and moves until that is over."""
    batch = made(small_world, 4)
    begun(small_world)
    client = small_world.log_in()

    told = small_world.press(client, f"/batches/{batch}/cancel")

    assert told.status_code == 303
    text = client.get(f"/batches/{batch}").text
    assert "1 job that the ERP may have taken is followed to the end; 3 jobs are being cancelled" in text
    assert "hx-trigger" in text
    assert "Cancelled: nothing more" in text


def test_turns_that_come_too_late(small_world: World) -> None:
    """What can't be done any more is said on the batch's page."""
    batch = made(small_world)
    client = small_world.log_in()
    for action, said in (("resume", "can&#39;t be resumed"), ("pause", "Paused: nothing more"), ("resume", "Goes on")):
        assert small_world.press(client, f"/batches/{batch}/{action}").location == f"/batches/{batch}"
        assert said in client.get(f"/batches/{batch}").text


@pytest.mark.parametrize("path", ["pause", "resume", "cancel", "replay", "actions/01900000-0000-7000-8000-000000000000/stop"])
def test_acts_need_the_role(small_world: World, path: str) -> None:
    """Who may only look changes nothing, and who does not see the tenant finds nothing."""
    batch = made(small_world)
    assert small_world.press(small_world.log_in("view-key"), f"/batches/{batch}/{path}").status_code == 403
    assert small_world.press(small_world.log_in("other-key"), f"/batches/{batch}/{path}").status_code == 404
    assert small_world.ask("GET", f"/api/batches/{batch}").json["state"] == "running"


def test_others_see_nothing(small_world: World) -> None:
    """A batch of a tenant that the key may not see is not there, nor are its results."""
    batch = made(small_world)
    client = small_world.log_in("other-key")
    for path in (batch, f"{batch}/results.csv", "none", f"{batch}?part=live_batch"):
        assert client.get(f"/batches/{path}").status_code == 404


def test_replay_group(world: World) -> None:
    """One group of this batch is replayed, no other group and no other batch; its progress is shown."""
    batch = made(world, 3)
    fail(world, "P/000001 is closed", "P/000002 is closed", "item is unknown")
    other = made(world, 1, start=50)
    fail(world, "P/000050 is closed")
    world.pass_time(seconds=5)
    client = world.log_in()
    group = re.search(r'id="g-([0-9a-f]+)"', client.get(f"/batches/{batch}").text)
    assert group is not None

    moved = world.press(client, f"/batches/{batch}/replay", failure=group.group(1))

    (action,) = world.rows(actions)
    assert moved.location == f"/batches/{batch}?action={action.id}"
    assert (action.total, action.filter["batch"], action.filter["failure"]) == (2, batch, group.group(1))
    assert "2 jobs are being replayed." in client.get(moved.location).text
    assert "Replaying: 0 of 2" in client.get(f"{moved.location}&part=live_batch").text
    assert "Replaying" not in client.get(f"/batches/{other}?action={action.id}").text
    assert world.press(client, f"/batches/{batch}/actions/{action.id}/stop").location == moved.location
    assert "stopped" in client.get(moved.location).text


def test_replay_all(small_world: World) -> None:
    """All failed jobs of the batch, for whatever reason."""
    batch = made(small_world, 3)
    fail(small_world, "P/000001 is closed", "item is unknown")
    small_world.pass_time(seconds=5)
    client = small_world.log_in()
    small_world.press(client, f"/batches/{batch}/replay")
    (action,) = small_world.rows(actions)
    assert (action.total, action.filter) == (2, {"tenant": "acme", "batch": batch, "state": ["failed"]})
    assert small_world.press(client, f"/batches/{batch}/replay", failure="x").status_code == 422


def test_results_are_whole(world: World) -> None:
    """Every job has a line, in the order made; a message that looks like a formula is none."""
    batch = made(world, 3, name="Night / one")
    first, second = begun(world, 2)
    settle(world.database, first, verdicts.done("seen", {"ref_no": "000777"}), world.now)
    settle(world.database, second, verdicts.failed(JobError("validation", NASTY)), world.now)

    sent = world.log_in("view-key").get(f"/batches/{batch}/results.csv")

    assert sent.headers["Content-Disposition"] == "attachment; filename*=UTF-8''Night-one.csv"
    rows = rows_of(sent.text)
    assert [row["reference"] for row in rows] == ["P/000001", "P/000002", "P/000003"]
    by_id = {row["id"]: row for row in rows}
    done, failed = by_id[first.id], by_id[second.id]
    assert (done["state"], done["ref_no"], done["finished_at"], done["error_message"]) == (
        "succeeded",
        "000777",
        "2026-03-04T12:00:00Z",
        "",
    )
    assert (failed["error_class"], failed["error_message"], failed["attempts"]) == ("validation", f"'{NASTY}", "1")


def test_results_come_in_parts(small_world: World) -> None:
    """A large batch is sent as it is read."""
    batch = made(small_world, 2_500)
    sent = small_world.log_in().get(f"/batches/{batch}/results.csv", buffered=False)
    assert [part.count(b"\r\n") for part in sent.iter_encoded()] == [1, 1_000, 1_000, 500]


@given(st.text(max_size=20))
def test_cells_are_no_formulas(text: str) -> None:
    """No cell begins as a formula does, nor what follows a semicolon in it; apostrophes are all that is added."""
    cell = csv_rows.plain(text)
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
    assert cell.replace("'", "") == text.replace("'", "")


def test_title_tells_progress(small_world: World) -> None:
    """A tab among others says how far the batch is while it runs, and what moves by itself carries the same; paused it has its name."""
    batch = made(small_world, 3, name="Night")
    fail(small_world, "P/000001 is closed")
    client = small_world.log_in()
    assert "<title>33 % · Night · kitrelay</title>" in client.get(f"/batches/{batch}").text
    assert 'data-title="33 % · Night"' in client.get(f"/batches/{batch}?part=live_batch").text
    small_world.press(client, f"/batches/{batch}/pause")
    assert "<title>Night · kitrelay</title>" in client.get(f"/batches/{batch}").text
