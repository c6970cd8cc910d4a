"""Who may: API keys, roles and tenants. What belongs to a tenant that a key may not see is not there for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from webhooks.problems import Problem
from webhooks.signatures import digest, which
from worker.errors import NotFound
from worker.settings import ROLES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from worker.settings import ApiKey, Role

_SCHEME: Final = "bearer"


class Keys:
    """All API keys, compared by digest and every time all of them."""

    def __init__(self, keys: Sequence[ApiKey]) -> None:
        self._keys = tuple(keys)
        self._digests = [digest(key.key.reveal()) for key in keys]

    def find(self, authorization: str | None) -> ApiKey:
        """The key of an `Authorization: Bearer …` header. Raises `Problem` 401."""
        scheme, _, given = (authorization or "").partition(" ")
        place = which(given.strip(), self._digests)
        if place is None or scheme.lower() != _SCHEME:
            raise Problem(401, "an API key is needed: Authorization: Bearer <key>", headers={"WWW-Authenticate": "Bearer"})
        return self._keys[place]


def must_be(key: ApiKey, role: Role) -> None:
    """Raise `Problem` 403 unless the key's role reaches to `role`."""
    if ROLES.index(key.role) < ROLES.index(role):
        raise Problem(403, f"this needs the role {role}; the key {key.name} has {key.role}")


def tenants_of(key: ApiKey) -> tuple[str, ...] | None:
    """The tenants that a key may see; None for all."""
    return None if "*" in key.tenants else key.tenants


def sees(key: ApiKey, tenant: str) -> bool:
    """Whether the key may see what is the tenant's."""
    return "*" in key.tenants or tenant in key.tenants


def must_see(key: ApiKey, tenant: str) -> None:
    """Raise `NotFound` for a tenant that the key may not see, whether there is one of that name or not."""
    if not sees(key, tenant):
        raise NotFound("there is no such tenant")
