"""What a job's page says of results, documents and calls: pure, whatever the ERPs answered."""

from __future__ import annotations

import shlex
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.webhooks.world import trio
from webhooks.dashboard.job.calls import call_of, called
from webhooks.dashboard.job.documents import MOST_LINES, assembly_of, document_of, subject_of
from webhooks.dashboard.job.repeating import caveats
from webhooks.dashboard.job.results import tells_of, told_of
from webhooks.dashboard.job.story import FIRST, LAST, MOST, lines_of
from webhooks.dashboard.kits.codes import kit_address
from worker.jobs.gaps import Gap
from worker.jobs.model import Attempt, Exchange, Job, Move
from worker.jobs.states import State

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
JOB = Job("019a", "trio", "visma", "release_kit_assembly", {"type": "P", "ref_no": "1"}, "P/1", NOW, NOW, "ops", 8, state=State.SUCCEEDED)
SYNC = replace(JOB, kind="sync_kit_lines", erp="itempath", arguments={"kit": "CHAIR"}, reference="CHAIR")
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=9,
)
MEMBERS = st.sampled_from(["type", "ref_no", "status", "date", "item_id", "quantity", "stock_component_lines", "non_stock_component_lines"])


def exchanged(url: str, method: str = "GET", request: str | None = None) -> Exchange:
    """A call."""
    return Exchange(NOW, method, url, 200, 5, request, None)


def curl(job: Job, exchange: Exchange, *, known: bool = True) -> list[str]:
    """The words of its command."""
    attempt = Attempt(1, NOW, None, "", (exchange,))
    tenant = trio() if known else None
    return shlex.split(call_of(job, attempt, 1, tenant, 1_000).curl.replace(" \\\n", ""))


@given(st.dictionaries(MEMBERS, ANYTHING))
def test_any_document_is_shown(document: dict[str, Any]) -> None:
    """Whatever Visma answers: nothing is expected of any member, and nothing is longer than a line."""
    shown = document_of({"document": document})
    assert shown is not None
    assert all(len(value) < 900 and "\n" not in value for _, value in shown.facts)


def test_lines_are_bounded() -> None:
    """Of a document with very many lines the first are shown, and how many more there are."""
    shown = document_of({"document": {"stock_component_lines": [{"line_nbr": n} for n in range(MOST_LINES + 7)]}})
    assert shown is not None
    assert (len(shown.lines), shown.more) == (MOST_LINES, 7)


def test_times_lose_nothing() -> None:
    """A date has no empty time of day; a moment keeps its own."""
    shown = document_of({"document": {"date": "2026-01-31T00:00:00.000", "last_modified_date_time": "2026-01-31T10:20:30.000"}})
    assert shown is not None
    assert shown.facts == (("Date", "2026-01-31"), ("Changed in Visma", "2026-01-31 10:20:30"))


@pytest.mark.parametrize(
    ("kind", "arguments", "result", "found"),
    [
        ("release_kit_assembly", {"type": "D", "ref_no": "7"}, None, {"type": "D", "ref_no": "7"}),
        ("create_kit_assembly", {"item_id": "K"}, None, None),
        ("create_kit_assembly", {"item_id": "K", "type": "D"}, {"ref_no": "8"}, {"type": "D", "ref_no": "8"}),
        ("create_kit_assembly", {"item_id": "K"}, {"ref_no": 8}, None),
        ("sync_kit_lines", {"kit": "K"}, None, None),
    ],
)
def test_which_document(kind: str, arguments: dict[str, Any], result: Any, found: Any) -> None:
    """A job's document is known from what was asked for, or from what came of it."""
    assert assembly_of(replace(JOB, kind=kind, arguments=arguments, result=result)) == found


def test_subject_of_what_holds_nothing() -> None:
    """What made a document, or only looked at it, is about the same thing as what works on it."""
    made = replace(JOB, kind="create_kit_assembly", arguments={"item_id": "K"}, result={"type": "P", "ref_no": "ab1"})
    assert subject_of(made) == "kit-assembly/P/AB1"
    assert subject_of(replace(SYNC, kind="read_kit")) == subject_of(SYNC)
    assert kit_address("acme", "A/B C") == "/kits/A%2FB%20C?tenant=acme"


