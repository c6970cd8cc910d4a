"""kitrelay's own lanes over the simulated ERPs, all three behind HTTP: nothing between is a fake but the bell, which drains in threads."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from threading import Event, Thread
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote

import httpx

from tests.worker.sandbox.harness import TLS
from worker import connections, drain, refusals
from worker.jobs import batches, queue, search
from worker.jobs.bell import Silence
from worker.jobs.ledger import utc_now
from worker.jobs.model import Lane
from worker.jobs.requests import new_job
from worker.jobs.search import JobFilter
from worker.jobs.states import OPEN, State
from worker.lines import intacct as component_work
from worker.lines import itempath as line_work
from worker.scheduler import lanes_with_work
from worker.settings import ERPS, Intacct, ItemPath, Retries, Secret, Settings, Sync, Tenant, Timing, Visma
from worker.sync import applying, showing
from worker.tasks import Lanes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import pytest

    from worker.jobs.engine import Database
    from worker.jobs.model import Attempt, Job, Move

PATIENCE = 25.0
COMPANIES = ("acme", "globex", "initech")
RETRIES = Retries(attempts=8, first=0.03, most=0.1, repeat_window=0.1)
QUICK: dict[str, Any] = {"import_ms": 30.0, "finish_ms": 20.0, "accept_ms": 1.0, "itempath_write_ms": 1.0, "intacct_ms": 1.0, "jitter": 0.0}
"""The sandbox's own times, in milliseconds."""

BRISK = (
    (drain, "TICK", 0.05),
    (drain, "LINGER", 0.06),
    (drain, "LOOK_SPACING", 0.02),
    (drain, "IDLE_SPACING", 0.02),
    (connections, "FIRST_PAUSE", 0.1),
    (connections, "LONGEST_PAUSE", 0.2),
    (applying, "IMPORT_WAITS", (0.04,)),
    (applying, "OPERATION_WAITS", (0.03,)),
    (showing, "IMPORT_WAITS", (0.04,)),
    (showing, "OPERATION_WAITS", (0.03,)),
    (showing, "_MARGIN", 0.01),
    (refusals, "_LOOK_AGAIN", 0.05),
    (refusals, "_AUTH_WAIT", 0.05),
    (line_work, "WAITS", (0.04,)),
    (line_work, "_MARGIN", 0.01),
    (component_work, "_MARGIN", 0.01),
    (component_work, "_AUTH_WAIT", 0.05),
    (component_work, "_SHORT", 0.05),
)
"""Waits that are seconds and minutes in life, and parts of a second here."""


def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the waits short."""
    for module, name, value in BRISK:
        monkeypatch.setattr(module, name, value)


def tenant_of(url: str, name: str = "acme", *, sync: Sync, **changes: Any) -> Tenant:
    """A tenant with all three connections to a sandbox. Changes are for an ERP's connection: `itempath={"import_timeout": 0.2}`."""
    plain: dict[str, Any] = {
        "visma": Visma(url, f"{url}/connect/token", f"{name}-client", Secret(f"{name}-secret"), name, second_look=0.4, retries=RETRIES),
        "itempath": ItemPath(
            f"{url}/itempath/{name}",
            username=f"{name}-user",
            password=Secret(f"{name}-password"),
            webhook_secret=Secret(f"{name}-push-secret"),
            import_timeout=10.0,
            second_look=0.4,
            retries=RETRIES,
        ),
        "intacct": Intacct(
            f"{url}/ia/api/v1", f"{name}-client", Secret(f"{name}-secret"), f"kitrelay@{name}", second_look=0.4, retries=RETRIES
        ),
    }
    return Tenant(name, **{erp: replace(plain[erp], **changes.get(erp, {})) for erp in ERPS}, sync=sync)


@dataclass
class Owner:
    """The sandbox's owner: sees what took effect, edits kits as people do in an ERP's own screens, and lets faults in."""

    url: str
    http: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=5.0, verify=TLS))

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """One of the sandbox's own routes."""
        answer = self.http.request(method, f"{self.url}/_sandbox/{path}", json=body)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    def change(self, **settings: Any) -> None:
        """Change the sandbox's settings."""
        self.ask("PATCH", "settings", settings)

    def fault(self, *names: str) -> None:
        """From now on these strike always, and no others."""
        before = self.ask("GET", "settings")["faults"]
        self.change(faults={**dict.fromkeys(before, 0.0), **dict.fromkeys(names, 1.0)})

    def hits(self, fault: str) -> int:
        """How often a fault struck."""
        return int(self.ask("GET", "counts")["faults"].get(fault, 0))

    def counts(self, erp: str, company: str = "acme") -> dict[str, Any]:
        """The numbers of a company in an ERP."""
        found: dict[str, Any] = self.ask("GET", "counts?documents=1")[erp]["companies"][company]
        return found

    def effects(self, erp: str, company: str = "acme") -> tuple[int, int, int]:
        """Lines created, updated and deleted by calls."""
        counts = self.counts(erp, company)
        found = counts["specifications"]["lines"] if erp == "visma" else counts["effects"]
        return found["creates"], found["updates"], found["deletes"]

    def put(self, erp: str, code: str, lines: Iterable[Any], company: str = "acme", **more: Any) -> None:
        """The kit with these lines and no others. A line: `("BOLT", 4)`, `("OIL", 1, "litre")`, or an object."""
        self.ask("PUT", f"kits/{erp}/{company}/{quote(code, safe='')}", {"lines": [_line(each) for each in lines], **more})

    def kit(self, erp: str, code: str, company: str = "acme") -> dict[str, Any]:
        """The kit as it stands there."""
        found: dict[str, Any] = self.ask("GET", f"kits/{erp}/{company}/{quote(code, safe='')}")
        return found

    def lines(self, erp: str, code: str, company: str = "acme") -> list[tuple[str, str]]:
        """Its components and quantities, in order."""
        return [(line["component"], line["quantity"]) for line in self.kit(erp, code, company)["lines"]]


