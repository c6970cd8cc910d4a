"""The pages of batches in a browser: what one does over real processes, and how they look in every state."""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from itertools import repeat
from threading import Thread
from typing import TYPE_CHECKING

from playwright.sync_api import expect
from werkzeug.serving import make_server

from tests.browser import tab
from tests.webhooks.world import World
from tests.worker.jobs.acting import claim, settle, wanted
from worker.jobs import batches, spent, verdicts
from worker.jobs.batches import NewBatch
from worker.jobs.model import JobError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

    from tests.browser import Tab
    from worker.cli.cluster import Cluster

REASONS = (
    ("missing_reference", "Document P/{n:06} does not exist"),
    ("validation", "Item ALFKI-{n} has not enough on hand in warehouse MAIN: 12 needed, 3 available"),
    ("validation", "The financial period 03-2026 is closed in the general ledger"),
    ("conflict", "The document is on hold"),
    ("in_doubt", "The answer to the release was lost, and the document shows nothing"),
    ("unavailable", "503 from the ERP: the service is being maintained"),
)
ON_TOP = """button => {
    const {left, top, width, height} = button.getBoundingClientRect();
    return document.elementFromPoint(left + width / 2, top + height / 2) === button;
}"""
PICTURES = ("many", "cancelled")
"""States of which pictures are kept; the others are only held to what every page must keep to."""


def test_list_is_released(window: Tab, cluster: Cluster) -> None:
    """Documents are pasted, previewed, started; their batch moves by itself to its end, and its results are a file."""
    page = window.go("/batches/new?by=list")
    page.get_by_label("A document on each line").fill("P 000091\nP/000092\n000093\n")
    page.get_by_label("Name").fill("Pasted")
    window.press("Preview")
    expect(page.locator("#preview")).to_contain_text("3")
    window.shoot("batch-new")
    window.press("Start 3 jobs")

    expect(page.get_by_role("heading", name="Pasted")).to_be_visible()
    expect(page.locator("#batch .badge").first).to_have_text("Succeeded")
    expect(page.locator("#batch[hx-trigger]")).to_have_count(0)
    with page.expect_download() as coming:
        page.get_by_role("link", name="Results as CSV").click()
    assert coming.value.suggested_filename == "Pasted.csv"
    assert coming.value.path().read_text("utf-8-sig").count("succeeded") == 3
    assert cluster.api("GET", "/api/batches?limit=1")[0] == 200


def test_selection_is_looked_at(window: Tab, cluster: Cluster) -> None:
    """A selection is held when it is found; it is dropped, and nothing was released."""
    page = window.go("/batches/new")
    page.get_by_label("Name").fill("Looked at")
    page.get_by_label("Created until").fill("2001-01-01T00:00")
    window.press("Look, and hold")
    expect(page.locator("#batch .badge").first).to_have_text("Succeeded")  # it found nothing: there is nothing to hold

    page = window.go("/batches/new")
    page.get_by_label("Name").fill("Held")
    window.press("Look, and hold")
    expect(page.get_by_role("heading", name="Held: nothing of it has started")).to_be_visible()
    expect(page.get_by_role("button", name=re.compile(r"Start .* jobs"))).to_be_visible()
    window.shoot("batch-held")
    page.locator("summary", has_text="Drop").click()
    window.press("Drop")
    expect(page.locator("#batch .badge").first).to_have_text("Cancelled")
    expect(page.locator("#batch[hx-trigger]")).to_have_count(0)
    held = next(each for each in cluster.api("GET", "/api/batches?state=cancelled")[1]["items"] if each["name"] == "Held")
    assert held["counts"]["cancelled"] == held["total"] > 0


