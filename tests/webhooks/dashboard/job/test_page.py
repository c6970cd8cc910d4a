"""A job's page: who sees it, what it says, and what a person does on it."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import insert

from worker.jobs.changes import Change, apply
from worker.jobs.model import JobError
from worker.jobs.states import State
from worker.jobs.tables import attempts, exchanges, moves

if TYPE_CHECKING:
    from flask.testing import FlaskClient

    from tests.webhooks.world import World
    from worker.jobs.model import Job

TAG = "<script>alert(1)</script>"
OPEN_BUTTONS = ("Cancel",)
FAILED_BUTTONS = ("Replay", "Edit and replay", "Discard", "Mark as done")


def moved(world: World, job_id: str, state: State, **changes: Any) -> Job:
    """A job as a worker's verdict leaves it, by way of a start."""
    with world.database.write() as connection:
        job = world.find(job_id)
        running = replace(job, state=State.RUNNING, starts=job.starts + 1, started_at=world.now, claimed_at=world.now, attempt=1)
        (kept,) = apply(world.database, connection, [Change(job, running, "started", "worker 1")], world.now)
        ended = world.now if state in {State.FAILED, State.SUCCEEDED} else None
        after = replace(kept.after, state=state, finished_at=ended, **changes)
        cause = after.error.message if after.error else "it went so"
        return apply(world.database, connection, [Change(kept.after, after, cause, "worker 1")], world.now)[0].after


def failed(world: World, error_class: str = "validation", message: str = "no stock", ref_no: str = "000123", **changes: Any) -> str:
    """A job that failed; its id."""
    job_id = world.job(ref_no)
    moved(world, job_id, State.FAILED, error=JobError(error_class, message, 400), **changes)
    return job_id


def call(world: World, job_id: str, number: int = 1, **changes: Any) -> None:
    """A call of an attempt, as it is kept."""
    one = {"at": world.now, "method": "POST", "url": "/v1/kitassembly/P/000123/action/release", "status": 400, "ms": 42}
    told = {"job": job_id, "attempt": number, "request": '{"type":"P","cost":1.10}', "response": '{"message":"no"}', **one, **changes}
    with world.database.write() as connection:
        connection.execute(insert(exchanges).values(told))


def attempt(world: World, job_id: str, number: int = 1) -> None:
    """An attempt of a job."""
    told = {"job": job_id, "number": number, "started_at": world.now, "ended_at": world.now + timedelta(seconds=3), "outcome": "failed"}
    with world.database.write() as connection:
        connection.execute(insert(attempts).values(told))


def shown(client: FlaskClient, job_id: str, more: str = "") -> str:
    """The page."""
    answer = client.get(f"/jobs/{job_id}{more}")
    assert answer.status_code == 200, answer.text
    return answer.text


def buttons(text: str) -> set[str]:
    """What can be pressed on a page."""
    content = text.partition('<main id="main"')[2]
    found = re.findall(r'<(?:button|summary|a) [^>]*class="(?:button )?[a-z ]*"[^>]*>([^<]+)<|<button[^>]*>([^<]+)<', content)
    return {(one or other).strip().rstrip("…") for one, other in found}


def test_page_of_another_tenant(small_world: World) -> None:
    """A job of a tenant that the key may not see is not there, on no page and for no button."""
    job_id = small_world.job()
    client = small_world.log_in("other-key")
    for path in ("", "/edit", "/result", "/exchanges/1.1", "?part=live_job", "?part=live_side"):
        assert client.get(f"/jobs/{job_id}{path}").status_code == 404
    for path in ("replay", "cancel", "discard", "ask", "done", "look", "edit"):
        assert small_world.press(client, f"/jobs/{job_id}/{path}", reason="x", arguments="{}").status_code == 404
    assert small_world.find(job_id).state is State.QUEUED


@pytest.mark.parametrize("given", ["nothing", "0" * 36, "019a0000-0000-7000-8000-000000000000"])
def test_no_such_job(small_world: World, given: str) -> None:
    """What is no job's id is a page that says so."""
    assert small_world.log_in().get(f"/jobs/{given}").status_code == 404


