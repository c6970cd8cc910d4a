"""How a notice is delivered, tried again or given up."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from standardwebhooks.webhooks import Webhook

from tests.worker.notices.acting import ended
from worker.errors import Rejected, Unclear
from worker.jobs.ledger import utc_now
from worker.jobs.limits import ConnectionState
from worker.jobs.making import job_from
from worker.jobs.states import State
from worker.jobs.verdicts import Verdict, after
from worker.notices.announcing import RULES, WAITS, Notices
from worker.notices.resting import GONE_FOR, IN_A_ROW, REST
from worker.notices.sending import Reply, Sender
from worker.notices.work import FEW, NoticeHandler
from worker.settings import Notice, Secret

if TYPE_CHECKING:
    from collections.abc import Mapping

    from worker.connections import Meter
    from worker.jobs.model import Job

SECRET = "whsec_" + "c2VjcmV0" * 4
SHOP = Notice("shop", "https://shop.test/hooks", (Secret(SECRET),))
OTHER = Notice("other", "https://other.test/hooks", (Secret(SECRET),))


@dataclass
class Scripted(Sender):
    """Answers with `statuses`, one after the other, then with 204; an exception among them is raised."""

    statuses: list[int | Exception] = field(default_factory=list)
    sent: list[tuple[str, bytes, Mapping[str, str], bool]] = field(default_factory=list)
    retry_after: float | None = None

    def post(self, url: str, body: bytes, headers: Mapping[str, str], *, allow_private: bool) -> Reply:
        """Say what is next."""
        self.sent.append((url, body, headers, allow_private))
        said = self.statuses.pop(0) if self.statuses else 204
        if isinstance(said, Exception):
            raise said
        return Reply(said, self.retry_after, 12.0)


class World:
    """A handler with its clock, a scripted sender, and what the ledger has learned."""

    def __init__(self, *statuses: int | Exception, retry_after: float | None = None, receivers: tuple[Notice, ...] = (SHOP, OTHER)) -> None:
        self.now = utc_now().timestamp()
        self.sender = Scripted(list(statuses), retry_after=retry_after)
        self.learned: dict[str, Any] | None = {}
        self.handler = self.another(*receivers)

    def another(self, *receivers: Notice) -> NoticeHandler:
        """The same in another process."""
        named = {each.name: each for each in receivers or (SHOP, OTHER)}
        return NoticeHandler(named, self.sender, lambda: self.learned, lambda: self.now)

    def keep(self, meter: Meter) -> None:
        """What a lane's refresh does: the ledger learns, and some time passes until others look."""
        assert self.learned is not None
        self.learned = {**self.learned, **meter.take(0).learned}
        self.now += 10

    def send(self, job: Job) -> Verdict:
        """Start it."""
        return self.handler.start(job).verdict


def notice(receiver: Notice = SHOP, **changes: Any) -> Job:
    """A notice as a move makes it, started by a worker."""
    (new,) = Notices({"acme": (receiver,)}).job(ended(), utc_now())
    return replace(job_from(new, "a job before it", utc_now()), state=State.RUNNING, starts=1, **changes)


def test_signed_and_taken() -> None:
    """A taken notice is done; its id is the job's, its body what happened, its proof Standard Webhooks."""
    world, job = World(), notice()
    verdict = world.send(job)
    ((url, body, headers, private),) = world.sender.sent
    assert (verdict.state, verdict.result, url, private) == (State.SUCCEEDED, {"status": 204}, SHOP.url, False)
    assert headers["webhook-id"] == job.id
    assert Webhook(SECRET).verify(body, dict(headers)) == orjson.loads(body)
    assert list(orjson.loads(body)) == ["type", "timestamp", "data"]


def test_same_body_each_time() -> None:
    """Another try has the same id and body, and a time of its own."""
    world, job = World(503), notice()
    world.send(job)
    world.now += 60
    world.send(job)
    (_, one, first, _), (_, two, second, _) = world.sender.sent
    assert (one, first["webhook-id"]) == (two, second["webhook-id"])
    assert int(second["webhook-timestamp"]) - int(first["webhook-timestamp"]) == 60


@pytest.mark.parametrize("said", [500, 503, 408, 429, Unclear("no answer")])
def test_passing_failures_retry(said: int | Exception) -> None:
    """What may pass is tried again, as often as the table has waits: about a day."""
    world, job = World(*[said] * 12), notice()
    for _ in WAITS:
        verdict = world.handler.start(job).verdict
        job = after(job, verdict, utc_now(), RULES, 0.5)
        assert job.state is State.RETRYING
        job = replace(job, state=State.RUNNING)
        world.now += REST + 1
    assert after(job, world.send(job), utc_now(), RULES, 0.5).state is State.FAILED
    assert 23 * 3600 < sum(WAITS) < 25 * 3600


