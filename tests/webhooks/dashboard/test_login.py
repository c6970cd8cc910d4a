"""Logging in and out, and what a form must prove."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from tests.browser import PATIENCE_MS
from webhooks.dashboard.sessions import LONGEST, Sessions
from webhooks.dashboard.visiting import local_path
from webhooks.guesses import A_MINUTE
from worker.errors import LedgerUnavailable
from worker.settings import ApiKey, Secret

if TYPE_CHECKING:
    from flask.testing import FlaskClient

    from tests.browser import Tab
    from tests.webhooks.world import World
    from worker.cli.cluster import Cluster

COOKIE = "kitrelay-session"
HOST_COOKIE = "__Host-kitrelay-session"
SECURELY = {"X-Forwarded-Proto": "https"}
NOWHERE = "/nowhere"
HTML = {"Accept": "text/html"}
OPS = ApiKey("ops", Secret("ops-key"), "operate", ("acme",))


def test_login_leads_back(small_world: World) -> None:
    """A page asked for without a session is shown after the login, and the cookie says nothing of the key."""
    client = small_world.app.test_client()
    entered = client.post("/login?next=/jobs%3Fstate=failed", data={"key": "ops-key"})
    assert (entered.status_code, entered.location) == (303, "/jobs?state=failed")
    cookie = client.get_cookie(COOKIE)
    assert cookie is not None
    assert cookie.http_only
    assert cookie.same_site == "Lax"
    assert "ops-key" not in cookie.value
    assert client.get("/login").status_code == 303


def test_form_leads_back(small_world: World) -> None:
    """A form sent without a session is not heard; the login says so, and leads back to where it was typed, on this host only."""
    client = small_world.app.test_client()
    sent = client.post("/batches/new", data={"list": "P/1"}, headers={"Referer": "http://elsewhere.test/batches/new?by=list"})
    assert sent.location == "/login?next=%2Fbatches%2Fnew%3Fby%3Dlist&undone=1"
    assert "what you sent was not done" in client.get(sent.location).text
    assert client.post("/batches/new", data={"list": "P/1"}).location == "/login?next=%2F"


def test_wrong_keys_are_limited(small_world: World) -> None:
    """A wrong key is told so, whatever it is, and after some of them to wait; the right one is let in all the while."""
    client = small_world.app.test_client()
    answers = [client.post("/login", data={"key": f"guess-{n}"}).status_code for n in range(A_MINUTE + 1)]
    assert answers == [401] * A_MINUTE + [429]
    assert client.post("/login", data={"key": "ops-key"}).status_code == 303
    assert small_world.app.test_client().post("/login", data={"key": "guess"}).status_code == 429
    elsewhere = {"REMOTE_ADDR": "192.0.2.7"}
    assert small_world.app.test_client().post("/login", data={"key": "guess"}, environ_base=elsewhere).status_code == 401


def test_sessions_end(small_world: World) -> None:
    """After twelve hours one logs in again; a parted page is told where to go."""
    client = small_world.log_in()
    assert "Log out" in client.get(NOWHERE, headers=HTML).text
    small_world.pass_time(seconds=LONGEST.total_seconds() + 1)
    assert "Log out" not in client.get(NOWHERE, headers=HTML).text
    told = client.post("/logout", headers={"HX-Request": "true", "HX-Current-URL": "http://localhost/jobs?q=1"})
    assert (told.status_code, told.headers["HX-Redirect"]) == (401, "/login?next=%2Fjobs%3Fq%3D1")


def test_logout_ends_the_session(world: World) -> None:
    """A copy of the cookie is worth nothing after the logout, however often one logs out; other sessions of the key go on."""
    client, other = world.log_in(), world.log_in()
    copies = [copy_of(world, client) for _ in range(2)]
    stale = token_of(client.get(NOWHERE, headers=HTML).text)
    assert copies[0].get("/jobs").status_code == 200
    assert world.press(client, "/logout").location == "/login"
    for copy in copies:
        assert copy.get("/jobs").location == "/login?next=%2Fjobs"
        assert copy.get("/jobs?part=live_jobs", headers={"HX-Request": "true"}).status_code == 401
        assert copy.post("/logout", data={"csrf": stale}).location == "/login?next=%2F"
        assert copy.get("/login").status_code == 200
        assert "Log out" not in copy.get(NOWHERE, headers=HTML).text
    assert other.get("/jobs").status_code == 200


def test_no_pass_without_ledger(small_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it can't be known whether a session was ended, nobody is let in, and nothing of the inside is shown."""
    client = small_world.log_in()

    def away() -> Any:
        raise LedgerUnavailable("away")

    monkeypatch.setattr(small_world.database, "read", away)
    for path in ("/jobs", "/deliveries/test", NOWHERE, "/login"):
        answer = client.get(path, headers=HTML)
        assert (answer.status_code, "be reached; nothing was stored" in answer.text, "Log out" in answer.text) == (503, True, False)
    assert client.post("/logout", data={"csrf": "00"}).status_code == 503
    stranger = small_world.app.test_client()
    assert [stranger.get(path, headers=HTML).status_code for path in ("/login", "/jobs", NOWHERE)] == [200, 303, 404]


