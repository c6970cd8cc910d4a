"""Do one thing to many, each by itself: what can't be done to one does not stop the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from worker.errors import InvalidArguments, Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

T = TypeVar("T")


def act_on_each(ids: Iterable[str], act: Callable[[str], T]) -> tuple[list[T], list[dict[str, str]]]:
    """What became of each, and the refused ones with their reasons. Wrong arguments end it all: they are the caller's fault."""
    done: list[T] = []
    refused: list[dict[str, str]] = []
    for each in dict.fromkeys(ids):
        try:
            done.append(act(each))
        except InvalidArguments:
            raise
        except Refusal as error:
            refused.append({"id": each, "reason": str(error)})
    return done, refused
