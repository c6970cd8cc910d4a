"""Every operation, over HTTP, with the documented samples."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from tests.worker.clients.erp import Said
from worker.clients.codec import read_json
from worker.clients.itempath import client as client_module
from worker.clients.itempath.client import ItemPathClient
from worker.clients.itempath.filters import CallFilter, KitFilter, KitLineFilter, MaterialFilter, above, any_of, below, like
from worker.clients.itempath.login import Sessions
from worker.errors import BadAnswer, CallError, Missing, RateLimited, Rejected, Unclear
from worker.settings import ItemPath, Secret

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.worker.clients.erp import Asked, Erp
    from worker.clients.base import ClientPool

SAMPLES = Path(__file__).parents[3] / "samples" / "itempath"
LINE, KIT, MATERIAL = (
    "37E70F65-C2C5-4B34-A7B6-3F051E96F9D1",
    "5B5F9DFA-2A2E-4017-823A-EB706E296573",
    "56C557D7-E526-4B42-A024-BA35D08AB46D",
)


def sample(name: str) -> Said:
    """A recorded answer; its status is in its name."""
    return Said(int(name.split(".")[-2]), (SAMPLES / name).read_bytes())


@pytest.fixture
def client(erp: Erp, pool: ClientPool) -> ItemPathClient:
    """A client with an application token."""
    settings = ItemPath(erp.url, token=Secret("app-token"))
    return ItemPathClient(settings, pool, Sessions(pool).auth(settings))


def asked(erp: Erp) -> list[str]:
    """Verb and path of each call, without the query."""
    return [f"{one.method} {urlsplit(one.path).path}" for one in erp.asked]


def query(one: Asked) -> list[tuple[str, str]]:
    """The decoded pairs of a call's query, in their order."""
    return parse_qsl(urlsplit(one.path).query)


def test_lines_are_listed(erp: Erp, client: ItemPathClient) -> None:
    """The documented list: numbers are numbers; filters, limit, page and order go in the query, not in a body."""
    erp.says(sample("kit_lines.200.json"))

    lines = client.list_kit_lines(KitLineFilter(kit_id=KIT, quantity=(above(0), below(10))), limit=20, order_by=("number", "material_id"))

    assert next((line.id, line.number, line.quantity, line.has_stock) for line in lines) == (LINE, 1, Decimal("1.0"), True)
    assert {line.kit_id for line in lines} == {KIT}
    assert asked(erp) == ["GET /api/kit_lines"]
    assert query(erp.asked[0]) == [
        ("kitId", KIT),
        ("quantity", "[gt]0"),
        ("quantity", "[lt]10"),
        ("limit", "20"),
        ("page", "0"),
        ("orderBy", "number,materialId"),
    ]
    assert erp.asked[0].body == b""
    assert erp.asked[0].headers["authorization"] == "Bearer app-token"


def test_older_lines_are_read(erp: Erp, client: ItemPathClient) -> None:
    """An older installation shows the material's name and no kit."""
    erp.says(sample("kit_lines_older.200.json"))

    (line,) = client.list_kit_lines()

    assert (line.kit_id, line.material_id, line.material_name) == (None, MATERIAL, "BOLT")


def test_line_is_created(erp: Erp, client: ItemPathClient) -> None:
    """The answer's padded texts become values; what was not given is not sent, and quantities are exact JSON numbers."""
    erp.says(sample("kit_line_created.200.json"), sample("kit_line_created.200.json"))

    line = client.create_kit_line(KIT, MATERIAL, Decimal("2.0"))
    client.create_kit_line(KIT, MATERIAL, Decimal("0.10"), number=3, target="A")

    assert (line.id, line.kit_id, line.number, line.quantity, line.has_stock) == (LINE, KIT, 1, Decimal("2.0"), True)
    assert asked(erp) == ["POST /api/kit_lines"] * 2
    assert read_json(erp.asked[0].body) == read_json((SAMPLES / "create.request.json").read_bytes())
    assert erp.asked[1].body == f'{{"kitId":"{KIT}","materialId":"{MATERIAL}","quantity":0.10,"number":3,"target":"A"}}'.encode()


def test_line_is_shown_and_updated(erp: Erp, client: ItemPathClient) -> None:
    """PUT sends only what changes; padding around an id does not get into a path."""
    erp.says(sample("kit_line.200.json"), sample("kit_line_updated.200.json"))

    shown = client.get_kit_line(f" {LINE} ")
    updated = client.update_kit_line(LINE, {"quantity": Decimal("2.0")})

    assert shown.quantity == updated.quantity == Decimal(2)
    assert asked(erp) == [f"GET /api/kit_lines/{LINE}", f"PUT /api/kit_lines/{LINE}"]
    assert erp.asked[1].body == b'{"quantity":2.0}'


