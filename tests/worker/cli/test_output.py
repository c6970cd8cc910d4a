"""What people read: tables that fit the line and cut nothing that somebody has to copy."""

from __future__ import annotations

from typing import Final

import pytest

from worker.cli.output import table

ID: Final = "01a2021f-8f4a-718b-94fa-d9a30708bea9"
LONG: Final = "shop: connection.recovered for the northern warehouse"


@pytest.mark.parametrize("outcome", ["", "unavailable: no connection to 127.0.0.1: [Errno 111] Connection refused"])
def test_ids_are_whole(outcome: str, capsys: pytest.CaptureFixture[str]) -> None:
    """In 80 columns an id and a state stand whole, whatever stands beside them: they are what the next command is given."""
    table(("job", "reference", "state", "what became of it"), [(ID, LONG, "succeeded", outcome), (ID, "P/1", "queued", "")])
    lines = capsys.readouterr().out.splitlines()
    assert sum(ID in line for line in lines) == 2
    assert any("succeeded" in line for line in lines)
    assert max(len(line) for line in lines) <= 80
    assert "".join(line[-19:].strip() for line in lines[1:]).replace(" ", "") == outcome.replace(" ", "")


def test_empty_table_has_a_head(capsys: pytest.CaptureFixture[str]) -> None:
    """Where there is nothing the names of the columns stand alone."""
    table(("job", "state", "what became of it"), [])
    assert capsys.readouterr().out.split() == ["job", "state", "what", "became", "of", "it"]
