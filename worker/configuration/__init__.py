"""Read the settings: `kitrelay.toml` and the environment become one frozen `Settings`, or one error with every fault.

The way there, a module for each step:

    origins   the file and the environment, as one tree of plain values; "env:NAME" looked up
    tables    each table of the tree through its form (`forms`, made of `fields`): converted values, and faults with their paths
    checks    what several values must hold together
    build     the records of `worker.settings`

No message ever repeats a value: it may be a secret in the wrong place.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from worker.configuration.build import build
from worker.configuration.checks import check
from worker.configuration.origins import gather
from worker.configuration.tables import read
from worker.errors import SettingsError
from worker.settings import Settings, Timing

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["load"]


def load(path: Path | None = None, environ: Mapping[str, str] = os.environ, *, timing: Timing | None = None) -> Settings:
    """Read the settings from `path`, else from where KITRELAY_CONFIG points, else from ./kitrelay.toml if it is there.

    Raises SettingsError with all faults, each with its path in the file or the name of the variable that it came from.
    `timing` is for tests that can't wait.
    """
    origin = gather(path, environ)
    tree, faults = read(origin.values)
    timing = timing or Timing()
    faults += check(tree, timing)
    if faults:
        raise SettingsError(tuple(origin.place(fault) for fault in faults), origin.name)
    return build(tree, timing)
