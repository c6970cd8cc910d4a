"""Between which systems a sync goes."""

from __future__ import annotations

from typing import Any

import pytest

from worker.errors import InvalidArguments
from worker.kinds.sides import side_faults, source_of
from worker.settings import Intacct, ItemPath, Secret, Sync, Tenant

INTACCT = Intacct("https://i.test", "client", Secret("s"), "user@company")
ITEMPATH = ItemPath("https://p.test", token=Secret("t"))
DEFAULT = Sync(source="intacct", targets=("itempath",))


def tenant(sync: Sync = DEFAULT) -> Tenant:
    """Connected to ItemPath and Intacct, and not to Visma."""
    return Tenant("acme", itempath=ITEMPATH, intacct=INTACCT, sync=sync)


def test_source() -> None:
    """The source is the argument's, else the settings'."""
    assert source_of(tenant(), {"kit": "K"}) == "intacct"
    assert source_of(tenant(), {"source": "itempath", "targets": ["intacct"]}) == "itempath"


def test_other_source_is_no_target() -> None:
    """Where another source is named and no targets, the tenant's other targets remain; only what the settings name is ever written."""
    both = tenant(Sync(source="intacct", targets=("itempath", "intacct")))

    assert side_faults(both, {"source": "itempath"}) == ()


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
        source_of(tenant(sync), arguments)


def test_broken_told_once() -> None:
    """Of an argument that has a fault of its own nothing more is said, nor of what depends on it."""
    assert side_faults(tenant(Sync()), {"targets": ["intacct"]}, {"source"}) == ()
    assert side_faults(tenant(), {"nested": {"intacct": "explode"}}, {"targets"}) == ()
