"""What reads the ERPs: `kit-assemblies`, `kit-lines`, `kit-components`, `check`, previews; against `kitrelay sandbox` as a process."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click.testing
import httpx
import pytest

from worker.sandbox.shown import settings_text

Run = Callable[..., click.testing.Result]
Said = Callable[..., Any]
TOP = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """Simulated ERPs with twelve balanced documents and three kits of four lines, the same in each."""
    command = [sys.executable, "-m", "worker.cli", "sandbox", "--port", "0", "--documents", "12", "--webhook-key", "k"]
    environ = {**os.environ, "PYTHONPATH": str(TOP)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environ) as process:
        assert process.stdout is not None
        told = process.stdout.readline() + process.stdout.readline() + process.stdout.readline()
        port = int(re.findall(rb":(\d+)", told)[0])
        assert httpx.post(f"http://127.0.0.1:{port}/_sandbox/kits", json={"count": 3, "lines_each": 4}).status_code == 201
        yield port
        process.terminate()


@pytest.fixture
def erp(port: int, file: Path) -> None:
    """The settings are those that `kitrelay sandbox` shows."""
    file.write_text(f'database_url = "sqlite:///{file.parent}/kitrelay.db"\n{settings_text("127.0.0.1", port, "k")}')


def tokens(port: int) -> int:
    """How many tokens Intacct has given out."""
    return int(httpx.get(f"http://127.0.0.1:{port}/_sandbox/counts").json()["intacct"]["companies"]["demo"]["token_calls"])


@pytest.mark.usefixtures("erp")
def test_list_reads_documents(run: Run, said: Said) -> None:
    """Filters go to the ERP; the total says what there is beside what is shown."""
    found = said("kit-assemblies", "list", "--status", "B", "--type", "P", "--limit", "5")
    assert (len(found["items"]), found["total"]) == (5, 12)
    assert {(each["type"], each["status"]) for each in found["items"]} == {("P", "B")}
    assert said("kit-assemblies", "list", "--status", "R")["items"] == []
    plain = run("kit-assemblies", "list", "--limit", "5")
    assert "P/000001" in plain.stdout
    assert "5 of 12" in plain.stderr


@pytest.mark.usefixtures("erp")
def test_show_reads_one(run: Run, said: Said) -> None:
    """One document with its lines; without any ledger, too; one that is not there fails in the ERP's words."""
    found = said("kit-assemblies", "show", "P/000001")
    plain = run("kit-assemblies", "show", "P/000001")
    missing = run("kit-assemblies", "show", "P/999999")
    assert (found["ref_no"], found["status"]) == ("000001", "B")
    assert found["stock_component_lines"][0]["item_id"] in plain.stdout
    assert missing.exit_code == 1
    assert "missing_reference" in missing.stderr


@pytest.mark.usefixtures("erp")
def test_borders_exclude_each_other(run: Run) -> None:
    """The ERP's list takes one border for the time of making."""
    assert run("kit-assemblies", "list", "--created-since", "2d", "--created-until", "1d").exit_code == 2


@pytest.mark.usefixtures("erp")
def test_selection_is_previewed(said: Said) -> None:
    """The ERP says how many documents a selection has, also between two times; nothing is made."""
    assert said("release", "--type", "P", "--preview")["would_change"] == 12
    nothing = {"preview": True, "would_change": 0, "would_skip": [], "calls": 0, "eta": None, "eta_from": None}
    assert said("release", "--type", "D", "--preview") == nothing
    assert said("release", "--created-since", "2d", "--created-until", "1d", "--preview")["would_change"] == 0
    assert said("batches", "list")["items"] == []


