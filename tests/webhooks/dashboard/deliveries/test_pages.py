"""The page of deliveries: everything that arrived, and what was refused, with its reason in plain words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import update

from tests.webhooks.world import body, operation
from worker.jobs.tables import deliveries

if TYPE_CHECKING:
    from tests.webhooks.world import World

TAG = "<script>alert(1)</script>"


def newest(world: World, **wanted: str) -> str:
    """The newest delivery that fits; its id."""
    query = "&".join(f"{name}={value}" for name, value in {**wanted, "limit": "1"}.items())
    found = world.ask("GET", f"/api/deliveries?{query}", "root-key").json["items"]
    return str(found[0]["id"])


def test_lists_with_reasons(small_world: World) -> None:
    """An orphan, a duplicate and a refused one, each with what it means in a few words."""
    told = body(id=operation())
    small_world.notify(told)
    small_world.notify(told)
    small_world.notify(told, key="wrong")
    text = small_world.log_in("view-key").get("/deliveries").text
    for said in ("No job is known for it yet", "It came before", "Wrong, missing or stale signature"):
        assert said in text
    assert "Test delivery" not in text


def test_refusing_rules_stand_out(small_world: World) -> None:
    """An accepted delivery of which a rule refused something does not look as if all were well."""
    small_world.notify(body(id=operation()))
    client = small_world.log_in()
    assert "A rule refused" not in client.get("/deliveries").text
    outcome = {"rule": "rules[0]", "item": 0, "state": "refused", "reason": "rules[0].with.quantity: is required"}
    with small_world.database.write() as connection:
        connection.execute(update(deliveries).values(state="accepted", reason="rules refused 1 of 1", outcomes=[outcome]))
    assert "A rule refused" in client.get("/deliveries").text


def test_tenants_stay_apart(small_world: World) -> None:
    """A key sees deliveries of its tenants, and is offered no others."""
    small_world.notify(body(id=operation()), key="wrong")
    found = newest(small_world)
    client = small_world.log_in("other-key")
    assert found not in client.get("/deliveries").text
    assert "acme" not in client.get("/deliveries").text
    for path in ("", "/body"):
        assert client.get(f"/deliveries/{found}{path}").status_code == 404
    assert client.get("/deliveries?tenant=acme").status_code == 422


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("since=yesterday", "must be a time with its offset"),
        ("state=lost", "must be of accepted"),
        ("cursor=x", "is no cursor of ours"),
        ("colour=red", "is not known here"),
    ],
)
def test_faults_are_said(small_world: World, query: str, said: str) -> None:
    """A wrong value breaks no page: it is said, and what was given stays."""
    shown = small_world.log_in().get(f"/deliveries?type=order.paid&{query}", follow_redirects=True)
    assert shown.status_code == 422
    assert said in shown.text
    assert 'value="order.paid"' in shown.text


def test_outside_is_escaped(small_world: World) -> None:
    """Bodies and headers of others are text."""
    small_world.notify(body(id=TAG), key="wrong", x_agent=TAG, x_vwd_event_id=TAG)
    client = small_world.log_in()
    for path in ("/deliveries", f"/deliveries/{newest(small_world)}"):
        text = client.get(path).text
        assert "<script>alert" not in text
        assert "&lt;script" in text


def test_states_by_themselves(small_world: World) -> None:
    """The address chooses the states; the refused and the duplicates are found among many accepted."""
    told = body(id=operation())
    small_world.notify(told)
    small_world.notify(told, key="wrong")
    client = small_world.log_in()
    refused, orphan = newest(small_world, state="refused"), newest(small_world, state="orphan")
    text = client.get("/deliveries?state=refused").text
    assert refused in text
    assert orphan not in text
    assert client.get("/deliveries?state=refused&state=orphan").location == "/deliveries?state=refused%2Corphan"


def test_refused_says_what_to_do(small_world: World) -> None:
    """A wrong signature names the setting to look at; its page shows no secret and keeps the beginning of the body."""
    small_world.notify(body(id="x" * 9_000), key="wrong", x_agent="shop")
    text = small_world.log_in("view-key").get(f"/deliveries/{newest(small_world)}").text
    assert "webhook_keys" in text
    assert "of which only the beginning was kept" in text
    assert "shop" in text
    assert "x-vwd-signature" not in text
    assert "Replay" not in text


def test_odd_body_as_it_came(small_world: World) -> None:
    """A body that is no JSON is shown as it came: nothing in it is moved, since the reason names a place in it."""
    small_world.notify(b'{not json, {"a":1}', key="wrong")
    assert "{not json, {&#34;a&#34;:1}</pre>" in small_world.log_in().get(f"/deliveries/{newest(small_world)}").text


def test_range_names_what_it_needs(small_world: World) -> None:
    """A preview without a source or a time says at each field that it is needed; the page by itself says nothing."""
    client = small_world.log_in()
    assert client.get("/deliveries/replay?tenant=acme&preview=1").text.count("is needed") == 3
    assert "is needed" not in client.get("/deliveries/replay").text


def test_duplicate_leads_to_first(small_world: World) -> None:
    """A duplicate's page has a link to the one that counts."""
    told = body(id=operation())
    small_world.notify(told)
    first = newest(small_world)
    small_world.notify(told)
    text = small_world.log_in().get(f"/deliveries/{newest(small_world, state='duplicate')}").text
    assert f"/deliveries/{first}" in text
