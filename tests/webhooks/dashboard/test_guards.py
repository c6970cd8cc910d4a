"""What holds for every page: who may come in, who may do what, and that no tenant sees or touches what is another's."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final

import pytest

from tests.webhooks.api.test_actions import failed
from tests.webhooks.world import World, trio
from webhooks.api import ROUTES
from webhooks.dashboard import PAGES
from webhooks.dashboard.batches.pasted import MOST_FAULTS, read
from webhooks.dashboard.csv_rows import plain
from webhooks.dashboard.deliveries.page import MOST_SHOWN
from webhooks.dashboard.rendering import _environment
from worker.jobs import paces
from worker.jobs.states import State
from worker.jobs.tables import jobs
from worker.kit_ledger.book import KitBook
from worker.kit_ledger.model import Snapshot
from worker.kits.codec import to_json
from worker.kits.codes import Codes
from worker.kits.model import Line, Recipe

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flask.testing import FlaskClient
    from werkzeug.test import TestResponse

    from webhooks.dashboard.visiting import PageRoute

HTML: Final = {"Accept": "text/html"}
POSTS: Final = tuple(route for route in PAGES if route.method == "POST")
HIDDEN: Final = "zanzibar"
"""Stands in everything that is the tenant acme's."""

PERIOD: Final = {"since": "2026-01-01T00:00:00Z", "until": "2027-01-01T00:00:00Z"}
NEEDS_ID: Final = tuple(route for route in PAGES if "<" in route.path)
BELOW: Final = {"operate": "view-key", "admin": "ops-key"}
"""A key whose role is one too low."""

LISTS: Final = ("/", "/batches", "/batches/new", "/jobs", "/actions", "/connections", "/connections/record", "/failures", "/deliveries")


SILENT: Final = ("/batches/new", "/deliveries")
"""Lists on which nothing of acme stands that its word is in: of deliveries the ids alone."""


def named(route: PageRoute) -> str:
    """How a test calls a route."""
    return f"{route.method} {route.path}"


@dataclass
class Home:
    """What acme has: the ids by the beginning of the addresses where they stand."""

    world: World
    ids: dict[str, str]

    def address(self, route: PageRoute) -> str:
        """The address of a route with acme's ids."""
        path = route.path.replace("<action>", self.ids["actions"]).replace("<number>", "1.1").replace("<path:code>", HIDDEN)
        path = path.replace("<tenant>", "acme").replace("<erp>", "visma")
        return path.replace("<id>", self.ids.get(path.split("/")[1], ""))

    def form(self) -> dict[str, str]:
        """Fields that mean acme, for any form."""
        own = {"tenant": "acme", "kind": "release_kit_assembly", "code": HIDDEN, "targets": "visma", "source": "visma", **PERIOD}
        acted = {"action": "replay", "state": "failed", "shown": "1", "body": "{}", "by": "list", "list": "P/1", "query": "state=failed"}
        return {**own, **acted, "reason": "seen", "note": "known", "slots": "2", "name": "mine", "arguments": '{"type":"P","ref_no":"1"}'}


@pytest.fixture
def home(sqlite_url: str) -> Iterator[Home]:
    """Something of everything in acme; globex, to which `other-key` and `chief-key` belong, has nothing."""
    world = World(sqlite_url, trio(name="acme"))
    job, _ = failed(world, HIDDEN, "000002")
    with world.database.write() as connection:
        told = {"error_message": f"no {HIDDEN}", "error_group": f"no {HIDDEN}"}
        connection.execute(jobs.update().where(jobs.c.id == job).values(**told))
        ended = paces.place("acme", "visma", State.SUCCEEDED, world.now, world.now)
        paces.add(connection, {ended: 7531})
    batch = world.ask("POST", "/api/batches", json={**BATCH, "name": HIDDEN}).json["id"]
    action = world.ask("POST", "/api/jobs/actions", json={"action": "replay", "filter": {"reference": f"P/{HIDDEN}"}}).json["id"]
    delivery = world.notify(b'{"id": "zanzibar"}').json["delivery"]
    group = world.ask("GET", "/api/failures").json["items"][0]["id"]
    world.ask("POST", f"/api/failures/{group}/acknowledge", json={"note": HIDDEN})
    lines = (Line(HIDDEN, Decimal(1), "STK", rank=1),)
    seen = Snapshot(HIDDEN, f"id-{HIDDEN}", "1", to_json(Recipe(HIDDEN, lines)), revision=None, parts=(HIDDEN,))
    KitBook(world.database, "acme", lambda: world.now, Codes((), ignore_case=True).same).keep("intacct", [seen])
    ids = {"jobs": job, "batches": batch, "actions": action, "deliveries": delivery, "failures": group}
    yield Home(world, ids)
    world.database.close()


