"""The command line as a whole: help, exit codes, and errors for people."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import click.testing
import pytest

from worker.cli import kitrelay
from worker.cli.group import COMMANDS, failed
from worker.errors import CallError, Conflict, Fault, InvalidArguments, KitrelayError, LedgerUnavailable, SettingsError
from worker.version import VERSION

Run = Callable[..., click.testing.Result]
QUIET = {"up", "web", "worker", "scheduler", "sandbox"}


def all_commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command with the words that name it."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from all_commands(command, (*path, name))


EVERY = dict(all_commands(kitrelay))


@pytest.mark.parametrize("words", EVERY, ids=" ".join)
def test_help_has_example(words: tuple[str, ...], run: Run) -> None:
    """Every command's help ends with an example that calls it."""
    result = run(*words, "--help")
    assert result.exit_code == 0
    assert f"kitrelay {' '.join(words)}" in result.stdout.partition("Example:")[2]


def test_showing_commands_take_json() -> None:
    """Every command that shows something can show it as JSON."""
    leaves = {words: command for words, command in EVERY.items() if not isinstance(command, click.Group)}
    without = {words[0] for words, command in leaves.items() if "--json" not in {opt for p in command.params for opt in p.opts}}
    assert without == QUIET


def test_issue_commands_are_there() -> None:
    """The commands are those of the contract that this version has."""
    assert set(COMMANDS) == {
        "demo", "up", "web", "worker", "scheduler", "migrate", "sandbox", "release", "create", "jobs", "batches", "kit-assemblies", "check",
        "sync", "kit-lines", "kit-components", "rules", "failures", "deliveries",
    }  # fmt: skip
    assert {words[1] for words in EVERY if words[:1] == ("jobs",) and len(words) > 1} == {
        "list", "show", "tail", "replay", "cancel", "discard", "done", "ask",
    }  # fmt: skip
    assert {words[1] for words in EVERY if words[:1] == ("batches",) and len(words) > 1} == {
        "list", "show", "watch", "pause", "resume", "cancel",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (SettingsError((Fault("port", "must be a whole number"), Fault("foo", "is not known"))), 2, ["port: must", "foo: is"]),
        (InvalidArguments((Fault("ref_no", "is required"),)), 2, ["ref_no: is required"]),
        (Conflict("a running job can't be replayed"), 1, ["a running job"]),
        (LedgerUnavailable("the database can't be used"), 1, ["the database"]),
        (CallError("no such company", error_class="auth"), 1, ["auth", "no such company"]),
        (KitrelayError("anything"), 1, ["anything"]),
    ],
)
def test_error_has_code(error: KitrelayError, code: int, words: list[str]) -> None:
    """Each error is told in words, with 2 for wrong use and 1 for what failed."""
    told = failed(error)
    assert told.exit_code == code
    assert all(word in told.message for word in words)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("jobs", "list", "--cursor", "nope"), "take `next` of the page before"),
        (("batches", "list", "--cursor", "nope"), "take `next` of the page before"),
        (("deliveries", "list", "--cursor", "nope"), "take `next` of the page before"),
        (("jobs", "replay", "--error-class", "unavailble"), "'unavailable'"),
        (("failures", "--error-class", "unavailble"), "'unavailable'"),
    ],
)
def test_typos_are_wrong_use(words: tuple[str, ...], told: str, run: Run) -> None:
    """A cursor or a class that is none finds nothing or something else: it is told, not taken."""
    result = run(*words)
    assert result.exit_code == 2
    assert told in result.stderr


@pytest.mark.parametrize("words", [("release", "P/1"), ("release", "P/1", "--tenant", "acme"), ("kit-lines", "list"), ("sync", "A")])
def test_no_tenant_at_all(words: tuple[str, ...], file: Path, run: Run) -> None:
    """Where the settings name nobody to work for, no --tenant helps: what does is said."""
    file.write_text("")
    result = run(*words)
    assert result.exit_code == 2
    assert "kitrelay.toml" in result.stderr
    assert "--tenant is needed" not in result.stderr


def test_settings_faults_together(file: Path, run: Run) -> None:
    """All faults of the settings are named at once, and the command does not begin."""
    file.write_text('port = "x"\nfoo = 1\n')
    result = run("jobs", "list")
    assert result.exit_code == 2
    assert "port: must be a whole number" in result.stderr
    assert "foo: is not known" in result.stderr


@pytest.mark.parametrize("words", [("nonsense",), ("jobs", "nonsense"), ("jobs", "list", "--limit", "0"), ("jobs", "show")])
def test_wrong_use_is_two(words: tuple[str, ...], run: Run) -> None:
    """Unknown commands, bad options and missing arguments are wrong use."""
    assert run(*words).exit_code == 2


def test_version_is_told(run: Run) -> None:
    """The version is the distribution's."""
    assert VERSION in run("--version").stdout


def test_runs_as_module() -> None:
    """`python -m worker.cli` is the same program, and its help loads neither the ledger nor the ERP's client."""
    code = "import sys, worker.cli; worker.cli.main(['--help'])\n"
    watch = "import atexit, sys; atexit.register(lambda: print([m for m in sys.modules if m in ('sqlalchemy', 'celery', 'httpx')]))\n"
    done = subprocess.run([sys.executable, "-c", watch + code], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[3])
    assert "Carries kit assemblies" in done.stdout
    assert done.stdout.endswith("[]\n")
