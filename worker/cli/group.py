"""The commands by name, each loaded when it is used, and what an error means for whoever called."""

from __future__ import annotations

from importlib import import_module
from typing import Any, Final

import click

from worker.cli import options
from worker.errors import CallError, InvalidArguments, KitrelayError, SettingsError
from worker.version import VERSION

FAILED: Final = 1
WRONG_USE: Final = 2

COMMANDS: Final[dict[str, tuple[str, str]]] = {
    "demo": ("demo", "The main job on one machine, with nothing set up."),
    "up": ("roles", "Receiver, worker and scheduler together, for one machine."),
    "web": ("roles", "The receiver and the API."),
    "worker": ("roles", "A worker: makes the calls to the ERPs."),
    "scheduler": ("roles", "The scheduler: finds what is due."),
    "migrate": ("migrate", "Bring the database to this version."),
    "check": ("check", "Is everything set up? One line each."),
    "sandbox": ("sandbox", "The simulated ERPs on their own."),
    "release": ("release", "Release one or many kit assemblies as a batch."),
    "create": ("create", "Create kit assemblies from a file, as a batch."),
    "sync": ("sync", "Make kits' lines in other ERPs equal to one ERP's."),
    "jobs": ("jobs", "Look at jobs; replay, cancel and discard them, ask the ERP now, or say that they are done."),
    "batches": ("batches", "Look at batches; pause, resume and cancel them."),
    "failures": ("failures", "List failed jobs by the reason why."),
    "deliveries": ("deliveries", "Look at what arrived; replay it."),
    "rules": ("rules", "Try out what an event would do."),
    "kit-assemblies": ("assemblies", "Read kit assemblies in Visma."),
    "kit-lines": ("kit_lines", "Read kit lines in ItemPath."),
    "kit-components": ("kit_components", "Read kit components in Sage Intacct."),
}
"""By name: the module in this package, and one line of help."""


class Failed(click.ClickException):
    """It failed: a message for a person, and an exit code for a program."""

    exit_code = FAILED


class WrongUse(Failed):
    """It was used wrongly, or its settings are wrong."""

    exit_code = WRONG_USE


class Commands(click.Group):
    """The top of the command line."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """In the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """The command, loaded now."""
        if cmd_name not in COMMANDS:
            return None
        module, _ = COMMANDS[cmd_name]
        found: click.Command = getattr(import_module(f"worker.cli.{module}"), cmd_name.replace("-", "_"))
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        """From the table, so that help loads nothing."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, help_line) for name, (_, help_line) in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - whatever a command gives back
        """Run it; our errors become messages and exit codes."""
        try:
            return super().invoke(ctx)
        except KitrelayError as error:
            raise failed(error) from error


def failed(error: KitrelayError) -> Failed:
    """What to say, and with which code to leave."""
    match error:
        case SettingsError():
            return WrongUse(str(error).rstrip())
        case InvalidArguments():
            return WrongUse("\n".join(["wrong use:", *(f"  {fault}" for fault in error.faults)]))
        case CallError():
            return Failed(f"the ERP did not do it ({error.error_class}): {error.message}")
        case _:
            return Failed(str(error))


@click.command(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=options.example("kitrelay demo"),
)
@click.version_option(VERSION, prog_name="kitrelay")
def kitrelay() -> None:
    """Carries kit assemblies and kit lines between ERPs and everything else: nothing lost, nothing twice.

    Settings stand in kitrelay.toml, or where KITRELAY_CONFIG points. Exit codes: 0 done, 1 it failed, 2 wrong use.
    """
