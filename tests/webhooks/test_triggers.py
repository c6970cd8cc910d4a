"""Inbound triggers: proven, stored with what rules made of them, and never done twice."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from cloudevents.core.bindings.http import to_binary_event, to_structured_event
from cloudevents.core.v1.event import CloudEvent
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.webhooks.shop import ORDER, PLAIN, RULE, SECRET, SOURCES, bearer, event, hashed, send, signed, tenant
from tests.webhooks.world import PUSH_SECRET, World
from worker.errors import LedgerUnavailable
from worker.jobs.model import Lane
from worker.jobs.tables import deliveries, delivery_jobs, jobs
from worker.settings import Rule, Secret, Source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.webhooks.world import Reply

SHOP = "/triggers/acme/webshop"
VISMA = Lane("acme", "visma")


@pytest.fixture
def shop(ledger_url: str) -> Iterator[World]:
    """On each database, with a shop."""
    world = World(ledger_url, tenant())
    yield world
    world.database.close()


@pytest.fixture
def small_shop(sqlite_url: str) -> Iterator[World]:
    """The same on SQLite."""
    world = World(sqlite_url, tenant())
    yield world
    world.database.close()


@contextmanager
def shop_with(url: str, *rules: Rule, **changes: Any) -> Iterator[World]:
    """A shop with other rules."""
    world = World(url, tenant(*rules, **changes))
    yield world
    world.database.close()


def only(world: World, table: Any) -> Any:
    """The only row."""
    (row,) = world.rows(table)
    return row


def test_order_makes_jobs(shop: World) -> None:
    """An order becomes a job for each kit, stored with it and linked to it; the lane is rung; the answer is 202."""
    answer = send(shop, event())

    row = only(shop, deliveries)
    assert (answer.status_code, answer.json) == (202, {"delivery": row.id, "duplicate": False})
    assert (row.tenant, row.source, row.type, row.state, row.reason) == ("acme", "webshop", "order.paid", "accepted", None)
    made = {job.reference: job for job in shop.rows(jobs)}
    assert {(job.kind, job.unique_key, job.made_by) for job in made.values()} == {
        ("create_kit_assembly", "A1/KIT-1", "a delivery"),
        ("create_kit_assembly", "A1/KIT-2", "a delivery"),
    }
    assert made["KIT-2"].arguments["quantity"] == 0.5
    assert [(each["state"], each["item"], each["job"]) for each in row.outcomes] == [
        ("made", 0, made["KIT-1"].id),
        ("made", 1, made["KIT-2"].id),
    ]
    assert {each.job for each in shop.rows(delivery_jobs)} == {job.id for job in made.values()}
    assert shop.bell.rung == [VISMA]


def test_again_does_nothing(shop: World) -> None:
    """The same event again, within seven days, is answered as the first was and makes nothing; afterwards its id is free."""
    first = send(shop, event())
    shop.pass_time(days=6.9)
    again = send(shop, event())

    assert (again.status_code, again.json) == (202, {"delivery": first.json["delivery"], "duplicate": True})
    assert len(shop.rows(jobs)) == 2
    assert sorted(row.state for row in shop.rows(deliveries)) == ["accepted", "duplicate"]
    shop.pass_time(days=0.2)
    assert send(shop, event()).json["duplicate"] is False


def test_other_event_same_order(shop: World) -> None:
    """Another event about the same order finds its jobs by their unique keys, makes none, and says so."""
    send(shop, event())
    answer = send(shop, event(lines=[*ORDER["lines"], {"sku": "KIT-3", "qty": 1}]), "msg_2")

    assert answer.json["duplicate"] is False
    made = {job.reference: job.id for job in shop.rows(jobs)}
    row = next(each for each in shop.rows(deliveries) if each.id == answer.json["delivery"])
    assert [(each["job"], each["duplicate"]) for each in row.outcomes] == [
        (made["KIT-1"], True),
        (made["KIT-2"], True),
        (made["KIT-3"], False),
    ]
    assert len([each for each in shop.rows(delivery_jobs) if each.delivery == row.id]) == 3


def test_refused_line_is_told(shop: World) -> None:
    """A line that can't become a kit says why, on the delivery; the others do."""
    send(shop, event(lines=[{"sku": "KIT-1", "qty": 0}, {"sku": "KIT-2", "qty": 1}]))

    row = only(shop, deliveries)
    assert (row.state, row.reason) == ("accepted", "rules refused 1 of 2")
    assert row.outcomes[0]["faults"] == [{"path": "rules[0].with.quantity", "message": "must be greater than 0"}]
    assert (row.outcomes[0]["job"], row.outcomes[1]["job"]) == (None, only(shop, jobs).id)


