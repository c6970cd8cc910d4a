"""What reads the ERP: `kit-assemblies`, `check`, a selection's preview; against `kitrelay sandbox` as a process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click.testing
import pytest

from worker.cli.sandbox import SHOWN

Run = Callable[..., click.testing.Result]
Said = Callable[..., Any]
TOP = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """A simulated ERP with twelve balanced documents."""
    command = [sys.executable, "-m", "worker.cli", "sandbox", "--port", "0", "--documents", "12", "--webhook-key", "k"]
    environ = {**os.environ, "PYTHONPATH": str(TOP)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environ) as process:
        assert process.stdout is not None
        yield int(json.loads(process.stdout.readline())["port"])
        process.terminate()


@pytest.fixture
def erp(port: int, file: Path) -> None:
    """The settings are those that `kitrelay sandbox` shows."""
    file.write_text(f'database_url = "sqlite:///{file.parent}/kitrelay.db"\n{SHOWN.format(port=port, key="k")}\n')


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
    assert said("release", "--type", "D", "--preview") == {"preview": True, "would_change": 0, "would_skip": [], "calls": 0, "eta": None}
    assert said("release", "--created-since", "2d", "--created-until", "1d", "--preview")["would_change"] == 0
    assert said("batches", "list")["items"] == []


@pytest.mark.usefixtures("erp", "url")
def test_check_is_content(run: Run, file: Path) -> None:
    """Everything in place: nothing is wrong, and the documents are counted. Wrong credentials are, with what to look at."""
    good = run("check", "--json")
    told = {each["what"]: each for each in json.loads(good.stdout)["items"]}
    text = file.read_text()
    file.write_text(text.replace('webhook_keys = ["k"]', ""))
    unsigned = {each["what"]: each for each in json.loads(run("check", "--json").stdout)["items"]}
    file.write_text(text.replace("demo-secret", "other-secret"))
    bad = run("check", "--json")
    wrong = [each for each in json.loads(bad.stdout)["items"] if each["state"] == "wrong"]
    assert (good.exit_code, told["sandbox/visma"]["message"]) == (0, "12 kit assemblies")
    assert unsigned["sandbox/visma"]["state"] == "warning"
    assert "webhook_keys" in unsigned["sandbox/visma"]["message"]
    assert bad.exit_code == 1
    assert [each["what"] for each in wrong] == ["sandbox/visma"]
    assert "client_secret" in wrong[0]["message"]
    assert "other-secret" not in bad.output


def test_migrate_makes_ledger(said: Said, run: Run, file: Path) -> None:
    """The ledger is made once; a second time changes nothing."""
    (file.parent / "kitrelay.db").unlink()
    assert said("migrate") == {"changed": True, "current": True}
    assert said("migrate") == {"changed": False, "current": True}
    assert run("jobs", "list").exit_code == 0