def test_buttons_by_role_and_state(small_world: World) -> None:
    """Who may only look is shown no button, and can press none; the others are shown what fits the state."""
    open_id, failed_id = small_world.job("000001"), failed(small_world, ref_no="000002")
    viewer, ops = small_world.log_in("view-key"), small_world.log_in()
    for job_id in (open_id, failed_id):
        assert not buttons(shown(viewer, job_id)) & {*OPEN_BUTTONS, *FAILED_BUTTONS, "Read it now"}
        assert "Read it now" in buttons(shown(ops, job_id))
    assert buttons(shown(ops, open_id)) >= set(OPEN_BUTTONS)
    assert not buttons(shown(ops, open_id)) & set(FAILED_BUTTONS)
    assert buttons(shown(ops, failed_id)) >= set(FAILED_BUTTONS)
    assert viewer.get(f"/jobs/{failed_id}/edit").status_code == 403
    for path in ("replay", "cancel", "discard", "ask", "done", "look", "edit"):
        assert small_world.press(viewer, f"/jobs/{failed_id}/{path}").status_code == 403


def test_error_and_its_advice(small_world: World) -> None:
    """A failure is told with its message, what it means and what to do."""
    text = shown(small_world.log_in("view-key"), failed(small_world, "missing_reference", "no warehouse MAIN"))
    assert "no warehouse MAIN" in text
    assert "Something is missing" in text
    assert "A replay helps once it is there." in text


def test_doubt_is_explained(small_world: World) -> None:
    """Who has to decide sees what is known, and a replay asks twice."""
    job_id = failed(small_world, "in_doubt", "nobody knows", progress={"sent_at": small_world.now.timestamp()})
    attempt(small_world, job_id)
    call(small_world, job_id, status=None, response=None)
    text = shown(small_world.log_in(), job_id)
    assert "What is known" in text
    assert "without an answer" in text
    assert "it is done twice" in text


def test_outside_is_escaped(small_world: World) -> None:
    """Whatever comes from outside is text: references, messages, bodies, causes, tags."""
    job_id = small_world.job(tags=[TAG[:20]], unique_key=TAG)
    moved(small_world, job_id, State.FAILED, error=JobError("validation", TAG), reference=TAG, result={"id": TAG}, erp_id=TAG)
    attempt(small_world, job_id)
    call(small_world, job_id, url=f"/v1/{TAG}", request=TAG, response=TAG, headers={"If-Match": f"in a header {TAG}"})
    client = small_world.log_in()
    for path in ("", "/edit", "/result", "/exchanges/1.1"):
        text = shown(client, job_id, path)
        assert "<script>alert" not in text
        assert "&lt;script" in text
        assert ("in a header &lt;script" in text) == (path in ("", "/exchanges/1.1"))


def test_calls_and_curl(small_world: World) -> None:
    """Each call with its bodies to read, digit for digit, and as a command; the newest attempt stands first."""
    job_id = failed(small_world)
    for number in (1, 2):
        attempt(small_world, job_id, number)
        call(small_world, job_id, number)
    text = shown(small_world.log_in("view-key"), job_id)
    assert "&#34;cost&#34;: 1.10" in text
    assert "https://visma.test/v1/kitassembly/P/000123/action/release" in text
    assert "Bearer $TOKEN" in text
    assert text.index("Start 2") < text.index("Start 1")


def test_big_bodies_are_cut(small_world: World) -> None:
    """A large body is a beginning with a link to all that was kept; of very many calls the oldest are lines, or left out."""
    job_id = failed(small_world)
    attempt(small_world, job_id)
    for _ in range(230):
        call(small_world, job_id, response='{"text":"' + "a" * 3_900 + 'THE END"}')
    client = small_world.log_in("view-key")
    text = shown(client, job_id)
    assert "THE END" not in text
    assert "30 earlier calls are not shown" in text
    assert len(text) < 150_000
    assert f"/jobs/{job_id}/exchanges/1.230" in text
    assert "THE END" in shown(client, job_id, "/exchanges/1.230")
    for number in ("1.231", "1.0", "2.1", "1", "x.y", "1.99999999"):
        assert client.get(f"/jobs/{job_id}/exchanges/{number}").status_code == 404


