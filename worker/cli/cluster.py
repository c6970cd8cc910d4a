"""A running set of processes on one machine: simulated ERPs, and receiver, worker and scheduler as they run elsewhere.

    with Cluster(folder, Plan(documents=200)) as cluster:
        status, batch = cluster.api("POST", "/api/batches", {...})
        cluster.kill("worker")

Everything lives in one folder and is gone when the block ends, however it ends; if this process is killed, its children end by themselves.
"""

from __future__ import annotations

import http.client
import os
import secrets
import signal
import subprocess
import time
from threading import Thread
from typing import TYPE_CHECKING, Any, Final, Self

from worker.cli.broker import Broker, broker_pid
from worker.cli.calling import called
from worker.cli.family import family_of
from worker.cli.group import WRONG_USE, WrongUse
from worker.cli.launching import environ_of, free_port, sandbox_words
from worker.cli.occasion import Occasion, database_url
from worker.cli.plan import Plan
from worker.cli.supervisor import Role, Supervisor, end, launch
from worker.configuration import load
from worker.errors import KitrelayError
from worker.jobs.ledger import migrate

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import TracebackType

    from worker.settings import Settings

__all__ = ["Cluster", "NotReady", "Plan", "broker_pid"]

READY_WITHIN: Final = 45.0
ROLES: Final = ("web", "worker", "scheduler")
LAST_LINES: Final = 12
OFTEN: Final = 3
"""A process that dies so often while it starts will not come up."""


class NotReady(KitrelayError):
    """The processes did not come up; the message says which, and its last words."""


