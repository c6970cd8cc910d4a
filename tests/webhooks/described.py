"""Is every answer what the description says? Asked of each answer that a test gets of the API."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import jsonschema_rs
from werkzeug.exceptions import HTTPException

from webhooks.api.description import description

if TYPE_CHECKING:
    from flask import Flask

    from tests.webhooks.world import Reply


def must_be_described(app: Flask, method: str, path: str, reply: Reply) -> None:
    """Raise `AssertionError` for an answer that the description does not know: its status, its type, or its body."""
    try:
        rule, _ = app.url_map.bind("localhost").match(path.partition("?")[0], method)
    except HTTPException:
        return  # no route of ours
    template = str(rule).partition(" ")[2].replace("<", "{").replace(">", "}")
    told = description()["paths"][template][method.lower()]["responses"]
    assert str(reply.status_code) in told, f"{method} {template} answers {reply.status_code}"
    kind = reply.content_type.partition(";")[0]
    check = validator(template, method.lower(), str(reply.status_code), kind)
    if kind.endswith("json"):
        faults = [f"{fault.instance_path}: {fault.message}" for fault in check.iter_errors(reply.json)]
        assert faults == [], f"{method} {template} {reply.status_code}: {faults[:3]}"


@cache
def validator(path: str, method: str, status: str, kind: str) -> Any:
    """What judges a body."""
    whole = description()
    answer = whole["paths"][path][method]["responses"][status]
    if "$ref" in answer:
        answer = whole["components"]["responses"][answer["$ref"].rpartition("/")[2]]
    assert kind in answer["content"], f"{method} {path} {status} is {kind}"
    return jsonschema_rs.Draft202012Validator(
        {**answer["content"][kind]["schema"], "components": whole["components"]}, validate_formats=True
    )
