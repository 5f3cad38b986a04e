"""Related projects: likely duplicates, and links that reviewers set."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, aliased, mapped_column

from registry.accounts.roles import Actor, Permission
from registry.agencies.models import Agency
from registry.core.clock import now
from registry.core.database import Instant, Model, db, require_transaction, table_of
from registry.core.dialects import advisory_lock
from registry.core.errors import Conflict, NotFound, invalid
from registry.core.lists import Listing, Page, read_page
from registry.core.search import NAMES, project_words
from registry.core.translations import DEFAULT_LANGUAGE, OFFICIAL_LANGUAGES, Language
from registry.journal import service as journal
from registry.projects import fingerprints
from registry.projects.models import Project
from registry.projects.queries import read_whole
from registry.projects.service import ProjectNotFound, find_project_to_change
from registry.projects.similarity import Record, Score, record_of, scores
from registry.projects.visibility import among_visible, journal_restricted_reads
from registry.projects.vocabulary import LinkKind

# Similar projects: finds, scores and names the likely duplicates that the actor may see.

# Likely duplicates as they are shown: one name each, in a language.


def similar_items(similar: Iterable[Mapping[str, Any]], language: Language) -> list[dict[str, Any]]:
    """Number, agency, name, score and reasons of each; the name in the language, else in the nearest one it has."""
    order = [f"name_{code}" for code in (language, *reversed(OFFICIAL_LANGUAGES), DEFAULT_LANGUAGE)]
    shown = ("number", "agency", "score", "reasons")
    return [
        {**{name: each[name] for name in shown}, "name": next(each[name] for name in order if each[name])}
        for each in similar
    ]


# How many are compared word by word, and how many are named.
MAX_CANDIDATES: Final = 100
MAX_NAMED: Final = 10
LEAST_SCORE: Final = 65
# Of several projects on one object, those are named that are hardly less similar than the most similar one of them.
WITHIN_OBJECT: Final = 3
# Of all, those that are not much less similar than the most similar one.
WITHIN_BEST: Final = 10
# What each equal hash counts when candidates are chosen.
HASH_WEIGHTS: Final[Mapping[str, int]] = {
    **dict.fromkeys(fingerprints.NAME_HASHES, 2),
    **dict.fromkeys(fingerprints.PURPOSE_HASHES, 1),
    "object_code": 2,
    "contract_number": 6,
    "supplier_bin": 1,
    "url": 20,
}
# With both of CONTRACT, no name is more similar: such a project is always among the candidates.
SAME_CONTRACT_WEIGHT: Final = 30
LEAST_WEIGHT: Final = 2


def similar_to_project(actor: Actor, number: str) -> list[dict[str, Any]]:
    """Return the likely duplicates of a project, the most similar first. Raises ProjectNotFound."""
    project = read_whole(actor, number, "similar")
    return similar_to_values(actor, project["agency_id"], project, project["id"])


def similar_to_values(
    actor: Actor, agency_id: int, values: Mapping[str, Any], own_id: int | None = None
) -> list[dict[str, Any]]:
    """Return the likely duplicates of a project with these values. ``own_id``: its id, None when it is not registered.

    Restricted projects among them are journalled as read.
    """
    candidates = _candidates(actor, values, own_id)
    records = [record_of(row["agency_id"], dict(row)) for row in candidates]
    scored = list(zip(candidates, scores(record_of(agency_id, values), records), records, strict=True))
    best: dict[Any, int] = {}
    for row, score, record in scored:
        key = _object(row, record)
        best[key] = max(best.get(key, 0), score.of_words)
    least = max(LEAST_SCORE, max(best.values(), default=0) - WITHIN_BEST)
    named = [
        (row, score)
        for row, score, record in scored
        if score.is_same_work or score.of_words >= max(least, best[_object(row, record)] - WITHIN_OBJECT)
    ]
    named.sort(key=lambda pair: (-pair[1].score, pair[0]["number"]))
    del named[MAX_NAMED:]
    journal_restricted_reads(actor, (row["number"] for row, _ in named if row["is_restricted"]), "similar")
    return [_named(row, score) for row, score in named]


def _object(row: sa.RowMapping, record: Record) -> Any:
    code = record.exact["object_code"]
    return row["id"] if code is None else (row["agency_id"], code)


def _named(row: sa.RowMapping, score: Score) -> dict[str, Any]:
    names = {name: row[name] for name in NAMES}
    return {"number": row["number"], "agency": row["agency"], **names, "score": score.score, "reasons": score.reasons}


def _candidates(actor: Actor, values: Mapping[str, Any], own_id: int | None) -> Sequence[sa.RowMapping]:
    """Return the visible projects with the most hashes in common.

    One pass over a narrow table, in which restricted projects are left out by their ids: it takes as long whether or
    not one of them is similar, and they take the place of no other.
    """
    kept = table_of(fingerprints.ProjectFingerprint)
    equal = {
        name: kept.c[name] == sa.literal(value, sa.SmallInteger)
        for name, value in fingerprints.fingerprint(values, project_words(values)).items()
        if value is not None
    }
    if not equal:
        return []
    weights = [sa.case((condition, HASH_WEIGHTS[name]), else_=0) for name, condition in equal.items()]
    if equal.keys() >= {*fingerprints.CONTRACT}:
        weights.append(
            sa.case((sa.and_(*(equal[name] for name in fingerprints.CONTRACT)), SAME_CONTRACT_WEIGHT), else_=0)
        )
    weight: sa.ColumnElement[int] = sum(weights[1:], weights[0])
    similar = sa.select(kept.c.project_id, weight.label("weight")).where(sa.or_(*equal.values()))
    similar = similar.where(*among_visible(actor, kept.c.project_id))
    # Withdrawn and ended projects too: one that is registered again is seen beside its former record.
    if own_id is not None:
        similar = similar.where(kept.c.project_id != own_id)
    # Materialized, so that the weight is computed once a row.
    weighed = similar.cte("weighed").prefix_with("MATERIALIZED")
    nearest = (
        sa.select(weighed.c.project_id)
        .where(weighed.c.weight >= LEAST_WEIGHT)
        .order_by(weighed.c.weight.desc(), weighed.c.project_id)
        .limit(MAX_CANDIDATES)
        .subquery("nearest")
    )
    project, agency = table_of(Project), table_of(Agency)
    columns = (
        project.c.id,
        project.c.number,
        project.c.agency_id,
        project.c.is_restricted,
        agency.c.bin.label("agency"),
    )
    statement = (
        sa.select(*columns, *(project.c[name] for name in sorted(fingerprints.COMPARED)))
        .select_from(nearest)
        .join(project, project.c.id == nearest.c.project_id)
        .join(agency, agency.c.id == project.c.agency_id)
    )
    return db.session.execute(statement).mappings().all()


# Links between projects, set by reviewers: duplicates, parts, successors, exchange of data.
#
# A link shows only to those who may see both projects. A removed link stays in the table, so that the journal's
# readers are asked for the same right as before.

# One link is added at a time, because two at once could close a circle that neither of them sees.
LINK_LOCK: Final = 742_004
# Links that say that two projects concern one object.
OF_ONE_OBJECT: Final = (LinkKind.DUPLICATE_OF.value, LinkKind.PART_OF.value)
# Links of these kinds have a direction, and following it never leads back to the project.
DIRECTED: Final = (LinkKind.DUPLICATE_OF, LinkKind.PART_OF, LinkKind.REPLACES)
IS_IN_FORCE: Final = sa.text("removed_at IS NULL")


class LinkNotFound(NotFound):
    """The project has no such link, or the actor may not see the other project."""


class LinkCircle(Conflict):
    """Following links of the kind from the target leads back to the project."""


class ProjectLink(Model):
    """A link from a project to another (``target``)."""

    __tablename__ = "project_links"

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(sa.ForeignKey("projects.id"))
    target_id: Mapped[int] = mapped_column(sa.ForeignKey("projects.id"))
    kind: Mapped[str] = mapped_column(sa.String(20))
    note: Mapped[str | None] = mapped_column(sa.Text)
    added_at: Mapped[datetime] = mapped_column(Instant)
    added_by: Mapped[str] = mapped_column(sa.Text)
    removed_at: Mapped[datetime | None] = mapped_column(Instant)
    removed_by: Mapped[str | None] = mapped_column(sa.Text)

    __table_args__ = (
        sa.Index(
            "uq_project_links_in_force",
            "project_id",
            "target_id",
            "kind",
            unique=True,
            sqlite_where=IS_IN_FORCE,
            postgresql_where=IS_IN_FORCE,
        ),
        sa.Index(None, "target_id"),
    )


def add_link(actor: Actor, number: str, values: Mapping[str, Any]) -> sa.RowMapping:
    """Link a project to another from validated values (``kind``, ``target``, ``note``), in the open transaction.

    A link that exists is returned as it is. Raises RoleNotAllowed, ProjectNotFound, Invalid (at ``/target``) and
    LinkCircle.
    """
    actor.require(Permission.PROJECTS_LINK)
    session = require_transaction()
    advisory_lock(session, LINK_LOCK)
    project = find_project_to_change(actor, number)
    if values["target"] == number:
        raise invalid("/target", "link-to-itself")
    try:
        target = find_project_to_change(actor, values["target"])
    except ProjectNotFound as error:
        raise invalid("/target", "project-unknown", number=values["target"]) from error
    kind = LinkKind(values["kind"])
    if kind not in DIRECTED and target.id < project.id:
        project, target = target, project
    existing = session.scalar(
        sa.select(ProjectLink.id).where(
            ProjectLink.project_id == project.id,
            ProjectLink.target_id == target.id,
            ProjectLink.kind == kind.value,
            ProjectLink.removed_at.is_(None),
        )
    )
    if existing is not None:
        return _read(actor, existing)
    if kind in DIRECTED and _leads_to(actor, target.id, project.id, kind):
        raise LinkCircle(project=project.number, target=target.number)
    link = ProjectLink(
        project_id=project.id,
        target_id=target.id,
        kind=kind.value,
        note=values.get("note"),
        added_at=now(),
        added_by=actor.principal,
    )
    session.add(link)
    session.flush()
    details = {"link_kind": kind.value, "project": project.number, "target": target.number, "note": link.note}
    journal.record(actor, "project.linked", f"link:{link.id}", details)
    return _read(actor, link.id)


def find_link(actor: Actor, number: str, link_id: int) -> ProjectLink:
    """Return a link of a project, locked until the open transaction ends. Raises ProjectNotFound and LinkNotFound."""
    project = find_project_to_change(actor, number)
    statement = sa.select(ProjectLink).where(ProjectLink.id == link_id, _of_project(project.id), *_visible(actor))
    link = require_transaction().scalar(statement.with_for_update())
    if link is None:
        raise LinkNotFound(id=link_id, number=number)
    return link


def remove_link(actor: Actor, number: str, link_id: int) -> None:
    """Remove a link of a project, in the open transaction; nothing is written when it was removed before.

    It asks nobody: callers have decided that one person is enough. Raises RoleNotAllowed, ProjectNotFound and
    LinkNotFound.
    """
    actor.require(Permission.PROJECTS_LINK)
    session = require_transaction()
    link = find_link(actor, number, link_id)
    if link.removed_at is not None:
        return
    ends = session.execute(
        sa.select(Project.id, Project.number).where(Project.id.in_((link.project_id, link.target_id)))
    ).all()
    numbers = {row.id: row.number for row in ends}
    link.removed_at, link.removed_by = now(), actor.principal
    details = {"link_kind": link.kind, "project": numbers[link.project_id], "target": numbers[link.target_id]}
    journal.record(actor, "project.unlinked", f"link:{link.id}", details)


def links_page(actor: Actor, project_id: int, page: Page) -> Listing:
    """Return a page of the links of a project in both directions, oldest first, as mappings. Raises Malformed.

    Links with a project that the actor may not see are left out; restricted ones are journalled as read.
    """
    statement = _links(actor).where(_of_project(project_id), ProjectLink.removed_at.is_(None))
    listing = read_page(statement, page, ProjectLink.id)
    restricted = [row[end] for row in listing.items for end in ("project", "target") if row[f"_{end}_restricted"]]
    journal_restricted_reads(actor, restricted, "links")
    return Listing([{**row} for row in listing.items], listing.next)


def _read(actor: Actor, link_id: int) -> sa.RowMapping:
    return db.session.execute(_links(actor).where(ProjectLink.id == link_id)).mappings().one()


def _links(actor: Actor) -> sa.Select[Any]:
    project, target = aliased(Project), aliased(Project)
    columns: tuple[Any, ...] = (
        ProjectLink.id,
        ProjectLink.kind,
        project.number.label("project"),
        target.number.label("target"),
        ProjectLink.note,
        ProjectLink.added_at,
        ProjectLink.added_by,
        project.is_restricted.label("_project_restricted"),
        target.is_restricted.label("_target_restricted"),
    )
    joined = sa.select(*columns).join(project, project.id == ProjectLink.project_id)
    return joined.join(target, target.id == ProjectLink.target_id).where(*_visible(actor))


def _visible(actor: Actor) -> list[Any]:
    link = table_of(ProjectLink).c
    return [*among_visible(actor, link.project_id), *among_visible(actor, link.target_id)]


def _of_project(project_id: int) -> Any:
    return sa.or_(ProjectLink.project_id == project_id, ProjectLink.target_id == project_id)


def _leads_to(actor: Actor, start: int, end: int, kind: LinkKind) -> bool:
    """Return True when links of the kind lead from one project to the other, over projects that the actor may see.

    Over others it would tell that a hidden project is linked. A circle over one of those is not prevented, and does no
    harm: nothing follows links but this query, which ends at what it has seen.
    """
    link = table_of(ProjectLink).c
    in_force = sa.and_(link.kind == kind.value, link.removed_at.is_(None), *_visible(actor))
    reached = sa.select(link.target_id).where(link.project_id == start, in_force).cte("reached", recursive=True)
    reached = reached.union(sa.select(link.target_id).where(link.project_id == reached.c.target_id, in_force))
    return require_transaction().scalar(sa.select(reached.c.target_id).where(reached.c.target_id == end)) is not None