def test_long_timeline_collapses(small_world: World) -> None:
    """The middle of a long timeline is shown when asked for."""
    job_id = small_world.job()
    line = {"job": job_id, "at": small_world.now, "origin": "queued", "target": "queued", "by": "worker"}
    with small_world.database.write() as connection:
        connection.execute(insert(moves), [{**line, "cause": f"turn {n}."} for n in range(300)])
    client = small_world.log_in("view-key")
    text = shown(client, job_id)
    assert "241 lines between are not shown" in text
    assert "turn 0." in text
    assert "turn 150." not in text
    assert "turn 299." in text
    assert "turn 150." in shown(client, job_id, "?all=1")


def test_gaps_are_told(small_world: World) -> None:
    """Between the moves stands why it took so long."""
    job_id = small_world.job()
    small_world.pass_time(seconds=42)
    moved(small_world, job_id, State.SUCCEEDED, result={"type": "P", "ref_no": "000123", "status": "R"})
    text = shown(small_world.log_in("view-key"), job_id)
    assert "waited 42 s for its turn" in text
    assert "It is released in Visma Net" in text


def test_replay_and_refusal(small_world: World) -> None:
    """A replay puts the job back; pressed again it is refused in words, where the reader is."""
    job_id, client = failed(small_world), small_world.log_in()
    pressed = small_world.press(client, f"/jobs/{job_id}/replay")
    assert (pressed.status_code, pressed.location) == (303, f"/jobs/{job_id}")
    assert small_world.find(job_id).state is State.QUEUED
    small_world.press(client, f"/jobs/{job_id}/replay")
    assert "A queued job can&#39;t be replayed." in shown(client, job_id)


def test_edit_and_replay(small_world: World) -> None:
    """Faults stand beside what was typed, which is kept; what is right is replayed with it."""
    job_id, client = failed(small_world), small_world.log_in()
    assert "000123" in shown(client, job_id, "/edit")
    for typed, fault in (('{"type": "P",', "is no JSON"), ('{"type": "X", "ref_no": "7<"}', "arguments.type"), ("[]", "must be an object")):
        refused = small_world.press(client, f"/jobs/{job_id}/edit", arguments=typed)
        assert refused.status_code == 422
        assert fault in refused.text
        assert typed.replace('"', "&#34;").replace("<", "&lt;") in refused.text
    small_world.press(client, f"/jobs/{job_id}/edit", arguments='{"type": "P", "ref_no": "000999"}')
    again = small_world.find(job_id)
    assert (again.state, again.reference) == (State.QUEUED, "P/000999")


def test_mark_as_done(small_world: World) -> None:
    """With a reason, which is then told; without one the page asks for it and keeps what was typed."""
    job_id, client = failed(small_world), small_world.log_in()
    refused = small_world.press(client, f"/jobs/{job_id}/done", reason="x" * 501)
    assert refused.status_code == 422
    assert "x" * 501 in refused.text
    assert small_world.press(client, f"/jobs/{job_id}/done", reason=" ").status_code == 422
    small_world.press(client, f"/jobs/{job_id}/done", reason="released by hand")
    assert small_world.find(job_id).state is State.SUCCEEDED
    assert "ops marked it as done: released by hand" in shown(client, job_id)


def test_cancel_and_discard(small_world: World) -> None:
    """Each does its one thing."""
    open_id, failed_id, client = small_world.job("000001"), failed(small_world, ref_no="000002"), small_world.log_in()
    small_world.press(client, f"/jobs/{open_id}/cancel")
    small_world.press(client, f"/jobs/{failed_id}/discard")
    assert {small_world.find(each).state for each in (open_id, failed_id)} == {State.CANCELLED}