def test_secure_cookie(small_world: World) -> None:
    """Over HTTPS the cookie is the host's own, and browsers are told to come by no other way; neither name opens the other's scheme."""
    client = small_world.app.test_client()
    entered = client.post("/login", data={"key": "ops-key"}, headers=SECURELY)
    attributes = set(entered.headers["Set-Cookie"].split("; ")[1:])
    assert entered.headers["Set-Cookie"].startswith(f"{HOST_COOKIE}=")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= attributes
    assert not any(each.startswith("Domain") for each in attributes)
    held = entered.headers["Set-Cookie"].split("; ")[0].partition("=")[2]
    assert status_with(small_world, HOST_COOKIE, held, SECURELY) == 200
    assert status_with(small_world, COOKIE, held, SECURELY) == 303
    assert status_with(small_world, COOKIE, held, {}) == 200
    assert status_with(small_world, HOST_COOKIE, held, {}) == 303


@pytest.mark.parametrize("path", ["/login", "/jobs", "/jobs.csv", "/batches/none", NOWHERE, "/static/app.css", "/static/none"])
def test_https_is_kept(small_world: World, path: str) -> None:
    """Every answer over HTTPS, a proxy's or our own, says so for a year; over plain HTTP none does."""
    client = small_world.app.test_client()
    client.post("/login", data={"key": "ops-key"}, base_url="https://localhost")
    told = [
        client.get(path, headers=HTML, base_url="https://localhost"),
        client.get(path, headers={**HTML, **SECURELY}),
        small_world.log_in().get(path, headers=HTML),
    ]
    assert [answer.headers.get("Strict-Transport-Security") for answer in told] == ["max-age=31536000"] * 2 + [None]


def test_secure_logout(small_world: World) -> None:
    """The cookie of HTTPS is taken back as it was set: browsers heed no other."""
    client = small_world.app.test_client()
    client.post("/login", data={"key": "ops-key"}, base_url="https://localhost")
    token = token_of(client.get(NOWHERE, headers=HTML, base_url="https://localhost").text)
    left = client.post("/logout", data={"csrf": token}, base_url="https://localhost")
    taken = next(each for each in left.headers.getlist("Set-Cookie") if each.startswith(f"{HOST_COOKIE}=;"))
    assert {"Max-Age=0", "Secure", "Path=/"} <= set(taken.split("; "))


def test_changed_key_ends_sessions(small_world: World) -> None:
    """A cookie is good for the key it was made with, as that key is now; a changed byte makes it none."""
    mine = Sessions([OPS])
    cookie = mine.begin(OPS, small_world.now)
    found = mine.find(cookie, small_world.now)
    assert found is not None
    assert found.key is OPS
    assert Sessions([replace(OPS, key=Secret("another"))]).find(cookie, small_world.now) is None
    assert Sessions([replace(OPS, name="renamed")]).find(cookie, small_world.now) is None
    assert mine.find(cookie, small_world.now - timedelta(hours=1)) is None
    assert mine.find(cookie, found.forgotten_at) is None
    for place in range(len(cookie) - 1):  # the last character has spare bits
        other = "A" if cookie[place] != "A" else "B"
        assert mine.find(cookie[:place] + other + cookie[place + 1 :], small_world.now) is None