def test_sync_in_words() -> None:
    """What was found at each target, and what was written."""
    report = {"difference": {"create": [{}], "update": [], "delete": [{}, {}], "same": 3}, "applied": ["update BOLT to 4"]}
    targets = {"visma": {**report, "edited_there": True}, "itempath": {"difference": {"create": []}}, "odd": 7}
    told = told_of(replace(SYNC, result={"source": "intacct", "targets": targets}))
    assert told is not None
    assert told.sentence == "From Sage Intacct:"
    assert [(each.erp, each.found, each.applied) for each in told.targets] == [
        ("visma", "1 missing, 2 extra", ("update BOLT to 4",)),
        ("itempath", "no difference", ()),
        ("odd", "\u2013", ()),
    ]
    assert told.targets[0].notes == ("somebody had edited it there",)


@given(st.sampled_from(["create_kit_assembly", "delete_kit_assembly", "sync_kit_lines", "create_kit_line"]), ANYTHING)
def test_any_result_is_told(kind: str, result: Any) -> None:
    """No result is a fault."""
    told_of(replace(JOB, kind=kind, result=result))


def test_notice_tells_of_its_job() -> None:
    """A notice leads to what it tells of, and to nothing else."""
    about = "019a0000-0000-7000-8000-000000000000"
    notice = replace(JOB, kind="send_notice", arguments={"type": "job.failed", "data": {"id": about, "reference": "P/1"}})
    assert tells_of(notice) == ("P/1", f"/jobs/{about}")
    assert tells_of(replace(notice, arguments={"type": "job.failed", "data": {"id": "../x"}})) is None
    assert tells_of(replace(notice, arguments={"type": "connection.broken", "data": {"erp": "visma"}})) is None
    assert tells_of(JOB) is None


@pytest.mark.parametrize(
    ("url", "erp"), [("/v1/KitSpecifications", "visma"), ("/api/kits?x=1", "itempath"), ("/services/core/query", "intacct"), ("/else", "")]
)
def test_whom_a_sync_called(url: str, erp: str) -> None:
    """A call of work on several ERPs is told by its path."""
    assert called(SYNC, url, trio()) == erp


def test_commands_of_each_erp() -> None:
    """The address is rebuilt from the settings; Intacct is told its entity; who signs in has no token yet; what is unknown is asked for."""
    assert curl(JOB, exchanged("/v1/kitassembly"))[4:6] == ["--url", "https://visma.test/v1/kitassembly"]
    assert "https://itempath.test/api/kits" in curl(SYNC, exchanged("/api/kits"))
    intacct = trio().intacct
    assert intacct is not None
    withs = trio(intacct=replace(intacct, entity="E-1"))
    told = call_of(SYNC, Attempt(1, NOW, None, "", (exchanged("/objects/x"),)), 1, withs, 9).curl
    assert "'X-IA-API-Param-Entity: E-1'" in told
    signs_in = curl(JOB, exchanged("/token", "POST", "client_secret=***"))
    assert "https://visma.test/token" in signs_in
    assert "Authorization: Bearer $TOKEN" not in signs_in
    assert "Authorization: Bearer $TOKEN" not in curl(SYNC, exchanged("/oauth2/token", "POST", "client_secret=***"))
    assert "$BASE_URL/v1/kitassembly" in curl(JOB, exchanged("/v1/kitassembly"), known=False)
    assert "https://us.test/…" in curl(replace(JOB, kind="send_notice", erp="notices"), exchanged("https://us.test/…"))


def test_command_carries_what_was_kept() -> None:
    """The headers of a call stand in its command as they were, and none is guessed beside them; the token is the reader's."""
    kept = {"Content-Type": "application/x; v=1", "erp-api-background": "subscription:kitrelay-job=1"}
    words = curl(JOB, replace(exchanged("/v1/kitassembly/P/1/action/release", "POST", "{}"), headers=kept))
    told = [word for before, word in pairwise(words) if before == "--header"]
    assert told == ["Accept: application/json", *(f"{name}: {value}" for name, value in kept.items()), "Authorization: Bearer $TOKEN"]
    intacct = trio().intacct
    assert intacct is not None
    withs = trio(intacct=replace(intacct, entity="NOW"))
    for headers, entity in (({"X-IA-API-Param-Entity": "THEN"}, "THEN"), ({"If-Match": "1"}, None), (None, "NOW")):
        call = call_of(SYNC, Attempt(1, NOW, None, "", (replace(exchanged("/objects/x"), headers=headers),)), 1, withs, 9)
        assert [word.partition(": ")[2] for word in shlex.split(call.curl) if "Entity" in word] == ([entity] if entity else [])


