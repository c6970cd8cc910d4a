"""The zone of Visma's times, which its answers do not name: learned from a document that was released just now. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from worker.clients.visma.times import parse_time

LEARNED: Final = "clock_minutes"
"""Under this name the offset stands among what was learned of a connection: Visma's clock minus UTC, in minutes."""

_STEP: Final = 15
_SLACK: Final = timedelta(seconds=60)
_DAY: Final = 14 * 60


def offset_of(shown: str | None, sent_at: float, now: datetime) -> int | None:
    """Minutes by which a document's time is ahead of UTC, if it was changed between `sent_at` (epoch seconds) and `now`; else None.

    Zones lie at whole quarters of an hour, so a change within a few minutes fits one of them and no other.
    """
    if shown is None:
        return None
    try:
        moment, zoned = parse_time(shown)
    except ValueError:
        return None
    if zoned:
        offset = moment.utcoffset()
        return None if offset is None else round(offset.total_seconds() / 60)
    naive = moment.replace(tzinfo=UTC)
    minutes = _STEP * round((naive - now).total_seconds() / 60 / _STEP)
    changed = naive - timedelta(minutes=minutes)
    sent = datetime.fromtimestamp(sent_at, UTC)
    return minutes if abs(minutes) <= _DAY and sent - _SLACK <= changed <= now + _SLACK else None


def on_their_clock(moment: datetime, minutes: int) -> datetime:
    """A time in UTC as Visma's clock shows it, without a zone."""
    return (moment.astimezone(UTC) + timedelta(minutes=minutes)).replace(tzinfo=None)
