"""Subjects of journal entries: each kind, and for those that belong to a project, which of them are restricted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, String, Subquery, cast, literal, select, union_all

from registry.cases.models import Case
from registry.core.bulk import table_of
from registry.exemptions.service import Exemption
from registry.flags.models import Flag
from registry.projects.documents import Document
from registry.projects.models import Project

# Kinds whose key is the id of a row with a project_id. Every kind that names a project in any way belongs here.
OF_A_PROJECT: Final[Mapping[str, Any]] = {
    "case": table_of(Case),
    "document": table_of(Document),
    "exemption": table_of(Exemption),
    "flag": table_of(Flag),
}
# Kinds that are about no single project. What their details say of restricted ones is narrowed in journal_lists.py.
OF_NO_PROJECT: Final = frozenset({"account", "agency", "audit", "database", "import", "inventory", "person", "token"})
KINDS: Final = frozenset({"project", *OF_A_PROJECT, *OF_NO_PROJECT})

PROJECT: Final = table_of(Project).c


def restricted_subjects() -> Subquery:
    """``subject`` and ``project`` (its number) of everything that belongs to a restricted project.

    Restricted projects are few and have an index of their own, so that all of it is read in one step.
    """
    parts: list[Select[Any]] = [_part("project", PROJECT.number, None)]
    parts += [_part(kind, cast(table.c.id, String), table) for kind, table in OF_A_PROJECT.items()]
    return union_all(*parts).subquery("restricted_subjects")


def _part(kind: str, key: ColumnElement[str], table: Any) -> Select[Any]:
    subject = (literal(f"{kind}:") + key).label("subject")
    found = select(subject, PROJECT.number.label("project")).select_from(table_of(Project))
    if table is not None:
        found = found.join(table, table.c.project_id == PROJECT.id)
    return found.where(PROJECT.is_restricted)
