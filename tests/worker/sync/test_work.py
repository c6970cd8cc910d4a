"""A sync through all its steps, over systems in memory and a real ledger."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from tests.worker.sync.company import Company
from worker.errors import CallError, NotSent, RateLimited, Rejected
from worker.jobs.states import State
from worker.kits.model import Line
from worker.settings import Alias, Sync, UnitRule
from worker.sync.remembering import ANNOUNCED

if TYPE_CHECKING:
    from collections.abc import Collection

    from worker.jobs.engine import Database
    from worker.jobs.model import Job
    from worker.kits.model import RemoteKit


@pytest.fixture
def company(sqlite_db: Database) -> Company:
    """Visma is the source, ItemPath the target; both have the kit's items."""
    company = Company(sqlite_db)
    company.visma.put("KIT", ("A", "1"), ("B", "2"), ("C", "3"))
    company.itempath.put("KIT", ("A", "1"), ("B", "5"), ("D", "4"))
    company.itempath.item("C")
    return company


def test_brings_in_step(company: Company) -> None:
    """The target becomes what the source is, deletes last; both are read again before it counts as done."""
    job = company.run()

    assert job.state is State.SUCCEEDED
    assert sorted(company.itempath.lines("KIT")) == [("A", "1"), ("B", "2"), ("C", "3")]
    assert company.itempath.log == ["update B 2", "create C 3", "delete D"]
    assert (company.visma.calls["read"], company.itempath.calls["read"]) == (2, 2)


def test_result(company: Company) -> None:
    """The result names the difference found, what was applied, and that it is in step."""
    result = company.run().result

    told = result["targets"]["itempath"]
    assert (result["source"], result["wrote"], told["in_step"]) == ("visma", True, True)
    assert told["applied"] == ["update B to 2", "create C to 3", "delete D"]
    assert {name: len(told["difference"][name]) for name in ("create", "update", "delete")} == {"create": 1, "update": 1, "delete": 1}


def test_second_writes_nothing(company: Company) -> None:
    """A run that finds no difference writes nothing, and reads each side once."""
    company.run()
    company.itempath.log.clear()
    reads = company.visma.calls["read"], company.itempath.calls["read"]

    job = company.run()

    assert (job.state, job.result["wrote"], company.itempath.log) == (State.SUCCEEDED, False, [])
    assert (company.visma.calls["read"] - reads[0], company.itempath.calls["read"] - reads[1]) == (1, 1)


def test_dry_run(company: Company) -> None:
    """A dry run tells the difference and writes nothing."""
    job = company.run(dry_run=True)

    assert (job.state, company.itempath.log) == (State.SUCCEEDED, [])
    assert len(job.result["targets"]["itempath"]["difference"]["create"]) == 1


def test_every_way(sqlite_db: Database) -> None:
    """Each of the three can be the source of each of the others."""
    for source in ("visma", "itempath", "intacct"):
        targets = tuple(erp for erp in ("visma", "itempath", "intacct") if erp != source)
        company = Company(sqlite_db, Sync(source=source, targets=targets))
        company.systems[source].put("KIT", ("A", "1"), ("B", "2"))  # type: ignore[attr-defined] # the fakes can do that
        for target in targets:
            company.systems[target].put("KIT", ("A", "7"))  # type: ignore[attr-defined] # likewise
            company.systems[target].item("B")  # type: ignore[attr-defined] # likewise

        job = company.run()

        assert job.state is State.SUCCEEDED, job.error
        for erp in targets:
            assert company.systems[erp].lines("KIT") == [("A", "1"), ("B", "2")]  # type: ignore[attr-defined] # likewise


def test_waits_for_import(company: Company) -> None:
    """What Power Pick has not imported yet is waited for, and not written again."""
    company.itempath.import_seconds = 40.0

    job = company.run()

    assert (job.state, len(company.itempath.log)) == (State.SUCCEEDED, 3)
    assert job.finished_at is not None
    assert job.finished_at - job.created_at > timedelta(seconds=40)


