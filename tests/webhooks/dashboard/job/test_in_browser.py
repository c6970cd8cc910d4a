"""A job's page in a browser, over real processes: every action, what moves by itself, and its looks."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from playwright.sync_api import expect

from worker.jobs import queue
from worker.jobs.changes import Change, apply
from worker.jobs.engine import Database
from worker.jobs.model import JobError
from worker.jobs.states import State

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.browser import Tab
    from worker.cli.cluster import Cluster

ENDED: Final = ("succeeded", "failed", "cancelled")


def ask(cluster: Cluster, method: str, path: str, body: object = None) -> Any:
    """What the API answers."""
    status, answer = cluster.api(method, path, body)
    assert status < 300, answer
    return answer


def make(cluster: Cluster, kind: str, arguments: dict[str, Any], **more: Any) -> str:
    """A job; its id."""
    return str(ask(cluster, "POST", "/api/jobs", {"tenant": cluster.tenant, "kind": kind, "arguments": arguments, **more})["id"])


def until(read: Callable[[], Any], holds: Callable[[Any], bool]) -> Any:
    """What is read, as soon as it is so."""
    end = time.monotonic() + 60
    while not holds(found := read()):
        assert time.monotonic() < end, found
        time.sleep(0.05)
    return found


def ended(cluster: Cluster, job_id: str) -> Any:
    """The job at its end."""
    return until(lambda: ask(cluster, "GET", f"/api/jobs/{job_id}"), lambda job: job["state"] in ENDED)


def document(cluster: Cluster) -> dict[str, str]:
    """A new document of one test's own, by type and number."""
    job = ended(cluster, make(cluster, "create_kit_assembly", {"item_id": "KIT-0001", "quantity": "2", "type": "P"}))
    assert job["state"] == "succeeded", job
    return {"type": "P", "ref_no": job["result"]["ref_no"]}


def later() -> str:
    """A time that no test lives to see."""
    return (datetime.now(UTC) + timedelta(hours=3)).isoformat()


def doubtful(cluster: Cluster, named: dict[str, str]) -> str:
    """A release of which nobody can tell whether it happened, as a worker leaves it."""
    job_id = make(cluster, "release_kit_assembly", named, run_at=later())
    database = Database(cluster.settings.database_url)
    now = datetime.now(UTC)
    error = JobError("in_doubt", "no answer came, and Visma shows neither a release nor an operation", None)
    try:
        with database.write() as connection:
            job = queue.find(connection, job_id)
            running = replace(job, state=State.RUNNING, starts=1, started_at=now, claimed_at=now)
            (first,) = apply(database, connection, [Change(job, running, "started", "worker 1")], now)
            sent = {"sent_at": now.timestamp()}
            failed = replace(first.after, state=State.FAILED, error=error, finished_at=now, attempt=1, progress=sent)
            apply(database, connection, [Change(first.after, failed, error.message, "worker 1")], now)
    finally:
        database.close()
    return job_id