def test_unknown_field_is_not_sent(erp: Erp, client: ItemPathClient) -> None:
    """`hasStock` is derived: it never leaves the house."""
    with pytest.raises(ValueError, match="has_stock"):
        client.update_kit_line(LINE, {"has_stock": True})

    assert erp.asked == []


@pytest.mark.parametrize("refusal", [404, 405])
def test_delete_in_the_other_form(erp: Erp, client: ItemPathClient, refusal: int) -> None:
    """The printed form first; where it is refused, the general one, which is remembered."""
    erp.says(Said(refusal), sample("kit_line_deleted.200.json"), sample("kit_line_deleted.200.json"))

    client.delete_kit_line(LINE)
    client.delete_kit_line(LINE)

    assert asked(erp) == [f"DELETE /api/kit_lines/{LINE}/delete", f"DELETE /api/kit_lines/{LINE}", f"DELETE /api/kit_lines/{LINE}"]


def test_update_by_the_other_verb(erp: Erp, client: ItemPathClient) -> None:
    """The kit-line page says PUT; where that is not allowed, the general page's POST is asked, and remembered."""
    erp.says(Said(405), sample("kit_line_updated.200.json"), sample("kit_line_updated.200.json"))

    client.update_kit_line(LINE, {"number": 2})
    client.update_kit_line(LINE, {"number": 2})

    assert asked(erp) == [f"{verb} /api/kit_lines/{LINE}" for verb in ("PUT", "POST", "POST")]


def test_delete_of_no_line(erp: Erp, client: ItemPathClient) -> None:
    """Once a form has worked, its 404 is about the line; before, both forms say so."""
    erp.says(Said(404), Said(405), sample("kit_line_deleted.200.json"), Said(404))

    with pytest.raises(Missing):
        client.delete_kit_line(LINE)
    client.delete_kit_line(LINE)
    with pytest.raises(Missing):
        client.delete_kit_line(LINE)

    assert [path.endswith("/delete") for path in asked(erp)] == [True, False, True, True]


@pytest.mark.parametrize("body", [{"deleted": True}, {"deleted": "true"}, {"deleted": "True"}, {"deleted": 1}, {"deleted": " true "}])
def test_delete_is_told(erp: Erp, client: ItemPathClient, body: object) -> None:
    """What counts as deleted."""
    erp.says(Said(200, body))

    client.delete_kit_line(LINE)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"deleted": "false"}, Rejected),
        ({"deleted": False}, Rejected),
        ({"deleted": 0}, Rejected),
        ({"deleted": 2}, Rejected),
        ({"deleted": None}, Rejected),
        ({"deleted": "yes"}, Rejected),
        ({}, BadAnswer),
        ([], BadAnswer),
        (b"<html>", BadAnswer),
    ],
)
def test_delete_is_not_believed(erp: Erp, client: ItemPathClient, body: object, expected: type[CallError]) -> None:
    """A 200 alone is no delete."""
    erp.says(Said(200, body))

    with pytest.raises(expected):
        client.delete_kit_line(LINE)


def test_kits_and_materials(erp: Erp, client: ItemPathClient) -> None:
    """Kits come with their lines; the other reads and creates have envelopes of their own."""
    erp.says(*(sample(f"{name}.200.json") for name in ("kits", "kit", "kit_created", "materials", "material", "material_created")))

    (kit,) = client.list_kits(KitFilter(name=any_of("KIT-0001", "B & C")))
    one, made = client.get_kit(KIT), client.create_kit("KIT-0001")
    (material,) = client.list_materials(MaterialFilter(info1=like("valve"), is_blocked=False))
    client.get_material(MATERIAL)
    client.create_material({"name": "BOLT", "unit_of_measure": "Piece", "info1": "x"})

    assert next(line.material_id for line in kit.lines or ()) == MATERIAL
    assert (len(one.lines or ()), made.id, made.name, made.lines) == (1, KIT, "KIT-0001", None)
    assert (material.name, material.unit_of_measure, material.codes, material.is_blocked) == ("BOLT", "Piece", ("BOLT-OLD",), False)
    assert material.value_per_unit == Decimal("0.1")
    assert asked(erp) == [
        "GET /api/kits",
        f"GET /api/kits/{KIT}",
        "POST /api/kits",
        "GET /api/materials",
        f"GET /api/materials/{MATERIAL}",
        "POST /api/materials",
    ]
    assert query(erp.asked[0])[0] == ("name", "[or]KIT-0001;B & C")
    assert query(erp.asked[3])[:2] == [("Info1", "[like]valve"), ("isBlocked", "0")]
    assert erp.asked[5].body == b'{"name":"BOLT","unitOfMeasure":"Piece","Info1":"x"}'


