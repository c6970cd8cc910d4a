"""Login, refresh and who may call."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.worker.sandbox.itempath.house import House

if TYPE_CHECKING:
    import httpx


def test_login_answers(house: House) -> None:
    """Both tokens, the user's name and a numeric id (documented)."""
    found = house.login().json()
    assert (found["username"], found["login"], isinstance(found["id"], int)) == ("demo-user", True, True)
    assert found["accessToken"].count(".") == 2
    assert found["refreshToken"] != found["accessToken"]


@pytest.mark.parametrize("wrong", [{"password": "x"}, {"username": "other-user"}, {"username": ""}])
def test_wrong_login(house: House, wrong: dict[str, str]) -> None:
    """Wrong credentials are 404, not 401 (documented)."""
    assert house.login(**wrong).status_code == 404


def test_access_expires(house: House) -> None:
    """After fifteen minutes it is 401; the refresh token gets another, for thirty days."""
    refresh = house.login().json()["refreshToken"]
    house.change(advance=901)
    assert house.http.get("/kits").status_code == 401
    answer = _with(house, refresh)
    assert answer.status_code == 200
    house.use(answer.json()["accessToken"])
    assert house.http.get("/kits").status_code == 200
    house.change(advance=2_592_000)
    assert _with(house, refresh).status_code == 401


def test_wrong_kind(house: House) -> None:
    """A refresh token is no access token, nor the other way round, and what is no JWT is neither: 422."""
    tokens = house.login().json()
    assert _with(house, tokens["accessToken"]).status_code == 422
    house.use(tokens["refreshToken"])
    assert house.http.get("/kits").status_code == 422
    house.use("none")
    assert house.http.get("/kits").status_code == 422
    del house.http.headers["Authorization"]
    assert house.http.get("/kits").status_code == 401
    assert house.owner.get("/counts").json()["itempath"]["unauthorized"] == 3


def test_application_token(house: House) -> None:
    """It never expires, and is the installation's own."""
    house.use("demo-application-token")
    house.change(advance=10_000_000)
    assert house.http.get("/kits").status_code == 200
    house.use("other-application-token")
    assert house.http.get("/kits").status_code == 422


def test_installations_apart(house: House) -> None:
    """A token of one company does not work at another's, whose kits are its own; unknown companies are 404."""
    with House(str(house.owner.base_url.copy_with(path="/")).rstrip("/"), "other") as other:
        assert other.http.get("/kits").json() == {"kits": []}
        other.http.headers["Authorization"] = house.http.headers["Authorization"]
        assert other.http.get("/kits").status_code == 401
    assert house.http.get(str(house.http.base_url).replace("/demo/", "/nobody/") + "kits").status_code == 404


def test_token_calls_counted(house: House) -> None:
    """Logins and refreshes are counted apart from calls; a failed one is none."""
    house.login(password="x")
    _with(house, house.login().json()["refreshToken"])
    counts = house.counts()
    assert (counts["token_calls"], counts["calls"]) == (3, 0)


def test_reset_forgets(house: House) -> None:
    """After a reset no token works."""
    house.owner.post("/reset")
    assert house.http.get("/kits").status_code == 401


def _with(house: House, refresh: str) -> httpx.Response:
    """Ask for an access token."""
    return house.http.post("/users/refresh", headers={"Authorization": f"Bearer {refresh}"})