@pytest.mark.parametrize(
    ("body", "reason", "whys"),
    [
        (event(channel="b2c"), "no rule made a job of it", ["when gives false, not true"]),
        (event("stock.low"), "no rule made a job of it", ["it is for order.*"]),
        (event(lines=[]), "no rule made a job of it", ["each gives no elements"]),
    ],
)
def test_nothing_made_is_told(small_shop: World, body: bytes, reason: str, whys: list[str]) -> None:
    """An order that becomes no kit is accepted, and says why."""
    assert send(small_shop, body).status_code == 202

    row = only(small_shop, deliveries)
    assert (row.state, row.reason, [each["why"] for each in row.outcomes]) == ("accepted", reason, whys)
    assert (small_shop.rows(jobs), small_shop.bell.rung) == ([], [])


def test_source_without_rules(sqlite_url: str) -> None:
    """An event that no rule is for is kept, and says so."""
    with shop_with(sqlite_url, replace(RULE, source="warehouse")) as world:
        send(world, event())

        row = only(world, deliveries)
        assert (row.state, row.reason, row.outcomes) == ("accepted", "no rule is for it", [])


@given(st.data())
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_changed_byte_is_refused(small_shop: World, data: st.DataObject) -> None:
    """Any single byte of body, id, time or signature that differs is refused, and makes nothing."""
    body = event()
    headers = signed(body)
    where = data.draw(st.sampled_from(["body", *headers]))
    if where == "body":
        place = data.draw(st.integers(0, len(body) - 1))
        body = body[:place] + bytes([body[place] ^ data.draw(st.integers(1, 255))]) + body[place + 1 :]
    else:
        place = data.draw(st.integers(0, len(headers[where]) - 1))
        char = data.draw(st.characters(min_codepoint=33, max_codepoint=126).filter(lambda each: each != headers[where][place]))
        headers[where] = headers[where][:place] + char + headers[where][place + 1 :]

    assert small_shop.push(body, SHOP, **headers).status_code == 401
    assert small_shop.rows(jobs) == []


def test_unproven_is_one_answer(small_shop: World) -> None:
    """Without proof, with a stale one, with another source's: one answer for all, also for what is no JSON; kept without its proof."""
    body = event()
    forged = [
        small_shop.push(body, SHOP),
        small_shop.push(b"no JSON", SHOP),
        small_shop.push(body, SHOP, **bearer()),
        small_shop.push(body, SHOP, **signed(body, secret="whsec_AAAABBBBCCCCDDDDEEEE")),
        small_shop.push(body, "/triggers/acme/warehouse", **signed(body)),
        small_shop.push(body, "/triggers/acme/paper", authorization="Bearer another"),
    ]
    headers = signed(body)
    small_shop.pass_time(minutes=6)
    forged.append(small_shop.push(body, SHOP, **headers))

    assert {answer.status_code for answer in forged} == {401}
    assert len({answer.data for answer in forged}) == 1
    rows = small_shop.rows(deliveries)
    assert {(row.state, row.type) for row in rows} == {("refused", "unknown")}
    assert not any(secret in str(row.headers) for row in rows for secret in ("v1,", PLAIN, "another"))


def test_refused_uses_no_id(small_shop: World) -> None:
    """An id that came unsigned is still free."""
    small_shop.push(event(), SHOP, webhook_id="msg_1", webhook_timestamp="1", webhook_signature="v1,AAAA")

    assert send(small_shop, event()).json["duplicate"] is False


@pytest.mark.parametrize("name", ["warehouse", "paper", "idless"])
def test_other_schemes(small_shop: World, name: str) -> None:
    """HMAC of a named header and bearer prove an event, too; neither proof is kept."""
    proof = hashed(event()) if name == "warehouse" else bearer()
    answer = small_shop.push(event(), f"/triggers/acme/{name}", **proof)

    assert answer.status_code == 202
    assert len(small_shop.rows(jobs)) == 2
    assert not {"x-proof", "authorization"} & set(only(small_shop, deliveries).headers)