@pytest.mark.usefixtures("erp")
def test_kit_lines_are_listed(run: Run, said: Said) -> None:
    """A kit's lines by its name, with the names of what they hold; ranges, pages and counts as ItemPath has them."""
    found = said("kit-lines", "list", "--kit", "KIT-00001")["items"]
    plain = run("kit-lines", "list", "--kit", "KIT-00001").stdout
    every = said("kit-lines", "list", "--order-by", "quantity", "--order-by", "number")["items"]
    some = said("kit-lines", "list", "--quantity", "[gt]3", "--quantity", "[lt]9")["items"]
    paged = run("kit-lines", "list", "--limit", "5", "--page", "1")
    assert [line["number"] for line in found] == [1, 2, 3, 4]
    assert len({line["kit_id"] for line in found}) == 1
    assert plain.startswith("kit KIT-00001\n")
    assert plain.count(" C-0000") == 4
    assert [line["quantity"] for line in every] == sorted(line["quantity"] for line in every)
    assert len(every) == 12
    assert [line["quantity"] for line in some] == [line["quantity"] for line in some if 3 < line["quantity"] < 9]
    assert said("kit-lines", "list", "--kit", "[or]KIT-00001;KIT-00002", "--count") == {"count": 8}
    assert said("kit-lines", "list", "--has-stock", "[not]1", "--count")["count"] + said(
        "kit-lines", "list", "--has-stock", "1", "--count"
    )["count"] == len(every)
    assert "--page 2" in paged.stderr
    assert "KIT-0000" in paged.stdout


@pytest.mark.usefixtures("erp")
def test_kit_line_is_shown(run: Run, said: Said) -> None:
    """One line by its id; a kit or a line that is not there fails."""
    line = said("kit-lines", "list", "--kit", "KIT-00002", "--number", "[or]3;9")["items"][0]
    shown = run("kit-lines", "show", line["id"]).stdout
    assert said("kit-lines", "show", line["id"])["material_id"] == line["material_id"]
    assert "KIT-00002" in shown
    assert "C-0000" in shown
    assert run("kit-lines", "list", "--kit", "NONE").exit_code == 1
    assert run("kit-lines", "show", "37E70F65-C2C5-4B34-A7B6-3F051E96F9D1").exit_code == 1
    assert run("kit-lines", "list", "--quantity", "[gte]1").exit_code == 2


@pytest.mark.usefixtures("erp")
def test_kit_components_are_listed(run: Run, said: Said) -> None:
    """By kit, filter and expression, in pages; the total says what there is beside what is shown."""
    found = said("kit-components", "list", "--kit", "KIT-00001")
    code = found["items"][0]["component_id"]
    either = said(
        *("kit-components", "list", "--kit", "KIT-00001", "--kit", "KIT-00002", "--order-by", "lineNumber:desc", "--page-size", "3"),
        *("--filter", "lineNumber", "in", "1,2", "--filter", "numberOfUnits", "gt", "0", "--expression", "1 and 2"),
    )
    paged = run("kit-components", "list", "--limit", "5")
    assert (found["total"], [each["line_number"] for each in found["items"]]) == (4, [1, 2, 3, 4])
    assert [each["line_number"] for each in either["items"]] == [2, 2, 1, 1]
    assert "5 of 12" in paged.stderr
    assert code in paged.stdout
    assert said("kit-components", "list", "--component", code.lower(), "--any-case")["total"] >= 1


@pytest.mark.usefixtures("erp")
def test_kit_component_is_shown(run: Run, said: Said) -> None:
    """One by its key; the plain collection of references; sums by kit."""
    references = said("kit-components", "list", "--references")
    key = references["items"][0]["key"]
    summed = said("kit-components", "list", "--field", "kit.id", "--field", "sum:numberOfUnits")["items"]
    assert references["total"] == 12
    assert said("kit-components", "show", key)["key"] == key
    assert "number of units" in run("kit-components", "show", key).stdout
    assert "12" in run("kit-components", "list", "--references", "--limit", "5").stderr
    assert {row["kit.id"] for row in summed} == {"KIT-00001", "KIT-00002", "KIT-00003"}
    assert run("kit-components", "show", "999999").exit_code == 1
    assert run("kit-components", "list", "--references", "--kit", "A").exit_code == 2
    assert run("kit-components", "list", "--filter", "key", "is", "1").exit_code == 2


