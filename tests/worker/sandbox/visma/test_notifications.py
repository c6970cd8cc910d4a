"""What reaches the webhook when an operation has ended."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from typing import TYPE_CHECKING

from tests.worker.sandbox.harness import BACKGROUND, until

if TYPE_CHECKING:
    from tests.worker.sandbox.harness import Erp, Receiver

KITS = "/v1/kitassembly"


def test_subscription_is_told(erp: Erp, receiver: Receiver) -> None:
    """The notification goes to the subscription, names the operation and carries the headers that the caller asked for."""
    erp.make()
    answer = erp.release(background="subscription:kitrelay-job=0193-7,kitrelay-run=a.b")
    (received,) = receiver.wait()
    operation_id = answer.json()["id"]
    assert received.path == "/hook?company=demo"
    assert (received.headers["kitrelay-job"], received.headers["kitrelay-run"]) == ("0193-7", "a.b")
    assert received.headers["x-vwd-event-id"] == received.content["event"] == "BACKGROUND_API_RESPONSE"
    assert received.headers["x-vwd-tenant-id"] == received.content["tenantId"] == "demo"
    assert (received.content["id"], received.content["statusCode"]) == (operation_id, 200)
    assert received.content["contentLocation"] == f"{erp.url}/v1/background/{operation_id}/content"
    assert abs(int(received.headers["x-vwd-notification-timestamp"]) / 1000 - time.time()) < 10


def test_signature_over_raw_body(erp: Erp, receiver: Receiver) -> None:
    """The signature is base64 of HMAC-SHA256 with the key as a plain string, over the body as it came."""
    erp.make()
    erp.release()
    (received,) = receiver.wait()
    expected = base64.b64encode(hmac.new(b"demo-key", received.body, hashlib.sha256).digest()).decode()
    assert received.headers["x-vwd-signature-v1"] == expected


def test_url_is_told_unsigned(erp: Erp, receiver: Receiver) -> None:
    """A URL in the header gets the notification, without a signature."""
    erp.make()
    erp.release(background=receiver.url.replace("hook", "direct"))
    (received,) = receiver.wait()
    assert received.path == "/direct?company=demo"
    assert not [name for name in received.headers if name.startswith("x-vwd-")]


def test_none_is_silent(erp: Erp, receiver: Receiver) -> None:
    """With `none` nobody is told."""
    erp.make()
    erp.ended(erp.release(background="none"))
    assert erp.counts()["notifications"]["due"] == 0
    assert not receiver.received


def test_empty_result_is_silent(erp: Erp, receiver: Receiver) -> None:
    """A 204 result is not notified unless a setting says so; a refused update is, since it has content."""
    erp.make(2)
    body = {"description": {"value": "x"}}
    put = erp.http.put(f"{KITS}/P/000001", json=body, headers={BACKGROUND: "subscription"})
    assert erp.ended(put)["statusCode"] == 204
    refused = erp.http.put(f"{KITS}/P/000009", json=body, headers={BACKGROUND: "subscription"})
    assert erp.ended(refused)["statusCode"] == 404
    assert [received.content["id"] for received in receiver.wait()] == [refused.json()["id"]]
    erp.change(notify_empty=True)
    told = erp.http.delete(f"{KITS}/P/000002", headers={BACKGROUND: "subscription"})
    assert receiver.wait(2)[1].content == {**receiver.received[1].content, "id": told.json()["id"], "statusCode": 204}


def test_refused_is_sent_again(erp: Erp, receiver: Receiver) -> None:
    """What is not taken is sent again, with the same id and growing waits, until it is."""
    receiver.statuses[:] = [500, 401]
    erp.make()
    erp.release()
    received = receiver.wait(3)
    until(lambda: erp.counts()["notifications"]["accepted"] == 1)
    numbers = erp.counts()["notifications"]
    assert len({one.headers["x-vwd-notification-id"] for one in received}) == 1
    assert (numbers["sent"], numbers["refused"], numbers["retried"], numbers["given_up"]) == (1, 2, 2, 0)


def test_tries_end(erp: Erp, receiver: Receiver) -> None:
    """After the last try it is given up."""
    erp.change(tries=2)
    receiver.statuses[:] = [500] * 9
    erp.make()
    erp.release()
    until(lambda: erp.counts()["notifications"]["given_up"] == 1)
    assert len(receiver.received) == 2


def test_nobody_listens(erp: Erp, sandbox: object) -> None:
    """A receiver that is not there costs the tries, not the operation; without any address nothing is tried."""
    assert sandbox
    erp.make(2)
    erp.change(tries=2, companies={"demo": {"webhook_url": "http://127.0.0.1:9/none"}})
    assert erp.ended(erp.release(1))["statusCode"] == 200
    until(lambda: erp.counts()["notifications"]["given_up"] == 1)
    erp.change(companies={"demo": {"webhook_url": ""}})
    erp.ended(erp.release(2))
    assert erp.counts()["notifications"]["without_address"] == 1


def test_changed_key_signs(erp: Erp, receiver: Receiver) -> None:
    """A new webhook key holds from the next notification on."""
    erp.change(companies={"demo": {"webhook_key": "turned"}})
    erp.make()
    erp.release()
    (received,) = receiver.wait()
    expected = base64.b64encode(hmac.new(b"turned", received.body, hashlib.sha256).digest()).decode()
    assert received.headers["x-vwd-signature-v1"] == expected
