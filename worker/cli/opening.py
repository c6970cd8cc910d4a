"""Settings and ledger, as every command opens them: with all faults said at once, and never migrated in silence."""

from __future__ import annotations

import getpass
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy.engine import make_url

from worker.cli.group import Failed, WrongUse
from worker.configuration import load
from worker.errors import LedgerUnavailable
from worker.jobs.engine import Database
from worker.jobs.ledger import is_current
from worker.notices.announcing import announcer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker.settings import Settings

OLD: Final = "the database is not at this version: run `kitrelay migrate`"
NONE_YET: Final = "there is no database yet: run `kitrelay migrate`"

__all__ = ["actor", "load", "must_be_current", "opened", "redis_folder", "sqlite_file", "syncing_tenant", "tenant_for"]


def actor() -> str:
    """Who acts, as it stands in timelines."""
    try:
        return f"cli:{getpass.getuser()}"
    except (KeyError, OSError, ImportError):  # a user without a name, as in some containers
        return "cli"


@contextmanager
def opened(settings: Settings) -> Iterator[Database]:
    """The ledger, current. Raises `LedgerUnavailable`, and `Failed` when it is not at this version."""
    must_exist(settings)
    database = Database(settings.database_url, announcer(settings))
    try:
        if not is_current(database):
            raise Failed(OLD)
        yield database
    except LedgerUnavailable as error:
        raise Failed(f"the ledger is away: {error}") from error
    finally:
        database.close()


def must_be_current(settings: Settings) -> None:
    """Raise `Failed` unless the roles may start on this database."""
    with opened(settings):
        return


def must_exist(settings: Settings) -> None:
    """Looking must not make an empty file."""
    file = sqlite_file(settings)
    if file is not None and not file.exists():
        raise Failed(f"{NONE_YET} ({file})")


def sqlite_file(settings: Settings) -> Path | None:
    """The file of the ledger; None for a server."""
    address = make_url(settings.database_url)
    return Path(address.database or "") if address.get_backend_name() == "sqlite" else None


def redis_folder(settings: Settings) -> Path:
    """Where a Redis of our own lives: beside the ledger's file, or in `var/`."""
    file = sqlite_file(settings)
    return (Path("var") if file is None else file.parent) / "redis"


def tenant_for(settings: Settings, named: str | None, erp: str) -> str:
    """The tenant that was named, or the only one that has this ERP. Raises `Failed` as wrong use."""
    return _chosen(named, [tenant.name for tenant in settings.tenants.values() if erp in tenant.erps()], erp)


def syncing_tenant(settings: Settings, named: str | None) -> str:
    """The tenant that was named, or the only one between whose ERPs a sync can go. Raises `Failed` as wrong use."""
    return _chosen(named, [tenant.name for tenant in settings.tenants.values() if len(tenant.erps()) > 1], "two ERPs")


def _chosen(named: str | None, able: list[str], what: str) -> str:
    if named is None and len(able) == 1:
        return able[0]
    if named in able:
        return str(named)
    if not able:
        raise WrongUse(f"no tenant in the settings has {what}: write kitrelay.toml here, or let KITRELAY_CONFIG say where it is")
    known = f"there are {', '.join(able)}"
    raise WrongUse(f"--tenant is needed: {known}" if named is None else f"there is no tenant {named!r} with {what}: {known}")
