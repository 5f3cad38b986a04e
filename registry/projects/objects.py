"""Digital objects: which projects work on one, and what each of them counts of the others.

Projects work on one object when they have, or once had, one ``object_code`` or one ``platform_key`` in one tree of
agencies, or one name but for its numbers in one agency, or are linked as a duplicate or a part
(docs/reference/rules.md, "One object").
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from datetime import date, datetime
from functools import lru_cache
from operator import attrgetter
from typing import Any, Final, NamedTuple
from unicodedata import category, normalize

from sqlalchemy import ColumnElement, Select, SelectBase, Text, and_, cast, or_, select, union

from registry.accounts.agency_tree import tops
from registry.accounts.roles import Actor, Permission
from registry.agencies.models import Agency
from registry.agencies.queries import tops_known_at
from registry.core.clock import local_date
from registry.core.database import db, table_of
from registry.core.dialects import is_among
from registry.core.errors import NotFound
from registry.core.search import NAMES, words_of
from registry.core.values import LOOK_ALIKES, comparable, control_character
from registry.freeze.facts import Sibling
from registry.freeze.policy import Policy, policy_in_force
from registry.freeze.rules import reads_siblings
from registry.freeze.vocabulary import WorkType
from registry.projects.fingerprints import COMMON_STEMS, ProjectFingerprint, exact_hashes, exact_value, stem
from registry.projects.links import OF_ONE_OBJECT, ProjectLink
from registry.projects.models import STATUS, Project
from registry.projects.revisions import CONFIRMED, Revision, confirmed_of, projects_known_at, value_of_json
from registry.projects.visibility import journal_restricted_reads, visible_projects
from registry.projects.vocabulary import LinkKind

PROJECT: Final = table_of(Project).c
REVISION: Final = table_of(Revision).c
LINK: Final = table_of(ProjectLink).c
AGENCY: Final = table_of(Agency).c
JUDGED: Final = ("work_type", "contract_signed_on", "work_started_on", "budget_kzt", "object_original_cost_kzt")
IDENTIFYING: Final = ("object_code", "platform_key", *NAMES)
# Nobody sees them: zero-width characters, soft hyphens, accents that are no part of a letter.
INVISIBLE: Final = ("Cf", "Mn", "Me")
ROMAN: Final = frozenset("ivx")
# Of the first two, equal ones in one tree of agencies.
IN_TREE: Final = IDENTIFYING[:2]
SUPPLIER: Final = "supplier_bin"
# Who takes one of them away, or replaces it, does not take the project from its object or from its contracts.
KEPT: Final = frozenset({*IDENTIFYING, SUPPLIER})
EDITED: Final = KEPT.union(JUDGED)
READ: Final = (*JUDGED, SUPPLIER, *IDENTIFYING, CONFIRMED, "is_restricted")
# What is alike in more projects than these says nothing.
MAX_SIBLINGS: Final = 50
Siblings = Mapping[int, tuple[Sibling, ...]]


class Member(NamedTuple):
    """A project that others may count. ``keys``: of what its object is known; ``suppliers``: all that it has had;
    ``earlier``: what is judged of it, with the values that edits under the freeze replaced, the newest first.
    """

    id: int
    number: str | None
    agency: Hashable
    values: Mapping[Any, Any]
    keys: frozenset[Hashable]
    suppliers: frozenset[str]
    earlier: tuple[Mapping[str, Any], ...] = ()


def siblings_of_register(policy: Policy, up_to: int) -> dict[int, tuple[Sibling, ...]]:
    """Return what each project with an id up to one counts of others, by id, of all that others may count."""
    if not reads_siblings(policy):
        return {}
    return _siblings(_members(policy, PROJECT.id <= up_to), linked_pairs())


def are_counted(policy: Policy, ids: Collection[int]) -> bool:
    """Return True when one of these projects may be counted with others."""
    return reads_siblings(policy) and bool(ids and _members(policy, is_among(PROJECT.id, ids)))


def siblings_known_at(
    at: datetime, policy: Policy, up_to: int | None = None, *, of: int | None = None
) -> dict[int, tuple[Sibling, ...]]:
    """Return what ``siblings_of_register`` was at a moment; without ``up_to``, of the projects registered by then.

    ``of``: a project whose object alone is asked for; the others are not whole.
    """
    if not reads_siblings(policy):
        return {}
    counting = _counting(policy, REVISION.at <= at)
    among: SelectBase = union(
        counting,
        *_ends(at),
        select(PROJECT.id).where(_is_part(policy)),
        select(REVISION.project_id).where(REVISION.at > at, REVISION.version > 1),
    )
    if of is not None:
        own = db.session.scalars(select(PROJECT.agency_id).where(PROJECT.id == of))
        near = is_among(PROJECT.agency_id, _near(own, linked_pairs(at), tops(), at))
        among = select(PROJECT.id).where(near, PROJECT.id.in_(among))
    known = [
        each
        for each in projects_known_at(at, READ, 0, up_to, among=among)
        if not each.is_withdrawn and each.registered_at <= at
    ]
    counted = {*db.session.scalars(counting), *db.session.scalars(union(*_ends(at)))}
    known = [each for each in known if each.id in counted or _may_be_part(each.values, policy)]
    edits, above = _edits([each.id for each in known], REVISION.at <= at), tops_known_at(at)
    members = [
        _member(each.id, each.number, each.agency, above, each.values, edits.get(each.id, ()), policy) for each in known
    ]
    return _siblings([each for each in members if each.suppliers or each.id in counted], linked_pairs(at))


def siblings_of_values(
    policy: Policy,
    items: Sequence[tuple[int | None, int, Mapping[str, Any]]],
    *,
    are_new: bool = False,
    own_only: bool = False,
) -> list[tuple[Sibling, ...]]:
    """Return what each project would count with these values: its id (None for a new one), its agency, its values.

    Of a registered one, the stored values stand in for those that are not given. ``are_new``: none has had others.
    ``own_only``: those of other agencies are not counted.
    """
    ids = [project_id for project_id, _, _ in items if project_id is not None]
    if not reads_siblings(policy) or not _may_count(policy, [] if are_new else ids, [values for *_, values in items]):
        return [() for _ in items]
    above, linked = tops(), linked_pairs()
    near = is_among(PROJECT.agency_id, _near((agency_id for _, agency_id, _ in items), linked, above))
    stored = {each.id: each for each in _members(policy, near)}
    edits = _edits(ids)
    proposed = []
    for place, (project_id, agency_id, values) in enumerate(items):
        before = None if project_id is None else stored.pop(project_id, None)
        present = {
            **({} if before is None else before.values),
            **{name: values[name] for name in READ if name in values},
        }
        present = {"is_restricted": False, **dict.fromkeys((*JUDGED, SUPPLIER)), **present}
        number = None if before is None else before.number
        of_edits = edits.get(project_id or 0, ())
        member = _member(project_id or -1 - place, number, agency_id, above, present, of_edits, policy)
        if before is not None:
            member = member._replace(keys=member.keys | before.keys, suppliers=member.suppliers | before.suppliers)
        proposed.append(member)
    siblings = _siblings([*stored.values(), *proposed], linked, own_only=own_only)
    return [siblings.get(each.id, ()) for each in proposed]


def _near(
    agencies: Iterable[int], linked: Sequence[tuple[int, int]], above: Mapping[int, int], at: datetime | None = None
) -> list[int]:
    """Return the agencies in whose projects an object of these agencies can be: those of their trees, and of trees that
    links lead to, through any number; of a moment, also by the trees of then and by what has passed on since.
    """
    groups = _Groups()
    for agency_id, top in above.items():
        groups.join([agency_id, top])
    if at is not None:
        ids = {row.bin: row.id for row in db.session.execute(select(AGENCY.id, AGENCY.bin))}
        for pair in (*tops_known_at(at).items(), *_passed_on_since(at)):
            groups.join([ids[number] for number in pair])
    of_ends = select(PROJECT.id, PROJECT.agency_id).where(
        is_among(PROJECT.id, {end for link in linked for end in link})
    )
    at_end = {row.id: row.agency_id for row in db.session.execute(of_ends)} if linked else {}
    for one, other in linked:
        groups.join([at_end[one], at_end[other]])
    roots = {groups.root(agency_id) for agency_id in agencies}
    return [agency_id for agency_id in above if groups.root(agency_id) in roots]


def _passed_on_since(at: datetime) -> list[tuple[str, str]]:
    """Return the former and the new agency, by BIN, of each project that has passed to another one since a moment."""
    naming = cast(REVISION.changes, Text).contains('"agency"')
    later = select(REVISION.changes).where(REVISION.at > at, REVISION.version > 1, naming)
    changes = (change for changes in db.session.scalars(later) for change in changes)
    return [(change["old"], change["new"]) for change in changes if change["field"] == "agency"]


def _may_count(policy: Policy, ids: Collection[int], values: Iterable[Mapping[str, Any]]) -> bool:
    # A new project has had no other supplier.
    parts = (each for each in values if _may_be_part(each, policy))
    if any(ids or each.get(SUPPLIER) for each in parts):
        return True
    if any(each.get("work_type") == WorkType.MODIFICATION for each in values):
        return True
    if not ids:
        return False
    # Through a link it may count what it was a part of before an edit.
    linked = [select(LINK.id).where(_in_force(), is_among(end, ids)) for end in (LINK.project_id, LINK.target_id)]
    once = union(_counting(policy, is_among(REVISION.project_id, ids)), *linked).limit(1)
    return db.session.scalar(once) is not None


def linked_pairs(at: datetime | None = None) -> list[tuple[int, int]]:
    """Return the projects that links say concern one object: now, or at a moment."""
    statement = select(LINK.project_id, LINK.target_id).where(_in_force(at)).order_by(LINK.id)
    return [(row.project_id, row.target_id) for row in db.session.execute(statement)]


def _members(policy: Policy, among: ColumnElement[bool]) -> list[Member]:
    counts = or_(PROJECT.id.in_(_counting(policy)), PROJECT.id.in_(union(*_ends())))
    columns = [PROJECT[name] for name in ("id", "number", "agency_id", *READ)]
    statement = select(*columns, counts.label("counts")).where(PROJECT.withdrawn_at.is_(None), among)
    statement = statement.where(or_(counts, _is_part(policy))).order_by(PROJECT.id)
    rows = db.session.execute(statement).mappings().all()
    edits, above = _edits([row["id"] for row in rows]), tops() if rows else {}
    members = [
        _member(row["id"], row["number"], row["agency_id"], above, row, edits.get(row["id"], ()), policy)
        for row in rows
    ]
    return [each for each, row in zip(members, rows, strict=True) if each.suppliers or row["counts"]]


def _counting(policy: Policy, *conditions: ColumnElement[bool]) -> Select[int]:
    """Select the projects that are, or once were, a modification that may have started under the freeze."""
    started = or_(REVISION.contract_signed_on >= policy.cutoff, REVISION.work_started_on >= policy.cutoff)
    return select(REVISION.project_id).where(REVISION.work_type == WorkType.MODIFICATION.value, started, *conditions)


def _is_part(policy: Policy) -> ColumnElement[bool]:
    """Condition: the project has a contract that may be a part of a split one, if it has or had a supplier."""
    return and_(PROJECT.contract_signed_on >= policy.cutoff, PROJECT.budget_kzt < policy.split_contract_kzt)


def _may_be_part(values: Mapping[Any, Any], policy: Policy) -> bool:
    signed, budget = values.get("contract_signed_on"), values.get("budget_kzt")
    return bool(signed and signed >= policy.cutoff and budget is not None and budget < policy.split_contract_kzt)


class _Edit(NamedTuple):
    """What an edit replaced: the day, and the values before it by field, of those that are read here."""

    day: date
    old: Mapping[str, Any]


def _edits(ids: Collection[int], *conditions: ColumnElement[bool]) -> dict[int, list[_Edit]]:
    """Return the edits of each project, the newest first."""
    of_projects = (REVISION.version > 1, is_among(REVISION.project_id, ids), *conditions)
    statement = select(REVISION.project_id, REVISION.at, REVISION.changes).where(*of_projects)
    newest_first = statement.order_by(REVISION.project_id, REVISION.version.desc())
    edits: dict[int, list[_Edit]] = {}
    for project_id, at, changes in db.session.execute(newest_first) if ids else ():
        old = {change["field"]: change["old"] for change in changes if change["field"] in EDITED}
        if old:
            edits.setdefault(project_id, []).append(_Edit(local_date(at), old))
    return edits


def _member(
    project_id: int,
    number: str | None,
    agency: Hashable,
    above: Mapping[Any, Hashable],
    values: Mapping[Any, Any],
    edits: Sequence[_Edit],
    policy: Policy,
) -> Member:
    former = _former(edits)
    keys, suppliers = _keys(agency, above, values, former), _suppliers(values, former)
    return Member(project_id, number, agency, values, keys, suppliers, _earlier(values, edits, policy))


def _former(edits: Iterable[_Edit]) -> list[tuple[str, Any]]:
    return [(name, value) for edit in edits for name, value in edit.old.items() if name in KEPT]


def _earlier(values: Mapping[Any, Any], edits: Sequence[_Edit], policy: Policy) -> tuple[Mapping[str, Any], ...]:
    """Return what is judged of the revisions that edits under the freeze replaced; a fact that is confirmed now, as it
    is now.
    """
    if not edits:
        return ()
    confirmed = {name for name, _ in confirmed_of(values.get(CONFIRMED))}
    judged = {name: values[name] for name in JUDGED}
    earlier = []
    for edit in edits:
        changed = {name: value_of_json(name, edit.old[name]) for name in edit.old.keys() & judged.keys() - confirmed}
        judged = {**judged, **changed}
        if changed and edit.day >= policy.cutoff:
            earlier.append(judged)
    return tuple(earlier)


def _in_force(at: datetime | None = None) -> ColumnElement[bool]:
    in_force: ColumnElement[bool] = LINK.removed_at.is_(None)
    if at is not None:
        in_force = and_(LINK.added_at <= at, or_(in_force, LINK.removed_at > at))
    return and_(LINK.kind.in_(OF_ONE_OBJECT), in_force)


def _ends(at: datetime | None = None) -> list[Select[int]]:
    """Select the projects that are linked: through each of them others may work on one object."""
    return [select(end).where(_in_force(at)) for end in (LINK.project_id, LINK.target_id)]


def _keys(
    agency: Hashable, above: Mapping[Any, Hashable], values: Mapping[Any, Any], former: Iterable[tuple[str, Any]]
) -> frozenset[Hashable]:
    keys: set[Hashable] = set()
    for name, value in (*((name, values.get(name)) for name in IDENTIFYING), *former):
        if name == SUPPLIER:
            continue
        if name in IN_TREE:
            code = exact_value(name, _visible(value or ""))
            keys |= {(name, above[agency], code.translate(LOOK_ALIKES))} if code else set()
        else:
            words = name_without_numbers(value)
            keys |= {("name", agency, words)} if words else set()
    return frozenset(keys)


def _suppliers(values: Mapping[Any, Any], former: Iterable[tuple[str, Any]]) -> frozenset[str]:
    had = [values[SUPPLIER], *(value for name, value in former if name == SUPPLIER)]
    return frozenset(each for each in had if each is not None)


def _visible(text: str) -> str:
    return "".join(each for each in normalize("NFC", text) if category(each) not in INVISIBLE)


# The names of a register are read again under the lock of each audit.
@lru_cache(maxsize=1 << 15)
def name_without_numbers(name: str | None) -> tuple[str, ...]:
    """Return the reduced words of a name without numbers; none where they say nothing of the object."""
    words = {stem(comparable(word)) for word in words_of(_visible(name or ""))}
    words = {word for word in words if not any(map(str.isdigit, word)) and not ROMAN.issuperset(word)}
    return tuple(sorted(words)) if words - COMMON_STEMS else ()


def _siblings(
    members: Sequence[Member], linked: Iterable[tuple[int, int]], *, own_only: bool = False
) -> dict[int, tuple[Sibling, ...]]:
    """Return what each counts of the others, by id.

    A restricted project counts those of its object, and none counts it: not everybody who sees them may see it.
    """
    restricted = {each.id for each in members if each.values["is_restricted"]}
    groups = _Groups()
    ends: dict[int, list[Hashable]] = {}
    for one, other in linked:
        for end, target in ((one, other), (other, one)):
            ends.setdefault(end, []).append(target)
    for each in members:
        if each.id not in restricted:
            groups.join([each.id, *each.keys])
    for end, targets in ends.items():
        if end not in restricted:
            groups.join([end, *(target for target in targets if target not in restricted)])
    by_object: dict[Hashable, list[Member]] = {}
    for each in members:
        if each.id not in restricted:
            by_object.setdefault(groups.root(each.id), []).append(each)
    siblings = {}
    for each in members:
        nodes = [each.id] if each.id not in restricted else [*each.keys, *ends.get(each.id, ())]
        roots = sorted({groups.root(node) for node in nodes}, key=repr)
        others = [other for root in roots for other in by_object.get(root, ()) if other is not each]
        if own_only:
            others = [other for other in others if other.agency == each.agency]
        most = sorted(others, key=_weight)[:MAX_SIBLINGS] if len(others) > MAX_SIBLINGS else others
        siblings[each.id] = tuple(_sibling(each, other) for other in sorted(most, key=attrgetter("id")))
    return siblings


def _weight(member: Member) -> tuple[bool, int, int]:
    """Sort those first that add most to a sum, so that records without a budget hide no part of it."""
    stated = (member.values, *member.earlier)
    is_modification = any(each["work_type"] == WorkType.MODIFICATION for each in stated)
    return not is_modification, -max(each["budget_kzt"] or 0 for each in stated), member.id


def _sibling(of: Member, other: Member) -> Sibling:
    is_own = of.agency == other.agency
    number = other.number if is_own else None
    has_same_supplier = is_own and not of.suppliers.isdisjoint(other.suppliers)
    earlier = tuple(Sibling(number, has_same_supplier, **values) for values in other.earlier)
    present = {name: other.values[name] for name in JUDGED}
    return Sibling(number, has_same_supplier, **present, earlier=earlier)


class _Groups:
    """Disjoint sets of nodes."""

    def __init__(self) -> None:
        self._above: dict[Hashable, Hashable] = {}

    def root(self, node: Hashable) -> Hashable:
        while (above := self._above.get(node, node)) != node:
            self._above[node] = self._above.get(above, above)
            node = above
        return node

    def join(self, nodes: Sequence[Hashable]) -> None:
        first = self.root(nodes[0])
        for node in nodes[1:]:
            self._above[self.root(node)] = first


# The page of one object: its projects, as far as the actor sees them.

# Beyond it a code is hardly one object's.
MAX_OF_OBJECT: Final = 200
MAX_CODE_LENGTH: Final = 200
SHOWN: Final = (
    *("id", "number", "agency_id", *NAMES, "object_code", "platform_key", "work_type", "stage", "placement"),
    *("contract_signed_on", "work_started_on", "budget_kzt", "object_original_cost_kzt", "integrations"),
    "purpose",
    "is_restricted",
)


class ObjectNotFound(NotFound):
    """No project that the actor may see has this code, key or number."""


def read_object(actor: Actor, code: str) -> dict[str, Any]:
    """Return the object that a project with this number, ``object_code`` or ``platform_key`` concerns.

    Only projects that the actor may see are named, counted and followed; reads of restricted ones are journalled.
    ``texts``: their names and purposes, which products of the platform are compared with. Raises ObjectNotFound.
    """
    actor.require(Permission.PROJECTS_READ)
    rows = _projects_of_object(actor, code)
    if not rows:
        raise ObjectNotFound(code=code)
    journal_restricted_reads(actor, (row["number"] for row in rows if row["is_restricted"]), "object")
    policy = policy_in_force()
    modifications = [
        row["budget_kzt"] or 0
        for row in rows
        if row["work_type"] == WorkType.MODIFICATION and _began_under_freeze(row, policy)
    ]
    integrations = (each for row in rows for each in row["integrations"] or ())
    costs = [row["object_original_cost_kzt"] for row in rows if row["object_original_cost_kzt"] is not None]
    return {
        "object_codes": sorted({row["object_code"] for row in rows if row["object_code"]}),
        "platform_keys": sorted({row["platform_key"] for row in rows if row["platform_key"]}),
        "placements": sorted({row["placement"] for row in rows}),
        "projects": [{name: value for name, value in row.items() if name not in NOT_SHOWN} for row in rows],
        "budget_kzt": sum(row["budget_kzt"] or 0 for row in rows),
        "least_cost_kzt": min(costs, default=None),
        "modifications_kzt": sum(modifications),
        "exchanges_data_with": sorted({*_exchanges(actor, rows), *integrations}),
        "texts": [row[name] for row in rows for name in (*NAMES, "purpose")],
    }


NOT_SHOWN: Final = frozenset({"id", "agency_id", "integrations", "purpose", "is_restricted"})


def _began_under_freeze(row: Mapping[str, Any], policy: Policy) -> bool:
    days = [row[name] for name in policy.start_clock if row[name] is not None]
    return bool(days) and min(days) >= policy.cutoff


def _projects_of_object(actor: Actor, code: str) -> list[dict[str, Any]]:
    if control_character(code) is not None or len(code) > MAX_CODE_LENGTH:
        return []
    rows = _shown(actor, or_(PROJECT.number == code, PROJECT.platform_key == code))
    asked = exact_value("object_code", code)
    if asked is not None:
        rows += _with_code(actor, asked)
    if not rows:
        return []
    above, linked = tops(), linked_pairs()
    near = is_among(PROJECT.agency_id, _near((row["agency_id"] for row in rows), linked, above))
    columns = [PROJECT[name] for name in ("id", "agency_id", *IDENTIFYING)]
    visible = select(*columns).where(PROJECT.withdrawn_at.is_(None), near, *visible_projects(actor))
    candidates = db.session.execute(visible).mappings().all()
    edits = _edits([each["id"] for each in candidates])
    groups = _Groups()
    for each in candidates:
        groups.join([each["id"], *_keys(each["agency_id"], above, each, _former(edits.get(each["id"], ())))])
    ids = {each["id"] for each in candidates}
    for link in linked:
        if ids.issuperset(link):
            groups.join(link)
    roots = {groups.root(row["id"]) for row in rows}
    return _shown(actor, is_among(PROJECT.id, [each for each in sorted(ids) if groups.root(each) in roots]))


def _with_code(actor: Actor, code: str) -> list[dict[str, Any]]:
    compared = table_of(ProjectFingerprint).c
    equal = compared.object_code == exact_hashes({"object_code": code})["object_code"]
    rows = _shown(actor, PROJECT.id.in_(select(compared.project_id).where(equal)))
    return [row for row in rows if exact_value("object_code", row["object_code"]) == code]


def _shown(actor: Actor, condition: ColumnElement[bool]) -> list[dict[str, Any]]:
    columns = [PROJECT[name] for name in SHOWN]
    agency = table_of(Agency).c
    statement = (
        select(*columns, agency.bin.label("agency"), STATUS.c.freeze_status, STATUS.c.severity)
        .join(table_of(Agency), agency.id == PROJECT.agency_id)
        .join(STATUS, STATUS.c.project_id == PROJECT.id)
        .where(PROJECT.withdrawn_at.is_(None), condition, *visible_projects(actor))
        .order_by(PROJECT.id)
    )
    return [dict(row) for row in db.session.execute(statement.limit(MAX_OF_OBJECT)).mappings()]


def _exchanges(actor: Actor, rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the numbers of the projects that are linked as exchanging data, without those of the object."""
    ids = sorted(row["id"] for row in rows)
    in_force = (LINK.kind == LinkKind.EXCHANGES_DATA_WITH.value, LINK.removed_at.is_(None))
    ends = union(
        select(LINK.target_id).where(*in_force, is_among(LINK.project_id, ids)),
        select(LINK.project_id).where(*in_force, is_among(LINK.target_id, ids)),
    )
    numbers = select(PROJECT.number).where(PROJECT.id.in_(ends), PROJECT.id.not_in(ids), *visible_projects(actor))
    return list(db.session.scalars(numbers))
