"""The words that jobs are found by: what is in a job, and what is in a question. Pure.

A word is what stands between spaces, in one case, without punctuation around it. What follows a sign inside it is a word too: `P/000123`
is found by `p/0001` and by `0001`, `WEB-2026-17` by `2026-17`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from worker.jobs.states import State

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker.jobs.model import Job

NAMED: Final = frozenset({"ref_no", "item_id", "kit", "material", "component", "order_number", "description"})
"""Arguments, at any depth, whose words are kept."""

LONGEST: Final = 80
MOST_TERMS: Final = 120
MOST_ASKED: Final = 8
"""More words of a question are not looked at."""

_SIGNS: Final = re.compile(r"[\W_]+")
_AROUND: Final = re.compile(r"^[\W_]+|[\W_]+$")
_MOST_ENDS: Final = 6
_SHORTEST: Final = 2


def terms_of(job: Job) -> frozenset[str]:
    """The words of a job: reference, unique key, codes and numbers in its arguments, tags; and of its error while it is failed."""
    return frozenset(islice((term for text in _texts(job) for term in _terms(text)), MOST_TERMS))


def asked(question: str) -> dict[str, str]:
    """The words of a question, each the beginning of one that must be there; with how each was written.

    Words of one letter count only if there are no others.
    """
    words = {_bare(word.casefold()): _AROUND.sub("", word) for word in reversed(question.split())}
    found = {word: words[word] for word in reversed(words) if word}
    long = {word: written for word, written in found.items() if len(word) >= _SHORTEST}
    return dict(islice((long or found).items(), MOST_ASKED))


def _texts(job: Job) -> Iterator[str]:
    yield job.reference
    yield job.unique_key or ""
    yield from job.tags
    yield from _in_arguments(job.arguments)
    if job.state is State.FAILED and job.error is not None:
        yield job.error.message


def _in_arguments(value: Any, *, named: bool = False) -> Iterator[str]:  # noqa: ANN401 - JSON value
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _in_arguments(inner, named=name in NAMED)
    elif isinstance(value, list):
        for inner in value:
            yield from _in_arguments(inner, named=named)
    elif named and isinstance(value, str | int):
        yield str(value)


def _terms(text: str) -> Iterator[str]:
    for word in map(_bare, text.casefold().split()):
        if len(word) >= _SHORTEST:
            yield word
        ends = (word[sign.end() :] for sign in islice(_SIGNS.finditer(word), _MOST_ENDS))
        yield from (end for end in ends if len(end) >= _SHORTEST)


def _bare(word: str) -> str:
    return _AROUND.sub("", word)[:LONGEST]
