"""The pages of kits: the list, a kit in every system side by side, and what one does there."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import escape

from tests.webhooks.world import World, trio
from tests.worker.jobs.acting import claim, settle
from webhooks.dashboard.kits.codes import kit_address
from worker.jobs import verdicts
from worker.jobs.model import JobError, Lane
from worker.jobs.tables import jobs
from worker.kit_ledger.book import KitBook
from worker.kit_ledger.model import FAULT, Snapshot
from worker.kits.codec import to_json
from worker.kits.codes import Codes
from worker.kits.model import Line, Recipe
from worker.settings import Sync

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flask.testing import FlaskClient

NASTY = "<script>alert(1)</script>"
INTACCT = Lane("acme", "intacct")
ODD = ("A/B", "A B", "A#B", "A%2FB", "A//B", "/A", "A/", "read", "50%", "æ?b&c=1", "..", "a+b", '"x"')


@pytest.fixture
def shop(sqlite_url: str) -> Iterator[World]:
    """The tenant acme has all three systems, and syncs from Intacct to the others."""
    made = World(sqlite_url, trio(name="acme"))
    yield made
    made.database.close()


def keep(world: World, erp: str, code: str, tenant: str = "acme", /, **lines: str) -> None:
    """A system's kit was read now."""
    told = tuple(
        Line(name.replace("_", "-"), Decimal(quantity), "STK", rank=rank) for rank, (name, quantity) in enumerate(lines.items(), 1)
    )
    seen = Snapshot(code, f"id-{code}", str(sorted(lines.items())), to_json(Recipe(code, told)), revision=None, parts=tuple(lines))
    book(world, tenant).keep(erp, [seen])


def book(world: World, tenant: str = "acme") -> KitBook:
    """What a worker writes into."""
    return KitBook(world.database, tenant, lambda: world.now, Codes((), ignore_case=True).same)


def rows(text: str) -> dict[str, list[str]]:
    """The table side by side: by component what each cell says."""
    table = re.search(r'<table class="fold beside">(.*?)</table>', text, re.DOTALL)
    assert table is not None
    found = {}
    for row in re.findall(r"<tr[^>]*>\s*<th scope=\"row\">(.*?)</th>(.*?)</tr>", table.group(1), re.DOTALL):
        found[plain(row[0])] = [plain(cell) for cell in re.findall(r"<td[^>]*>(.*?)</td>", row[1], re.DOTALL)]
    return found


def plain(html: str) -> str:
    """What one reads, with plain dashes."""
    return " ".join(re.sub(r"<[^>]+>", " ", html).split()).replace("\u2013", "-").replace("\u2212", "-")


def look(world: World, code: str, result: dict[str, Any], spelled: str = "") -> None:
    """A look that was answered now."""
    body = {"tenant": "acme", "kind": "read_kit", "arguments": {"kit": spelled or code}}
    assert world.ask("POST", "/api/jobs", json=body).status_code == 202
    (job,) = claim(world.database, now=world.now, lane=INTACCT)
    settle(world.database, job, verdicts.done("seen", result), world.now)


def result(*sides: dict[str, Any], comparisons: list[dict[str, Any]]) -> dict[str, Any]:
    """What a look leaves."""
    return {"kit": "CHAIR", "revision": None, "source": "intacct", "sides": list(sides), "comparisons": comparisons}


def side(world: World, erp: str, role: str = "target", **more: Any) -> dict[str, Any]:
    """One side of it."""
    told = {"erp": erp, "role": role, "state": "present", "seen_at": f"{world.now:%Y-%m-%dT%H:%M:%S.000Z}", "code": "CHAIR"}
    rest: dict[str, Any] = dict.fromkeys(("name", "modified", "id", "revision", "type", "active", "agreed"))
    return {**told, **rest, "other_revisions": [], "lines": [], "trouble": [], **more}


def line(component: str, quantity: str, **more: Any) -> dict[str, Any]:
    """A line of it."""
    base = {"base_quantity": quantity, "base_unit": "STK", "kit": False, "stocked": True, "extras": {}, "note": None}
    told = {
        "line": f"l:{component}",
        "number": None,
        "rank": 1,
        "component": component,
        "code": component,
        "quantity": quantity,
        "unit": "STK",
    }
    return {**told, **base, **more}


def differs(target: str, why: tuple[str, ...] = (), **difference: Any) -> dict[str, Any]:
    """A comparison that found something."""
    whole = {"create": [], "update": [], "delete": [], "same": 0, **difference}
    return {"target": target, "nested": "preserve", "state": "differs", "why": list(why), "difference": whole, "left_out": []}


def made(world: World, kind: str) -> list[Any]:
    """The jobs of a kind, oldest first."""
    return sorted((row for row in world.rows(jobs) if row.kind == kind), key=lambda row: row.id)


