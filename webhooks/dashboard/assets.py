"""Styles and programs of the pages, from the package: read once, compressed once, kept by browsers until they change."""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from worker.errors import NotFound

_FOLDER: Final = Path(__file__).parent / "static"
_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
FOREVER: Final = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class Asset:
    """A file as it is sent. `version` is made from what is in it."""

    body: bytes
    zipped: bytes
    content_type: str
    version: str


def find(name: str) -> Asset:
    """The asset of this name, or `NotFound`; never anything outside of the folder."""
    asset = _all().get(name)
    if asset is None:
        raise NotFound("there is nothing at this address")
    return asset


def address(name: str) -> str:
    """Where a page finds it: another address for each content, so that it may be kept for ever."""
    return f"/static/{name}?v={find(name).version}"


@cache
def _all() -> dict[str, Asset]:
    paths = (path for path in sorted(_FOLDER.rglob("*")) if path.suffix in _TYPES)
    return {path.relative_to(_FOLDER).as_posix(): _asset(path) for path in paths}


def _asset(path: Path) -> Asset:
    body = path.read_bytes()
    return Asset(body, gzip.compress(body, 9, mtime=0), _TYPES[path.suffix], hashlib.sha256(body).hexdigest()[:12])