def test_group_is_replayed(window: Tab, cluster: Cluster) -> None:
    """Failures of one reason are replayed from the batch's page, which follows the replay to its end."""
    items = [{"type": "P", "ref_no": f"9000{n:02}"} for n in range(4)]
    wanted_ = {"tenant": cluster.tenant, "kind": "release_kit_assembly", "items": items, "name": "Missing"}
    batch = cluster.api("POST", "/api/batches", wanted_)[1]["id"]
    page = window.go(f"/batches/{batch}")
    expect(page.locator("#batch .badge").first).to_have_text("Finished, not all succeeded")

    page.locator("#failures summary", has_text="Replay this group").click()
    second = page.get_by_role("button", name="Replay this group", exact=True)
    assert second.evaluate(ON_TOP), "the second step can be seen as it is, with nothing to scroll"
    second.click()

    expect(page.locator("#action")).to_contain_text("Replayed 4 of 4, finished")
    expect(page.locator("#batch .badge").first).to_have_text("Finished, not all succeeded")
    story = cluster.api("GET", f"/api/jobs?batch={batch}&limit=1")[1]["items"][0]
    timeline = cluster.api("GET", f"/api/jobs/{story['id']}")[1]["timeline"]
    assert any(line["from"] == "failed" and line["to"] == "queued" for line in timeline)


def test_looks(browser: Browser, sqlite_url: str) -> None:
    """Pictures of the list and of a batch in every state: none, one, many jobs; many reasons; paused, planning, cancelled."""
    world = World(sqlite_url)
    with served(world) as url, tab(browser, url, "root-key") as window:
        window.go("/batches")
        window.must_be_sound("no batch")
        names = {
            "many": lay(world, "Nightly release of March, all warehouses", 3_000, 1_200, 40),
            "one": lay(world, "One", 1, 0, 0),
            "paused": lay(world, "Paused in the middle", 200, 90, 0, turn="pause"),
            "cancelled": lay(
                world, "Cancelled <in> the_middle_with_a_very_long_name_that_has_no_place_to_break_at_all_in_it", 200, 90, 7, turn="cancel"
            ),
            "done": lay(world, "All succeeded", 20, 20, 0),
        }
        with world.database.write() as connection:
            new = NewBatch("globex", "visma", "release_kit_assembly", "Looked for", {"status": "B", "type": "P"}, held=True)
            names["planning"] = batches.open_batch(connection, new, "chief", world.now).id
        world.pass_time(seconds=40)
        window.go("/batches")
        window.shoot("batches")
        for name, batch in names.items():
            window.go(f"/batches/{batch}")
            if name in PICTURES:
                window.shoot(f"batch-{name}")
            else:
                window.must_be_sound(name)
                window.must_fit(name)
        page = window.go(f"/batches/{names['paused']}")
        page.locator("summary", has_text="Cancel").click()
        assert page.get_by_role("button", name="Cancel the batch").evaluate(ON_TOP)
        window.must_be_sound("the second step, within the window")
        window.must_fit("the second step, within the window")


@contextmanager
def served(world: World) -> Iterator[str]:
    """The app of a world on a port of its own."""
    server = make_server("127.0.0.1", 0, world.app, threaded=True)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        world.database.close()


def lay(world: World, name: str, count: int, ended: int, failed: int, turn: str = "") -> str:
    """A batch of so many jobs, of which some ended within a minute and a few run; its id."""
    db, now = world.database, world.now
    with db.write() as connection:
        batch = batches.open_batch(connection, NewBatch("acme", "visma", "release_kit_assembly", name), "ops", now)
    batches.fill(db, batch, (replace(wanted(n), batch=batch.id, subject=f"{name}/{n}") for n in range(count)), repeat(now))
    with db.write() as connection:
        batches.start(connection, batch.id, now)
        spent.add(connection, {batch.id: round(ended * 1.06)})
    for number, job in enumerate(claim(db, ended + 12, now=now)[:ended]):
        error_class, message = REASONS[number % len(REASONS)]
        told = JobError(error_class, message.format(n=number))
        settle(
            db,
            job,
            verdicts.failed(told) if number < failed else verdicts.done("seen", {"ref_no": f"{number:06}"}),
            now + timedelta(seconds=35),
        )
    with db.write() as connection:
        if turn:
            batches.turn(db, connection, batch.id, turn, now, "ann")
        batches.close_finished(connection, now + timedelta(seconds=39))
    return batch.id
