"""Where settings come from: one TOML file and the environment, put together as one tree of plain values."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from worker.configuration.places import inside
from worker.errors import Fault, SettingsError
from worker.settings import ERPS

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_FILE: Final = Path("kitrelay.toml")
ABOVE_THE_FILE: Final = {"DATABASE_URL": "database_url", "REDIS_URL": "redis_url", "PORT": "port", "WEB_CONCURRENCY": "web_processes"}
ONE_KEY: Final = "KITRELAY_API_KEY"
ONE_TENANT: Final = "default"
_REFERENCE: Final = "env:"
_SYNTAX: Final = re.compile(r"(?P<what>.*) \(at (?P<where>.*)\)", re.DOTALL)


class FromEnvironment(str):
    """Text that came from a variable: it may stand for a number, a flag or, with commas, a list."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Unset:
    """Stands where a variable was named that is not set."""

    variable: str


@dataclass(frozen=True, slots=True)
class Origin:
    """All that was found: the values, and for those that came from the environment the variables behind their paths."""

    name: str
    values: dict[str, Any] = field(repr=False)
    variables: dict[str, str]

    def place(self, fault: Fault) -> Fault:
        """The fault with the variable's name instead of a path that stands in no file."""
        for path, variable in self.variables.items():
            if fault.path == path or fault.path.startswith(f"{path}["):
                return Fault(variable + fault.path[len(path) :], fault.message)
        for path, prefix in ((inside(f"tenants.{ONE_TENANT}", erp), erp.upper()) for erp in ERPS):
            if prefix in self.variables.values() and fault.path.startswith(f"{path}."):
                return Fault(f"{prefix}_{fault.path[len(path) + 1 :].upper()}", fault.message)
        return fault


def gather(path: Path | None, environ: Mapping[str, str]) -> Origin:
    """Read the file, look up what it refers to, and lay the environment over it. Raises SettingsError for a file that can't be read."""
    file = _which(path, environ)
    written = _parse(file) if file else {}
    named = set(_references(written))
    values = _resolve(written, environ)
    variables: dict[str, str] = {}
    for variable, key in ABOVE_THE_FILE.items():
        if environ.get(variable):
            values[key] = FromEnvironment(environ[variable])
            variables[key] = variable
    if not values.get("tenants"):
        _add_tenant(values, variables, {name: value for name, value in environ.items() if value and name not in named})
    if environ.get(ONE_KEY) and ONE_KEY not in named:
        _add_key(values, variables, environ[ONE_KEY])
    return Origin(str(file) if file else "environment", values, variables)


def _which(path: Path | None, environ: Mapping[str, str]) -> Path | None:
    named = environ.get("KITRELAY_CONFIG")
    if path is None and named:
        path = Path(named)
        if not path.exists():
            raise SettingsError((Fault("KITRELAY_CONFIG", f"there is no file {path}"),), "environment")
    if path is not None:
        return path
    return DEFAULT_FILE if DEFAULT_FILE.exists() else None


def _parse(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_bytes().decode(), parse_float=Decimal)  # so that 0.1 is a tenth
    except tomllib.TOMLDecodeError as error:
        found = _SYNTAX.fullmatch(str(error))
        fault = Fault(found["where"], found["what"]) if found else Fault("", str(error))
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        fault = Fault(f"line {line}", "is not UTF-8")
    except OSError as error:
        fault = Fault("", f"can't be read: {error.strerror}")
    raise SettingsError((fault,), str(file)) from None


def _references(value: object) -> list[str]:
    """The names of all variables that the file refers to."""
    match value:
        case dict():
            return [name for inner in value.values() for name in _references(inner)]
        case list():
            return [name for inner in value for name in _references(inner)]
        case str() if value.startswith(_REFERENCE):
            return [value.removeprefix(_REFERENCE)]
    return []


def _resolve(value: Any, environ: Mapping[str, str]) -> Any:  # noqa: ANN401 - whatever TOML may hold
    match value:
        case dict():
            return {key: _resolve(inner, environ) for key, inner in value.items()}
        case list():
            return [_resolve(inner, environ) for inner in value]
        case str() if value.startswith(_REFERENCE):
            variable = value.removeprefix(_REFERENCE)
            return FromEnvironment(environ[variable]) if variable in environ else Unset(variable)
    return value


def _add_tenant(values: dict[str, Any], variables: dict[str, str], environ: Mapping[str, str]) -> None:
    """The one tenant that the environment may carry: VISMA_*, ITEMPATH_*, INTACCT_*."""
    tenant: dict[str, dict[str, Any]] = {}
    for variable, value in environ.items():
        prefix, _, rest = variable.partition("_")
        erp, key = prefix.lower(), rest.lower()
        if prefix != prefix.upper() or erp not in ERPS or not key:
            continue
        tenant.setdefault(erp, {})[key] = FromEnvironment(value)
        variables[inside(f"tenants.{ONE_TENANT}.{erp}", key)] = variable
        variables[f"tenants.{ONE_TENANT}.{erp}"] = prefix
    if tenant:
        values["tenants"] = {ONE_TENANT: tenant}


def _add_key(values: dict[str, Any], variables: dict[str, str], key: str) -> None:
    keys = values.setdefault("api_keys", [])
    if isinstance(keys, list):  # else it is a fault of the file, named elsewhere
        variables[f"api_keys[{len(keys)}].key"] = ONE_KEY
        keys.append({"name": "env", "key": FromEnvironment(key), "role": "admin", "tenants": ["*"]})