@pytest.mark.parametrize(("said", "error_class"), [(400, "validation"), (401, "auth"), (404, "missing_reference"), (301, "validation")])
def test_refusals_end_soon(said: int, error_class: str) -> None:
    """What the receiver refuses is tried a few times; a redirect is such a refusal, and the message says so."""
    world, job = World(*[said] * FEW), notice()
    states = []
    for _ in range(FEW):
        verdict = world.send(job)
        job = replace(after(job, verdict, utc_now(), RULES, 0.5), state=State.RUNNING)
        states.append(verdict.state)
    assert states == [State.RETRYING] * (FEW - 1) + [State.FAILED]
    assert verdict.error is not None
    assert (verdict.error.error_class, verdict.error.status) == (error_class, said)
    assert ("redirects are not followed" in verdict.error.message) is (said == 301)


def test_forbidden_address_ends_soon() -> None:
    """A host that leads inside is refused as a refusal of the receiver's, with the reason."""
    world, job = World(*[Rejected("shop.test leads to 10.0.0.1")] * FEW), notice(progress={"refused": FEW - 1})
    verdict = world.send(job)
    assert verdict.state is State.FAILED
    assert "10.0.0.1" in verdict.cause


def test_ordered_wait() -> None:
    """`Retry-After` is what the retry waits for."""
    assert World(429, retry_after=77.0).send(notice()).wait == 77.0


def test_gone_for_a_day() -> None:
    """After 410 nothing is sent to the receiver for a day, by any worker: its notices fail with the reason. Others get theirs."""
    world = World(410)
    assert world.send(notice()).state is State.FAILED
    world.keep(world.handler.meter)
    verdict = world.another().start(notice()).verdict
    assert verdict.error is not None
    assert (verdict.state, verdict.error.status) == (State.FAILED, 410)
    assert "gets none until" in verdict.error.message
    assert world.send(notice(OTHER)).state is State.SUCCEEDED
    assert [url for url, *_ in world.sender.sent] == [SHOP.url, OTHER.url]
    world.now += GONE_FOR
    assert world.send(notice()).state is State.SUCCEEDED


def test_corrected_address_is_tried() -> None:
    """That a receiver is gone holds for one address."""
    world = World(410)
    world.send(notice())
    world.keep(world.handler.meter)
    assert world.another(replace(SHOP, url="https://shop.test/new")).start(notice()).verdict.state is State.SUCCEEDED


def test_replay_overrides_gone() -> None:
    """A notice that a person replays is sent; when it is taken, the receiver is there again for all."""
    world = World(410)
    world.send(notice())
    world.keep(world.handler.meter)
    assert world.send(notice(progress={"past": []})).state is State.SUCCEEDED
    world.keep(world.handler.meter)
    assert world.another().start(notice()).verdict.state is State.SUCCEEDED


def test_silent_receiver_rests() -> None:
    """After a few failures in a row a receiver is not tried for a moment, and another one is; then it is tried again."""
    world = World(*[503] * IN_A_ROW)
    for _ in range(IN_A_ROW):
        world.send(notice())
    rested = world.send(notice())
    assert rested.state is State.RETRYING
    assert rested.wait == pytest.approx(REST)
    assert "not tried" in rested.cause
    assert world.send(notice(OTHER)).state is State.SUCCEEDED
    world.now += REST
    assert world.send(notice()).state is State.SUCCEEDED


def test_breaker_stays_shut() -> None:
    """Failures of receivers are no failures of the lane: its breaker never opens."""
    said: list[int | Exception] = [503, Unclear("no answer"), 401]
    world = World(*said * 5)
    for _ in range(15):
        world.now += REST
        world.send(notice())
    assert not world.handler.meter.failing()
    assert world.handler.meter.take(0).failures == 0


def test_forgotten_receiver() -> None:
    """A notice whose receiver is no more in the settings fails with that reason."""
    verdict = World(receivers=(OTHER,)).send(notice())
    assert verdict.error is not None
    assert (verdict.state, verdict.error.error_class) == (State.FAILED, "missing_reference")


def test_away_ledger_is_no_obstacle() -> None:
    """While nobody can tell what was learned, notices are sent."""
    world = World()
    world.learned = None
    assert world.send(notice()).state is State.SUCCEEDED


def test_dead_worker_sends_again() -> None:
    """A notice whose worker died is sent again, under the same id."""
    world, job = World(), notice(progress={"doubt": True})
    (look,) = world.handler.looks([replace(job, state=State.WAITING)], ConnectionState(), utc_now())
    ((found,),) = (look.run(),)
    assert (found.verdict.state, found.job.id) == (State.QUEUED, job.id)
    assert after(replace(job, state=State.WAITING), found.verdict, utc_now(), RULES, 0.5).progress == {}


def test_secrets_stay_covered() -> None:
    """Neither settings nor verdicts show a secret or an address with its path."""
    world = World(500)
    assert "hooks" not in repr((SHOP, world.send(notice())))
    assert "c2VjcmV0" not in repr(SHOP)
