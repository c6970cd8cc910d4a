"""Test deliveries and replays from the pages: seen first, then done, by who may."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.webhooks.dashboard.deliveries.test_pages import newest
from tests.webhooks.shop import PLAIN, SECRET, event, send, tenant
from tests.webhooks.world import World, body, operation
from worker.jobs.tables import deliveries, jobs

if TYPE_CHECKING:
    from collections.abc import Iterator

TEST = "/deliveries/test"
REPLAY = "/deliveries/replay"


@pytest.fixture
def shop(sqlite_url: str) -> Iterator[World]:
    """A tenant with every kind of sender."""
    world = World(sqlite_url, tenant())
    yield world
    world.database.close()


def fields(**changes: str) -> dict[str, str]:
    """What the form sends."""
    return {"tenant": "acme", "source": "webshop", "body": event().decode(), "id": "t-1", **changes}


def test_only_operators(shop: World) -> None:
    """Who may only look is offered none of it, and can do none of it; another tenant's is not there."""
    send(shop, event())
    found = newest(shop)
    viewer, other = shop.log_in("view-key"), shop.log_in("other-key")
    assert viewer.get(TEST).status_code == viewer.get(REPLAY).status_code == 403
    assert viewer.get(f"/deliveries/{found}/replay").status_code == 403
    assert shop.press(viewer, TEST, do="send", **fields()).status_code == 403
    assert shop.press(viewer, f"/deliveries/{found}/replay").status_code == 403
    assert shop.press(other, TEST, do="send", **fields()).status_code == 404
    assert shop.press(other, TEST, do="foresee", **fields()).status_code == 404
    assert other.get(f"/deliveries/{found}/replay").status_code == 404
    assert shop.press(other, f"/deliveries/{found}/replay").status_code == 404
    assert shop.press(other, REPLAY, tenant="acme", source="webshop").status_code in (404, 422)
    assert "acme" not in other.get(f"{TEST}?tenant=acme&example=newest").text
    assert len(shop.rows(deliveries)) == 1


def test_offers_examples(shop: World) -> None:
    """A source's form begins with an event that its rule takes, or with what came last."""
    client = shop.log_in()
    shown = client.get(f"{TEST}?source=webshop&example=0").text
    assert "&#34;channel&#34;: &#34;b2b&#34;" in shown
    assert "&#34;sku&#34;: &#34;KIT-1&#34;" in shown
    assert "Nothing of this source was accepted" in client.get(f"{TEST}?source=webshop&example=newest").text
    send(shop, event("order.new"))
    assert "order.new" in client.get(f"{TEST}?source=webshop&example=newest").text
    for source in ("visma", "itempath", "intacct", "paper", "nobody"):
        assert client.get(f"{TEST}?source={source}").status_code == 200


def test_shows_what_would_happen(shop: World) -> None:
    """Each rule tells what it would make; nothing is stored, and nothing typed is lost."""
    text = shop.press(shop.log_in(), TEST, do="foresee", **fields()).text
    assert "2 jobs would be made" in text
    assert "A1/KIT-1" in text
    assert 'value="t-1"' in text
    assert not shop.rows(deliveries)


def test_sends_and_goes_there(shop: World) -> None:
    """Sent, it is a delivery that says who made it; its page shows no secret, and what was made already is told as that."""
    client = shop.log_in()
    moved = shop.press(client, TEST, do="send", **fields())
    assert moved.status_code == 303
    text = client.get(moved.location).text
    assert "A test by ops" in text
    assert SECRET not in text
    assert PLAIN not in text
    assert len(shop.rows(jobs)) == 2
    assert "duplicate of" in shop.press(client, TEST, do="foresee", **fields()).text
    assert "2 are there already" in shop.press(client, TEST, do="foresee", **fields(id="t-2")).text
    again = shop.press(client, TEST, do="send", **fields())
    assert "It came before" in client.get(again.location).text
    assert len(shop.rows(jobs)) == 2


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"body": "{"}, "not JSON"),
        ({"body": ""}, "is empty"),
        ({"body": "[]"}, "an event is an object"),
        ({"source": "nobody"}, "could prove"),
        ({"id": "a b"}, "visible ASCII"),
    ],
)
@pytest.mark.parametrize("do", ["foresee", "send"])
def test_faults_are_said(shop: World, changes: dict[str, str], said: str, do: str) -> None:
    """What can't be taken is said beside what was typed."""
    given = fields(**changes)
    answer = shop.press(shop.log_in(), TEST, do=do, **given)
    assert answer.status_code == 422
    assert said in answer.text
    assert not shop.rows(jobs)


def test_typed_is_escaped(shop: World) -> None:
    """What was typed is text."""
    tag = "</textarea><script>alert(1)</script>"
    text = shop.press(shop.log_in(), TEST, do="foresee", **fields(body=tag, id=tag, source=tag)).text
    assert "<script>alert" not in text


def test_replay_is_seen_first(shop: World) -> None:
    """A replay tells what it would do; done, it is a new delivery that names the first, which names it."""
    send(shop, event())
    found = newest(shop)
    client = shop.log_in()
    assert "2 are there already" in client.get(f"/deliveries/{found}/replay").text
    moved = shop.press(client, f"/deliveries/{found}/replay")
    assert moved.location != f"/deliveries/{found}"
    assert f"/deliveries/{found}" in client.get(moved.location).text
    assert moved.location in client.get(f"/deliveries/{found}").text
    assert len(shop.rows(jobs)) == 2


def test_refused_is_not_replayed(shop: World) -> None:
    """What proved nothing can't be replayed, and its page says so."""
    shop.notify(body(id=operation()), key="wrong")
    found = newest(shop)
    client = shop.log_in()
    assert "it proved nothing" in client.get(f"/deliveries/{found}/replay").text
    assert shop.press(client, f"/deliveries/{found}/replay").location == f"/deliveries/{found}"
    assert len(shop.rows(deliveries)) == 1


def test_range_is_counted_first(shop: World) -> None:
    """A stretch of time is counted, with what is left out, and then replayed once."""
    for number in range(3):
        send(shop, event(no=f"N{number}"), f"msg_{number}")
    send(shop, event(), "msg_0")
    client = shop.log_in()
    query = {"tenant": "acme", "since": "2026-03-04T11:00:00Z", "until": "2026-03-04T13:00:00Z", "source": "webshop"}
    shown = client.get(REPLAY, query_string=query).text
    assert "3 would be replayed" in shown
    assert "1 left out" in shown
    moved = shop.press(client, REPLAY, **query)
    assert moved.status_code == 303
    assert client.get(moved.location).text.count("replay</a>") == 3
    assert len(shop.rows(deliveries)) == 7


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"since": "yesterday"}, "must be a time"),
        ({"until": "2026-03-04T10:00:00Z"}, "must be later than since"),
        ({"tenant": "globex"}, "there is no such tenant"),
    ],
)
def test_range_faults_are_said(shop: World, changes: dict[str, str], said: str) -> None:
    """What can't be asked for is said beside its field."""
    query = {"tenant": "acme", "since": "2026-03-04T11:00:00Z", "until": "2026-03-04T13:00:00Z", "source": "webshop", **changes}
    answer = shop.log_in().get(REPLAY, query_string=query)
    assert answer.status_code == 422
    assert said in answer.text