def shown(world: World, code: str = "CHAIR", key: str = "ops-key") -> str:
    """Its page."""
    answer = world.log_in(key).get(kit_address("acme", code))
    assert answer.status_code == 200, answer.text
    return answer.text


@pytest.mark.parametrize("code", ODD)
def test_any_code_has_a_page(shop: World, code: str) -> None:
    """Whatever characters a code holds, its page is that kit's; what is not known may be read."""
    text = shown(shop, code)
    assert f"<h1>{escape(code)}</h1>" in text
    assert "No system is known to have this kit" in text
    assert "Read now</button>" in text


@given(st.text(min_size=1, max_size=20))
def test_addresses_are_local(code: str) -> None:
    """An address stays within the pages of kits, and holds nothing but what an address may hold."""
    address = kit_address("acme", code)
    assert address.startswith(("/kits/", "/kits?"))
    assert re.fullmatch(r"[A-Za-z0-9_.~%?&=/+-]+", address)
    assert not re.match(r"/kits/(/|\.{1,2}[/?]|\?)", address)


def test_known_sides_beside(shop: World) -> None:
    """At once: what is known of each system, aligned by component, each difference in words."""
    keep(shop, "intacct", "CHAIR", LEG="4", SEAT="1", BOLT="8")
    keep(shop, "itempath", "CHAIR", seat="1", LEG="5", GLUE="2")
    shop.pass_time(minutes=3)

    text = shown(shop, key="view-key")

    assert rows(text) == {
        "LEG": ["4 STK", "-", "5 STK differs: 5 → 4"],
        "SEAT": ["1 STK", "-", "1 STK"],
        "BOLT": ["8 STK", "-", "+ missing here: 8 STK"],
        "GLUE": ["-", "-", "2 STK - extra here"],
    }
    assert "Differs from Sage Intacct: ItemPath in 3 lines." in text
    assert "3 min ago" in text
    assert "1 to make, 1 to change, 1 to delete; 1 agrees" in plain(text)
    assert "Read now</button>" not in text
    assert "Sync to" not in text


def test_agreement_and_names(shop: World) -> None:
    """When a target was in step last, whether it was edited since, what the kit was called, and which kits hold it."""
    keep(shop, "intacct", "CHAIR", LEG="4")
    keep(shop, "itempath", "CHAIR", LEG="4")
    keep(shop, "itempath", "ROOM/1", CHAIR="6")
    book(shop).agree("intacct", "itempath", "CHAIR", "s", str(sorted({"LEG": "4"}.items())))
    shop.pass_time(hours=2)

    text = plain(shown(shop))

    assert "In step 2 h ago , not edited here since" in text
    assert "never, as far as is known" in text
    assert 'href="/kits/ROOM%2F1?tenant=acme"' in shown(shop)
    keep(shop, "itempath", "CHAIR", LEG="7")
    assert "edited here since" in plain(shown(shop))


def test_newest_is_shown(shop: World) -> None:
    """A look that was answered later than what is known is shown, with its own comparison; then what was read after it."""
    keep(shop, "intacct", "CHAIR", LEG="4")
    shop.pass_time(minutes=5)
    sides = (
        side(
            shop,
            "intacct",
            "source",
            lines=[line("LEG", "1", unit="BOX", base_quantity="6", extras={"revenue_percentage": "25", "min_component_qty": "0"})],
        ),
        side(shop, "itempath", name="Chair (old)", lines=[line("LEG", "5")], agreed={"at": "2026-03-04T10:00:00Z", "edited_since": True}),
        side(shop, "visma", state="unreachable", seen_at=None, trouble=["visma is broken: refused"]),
    )
    update = {"component": "LEG", "line": "l:LEG", "unit": "STK", "quantity": {"from": "5", "to": "6"}}
    away = {"target": "visma", "nested": "preserve", "state": "not_compared", "why": ["visma: refused"], "difference": None, "left_out": []}
    look(shop, "CHAIR", result(*sides, comparisons=[differs("itempath", update=[update]), away]))

    text = shown(shop)
    assert rows(text) == {"LEG": ["1 BOX = 6 STK revenue percentage 25", "-", "5 STK differs: 5 → 6"]}
    assert "Chair (old)" in text
    assert "Could not be read" in text
    assert "Visma Net is broken: refused." in text

    shop.pass_time(minutes=1)
    keep(shop, "itempath", "CHAIR", LEG="6")
    assert rows(shown(shop)) == {"LEG": ["1 BOX = 6 STK revenue percentage 25", "-", "6 STK"]}