class _Bell(Silence):
    """Rings wake the threads of the lanes."""

    def __init__(self, wake: Callable[[Lane], None]) -> None:
        self._wake = wake

    def ring(self, lane: Lane) -> None:
        """There is work on this lane."""
        self._wake(lane)


class Relay:
    """kitrelay at work: one thread for each lane. `with` it; the lanes come to their end then."""

    def __init__(self, db: Database, url: str, *tenants: Tenant) -> None:
        self.db = db
        self.owner = Owner(url)
        self.settings = Settings(
            tenants={tenant.name: tenant for tenant in tenants}, worker_threads=8, timing=Timing(connect=2.0, call=2.0)
        )
        self.bell = _Bell(self._ring)
        self._lanes = Lanes(self.settings, db, "w", self.bell)
        self._woken = {Lane(tenant.name, erp): Event() for tenant in tenants for erp in ERPS}
        self._threads = [Thread(target=self._work, args=(lane,), daemon=True) for lane in self._woken]
        self._over = False

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over = True
        self._lanes.halt()
        for woken in self._woken.values():
            woken.set()
        for thread in self._threads:
            thread.join(PATIENCE)
            assert not thread.is_alive()
        self._lanes._threads.close()
        self._lanes._makers._pool.close()
        self.owner.http.close()

    def make(self, kind: str, tenant: str = "acme", **arguments: Any) -> str:
        """Make a job as the API does; its id."""
        new = new_job(self.settings, tenant, kind, arguments)
        with self.db.write() as connection:
            job = queue.enqueue(self.db, connection, new, "test", utc_now()).job
        self._ring(job.lane)
        return job.id

    def do(self, kind: str, tenant: str = "acme", **arguments: Any) -> Job:
        """Make a job and wait until it is settled, and every other job with it."""
        made = self.make(kind, tenant, **arguments)
        self.settle()
        return self.job(made)

    def sync(self, kit: str, **arguments: Any) -> Job:
        """Sync a kit."""
        return self.do("sync_kit_lines", kit=kit, **arguments)

    def replay(self, job: str) -> Job:
        """Replay a job that failed, and wait."""
        with self.db.write() as connection:
            queue.replay(self.db, connection, self.job(job), "somebody", utc_now())
        self.settle()
        return self.job(job)

    def settle(self) -> None:
        """Ring for what is due, as the scheduler does, until no job is open."""
        self.wait(lambda: not [job for job in self.jobs() if job.state in OPEN])

    def wait(self, ready: Callable[[], object]) -> None:
        """Ring for what is due until something is so."""
        end = time.monotonic() + PATIENCE
        while not ready():
            assert time.monotonic() < end, [(job.kind, job.reference, job.state, job.error, job.progress) for job in self.jobs()]
            with self.db.read() as connection:
                due = list(lanes_with_work(connection, self._woken, utc_now()))
            for lane in due:
                self._ring(lane)
            time.sleep(0.02)

    def jobs(self) -> list[Job]:
        """All jobs, oldest first."""
        with self.db.read() as connection:
            return search.find_jobs(connection, JobFilter(), 500)[::-1]

    def job(self, job_id: str) -> Job:
        """The job as it stands."""
        with self.db.read() as connection:
            return queue.find(connection, job_id)

    def planning(self) -> bool:
        """Whether a batch is still looking for its jobs."""
        with self.db.read() as connection:
            return bool(batches.planning(connection))

    def timeline(self, job: Job) -> list[Move]:
        """Its moves, oldest first."""
        with self.db.read() as connection:
            return search.timeline(connection, job)

    def attempts(self, job: Job) -> list[Attempt]:
        """Its attempts with their calls, oldest first."""
        with self.db.read() as connection:
            return search.history(connection, job)

    def calls(self, job: Job, method: str, part: str) -> list[Any]:
        """The calls that a job made with this method to a path with this part."""
        exchanges = [each for attempt in self.attempts(job) for each in attempt.exchanges]
        return [each for each in exchanges if each.method == method and part in each.url]

    def _ring(self, lane: Lane) -> None:
        """A lane that is being drained looks at once; one that is not begins."""
        with self._lanes._lock:
            running = self._lanes._drains.get(lane)
        if running is not None:
            running.poke()
        self._woken[lane].set()

    def _work(self, lane: Lane) -> None:
        woken = self._woken[lane]
        while not self._over:
            woken.wait()
            woken.clear()
            self._lanes.drain(lane)


def succeeded(job: Job) -> Job:
    """The job, which is done."""
    assert job.state is State.SUCCEEDED, (job.state, job.error, job.result)
    return job


def failed_as(job: Job, error_class: str) -> str:
    """The message of a job that failed so."""
    assert job.state is State.FAILED, (job.state, job.result)
    assert job.error is not None
    assert job.error.error_class == error_class, job.error
    return job.error.message


def _line(each: Any) -> Any:
    if isinstance(each, dict):
        return each
    component, quantity, *unit = each
    return {"component": component, "quantity": str(quantity), **({"unit": unit[0]} if unit else {})}
