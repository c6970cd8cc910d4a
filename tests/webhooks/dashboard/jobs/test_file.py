"""The list of jobs as a file for a spreadsheet."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from tests.webhooks.api.test_actions import failed
from webhooks.dashboard.jobs import file as jobs_file

if TYPE_CHECKING:
    import pytest

    from tests.webhooks.world import World


def test_holds_what_matches(small_world: World) -> None:
    """All jobs of the filter, newest first, and of no other tenant."""
    first, second = failed(small_world, "000001", "=2+3")
    small_world.job("000003")
    failed(small_world, "000004", tenant="globex")
    sent = small_world.log_in("view-key").get("/jobs.csv?state=failed&cursor=x")
    assert sent.content_type == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(sent.data.decode("utf-8-sig"), newline="")))
    assert [row["id"] for row in rows] == [second, first]
    assert [(row["state"], row["tenant"], row["error_class"]) for row in rows] == [("failed", "acme", "validation")] * 2


def test_is_bounded(small_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is sent in parts, and says where it was cut; at the bound itself nothing is missing."""
    for number in range(5):
        small_world.job(f"{number:06}")
    client = small_world.log_in()
    monkeypatch.setattr(jobs_file, "PORTION", 2)
    for most, lines, cut in ((4, 4, True), (5, 5, False), (6, 5, False)):
        monkeypatch.setattr(jobs_file, "MOST", most)
        text = client.get("/jobs.csv").data.decode("utf-8-sig")
        assert (text.count("P/00000"), "Cut here" in text) == (lines, cut)


def test_faults_are_told(small_world: World) -> None:
    """A wrong filter makes no file."""
    client = small_world.log_in()
    assert client.get("/jobs.csv?since=yesterday").status_code == 422
    assert client.get("/jobs.csv?tenant=globex").status_code == 404
