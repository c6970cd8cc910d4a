"""A PostgreSQL cluster of the tests' own, in a temporary folder, reached over its unix socket only."""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

if TYPE_CHECKING:
    from collections.abc import Iterator

# Nothing here survives the run, so nothing needs to reach the disk.
SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "listen_addresses": "",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "autovacuum": "off",
    "timezone": "UTC",
}


def binaries() -> Path | None:
    """Where initdb and postgres are, newest version first; None where PostgreSQL is not installed."""
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3].split(".")[0]))
    if installed:
        return installed[-1].parent
    found = shutil.which("initdb")
    return Path(found).resolve().parent if found else None


@dataclass(frozen=True)
class Cluster:
    """A running cluster. Databases are made and dropped at will; `url` is SQLAlchemy's."""

    folder: Path
    names: Iterator[int] = field(default_factory=itertools.count)

    def url(self, database: str = "postgres") -> str:
        """The address of a database, which need not exist."""
        return f"postgresql+psycopg://postgres@/{database}?host={self.folder}"

    def create(self, template: str = "template1") -> str:
        """Make a fresh database, as a copy of `template` (to which nobody may be connected), and give its name."""
        name = f"test_{next(self.names)}"
        self._execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return name

    def drop(self, database: str) -> None:
        """Remove a database, with whoever is still connected to it."""
        self._execute(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')

    def _execute(self, statement: str) -> None:
        with psycopg.connect(host=str(self.folder), user="postgres", dbname="postgres", autocommit=True) as connection:
            connection.execute(statement.encode())


@contextmanager
def cluster() -> Iterator[Cluster]:
    """Start a cluster as somebody who is not root, which PostgreSQL refuses, and stop and remove it at the end."""
    programs = binaries()
    assert programs is not None, "PostgreSQL is not installed"
    user = _unprivileged()
    folder = Path(tempfile.mkdtemp(prefix="kitrelay-pg-", dir="/tmp"))  # short: the path of a unix socket has at most 107 characters
    try:
        if user is not None:
            os.chown(folder, user.pw_uid, user.pw_gid)
        make: list[str | Path] = [
            programs / "initdb",
            "-D",
            folder / "data",
            "-U",
            "postgres",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--no-sync",
            "--locale=C",
        ]
        _run(make, user)
        options = " ".join(f"-c {name}={value}" for name, value in SETTINGS.items() if value)
        options += f" -c listen_addresses= -c unix_socket_directories={folder}"
        control: list[str | Path] = [programs / "pg_ctl", "-D", folder / "data", "-w", "-s"]
        _run([*control, "-l", folder / "log", "-o", options, "start"], user)
        try:
            yield Cluster(folder)
        finally:
            _run([*control, "-m", "fast", "stop"], user)
    finally:
        shutil.rmtree(folder)


def _unprivileged() -> pwd.struct_passwd | None:
    """Who runs the cluster when we are root; None: ourselves."""
    if os.geteuid() != 0:
        return None
    return next(user for name in ("postgres", "nobody") for user in pwd.getpwall() if user.pw_name == name)


def _run(command: list[str | Path], user: pwd.struct_passwd | None) -> None:
    done = subprocess.run(
        command,
        check=False,
        cwd="/",
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        user=user.pw_uid if user else None,
        group=user.pw_gid if user else None,
        extra_groups=[] if user else None,
    )
    assert done.returncode == 0, done.stderr.decode()
