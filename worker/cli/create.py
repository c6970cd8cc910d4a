"""`create`: kit assemblies from a file, as one batch. Every row is looked at before any is stored."""

from __future__ import annotations

import shutil
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import click

from worker.cli import options
from worker.cli.batches import show_made
from worker.cli.group import Failed, WrongUse
from worker.cli.making import make_batch
from worker.cli.opening import load, opened, tenant_for
from worker.cli.output import counting
from worker.cli.rows import Unreadable, rows_of
from worker.cli.taking import hold, must_not_hold
from worker.errors import Fault, InvalidArguments
from worker.jobs.batches import NewBatch
from worker.kinds import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from worker.cli.rows import Row

KIND: Final = KINDS["create_kit_assembly"]
MOST_FAULTS: Final = 200
SPOOLED: Final = 4 * 1024 * 1024


@click.command(epilog=options.example("kitrelay create assemblies.csv --release --wait", "jq -c '.[]' orders.json | kitrelay create -"))
@click.argument("file", metavar="FILE.json|FILE.csv|-")
@click.option("--format", "form", type=click.Choice(["json", "csv"]), help="By the file's name unless said; JSON for standard input.")
@click.option("--release", is_flag=True, help="Release each one, too, where its row does not say.")
@options.tenant
@click.option("--name", metavar="TEXT", help="What the batch is called; the file's name unless said.")
@hold
@click.option("--wait", is_flag=True, help="Follow it, and exit by its result.")
@options.as_json
def create(
    file: str,
    form: str | None,
    tenant: str | None,
    name: str | None,
    release: bool,  # noqa: FBT001 - click gives it by name
    hold: bool,  # noqa: FBT001 - likewise
    wait: bool,  # noqa: FBT001 - likewise
    as_json: bool,  # noqa: FBT001 - likewise
) -> None:
    """Create kit assemblies from a file, as one batch.

    JSON: an array of objects, or one object after another. CSV: a header with the names of arguments (item_id, quantity, type, warehouse,
    description, …), then a row for each; a blank cell is not given. Every bad row is named before anything is stored. With --hold the batch
    is made and nothing of it starts: `kitrelay batches resume` starts it, `kitrelay batches cancel` drops it.
    """
    must_not_hold(hold=hold, wait=wait)
    settings = load()
    tenant = tenant_for(settings, tenant, KIND.erp)
    is_csv = (form or Path(file).suffix.lstrip(".").lower()) == "csv"
    with ExitStack() as stack:
        source = stack.enter_context(_opened(file))
        count = _checked(source, is_csv=is_csv)
        database = stack.enter_context(opened(settings))
        named = name or ("standard input" if file == "-" else Path(file).name)
        new = NewBatch(tenant=tenant, erp=KIND.erp, kind=KIND.name, name=named, held=hold)
        with counting("storing", count) as done:
            batch = make_batch(settings, database, new, _items(source, is_csv=is_csv, release=release), count, done)
        show_made(settings, database, batch.id, hold=hold, wait=wait, as_json=as_json)


def _opened(file: str) -> BinaryIO:
    """The file, or all of standard input: it is read twice."""
    try:
        if file != "-":
            return Path(file).open("rb")
        spool = tempfile.SpooledTemporaryFile(max_size=SPOOLED)  # noqa: SIM115 - the caller closes it
        shutil.copyfileobj(sys.stdin.buffer, spool)
    except OSError as error:
        raise WrongUse(f"{file} can't be read: {error.strerror}") from error
    return cast("BinaryIO", spool)


def _checked(source: BinaryIO, *, is_csv: bool) -> int:
    """Look at every row; how many there are. Raises `Failed` that names each bad one."""
    faults: list[str] = []
    count = bad = 0
    with counting("checking", None) as done:
        try:
            for count, row in enumerate(rows_of(source, KIND, is_csv=is_csv), start=1):
                found = _faults(row)
                bad += bool(found)
                faults.extend(found[: max(0, MOST_FAULTS - len(faults))])
                done(count)
        except Unreadable as error:
            faults.append(str(error))
            bad += 1
    if not count and not bad:
        raise Failed("there are no rows in it; nothing was stored")
    if bad:
        more = [f"  … and more: the first {MOST_FAULTS} faults are shown"] if len(faults) >= MOST_FAULTS else []
        raise Failed("\n".join([f"{bad} bad row{'s' if bad > 1 else ''}; nothing was stored", *(f"  {fault}" for fault in faults), *more]))
    return count


def _faults(row: Row) -> list[str]:
    found = list(row.faults)
    try:
        KIND.check(row.value)
    except InvalidArguments as error:
        found.extend(error.faults)
    return [str(Fault(f"{row.place}, {fault.path}" if fault.path else row.place, fault.message)) for fault in found]


def _items(source: BinaryIO, *, is_csv: bool, release: bool) -> Iterator[dict[str, Any]]:
    for row in rows_of(source, KIND, is_csv=is_csv):
        yield {"release": True, **row.value} if release else row.value