def test_ask_now(small_world: World) -> None:
    """A job that waits for news is looked at now."""
    job_id, client = small_world.job(), small_world.log_in()
    moved(small_world, job_id, State.WAITING, due_at=small_world.now + timedelta(minutes=15))
    assert "Ask Visma Net now" in buttons(shown(client, job_id))
    small_world.press(client, f"/jobs/{job_id}/ask")
    assert small_world.find(job_id).due_at == small_world.now


def test_look_is_a_job(small_world: World) -> None:
    """The document is read by a job of its own, once while it is pending; the page says when the connection takes no calls."""
    job_id, client = failed(small_world), small_world.log_in()
    assert "Nobody has read it yet." in shown(client, job_id)
    for _ in range(2):
        assert small_world.press(client, f"/jobs/{job_id}/look").location == f"/jobs/{job_id}#document"
    looks = small_world.ask("GET", "/api/jobs?kind=read_kit_assembly").json["items"]
    assert [each["arguments"] for each in looks] == [{"type": "P", "ref_no": "000123"}]
    part = shown(client, job_id, "?part=live_side")
    assert "every 1s" in part
    assert "when its turn comes" in part
    small_world.ask("POST", "/api/connections/acme/visma/pause", "root-key")
    assert "Visma Net is paused by root" in shown(client, job_id, "?part=live_side")


def test_document_as_it_is(small_world: World) -> None:
    """What a look brought is a table with its status in words; what is gone is said to be."""
    job_id, client = failed(small_world), small_world.log_in()
    small_world.press(client, f"/jobs/{job_id}/look")
    look = small_world.ask("GET", "/api/jobs?kind=read_kit_assembly").json["items"][0]["id"]
    line = {"line_nbr": 1, "item_id": "LEG", "quantity": 4, "uom": "STK", "description": TAG}
    document = {"type": "P", "ref_no": "000123", "status": "B", "item_id": "CHAIR", "quantity": "1.500", "stock_component_lines": [line]}
    moved(small_world, look, State.SUCCEEDED, result={"document": document})
    for job in (job_id, look):
        text = shown(client, job)
        assert "Balanced" in text
        assert "1.500" in text
        assert "LEG" in text
        assert "<script>alert" not in text
    small_world.press(client, f"/jobs/{job_id}/look")
    newer = small_world.ask("GET", "/api/jobs?kind=read_kit_assembly").json["items"][0]["id"]
    moved(small_world, newer, State.SUCCEEDED, result={"document": None})
    assert "Visma Net has no such document." in shown(client, job_id)


def test_other_jobs_on_it(small_world: World) -> None:
    """Earlier and later jobs on the same document are told, and the one that made it good."""
    first = failed(small_world)
    small_world.pass_time(seconds=5)
    second = small_world.job()
    moved(small_world, second, State.SUCCEEDED)
    client = small_world.log_in("view-key")
    assert f"/jobs/{second}" in shown(client, first)
    assert "A later job made it good" in shown(client, first)
    assert f"/jobs/{first}" in shown(client, second)


def test_ended_job_is_not_asked_for(small_world: World) -> None:
    """While it is open its page moves by itself; then it rests."""
    open_id, failed_id, client = small_world.job("000001"), failed(small_world, ref_no="000002"), small_world.log_in("view-key")
    assert "every 2s" in shown(client, open_id)
    assert "every 2s" in shown(client, open_id, "?part=live_job")
    assert "hx-trigger" not in shown(client, failed_id)


def test_leads_to_its_like(small_world: World) -> None:
    """A failed job leads to all that failed for the same reason, while it is failed."""
    job_id = failed(small_world, message="no stock of item 12")
    client = small_world.log_in()
    group = re.search(r'href="(/failures/[0-9a-f]{32})"', client.get(f"/jobs/{job_id}").text)
    assert group is not None
    assert job_id in client.get(group[1]).text
    small_world.press(client, f"/jobs/{job_id}/discard")
    assert group[1] not in client.get(f"/jobs/{job_id}").text