def test_import_timeout(company: Company) -> None:
    """What is never imported fails with its name, and is not written again."""
    company.itempath.refused.add("C")

    job = company.run()

    assert (job.state, company.itempath.log.count("create C 3")) == (State.FAILED, 1)
    assert job.error is not None
    assert (job.error.error_class, "create C to 3" in job.error.message) == ("timeout", True)


@pytest.mark.parametrize(("tells", "times"), [(True, 1), (False, 2)])
def test_lost_write(company: Company, tells: bool, times: int) -> None:  # noqa: FBT001 - a case
    """After a lost answer the system is asked whether it ran: a write that did is waited for, one that did not is sent again."""
    company.itempath.import_seconds = 300.0 if tells else 0.0
    company.itempath.next = ["lost"]
    company.itempath.tells = tells
    if not tells:
        company.itempath.refused.add("B")
        company.before = lambda job: _forgive(company, job)

    job = company.run()

    assert job.state is State.SUCCEEDED, job.error
    assert company.itempath.log.count("update B 2") == times


def _forgive(company: Company, job: Job) -> Job:
    """From the second start on, B is imported."""
    if job.state is State.QUEUED and len(company.itempath.log) > 0:
        company.itempath.refused.discard("B")
    return job


def test_lost_untold(company: Company) -> None:
    """Where nobody can tell whether a write ran, a person decides: it is not written again."""
    company.itempath.next = ["lost"]
    company.itempath.refused.add("B")

    job = company.run()

    assert job.error is not None
    assert (job.state, job.error.error_class, company.itempath.log) == (State.FAILED, "in_doubt", ["update B 2"])


def test_no_second_look_too_early(company: Company) -> None:
    """An unclear write is not judged before `second_look` is over."""
    company.itempath.next = ["lost"]
    company.itempath.import_seconds = 100_000.0
    company.itempath.tells = False
    job = company.job()
    while not company.itempath.log:
        job = company.step(job)
    sent = company.clock()

    while job.state is State.WAITING:
        job = company.step(job)

    assert company.clock() - sent >= company.itempath.traits.second_look


def test_killed_after_long_writing(company: Company) -> None:
    """A worker that wrote for long may have sent the last write when it died: the second look counts from there."""
    second_look = company.itempath.traits.second_look
    job = company.job()
    while job.state is not State.QUEUED or "sync" not in job.progress:
        job = company.step(job)
    began, company.clock.seconds = company.clock(), company.clock() + second_look
    progress = {**job.progress, "doubt": True, "sent_at": began, "stopped_at": company.clock()}
    job = company.step(replace(job, state=State.WAITING, attempt=1, progress=progress))

    assert job.due_at.timestamp() >= company.clock() + second_look


def test_killed_while_writing(company: Company) -> None:
    """A worker that dies in the middle of the writes leaves a job that looks first; what ran is not written again."""
    company.itempath.import_seconds = 30.0
    job = company.job()
    while job.state is not State.QUEUED or not job.progress:  # both sides are read
        job = company.step(job)
    running = replace(job, state=State.RUNNING, starts=job.starts + 1, claimed_at=company.clock.moment())
    company.works["itempath"].start(running, company.clock())  # it writes, and nobody hears of it
    company.itempath.tells = True
    dead = replace(running, state=State.WAITING, attempt=1, progress={**job.progress, "doubt": True, "sent_at": company.clock()})

    done = company.carry(dead)

    assert (done.state, len(company.itempath.log)) == (State.SUCCEEDED, 3)


