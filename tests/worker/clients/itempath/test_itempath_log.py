"""What the log of calls says of a write whose answer was lost."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.worker.clients.itempath.installation import NOW, Installation, refused, uid
from worker.clients.itempath.log import Log, Lost, read_log, told
from worker.clients.itempath.records import Call

KIT, BOLT, LINE = uid("kit KIT-1"), uid("material BOLT"), uid("line 1")
CREATE = Lost("create", NOW, KIT, (BOLT,), quantity=Decimal(2))
BODY = f'{{"kitId": "{KIT}", "materialId": "{BOLT}", "quantity": 2.0}}'


def call(code: int | None = 200, endpoint: str = "POST /api/kit_lines", body: object = BODY, **fields: Any) -> Call:
    """An entry of the log, at NOW in UTC."""
    return Call(id="1", endpoint=endpoint, code=code, body=body, creation_date=fields.get("at", "2027-01-15T08:00:00.000000"))


def log(*calls: Call, alive: bool = True) -> Log:
    """A log that runs in UTC."""
    return Log(calls, 0.0 if alive else None, alive)


@pytest.mark.parametrize(
    ("entry", "ran"),
    [
        (call(), True),
        (call(201), True),
        (call(body={"kitId": KIT.lower(), "materialId": f" {BOLT} ", "quantity": " 2 "}), True),
        (call(body=f"{{'kitId': '{KIT}', 'materialId': '{BOLT}', 'quantity': 2.0}}"), True),
        (call(endpoint="POST https://acme.itempath.com/api/kit_lines?x=1"), True),
        (call(400), False),
        (call(500), False),
        (call(None), None),
        (call(body="<cut off"), None),
        (call(body=None), None),
        (call(body=BODY.replace("2.0", "3.0")), False),
        (call(body=BODY.replace(BOLT, KIT)), False),
        (call(body=BODY.replace(f'"{KIT}"', f'"{BOLT}"')), False),
        (call(endpoint="GET /api/kit_lines"), False),
        (call(endpoint="POST /api/kits"), False),
        (call(endpoint=f"PUT /api/kit_lines/{LINE}"), False),
        (call(at="2027-01-15T07:57:00.000000"), False),
        (call(at="2027-01-15T09:00:00+01:00"), True),
    ],
)
def test_create_in_the_log(entry: Call, ran: bool | None) -> None:  # noqa: FBT001 - a table's column
    """The same verb, kit, material and quantity, in time: its code tells; what can't be read may be it."""
    assert told(log(entry), CREATE) is ran


def test_other_writes_in_the_log() -> None:
    """An update is told by its line and what it said, a delete by its line, in either form."""
    update = Lost("update", NOW, KIT, line=LINE, quantity=Decimal(3), number=4)
    delete = Lost("delete", NOW, KIT, line=LINE)
    put = call(endpoint=f"PUT /api/kit_lines/{LINE.lower()}", body='{"quantity": 3, "number": 4}')

    assert told(log(put), update) is True
    assert told(log(put), replace(update, quantity=Decimal(2))) is False
    assert told(log(call(endpoint=f"DELETE /api/kit_lines/{LINE}/delete", body="")), delete) is True
    assert told(log(call(endpoint=f"DELETE /api/kit_lines/{LINE}", body="")), delete) is True
    assert told(log(call(404, endpoint=f"DELETE /api/kit_lines/{LINE}", body="")), delete) is False
    assert told(log(call(endpoint=f"DELETE /api/kit_lines/{KIT}", body="")), delete) is False


def test_absence_in_a_dead_log() -> None:
    """A log that does not show what happened a moment ago proves nothing by its silence; what it shows, counts."""
    assert told(log(), CREATE) is False
    assert told(log(alive=False), CREATE) is None
    assert told(log(call(), alive=False), CREATE) is True
    assert told(None, CREATE) is None


def test_unknown_material() -> None:
    """Where the component's id is not known, an entry that could be it leaves the question open."""
    unknown = replace(CREATE, materials=())

    assert told(log(call()), unknown) is None
    assert told(log(call(body=BODY.replace("2.0", "3.0"))), unknown) is False


@given(body=st.text(max_size=40) | st.none() | st.integers() | st.dictionaries(st.text(max_size=4), st.integers(), max_size=2))
def test_any_body(body: object) -> None:
    """Whatever the log holds, nothing breaks, and only a body that says so is our write."""
    assert told(log(call(body=body)), CREATE) is not True


@pytest.mark.parametrize("zone", [-11, 0, 14])
def test_zone_is_learnt(zone: int) -> None:
    """A read made just now shows the log's clock, so that an older write of the same is not taken for this one."""
    there = Installation(zone=zone)
    bolt = there.material("BOLT")
    kit = there.kit("KIT-1")
    client = there.client()
    client.create_kit_line(kit, bolt, Decimal(2))
    there.clock.now += 600

    earlier = read_log(client, kit, NOW + 500, there.clock)
    own = read_log(client, kit, NOW, there.clock)

    assert (told(earlier, replace(CREATE, at=NOW + 500)), told(own, CREATE)) == (False, True)


@pytest.mark.parametrize("status", [400, 403, 404])
def test_log_out_of_reach(status: int) -> None:
    """A user who may not read the log, or an installation without one: it can't be told."""
    there = Installation(log_status=status)

    assert read_log(there.client(), there.kit("KIT-1"), NOW, there.clock) is None


def test_log_without_reads() -> None:
    """A log that keeps writes alone does not prove that it is alive, unless it is said to be so."""
    there = Installation(logs_reads=False)
    kit = there.kit("KIT-1")

    assert told(read_log(there.client(), kit, NOW, there.clock), CREATE) is None
    assert told(read_log(there.client(), kit, NOW, there.clock, shows_reads=False), CREATE) is False


def test_refused_login_is_no_answer() -> None:
    """A 401 is about us, not about the log: it is told as it is."""
    there = Installation()
    kit = there.kit("KIT-1")
    there.reads.append(refused(401))

    with pytest.raises(Exception, match="No"):
        read_log(there.client(), kit, NOW, there.clock)
