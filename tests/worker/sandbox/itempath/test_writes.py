"""Writes: accepted first, imported later, and answered in the printed shapes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.worker.sandbox.harness import until

if TYPE_CHECKING:
    from tests.worker.sandbox.itempath.house import House


def test_create_as_printed(house: House) -> None:
    """Every value of the answer is a text with blanks around it; an unsent number is the next."""
    house.put("SPARE", ("SPRING", 1, 1))
    line = house.create("KIT", "SPRING", quantity=2).json()["kit_line"]
    assert line == {
        "hasStock": " 1 ",
        "id": line["id"],
        "kitId": f" {house.kit_id('KIT')} ",
        "materialId": f" {house.material_id('SPRING')} ",
        "number": " 4 ",
        "quantity": " 2.0 ",
    }
    assert line["id"] == f" {line['id'].strip().upper()} "


def test_create_shows_later(house: House) -> None:
    """A new line is in no list until Power Pick has imported it, nor can it be changed or deleted; then it has the id that was told."""
    line_id = house.create("KIT", "BOLT", quantity=2).json()["kit_line"]["id"].strip()
    statuses = (
        house.http.get(f"/kit_lines/{line_id}").status_code,
        house.http.put(f"/kit_lines/{line_id}", json={"quantity": 3}).status_code,
        house.http.delete(f"/kit_lines/{line_id}/delete").status_code,
    )
    assert (statuses, house.numbers(), house.counts()["imports"]["waiting"]) == ((404, 404, 404), [1, 2, 3], 1)
    house.imported()
    assert house.http.get(f"/kit_lines/{line_id}").json()["kit_line"]["quantity"] == 2.0
    assert (house.numbers(), house.effects()) == ([1, 2, 3, 4], {"creates": 1, "updates": 0, "deletes": 0})


def test_other_id_after_import(house: House) -> None:
    """If so set, the id of the answer is not the line's."""
    house.change(itempath_keeps_ids=False)
    line_id = house.create("KIT", "BOLT").json()["kit_line"]["id"].strip()
    house.imported()
    assert house.http.get(f"/kit_lines/{line_id}").status_code == 404
    assert house.numbers() == [1, 2, 3, 4]


def test_import_by_time(house: House) -> None:
    """With a short import nothing but waiting is needed."""
    house.change(import_ms=50)
    house.create("KIT", "BOLT")
    until(lambda: house.numbers() == [1, 2, 3, 4])


def test_update_only_what_is_sent(house: House) -> None:
    """The answer has the line as it will be, padded; what was not sent stays."""
    line_id = house.line_id("KIT", "NUT")
    line = house.http.put(f"/kit_lines/{line_id}", json={"quantity": 2.5}).json()["kit_line"]
    assert (line["id"], line["quantity"], line["number"]) == (f" {line_id} ", " 2.5 ", " 2 ")
    assert ("NUT", "8", 2) in house.stored("KIT")
    house.imported()
    assert house.stored("KIT") == [("BOLT", "4", 1), ("NUT", "2.5", 2), ("PLATE", "1", 3)]
    assert house.effects()["updates"] == 1


def test_line_moves_and_turns(house: House) -> None:
    """A line may be moved to another kit and pointed at another material in place."""
    house.put("OTHER", ("SPRING", 1, 1))
    line_id = house.line_id("KIT", "NUT")
    changes = {"kitId": house.kit_id("OTHER"), "materialId": house.material_id("BOLT").lower()}
    assert house.http.put(f"/kit_lines/{line_id}", json=changes).status_code == 200
    house.imported()
    assert house.stored("OTHER") == [("SPRING", "1", 1), ("BOLT", "8", 2)]
    assert house.stored("KIT") == [("BOLT", "4", 1), ("PLATE", "1", 3)]


@pytest.mark.parametrize("verb", ["PUT", "POST"])
def test_verb_of_update(house: House, verb: str) -> None:
    """The kit-line page says PUT, the general page POST: either may be the only one."""
    line = f"/kit_lines/{house.line_id('KIT', 'NUT')}"
    house.change(itempath_update=verb)
    statuses = {each: house.http.request(each, line, json={"quantity": 3}).status_code for each in ("PUT", "POST")}
    assert statuses == {"PUT": 404, "POST": 404} | {verb: 200}