def test_forms_need_their_token(small_world: World) -> None:
    """A form without its session's token, with another's, or from another site, does nothing."""
    client, other = small_world.log_in(), small_world.log_in("root-key")
    token = token_of(client.get(NOWHERE, headers=HTML).text)
    foreign = token_of(other.get(NOWHERE, headers=HTML).text)
    for given in ("", "00", foreign, token[:-2], token + "00"):
        assert client.post("/logout", data={"csrf": given}).status_code == 403
    assert client.post("/logout", data={"csrf": token}, headers={"Origin": "https://evil.test"}).status_code == 403
    assert client.post("/logout", data={"csrf": token}, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert client.post("/logout", json={"csrf": token}).status_code == 415
    left = client.post("/logout", data={"csrf": token}, headers={"Origin": "http://localhost"})
    assert (left.status_code, left.location) == (303, "/login")
    assert client.get_cookie(COOKIE) is None


def test_tokens_are_masked(small_world: World) -> None:
    """Each page shows another text of the same token."""
    client = small_world.log_in()
    assert token_of(client.get(NOWHERE, headers=HTML).text) != token_of(client.get(NOWHERE, headers=HTML).text)


def test_cookie_opens_no_api(small_world: World) -> None:
    """The API takes keys and no cookies."""
    client = small_world.log_in("root-key")
    assert client.get("/api/jobs").status_code == 401


@pytest.mark.parametrize("given", ["//evil.test", "/\\evil.test", "https://evil.test", "evil", "/a\nb", "/a\\b"])
def test_leads_nowhere_else(given: str) -> None:
    """What comes after the login is a page of ours."""
    assert local_path(given) == "/"


def test_pages_are_closed(small_world: World) -> None:
    """Every page says what it may load, and may be put into no other."""
    told = small_world.log_in().get(NOWHERE, headers=HTML)
    policy = told.headers["Content-Security-Policy"]
    assert "script-src 'self';" in policy
    assert "frame-ancestors 'none'" in policy
    assert told.headers["Cache-Control"] == "no-store"
    assert told.status_code == 404
    assert small_world.app.test_client().get(NOWHERE, headers={"Accept": "application/json"}).is_json


def test_assets_are_kept(small_world: World) -> None:
    """A style under its version is kept for ever, compressed, and asked for once; outside of the folder there is nothing."""
    client = small_world.app.test_client()
    address = re.search(r'href="(/static/app\.css\?v=[0-9a-f]+)"', client.get("/login").text)
    assert address is not None
    sent = client.get(address.group(1), headers={"Accept-Encoding": "gzip"})
    assert sent.headers["Content-Encoding"] == "gzip"
    assert "immutable" in sent.headers["Cache-Control"]
    assert client.get(address.group(1), headers={"If-None-Match": sent.headers["ETag"]}).status_code == 304
    for path in ("/static/../__init__.py", "/static/%2e%2e/app.py", "/static/nothing.css", "/static/vendor/README.md"):
        assert client.get(path).status_code == 404


def test_login_in_browser(window: Tab) -> None:
    """One logs in, finds one's name and zone, and logs out."""
    page = window.page
    window.go("/connections")
    page.locator("details.menu summary").click()
    assert page.get_by_text("Times in Europe/Oslo").is_visible()
    window.press("Log out")
    page.wait_for_url("**/login")
    window.shoot("login")


def copy_of(world: World, client: FlaskClient) -> FlaskClient:
    """A browser that came by somebody's cookie."""
    cookie = client.get_cookie(COOKIE)
    assert cookie is not None
    other = world.app.test_client()
    other.set_cookie(COOKIE, cookie.value)
    return other


def status_with(world: World, name: str, value: str, headers: dict[str, str]) -> int:
    """What a page answers who sends this cookie alone."""
    return world.app.test_client(use_cookies=False).get("/jobs", headers={"Cookie": f"{name}={value}", **headers}).status_code


def test_keys_lead(window: Tab) -> None:
    """A slash goes to the search, g and a letter to a page; in a field they are letters."""
    page = window.go("/connections")
    page.keyboard.press("/")
    expect(page.locator("#search")).to_be_focused()
    page.keyboard.type("g/b")
    expect(page.locator("#search")).to_have_value("g/b")
    page.keyboard.press("Enter")
    page.wait_for_url("**/jobs?q=*")
    page.keyboard.press("g")
    page.keyboard.press("b")
    page.wait_for_url("**/batches")


def test_old_news_is_said(window: Tab) -> None:
    """While the server does not answer, a page that moves by itself says that it may be old; and no more when it answers again."""
    page = window.go("/")
    expect(page.locator("#stale")).to_be_hidden()
    page.route("**/*part=*", lambda route: route.abort())
    expect(page.locator("#stale")).to_be_visible(timeout=PATIENCE_MS)
    page.unroute("**/*part=*")
    expect(page.locator("#stale")).to_be_hidden(timeout=PATIENCE_MS)
    window.troubles.clear()  # the requests that were made to fail


def test_typed_outlives_session(window: Tab, cluster: Cluster) -> None:
    """A long text that was sent after the session's end is back after the login, not sent; and is put back only once."""
    page = window.go("/batches/new?by=list")
    page.get_by_label("A document on each line").fill("P 000001")
    window.press("Preview")
    page.get_by_label("A document on each line").fill("P 000001\nP 000002")
    page.context.clear_cookies(name=COOKIE)
    window.press("Preview again")
    expect(page.get_by_text("what you sent was not done")).to_be_visible()
    page.get_by_label("API key").fill(cluster.key)
    window.press("Log in")
    expect(page.get_by_text("It was not sent.")).to_be_visible()
    expect(page.get_by_label("A document on each line")).to_have_value("P 000001\nP 000002")
    page.reload()
    expect(page.get_by_label("A document on each line")).to_have_value("")


def token_of(text: str) -> str:
    """What the forms of a page carry."""
    found = re.search(r'name="csrf" value="([0-9a-f]+)"', text)
    assert found is not None
    return found.group(1)
