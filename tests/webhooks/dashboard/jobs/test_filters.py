"""The filter of the page of jobs: from an address, and back to one."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from webhooks.api import jobs as api
from webhooks.dashboard.jobs import filters as job_filters

OSLO = ZoneInfo("Europe/Oslo")
NAMES = st.sampled_from([*job_filters.LABELS, "cursor", "colour"])
VALUES = st.one_of(st.text(max_size=30), st.datetimes().map(lambda moment: moment.isoformat(timespec="minutes")), st.just("failed,queued"))
QUERIES = st.lists(st.tuples(NAMES, VALUES), max_size=8)


@settings(max_examples=60)
@given(QUERIES)
def test_addresses_stay(query: list[tuple[str, str]]) -> None:
    """What was made an address once is left as it is; and each name stands in it once, with a value."""
    once = job_filters.read(query, OSLO)
    assert job_filters.read(once, OSLO) == once
    assert len(dict(once)) == len(once)
    assert all(value.strip() for _, value in once)


@settings(max_examples=60)
@given(QUERIES)
def test_bodies_say_the_same(query: list[tuple[str, str]]) -> None:
    """An action is asked for with the filter of the address."""
    asked = job_filters.parts(job_filters.read(query, OSLO))
    assert job_filters.from_body(job_filters.as_body(asked)) == asked


@settings(max_examples=60)
@given(QUERIES)
def test_chips_take_away(query: list[tuple[str, str]]) -> None:
    """Each part of a filter is a chip, each state on its own; none leaves what it stands for."""
    asked = job_filters.parts(job_filters.read(query, OSLO))
    found = job_filters.chips(asked, {})
    states = [state for state in dict(asked).get("state", "").split(",") if state]
    assert len(found) == len(asked) + max(0, len(states) - 1)


@pytest.mark.parametrize(
    ("typed", "kept", "shown"),
    [
        ("2026-03-04T13:00", "2026-03-04T12:00:00Z", "2026-03-04T13:00"),
        ("2026-07-04 13:00:05", "2026-07-04T11:00:05Z", "2026-07-04T13:00:05"),
        ("2026-03-04T12:00:00+00:00", "2026-03-04T12:00:00+00:00", "2026-03-04T13:00"),
        ("0001-01-01T00:00", "0001-01-01T00:00", "0001-01-01T00:00"),
        ("yesterday", "yesterday", "yesterday"),
    ],
)
def test_times_are_the_readers(typed: str, kept: str, shown: str) -> None:
    """A time is typed on the reader's clock and kept in UTC; what is none is kept to be told so."""
    query = job_filters.read([("since", typed)], OSLO)
    assert query == [("since", kept)]
    assert job_filters.typed(query, OSLO)["since"] == shown


def test_states_turn() -> None:
    """A state is put to those chosen, and taken out again; the list begins anew."""
    chosen = job_filters.turned([("state", "failed"), ("tag", "x"), ("cursor", "c")], "queued")
    assert chosen == [("state", "failed,queued"), ("tag", "x")]
    assert job_filters.turned(chosen, "failed") == [("state", "queued"), ("tag", "x")]
    assert job_filters.turned([("state", "failed")], "failed") == []


def test_names_are_the_apis() -> None:
    """The page's filter is the API's, no more and no less."""
    assert set(job_filters.LABELS) == set(api.FILTERS) - {"cursor", "limit"}