def test_ids_by_settings(small_shop: World) -> None:
    """An id stands in a header, or in the event; where neither is named, nothing is a duplicate; a missing one is told."""
    body = event()
    by_header = [small_shop.push(body, "/triggers/acme/warehouse", x_event_id=name, **hashed(body)) for name in ("e1", "e1", "e2", "")]
    by_content = [small_shop.push(each, "/triggers/acme/paper", **bearer()) for each in (body, event("x"), event(no="B2"), event(no=None))]
    without = [small_shop.push(body, "/triggers/acme/idless", **bearer()) for _ in range(2)]

    assert [each.json["duplicate"] for each in by_header] == [False, True, False, False]
    assert [each.json["duplicate"] for each in by_content] == [False, True, False, False]
    assert [each.json["duplicate"] for each in without] == [False, False]
    told = [row.source for row in small_shop.rows(deliveries) if "it has no id" in str(row.reason)]
    assert told == ["warehouse", "paper"]


def test_keys_of_sources_differ(small_shop: World) -> None:
    """One id from two sources is two events."""
    body = event()
    first = small_shop.push(body, "/triggers/acme/warehouse", x_event_id="msg_1", **hashed(body))

    assert (first.json["duplicate"], send(small_shop, body).json["duplicate"]) == (False, False)


@pytest.mark.parametrize("message", ["m" * 300, "m\xe9", "a b"])
def test_odd_message_id(shop: World, message: str) -> None:
    """A long or odd id makes an event unique as well as any."""
    made = [
        shop.push(event(), "/triggers/acme/warehouse", x_event_id=each, **hashed(event())) for each in (message, message, message + "x")
    ]

    assert [each.json["duplicate"] for each in made] == [False, True, False]


CLOUD = {"id": "e 1", "source": "/shop/\u20ac", "type": "order.paid", "specversion": "1.0", "datacontenttype": "application/json"}


def cloud(world: World, write: Callable[..., Any], attributes: dict[str, Any], name: str = "idless") -> Reply:
    """A CloudEvent as the official library writes it."""
    message = write(CloudEvent(attributes, ORDER))
    body = message.body if isinstance(message.body, bytes) else orjson.dumps(message.body)
    sent = {each.lower().replace("-", "_"): value for each, value in message.headers.items()}
    return world.push(body, f"/triggers/acme/{name}", **bearer(), **sent)


@pytest.mark.parametrize("write", [to_structured_event, to_binary_event])
def test_cloud_events(small_shop: World, write: Callable[..., Any]) -> None:
    """Structured and binary ones are events like any; source and id make them unique, in whichever mode they come."""
    made = cloud(small_shop, write, CLOUD)
    again = [cloud(small_shop, each, CLOUD) for each in (to_structured_event, to_binary_event)]
    other = [cloud(small_shop, write, {**CLOUD, name: "x"}) for name in ("id", "source")]

    assert (made.status_code, made.json["duplicate"]) == (202, False), made.text
    assert [each.json["duplicate"] for each in again] == [True, True]
    assert [each.json["duplicate"] for each in other] == [False, False]
    assert sorted(job.reference for job in small_shop.rows(jobs)) == ["KIT-1", "KIT-2"]
    assert {row.type for row in small_shop.rows(deliveries)} == {"order.paid"}