def test_read_is_asked_once(shop: World) -> None:
    """A look is followed on the page, system after system, with why it waits; pressed twice it is one job."""
    client = shop.log_in()
    for _ in range(2):
        moved = shop.press(client, "/kits/read", tenant="acme", code="A/B #1")
        assert moved.location == "/kits/A%2FB%20%231?tenant=acme"
    (job,) = made(shop, "read_kit")
    assert (job.arguments, job.priority) == ({"kit": "A/B #1"}, 100)

    text = client.get(moved.location).text
    assert 'hx-trigger="every 1s"' in text
    assert "Sage Intacct waits for its turn" in plain(text)
    part = client.get(f"{moved.location}&part=live_kit").text
    assert part.strip().startswith('<div id="kit"')
    assert shop.ask("POST", "/api/connections/acme/intacct/pause", "root-key", json={}).status_code == 200
    assert "Sage Intacct waits: Paused by root." in plain(client.get(moved.location).text)
    assert shop.ask("POST", f"/api/jobs/{job.id}/cancel").status_code == 200
    assert "hx-trigger" not in client.get(moved.location).text


def test_failed_look_is_told(shop: World) -> None:
    """A look that failed says so, and may be asked for again."""
    client = shop.log_in()
    shop.press(client, "/kits/read", tenant="acme", code="CHAIR")
    (job,) = claim(shop.database, now=shop.now, lane=INTACCT)
    settle(shop.database, job, verdicts.failed(JobError("crashed", NASTY)), shop.now)
    text = shown(shop)
    assert "It could not be read" in text
    assert NASTY not in text
    assert "Read now</button>" in text


def test_sync_is_made(shop: World) -> None:
    """The sync that a button asks for: its targets, and only looked at or forced where that is ticked."""
    keep(shop, "intacct", "CHAIR", LEG="4")
    keep(shop, "itempath", "CHAIR", LEG="5")
    keep(shop, "visma", "CHAIR", LEG="6")
    client = shop.log_in()
    assert "Sync all targets" in shown(shop)

    one = shop.press(client, "/kits/sync", tenant="acme", code="CHAIR", targets="itempath")
    shop.press(client, "/kits/sync", tenant="acme", code="CHAIR", targets=["itempath", "visma"], dry_run="1", force="1")
    shop.press(client, "/kits/sync", tenant="acme", code="CHAIR", source="visma", targets="intacct")

    assert [row.arguments for row in made(shop, "sync_kit_lines")] == [
        {"kit": "CHAIR", "targets": ["itempath"]},
        {"kit": "CHAIR", "targets": ["itempath", "visma"], "dry_run": True, "force": True},
        {"kit": "CHAIR", "source": "visma", "targets": ["intacct"]},
    ]
    assert one.location == "/kits/CHAIR?tenant=acme#syncs"
    text = client.get("/kits/CHAIR?tenant=acme").text
    assert "The sync to Sage Intacct was asked for." in text
    assert 'hx-trigger="every 2s"' in text
    assert "dry run" in text


def test_failed_sync_is_told(shop: World) -> None:
    """A sync that failed says why, with a way to its job."""
    client = shop.log_in()
    shop.press(client, "/kits/sync", tenant="acme", code="CHAIR", targets="itempath")
    (job,) = claim(shop.database, now=shop.now, lane=INTACCT)
    settle(shop.database, job, verdicts.failed(JobError("conflict", f"held {NASTY}")), shop.now)
    text = client.get("/kits/CHAIR?tenant=acme").text
    assert f'href="/jobs/{job.id}"' in text
    assert "conflict held" in plain(text)
    assert NASTY not in text
    assert "hx-trigger" not in text


def test_held_sync_warns(shop: World) -> None:
    """Where a sync would stop because so many lines go, that is said beside the tick that lets it."""
    why = "5 of 6 lines would be deleted: held until it is forced, or the source is put right"
    gone = [{"component": f"C-{n}", "quantity": "1", "unit": "STK", "line": f"l:C-{n}"} for n in range(5)]
    sides = [
        side(shop, "intacct", "source", lines=[line("LEG", "1")]),
        side(shop, "visma"),
        side(shop, "itempath", lines=[line(f"C-{n}", "1") for n in range(5)]),
    ]
    look(shop, "CHAIR", result(*sides, comparisons=[differs("itempath", (why,), delete=gone, same=1)]))
    text = shown(shop)
    assert "5 of 6 lines would be deleted" in text
    assert "Without this the sync stops before it writes" in text
    assert rows(text)["C-4"] == ["-", "-", "1 STK - extra here"]


def test_faults_are_told(shop: World) -> None:
    """What can't be asked for is said on the page, and what was ticked stays."""
    client = shop.log_in()
    answer = shop.press(client, "/kits/sync", tenant="acme", code="CHAIR", source="visma", targets=["visma", "itempath"])
    assert answer.status_code == 422
    assert "is the source" in answer.text
    assert re.search(r'value="itempath" checked', answer.text)
    assert shop.press(client, "/kits/sync", tenant="acme", code="CHAIR").status_code == 422
    assert made(shop, "sync_kit_lines") == []