def test_revision_of_target(sqlite_db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A revision that is named is the one that a target is read by, and so written to."""
    company = Company(sqlite_db, Sync(source="itempath", targets=("visma",)))
    company.itempath.put("KIT", ("A", "1"))
    company.visma.put("KIT", ("A", "2"))
    asked: list[str | None] = []
    read = company.visma.read

    def noting(codes: Collection[str], revision: str | None = None) -> dict[str, RemoteKit]:
        asked.append(revision)
        return read(codes, revision)

    monkeypatch.setattr(company.visma, "read", noting)

    job = company.run(revision="B")

    assert (job.state, set(asked)) == (State.SUCCEEDED, {"B"})


def test_very_many_lines(sqlite_db: Database) -> None:
    """A kit of more lines than go out in all its rounds: rounds that come nearer do not count."""
    company = Company(sqlite_db)
    codes = [f"C{each}" for each in range(1_300)]
    company.visma.put("KIT", *((code, "1") for code in codes))
    company.itempath.put("KIT")
    for code in codes:
        company.itempath.item(code)

    job = company.run()

    assert (job.state, len(company.itempath.lines("KIT"))) == (State.SUCCEEDED, 1_300)


def test_source_changes_meanwhile(company: Company) -> None:
    """A source that changed while it was carried over is carried over anew."""
    company.itempath.import_seconds = 10.0

    def change(job: Job) -> Job:
        if company.itempath.log and len(company.visma.kits["KIT"].lines) == 3:
            company.visma.put("KIT", ("A", "1"), ("B", "2"))
        return job

    company.before = change

    job = company.run()

    assert (job.state, sorted(company.itempath.lines("KIT"))) == (State.SUCCEEDED, [("A", "1"), ("B", "2")])


def test_many_deletes_held(company: Company) -> None:
    """A source that came back nearly empty is held, with its difference, until forced."""
    company.visma.put("KIT", ("A", "1"))
    company.itempath.put("KIT", *((code, "1") for code in "ABCDEFGHIJ"))

    held = company.run()
    forced = company.run(force=True)

    assert held.error is not None
    assert (held.state, held.error.error_class) == (State.FAILED, "conflict")
    assert "9 of 10 lines" in held.error.message
    assert len(held.result["targets"]["itempath"]["difference"]["delete"]) == 9
    assert (forced.state, company.itempath.lines("KIT")) == (State.SUCCEEDED, [("A", "1")])


def test_dry_run_tells_of_hold(company: Company) -> None:
    """A dry run says that the run itself would be held."""
    company.visma.put("KIT", ("A", "1"))
    company.itempath.put("KIT", *((code, "1") for code in "ABCDEFGHIJ"))

    job = company.run(dry_run=True)

    assert (job.state, "9 of 10 lines" in job.result["targets"]["itempath"]["held"]) == (State.SUCCEEDED, True)


def test_wrong_number_there(company: Company) -> None:
    """A number in the target that could never be written, such as zero, is put right."""
    company.itempath.put("KIT", ("A", "0"), ("B", "2"), ("C", "3"))

    job = company.run()

    assert (job.state, company.itempath.log) == (State.SUCCEEDED, ["update A 1"])


def test_empty_source_held(company: Company) -> None:
    """An empty source takes no target along."""
    company.visma.put("KIT")

    job = company.run()

    assert (job.state, company.itempath.log) == (State.FAILED, [])


def test_missing_all_named(company: Company) -> None:
    """All codes that the target lacks are named at once, and nothing is written."""
    company.visma.put("KIT", ("A", "1"), ("X", "1"), ("Y", "1"))

    job = company.run()

    assert job.error is not None
    assert (job.state, job.error.error_class, company.itempath.log) == (State.FAILED, "missing_reference", [])
    assert "X" in job.error.message
    assert "Y" in job.error.message


def test_create_missing(sqlite_db: Database) -> None:
    """With `create_missing`, kit and materials are made, each once, and then the lines."""
    company = Company(sqlite_db, Sync(source="visma", targets=("itempath",), create_missing=True))
    company.visma.put("KIT", ("A", "1"), ("B", "2"))
    company.itempath.import_seconds = 20.0

    job = company.run()

    assert (job.state, company.itempath.lines("KIT")) == (State.SUCCEEDED, [("A", "1"), ("B", "2")])
    assert (company.itempath.calls["create_kit"], company.itempath.calls["create_item"]) == (1, 2)


def test_unknown_kit(company: Company) -> None:
    """A kit that the source does not have is a missing reference."""
    job = company.run("NONE")

    assert job.error is not None
    assert (job.state, job.error.error_class) == (State.FAILED, "missing_reference")


def test_explode(sqlite_db: Database) -> None:
    """A target that gets the parts of inner kits gets them multiplied; a stockable kit stays whole."""
    company = Company(sqlite_db, Sync(source="intacct", targets=("itempath",), nested={"itempath": "explode"}))
    company.intacct.put("B", ("C", "3"), ("D", "1"))
    company.intacct.put("S", ("Z", "1"), type="stockable_kit")
    company.intacct.put("KIT", Line("B", Decimal(2), type="kit"), Line("S", Decimal(1), type="stockable_kit"))
    company.itempath.put("KIT")
    for code in "CDS":
        company.itempath.item(code)

    job = company.run()

    assert (job.state, company.itempath.lines("KIT")) == (State.SUCCEEDED, [("C", "6"), ("D", "2"), ("S", "1")])


def test_parents_follow(sqlite_db: Database) -> None:
    """When an inner kit changes, the kits that take it apart are synced, too."""
    company = Company(sqlite_db, Sync(source="intacct", targets=("itempath",), nested={"itempath": "explode"}))
    company.intacct.put("B", ("C", "3"))
    company.intacct.put("KIT", Line("B", Decimal(2), type="kit"))
    company.itempath.put("KIT", ("C", "6"))
    company.itempath.put("B", ("C", "3"))
    company.run("KIT")
    company.intacct.put("B", ("C", "4"))

    company.run("B")

    assert [new.arguments["kit"] for new in company.followers] == ["KIT"]
    assert company.followers[0].erp == "intacct"


def test_cycle(sqlite_db: Database) -> None:
    """A kit that is in itself is refused, with the way round."""
    company = Company(sqlite_db, Sync(source="intacct", targets=("itempath",), nested={"itempath": "explode"}))
    company.intacct.put("A", Line("B", Decimal(1), type="kit"))
    company.intacct.put("B", Line("A", Decimal(1), type="kit"))
    company.itempath.put("A", ("C", "1"))

    job = company.run("A")

    assert job.error is not None
    assert (job.error.error_class, "A → B → A" in job.error.message) == ("validation", True)


def test_units(sqlite_db: Database) -> None:
    """Quantities are compared and written in the target's own unit."""
    rules = (UnitRule("visma", "BOX", "PCS", Decimal(12)), UnitRule("itempath", "Piece", "PCS"))
    company = Company(sqlite_db, Sync(source="visma", targets=("itempath",), units=rules))
    company.visma.units = {"A": "BOX", "B": "PCS"}
    company.itempath.units = {"A": "Piece", "B": "Piece"}
    company.visma.put("KIT", ("A", "2"), ("B", "1"))
    company.itempath.put("KIT", ("A", "24"))
    company.itempath.item("B")

    job = company.run()

    assert (job.state, company.itempath.log) == (State.SUCCEEDED, ["create B 1"])


def test_unknown_unit(company: Company) -> None:
    """Two unit texts without a rule are never taken for one."""
    company.visma.units, company.itempath.units = {"A": "BOX"}, {"A": "Piece"}
    company.visma.put("KIT", ("A", "1"))
    company.itempath.put("KIT", ("A", "1"))

    job = company.run()

    assert job.error is not None
    assert (job.state, job.error.error_class) == (State.FAILED, "validation")


def test_alias(sqlite_db: Database) -> None:
    """An item may have another code in the target."""
    company = Company(sqlite_db, Sync(source="visma", targets=("intacct",), aliases=(Alias("intacct", "SHORT", "A-VERY-LONG-CODE"),)))
    company.visma.put("KIT", ("A-VERY-LONG-CODE", "1"))
    company.intacct.put("KIT")
    company.intacct.item("SHORT")

    job = company.run()

    assert (job.state, company.intacct.lines("KIT")) == (State.SUCCEEDED, [("SHORT", "1")])


def test_long_code(sqlite_db: Database) -> None:
    """A code that is too long for the target is refused before anything is written."""
    company = Company(sqlite_db, Sync(source="visma", targets=("intacct",)))
    company.visma.put("KIT", ("A" * 31, "1"))
    company.intacct.put("KIT")
    company.intacct.item("A" * 31)

    job = company.run()

    assert job.error is not None
    assert (job.error.error_class, "30" in job.error.message) == ("validation", True)


def test_blocked_item(company: Company) -> None:
    """An item that can't go into a kit is refused with the target's reason."""
    company.itempath.item("C", why_not="is blocked")

    job = company.run()

    assert job.error is not None
    assert (job.error.error_class, "is blocked" in job.error.message) == ("conflict", True)


def test_non_stock_left_out(company: Company) -> None:
    """Lines that are not kept in stock do not go to the warehouse; the result names them."""
    company.visma.put("KIT", Line("A", Decimal(1)), Line("LABOUR", Decimal(1), stocked=False))
    company.itempath.put("KIT", ("A", "1"))

    job = company.run()

    assert (job.state, company.itempath.log) == (State.SUCCEEDED, [])
    assert job.result["targets"]["itempath"]["left_out"][0]["component"] == "LABOUR"


def test_split_labour(company: Company) -> None:
    """Half a piece of what is not kept in stock is no fault: it does not go to the warehouse anyway."""
    company.visma.put("KIT", Line("A", Decimal(1), "STK"), Line("LABOUR", Decimal("0.5"), "STK", stocked=False))
    company.itempath.put("KIT", ("A", "1"))

    assert company.run().state is State.SUCCEEDED


def test_spent_attempts_tell(company: Company) -> None:
    """A sync that runs out of attempts tells what it had found and done by then."""
    company.itempath.next = [CallError("broken", status=500, error_class="unavailable")] * 20

    job = company.run()

    assert (job.state, job.attempt) == (State.FAILED, 8)
    assert job.result["targets"]["itempath"]["difference"]


def test_edited_there(company: Company) -> None:
    """What somebody changed in the target since the last run is put right, and the result says so."""
    company.run()
    company.itempath.put("KIT", ("A", "9"), ("B", "2"), ("C", "3"))

    job = company.run()

    assert (job.state, job.result["targets"]["itempath"]["edited_there"]) == (State.SUCCEEDED, True)


def test_echo(company: Company) -> None:
    """An announcement of what we wrote there ourselves does nothing when the targets have it already."""
    company.visma.item("D")
    company.run(source="itempath", targets=["visma"])
    company.run(source="visma", targets=["itempath"])
    reads = company.itempath.calls["read"]

    echo = company.carry(company.job(made_by=ANNOUNCED, source="visma", targets=["itempath"]))

    assert (echo.state, company.itempath.calls["read"]) == (State.SUCCEEDED, reads)


def test_failing_read_retried(company: Company) -> None:
    """A read that fails is tried again; a refusal for too many calls costs no attempt, nor does a failed look."""
    company.visma.fails = [CallError("down", status=503), RateLimited("too many", retry_after=3.0)]
    company.itempath.fails = [CallError("down", status=503)]

    job = company.run()

    assert (job.state, job.attempt) == (State.SUCCEEDED, 1)


@pytest.mark.parametrize("error", [NotSent("no route"), RateLimited("too many", retry_after=1.0)])
def test_unsent_write(company: Company, error: CallError) -> None:
    """A write that never arrived is sent again."""
    company.itempath.next = [error]

    job = company.run()

    assert (job.state, sorted(company.itempath.lines("KIT"))) == (State.SUCCEEDED, [("A", "1"), ("B", "2"), ("C", "3")])


def test_refused_write(company: Company) -> None:
    """A write that the target refuses fails the job with the target's words, and says what had been done before."""
    company.itempath.next = [None, Rejected("no such material")]

    job = company.run()

    assert job.error is not None
    assert (job.state, job.error.message) == (State.FAILED, "no such material")
    assert job.result["targets"]["itempath"]["applied"] == ["update B to 2"]


def test_replay_looks_first(company: Company) -> None:
    """A replay begins in the source's lane, wherever the job failed."""
    company.itempath.next = [Rejected("no such material")]
    failed = company.run()
    replayed: dict[str, Any] = {"look_first": True, "sent_at": failed.progress.get("sent_at"), "past": []}

    job = company.carry(replace(failed, state=State.QUEUED, finished_at=None, error=None, progress=replayed))

    assert job.state is State.SUCCEEDED


def test_read_together(sqlite_db: Database) -> None:
    """Many syncs of a batch read together: one call to a side, however many kits."""
    company = Company(sqlite_db)
    jobs = []
    for number in range(20):
        company.visma.put(f"KIT-{number}", ("A", "1"))
        company.itempath.put(f"KIT-{number}", ("A", "1"))
        jobs.append(replace(company.job(f"KIT-{number}"), id=f"job-{number}", batch="batch"))
    waiting = [company.step(job) for job in jobs]

    found = company.works["visma"].looks(waiting, company.clock())
    moved = [company.moved(job, verdict) for job, verdict in found]
    ended = company.works["itempath"].looks(moved, company.clock())

    assert [verdict.state for _, verdict in ended] == [State.SUCCEEDED] * 20
    assert (company.visma.calls["read"], company.itempath.calls["read"]) == (1, 1)


def test_one_bad_kit(sqlite_db: Database) -> None:
    """A kit that can't be understood fails alone; those that were read with it go on."""
    company = Company(sqlite_db)
    company.visma.put("GOOD", ("A", "1"))
    company.visma.put("BAD", Line("A", Decimal(0)))
    company.itempath.put("GOOD", ("A", "1"))
    jobs = [replace(company.job(code), id=code, batch="batch") for code in ("GOOD", "BAD")]
    waiting = [company.step(job) for job in jobs]

    found = {job.id: verdict for job, verdict in company.works["visma"].looks(waiting, company.clock())}

    assert (found["BAD"].state, found["GOOD"].state, found["GOOD"].erp) == (State.FAILED, State.WAITING, "itempath")


def test_holds_its_kit(company: Company) -> None:
    """Between its steps a sync waits, and so holds its kit; it is queued only to write."""
    states = []
    job = company.job()
    while job.finished_at is None:
        job = company.step(job)
        states.append((job.state, job.erp))

    assert states == [
        (State.WAITING, "itempath"),
        (State.QUEUED, "itempath"),
        (State.WAITING, "itempath"),
        (State.WAITING, "visma"),
        (State.SUCCEEDED, "visma"),
    ]


def test_same_key_again(sqlite_db: Database) -> None:
    """What may still be on its way goes out under the key it had: whenever the first comes, it is done once."""
    company = Company(sqlite_db, Sync(source="visma", targets=("intacct",)))
    company.visma.put("KIT", ("A", "1"), ("B", "1"))
    company.intacct.put("KIT", ("A", "1"))
    company.intacct.item("B")
    company.intacct.next = ["unseen"]

    job = company.run()

    first, second = company.intacct.generations
    assert (job.state, first == second, job.starts > 2) == (State.SUCCEEDED, True, True)


def test_retired_target(company: Company) -> None:
    """A kit that is retired in the target is not written to."""
    company.itempath.put("KIT", ("A", "9"), active=False)

    job = company.run()

    assert job.error is not None
    assert (job.error.error_class, "retired" in job.error.message, company.itempath.log) == ("conflict", True, [])


def test_unknown_component_there(company: Company) -> None:
    """A line whose component nobody knows is not deleted by guess, unless forced."""
    line = company.itempath.kits["KIT"].lines[0].id
    company.itempath.put("KIT", ("A", "1"), ("B", "2"), ("C", "3"), ("4711", "1"), facts={"unknown": [line]})

    held = company.run()
    forced = company.run(force=True)

    assert held.error is not None
    assert (held.error.error_class, line in held.error.message) == ("conflict", True)
    assert (forced.state, company.itempath.log) == (State.SUCCEEDED, ["delete 4711"])
