"""What counts as an event: an object with a type, or a CloudEvent as the official library writes it."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Any

import pytest
from cloudevents.core.bindings.http import to_structured_event
from cloudevents.core.v1.event import CloudEvent

from worker.rules import exact
from worker.rules.events import NoEvent, any_event, cloud_event, plain_event

ATTRIBUTES = {"id": "1", "source": "/shop", "type": "order.paid", "specversion": "1.0"}


def structured(data: Any, **more: Any) -> dict[str, Any]:
    """An event as the official library writes it."""
    attributes = {**ATTRIBUTES, "time": datetime(2026, 3, 4, tzinfo=UTC), "datacontenttype": "application/json", **more}
    found: dict[str, Any] = exact.loads(to_structured_event(CloudEvent(attributes, data)).body)
    return found


def test_plain_is_kept() -> None:
    """Type and data, and whatever else a sender writes beside them; without data there is null."""
    assert plain_event({"type": "a", "data": 1, "timestamp": "t"}) == {"type": "a", "data": 1, "timestamp": "t"}
    assert plain_event({"type": "a"}) == {"type": "a", "data": None}


@pytest.mark.parametrize("content", [None, 1, [], {}, {"type": 7}, {"type": " "}, {"type": "x" * 201}, {"type": "a\nb"}, {"data": {}}])
def test_no_event(content: Any) -> None:
    """Without a type it is none."""
    with pytest.raises(NoEvent):
        plain_event(content)


def test_cloud_event_of_library() -> None:
    """A CloudEvent keeps its attributes, its extensions too."""
    event = cloud_event(structured({"no": "A1"}, subject="A1", tracestate="x"))

    assert (event["type"], event["data"], event["subject"], event["source"]) == ("order.paid", {"no": "A1"}, "A1", "/shop")
    assert event["tracestate"] == "x"


def test_cloud_event_in_base64() -> None:
    """Data in base64 is read where it says to be JSON, and left alone where it says not to."""
    raw = base64.b64encode(b'{"no": 0.10}').decode()

    assert (
        str(cloud_event({**ATTRIBUTES, "data_base64": raw, "datacontenttype": "application/json; charset=utf-8"})["data"]["no"]) == "0.10"
    )
    assert cloud_event({**ATTRIBUTES, "data_base64": raw})["data"] is not None
    assert cloud_event({**ATTRIBUTES, "data_base64": raw, "datacontenttype": "text/xml"})["data"] is None


@pytest.mark.parametrize(
    "changes",
    [
        {"specversion": "0.3"},
        {"specversion": 1.0},
        {"id": ""},
        {"id": 7},
        {"source": None},
        {"type": ""},
        {"data": 1, "data_base64": "MQ=="},
        {"data_base64": "%"},
        {"data_base64": 7},
        {"data_base64": "e30", "datacontenttype": "application/json"},
        {"data_base64": base64.b64encode(b"{").decode()},
    ],
)
def test_broken_cloud_event(changes: dict[str, Any]) -> None:
    """What the specification requires is required."""
    with pytest.raises(NoEvent):
        cloud_event({**ATTRIBUTES, **changes})


def test_either_by_content() -> None:
    """Without headers the content says which it is."""
    assert any_event({"type": "a"})["type"] == "a"
    with pytest.raises(NoEvent):
        any_event({"type": "a", "specversion": "1.0"})
