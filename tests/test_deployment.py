"""What starts kitrelay elsewhere: Procfile, containers and the lock file say what the rest of the project says."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

TOP: Final = Path(__file__).parents[1]
COMMANDS: Final = {"demo", "up", "web", "worker", "scheduler", "migrate", "sandbox"}
ROLES: Final = {"web", "worker", "scheduler"}
NAME: Final = re.compile(r"^([A-Za-z0-9._-]+)")


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    """The services of docker-compose.yml."""
    found: dict[str, Any] = yaml.safe_load((TOP / "docker-compose.yml").read_text())["services"]
    return found


def normal(requirement: str) -> str:
    """The name of a requirement, as indexes compare names."""
    found = NAME.match(requirement)
    assert found is not None, requirement
    return re.sub(r"[-_.]+", "-", found[1]).lower()


def test_procfile_runs_roles() -> None:
    """One line for each role, and the role is the command."""
    lines = dict(line.split(": ", 1) for line in (TOP / "Procfile").read_text().splitlines())
    assert lines == {role: f"kitrelay {role}" for role in ROLES}


def test_services_run_commands(services: dict[str, Any]) -> None:
    """Every container of kitrelay runs a command that there is; every role and the migration has one."""
    commands = [service["command"] for service in services.values() if service["image"] == "kitrelay"]
    assert {command[0] for command in commands} == {"kitrelay"}
    started = {command[1] for command in commands}
    assert started <= COMMANDS
    assert started == ROLES | {"migrate", "sandbox"}


def test_services_come_back(services: dict[str, Any]) -> None:
    """What should run for ever is restarted; the migration runs once, before all roles."""
    assert {name for name, service in services.items() if service["restart"] != "unless-stopped"} == {"migrate"}
    for role in ROLES:
        assert services[role]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}
        assert services[role]["depends_on"]["redis"] == {"condition": "service_healthy"}
    assert services["migrate"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}


def test_services_are_watched(services: dict[str, Any]) -> None:
    """Whatever answers to others says whether it is well."""
    assert {name for name, service in services.items() if "healthcheck" in service} == {"redis", "postgres", "web", "sandbox"}


def test_redis_loses_nothing(services: dict[str, Any]) -> None:
    """The broker writes an append-only file to a volume and evicts nothing."""
    command = " ".join(services["redis"]["command"])
    assert "--appendonly yes" in command
    assert "--maxmemory-policy noeviction" in command
    assert services["redis"]["volumes"] == ["redis:/data"]


def test_sandbox_is_asked_for(services: dict[str, Any]) -> None:
    """The simulated ERPs run only under their profile."""
    assert {name for name, service in services.items() if "profiles" in service} == {"sandbox"}


def test_no_secret_in_file() -> None:
    """Passwords come from the environment, and without one nothing starts."""
    text = (TOP / "docker-compose.yml").read_text()
    given = re.findall(r"PASSWORD\S*: (.*)|://[^:@/\s]+:([^@]+)@", text)
    assert given
    assert all("".join(found).startswith("${POSTGRES_PASSWORD:?") for found in given)


def test_image_gets_its_files(services: dict[str, Any]) -> None:
    """The Dockerfile is where compose looks, and what it copies is not kept from it."""
    build = services["web"]["build"]
    dockerfile = (TOP / build["context"] / build["dockerfile"]).read_text()
    let_through = {line[1:] for line in (TOP / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = [name for line in re.findall(r"^COPY (?!--)(.*) \S+$", dockerfile, re.MULTILINE) for name in line.split()]
    assert set(copied) == let_through
    assert all((TOP / name).exists() for name in copied)


def test_lock_is_whole() -> None:
    """The lock file has every direct dependency, at one version, and names no index."""
    project = tomllib.loads((TOP / "pyproject.toml").read_text())["project"]
    wanted = {
        normal(requirement) for group in [project["dependencies"], *project["optional-dependencies"].values()] for requirement in group
    }
    lines = [line for line in (TOP / "requirements.lock").read_text().splitlines() if line and not line.lstrip().startswith("#")]
    assert all(re.match(r"^[a-z0-9-]+==[^ =]+( ; .+)?$", line) for line in lines)
    assert wanted <= {normal(line) for line in lines}
