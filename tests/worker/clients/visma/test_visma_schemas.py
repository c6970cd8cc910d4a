"""Visma's forms: what it writes we read, and write again unchanged."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from marshmallow import Schema, ValidationError, fields

from worker.clients.codec import read_json, write_json
from worker.clients.visma import forms, schemas
from worker.clients.visma.fields import DayText, Number, Wrapped, WriteSchema
from worker.clients.visma.records import AcceptedForm, BackgroundState, KitAssembly

SAMPLES = Path(__file__).parents[3] / "samples" / "visma"
READ_SAMPLES = {
    "kit_assembly.200.json": schemas.KitAssemblySchema,
    "kit_assemblies.200.json": schemas.KitAssemblyPageSchema,
    "kit_assemblies_new_fields.200.json": schemas.KitAssemblyPageSchema,
    "accepted.202.json": schemas.AcceptedSchema,
    "accepted_without_id.202.json": schemas.AcceptedSchema,
    "background_started.200.json": schemas.BackgroundStateSchema,
    "background_finished.200.json": schemas.BackgroundStateSchema,
    "background_created.200.json": schemas.BackgroundStateSchema,
    "background_failed.200.json": schemas.BackgroundStateSchema,
    "release.200.json": schemas.ReleaseResultSchema,
    "insert.request.json": forms.InsertForm,
    "update.request.json": forms.UpdateForm,
}
READ_FORMS = [
    schemas.KitAssemblySchema,
    schemas.KitAssemblyPageSchema,
    schemas.StockLineSchema,
    schemas.NonStockLineSchema,
    schemas.AllocationSchema,
    schemas.MetadataSchema,
    schemas.AcceptedSchema,
    schemas.BackgroundStateSchema,
    schemas.ReleaseResultSchema,
]
WRITE_FORMS = [forms.InsertForm, forms.UpdateForm, forms.StockLineForm, forms.NonStockLineForm, forms.KitAllocationForm, forms.LinkForm]
TEXT = st.text(max_size=12)
NUMBERS = st.integers(-(10**12), 10**12) | st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**9), max_value=10**9)
UNKNOWN = st.dictionaries(
    TEXT.map("new_{}".format) | st.sampled_from(["uom", "item_id", "extras", "nulls"]),
    st.none() | st.integers() | TEXT | st.lists(TEXT, max_size=2),
    max_size=2,
)

PLAIN: list[tuple[type[fields.Field[Any]], st.SearchStrategy[Any]]] = [
    (Number, NUMBERS),
    (DayText, st.datetimes().map(lambda moment: moment.isoformat())),
    (fields.Boolean, st.booleans()),
    (fields.Integer, st.integers(-(2**31), 2**31 - 1)),
    (fields.Dict, st.dictionaries(TEXT, TEXT, max_size=2)),
    (fields.String, TEXT),
]


def values(field: fields.Field[Any]) -> st.SearchStrategy[Any]:
    """JSON values that Visma may write into the field."""
    if isinstance(field, Wrapped):
        return st.fixed_dictionaries({"value": st.none() | values(field.inner)})
    if isinstance(field, fields.List):
        return st.lists(values(field.inner), max_size=2)
    if isinstance(field, fields.Nested):
        return shapes(field.schema)
    return next(strategy for kind, strategy in PLAIN if isinstance(field, kind))


def shapes(schema: Schema) -> st.SearchStrategy[dict[str, Any]]:
    """JSON objects of the form: any field may be absent; on reading also null, and there may be unknown ones."""
    named = {str(bound.data_key): st.none() | values(bound) if bound.allow_none else values(bound) for bound in schema.fields.values()}
    known = st.fixed_dictionaries({}, optional=named)
    if isinstance(schema, WriteSchema):
        return known
    return st.tuples(known, UNKNOWN).map(lambda pair: {**{name: value for name, value in pair[1].items() if name not in named}, **pair[0]})


def again(schema: type[Schema], value: object) -> object:
    """What comes of reading, loading, dumping and writing the value."""
    return read_json(write_json(schema().dump(schema().load(read_json(write_json(value))))))


@pytest.mark.parametrize("form", [*READ_FORMS, *WRITE_FORMS])
@settings(max_examples=25)
@given(data=st.data())
def test_form_is_written_as_read(form: type[Schema], data: st.DataObject) -> None:
    """Every form, with fields absent, null and unknown, comes out as it went in; numbers are exact."""
    value = data.draw(shapes(form()))

    assert again(form, value) == read_json(write_json(value))


@pytest.mark.parametrize("name", READ_SAMPLES)
def test_sample_is_written_as_read(name: str) -> None:
    """The same of the recorded samples, down to the digits of their numbers."""
    value = read_json((SAMPLES / name).read_bytes())

    assert write_json(again(READ_SAMPLES[name], value)) == write_json(_ordered_like(value, again(READ_SAMPLES[name], value)))


@pytest.mark.parametrize(
    ("name", "schema"),
    [
        ("kit_assembly.200.json", schemas.KitAssemblySchema),
        ("background_finished.200.json", schemas.BackgroundStateSchema),
        ("insert.request.json", forms.InsertForm),
        ("update.request.json", forms.UpdateForm),
    ],
)
def test_every_documented_field_is_known(name: str, schema: type[Schema]) -> None:
    """These samples hold each field of Visma's OpenAPI, lines and allocations included: the forms know them all, and no others."""
    _same_names(read_json((SAMPLES / name).read_bytes()), schema())


