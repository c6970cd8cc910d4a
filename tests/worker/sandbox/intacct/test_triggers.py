"""Platform triggers: what they say, how they are signed, when they are sent again."""

from __future__ import annotations

import hmac
import json
from base64 import b64decode, urlsafe_b64decode
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import pytest

from tests.worker.sandbox.harness import until
from tests.worker.sandbox.intacct.harness import COMPONENT, COMPONENTS, ITEM

if TYPE_CHECKING:
    from tests.worker.sandbox.harness import Receiver
    from tests.worker.sandbox.intacct.harness import Books


@pytest.fixture
def receiver(books: Books, module_receiver: Receiver) -> Receiver:
    """Where the triggers of `demo` go, empty."""
    module_receiver.clear()
    books.change(companies={"demo": {"intacct_webhook_url": module_receiver.url}}, intacct_retry_scale=0.0001)
    return module_receiver


def part(text: str) -> bytes:
    """A part of a token."""
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def claims(token: str, secret: str) -> dict[str, Any]:
    """The claims of a token that this secret signed."""
    head, body, signature = token.split(".")
    assert json.loads(part(head)) == {"alg": "HS256", "typ": "JWT"}
    assert hmac.compare_digest(part(signature), hmac.digest(secret.encode(), f"{head}.{body}".encode(), "sha256"))
    return dict(json.loads(part(body)))


def test_announced(books: Books, receiver: Receiver) -> None:
    """A person's save is told if so wished: the kit's id and key, object and event."""
    books.put("K", [{"component": "A", "quantity": "1"}], announce=True)
    (told,) = receiver.wait()
    assert told.content == {"kit": {"id": "K", "key": books.keys("K")["K"]}, "object": ITEM, "event": "after_update"}
    context = json.loads(b64decode(told.headers["x-clientcontext"]))
    assert (context["COMPANY"], context["USER"], context["OBJECTNAME"], context["EVENT"]) == ("demo", "ANNA", "ITEM", "after_update")
    books.put("K", [])
    assert books.counts()["notifications"]["due"] == 1


def test_signed(books: Books, receiver: Receiver) -> None:
    """The JWT is signed with the client's secret, over the hash of the body; its times are milliseconds, an hour apart."""
    books.put("K", announce=True)
    (told,) = receiver.wait()
    found = claims(told.headers["x-ia-sage-signature"], "demo-secret")
    assert (found["iss"], found["payload_signature"]) == ("Sage Intacct", sha256(told.body).hexdigest())
    assert found["exp"] - found["iat"] == 3_600_000


def test_other_forms(books: Books, receiver: Receiver) -> None:
    """By settings: JSON around the token, times in seconds or mixed, another key."""
    books.change(intacct_signature="json", intacct_jwt_times="mixed", companies={"demo": {"intacct_webhook_key": "other"}})
    books.put("K", announce=True)
    (told,) = receiver.wait()
    found = claims(json.loads(b64decode(told.headers["x-ia-sage-signature"]))["jwtData"], "other")
    assert found["iat"] // 1000 == found["exp"] - 3600


def test_calls_tell(books: Books, receiver: Receiver) -> None:
    """Calls that write tell, one for each record, with the user of the token; by a setting they do not."""
    books.put("K", [{"component": "A", "quantity": "1"}])
    key = books.made("K", "A")
    books.http.patch(f"{COMPONENTS}/{key}", json={"numberOfUnits": 2})
    books.http.delete(f"{COMPONENTS}/{key}")
    told = receiver.wait(3)
    assert {one.content["event"] for one in told} == {"after_create", "after_update", "after_delete"}
    assert {(one.content["kit"]["id"], one.content["object"]) for one in told} == {("K", COMPONENT)}
    contexts = [json.loads(b64decode(one.headers["x-clientcontext"])) for one in told]
    assert {(context["USER"], context["ID"]) for context in contexts} == {("relay", key)}
    books.change(intacct_tell_api=False)
    books.made("K", "A")
    assert books.counts()["notifications"]["due"] == 3


def test_template(books: Books, receiver: Receiver) -> None:
    """The body is what the template says, with values as JSON has them."""
    books.change(intacct_template='{"ID":"{!kit.id!}","by":"{!user!}"}')
    books.put('K "9"', announce=True)
    (told,) = receiver.wait()
    assert told.content == {"ID": 'K "9"', "by": "ANNA"}


@pytest.mark.parametrize(
    ("statuses", "attempts", "outcome"),
    [
        ([503, 429, 500], 4, "accepted"),
        ([502, 504, 408, 503], 4, "given_up"),
        ([401], 1, "given_up"),
        ([202], 1, "given_up"),
    ],
)
def test_attempts(books: Books, receiver: Receiver, statuses: list[int], attempts: int, outcome: str) -> None:
    """Four attempts in all after certain statuses, under one idempotency key; only 200 is success."""
    receiver.statuses.extend(statuses)
    books.put("K", announce=True)
    until(lambda: books.counts()["notifications"][outcome] == 1)
    told = receiver.wait(attempts)
    assert (len(told), len({one.headers["idempotency-key"] for one in told})) == (attempts, 1)


def test_nobody_there(books: Books) -> None:
    """Without an address nothing is sent; an address where nobody is gets four attempts."""
    books.put("K", announce=True)
    assert books.counts()["notifications"]["without_address"] == 1
    books.change(companies={"demo": {"intacct_webhook_url": "http://127.0.0.1:1/"}}, intacct_retry_scale=0.0001)
    books.put("K", announce=True)
    until(lambda: books.counts()["notifications"]["given_up"] == 1)
    assert books.counts()["notifications"]["retried"] == 3