def test_command_without_a_body() -> None:
    """A call that sent no body says so, as servers want it; a sign-in by a token takes one."""
    assert "Content-Length: 0" in curl(JOB, exchanged("/v1/kitassembly/P/1/action/release", "POST"))
    assert "Content-Length: 0" not in curl(JOB, exchanged("/v1/kitassembly", "POST", "{}"))
    assert "Content-Length: 0" not in curl(JOB, exchanged("/v1/kitassembly"))
    assert "Authorization: Bearer $TOKEN" in curl(SYNC, exchanged("/api/users/refresh", "POST"))


@pytest.mark.parametrize(
    ("headers", "request_body", "said"),
    [
        ({"erp-api-background": "***"}, "{}", ["Secrets were taken out", "may change", "in the background: its answer"]),
        ({"Idempotency-Key": "k"}, "{}", ["may change", "repeats its answer"]),
        ({"If-Match": "1"}, "{", ["may change"]),
        (None, "{… (9000 bytes in all)", ["Only the beginning", "may change", "no headers are kept"]),
    ],
)
def test_what_to_know_before(headers: dict[str, str] | None, request_body: str, said: list[str]) -> None:
    """Beside the command stands what it lacks, and what it does that one may not expect."""
    told = caveats(replace(exchanged("/v1/kitassembly", "POST", request_body), headers=headers), "visma")
    assert len(told) == len(said)
    assert all(part in sentence for part, sentence in zip(said, told, strict=True))


def test_gaps_stand_between_moves() -> None:
    """Each gap behind the move that began it; one that goes on says so; workers are called by the end of their id."""
    later = NOW + timedelta(seconds=42)
    moves = [
        Move("j", NOW, None, State.QUEUED, "made", "ops"),
        Move("j", later, State.QUEUED, State.RUNNING, "started", "worker 019a0000-0000-7000-8000-0000deadbeef"),
    ]
    gaps = [Gap(NOW, later, 42.0, "turn", "waited 42 s for its turn"), Gap(later, later, 9.0, "calls", "ran for 9 s")]
    lines = lines_of(moves, gaps, later, whole=False)
    assert [(line.what, line.text) for line in lines] == [
        ("move", "made"),
        ("gap", "waited 42 s for its turn, so far"),
        ("move", "started"),
        ("gap", "ran for 9 s, so far"),
    ]
    assert (lines[0].seconds, lines[2].seconds, lines[2].by) == (42.0, None, "worker deadbeef")
    assert lines_of(moves, gaps, None, whole=False)[1].text == "waited 42 s for its turn"


@pytest.mark.parametrize(
    ("count", "whole", "shown"), [(60, False, 60), (61, False, FIRST + LAST + 1), (500, True, 500), (9_000, True, MOST + 1)]
)
def test_length_is_bounded(count: int, whole: bool, shown: int) -> None:  # noqa: FBT001 - a case of a table
    """A long timeline shows its beginning and its end; the whole of it has a bound as well."""
    moves = [Move("j", NOW, State.QUEUED, State.QUEUED, str(n), "ops") for n in range(count)]
    lines = lines_of(moves, (), None, whole=whole)
    assert len(lines) == shown
    assert (lines[0].text, lines[-1].text) == ("0", str(count - 1))
    assert sum(line.count or 1 for line in lines) == count


def test_many_gaps_are_summed() -> None:
    """Where a stretch has many gaps, those of one cause are one line with their sum; few stay as they are."""
    moves = [Move("019a", NOW, None, State.QUEUED, "made", "ops"), Move("019a", later(60), State.QUEUED, State.RUNNING, "started", "w")]
    turns = [Gap(later(4 * n), later(4 * n + 2), 2.0, "turn", "waited 2 s for its turn") for n in range(3)]
    waits = [Gap(later(4 * n + 2), later(4 * n + 4), 2.0, "ordered", "waited 2 s: the ERP ordered a wait") for n in range(3)]
    told = lines_of(moves, sorted([*turns, *waits], key=lambda gap: gap.since), None, whole=False)
    assert [line.text for line in told if line.what == "gap"] == [
        "waited 6 s for its turn, in 3 parts",
        "waited 6 s: the ERP ordered a wait, in 3 parts",
    ]
    few = lines_of(moves, turns, None, whole=False)
    assert [line.text for line in few if line.what == "gap"] == ["waited 2 s for its turn"] * 3


def later(seconds: float) -> datetime:
    """So long after the beginning."""
    return NOW + timedelta(seconds=seconds)