@pytest.mark.usefixtures("erp")
def test_kit_components_are_shown(run: Run, said: Said) -> None:
    """Several keys are read by one call; what there is is shown, also beside what there is not."""
    listed = said("kit-components", "list", "--kit", "KIT-00001")["items"]
    keys = [each["key"] for each in listed]
    found = said("kit-components", "show", *keys)
    mixed = run("kit-components", "show", keys[0], "999999")
    assert [each["component_id"] for each in found["items"]] == [each["component_id"] for each in listed]
    assert (mixed.exit_code, listed[0]["component_id"] in mixed.stdout, "999999" in mixed.stderr) == (1, True, True)
    assert run("kit-components", "show", *(str(number) for number in range(501))).exit_code == 2


@pytest.mark.usefixtures("erp", "url")
def test_token_is_shared(said: Said, run: Run, clean_redis_url: str, monkeypatch: pytest.MonkeyPatch, port: int) -> None:
    """Whoever looks takes the workers' token from Redis: a second authorisation would kill it."""
    monkeypatch.setenv("REDIS_URL", clean_redis_url)
    said("kit-components", "list", "--limit", "1")
    before = tokens(port)
    said("kit-components", "list", "--limit", "1")
    assert run("check").exit_code == 0
    assert tokens(port) == before


@pytest.mark.usefixtures("erp", "url")
def test_check_is_content(run: Run, file: Path) -> None:
    """Everything in place: nothing is wrong, and what there is is counted. Missing keys are warned of."""
    good = run("check", "--json")
    told = {each["what"]: each for each in json.loads(good.stdout)["items"]}
    file.write_text(file.read_text().replace('webhook_keys = ["k"]', "").replace('webhook_secret = "demo-push-secret"', ""))
    bare = {each["what"]: each for each in json.loads(run("check", "--json").stdout)["items"]}
    assert good.exit_code == 0
    assert {what: (each["state"], each["message"]) for what, each in told.items() if what.startswith("sandbox/")} == {
        "sandbox/visma": ("ok", "12 kit assemblies"),
        "sandbox/itempath": ("ok", "kit lines can be read"),
        "sandbox/intacct": ("ok", "12 kit components"),
        "sandbox/sync": ("ok", "visma to itempath, intacct: kits can be read"),
    }
    assert told["clock"]["state"] == "ok"
    assert (bare["sandbox/visma"]["state"], bare["sandbox/itempath"]["state"]) == ("warning", "warning")
    assert "webhook_keys" in bare["sandbox/visma"]["message"]
    assert "webhook_secret" in bare["sandbox/itempath"]["message"]


@pytest.mark.usefixtures("erp", "url")
@pytest.mark.parametrize(
    ("right", "broken", "names"),
    [
        ('client_secret = "demo-secret"', {"visma", "intacct"}, "client_secret"),
        ('password = "demo-password"', {"itempath"}, "password"),
        ('username = "relay@demo"', {"intacct"}, "user@company"),
    ],
)
def test_wrong_credentials_are_told(right: str, broken: set[str], names: str, run: Run, file: Path) -> None:
    """Credentials that are refused are wrong, with what to look at, and never shown; syncs that need the ERP are warned of."""
    file.write_text(file.read_text().replace(right, right.replace("demo", "other")))
    bad = run("check", "--json")
    found = json.loads(bad.stdout)["items"]
    wrong = {each["what"]: each["message"] for each in found if each["state"] == "wrong"}
    assert bad.exit_code == 1
    assert set(wrong) == {f"sandbox/{erp}" for erp in broken}
    assert all(names in message for message in wrong.values())
    assert [each["state"] for each in found if each["what"] == "sandbox/sync"] == ["warning"] * len(broken)
    assert "other-" not in bad.output


def test_migrate_makes_ledger(said: Said, run: Run, file: Path) -> None:
    """The ledger is made once; a second time changes nothing."""
    (file.parent / "kitrelay.db").unlink()
    assert said("migrate") == {"changed": True, "current": True}
    assert said("migrate") == {"changed": False, "current": True}
    assert run("jobs", "list").exit_code == 0