BATCH: Final = {"tenant": "acme", "kind": "release_kit_assembly", "items": [{"type": "P", "ref_no": HIDDEN}]}


def test_nobody_is_let_in(home: Home) -> None:
    """Without a session every page leads to the login, and no form does anything."""
    stranger = home.world.app.test_client()
    for route in PAGES:
        answer = stranger.open(home.address(route), method=route.method, data=home.form() if route.method == "POST" else None)
        assert (named(route), answer.status_code, answer.location.partition("?")[0]) == (named(route), 303, "/login")


def test_forms_are_proven(home: Home) -> None:
    """No form is taken without its token, whoever sends it."""
    client = home.world.log_in("root-key")
    for route in POSTS:
        answer = client.post(home.address(route), data=home.form())
        assert (named(route), answer.status_code, "this form is too old" in answer.text) == (named(route), 403, True)


def test_roles_are_needed(home: Home) -> None:
    """A role too low is refused, before the form is looked at."""
    for route in PAGES:
        if route.role in BELOW:
            answer = sent(home, home.world.log_in(BELOW[route.role]), route)
            assert (named(route), answer.status_code) == (named(route), 403)


def test_roles_are_those_of_programs() -> None:
    """A form that does what a route of the API does asks for the same role."""
    asked = {re.sub(r"<\w+>", "<>", route.path): route.role for route in ROUTES if route.method == "POST"}
    same = {named(route): (route.role, asked.get("/api" + re.sub(r"<\w+>", "<>", route.path), route.role)) for route in POSTS}
    assert {name: roles for name, roles in same.items() if roles[0] != roles[1]} == {}


@pytest.mark.parametrize("key", ["other-key", "chief-key"])
def test_what_is_anothers_is_not_there(home: Home, key: str) -> None:
    """An id of another tenant names nothing, with and without a part; nothing of it is told, and nothing is done to it."""
    client, before = home.world.log_in(key), home.world.rows(jobs)
    for route in NEEDS_ID:
        for part in ("", *parts()) if route.method == "GET" else ("",):
            answer = sent(home, client, route, part)
            assert (named(route), part, answer.status_code, told(answer)) == (named(route), part, absent(route, part, key), [])
    assert home.world.rows(jobs) == before


@pytest.mark.parametrize("path", LISTS)
def test_lists_hold_ones_own(home: Home, path: str) -> None:
    """No list, no part of one, and no count speaks of another tenant; to name that tenant or its things changes nothing."""
    client = home.world.log_in("chief-key")
    chosen = ["", "?tenant=acme", *(f"?batch={home.ids['batches']}" for _ in "x" if path in ("/jobs", "/failures"))]
    chosen += [f"?ids={home.ids['jobs']}", f"?failure={home.ids['failures']}"] if path == "/jobs" else []
    chosen += [f"?subject={home.ids['failures']}"] if path == "/connections/record" else []
    chosen += [f"?job={home.ids['jobs']}"] if path == "/deliveries" else []
    for query in chosen:
        for part in ("", *parts()):
            answer = client.get(f"{path}{query}{'&' if query else '?'}part={part}", headers=HTML)
            assert answer.status_code in {200, 303, 404, 422}
            assert told(answer) == []
    assert path in SILENT or told(home.world.log_in("ops-key").get(path, headers=HTML)) != []


@pytest.mark.parametrize(
    "path", [route.path for route in POSTS if "<" not in route.path and route.path not in {"/logout", "/jobs/views/drop"}]
)
def test_forms_reach_no_other_tenant(home: Home, path: str) -> None:
    """A form that names another tenant finds none, or keeps only what is the sender's own."""
    client, before = home.world.log_in("chief-key"), home.world.rows(jobs)
    answer = home.world.press(client, path, **home.form())
    assert answer.status_code == (303 if path == "/jobs/views" else 404)
    assert told(answer) == []
    assert home.world.rows(jobs) == before


def test_csv_holds_ones_own(home: Home) -> None:
    """So does the file."""
    client = home.world.log_in("chief-key")
    assert told(client.get("/jobs.csv")) == []
    assert told(client.get(f"/jobs.csv?ids={home.ids['jobs']}")) == []
    assert HIDDEN in home.world.log_in("ops-key").get("/jobs.csv").text


def parts() -> list[str]:
    """Every part that any page has."""
    made = _environment()
    return sorted({block for name in made.list_templates() for block in made.get_template(name).blocks if block.startswith("live")})


