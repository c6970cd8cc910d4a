"""Which kits a body names, by the customer's own expression, and the syncs that follow."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.webhooks.world import NOW, settings_for, trio
from webhooks.kits import GATHER, MOST_KITS, Announced, Named, announced, kits_named
from worker.settings import Alias, Intacct, ItemPath, Secret, Settings, Sync

INTACCT = Intacct("https://i.test", "client", Secret("s"), "user@company").webhook_kits
ITEMPATH = ItemPath("https://p.test").webhook_kits
SYNC = Sync(source="intacct", targets=("itempath",))


def settings(sync: Sync = SYNC) -> Settings:
    """A tenant with these syncs."""
    return replace(settings_for("sqlite://"), tenants={"trio": trio(sync=sync)})


def say(named: Named, sync: Sync = SYNC, erp: str = "intacct") -> Announced:
    """What follows."""
    return announced(settings(sync), "trio", erp, named, NOW)


def kits(news: Announced) -> list[str]:
    """The kits that are synced."""
    return [new.arguments["kit"] for new in news.makes]


@pytest.mark.parametrize(
    ("expression", "body", "codes", "odd"),
    [
        (INTACCT, {"kit": {"id": "K1", "key": "7"}}, ("K1",), 0),
        (INTACCT, {"kit": "K1"}, ("K1",), 0),
        (INTACCT, {"kits": ["K1", "K2", "K1"]}, ("K1", "K2"), 0),
        (INTACCT, {"ID": 1001}, ("1001",), 0),
        (INTACCT, {"id": 1001.0}, ("1001",), 0),
        (INTACCT, {"other": "K1"}, (), 0),
        (INTACCT, {"kit": {"key": "7"}}, (), 1),
        (INTACCT, {"kits": [" K1 ", "", None, True, {"id": "x"}, "a\nb", "K" * 101, 1e300]}, ("K1",), 5),
        (INTACCT, [], (), 0),
        (ITEMPATH, {"kitName": "K1", "name": "other"}, ("K1",), 0),
        ("[].kit", [{"kit": "A"}, {"kit": "B"}], ("A", "B"), 0),
        ("starts_with(kit, 'K')", {"kit": 7}, (), 1),
        ("join('-', [prefix, code])", {"prefix": "KIT", "code": "1"}, ("KIT-1",), 0),
        ("join('-', [prefix, code])", {"prefix": "KIT"}, (), 1),
    ],
)
def test_codes(expression: str, body: object, codes: tuple[str, ...], odd: int) -> None:
    """A text, a number, or a list of them; what is none of these is counted, and what is empty is nothing."""
    assert kits_named(expression, [body]) == Named(codes, odd)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=120),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["kit", "kits", "id", "name"]), inner, max_size=3),
    max_leaves=10,
)


@given(body=JSON, expression=st.sampled_from([INTACCT, ITEMPATH, "sort(kits)", "max_by(kits, &id)", "length(kit)", "avg(kits)", "[].id"]))
def test_any_body_is_read(body: object, expression: str) -> None:
    """Whatever body comes, it names codes that may be codes, or none; and the syncs of all of them can be made."""
    named = kits_named(expression, [body])

    assert all(0 < len(code) <= 100 and code.isprintable() and code == code.strip() for code in named.codes)
    assert kits(say(named)) or not named.codes


def test_syncs_follow() -> None:
    """One sync for each kit, a second from now, in the source's lane; codes that differ in case alone are one kit."""
    news = say(Named(("K1", "k1", "K2")))

    assert kits(news) == ["K1", "K2"]
    assert {(new.kind, new.erp, new.run_at, tuple(new.arguments)) for new in news.makes} == {
        ("sync_kit_lines", "intacct", NOW + GATHER, ("kit",))
    }
    assert news.reason is None


def test_alias_is_translated() -> None:
    """A kit that has another code in the source is synced by the name that it has everywhere else."""
    aliases = (Alias("intacct", "K-1X", "K1"), Alias("itempath", "K2", "other"))

    assert kits(say(Named(("K-1X", "K1", "K2")), replace(SYNC, aliases=aliases))) == ["K1", "K2"]


@pytest.mark.parametrize(
    ("named", "sync", "reason"),
    [
        (Named(("K1",)), Sync(source="visma", targets=("intacct",)), "intacct is not the source of syncs"),
        (Named(("K1",)), Sync(), "intacct is not the source of syncs"),
        (Named(("K1",)), Sync(source="intacct"), "syncs have no target"),
        (Named(), SYNC, "names no kit: the next comparison finds what changed"),
        (Named((), 2), SYNC, "what it names is no kit's code: the next comparison finds what changed"),
        (Named(), replace(SYNC, compare_every=None), "names no kit: nothing compares them by itself"),
    ],
)
def test_nothing_follows(named: Named, sync: Sync, reason: str) -> None:
    """Where no sync follows, the delivery says why."""
    assert say(named, sync) == Announced((), reason)


def test_many_kits() -> None:
    """Of more kits than one delivery may sync the first are synced, and the delivery says so."""
    codes: Any = tuple(f"K{n}" for n in range(MOST_KITS + 1))
    news = say(Named(codes, 2))

    assert kits(news) == list(codes[:MOST_KITS])
    assert news.reason == (
        "2 of its names can be no kit's; names 101 kits, of which the first 100 are synced: the next comparison finds what changed"
    )
