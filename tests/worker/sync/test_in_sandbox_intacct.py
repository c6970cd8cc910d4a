"""What is Intacct's own: numbers that push others, throttling, tokens, stored answers, batches that end in part, nested errors."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from tests.worker.sync.relay import failed_as, succeeded, tenant_of
from worker.clients.base import ClientPool
from worker.clients.intacct.client import IntacctClient
from worker.clients.intacct.reading import items
from worker.clients.intacct.tokens import IntacctTokens
from worker.errors import RateLimited, Unclear
from worker.settings import Sync

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.worker.sync.conftest import Begin
    from tests.worker.sync.relay import Owner

PATH = "/kit-component"


def numbers(owner: Owner, code: str) -> list[tuple[str, int]]:
    """Components and their line numbers, in order."""
    return [(line["component"], line["number"]) for line in owner.kit("intacct", code)["lines"]]


def activate(owner: Owner, code: str) -> None:
    """A person makes an item active again."""
    owner.put("intacct", "STORE", [{"component": code, "quantity": "1", "status": "active"}])


@contextmanager
def client_of(owner: Owner) -> Iterator[IntacctClient]:
    """Our client, by itself."""
    settings = tenant_of(owner.url, sync=Sync()).intacct
    assert settings is not None
    with ClientPool() as pool:
        yield IntacctClient(settings, pool, IntacctTokens(pool).auth(settings))


def test_taken_number(begin: Begin, owner: Owner) -> None:
    """A component made at a number that is taken pushes the others back; they stay as they are otherwise."""
    owner.put("intacct", "STORE", [("FELT", 1)])
    owner.put("intacct", "CHAIR", [("LEG", 4), ("SEAT", 1)])
    relay = begin()

    succeeded(relay.do("create_kit_component", kit="CHAIR", component="FELT", number_of_units=4, line_number=1))

    assert [code for code, _ in numbers(owner, "CHAIR")] == ["FELT", "LEG", "SEAT"]
    assert owner.effects("intacct") == (1, 0, 0)


def test_order_is_kept(begin: Begin, owner: Owner) -> None:
    """A new first line pushes its siblings: their order is right after, and a second sync finds nothing to do."""
    owner.put("visma", "CHAIR", [("FELT", 4), ("LEG", 4), ("SEAT", 1)])
    owner.put("intacct", "STORE", [("FELT", 1)])
    owner.put("intacct", "CHAIR", [("LEG", 4), ("SEAT", 1)])
    relay = begin("visma", "intacct", order=True)

    first = succeeded(relay.sync("CHAIR"))
    second = succeeded(relay.sync("CHAIR"))

    assert owner.lines("intacct", "CHAIR") == [("FELT", "4"), ("LEG", "4"), ("SEAT", "1")]
    assert (first.result["wrote"], second.result["wrote"]) == (True, False)
    assert owner.effects("intacct")[0] == 1


def test_order_is_put_right(begin: Begin, owner: Owner) -> None:
    """Lines in the reverse order, with one to make, one to change and one to delete, come into the source's order."""
    owner.put("visma", "CHAIR", [("D", 4), ("C", 3), ("NEW", 9), ("B", 7)])
    owner.put("intacct", "STORE", [("NEW", 1)])
    owner.put("intacct", "CHAIR", [("A", 1), ("B", 2), ("C", 3), ("D", 4)])
    relay = begin("visma", "intacct", order=True)

    succeeded(relay.sync("CHAIR"))

    assert owner.lines("intacct", "CHAIR") == [("D", "4"), ("C", "3"), ("NEW", "9"), ("B", "7")]
    assert not succeeded(relay.sync("CHAIR")).result["wrote"]


def test_own_fields_stay(begin: Begin, owner: Owner) -> None:
    """What only Intacct knows of a line outlives a change of its quantity."""
    owner.put("visma", "CHAIR", [("LEG", 5)])
    line = {"component": "LEG", "quantity": "4", "percentage": "100", "delivery": "delivered", "deferral": "deferUntilItemIsDelivered"}
    owner.put("intacct", "CHAIR", [line])
    relay = begin("visma", "intacct")

    succeeded(relay.sync("CHAIR"))

    (shown,) = owner.kit("intacct", "CHAIR")["lines"]
    assert {name: shown[name] for name in line} == line | {"quantity": "5"}