def sent(home: Home, client: FlaskClient, route: PageRoute, part: str = "") -> TestResponse:
    """Ask for it, or press it."""
    if route.method == "GET":
        return client.get(home.address(route), query_string={"tenant": "acme", "part": part}, headers=HTML)
    return home.world.press(client, home.address(route), **home.form())


def absent(route: PageRoute, part: str, key: str) -> int:
    """What is answered where nothing is. The page of a group of failures stays and says so, as the group may come back."""
    if route.role == "admin" and key != "chief-key":
        return 403
    if route.path.startswith("/failures"):
        return 303 if route.method == "POST" else 200 if part == "live_group" else 404
    return 404


def told(answer: TestResponse) -> list[str]:
    """What an answer says of acme beyond what was asked: its things carry a word, and so many of its jobs ended."""
    text = re.sub(r'value="acme"|tenant=acme', "", answer.text)
    return re.findall(rf"{HIDDEN}|(?<![\w-])7\u202f?531(?![\w-])", text)


@pytest.mark.parametrize("path", ["/%00", "/jobs?batch=%00", "/kits?q=a%00b", "/kits/a%00b", "/?tenant=%00", "/kits?cursor=acme/%00"])
def test_text_is_text(world: World, path: str) -> None:
    """What no database takes as text is refused before one is asked."""
    assert world.log_in("root-key").get(path, headers=HTML).status_code in {400, 404}


def test_headers_that_are_none(small_world: World) -> None:
    """An address that is none, in a header of a stranger's, is no fault of ours."""
    stranger = small_world.app.test_client()
    assert stranger.post("/login", data={"key": "ops-key"}, headers={"Origin": "http://["}).status_code == 403
    led = stranger.get("/jobs", headers={"HX-Request": "true", "HX-Current-URL": "http://["})
    assert (led.status_code, led.headers["HX-Redirect"]) == (401, "/login?next=%2F")
    assert stranger.head("/login").status_code == 200


@pytest.mark.parametrize(
    ("path", "fields", "status"),
    [
        ("/failures/%0d%0aSet-Cookie:x=y/acknowledge", {}, 404),
        ("/failures/%0d%0a/reopen", {}, 404),
        ("/batches/new", {"kind": "release_kit_assembly", "by": "list", "list": "P/1", "priority": "9" * 25}, 422),
        ("/batches/new", {"kind": "create_kit_assembly", "by": "list", "list": '{"a":' * 300 + "1" + "}" * 300}, 422),
        ("/batches/new", {"kind": "create_kit_assembly", "by": "list", "list": "[" * 300 + "]" * 300}, 400),
        ("/jobs/act", {"action": "replay", "state": "failed", "shown": "0", "at": "9999-12-31T23:59:59.999999Z"}, 303),
        ("/kits/read", {"code": "a\x00b"}, 400),
    ],
)
def test_forms_that_are_odd(small_world: World, path: str, fields: dict[str, str], status: int) -> None:
    """What no page of ours would send is refused like any other fault."""
    assert small_world.press(small_world.log_in("root-key"), path, tenant="acme", **fields).status_code == status


def test_wrong_lines_are_bounded() -> None:
    """Of a text that is no list of ours only so much is read."""
    assert len(read("/\n" * (MOST_FAULTS + 5), "release_kit_assembly").faults) == MOST_FAULTS


def test_large_bodies_are_begun(small_world: World) -> None:
    """Of a large body the beginning is shown, and that there is more; also where most of it is space."""
    sent = small_world.notify(b'{"id": "a"' + b" " * 5 * MOST_SHOWN + b', "late": 1}').json["delivery"]
    text = small_world.log_in().get(f"/deliveries/{sent}").text
    assert "&#34;id&#34;: &#34;a&#34;" in text
    assert "late" not in text
    assert f"/deliveries/{sent}/body" in text


@pytest.mark.parametrize("cell", ["=1", "x;=1", "x; =1", 'x;"=1', "x\n=1", "x\t+1", ";@a", "-1;-1"])
def test_no_cell_is_a_formula(cell: str) -> None:
    """Not even where a spreadsheet cuts lines at semicolons."""
    for piece in re.split(r"[;\t\r\n]", plain(cell)):
        assert not piece.lstrip(' "').startswith(("=", "+", "-", "@"))


def test_views_are_the_key_s(small_world: World) -> None:
    """What one key has saved no other sees, nor drops."""
    client, other = small_world.log_in("ops-key"), small_world.log_in("view-key")
    small_world.press(client, "/jobs/views", name="my own", query="state=failed")
    small_world.press(other, "/jobs/views/drop", name="my own", query="")
    assert "my own" in client.get("/jobs").text
    assert "my own" not in other.get("/jobs").text
