"""The pages of jobs and actions in a browser: searched, walked through, ticked, acted upon, watched, stopped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

from playwright.sync_api import expect

from tests.browser import NARROW, PATIENCE_MS

if TYPE_CHECKING:
    from tests.browser import Tab
    from worker.cli.cluster import Cluster

FAR = "2030-01-01T00:00:00Z"


def make(cluster: Cluster, count: int, tag: str, **changes: Any) -> list[str]:
    """Jobs that wait for a far day, so that no worker touches them; their ids."""
    made = []
    for number in range(count):
        wanted = {
            "tenant": cluster.tenant,
            "kind": "release_kit_assembly",
            "arguments": {"type": "P", "ref_no": f"Z{uuid4().hex[:8]}{number}"},
            "tags": [tag],
            "run_at": FAR,
            **changes,
        }
        status, job = cluster.api("POST", "/api/jobs", wanted)
        assert status == 202, job
        made.append(job["id"])
    return made


def tagged() -> str:
    """A tag of this test alone."""
    return f"t-{uuid4().hex[:10]}"


def test_finds_by_form(window: Tab, cluster: Cluster) -> None:
    """Words, a state and a tag narrow the list; each is in the address, and a chip takes it out again."""
    tag = tagged()
    make(cluster, 3, tag)
    page = window.go("/jobs")
    page.get_by_label("Words").fill(tag)
    window.press("Show")
    page.wait_for_url(f"**/jobs?q={tag}")
    expect(page.locator("[data-row]")).to_have_count(3)
    page.get_by_label("States").get_by_role("link", name="Queued").click()
    page.wait_for_url("**state=queued")
    page.get_by_role("link", name=tag, exact=True).first.click()
    page.wait_for_url(f"**tag={tag}")
    expect(page.locator("[data-row]")).to_have_count(3)
    page.get_by_role("link", name="Without Words").click()
    page.wait_for_url(f"**/jobs?state=queued&tag={tag}")
    page.get_by_label("Made since", exact=True).fill("2031-01-01T10:00")
    window.press("Show")
    page.wait_for_url("**since=2031-01-01T09*")
    expect(page.get_by_text("No job matches this filter.")).to_be_visible()
    expect(page.get_by_label("Made since", exact=True)).to_have_value("2031-01-01T10:00")


def test_moves_unless_ticked(window: Tab, cluster: Cluster) -> None:
    """New jobs come by themselves, and what has the focus keeps it; while a job is ticked the list stands still."""
    tag = tagged()
    (first,) = make(cluster, 1, tag)
    page = window.go(f"/jobs?tag={tag}")
    link = page.locator(f"#job-{first} [data-open]")
    link.focus()
    make(cluster, 1, tag)
    expect(page.locator("[data-row]")).to_have_count(2, timeout=PATIENCE_MS)
    expect(link).to_be_focused()
    page.keyboard.press("x")
    expect(page.get_by_text("stands still")).to_be_visible()
    page.evaluate("document.body.addEventListener('htmx:beforeRequest', (e) => { if (e.defaultPrevented) document.body.dataset.held = 1 })")
    make(cluster, 1, tag)
    expect(page.locator("body")).to_have_attribute("data-held", "1", timeout=PATIENCE_MS)
    expect(page.locator("[data-row]")).to_have_count(2)
    expect(page.locator(f"#job-{first} input")).to_be_checked()
    page.keyboard.press("x")
    expect(page.locator("[data-row]")).to_have_count(3, timeout=PATIENCE_MS)


def test_focus_stays(window: Tab, cluster: Cluster) -> None:
    """When the row that has the focus leaves the list, the one in its place has it."""
    tag = tagged()
    first, second = make(cluster, 2, tag)
    page = window.go(f"/jobs?state=queued&tag={tag}")
    page.locator(f"#job-{second} [data-open]").focus()
    assert cluster.api("POST", f"/api/jobs/{second}/cancel", {})[0] == 200
    expect(page.locator("[data-row]")).to_have_count(1, timeout=PATIENCE_MS)
    expect(page.locator(f"#job-{first} [data-open]")).to_be_focused(timeout=PATIENCE_MS)


def test_views_and_file(window: Tab, cluster: Cluster) -> None:
    """A filter is saved under a name, opened by it, and dropped; its jobs are had as a file."""
    tag = tagged()
    (job,) = make(cluster, 1, tag)
    page = window.go(f"/jobs?tag={tag}")
    page.get_by_text("Save this view…").click()
    page.get_by_label("Name").fill(f"Mine {tag}")
    window.press("Save")
    page.get_by_role("link", name="All", exact=True).click()
    page.get_by_role("link", name=f"Mine {tag}").click()
    page.wait_for_url(f"**/jobs?tag={tag}")
    with page.expect_download() as saved:
        page.get_by_role("link", name="CSV").click()
    assert job in saved.value.path().read_text()
    page.get_by_text("Drop this view…").click()
    window.press("Drop this view")
    expect(page.get_by_role("link", name=f"Mine {tag}")).to_have_count(0)


def test_keys_walk(window: Tab, cluster: Cluster) -> None:
    """J and k move through the rows, x ticks, Enter opens; in a field they are letters."""
    tag = tagged()
    newest = make(cluster, 3, tag)[::-1]
    page = window.go(f"/jobs?tag={tag}")
    for key, place in (("j", 0), ("j", 1), ("j", 2), ("j", 2), ("k", 1)):
        page.keyboard.press(key)
        expect(page.locator(f"#job-{newest[place]} [data-open]")).to_be_focused()
    page.keyboard.press("x")
    expect(page.locator(f"#job-{newest[1]} input")).to_be_checked()
    page.get_by_label("Words").press_sequentially("jxk")
    expect(page.get_by_label("Words")).to_have_value("jxk")
    expect(page.locator("input[data-tick]:checked")).to_have_count(1)
    page.locator(f"#job-{newest[1]} input").focus()
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/jobs/{newest[1]}")


def test_phone_ticks_all(window: Tab, cluster: Cluster) -> None:
    """Also where the list has no columns, one tick is for all jobs of the page."""
    tag = tagged()
    make(cluster, 2, tag)
    window.page.set_viewport_size(NARROW)  # type: ignore[arg-type] # a plain dict
    page = window.go(f"/jobs?tag={tag}")
    page.get_by_label("All jobs of this page").check()
    expect(page.locator("input[data-tick]:checked")).to_have_count(2)
    window.must_fit("jobs, ticked on a phone")


def test_acts_on_ticked(window: Tab, cluster: Cluster) -> None:
    """Ticked jobs are cancelled after a page that says so, and the action is watched to its end."""
    tag = tagged()
    made = make(cluster, 3, tag)
    page = window.go(f"/jobs?tag={tag}")
    expect(page.get_by_role("button", name="Cancel…")).to_be_disabled()
    page.locator(f"#job-{made[0]} input").check()
    page.locator(f"#job-{made[2]} input").check()
    window.press("Cancel…")
    expect(page.get_by_role("heading", level=1)).to_have_text("Cancel 2 jobs?")
    window.shoot("jobs-preview")
    window.press("Cancel 2 jobs")
    page.wait_for_url("**/actions/*")
    expect(page.get_by_text("2 of 2 done")).to_be_visible(timeout=PATIENCE_MS)
    page.get_by_role("link", name="Show the jobs").click()
    expect(page.locator("[data-row]")).to_have_count(2)
    expect(page.locator("tbody .s-cancelled")).to_have_count(2)


def test_acts_on_all(window: Tab, cluster: Cluster) -> None:
    """All that match are more than the page shows; the action is in the list of actions, with who began it."""
    tag = tagged()
    make(cluster, 4, tag)
    page = window.go(f"/jobs?tag={tag}&limit=2")
    page.get_by_label("All that match").check()
    window.press("Cancel…")
    expect(page.get_by_role("heading", level=1)).to_have_text("Cancel 4 jobs?")
    window.press("Cancel 4 jobs")
    page.wait_for_url("**/actions/*")
    expect(page.get_by_text("4 of 4 done")).to_be_visible(timeout=PATIENCE_MS)
    window.shoot("action")
    page.get_by_role("link", name="Actions").click()
    expect(page.locator("[data-row]").first).to_contain_text("Cancel 4 jobs")
    window.shoot("actions")


def test_stands_scrutiny(window: Tab, cluster: Cluster) -> None:
    """Full, filtered, ticked and faulty, the list is sound in both themes and widths."""
    tag = tagged()
    make(cluster, 6, tag)
    make(cluster, 2, tag, kind="release_kit_assembly", arguments={"type": "P", "ref_no": "NONE-1"}, run_at="2020-01-01T00:00:00Z")
    make(cluster, 2, tag, kind="create_kit_assembly", arguments={"item_id": f"NO-{tag}", "quantity": 1}, run_at="2020-01-01T00:00:00Z")
    page = window.go("/jobs")
    expect(page.locator("tbody .s-failed").first).to_be_visible(timeout=PATIENCE_MS)
    page.locator("input[data-tick]").first.check()
    window.shoot("jobs")
    page.goto(f"{window.url}/jobs?tag={tag}&state=queued&state=failed&since=2026-01-01T10:00&error_class=validation&batch=none")
    window.shoot("jobs-empty")