def test_retry_headers(owner: Owner) -> None:
    """Every spelling of how long to wait is understood; where none is given, none is made up."""
    owner.put("intacct", "CHAIR", [("LEG", 4)])
    owner.change(intacct_retry_after=20)
    with client_of(owner) as client:
        client.probe()
        owner.fault("intacct-429")
        waits = []
        for _ in range(7):
            with pytest.raises(RateLimited) as refused:
                client.probe()
            waits.append(refused.value.retry_after)

    assert waits.count(None) == 1
    assert all(0 < wait <= 21 for wait in waits if wait is not None)


def test_throttled(begin: Begin, owner: Owner) -> None:
    """A sync that is refused for too many calls waits as long as it is told, at no cost to its attempts, and then goes on."""
    owner.put("visma", "CHAIR", [("LEG", 5)])
    owner.put("intacct", "CHAIR", [("LEG", 4)])
    owner.fault("intacct-429")
    relay = begin("visma", "intacct")
    made = relay.make("sync_kit_lines", kit="CHAIR")
    relay.wait(lambda: owner.hits("intacct-429"))
    owner.fault()

    relay.settle()

    job = succeeded(relay.job(made))
    assert job.attempt == 0
    assert owner.effects("intacct") == (0, 1, 0)


@pytest.mark.parametrize("fault", ["intacct-token-400", "intacct-token-killed"])
def test_token_dies(begin: Begin, owner: Owner, fault: str) -> None:
    """A token that somebody else's sign-in killed is renewed, whether a 401 or a 400's text tells; the work is done once."""
    owner.put("visma", "CHAIR", [("LEG", 5), ("SEAT", 1)])
    owner.put("intacct", "STORE", [("SEAT", 1)])
    owner.put("intacct", "CHAIR", [("LEG", 4)])
    relay = begin("visma", "intacct")
    succeeded(relay.sync("CHAIR", dry_run=True))  # so that there is a token to die
    owner.fault(fault)
    made = relay.make("sync_kit_lines", kit="CHAIR")
    relay.wait(lambda: owner.hits(fault))
    owner.fault()

    relay.settle()

    assert succeeded(relay.job(made)).result["wrote"]
    assert owner.effects("intacct") == (1, 1, 0)
    assert owner.counts("intacct")["token_calls"] >= 2


def test_second_sign_in(begin: Begin, owner: Owner) -> None:
    """Somebody else signs in as our user, which kills our token (REST-2102 and its like): it is renewed, and the work is done once."""
    owner.put("visma", "CHAIR", [("LEG", 5)])
    owner.put("intacct", "CHAIR", [("LEG", 4)])
    relay = begin("visma", "intacct")
    succeeded(relay.sync("CHAIR", dry_run=True))
    form = {"grant_type": "client_credentials", "client_id": "acme-client", "client_secret": "acme-secret", "username": "kitrelay@acme"}
    assert owner.http.post(f"{owner.url}/ia/api/v1/oauth2/token", data=form).is_success

    job = succeeded(relay.sync("CHAIR"))

    assert owner.counts("intacct")["tokens_killed"] == 2  # theirs killed ours, and ours theirs: once each, and no more
    assert job.attempt == 0
    assert owner.effects("intacct") == (0, 1, 0)


def test_taken_key(owner: Owner) -> None:
    """A key that was used for another body is a 409: whether it ran is unclear, so that a look comes first. Nothing is made."""
    owner.put("intacct", "CHAIR", [("LEG", 4)])
    owner.put("intacct", "STORE", [("SEAT", 1), ("FELT", 1)])
    kit = owner.kit("intacct", "CHAIR")["id"]
    with client_of(owner) as client:
        client.create_kit_component({"kit": kit, "component": _key(client, "SEAT"), "number_of_units": 1}, "one-key")
        with pytest.raises(Unclear) as refused:
            client.create_kit_component({"kit": kit, "component": _key(client, "FELT"), "number_of_units": 1}, "one-key")

    assert (refused.value.status, refused.value.error_class) == (409, "conflict")
    assert owner.lines("intacct", "CHAIR") == [("LEG", "4"), ("SEAT", "1")]


