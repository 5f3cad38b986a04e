"""Search of the journal by what people know: a part of a name, words of a project or agency, a number."""

from __future__ import annotations

from typing import Final

from sqlalchemy import ColumnElement, or_, select, union

from registry.accounts.actors import Actor
from registry.accounts.former_names import FormerName
from registry.accounts.models import Account
from registry.agencies.queries import list_agencies
from registry.cases.models import Case
from registry.core.database import db
from registry.core.pagination import Page
from registry.journal.service import JournalEntry
from registry.projects.models import Project
from registry.projects.queries import list_projects

# Of each kind; a search that fits more is too wide to mean any of them.
MAX_SUBJECTS: Final = 50


def search_condition(actor: Actor, text: str) -> ColumnElement[bool]:
    """The condition on entries by, or about, what the text names among what the actor may see.

    It names people and service accounts by a part of a present or former name, projects (with their cases) and agencies
    by the words that their lists search, and any subject by its key. Restricted projects are journalled as read.
    """
    names = _names_with(text)
    subjects = {
        *_records_of_projects(actor, text),
        *(f"agency:{row['bin']}" for row in list_agencies(actor, {"q": text}, Page(MAX_SUBJECTS)).items),
        *(f"{kind}:{name}" for kind in ("person", "account") for name in names),
        text,
        f"case:{text}",
    }
    return or_(JournalEntry.principal.in_([*names, text]), JournalEntry.subject.in_(sorted(subjects)))


def _names_with(text: str) -> list[str]:
    """Present and former names with the text. Compared in Python: SQLite's lower() does not support Cyrillic."""
    part = text.casefold()
    every = union(select(Account.name), select(FormerName.name))
    return sorted(name for name in db.session.scalars(every) if part in name.casefold())


def _records_of_projects(actor: Actor, text: str) -> list[str]:
    numbers = [row["number"] for row in list_projects(actor, {"q": text}, Page(MAX_SUBJECTS)).items]
    cases = select(Case.id).join(Project, Project.id == Case.project_id).where(Project.number.in_(numbers))
    return [*(f"project:{number}" for number in numbers), *(f"case:{key}" for key in db.session.scalars(cases))]
