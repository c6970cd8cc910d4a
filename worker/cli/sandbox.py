"""`sandbox`: the simulated ERPs on their own, to develop against. This process becomes the sandbox, which is a program apart."""

from __future__ import annotations

import os
import sys
from typing import Any

import click

from worker.cli import options
from worker.cli.supervisor import Role, command, environment


@click.command(
    epilog=options.example(
        "kitrelay sandbox --documents 500 --fault lost=0.5 --fault slow",
        """curl -d '{"count": 20}' http://127.0.0.1:9100/_sandbox/kits    # twenty kits, the same in each ERP""",
    )
)
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=click.IntRange(0, 65_535), default=9100, show_default=True, help="0 takes a free one.")
@click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="NAME[=RATE]",
    help="What goes wrong, and how often; `all` for all, `all-itempath` for one ERP's. A wrong name shows them.",
)
@click.option("--documents", type=click.IntRange(0), default=100, show_default=True, help="Balanced documents in Visma at the start.")
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed has the same faults.")
@click.option("--accept-ms", type=click.FloatRange(0), default=50.0, show_default=True, help="Until Visma accepts a call.")
@click.option("--finish-ms", type=click.FloatRange(0), default=300.0, show_default=True, help="Until Visma's operation has ended.")
@click.option("--read-ms", type=click.FloatRange(0), default=20.0, show_default=True, help="The time of a read.")
@click.option("--import-ms", type=click.FloatRange(0), default=300.0, show_default=True, help="Until Power Pick has imported a write.")
@click.option("--calls-per-hour", type=click.IntRange(1), default=15_000, show_default=True, help="Of Visma.")
@click.option("--slots", type=click.IntRange(0), default=0, help="Count more calls at once than these as violations.")
@click.option("--webhook-url", default="", help="Where Visma's notifications go, such as http://127.0.0.1:8000/webhooks/visma/sandbox.")
@click.option("--webhook-key", default="demo-key", show_default=True, help="What they are signed with.")
@click.option("--itempath-push-url", default="", help="Where ItemPath's Data Push goes: …/webhooks/itempath/sandbox.")
@click.option("--intacct-webhook-url", default="", help="Where Intacct's triggers go: …/webhooks/intacct/sandbox.")
def sandbox(**given: Any) -> None:  # noqa: ANN401 - the options above
    """Run the simulated ERPs on their own, to develop against: Visma, ItemPath and Sage Intacct.

    They forget everything when they end. Settings for kitrelay.toml are printed as soon as they answer. GET /_sandbox/counts says what took
    effect, GET /_sandbox/faults what can go wrong. GET, PUT and DELETE /_sandbox/kits/ERP/demo/CODE are a person who edits a kit there.
    """
    role = Role("sandbox", tuple(words_of(given)))
    os.execve(sys.executable, command(role), _own(environment(role)))  # noqa: S606 - our own interpreter and module, and no shell


def words_of(given: dict[str, Any]) -> list[str]:
    """The sandbox's own options."""
    plain = {name: value for name, value in given.items() if name != "faults"}
    words = [f"--{name.replace('_', '-')}={value}" for name, value in plain.items()]
    return [*words, *(f"--fault={each}" for each in given["faults"]), "--show-settings"]


def _own(environ: dict[str, str]) -> dict[str, str]:
    """Nobody supervises it: its parent is the shell."""
    return {name: value for name, value in environ.items() if name != "KITRELAY_SUPERVISOR"}
