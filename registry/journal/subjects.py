"""Subjects of journal entries: their kinds, and which of them belong to restricted projects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, String, Subquery, cast, literal, select, union_all

from registry.approvals.tables import Approval
from registry.cases.models import Case
from registry.core.bulk import table_of
from registry.exemptions.models import Exemption
from registry.flags.models import Flag
from registry.letters.models import Letter
from registry.projects.documents import Document
from registry.projects.links import ProjectLink
from registry.projects.models import Project
from registry.requests.models import Request

# Kinds whose key is the id of a row with a project_id. Every kind that belongs to a project must be listed here.
PROJECT_KINDS: Final[Mapping[str, Any]] = {
    "approval": table_of(Approval),
    "case": table_of(Case),
    "document": table_of(Document),
    "exemption": table_of(Exemption),
    "flag": table_of(Flag),
    "letter": table_of(Letter),
    "request": table_of(Request),
}
# Links belong to two projects: an entry about one shows to those who may see both.
LINK: Final = "link"
# Kinds without a single project. Their details about restricted projects are redacted in redaction.py.
OTHER_KINDS: Final = frozenset(
    {
        *("account", "agency", "audit", "case-template", "database", "government-report", "import", "import-columns"),
        *("inventory", "open-data", "person", "policy", "saved-view", "sign-ins", "token", "webhook"),
    }
)
KINDS: Final = frozenset({"project", LINK, *PROJECT_KINDS, *OTHER_KINDS})

PROJECT: Final = table_of(Project).c


def restricted_subjects() -> Subquery:
    """``subject`` and ``project`` (its number) of all records that belong to restricted projects.

    Restricted projects are few and have a partial index, so that all of them are read in one step.
    """
    parts: list[Select[Any]] = [_part("project", PROJECT.number, None)]
    parts += [_part(kind, cast(table.c.id, String), table) for kind, table in PROJECT_KINDS.items()]
    parts += _link_parts()
    return union_all(*parts).subquery("restricted_subjects")


def _part(kind: str, key: ColumnElement[str], table: Any) -> Select[Any]:
    subject = (literal(f"{kind}:") + key).label("subject")
    statement = select(subject, PROJECT.number.label("project")).select_from(table_of(Project))
    if table is not None:
        statement = statement.join(table, table.c.project_id == PROJECT.id)
    return statement.where(PROJECT.is_restricted)


def _link_parts() -> list[Select[Any]]:
    """Each link of a restricted project once, also when both of its projects are restricted."""
    link, other = table_of(ProjectLink), table_of(Project).alias("other")
    subject = (literal(f"{LINK}:") + cast(link.c.id, String)).label("subject")
    statement = select(subject, PROJECT.number.label("project")).select_from(link)
    from_restricted = statement.join(table_of(Project), PROJECT.id == link.c.project_id).where(PROJECT.is_restricted)
    to_restricted = (
        statement.join(table_of(Project), PROJECT.id == link.c.target_id)
        .join(other, other.c.id == link.c.project_id)
        .where(PROJECT.is_restricted, other.c.is_restricted.is_(False))
    )
    return [from_restricted, to_restricted]
