"""Between which systems a sync goes."""

from __future__ import annotations

from typing import Any

import pytest

from worker.errors import InvalidArguments
from worker.kinds.codes import name_of
from worker.kinds.sides import Sides, side_faults, sides_of
from worker.settings import Alias, Intacct, ItemPath, Secret, Sync, Tenant

INTACCT = Intacct("https://i.test", "client", Secret("s"), "user@company")
ITEMPATH = ItemPath("https://p.test", token=Secret("t"))
DEFAULT = Sync(source="intacct", targets=("itempath",), nested={"itempath": "explode"})


def tenant(sync: Sync = DEFAULT) -> Tenant:
    """Connected to ItemPath and Intacct, and not to Visma."""
    return Tenant("acme", itempath=ITEMPATH, intacct=INTACCT, sync=sync)


def test_settings_are_default() -> None:
    """What the arguments leave out is said by the tenant's settings."""
    assert sides_of(tenant(), {"kit": "K"}) == Sides("intacct", ("itempath",), {"itempath": "explode"})


def test_arguments_win() -> None:
    """What the arguments say stands above the settings; one word counts for all targets."""
    arguments = {"source": "itempath", "targets": ["intacct"], "nested": "explode"}

    assert sides_of(tenant(), arguments) == Sides("itempath", ("intacct",), {"intacct": "explode"})
    assert sides_of(tenant(), {"nested": {"itempath": "preserve"}}).nested == {"itempath": "preserve"}


def test_other_source_is_no_target() -> None:
    """Where another source is named and no targets, the tenant's other targets remain; only what the settings name is ever written."""
    both = tenant(Sync(source="intacct", targets=("itempath", "intacct")))

    assert sides_of(both, {"source": "itempath"}).targets == ("intacct",)


@pytest.mark.parametrize(
    ("sync", "arguments", "expected"),
    [
        (
            Sync(),
            {},
            [
                "source: is required: the settings of acme name none",
                "targets: is required: the settings of acme name no target other than the source",
            ],
        ),
        (DEFAULT, {"source": "visma"}, ["source: acme has no connection to visma"]),
        (DEFAULT, {"targets": ["visma", "intacct"]}, ["targets[0]: acme has no connection to visma", "targets[1]: is the source"]),
        (DEFAULT, {"source": "itempath"}, ["targets: is required: the settings of acme name no target other than the source"]),
        (DEFAULT, {"nested": {"intacct": "explode"}}, ["nested.intacct: is no target of this sync"]),
        (DEFAULT, {"revision": "R1"}, ["revision: is Visma's alone, which is neither source nor target"]),
        (
            DEFAULT,
            {"source": "visma", "targets": ["visma"]},
            ["source: acme has no connection to visma", "targets[0]: acme has no connection to visma", "targets[0]: is the source"],
        ),
    ],
)
def test_faults_together(sync: Sync, arguments: dict[str, Any], expected: list[str]) -> None:
    """All that stands against a sync is told at once."""
    assert [str(fault) for fault in side_faults(tenant(sync), arguments)] == expected
    with pytest.raises(InvalidArguments):
        sides_of(tenant(sync), arguments)


def test_broken_told_once() -> None:
    """Of an argument that has a fault of its own nothing more is said, nor of what depends on it."""
    assert side_faults(tenant(Sync()), {"targets": ["intacct"]}, {"source"}) == ()
    assert side_faults(tenant(), {"nested": {"intacct": "explode"}}, {"targets"}) == ()


def test_alias_names_kit() -> None:
    """A kit with another code in one system has its name everywhere else; case counts only where the settings say so."""
    aliases = (Alias("intacct", "K-1X", "K1"), Alias("itempath", "OTHER", "K2"))

    assert name_of(Sync(aliases=aliases), "intacct", "k-1x") == "K1"
    assert name_of(Sync(aliases=aliases, ignore_case=False), "intacct", "k-1x") == "k-1x"
    assert name_of(Sync(aliases=aliases), "intacct", "OTHER") == "OTHER"