def test_release_to_its_end(window: Tab, cluster: Cluster) -> None:
    """An open job's page shows its end without being loaded again; what was opened stays open; its calls can be read and copied."""
    named = document(cluster)
    ask(cluster, "POST", f"/api/connections/{cluster.tenant}/visma/pause")
    try:
        page = window.go(f"/jobs/{make(cluster, 'release_kit_assembly', named)}")
        expect(page.locator("h1")).to_contain_text("Queued")
        page.get_by_text("What was asked for, as JSON").click()
    finally:
        ask(cluster, "POST", f"/api/connections/{cluster.tenant}/visma/resume")
    expect(page.locator("h1")).to_contain_text("Succeeded")
    expect(page.get_by_text("It is released in Visma Net:")).to_be_visible()
    expect(page.locator("#arguments")).to_have_attribute("open", "")
    expect(page.locator("#job")).not_to_have_attribute("hx-trigger", re.compile("."))
    call = page.locator("details.call", has_text="POST").first
    call.locator("> summary").click()
    call.get_by_text("As curl").click()
    command = call.locator("pre", has_text="curl --globoff")
    expect(command).to_contain_text('"Authorization: Bearer $TOKEN"')
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    call.get_by_role("button", name="Copy").click()
    expect(call.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == command.text_content()
    call.get_by_role("link").click()
    expect(page.locator("h1")).to_contain_text("Call ")
    window.shoot("job-call")


def test_document_is_read(window: Tab, cluster: Cluster) -> None:
    """Read now, and read again after it was released: the page shows it as soon as Visma has answered."""
    named = document(cluster)
    job_id = make(cluster, "release_kit_assembly", {**named}, run_at=later())
    page = window.go(f"/jobs/{job_id}")
    window.press("Read it now")
    look = page.locator("#look")
    expect(look).to_contain_text("Balanced")
    expect(look).to_contain_text("KIT-0001")
    assert ended(cluster, make(cluster, "release_kit_assembly", named))["state"] == "succeeded"
    look.get_by_role("button", name="Read it again").click()
    expect(look).to_contain_text("Released")
    window.shoot("job-document")
    page.get_by_text("Cancel…").click()
    window.press("Cancel the job")
    expect(page.locator("h1")).to_contain_text("Cancelled")


def test_look_waits_for_its_connection(window: Tab, cluster: Cluster) -> None:
    """A paused connection is named as what the look waits for; when it goes on, so does the look."""
    job_id = make(cluster, "release_kit_assembly", document(cluster), run_at=later())
    page = window.go(f"/jobs/{job_id}")
    ask(cluster, "POST", f"/api/connections/{cluster.tenant}/visma/pause")
    try:
        window.press("Read it now")
        expect(page.locator("#look")).to_contain_text("is paused")
    finally:
        ask(cluster, "POST", f"/api/connections/{cluster.tenant}/visma/resume")
    expect(page.locator("#look")).to_contain_text("Balanced")


def test_failed_job_is_corrected(window: Tab, cluster: Cluster) -> None:
    """A failure says what to do; corrected arguments are checked, and then it is released."""
    job_id = make(cluster, "release_kit_assembly", {"type": "P", "ref_no": "987654"})
    assert ended(cluster, job_id)["state"] == "failed"
    page = window.go(f"/jobs/{job_id}")
    expect(page.get_by_text("What to do")).to_be_visible()
    window.shoot("job-failed")
    page.get_by_role("link", name="Edit and replay").click()
    page.get_by_label("Arguments, as JSON").fill('{"type": "Q", "ref_no": "1"}')
    window.press("Replay with these")
    expect(page.get_by_role("alert")).to_contain_text("arguments.type")
    expect(page.get_by_label("Arguments, as JSON")).to_have_value('{"type": "Q", "ref_no": "1"}')
    window.troubles[:] = [each for each in window.troubles if "422" not in each]  # a refused form is a page with that status
    named = document(cluster)
    page.get_by_label("Arguments, as JSON").fill(f'{{"type": "P", "ref_no": "{named["ref_no"]}"}}')
    window.press("Replay with these")
    expect(page.locator("h1")).to_contain_text(named["ref_no"])
    expect(page.locator("h1")).to_contain_text("Succeeded")


def test_doubt_is_decided(window: Tab, cluster: Cluster) -> None:
    """A job in doubt says what is known, asks twice before it is sent again, and is marked as done with a reason."""
    job_id = doubtful(cluster, document(cluster))
    page = window.go(f"/jobs/{job_id}")
    expect(page.get_by_text("What is known")).to_be_visible()
    page.locator("summary", has_text="Replay…").click()
    expect(page.get_by_text("it is done twice", exact=False).first).to_be_visible()
    page.keyboard.press("Escape")
    window.shoot("job-doubt")
    page.get_by_text("Mark as done…").click()
    page.get_by_label("Reason").fill("released by hand")
    window.press("Mark as done")
    expect(page.locator("h1")).to_contain_text("Succeeded")
    expect(page.get_by_text("marked it as done: released by hand")).to_be_visible()


def test_discarded_and_replayed(window: Tab, cluster: Cluster) -> None:
    """A failed job is discarded after a second step, and a discarded one can be replayed."""
    job_id = make(cluster, "release_kit_assembly", {"type": "P", "ref_no": "987653"})
    ended(cluster, job_id)
    page = window.go(f"/jobs/{job_id}")
    page.get_by_text("Discard…").click()
    window.press("Discard")
    expect(page.locator("h1")).to_contain_text("Cancelled")
    window.press("Replay")
    expect(page.locator("h1")).to_contain_text("Failed")
    expect(page.locator(".story")).to_contain_text("replayed")


def test_sync_leads_to_its_kit(window: Tab, cluster: Cluster) -> None:
    """A sync tells its targets in words and leads to the kit."""
    job_id = make(cluster, "sync_kit_lines", {"kit": "KIT-00003", "dry_run": True})
    ended(cluster, job_id)
    page = window.go(f"/jobs/{job_id}")
    expect(page.get_by_role("link", name="Open the kit")).to_be_visible()
