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
from registry.imports.queries import find_import
from registry.imports.vocabulary import ANSWERS

MAX_PROBLEMS: Final = 20
ROW: Final = table_of(PreviewedRow).c


class AnswersNotPossible(Conflict):
    """The import is no finished dry run, or its file was imported or deleted since."""


def answer_questions(actor: Actor, import_id: int, answers: Mapping[int, str | None]) -> ImportRun:
    """Answer rows of a dry run with "same" or "new", or take an answer back (None). The others stay as they are.

    Raises ImportNotFound, AnswersNotPossible, and Invalid at ``/answers`` for rows without a question.
    """
    run = find_import(actor, import_id)
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


def stored_answers(run_id: int) -> dict[str, str]:
    """Row → "new", or the number of the project that it is: another one than was asked for is asked again."""
    rows = db.session.execute(
        select(ROW.row, ROW.answer, ROW.record).where(ROW.import_id == run_id, ROW.answer.is_not(None))
    )
    return {str(row): record if answer == "same" and record is not None else answer for row, answer, record in rows}