def test_traps_are_read() -> None:
    """`itemID` on the document, `itemId` on its lines; `uoM` and `uom`; a location that is text and one that is an object."""
    document = load("kit_assembly.200.json", schemas.KitAssemblySchema)

    assert isinstance(document, KitAssembly)
    line = (document.stock_component_lines or ())[0]
    allocation = (line.allocations or ())[0]
    assert (document.item_id, line.item_id) == ("KIT-BIKE", "WHEEL")
    assert (document.uom, line.uom, allocation.uom) == ("PCS", "PCS", "PCS")
    assert (document.location, allocation.location and allocation.location.id) == ("R01", "R01")
    assert line.unit_cost == Decimal("12.3456")


def test_traps_are_written() -> None:
    """Values are wrapped; type, number, operation and lists are not; quantities are JSON numbers, whatever they were given as."""
    fields_ = {
        "type": "P",
        "ref_no": "1",
        "item_id": "KIT",
        "uom": "PCS",
        "quantity": "2.50",
        "date": "2026-01-31",
        "stock_component_lines": [
            {"operation": "Insert", "uom": "PCS", "quantity": 0.1, "stock_component_line_allocations": [{"uom": "PCS", "quantity": 3}]}
        ],
    }

    assert write_json(forms.InsertForm().dump(fields_)).decode() == (
        '{"type":"P","refNo":"1","date":{"value":"2026-01-31T00:00:00"},"itemId":{"value":"KIT"},"uoM":{"value":"PCS"},"quantity":{"value":2.50},'
        '"stockComponentLines":[{"operation":"Insert","uoM":{"value":"PCS"},"quantity":{"value":0.1},'
        '"stockComponentLineAllocations":[{"quantity":{"value":3},"uom":{"value":"PCS"}}]}]}'
    )


def test_unknown_field_is_our_fault() -> None:
    """A name that Visma's form lacks would be silently lost, so it is not written; the link belongs to inserts only."""
    with pytest.raises(ValueError, match="kit_assembly_link"):
        forms.UpdateForm().dump({"kit_assembly_link": {}})
    with pytest.raises(ValueError, match="itemID"):
        forms.InsertForm().dump({"stock_component_lines": [{"itemID": "x"}]})


def test_wrong_types_are_refused() -> None:
    """A number in quotes is no number of Visma's."""
    with pytest.raises(ValidationError):
        schemas.KitAssemblySchema().load({"quantity": "2"})


def test_finished_is_not_success() -> None:
    """`Finished` with a 400 inside has ended, but did not succeed; `Started` has not ended, nor has any status that is not documented."""
    ends = {
        name: (state.done, state.succeeded)
        for name in ("started", "finished", "finished_with_400", "created", "failed")
        if isinstance(state := load(f"background_{name}.200.json", schemas.BackgroundStateSchema), BackgroundState)
    }

    assert ends == {
        "started": (False, False),
        "finished": (True, True),
        "finished_with_400": (True, False),
        "created": (True, True),
        "failed": (True, False),
    }
    assert not BackgroundState(status="Queued", status_code=200).done


def test_extras_do_not_count() -> None:
    """Two records that differ only in what we do not know are equal."""
    assert AcceptedForm(id="1", extras={"a": 1}) == AcceptedForm(id="1")


def load(name: str, schema: type[Schema]) -> object:
    """A sample's record."""
    return schema().load(read_json((SAMPLES / name).read_bytes()))


def _ordered_like(value: Any, model: Any) -> Any:
    if isinstance(value, dict):
        assert set(value) == set(model)
        return {name: _ordered_like(value[name], model[name]) for name in model}
    if isinstance(value, list):
        return [_ordered_like(one, other) for one, other in zip(value, model, strict=True)]
    return value


def _same_names(value: Any, schema: Schema) -> None:
    assert set(value) == {bound.data_key for bound in schema.fields.values()}
    for bound in schema.fields.values():
        inner = bound.inner if isinstance(bound, fields.List) else bound
        shown = value[bound.data_key]
        if isinstance(inner, fields.Nested):
            for one in shown if isinstance(shown, list) else [shown]:
                _same_names(one, inner.schema)