def test_cloud_event_by_standard_webhooks(small_shop: World) -> None:
    """A signed message has one id, whatever a CloudEvent's headers say: those are not signed."""
    body = orjson.dumps(ORDER)
    attributes = {"ce_specversion": "1.0", "ce_type": "order.paid", "ce_source": "/shop"}
    made = [small_shop.push(body, SHOP, ce_id=name, **attributes, **signed(body)) for name in ("1", "2")]

    assert [each.json["duplicate"] for each in made] == [False, True]


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        ("application/json", b"", 400),
        ("application/json", b"{", 400),
        ("application/json", b"NaN", 400),
        ("application/json", b"[]", 400),
        ("application/json", b'{"data": {}}', 400),
        ("application/json", b'{"type": 7}', 400),
        ("application/json", b'{"type": "\\ud800"}', 400),
        ("application/json", b'{"type": "a", "data": ' + b"[" * 100 + b"]" * 100 + b"}", 400),
        ("application/cloudevents+json", b'{"type": "a"}', 400),
        ("application/cloudevents+json", b'{"type": "a", "id": "1", "source": "s", "specversion": "0.3"}', 400),
        ("application/cloudevents-batch+json", b"[]", 415),
        ("text/xml", b"<a/>", 415),
        ("application/x-www-form-urlencoded", b"a=1", 415),
        ("application/json; charset=latin-1", b'{"type": "a"}', 415),
        ("application/json", b'{"type": "a", "data": "' + b"x" * 1024 * 1024 + b'"}', 413),
        ("application/json", b'{"type": "a"}', 202),
        ("", b'{"type": "a"}', 202),
        ("application/json; charset=utf-8", b'{"type": "a", "data": 1e400, "x": 1}', 400),
    ],
)
def test_bodies(small_shop: World, content_type: str, body: bytes, status: int) -> None:
    """What is no event is refused by its own status, and kept as refused."""
    assert small_shop.push(body, "/triggers/acme/idless", content_type=content_type, **bearer()).status_code == status
    assert only(small_shop, deliveries).state == ("accepted" if status == 202 else "refused")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"ce_id": "1", "ce_source": "s", "ce_type": "a%20b"}, 202),
        ({"ce_id": "1", "ce_source": "s", "ce_type": '"a \\"b\\""'}, 202),
        ({"ce_id": "1", "ce_source": "s", "ce_type": "%FF"}, 400),
        ({"ce_id": "1", "ce_source": "s"}, 400),
        ({"ce_source": "s", "ce_type": "a"}, 400),
        ({"ce_id": "1", "ce_source": "s", "ce_type": "a", "ce_specversion": "2.0"}, 400),
    ],
)
def test_binary_headers(small_shop: World, headers: dict[str, str], status: int) -> None:
    """Attributes are percent-decoded once; without those that are required it is no event."""
    sent = {"ce_specversion": "1.0", **headers}
    assert small_shop.push(b"{}", "/triggers/acme/idless", **bearer(), **sent).status_code == status
    assert status != 202 or only(small_shop, deliveries).type in {"a b", 'a "b"'}


def test_binary_without_data(small_shop: World) -> None:
    """An event without data is one, too."""
    sent = {"ce_specversion": "1.0", "ce_id": "1", "ce_source": "s", "ce_type": "ping"}
    assert small_shop.push(b"", "/triggers/acme/idless", content_type="", **bearer(), **sent).status_code == 202


@pytest.mark.parametrize("path", ["/triggers/nobody/webshop", "/triggers/acme/nobody", "/triggers/globex/webshop", "/triggers/acme/visma"])
def test_unknown_is_not_found(small_shop: World, path: str) -> None:
    """Neither an unknown tenant nor an unknown source is there; nothing is kept."""
    assert small_shop.push(event(), path, **signed(event())).status_code == 404
    assert small_shop.rows(deliveries) == []


def test_rate_is_held(sqlite_url: str) -> None:
    """A source that sends too often is answered 429 with the time to wait; unproven ones do not count, another source is not held up."""
    slow = replace(tenant(), sources={each.name: replace(each, per_minute=3) for each in SOURCES})
    world = World(sqlite_url, slow)
    unproven = [world.push(event(), SHOP).status_code for _ in range(5)]
    answers = [send(world, event(), f"msg_{number}") for number in range(4)]

    assert unproven == [401] * 5
    assert [each.status_code for each in answers] == [202, 202, 202, 429]
    assert answers[3].headers["Retry-After"] == "20"
    assert world.push(event(), "/triggers/acme/idless", **bearer()).status_code == 202
    world.pass_time(seconds=20)
    assert [send(world, event(), f"msg_{number}").status_code for number in (5, 6)] == [202, 429]
    assert sorted(row.state for row in world.rows(deliveries)).count("refused") == 7
    world.database.close()


