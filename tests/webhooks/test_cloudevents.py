"""CloudEvents as the official library writes them, in base64 too; and as they are read again from what is stored."""

from __future__ import annotations

import base64
import binascii
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from cloudevents.core.bindings.http import to_binary_event, to_structured_event
from cloudevents.core.v1.event import CloudEvent
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.webhooks.shop import RULE, bearer, signed, tenant
from tests.webhooks.world import World
from webhooks.cloudevents import event_in, header_value
from webhooks.problems import Problem
from webhooks.receiver import NOT_KEPT, header_variable, kept_headers
from worker.jobs.model import new_id
from worker.jobs.tables import deliveries, jobs
from worker.rules import exact
from worker.rules.events import NoEvent

if TYPE_CHECKING:
    from collections.abc import Iterator

ATTRIBUTES = {"type": "order.paid", "source": "/shop", "id": "1"}
STRUCTURED = {"CONTENT_TYPE": "application/cloudevents+json"}
PLACE = "/triggers/acme/idless"

texts = st.characters(exclude_categories=["Cs"])
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(texts, max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(texts, max_size=8), inner, max_size=3),
    max_leaves=12,
)
latin = st.text(st.characters(max_codepoint=255, exclude_characters="\r\n\x00"), max_size=700)


@pytest.fixture
def world(sqlite_url: str) -> Iterator[World]:
    """A shop."""
    found = World(sqlite_url, tenant())
    yield found
    found.database.close()


def attributes(**more: str) -> dict[str, Any]:
    """What every event must have, and more."""
    return {**ATTRIBUTES, "specversion": "1.0", **more}


def structured(event: dict[str, Any]) -> dict[str, Any]:
    """The event that a structured request is."""
    return event_in(STRUCTURED, orjson.dumps(event))


@given(value=values, kind=st.sampled_from(["application/json", "application/vnd.shop+json; charset=utf-8", "text/json"]))
def test_base64_is_its_data(value: Any, kind: str) -> None:
    """JSON in base64, as the official library writes bytes, is the same event as the JSON itself."""
    raw = orjson.dumps(value)
    message = to_structured_event(CloudEvent(attributes(datacontenttype=kind), raw))
    assert b"data_base64" in message.body
    read = event_in({"CONTENT_TYPE": message.headers["content-type"]}, message.body)
    assert read["data"] == exact.loads(raw) == structured(attributes(datacontenttype=kind, data=value))["data"]
    assert {name: read[name] for name in ATTRIBUTES} == ATTRIBUTES


@given(raw=st.binary(max_size=300), kind=st.sampled_from(["application/octet-stream", "image/png", "text/xml"]))
def test_other_data_is_not_read(raw: bytes, kind: str) -> None:
    """What says that it is no JSON is an event without data that rules could look at."""
    message = to_structured_event(CloudEvent(attributes(datacontenttype=kind), raw))
    assert event_in({"CONTENT_TYPE": message.headers["content-type"]}, message.body)["data"] is None


@given(raw=st.binary(max_size=200) | st.sampled_from([b"", b"{", b"NaN", b"\xff", b"[" * 60 + b"]" * 60, b"1e99999"]))
def test_base64_is_json_or_refused(raw: bytes) -> None:
    """Bytes that say they are JSON are read as JSON, or the event is refused; nothing else happens."""
    event = attributes(datacontenttype="application/json", data_base64=base64.b64encode(raw).decode())
    try:
        expected = exact.loads(raw)
    except ValueError:
        with pytest.raises(Problem) as refused:
            structured(event)
        assert refused.value.status == 400
    else:
        assert structured(event)["data"] == expected


@given(written=st.text(max_size=60) | st.text("ABCDabcd0123+/=-_ \n", max_size=24))
def test_base64_is_strict(written: str) -> None:
    """What is not base64 to the letter is refused."""
    event = attributes(datacontenttype="text/plain", data_base64=written)
    try:
        base64.b64decode(written, validate=True)
    except (binascii.Error, ValueError):
        with pytest.raises(Problem):
            structured(event)
    else:
        assert structured(event)["data"] is None


@given(number=st.decimals(allow_nan=False, allow_infinity=False, places=4))
def test_numbers_in_base64_are_exact(number: Decimal) -> None:
    """No digit of an amount is lost in base64."""
    raw = f'{{"quantity": {number:f}}}'.encode()
    read = structured(attributes(data_base64=base64.b64encode(raw).decode()))
    assert Decimal(str(read["data"]["quantity"])) == number


