"""Operations in the background: accepted, run, asked for."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.worker.sandbox.harness import BACKGROUND, until

if TYPE_CHECKING:
    from tests.worker.sandbox.harness import Erp

KITS = "/v1/kitassembly"
ABSENT = "/v1/background/00000000-0000-4000-8000-000000000000"


def test_release_in_background(erp: Erp) -> None:
    """202 with an id and where the state stands; Started with 0; then Finished with the call's own status and content."""
    erp.change(finish_ms=100)
    erp.make()
    answer = erp.release(background="none")
    operation_id = answer.json()["id"]
    assert (answer.status_code, answer.json()["stateLocation"]) == (202, f"{erp.url}/v1/background/{operation_id}")
    started = erp.state(operation_id)
    assert (started["status"], started["statusCode"], started["finishedUtc"], erp.status()) == ("Started", 0, None, "B")
    finished = erp.ended(answer)
    assert (finished["status"], finished["statusCode"], finished["hasResponseContent"]) == ("Finished", 200, True)
    assert (finished["webhookAddress"], finished["errorMessage"], finished["responseHeaders"]) == ("none", None, None)
    assert finished["originalUri"] == "https://finance.visma.net/310000/api/v1/kitassembly/P/000001/action/release"
    assert erp.http.get(f"/v1/background/{operation_id}/content").json()["actionResult"] == "Done"
    assert erp.status() == "R"


def test_times_carry_offset(erp: Erp) -> None:
    """The "Utc" fields have the company's offset and are in order."""
    erp.make()
    state = erp.ended(erp.release())
    times = [datetime.fromisoformat(state[name]) for name in ("receivedUtc", "startedUtc", "finishedUtc")]
    assert all(name.endswith("+01:00") for name in (state["receivedUtc"], state["finishedUtc"]))
    assert times == sorted(times)


def test_create_in_background(erp: Erp) -> None:
    """The new document's number is in the state's response headers; the content of a create is empty: 404."""
    body = {"itemId": {"value": "KIT-0001"}, "quantity": {"value": 2}}
    answer = erp.http.post(KITS, json=body, headers={BACKGROUND: "none"})
    state = erp.ended(answer)
    assert (state["statusCode"], state["hasRequestContent"], state["hasResponseContent"]) == (201, True, False)
    assert state["responseHeaders"] == {"Location": f"{erp.url}{KITS}/P/000001"}
    assert erp.http.get(f"/v1/background/{answer.json()['id']}/content").status_code == 404


def test_finished_is_not_success(erp: Erp) -> None:
    """What a rule refuses is Finished with 400; the content, served with 200, says why."""
    erp.make(status="H")
    answer = erp.release()
    state = erp.ended(answer)
    content = erp.http.get(f"/v1/background/{answer.json()['id']}/content")
    assert (state["status"], state["statusCode"], content.status_code) == ("Finished", 400, 200)
    assert "on hold" in content.json()["message"]


def test_read_in_background(erp: Erp) -> None:
    """A list may run in the background, too; its page is the content."""
    erp.make(3)
    answer = erp.http.get(KITS, headers={BACKGROUND: "none"})
    assert erp.ended(answer)["statusCode"] == 200
    assert erp.http.get(f"/v1/background/{answer.json()['id']}/content").json()["totalCount"] == 3


def test_others_state_forbidden(erp: Erp, other: Erp) -> None:
    """Another company's operation answers 403, an unknown one 404."""
    erp.make()
    operation_id = erp.release().json()["id"]
    assert other.http.get(f"/v1/background/{operation_id}").status_code == 403
    assert other.http.get(f"/v1/background/{operation_id}/content").status_code == 403
    assert other.http.get(ABSENT).status_code == 404


def test_state_expires(erp: Erp) -> None:
    """After 24 hours the state is unknown and its content removed; a token expired long before."""
    erp.make()
    answer = erp.release()
    erp.ended(answer)
    erp.change(advance=86_000)
    assert erp.http.get(KITS).status_code == 401
    erp.sign_in()
    assert erp.state(answer.json()["id"])["status"] == "Finished"
    erp.change(advance=500)
    assert erp.http.get(f"/v1/background/{answer.json()['id']}").status_code == 404
    assert erp.http.get(f"/v1/background/{answer.json()['id']}/content").status_code == 410


@pytest.mark.parametrize("header", ["sometimes", "subscription:", "subscription:name", "subscription:=value", "ftp://x"])
def test_bad_header(erp: Erp, header: str) -> None:
    """A header that cannot be read is refused at once, and nothing runs."""
    erp.make()
    assert erp.release(background=header).status_code == 400
    assert erp.counts()["operations"]["accepted"] == 0


def test_workers_bounded(erp: Erp) -> None:
    """No more operations run at once than there are workers; the others wait their turn and are Started without a start."""
    erp.change(workers=1, finish_ms=150)
    erp.make(2)
    first, second = erp.release(1), erp.release(2)
    assert erp.state(first.json()["id"])["startedUtc"] is not None
    assert erp.state(second.json()["id"])["startedUtc"] is None
    assert erp.ended(second)["statusCode"] == 200


def test_overlap_counted(erp: Erp) -> None:
    """Two operations under way on one document are counted as an overlap; the one that comes second has no effect."""
    erp.change(finish_ms=60)
    erp.make(2)
    answers = [erp.release(1), erp.release(1), erp.release(2)]
    assert [erp.ended(answer)["statusCode"] for answer in answers] == [200, 400, 200]
    counts = erp.counts(documents=True)
    assert (counts["most_operations_at_once"], counts["overlapped_documents"]) == (2, 1)
    assert (counts["effects"]["releases"], counts["released_documents"], counts["refused"]) == (2, 2, 1)
    assert [(told["key"], told["releases"], told["most_at_once"]) for told in counts["documents"]] == [
        ("P/000001", 1, 2),
        ("P/000002", 1, 1),
    ]


def test_accept_takes_its_time(erp: Erp) -> None:
    """The answer comes after `accept_ms`, and the operation runs for `finish_ms` after it."""
    erp.change(accept_ms=80, finish_ms=80)
    erp.make()
    answer = erp.release()
    assert answer.elapsed.total_seconds() >= 0.08
    assert erp.status() == "B"
    until(lambda: erp.status() == "R")


def test_release_answers_202(erp: Erp) -> None:
    """With `release_status` 202 the action goes on after its answer: the document turns R later."""
    erp.change(release_status=202)
    erp.make()
    answer = erp.release(background=None)
    assert (answer.status_code, answer.json()["actionResult"], erp.status()) == (202, "InProcess", "B")
    assert "has not been completed" in erp.release(background=None).json()["message"]
    until(lambda: erp.status() == "R")
    assert erp.counts()["effects"]["releases"] == 1


def test_no_answer_to_unknown_routes(erp: Erp) -> None:
    """What is no operation is 404; a method that it does not know, 405."""
    assert erp.http.get("/v1/inventory").status_code == 404
    assert erp.http.patch(KITS).status_code == 405
    assert httpx.get(f"{erp.url}/v2/kitassembly").status_code == 404