@pytest.mark.parametrize("suffix", ["", "/delete"])
def test_delete(house: House, suffix: str) -> None:
    """Both forms work; the answer is a text; the line goes with the import, once."""
    line = f"/kit_lines/{house.line_id('KIT', 'NUT')}{suffix}"
    assert house.http.delete(line).json() == {"deleted": "true"}
    assert house.http.delete(line).status_code == 200
    assert house.numbers() == [1, 2, 3]
    house.imported()
    assert (house.numbers(), house.effects()["deletes"]) == ([1, 3], 1)
    assert house.http.delete(line).status_code == 404


@pytest.mark.parametrize(("form", "status"), [("printed", 404), ("printed", 405), ("general", 404), ("general", 405)])
def test_one_form_of_delete(house: House, form: str, status: int) -> None:
    """An installation may have only one form; the other answers with a page, whether or not there is such a line."""
    line = f"/kit_lines/{house.line_id('KIT', 'NUT')}"
    house.change(itempath_delete=form, itempath_no_form=status)
    wrong, right = (line, f"{line}/delete") if form == "printed" else (f"{line}/delete", line)
    refused = house.http.delete(wrong)
    assert (refused.status_code, refused.headers["Content-Type"].partition(";")[0]) == (status, "text/html")
    assert house.http.delete(right).json() == {"deleted": "true"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"kitId": None},
        {"materialId": ""},
        {"kitId": "none"},
        {"materialId": "none"},
        {"quantity": 0},
        {"quantity": "2"},
        {"quantity": True},
        {"number": 1.5},
        {"target": 1},
    ],
)
def test_refused_at_once(house: House, wrong: dict[str, Any]) -> None:
    """What is missing, of the wrong kind or unknown is 400, and nothing waits for import."""
    form = {"kitId": house.kit_id("KIT"), "materialId": house.material_id("BOLT")} | wrong
    assert house.http.post("/kit_lines", json=form).status_code == 400
    assert house.http.post("/kit_lines", content=b"{").status_code == 400
    assert house.counts()["imports"]["waiting"] == 0


def test_unknown_id_at_import(house: House) -> None:
    """If so set, an id that nothing has is found out only by Power Pick: accepted, and it never shows."""
    house.change(itempath_unknown_id="import")
    assert house.http.post("/kit_lines", json={"kitId": house.kit_id("KIT"), "materialId": "NONE"}).status_code == 200
    house.imported()
    counts = house.counts()
    assert (counts["imports"]["refused"], counts["refused"], house.numbers()) == (1, 1, [1, 2, 3])


@pytest.mark.parametrize(
    ("when", "status", "numbers"), [("at-once", 400, [1, 2, 3]), ("import", 200, [1, 2, 3]), ("never", 200, [1, 2, 2, 3])]
)
def test_taken_number(house: House, when: str, status: int, numbers: list[int]) -> None:
    """A taken number is refused at once, at the import, or never."""
    house.change(itempath_taken_number=when)
    assert house.create("KIT", "BOLT", number=2).status_code == status
    house.imported()
    assert house.numbers() == numbers


@pytest.mark.parametrize(("scope", "status"), [("kit", 200), ("table", 400)])
def test_scope_of_numbers(house: House, scope: str, status: int) -> None:
    """A number is unique in its kit, or among all lines."""
    house.change(itempath_taken_number="at-once", itempath_number_scope=scope)
    house.put("OTHER", ("SPRING", 1, 9))
    assert house.create("KIT", "BOLT", number=9).status_code == status
    assert house.create("KIT", "PLATE").json()["kit_line"]["number"] == " 10 "


@pytest.mark.parametrize("when", ["at-once", "import"])
def test_swap_over_free_numbers(house: House, when: str) -> None:
    """Two lines change places over free numbers without a wait between: writes on a kit are imported in order."""
    house.change(itempath_taken_number=when, jitter=0.9)
    bolt, nut = house.line_id("KIT", "BOLT"), house.line_id("KIT", "NUT")
    for line, number in ((bolt, 1001), (nut, 1002), (bolt, 2), (nut, 1)):
        assert house.http.put(f"/kit_lines/{line}", json={"number": number}).status_code == 200
    house.change(advance=200)
    assert house.stored("KIT") == [("NUT", "8", 1), ("BOLT", "4", 2), ("PLATE", "1", 3)]


def test_direct_swap_collides(house: House) -> None:
    """Changing places directly does not work: the first of the two is refused at its import."""
    bolt, nut = house.line_id("KIT", "BOLT"), house.line_id("KIT", "NUT")
    for line, number in ((bolt, 2), (nut, 1)):
        assert house.http.put(f"/kit_lines/{line}", json={"number": number}).status_code == 200
    house.imported()
    assert (house.counts()["imports"]["refused"], house.stored("KIT")[0]) == (2, ("BOLT", "4", 1))