def test_key_taken_by_another(begin: Begin, owner: Owner, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job whose key is refused with a 409 looks, sees that nothing was made, and sends it again under another key."""
    keys = iter(["one-key", "one-key", "another-key"])
    monkeypatch.setattr("worker.lines.intacct.idempotency_key", lambda *_: next(keys))
    owner.put("intacct", "STORE", [("SEAT", 1), ("FELT", 1)])
    owner.put("intacct", "CHAIR", [("LEG", 4)])
    relay = begin()
    succeeded(relay.do("create_kit_component", kit="CHAIR", component="SEAT", number_of_units=1))

    job = succeeded(relay.do("create_kit_component", kit="CHAIR", component="FELT", number_of_units=2))

    assert [call.status for call in relay.calls(job, "POST", PATH)] == [409, 201]
    assert owner.lines("intacct", "CHAIR") == [("LEG", "4"), ("SEAT", "1"), ("FELT", "2")]
    assert owner.effects("intacct") == (2, 0, 0)


def test_stored_failure(begin: Begin, owner: Owner) -> None:
    """Intacct repeats a stored failure under one key, whatever was put right since: a replay has a new key, and is done."""
    owner.put("intacct", "CHAIR", [{"component": "LEG", "quantity": "4", "status": "inactive"}])
    relay = begin()
    job = relay.do("update_kit_component", kit="CHAIR", component="LEG", number_of_units=5)
    assert "LEG is inactive" in failed_as(job, "validation")
    activate(owner, "LEG")

    succeeded(relay.replay(job.id))

    assert owner.lines("intacct", "CHAIR") == [("LEG", "5")]
    assert owner.counts("intacct")["replays"] == 0


def test_stored_failure_of_a_sync(begin: Begin, owner: Owner) -> None:
    """The same for a sync: what was refused is put right, and a replay is no repetition of the stored answer."""
    owner.put("visma", "CHAIR", [("LEG", 5)])
    owner.put("intacct", "CHAIR", [{"component": "LEG", "quantity": "4", "status": "inactive"}])
    relay = begin("visma", "intacct")
    job = relay.sync("CHAIR")
    assert "LEG is inactive" in failed_as(job, "validation")
    activate(owner, "LEG")

    succeeded(relay.replay(job.id))

    assert owner.lines("intacct", "CHAIR") == [("LEG", "5")]
    assert owner.counts("intacct")["replays"] == 0


def test_batch_ends_in_part(begin: Begin, owner: Owner) -> None:
    """Of several changes in one call one is refused (207): the good ones count, the job says why, and a replay does the rest."""
    owner.put("visma", "CHAIR", [("LEG", 5), ("SEAT", 2), ("FELT", 6)])
    owner.put("intacct", "CHAIR", [("LEG", 4), {"component": "SEAT", "quantity": "1", "status": "inactive"}, ("FELT", 4)])
    relay = begin("visma", "intacct")

    job = relay.sync("CHAIR")

    assert "SEAT is inactive" in failed_as(job, "validation")
    assert [call.status for call in relay.calls(job, "PATCH", PATH)] == [207]
    assert job.result["targets"]["intacct"]["applied"] == ["update LEG to 5", "update FELT to 6"]
    assert owner.lines("intacct", "CHAIR") == [("LEG", "5"), ("SEAT", "1"), ("FELT", "6")]
    activate(owner, "SEAT")
    succeeded(relay.replay(job.id))
    assert owner.lines("intacct", "CHAIR") == [("LEG", "5"), ("SEAT", "2"), ("FELT", "6")]
    assert owner.effects("intacct") == (0, 3, 0)


def test_nested_errors(begin: Begin, owner: Owner) -> None:
    """In whichever of the four ways an error is wrapped, the job shows Intacct's own words and their class."""
    owner.put("intacct", "CHAIR", [{"component": "LEG", "quantity": "4", "status": "inactive"}])
    relay = begin()
    seen = set()

    for seed in range(40):
        job = relay.do("update_kit_component", kit="CHAIR", component="LEG", number_of_units=5)
        assert "LEG is inactive" in failed_as(job, "validation")
        (call,) = relay.calls(job, "PATCH", PATH)
        seen.add(_nesting(json.loads(call.response)))
        if len(seen) == 4:
            break
        owner.change(seed=seed)
        owner.fault("intacct-nesting")

    assert seen == {"top", "result", "element", "error"}
    assert owner.effects("intacct") == (0, 0, 0)


def test_ignored_field(begin: Begin, owner: Owner) -> None:
    """A write that is answered well and whose field is not written is no success: the kit is read again, and the field written again."""
    owner.put("visma", "CHAIR", [("LEG", 5)])
    owner.put("intacct", "CHAIR", [("LEG", 4)])
    owner.fault("intacct-ignored")
    relay = begin("visma", "intacct")

    job = relay.sync("CHAIR")

    assert "differs still" in failed_as(job, "conflict")
    assert owner.lines("intacct", "CHAIR") == [("LEG", "4")]


def _key(client: IntacctClient, code: str) -> str | None:
    (item,) = items(client, [code])
    return item.key


def _nesting(answer: dict[str, Any]) -> str:
    """How an error lies in an answer."""
    result = answer.get("ia::result")
    if result is not None:
        return "element" if isinstance(result, list) else "result"
    return "top" if "ia::error" in answer else "error"