@given(value=latin)
def test_kept_attribute_is_the_same(value: str) -> None:
    """An attribute that was stored reads as it did when it came, however long or odd, or is as wrong as it was."""
    kept = kept_headers({"HTTP_CE_NOTE": value})["ce-note"]
    assert kept.isprintable()
    try:
        expected = header_value(value)
    except NoEvent:
        with pytest.raises(NoEvent):
            header_value(kept)
    else:
        assert header_value(kept) == expected


@given(note=st.text(texts, min_size=1, max_size=900), data=values)
def test_binary_is_read_again(note: str, data: Any) -> None:
    """A binary event of the official library is the same when it is read from its stored headers."""
    message = to_binary_event(CloudEvent(attributes(datacontenttype="application/json", note=note), orjson.dumps(data)))
    environ = {header_variable(name): value.encode().decode("latin-1") for name, value in message.headers.items()}
    stored = {header_variable(name): value for name, value in kept_headers(environ).items()}
    assert event_in(stored, message.body) == event_in(environ, message.body)


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(padding=st.integers(450, 6_000))
def test_replay_of_long_attributes(world: World, padding: int) -> None:
    """An event whose attribute is long makes the same of itself when it is replayed."""
    sent = {"ce_specversion": "1.0", "ce_id": new_id(), "ce_source": "s", "ce_type": "order.paid", "ce_note": "x" * padding + "%C3%9F"}
    first = world.push(b"{}", PLACE, **bearer(), **sent).json["delivery"]
    again = world.ask("POST", f"/api/deliveries/{first}/replay", "root-key")
    shown = world.ask("GET", f"/api/deliveries/{first}", "root-key").json
    assert again.status_code == 200, again.text
    assert again.json["headers"] == shown["headers"]
    assert shown["headers"]["ce-note"] == "x" * padding + "%C3%9F"
    assert again.json["type"] == shown["type"] == "order.paid"


def test_credential_in_an_attribute(world: World) -> None:
    """What looks like a credential is not kept, so that the event can't be read again, and the replay says so."""
    sent = {"ce_specversion": "1.0", "ce_source": "s", "ce_type": "order.paid", "ce_authid": "ann"}
    kept = world.push(b"{}", PLACE, **bearer(), **sent, ce_id="1").json["delivery"]
    secret = world.push(b"{}", PLACE, **bearer(), **sent, ce_id="2", ce_usertoken="hush").json["delivery"]
    headers = {row.id: row.headers for row in world.rows(deliveries)}
    assert headers[kept]["ce-authid"] == "ann"
    assert headers[secret]["ce-usertoken"] == NOT_KEPT
    assert world.ask("POST", f"/api/deliveries/{kept}/replay", "root-key").status_code == 200
    refused = world.ask("POST", f"/api/deliveries/{secret}/replay", "root-key")
    assert refused.status_code == 409
    assert "looked like a credential" in refused.json["detail"]


def test_refused_headers_are_cut(world: World) -> None:
    """Of what proves nothing little is kept, attributes of an event too."""
    answer = world.push(b"{}", PLACE, ce_specversion="1.0", ce_note="x" * 5_000)
    (row,) = world.rows(deliveries)
    assert answer.status_code == 401
    assert max(map(len, row.headers.values())) <= 500


def test_rule_sees_base64(sqlite_url: str) -> None:
    """An order in base64 makes the job that the order itself makes, when it comes and when it is replayed."""
    found = World(sqlite_url, tenant(RULE))
    order = {"channel": "b2b", "no": "7", "lines": [{"sku": "KIT-1", "qty": 2}]}
    body = orjson.dumps(attributes(datacontenttype="application/json", data_base64=base64.b64encode(orjson.dumps(order)).decode()))
    answer = found.push(body, "/triggers/acme/webshop", content_type="application/cloudevents+json", **signed(body))
    again = found.ask("POST", f"/api/deliveries/{answer.json['delivery']}/replay", "root-key")
    made = [job.id for job in found.rows(jobs)]
    assert answer.status_code == 202, answer.text
    assert len(made) == 1
    assert again.json["jobs"] == made
    found.database.close()
