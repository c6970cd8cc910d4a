"""The fixtures hold what they promise."""

from __future__ import annotations

import contextlib

import pytest
import redis
from sqlalchemy import create_engine, text

from tests.conftest import HAS_POSTGRES


def test_database_is_empty(database_url: str) -> None:
    """Every test gets a database in which it may make the same table as its neighbour."""
    engine = create_engine(database_url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE mine (id INTEGER PRIMARY KEY)"))
        assert connection.execute(text("SELECT count(*) FROM mine")).scalar_one() == 0
    engine.dispose()


def test_database_is_fresh(database_url: str) -> None:
    """What another test left behind is not there."""
    engine = create_engine(database_url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE mine (id INTEGER PRIMARY KEY)"))
    engine.dispose()
    assert engine.dialect.name in ({"sqlite", "postgresql"} if HAS_POSTGRES else {"sqlite"})


def test_redis_keeps_everything(clean_redis_url: str) -> None:
    """The server writes an append-only file and evicts nothing, as production must."""
    with contextlib.closing(redis.Redis.from_url(clean_redis_url, decode_responses=True)) as client:
        assert client.dbsize() == 0
        assert client.config_get("appendonly") == {"appendonly": "yes"}
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}


@pytest.mark.xdist_group("fixtures")
def test_groups_stay_together(request: pytest.FixtureRequest) -> None:
    """Under `--dist loadgroup` a test carries its group's name: those of journeys and of pages run one after another."""
    grouped = request.config.getoption("loadgroup", default=False)
    assert request.node.nodeid.endswith("@fixtures") == bool(grouped)