def test_calls_are_listed(erp: Erp, client: ItemPathClient) -> None:
    """The log of calls; its bodies, which may hold secrets, are in no repr."""
    erp.says(sample("calls.200.json"))

    (call,) = client.list_calls(CallFilter(code=200, endpoint=like("kit_lines"), user_id=7))

    assert (call.id, call.code, call.endpoint, call.username) == ("17", 200, "POST /api/kit_lines", "relay")
    assert "5B5F9DFA" not in repr(call)
    assert query(erp.asked[0])[:3] == [("code", "200"), ("endpoint", "[like]kit_lines"), ("userId", "7")]


@pytest.mark.parametrize(
    "body",
    [3, "3", " 3 ", {"count": 3}, {"kit_lines": 3}, {"kit_lines": {"count": "3"}}, {"kit_lines": [{"n": 3}]}, {"count": 3, "limit": 9}],
)
def test_count_is_read(erp: Erp, client: ItemPathClient, body: object) -> None:
    """The answer to countOnly has no documented shape: one number somewhere will do."""
    erp.says(*(Said(200, body) for _ in range(3)))

    counts = [client.count_kit_lines(KitLineFilter(kit_id=KIT)), client.count_kits(), client.count_materials()]

    assert counts == [3] * 3
    assert ("countOnly", "true") in query(erp.asked[0])


@pytest.mark.parametrize("body", [{}, [], {"a": 1, "b": 2}, {"count": True}, {"count": -1}, {"count": 1.5}, "many"])
def test_strange_count(erp: Erp, client: ItemPathClient, body: object) -> None:
    """None or several are no count."""
    erp.says(Said(200, body))

    with pytest.raises(BadAnswer):
        client.count_kits()


def test_pages_end(erp: Erp, client: ItemPathClient) -> None:
    """Pages are read until one is not full; a record that slipped to the next page comes once, whatever its id's case."""
    pages = [["A", "B"], ["b", "C"], ["D"]]
    erp.says(*(Said(200, {"kit_lines": [{"id": one} for one in page]}) for page in pages))

    lines = list(client.kit_lines(limit=2))

    assert [line.id for line in lines] == ["A", "B", "C", "D"]
    assert [dict(query(one))["page"] for one in erp.asked] == ["0", "1", "2"]


def test_pages_that_do_not_end(erp: Erp, client: ItemPathClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that ignores `page` is found out at once; and there is a last page whatever it says."""
    erp.else_ = Said(200, {"kits": [{"id": "A", "name": "A"}]})
    with pytest.raises(BadAnswer, match="same full page"):
        list(client.kits(limit=1))
    assert len(erp.asked) == 2

    monkeypatch.setattr(client_module, "MOST_PAGES", 3)
    erp.else_ = lambda one: Said(200, {"kits": [{"id": one.path, "name": "A"}]})
    with pytest.raises(BadAnswer, match="more than 3 pages"):
        list(client.kits(limit=1))


@pytest.mark.parametrize("body", [{"kits": 3}, {}, "x", {"kits": [1]}, {"kits": [{"name": "no id"}]}, {"kits": [{"id": "", "name": ""}]}])
def test_strange_list(erp: Erp, client: ItemPathClient, body: object) -> None:
    """A 200 that is no list is not taken for an empty one."""
    erp.says(Said(200, body))

    with pytest.raises(BadAnswer):
        client.list_kits()


WRITES: list[Callable[[ItemPathClient], Any]] = [
    lambda client: client.create_kit_line(KIT, MATERIAL, Decimal(1)),
    lambda client: client.update_kit_line(LINE, {"number": 1}),
    lambda client: client.delete_kit_line(LINE),
]


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (Said(wait=2.0), Unclear),
        (Said(drop=True), Unclear),
        (Said(500, {"message": "x"}), Unclear),
        (Said(400, {"message": "x"}), Rejected),
        (Said(409), Rejected),
        (Said(429, {}, {"Retry-After": "7"}), RateLimited),
        (Said(200, b"<html>"), BadAnswer),
    ],
)
def test_ends_of_a_write(
    erp: Erp, client: ItemPathClient, write: Callable[[ItemPathClient], Any], said: Said, expected: type[CallError]
) -> None:
    """A lost answer leaves a write unclear; a refusal does not; nothing is sent twice."""
    erp.says(said)

    with pytest.raises(CallError) as caught:
        write(client)

    assert type(caught.value) is expected
    assert len(erp.asked) == 1
