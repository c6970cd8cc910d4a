"""The words that jobs are found by."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from tests.worker.jobs.acting import NOW, claim, later, make, read, settle, wanted
from worker.jobs import queue, verdicts
from worker.jobs.making import job_from
from worker.jobs.model import JobError
from worker.jobs.states import State
from worker.jobs.tables import job_terms
from worker.jobs.terms import LONGEST, MOST_ASKED, MOST_TERMS, asked, terms_of

if TYPE_CHECKING:
    from worker.jobs.engine import Database
    from worker.jobs.model import Job


def job(**values: Any) -> Job:
    """A job that was just made."""
    return job_from(wanted(**values), "ops", NOW)


def stored(db: Database, one: Job) -> set[str]:
    """The words that the ledger has of a job."""
    with db.read() as connection:
        return set(connection.execute(select(job_terms.c.term).where(job_terms.c.job == one.id)).scalars())


def test_release_has_two_words() -> None:
    """A release is found by type and number, and by the number: no more is written for each of a hundred thousand."""
    assert terms_of(job(number=123)) == {"p/000123", "000123"}


def test_words_of_arguments() -> None:
    """Codes and order numbers are found at any depth; amounts and settings are not."""
    arguments = {
        "item_id": "KIT-100",
        "quantity": "7",
        "warehouse": "MAIN",
        "kit_assembly_link": {"order_type": "SO", "order_number": "SO004711"},
        "stock_component_lines": [{"item_id": "BOLT.M8"}],
        "description": "for WEB-2026",
    }
    found = terms_of(job(arguments=arguments, reference="KIT-100", unique_key="web-99/kit-100", tags=("Rush",)))
    assert found == {"kit-100", "100", "so004711", "bolt.m8", "m8", "for", "web-2026", "2026", "web-99/kit-100", "99/kit-100", "rush"}


def test_error_words_only_of_failed() -> None:
    """The words of an error are kept while the job is failed, not while it tries again."""
    told = replace(job(), error=JobError("validation", "Item <KIT-9> is closed!"))
    assert terms_of(told) == terms_of(job())
    assert terms_of(replace(told, state=State.FAILED)) - terms_of(told) == {"item", "kit-9", "is", "closed"}


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("  P/0001 ", ("p/0001",)),
        ("Item (KIT-9), is CLOSED", ("item", "kit-9", "is", "closed")),
        ("a kit", ("kit",)),
        ("p", ("p",)),
        ("%", ()),
        ("kit KIT kit.", ("kit",)),
        ("Größe STRASSE", ("grösse", "strasse")),
    ],
)
def test_words_of_questions(question: str, words: tuple[str, ...]) -> None:
    """Case, order of signs around words and repeats do not matter; single letters only where there is nothing else."""
    assert tuple(asked(question)) == words


def test_question_keeps_how_it_was_written() -> None:
    """An ERP's id is compared as it was written."""
    assert asked("(AbC-1) kit") == {"abc-1": "AbC-1", "kit": "kit"}


@given(st.text(max_size=200))
def test_own_text_is_found(text: str) -> None:
    """Whatever a reference is, each word of it that is asked for is the beginning of one that is kept."""
    kept = terms_of(job(reference=text, arguments={}))
    words = [word for word in asked(text) if len(word) > 1]
    assert all(any(term.startswith(word) for term in kept) for word in words)


@given(st.text("ab-_/ .", max_size=3000))
def test_words_are_bounded(text: str) -> None:
    """However long a text is, its words are few and short, and so are those of a question."""
    found = terms_of(job(arguments={"description": text}))
    assert len(found) <= MOST_TERMS
    assert max(map(len, found)) <= LONGEST
    assert len(asked(text)) <= MOST_ASKED


def test_words_go_with_the_job(db: Database) -> None:
    """Words are there once the job is made, follow a new name, come with a failure and go when it is replayed."""
    (made,) = make(db, wanted(7))
    assert stored(db, made) == {"p/000007", "000007"}
    (taken,) = claim(db)
    settle(db, taken, verdicts.failed(JobError("validation", "no such item")))
    assert stored(db, made) == {"p/000007", "000007", "no", "such", "item"}
    edited = replace(wanted(8), arguments={"type": "P", "ref_no": "000008"})
    with db.write() as connection:
        queue.replay(db, connection, read(db, made), "ops", later(1), edited)
    assert stored(db, made) == {"p/000008", "000008"}


def test_moves_write_no_words(db: Database) -> None:
    """A job that starts, waits and is done has the words that it was made with, and is found by the number it was given."""
    make(db, wanted(7, reference="KIT-7", arguments={"item_id": "KIT-7"}))
    (taken,) = claim(db)
    settle(db, taken, verdicts.accepted("taken", wait=0))
    assert stored(db, taken) == {"kit-7"}
    waiting = read(db, taken)
    settle(db, waiting, replace(verdicts.done("seen"), reference="P/000321"))
    assert stored(db, taken) == {"kit-7", "p/000321", "000321"}
