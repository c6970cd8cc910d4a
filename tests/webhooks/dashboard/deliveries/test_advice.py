"""What the reasons of deliveries mean: every reason that kitrelay writes is known."""

from __future__ import annotations

from typing import Any

import pytest

from tests.webhooks.shop import tenant
from webhooks.dashboard.deliveries.advice import advice_of
from worker.settings import Settings

SETTINGS = Settings(tenants={"acme": tenant()})


def delivery(**changes: Any) -> dict[str, Any]:
    """A delivery as the API lists it."""
    plain: dict[str, Any] = {"tenant": "acme", "source": "webshop", "type": "order.paid", "state": "accepted", "jobs": []}
    return {**plain, "reason": None, "outcomes": None, **changes}


@pytest.mark.parametrize(
    "reason",
    [
        "missing, wrong or stale proof",
        "webshop may send 600 events a minute",
        "it came before, as 019a0000-0000-7000-8000-000000000000",
        "no rule is for it",
        "no rule made a job of it",
        "rules refused 1 of 2",
        "the body is larger than 1048576 bytes",
        "the body is not JSON: line 1, column 2",
        "the body must be application/json in UTF-8",
        "the body is neither an object nor an array",
        "an event needs a type, as text",
        "it has no id: nobody can tell whether it came before",
        "intacct is not the source of syncs",
        "syncs have no target",
        "names no kit: the next comparison finds what changed",
        "raised by our own user api, as its context says",
        "replayed by ops",
        "a test by ops",
    ],
)
def test_reason_is_known(reason: str) -> None:
    """It is told what each means, alone and among others."""
    for given in (reason, f"replayed by ops; {reason}"):
        assert all(each.short and each.meaning for each in advice_of(SETTINGS, delivery(reason=given)))


@pytest.mark.parametrize(
    ("source", "setting"),
    [
        ("webshop", "webhook-timestamp"),
        ("warehouse", "X-Proof"),
        ("paper", "Bearer"),
        ("visma", "webhook_keys"),
        ("itempath", "webhook_header"),
        ("intacct", "client_secret"),
        ("gone", "no such source"),
    ],
)
def test_proof_names_setting(source: str, setting: str) -> None:
    """A wrong proof leads to the setting that holds it."""
    (advice,) = advice_of(SETTINGS, delivery(source=source, state="refused", reason="missing, wrong or stale proof"))
    assert setting in advice.do


def test_orphan_is_explained() -> None:
    """An orphan is matched by itself later."""
    assert "matched by itself" in advice_of(SETTINGS, delivery(state="orphan"))[0].do


def test_unknown_reason_stays() -> None:
    """A reason that this table does not know is told as it is."""
    assert [each.short for each in advice_of(SETTINGS, delivery(reason="the moon is full"))] == ["the moon is full"]
    assert advice_of(SETTINGS, delivery()) == []