def test_kit_and_material_made(house: House) -> None:
    """Kits and materials are imported later too; a kit without lines is there; a name is given once."""
    material = house.http.post("/materials", json={"name": "GLUE", "unitOfMeasure": "Liter"}).json()["material"]
    kit = house.http.post("/kits", json={"name": "NEW"}).json()["kit"]
    again = [house.http.post(path, json={"name": name}).status_code for path, name in (("/kits", "NEW"), ("/materials", "GLUE"))]
    assert (material["currentQuantity"], kit["name"], again) == (0, " NEW ", [400, 400])
    assert house.http.get("/kits", params={"name": "NEW"}).json() == {"kits": []}
    house.imported()
    assert house.http.get("/kits", params={"name": "NEW"}).json()["kits"][0]["id"] == kit["id"].strip()
    assert house.material_id("GLUE") == material["id"]
    assert (house.counts()["made"], house.stored("NEW")) == ({"kits": 1, "items": 1}, [])
    assert house.create("NEW", "GLUE", quantity=2).json()["kit_line"]["hasStock"] == " 0 "


def test_kit_made_with_lines(house: House) -> None:
    """Lines may come with a new kit."""
    lines = [{"materialId": house.material_id("NUT"), "quantity": 3}, {"materialId": house.kit_id("KIT")}]
    assert house.http.post("/kits", json={"name": "NEW", "lines": lines}).status_code == 200
    house.imported()
    assert house.stored("NEW") == [("NUT", "3", 1), ("KIT", "1", 2)]


@pytest.mark.parametrize("name", ["", "x" * 51])
def test_names_too_long(house: House, name: str) -> None:
    """A name has 1 to 50 characters."""
    assert house.http.post("/materials", json={"name": name}).status_code == 400


def test_created_twice(house: House) -> None:
    """The same line made again is counted, by its content or its place, before and after the import; another quantity is not the same."""
    house.change(itempath_taken_number="never")
    for form in ({"quantity": 2}, {"quantity": 2}, {"quantity": 3}, {"number": 1}):
        house.create("KIT", "BOLT", **form)
    house.imported()
    assert house.counts()["created_twice"] == 2
    house.create("KIT", "BOLT", quantity=3)
    house.imported()
    told = {kit["code"]: kit for kit in house.counts(kits=True)["kits"]}
    assert (told["KIT"]["created_twice"], told["KIT"]["creates"]) == (3, 5)


def test_made_anew_is_not_twice(house: House) -> None:
    """A line that was deleted, or is about to be, may be made again."""
    house.create("KIT", "PLATE", number=9)
    house.imported()
    line_id = next(line["id"] for line in house.lines(("number", "9")))
    house.http.delete(f"/kit_lines/{line_id}")
    house.create("KIT", "PLATE", number=9)
    house.imported()
    assert (house.counts()["created_twice"], house.effects()) == (0, {"creates": 2, "updates": 0, "deletes": 1})


def test_one_writer(house: House) -> None:
    """More than one write at once is counted as a violation; reads are not."""
    house.change(faults={"itempath-timeout": 1.0}, itempath_no_answer="hold")
    form = {"kitId": house.kit_id("KIT"), "materialId": house.material_id("BOLT")}
    with ThreadPoolExecutor() as pool:
        writes = [pool.submit(house.http.post, "/kit_lines", json=form) for _ in range(2)]
        until(lambda: house.counts()["most_writes_at_once"] == 2)
        assert house.numbers() == [1, 2, 3]
        house.change(itempath_no_answer="close")
    assert all(isinstance(write.exception(), httpx.RemoteProtocolError) for write in writes)
    assert house.counts()["violations"] == {"writers": 1}


def test_calls_by_route(house: House) -> None:
    """Calls are counted by route template and status; those to paths that there are not, too."""
    house.lines()
    house.http.delete("/kits")
    house.http.put("/kit_lines/none", json={})
    house.http.delete(f"/kit_lines/{house.line_id('KIT', 'NUT')}/delete")
    assert house.counts()["routes"] == {
        "DELETE /api/kit_lines/{id}/delete": {"200": 1},
        "DELETE other": {"405": 1},
        "GET /api/kit_lines": {"200": 1},
        "PUT /api/kit_lines/{id}": {"404": 1},
    }
