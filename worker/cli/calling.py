"""One HTTP call to a process of this machine, for JSON."""

from __future__ import annotations

import http.client
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def called(port: int, method: str, path: str, body: object, headers: Mapping[str, str], timeout: float) -> tuple[int, Any]:
    """Status and JSON of the answer. Raises `OSError` when there is none that can be read."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        sent = None if body is None else json.dumps(body).encode()
        typed = {} if sent is None else {"Content-Type": "application/json"}
        connection.request(method, path, sent, {**headers, **typed})
        response = connection.getresponse()
        raw = response.read()
        return response.status, json.loads(raw) if raw else None
    except (http.client.HTTPException, ValueError) as error:
        raise OSError(f"no answer that can be read: {error}") from error
    finally:
        connection.close()