def test_ledger_away(small_shop: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """What can't be stored is answered 503, and its id stays free."""

    def away() -> Any:
        raise LedgerUnavailable("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(small_shop.database, "write", away)
        answer = send(small_shop, event())
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert send(small_shop, event()).json["duplicate"] is False


def test_erp_events_run_rules(sqlite_url: str) -> None:
    """What an ERP's webhook announces runs the rules of that source, beside what it does anyway."""
    sync = replace(RULE, source="itempath", on="DATA_PUSH", when="", each="data[?starts_with(kitName, 'KIT-')]")
    low = replace(sync, arguments={"item_id": "item.kitName", "quantity": "item.short"}, unique_key="")
    with shop_with(sqlite_url, low, sources={}) as world:
        pushed = orjson.dumps([{"kitName": "KIT-1", "short": 1.5}, {"kitName": "X"}, {"kitName": "KIT-2"}])
        answer = world.push(pushed, "/webhooks/itempath/acme", x_push_key=PUSH_SECRET)

        row = only(world, deliveries)
        assert (answer.status_code, answer.json) == (200, {"delivery": row.id, "duplicate": False})
        assert row.reason == "itempath is not the source of syncs; rules refused 1 of 2"
        assert [(each["state"], each["item"]) for each in row.outcomes] == [("made", 0), ("refused", 1)]
        assert only(world, jobs).arguments["quantity"] == 1.5


def test_visma_events_run_rules(sqlite_url: str) -> None:
    """A notification still finds its job, is still an orphan if there is none, and runs rules."""
    rule = Rule("visma", "BACKGROUND_API_RESPONSE", "release_kit_assembly", {"type": "'P'", "ref_no": "event.data.released"})
    with shop_with(sqlite_url, rule, sources={}) as world:
        answer = world.notify(orjson.dumps({"id": "0d0b1a4a-8f5d-4a86-93c5-0f8a3d4a1111", "released": "000123"}))
        deep = world.notify(b"[" * 200 + b"]" * 200)

        assert (answer.status_code, deep.status_code) == (200, 200)
        first, second = sorted(world.rows(deliveries), key=lambda row: str(row.id))
        assert (first.state, first.outcomes[0]["job"]) == ("orphan", only(world, jobs).id)
        assert second.outcomes[0]["faults"][0]["message"] == "the event can't be read: it is nested deeper than 64"
        assert world.bell.rung == [VISMA]


def test_rules_of_erp_without_any(small_shop: World) -> None:
    """A delivery that no rule was asked about has no outcomes."""
    small_shop.notify(b"{}")

    assert only(small_shop, deliveries).outcomes is None


def test_replay_runs_rules(shop: World) -> None:
    """A delivery told again goes through today's rules, and unique keys hold."""
    first = send(shop, event()).json["delivery"]
    answer = shop.ask("POST", f"/api/deliveries/{first}/replay", "root-key")

    assert answer.status_code == 200, answer.text
    assert (answer.json["replay_of"], answer.json["type"]) == (first, "order.paid")
    assert [(each["state"], each["duplicate"]) for each in answer.json["outcomes"]] == [("made", True)] * 2
    assert len(shop.rows(jobs)) == 2


def test_source_that_is_gone(sqlite_url: str) -> None:
    """A delivery of a source that the settings no longer name can't be told again."""
    with shop_with(sqlite_url) as world:
        first = send(world, event()).json["delivery"]
    with shop_with(sqlite_url, replace(RULE, source="visma"), sources={}) as world:
        assert world.ask("POST", f"/api/deliveries/{first}/replay", "root-key").status_code == 409


def test_secrets_rotate(sqlite_url: str) -> None:
    """While a secret is changed, both prove."""
    source = Source("webshop", "standard-webhooks", (Secret("whsec_b2xkb2xkb2xkb2xk"), Secret(SECRET)))
    with shop_with(sqlite_url, RULE, sources={"webshop": source}) as world:
        made = [world.push(event(), SHOP, **signed(event(), f"m{secret}", secret=secret)) for secret in ("whsec_b2xkb2xkb2xkb2xk", SECRET)]

        assert [each.status_code for each in made] == [202, 202]


def test_no_header_renames_an_event(small_shop: World) -> None:
    """A body that says itself what it is stays that, whatever headers say, which no signature covers."""
    body = orjson.dumps({"type": "order.draft", "data": {}})

    small_shop.push(body, SHOP, ce_specversion="1.0", ce_id="1", ce_source="s", ce_type="order.paid", **signed(body))

    (stored,) = small_shop.rows(deliveries)
    assert stored.type == "order.draft"