class Cluster:
    """The processes of a plan, in a folder of their own. `tenant` is the first of its tenants, which are called as its companies."""

    def __init__(self, folder: Path, plan: Plan, tell: Callable[[str], None] = lambda _line: None) -> None:
        self.folder = folder.absolute()
        self.plan = plan
        self.tenant = plan.companies[0]
        self.key = secrets.token_urlsafe(24)
        self.port = 0
        self.sandbox_port = 0
        self._tell = tell
        self._sandbox: subprocess.Popen[bytes] | None = None
        self._supervisor: Supervisor | None = None
        self._thread: Thread | None = None
        self._broker: Broker | None = None

    @property
    def url(self) -> str:
        """Where the receiver is."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def file(self) -> Path:
        """The settings that the processes read."""
        return self.folder / "kitrelay.toml"

    @property
    def settings(self) -> Settings:
        """The same, read."""
        return load(self.file, environ={})

    @property
    def redis_url(self) -> str:
        """Where the broker is. Raises `NotReady` when none runs."""
        if self._broker is None:
            raise NotReady("no broker runs now")
        return self._broker.url

    def start(self) -> None:
        """Start all and wait until they are ready. Raises `NotReady`."""
        try:
            self._start()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End all in order: those who call before the one that is called."""
        if self._supervisor is not None:
            self._supervisor.stop()
        if self._thread is not None:
            self._joined(self._thread)
        if self._sandbox is not None:
            end(self._sandbox, signal.SIGTERM)
            try:
                self._sandbox.wait(5.0)
            except subprocess.TimeoutExpired:
                end(self._sandbox, signal.SIGKILL)
                self._sandbox.wait()
            if self._sandbox.stdout is not None:
                self._sandbox.stdout.close()
        if self._broker is not None:
            self._broker.close()
        self._supervisor = self._thread = self._sandbox = self._broker = None

    def kill(self, role: str, number: int = signal.SIGKILL) -> int:
        """A signal to a role's leading process (`redis` is the broker); its id. It is started again when it has died."""
        leader = self.pids(role)[0]
        os.kill(leader, number)
        return leader

    def pids(self, role: str) -> list[int]:
        """The processes of a role (`redis` is the broker), its leader first."""
        return family_of(broker_pid(self.redis_url) if role == "redis" else self._leader(role).pid)

    def starts(self, role: str) -> int:
        """How often it was started."""
        return 0 if self._supervisor is None else self._supervisor.children[role].starts

    def running(self, role: str) -> bool:
        """Whether its leading process lives."""
        if role == "sandbox":
            return self._sandbox is not None and self._sandbox.poll() is None
        return self._supervisor is not None and self._supervisor.children[role].running()

    def api(self, method: str, path: str, body: object = None, timeout: float = 30.0) -> tuple[int, Any]:
        """A call to the receiver with an admin's key: status and JSON. Raises `OSError` when it does not answer."""
        return called(self.port, method, path, body, {"Authorization": f"Bearer {self.key}"}, timeout)

    def sandbox(self, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401 - any JSON value
        """A call to the sandbox's own routes, such as `settings`. Raises `ValueError` when it refuses."""
        status, answer = called(self.sandbox_port, method, f"/_sandbox/{path}", body, {}, 30.0)
        if status >= http.client.BAD_REQUEST:
            raise ValueError(f"the sandbox answers {status}: {answer}")
        return answer

    def sandbox_counts(self, *, documents: bool = False, erp: str = "visma", company: str | None = None) -> dict[str, Any]:
        """What took effect in an ERP: the numbers of one company (the first unless said), and `faults` with how often each struck.

        `documents`: those of each document too, or of each kit.
        """
        counts = self.sandbox("GET", "counts?documents=1" if documents else "counts")
        found: dict[str, Any] = counts[erp]["companies"][company or self.tenant]
        return {**found, "faults": counts["faults"]}

    def last_words(self, role: str) -> str:
        """The last lines of a process's log."""
        file = self._log(role)
        lines = file.read_text(errors="replace").splitlines()[-LAST_LINES:] if file.exists() else []
        return "\n".join(f"  {line}" for line in lines) or "  (it said nothing)"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def _start(self) -> None:
        """All at once: most of the time goes into loading programs. The settings are there before the roles, the ledger is too."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port, self.sandbox_port = free_port(), free_port()
        self._tell("the simulated ERP" if len(self.plan.erps) == 1 else "the simulated ERPs")
        words = sandbox_words(self.plan, self.sandbox_port)
        self._sandbox = launch(Role("sandbox", words, log=self._log("sandbox")), stdout=subprocess.PIPE)
        self._tell("the ledger")
        migrate(str(self.plan.general.get("database_url", database_url(self.folder))))
        occasion = Occasion(self.plan, self.folder, self.port, self.sandbox_port, self.key)
        self._write_settings(occasion)
        self._tell("the broker, the receiver, a worker and a scheduler")
        self._broker = Broker(self.folder / "redis")
        self._supervisor = Supervisor([self._role(name, self._broker.url) for name in ROLES])
        self._thread = Thread(target=self._supervisor.run, name="supervisor", daemon=True)
        self._thread.start()
        self._meet_sandbox(self._sandbox, occasion)
        self._wait_ready()

    def _write_settings(self, occasion: Occasion) -> None:
        """The file, readable by its owner only."""
        self.file.touch(mode=0o600)
        self.file.write_text(occasion.settings_text())

    def _meet_sandbox(self, process: subprocess.Popen[bytes], occasion: Occasion) -> None:
        """Wait until it answers, and say where notifications go."""
        assert process.stdout is not None  # noqa: S101 - for the type checker; we asked for a pipe
        with process.stdout as announced:
            line = announced.readline()
        if not line:
            wrong = WrongUse if process.wait() == WRONG_USE else NotReady
            raise wrong(f"the simulated ERP did not start:\n{self.last_words('sandbox')}")
        self.sandbox("PATCH", "settings", {"companies": occasion.told()})

    def _wait_ready(self) -> None:
        until = time.monotonic() + READY_WITHIN
        missing = "web"
        while time.monotonic() < until:
            missing = self._missing()
            if not missing:
                return
            assert self._supervisor is not None  # noqa: S101 - for the type checker; it was made just before
            dying = next((role for role, child in self._supervisor.children.items() if child.young_deaths >= OFTEN), None)
            if dying is not None:
                raise NotReady(f"the {dying} does not start:\n{self.last_words(dying)}")
            time.sleep(0.1)
        raise NotReady(f"the {missing} is not ready after {READY_WITHIN:g} s:\n{self.last_words(missing)}")

    def _missing(self) -> str:
        """A role that is not ready yet; empty when all are."""
        try:
            status, health = called(self.port, "GET", "/readyz", None, {}, 3.0)
        except OSError:
            return "web"
        if status != http.client.OK:
            return "web"
        return "worker" if health["workers"] != "ok" else ""

    def _leader(self, role: str) -> subprocess.Popen[bytes]:
        process = self._sandbox if role == "sandbox" else None
        if self._supervisor is not None and role != "sandbox":
            process = self._supervisor.children[role].process
        if process is None:
            raise NotReady(f"no {role} runs now")
        return process

    def _joined(self, thread: Thread) -> None:
        """Wait for the roles' end; a Ctrl-C meanwhile means: at once."""
        try:
            thread.join()
        except KeyboardInterrupt:
            if self._supervisor is not None:
                self._supervisor.kill()
            thread.join()

    def _role(self, name: str, broker: str) -> Role:
        told = environ_of(self.file)
        words = ("127.0.0.1",) if name == "web" else ()
        if (
            name != "web" and "database_url" not in self.plan.general
        ):  # it finds the broker beside the ledger, and the last one out stops it
            return Role(name, words, told, self._log(name))
        return Role(name, words, {**told, "REDIS_URL": broker}, self._log(name))

    def _log(self, role: str) -> Path:
        return self.folder / f"{role}.log"
