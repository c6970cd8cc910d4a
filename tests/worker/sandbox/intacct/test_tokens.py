"""Tokens: who gets one, what kills it, how its death shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.worker.sandbox.intacct.harness import COMPONENTS, Books, fault

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def second(books: Books) -> Iterator[Books]:
    """Another program of the same user, not signed in yet."""
    other = Books(str(books.owner.base_url).removesuffix("/_sandbox/"))
    yield other
    other.__exit__()


def status(books: Books) -> int:
    """The status of a plain read."""
    return books.http.get(COMPONENTS).status_code


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"username": "relay"}, (400, "GW-0012")),
        ({"username": "relay@"}, (400, "GW-0012")),
        ({"username": ""}, (400, "GW-0036")),
        ({"username": "-"}, (400, "GW-0036")),
        ({"username": "relay@other"}, (401, "GW-0011")),
        ({"username": "relay@demo|NONE"}, (401, "GW-0011")),
        ({"client_id": "-"}, (400, "GW-0037")),
        ({"client_id": "nobody"}, (401, "GW-0011")),
        ({"client_secret": "wrong"}, (401, "GW-0011")),
        ({"client_secret": "-"}, (400, "GW-0015")),
        ({"grant_type": "password"}, (400, "GW-0032")),
        ({"grant_type": "refresh_token", "refresh_token": "none"}, (400, "REST-2102")),
    ],
)
def test_refused(books: Books, changes: dict[str, str], expected: tuple[int, str]) -> None:
    """Each wrong thing has its code, under `error`."""
    answer = books.token(**changes)
    assert "error" in answer.json()
    assert fault(answer) == expected


@pytest.mark.parametrize(
    ("content", "kind", "code"),
    [
        (b"", "application/x-www-form-urlencoded", "GW-0035"),
        (b"<x/>", "application/xml", "GW-0014"),
        (b"[1]", "application/json", "GW-0032"),
        (b"client_id=a&client_id=b", "application/x-www-form-urlencoded", "GW-0038"),
        (b"username=a&username=b", "application/x-www-form-urlencoded", "GW-0039"),
    ],
)
def test_payload_refused(books: Books, content: bytes, kind: str, code: str) -> None:
    """So has each payload that can't be read."""
    answer = books.http.post("/oauth2/token", content=content, headers={"Content-Type": kind})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, code)


def test_answer(books: Books) -> None:
    """A form or JSON gets a bearer token, with its life and a refresh token."""
    books.change(intacct_token_seconds=120)
    answer = books.http.post("/oauth2/token", json=books.form()).json()
    assert (answer["token_type"], answer["expires_in"], len(answer["access_token"].split("."))) == ("Bearer", 120, 3)
    assert answer["refresh_token"]
    assert books.http.post("/oauth2/nothing").json()["error"]["code"] == "GW-0033"


def test_bearer_needed(books: Books) -> None:
    """No header, another scheme or an unknown token are 401, with the gateway's codes and an object as details."""
    answers = [books.http.get(COMPONENTS, headers={"Authorization": value}) for value in ("", "Basic x", "Bearer x")]
    assert [fault(answer) for answer in answers] == [(401, "GW-0034"), (401, "GW-0034"), (401, "GW-0031")]
    assert "requestId" in answers[2].json()["ia::error"]["details"]


def test_expires(books: Books) -> None:
    """A token ends with its life; its refresh token gives another."""
    books.change(intacct_token_seconds=120)
    refresh = books.sign_in()["refresh_token"]
    books.change(advance=121)
    assert status(books) == 401
    books.sign_in(grant_type="refresh_token", refresh_token=refresh)
    assert status(books) == 200
    assert fault(books.token(grant_type="refresh_token", refresh_token=refresh)) == (400, "REST-2102")


def test_second_kills_first(books: Books, second: Books) -> None:
    """A second authorisation of the user ends the first one's token, and its refresh token."""
    refresh = books.sign_in()["refresh_token"]
    killed = books.counts()["tokens_killed"]
    second.sign_in()
    assert (status(second), fault(books.http.get(COMPONENTS))) == (200, (401, "GW-0031"))
    assert fault(books.token(grant_type="refresh_token", refresh_token=refresh)) == (400, "REST-2102")
    assert books.counts()["tokens_killed"] == killed + 1


def test_others_live(books: Books, second: Books) -> None:
    """Another user's token lives on, and by a setting the same user's, too."""
    second.sign_in(username="other@demo")
    assert status(books) == 200
    books.change(intacct_one_token=False)
    second.sign_in()
    assert (status(books), status(second)) == (200, 200)


def test_revoke(books: Books) -> None:
    """A revoked token is dead."""
    token = books.sign_in()["access_token"]
    form = {"client_id": "demo-client", "client_secret": "demo-secret", "token": token}
    assert books.http.post("/oauth2/revoke", data=form).status_code == 200
    assert status(books) == 401


def test_entities(books: Books) -> None:
    """The header names one of the company's entities, or the call is 403; so may the user name."""
    entity = "X-IA-API-Param-Entity"
    statuses = [books.http.get(COMPONENTS, headers={entity: name}).status_code for name in ("E100", "E999", "")]
    assert statuses == [200, 403, 200]
    books.sign_in(username="relay@demo|E200")
    assert status(books) == 200


def test_companies_apart(books: Books) -> None:
    """One company's token shows nothing of another's."""
    books.items("A")
    with Books(str(books.owner.base_url).removesuffix("/_sandbox/"), "other") as other:
        assert (len(books.rows()), len(other.rows())) == (1, 0)
