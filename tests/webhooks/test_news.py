"""What a notification tells: which job, which operation, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhooks.news import MOST_ELEMENTS, news_of
from worker.jobs.arrivals import News

JOB = "0190aaaa-0000-7000-8000-000000000001"
ONE = "5d0c0000-0000-4000-8000-000000000001"
TWO = "5d0c0000-0000-4000-8000-000000000002"

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["id", "reference", "headers", "x"]) | st.text(), inner, max_size=4)
    ),
    max_leaves=12,
)


@pytest.mark.parametrize("name", ["id", "requestId", "jobId", "referenceId", "reference", "Id", "RequestID"])
def test_operation_by_name(name: str) -> None:
    """The operation's id is taken from any name it was seen under, in any case."""
    assert news_of({name: ONE.upper()}, None) == (News(operation=ONE),)


@pytest.mark.parametrize("name", ["stateLocation", "contentLocation"])
def test_operation_in_address(name: str) -> None:
    """An address only lends its uuid."""
    assert news_of({name: f"https://evil.test/v1/background/{ONE}/content?x=1"}, None) == (News(operation=ONE),)


def test_id_before_address() -> None:
    """An id that is said outright counts more than one inside an address, and what is no uuid counts nothing."""
    assert news_of({"id": "17", "reference": ONE, "stateLocation": TWO}, None) == (News(operation=ONE),)


def test_array_tells_each() -> None:
    """Each element is news of its own; repeats are one."""
    assert news_of([{"id": ONE}, {"id": TWO}, {"id": ONE}, "noise", {}], None) == (News(operation=ONE), News(operation=TWO))


def test_own_header_names_job() -> None:
    """Our header names the job, and the id in the body its operation."""
    assert news_of({"id": ONE}, JOB) == (News(job=JOB, operation=ONE),)


def test_own_header_alone() -> None:
    """Our header is enough, whatever the body is."""
    assert news_of({"status": "Finished"}, JOB) == (News(job=JOB),)
    assert news_of([], JOB) == (News(job=JOB),)


def test_own_header_for_one_thing() -> None:
    """A header can't be about two operations: then the body alone counts."""
    assert news_of([{"id": ONE}, {"id": TWO}], JOB) == (News(operation=ONE), News(operation=TWO))


@pytest.mark.parametrize("header", ["", "x", f"{JOB},{JOB}", f"{JOB} or so", "0" * 4000])
def test_other_header_ignored(header: str) -> None:
    """What is no uuid is not our header."""
    assert news_of({"id": ONE}, header) == (News(operation=ONE),)


def test_header_in_body() -> None:
    """Our header may come back inside the body, by itself or among headers."""
    assert news_of({"headers": {"Kitrelay-Job": JOB}, "id": ONE}, None) == (News(job=JOB, operation=ONE),)
    assert news_of([{"kitrelay-job": JOB}], None) == (News(job=JOB),)


@given(JSON, st.none() | st.text())
def test_any_body_is_survived(body: Any, header: str | None) -> None:
    """Whatever is sent, it is understood or not, within bounds."""
    assert len(news_of(body, header)) <= MOST_ELEMENTS
