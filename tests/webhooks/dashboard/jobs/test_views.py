"""Saved views: a filter kept under a name, for those who share a key."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from worker.jobs.saved_views import MOST

if TYPE_CHECKING:
    from tests.webhooks.world import World


def test_views_are_kept(small_world: World) -> None:
    """A view is a link for all who have the key, and for nobody else, until it is dropped."""
    viewer, ops = small_world.log_in("view-key"), small_world.log_in()
    kept = small_world.press(viewer, "/jobs/views", name="Steel <b>", query="state=failed&q=steel")
    assert (kept.status_code, kept.location) == (303, "/jobs?q=steel&state=failed")
    again = small_world.log_in("view-key").get("/jobs").text
    assert 'href="/jobs?q=steel&amp;state=failed" class="mine">Steel &lt;b&gt;</a>' in again
    assert "Steel" not in ops.get("/jobs").text
    assert small_world.press(viewer, "/jobs/views/drop", name="Steel <b>").status_code == 303
    assert 'class="mine"' not in viewer.get("/jobs").text


@pytest.mark.parametrize(
    ("name", "query", "said"),
    [("", "q=x", "Not saved: the name must have"), ("All", "", "Filter first"), ("x" * 61, "q=x", "Not saved: the name must have")],
)
def test_faults_are_said(small_world: World, name: str, query: str, said: str) -> None:
    """What can't be kept is said on the list, which stays as it was filtered."""
    client = small_world.log_in()
    moved = small_world.press(client, "/jobs/views", name=name, query=query)
    assert moved.status_code == 303
    shown = client.get(moved.location).text
    assert said in shown
    assert 'class="mine"' not in shown


def test_views_are_few(small_world: World) -> None:
    """One too many is refused; one of the same name takes the other's place."""
    client = small_world.log_in()
    for number in range(MOST):
        small_world.press(client, "/jobs/views", name=f"View {number}", query=f"q={number}")
    small_world.press(client, "/jobs/views", name="One more", query="q=x")
    assert "saved views already" in client.get("/jobs").text
    small_world.press(client, "/jobs/views", name="View 0", query="q=other")
    shown = client.get("/jobs").text
    assert shown.count('class="mine"') == MOST
    assert "/jobs?q=other" in shown


def test_dropping_twice(small_world: World) -> None:
    """What is not there can't be dropped, and that is said."""
    client = small_world.log_in()
    moved = small_world.press(client, "/jobs/views/drop", name="None")
    assert "no such view any more" in client.get(moved.location).text
