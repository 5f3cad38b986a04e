"""Similar projects: finds, scores and names the likely duplicates that the actor may see."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import ColumnElement, RowMapping, SmallInteger, and_, case, literal, or_, select

from registry.accounts.actors import Actor
from registry.agencies.models import Agency
from registry.core.database import db, table_of
from registry.core.search import NAMES, project_words
from registry.core.translations import DEFAULT_LANGUAGE, OFFICIAL_LANGUAGES, Language
from registry.projects.details import read_whole
from registry.projects.models import Project
from registry.projects.similarity.fingerprints import (
    COMPARED,
    CONTRACT,
    NAME_HASHES,
    PURPOSE_HASHES,
    ProjectFingerprint,
    fingerprint,
)
from registry.projects.similarity.scoring import Record, Score, record_of, scores
from registry.projects.visibility import among_visible, journal_restricted_reads

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
WITHIN_OBJECT: Final = 5
# Of all, those that are not much less similar than the most similar one.
WITHIN_BEST: Final = 15
# What each equal hash counts when candidates are chosen.
HASH_WEIGHTS: Final[Mapping[str, int]] = {
    **dict.fromkeys(NAME_HASHES, 2),
    **dict.fromkeys(PURPOSE_HASHES, 1),
    "object_code": 2,
    "contract_number": 6,
    "supplier_bin": 1,
    "url": 20,
}
# With both of CONTRACT, no name is more similar: such a project is always among the candidates.
SAME_CONTRACT_WEIGHT: Final = 30
LEAST_WEIGHT: Final = 2


def similar_to_project(actor: Actor, number: str) -> list[dict[str, Any]]:
    """The likely duplicates of a project, the most similar first. Raises ProjectNotFound."""
    project = read_whole(actor, number, "similar")
    return similar_to_values(actor, project["agency_id"], project, project["id"])


def similar_to_values(
    actor: Actor, agency_id: int, values: Mapping[str, Any], own_id: int | None = None
) -> list[dict[str, Any]]:
    """The likely duplicates of a project with these values. ``own_id``: its id, None when it is not registered.

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


def _object(row: RowMapping, record: Record) -> Any:
    code = record.exact["object_code"]
    return row["id"] if code is None else (row["agency_id"], code)


def _named(row: RowMapping, score: Score) -> dict[str, Any]:
    names = {name: row[name] for name in NAMES}
    return {"number": row["number"], "agency": row["agency"], **names, "score": score.score, "reasons": score.reasons}


def _candidates(actor: Actor, values: Mapping[str, Any], own_id: int | None) -> Sequence[RowMapping]:
    """The visible projects with the most hashes in common.

    One pass over a narrow table, in which restricted projects are left out by their ids: it takes as long whether or
    not one of them is similar, and they take the place of no other.
    """
    kept = table_of(ProjectFingerprint)
    equal = {
        name: kept.c[name] == literal(value, SmallInteger)
        for name, value in fingerprint(values, project_words(values)).items()
        if value is not None
    }
    if not equal:
        return []
    weights = [case((condition, HASH_WEIGHTS[name]), else_=0) for name, condition in equal.items()]
    if equal.keys() >= {*CONTRACT}:
        weights.append(case((and_(*(equal[name] for name in CONTRACT)), SAME_CONTRACT_WEIGHT), else_=0))
    weight: ColumnElement[int] = sum(weights[1:], weights[0])
    similar = select(kept.c.project_id, weight.label("weight")).where(or_(*equal.values()))
    similar = similar.where(*among_visible(actor, kept.c.project_id))
    # Withdrawn and ended projects too: one that is registered again is seen beside its former record.
    if own_id is not None:
        similar = similar.where(kept.c.project_id != own_id)
    # Materialized, so that the weight is computed once a row.
    weighed = similar.cte("weighed").prefix_with("MATERIALIZED")
    nearest = (
        select(weighed.c.project_id)
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
        select(*columns, *(project.c[name] for name in sorted(COMPARED)))
        .select_from(nearest)
        .join(project, project.c.id == nearest.c.project_id)
        .join(agency, agency.c.id == project.c.agency_id)
    )
    return db.session.execute(statement).mappings().all()
