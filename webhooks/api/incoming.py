"""The routes beside the API, for its description: what comes in from others, and what watches over this process."""

from __future__ import annotations

from typing import Any, Final

from webhooks.api import shapes

Json = dict[str, Any]

_PROBLEMS: Final = (400, 401, 404, 408, 413, 415, 500, 503)
_ANY: Final = {"required": True, "content": {"application/json": {"schema": {}}}}


def _answered(**answers: Json) -> Json:
    return {status.lstrip("_"): answer for status, answer in answers.items()}


def _json(about: str, shape: type[shapes.Shape]) -> Json:
    return {"description": about, "content": {"application/json": {"schema": shape}}}


def _receiver(name: str, summary: str, status: int = 200, more: tuple[int, ...] = ()) -> Json:
    problems = {f"{each}": f"{each}" for each in (*_PROBLEMS, *more)}
    return {
        "operationId": f"receive_{name}",
        "tags": ["webhooks"],
        "summary": summary,
        "security": [],
        "requestBody": _ANY,
        "responses": {f"{status}": _json("Stored", shapes.Taken), **problems},
    }


def _watch(name: str, summary: str, **answers: Json) -> Json:
    return {"operationId": name, "tags": ["watching"], "summary": summary, "security": [], "responses": _answered(**answers)}


_HEALTH: Final = shapes.Health
_TEXT: Final = {"content": {"text/plain": {"schema": {"type": "string"}}}}
_HTML: Final = {"content": {"text/html": {"schema": {"type": "string"}}}}
_CSS: Final = {"content": {"text/css": {"schema": {"type": "string"}}}}
_OBJECT: Final = {"content": {"application/json": {"schema": {"type": "object"}}}}

OPERATIONS: Final[tuple[tuple[str, str, Json], ...]] = (
    ("/webhooks/visma/<tenant>", "post", _receiver("visma", "A notification of Visma's, signed.")),
    ("/webhooks/visma/<tenant>/<token>", "post", _receiver("visma_token", "The same in url mode, where the address is the proof.")),
    ("/webhooks/intacct/<tenant>", "post", _receiver("intacct", "A platform trigger of Sage Intacct's, with its signed token.")),
    ("/webhooks/itempath/<tenant>", "post", _receiver("itempath", "A Data Push of ItemPath's, with its secret header.")),
    ("/triggers/<tenant>/<source>", "post", _receiver("trigger", "An event of any system, proven by its source's scheme.", 202, (429,))),
    ("/healthz", "get", _watch("healthz", "Alive.", _200=_json("It is", shapes.Alive))),
    (
        "/readyz",
        "get",
        _watch(
            "readyz", "Whether deliveries can be stored.", _200=_json("They can", shapes.Health), _503=_json("They can't", shapes.Health)
        ),
    ),
    ("/metrics", "get", _watch("metrics", "Prometheus text.", _200={"description": "Metrics", **_TEXT})),
    ("/openapi.json", "get", _watch("openapi", "This description.", _200={"description": "OpenAPI 3.1", **_OBJECT})),
    ("/docs", "get", _watch("docs", "The same to read.", _200={"description": "A page", **_HTML})),
    ("/docs.css", "get", _watch("docs_css", "Its looks.", _200={"description": "A style sheet", **_CSS})),
)
