"""Words that stand on many pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from webhooks.dashboard.words import section

if TYPE_CHECKING:
    from tests.webhooks.world import World


@pytest.mark.parametrize(
    ("route", "to"),
    [("/", "/"), ("/jobs/<id>", "/jobs"), ("/actions/<id>", "/jobs"), ("/connections/record", "/connections"), ("/jobs.csv", ""), ("", "")],
)
def test_sections(route: str, to: str) -> None:
    """Each page belongs to a section; what is no page of one belongs to none."""
    assert section(route) == to


@pytest.mark.parametrize(
    "path",
    [
        "/jobs?kind=read_kit",
        "/failures?kind=read_kit",
        "/deliveries?type=x",
        "/batches?state=paused",
        "/connections/record?by=x",
        "/kits?q=x",
    ],
)
def test_filters_speak_alike(small_world: World, path: str) -> None:
    """Every list is filtered with the same words: an empty choice is called Any, the button Show, the way back Clear all."""
    text = small_world.log_in("root-key").get(path).text
    assert ">Any</option>" in text
    assert ">Show</button>" in text
    assert ">Clear all</a>" in text
    assert "Show all" not in text


def test_fault_leads_to_its_section(small_world: World) -> None:
    """Who meets a page that is not there is led on to the list that it would belong to."""
    text = small_world.log_in().get("/jobs/none").text
    assert '<a href="/jobs">Jobs</a>' in text.split("<main")[1]
