"""`python -m worker.sandbox`: a sandbox from the command line."""

from __future__ import annotations

import argparse
import json
import os
import sys
from functools import partial
from typing import TYPE_CHECKING

from worker.sandbox.faults import FAULTS, parse_faults
from worker.sandbox.server import run
from worker.sandbox.settings import CompanySettings, SandboxSettings
from worker.sandbox.shown import settings_text

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(words: Sequence[str] | None = None) -> int:
    """Run until SIGTERM or SIGINT; 2 for wrong use, 1 where the port can't be had."""
    options = parser().parse_args(words)
    try:
        settings = settings_of(options)
    except ValueError as fault:
        sys.stderr.write(f"Error: {fault}\n")
        return 2
    ready = announce if options.announce else None
    if options.show_settings:
        ready = partial(show, options.host, options.webhook_key)
    try:
        run(settings, ready)
    except OSError as error:
        why = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror
        sys.stderr.write(f"Error: can't listen on {options.host}:{options.port}: {why}; take another --port\n")
        return 1
    return 0


def announce(port: int) -> None:
    """One line of JSON that names the port."""
    sys.stdout.write(json.dumps({"port": port}) + "\n")
    sys.stdout.flush()


def show(host: str, key: str, port: int) -> None:
    """The settings with which the sandbox is called."""
    sys.stdout.write(settings_text(host, port, key))
    sys.stdout.flush()


def settings_of(options: argparse.Namespace) -> SandboxSettings:
    """The settings that the options ask for; every company gets the same webhook and limits. Raises `ValueError`."""
    companies = tuple(
        CompanySettings(
            name=name,
            webhook_url=options.webhook_url,
            webhook_key=options.webhook_key,
            calls_per_hour=options.calls_per_hour,
            slots=options.slots,
            itempath_push_url=options.itempath_push_url,
            intacct_slots=options.intacct_slots,
            intacct_webhook_url=options.intacct_webhook_url,
        )
        for name in options.company or ["demo"]
    )
    return SandboxSettings(
        host=options.host,
        port=options.port,
        seed=options.seed,
        companies=companies,
        documents=options.documents,
        faults=parse_faults(options.fault),
        accept_ms=options.accept_ms,
        finish_ms=options.finish_ms,
        read_ms=options.read_ms,
        import_ms=options.import_ms,
        jitter=options.jitter,
    )


def parser() -> argparse.ArgumentParser:
    """The options; their defaults are those of the settings."""
    default, company = SandboxSettings(), CompanySettings()
    found = argparse.ArgumentParser(prog="python -m worker.sandbox", description=__doc__)
    found.add_argument("--host", default=default.host)
    found.add_argument("--port", type=int, default=9100, help="0 takes a free one")
    found.add_argument("--announce", action="store_true", help="print the port as one line of JSON")
    found.add_argument("--show-settings", action="store_true", help="print settings for kitrelay.toml")
    found.add_argument("--fault", action="append", default=[], metavar="NAME[=RATE]", help=f"all, all-<ERP>, {', '.join(FAULTS)}")
    found.add_argument("--seed", type=int, default=default.seed)
    found.add_argument("--company", action="append", default=[], metavar="NAME", help="may be given several times")
    found.add_argument("--documents", type=int, default=default.documents, help="balanced documents for each company")
    found.add_argument("--accept-ms", type=float, default=default.accept_ms)
    found.add_argument("--finish-ms", type=float, default=default.finish_ms)
    found.add_argument("--read-ms", type=float, default=default.read_ms)
    found.add_argument("--import-ms", type=float, default=default.import_ms, help="until Power Pick has imported a write")
    found.add_argument("--jitter", type=float, default=default.jitter)
    found.add_argument("--webhook-url", default=company.webhook_url)
    found.add_argument("--webhook-key", default="")
    found.add_argument("--calls-per-hour", type=int, default=company.calls_per_hour)
    found.add_argument("--slots", type=int, default=company.slots, help="more calls at once are counted as violations")
    found.add_argument("--itempath-push-url", default=company.itempath_push_url, help="where Data Push goes")
    found.add_argument("--intacct-slots", type=int, default=company.intacct_slots, help="more calls at once are refused; 0: any number")
    found.add_argument("--intacct-webhook-url", default=company.intacct_webhook_url, help="where platform triggers go")
    return found


if __name__ == "__main__":
    sys.exit(main())
