"""`up`, `web`, `worker`, `scheduler`: the roles as processes under a supervisor, from `kitrelay.toml`."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final

import click

from worker import logs
from worker.cli.group import FAILED, Failed
from worker.cli.opening import load, must_be_current
from worker.cli.options import example
from worker.cli.supervisor import Role, Supervisor
from worker.jobs.ledger import migrate

if TYPE_CHECKING:
    from worker.settings import Settings

WITHIN: Final = 60.0


@click.command(epilog=example("kitrelay up", "PORT=8080 kitrelay up"))
@click.option("--host", default="0.0.0.0", show_default=True, help="The address to listen on.")  # noqa: S104 - a server is there to be reached
def up(host: str) -> None:
    """Run receiver, worker and scheduler together, for one machine.

    The database is brought to this version first. Without redis_url a Redis of our own is started. SIGTERM or Ctrl-C ends all in order;
    a second Ctrl-C at once.
    """
    settings = load()
    migrate(settings.database_url)
    must_be_free(host, settings.port)
    supervisor = Supervisor(roles_of(settings, ("web", "worker", "scheduler"), host))
    threading.Thread(target=_announce, args=(supervisor, host, settings.port), name="announce", daemon=True).start()
    _supervise(supervisor)


@click.command(epilog=example("kitrelay web"))
@click.option("--host", default="0.0.0.0", show_default=True, help="The address to listen on.")  # noqa: S104 - a server is there to be reached
def web(host: str) -> None:
    """Run the receiver and the API.

    Refuses to start on a database that is not at this version.
    """
    settings = load()
    must_be_current(settings)
    must_be_free(host, settings.port)
    _supervise(Supervisor(roles_of(settings, ("web",), host)))


@click.command(epilog=example("kitrelay worker"))
def worker() -> None:
    """Run a worker, which makes the calls to the ERPs.

    Any number may run. One that dies is started again. SIGTERM lets calls under way end. Refuses to start on a database that is not at this
    version.
    """
    settings = load()
    must_be_current(settings)
    _supervise(Supervisor(roles_of(settings, ("worker",))))


@click.command(epilog=example("kitrelay scheduler"))
def scheduler() -> None:
    """Run a scheduler, which finds what is due.

    Any number may run. One that dies is started again. Refuses to start on a database that is not at this version.
    """
    settings = load()
    must_be_current(settings)
    _supervise(Supervisor(roles_of(settings, ("scheduler",))))


def roles_of(settings: Settings, names: tuple[str, ...], host: str = "") -> list[Role]:
    """The roles with their words. The receiver knows brokers by address only: it is given that of our own Redis, kept running here."""
    environ = {}
    if "web" in names and not settings.redis_url:
        from worker.processes import broker_url  # noqa: PLC0415 - all of the worker comes along: not for those who need it not

        environ = {"REDIS_URL": broker_url(settings)}
    return [Role(name, (host,), environ) if name == "web" else Role(name) for name in names]


def must_be_free(host: str, port: int) -> None:
    """Raise `Failed` when something else has the port: gunicorn would only try again and again."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with ExitStack() as stack:
        probe = stack.enter_context(socket.socket(family))
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise Failed(f"can't listen on {host}:{port}: {error.strerror}; set another port in kitrelay.toml or PORT") from error


def _supervise(supervisor: Supervisor) -> None:
    logs.set_up()
    supervisor.on_signals()
    if not supervisor.run():
        raise click.exceptions.Exit(FAILED)


def _announce(supervisor: Supervisor, host: str, port: int) -> None:
    """Say where it is once it answers."""
    address = "127.0.0.1" if host in {"0.0.0.0", "::"} else host  # noqa: S104 - a comparison
    until = time.monotonic() + WITHIN
    while time.monotonic() < until and not answers(address, port):
        time.sleep(0.1)
    if answers(address, port) and supervisor.children["web"].running():
        click.echo(f"kitrelay is up: http://{address}:{port} (Ctrl-C ends it)", err=True)


def answers(host: str, port: int) -> bool:
    """Whether a receiver answers there."""
    connection = http.client.HTTPConnection(host, port, timeout=2.0)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