@pytest.mark.parametrize("path", ["/kits/read", "/kits/sync"])
def test_acts_need_the_role(shop: World, path: str) -> None:
    """Who may only look asks no system for anything, and who does not see the tenant finds nothing."""
    fields = {"tenant": "acme", "code": "CHAIR", "targets": "itempath"}
    assert shop.press(shop.log_in("view-key"), path, **fields).status_code == 403
    assert shop.press(shop.log_in("other-key"), path, **fields).status_code == 404
    assert shop.rows(jobs) == []


def test_no_source_no_sync(sqlite_url: str) -> None:
    """Without a source of syncs the systems stand side by side, and nothing is compared or offered."""
    world = World(sqlite_url, trio(name="acme", sync=Sync()))
    keep(world, "intacct", "CHAIR", LEG="4")
    keep(world, "itempath", "CHAIR", LEG="5")
    text = shown(world)
    assert rows(text) == {"LEG": ["-", "5 STK", "4 STK"]}
    assert "nothing is compared" in text
    assert "What a sync would do" not in text
    world.database.close()


def test_parts_need_a_look(sqlite_url: str) -> None:
    """Where inner kits are taken apart for a target, what is known is not compared."""
    world = World(sqlite_url, trio(name="acme", sync=Sync(source="intacct", targets=("itempath",), nested={"itempath": "explode"})))
    part = Recipe("CHAIR", (Line("FRAME", Decimal(1), "STK", rank=1, type="kit"),))
    book(world).keep("intacct", [Snapshot("CHAIR", "id", "f", to_json(part), revision=None, parts=("FRAME",))])
    keep(world, "itempath", "CHAIR", LEG="4")
    text = shown(world)
    assert "Not compared: ItemPath." in text
    assert 'href="/kits/FRAME?tenant=acme"' in text
    world.database.close()


def test_what_is_not_understood(shop: World) -> None:
    """A kit that could not be understood says why, as text."""
    book(shop).keep("visma", [Snapshot("CHAIR", "id", FAULT, {FAULT: f"LEG: {NASTY}"})])
    text = shown(shop)
    assert "Not understood" in text
    assert NASTY not in text


def test_others_see_nothing(shop: World) -> None:
    """A kit of a tenant that the key may not see is neither found nor shown."""
    keep(shop, "intacct", "CHAIR", LEG="4")
    other = shop.log_in("other-key")
    assert other.get("/kits/CHAIR?tenant=acme").status_code == 404
    assert other.get("/kits?tenant=acme").status_code == 404
    assert "CHAIR" not in other.get("/kits").text
    assert "No system is known to have this kit" in other.get("/kits/CHAIR").text


def test_whose_kit(shop: World) -> None:
    """Without a tenant it is the one that has the kit; where several do, one chooses."""
    root = shop.log_in("root-key")
    assert "Whose kit?" in root.get("/kits/CHAIR").text
    keep(shop, "intacct", "Chair", LEG="4")
    keep(shop, "intacct", "CHAIR-2", LEG="4")
    assert "<h1>Chair</h1>" in root.get("/kits/chair").text
    keep(shop, "visma", "CHAIR", "globex", LEG="4")
    text = root.get("/kits/CHAIR").text
    assert "Several tenants have a kit of this code." in text
    assert 'href="/kits/CHAIR?tenant=globex"' in text


def test_list_by_beginning(shop: World) -> None:
    """Known kits by the beginning of their code, with where they were read, and a way to any other."""
    keep(shop, "intacct", "CHAIR", LEG="4")
    keep(shop, "itempath", "CHAIR", LEG="4")
    keep(shop, "visma", f"TABLE{NASTY}", LEG="4")
    shop.pass_time(minutes=3)
    client = shop.log_in("view-key")

    text = client.get("/kits").text
    assert "CHAIR" in text
    assert NASTY not in text
    assert "Sage Intacct, ItemPath Visma Net 3 min ago" in plain(text)
    assert "CHAIR" not in client.get("/kits?q=ta").text
    assert "No known kit begins so" in client.get("/kits?q=zzz").text
    assert client.get("/kits?code=ZZZ&tenant=acme").status_code == 200
    assert client.get(f"/kits/{'A' * 101}").status_code == 404


def test_list_has_pages(shop: World) -> None:
    """A page holds some; the next one follows without a gap, and keeps what was asked for."""
    for number in range(60):
        keep(shop, "intacct", f"K-{number:03}", LEG="4")
    client: FlaskClient = shop.log_in("view-key")
    first = client.get("/kits?q=k-").text
    following = re.search(r'rel="next" href="([^"]+)"', first)
    assert following is not None
    second = client.get(following.group(1).replace("&amp;", "&")).text
    found = [code for text in (first, second) for code in re.findall(r"data-open>([^<]+)<", text)]
    assert found == [f"K-{number:03}" for number in range(60)]
