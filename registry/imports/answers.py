"""Answers to the questions of a dry run: whether a row is the registered project that it resembles, or a new one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sqlalchemy import bindparam, select, update

from registry.accounts.actors import Actor
from registry.core.bulk import table_of
from registry.core.database import db
from registry.core.errors import Conflict, Invalid, Problem
from registry.core.transactions import transaction
from registry.imports.models import ImportRun, PreviewedRow, has_file
from registry.imports.queries import find_import, require_rows
from registry.imports.vocabulary import ANSWERS, SAME

MAX_PROBLEMS: Final = 20
# In place of the number in an answer about an earlier row of the file.
NO_PROJECT: Final = "-"
ROW: Final = table_of(PreviewedRow).c


class AnswersNotPossible(Conflict):
    """The import is no finished dry run, or its file was imported or deleted since."""


def answer_questions(actor: Actor, import_id: int, answers: Mapping[int, str | None]) -> ImportRun:
    """Answer rows of a dry run with "same" or "new", or take an answer back (None). The others stay as they are.

    Raises ImportNotFound, AnswersNotPossible, and Invalid at ``/answers`` for rows without a question.
    """
    run = find_import(actor, import_id)
    require_rows(actor, run)
    with transaction() as session:
        session.refresh(run, with_for_update=True)
        if not run.dry_run or run.state != "done" or not has_file(run.id):
            raise AnswersNotPossible(id=run.id)
        asking = set(session.scalars(select(ROW.row).where(ROW.import_id == run.id, ROW.outcome == "question")))
        wrong = [row for row in answers if row not in asking][:MAX_PROBLEMS]
        if wrong:
            raise Invalid([Problem("/answers", "row-asks-nothing", {"row": row}) for row in wrong])
        if any(answer not in (None, *ANSWERS) for answer in answers.values()):
            raise Invalid([Problem("/answers", "answers-invalid")])
        if answers:
            statement = update(table_of(PreviewedRow)).values(answer=bindparam("_answer"))
            statement = statement.where(ROW.import_id == run.id, ROW.row == bindparam("_row"))
            rows = [{"_row": row, "_answer": answer} for row, answer in answers.items()]
            session.connection().execute(statement, rows)
    return run


def stored_answers(dry: ImportRun) -> dict[str, str]:
    """Row → answer for the import of a dry run: what was answered to its questions, else with its file.

    Each goes with the project that was asked for, so that another one is asked for again.
    """
    answers = dict(dry.answers or {})
    rows = select(ROW.row, ROW.answer, ROW.record).where(ROW.import_id == dry.id)
    if not answers:
        rows = rows.where(ROW.answer.is_not(None))
    for row, answer, record in db.session.execute(rows):
        if answer is not None:
            answers[str(row)] = bound_answer(answer, record)
        elif answers.get(str(row)) == SAME:
            answers[str(row)] = bound_answer(SAME, record)
    return answers


def bound_answer(answer: str, number: str | None) -> str:
    """An answer that counts for one project alone, None for an earlier row of the file."""
    return f"{answer} {number or NO_PROJECT}"


def answer_for(answer: str | None, number: str | None) -> str | None:
    """``same`` or ``new`` of an answer that counts for this project; None for one that was given for another."""
    word, _, project = (answer or "").partition(" ")
    return word if word and project in ("", number or NO_PROJECT) else None


def same_as(answer: str | None) -> str | None:
    """The number of the project that a row is by its answer; None without one that names a project."""
    word, _, project = (answer or "").partition(" ")
    return project if word == SAME and project not in ("", NO_PROJECT) else None
