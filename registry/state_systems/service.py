"""Confirmations from other state systems: signed files, matched with projects; facts of trusted systems confirmed."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from functools import cache
from operator import itemgetter
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.orm import contains_eager

from registry.accounts.agency_tree import last_successors
from registry.accounts.roles import Actor, Permission
from registry.core.clock import now
from registry.core.database import require_transaction, table_of, transaction
from registry.core.dialects import advisory_lock, is_among
from registry.core.errors import Conflict, invalid
from registry.core.files import printable_file_name
from registry.core.search import NAMES
from registry.flags.models import lock_flags_for_review
from registry.freeze.policy import policy_in_force
from registry.journal import service as journal
from registry.platform.confirmations import Source, confirm_fact_by_source, end_confirmations_of, require_confirmer
from registry.procurement.models import MatchState
from registry.projects.edits import GIVEN_WITH, confirmed_facts
from registry.projects.models import Project
from registry.projects.service import find_project
from registry.projects.similarity import SAME_NAME, Words, WordWeights, name_similarity, words_of
from registry.projects.visibility import NOT_WITHDRAWN
from registry.state_systems.models import EXTERNAL, ExternalConfirmation
from registry.state_systems.queries import find_external_confirmation, recorded
from registry.state_systems.signed_files import SignedFile, read_signed_file
from registry.state_systems.sources import known_systems

IMPORT_LOCK: Final = 742_031
# Of the projects of an agency, by the words of their names.
MAX_COMPARED: Final = 50
# Among as many projects with its rarer words are those with most of its words.
ENOUGH: Final = 300
COUNTS: Final = ("total", "created", "updated", "not_newer", "other_agencies", "confirmed", "ended")
PROJECT: Final = table_of(Project).c
COMPARED: Final = ("id", "agency_id", "number", "platform_key", "placement_verified_on", *NAMES)
STATED: Final = ("reference", "kind", "platform_key", "name_kk", "name_ru", "document_number", "document_on")
# How a source names the object: with another name, what a person decided of the former one does not count.
NAMED_BY: Final = ("agency_id", "project_number", "platform_key", "name_kk", "name_ru")


class MatchIsCertain(Conflict):
    """The source itself names the project, so that nobody here decides which one it is."""


class Candidates:
    """The projects of agencies that may be the objects of a file."""

    def __init__(self, agency_ids: Collection[int]) -> None:
        columns = (PROJECT[name] for name in COMPARED)
        statement = select(*columns).where(is_among(PROJECT.agency_id, agency_ids), NOT_WITHDRAWN).order_by(PROJECT.id)
        self._of_agency: dict[int, list[Any]] = {}
        for row in require_transaction().execute(statement):
            self._of_agency.setdefault(row.agency_id, []).append(row)
        self._words = cache(self._words_of)

    def match(self, row: ExternalConfirmation) -> tuple[int | None, str | None]:
        """Return the id of the project of the same agency that a confirmation names, and the state of the match.

        It is certain by the number, or by a key on QazTech that is confirmed, unless the source calls the object
        otherwise. A key that the agency only claims, and a name, are to be checked.
        """
        projects = [each for each in self._of_agency.get(row.agency_id, ()) if str(each.id) not in (row.rejected or ())]
        if row.project_number or row.platform_key:
            if row.project_number:
                named = [each for each in projects if each.number == row.project_number]
            else:
                named = [each for each in projects if each.platform_key == row.platform_key]
                named.sort(key=lambda each: each.placement_verified_on is None)
            if named:
                first, *others = named
                is_certain = bool(row.project_number) or (first.placement_verified_on is not None and not others)
                likeness = self._likeness(row, first)
                # Who rejected another project has a say in which one is left.
                is_certain &= (likeness is None or likeness >= SAME_NAME) and not row.rejected
                return first.id, (MatchState.MATCHED if is_certain else MatchState.TO_CHECK).value
            return None, None
        likeliest, likeness = self._likeliest(row, projects)
        return (likeliest.id, MatchState.TO_CHECK.value) if likeness >= SAME_NAME else (None, None)

    def _likeliest(self, row: ExternalConfirmation, projects: Sequence[Any]) -> tuple[Any, float]:
        """Return the project with the most similar name, the first one of several, and how similar it is.

        Compared are those with most of the words, as comparing names takes 0.1 ms. What many projects have is looked
        up last, and then only of those that a rarer word has found.
        """
        weights, words, having = self._words(row.agency_id)
        stated = _names_of(row)
        shared: Counter[int] = Counter()
        for word in sorted(
            {word for each in stated.values() for word in each}, key=lambda word: (-weights[word], word)
        ):
            ids = having.get(word, set())
            weight = round(1000 * weights[word])
            for project_id in shared.keys() & ids if len(shared) >= ENOUGH else ids:
                shared[project_id] += weight
        nearest = {project_id for project_id, _weight in shared.most_common(MAX_COMPARED)}
        best, most = None, 0.0
        for each in projects:
            if each.id in nearest and (likeness := name_similarity(stated, words[each.id], weights)) > most:
                best, most = each, likeness
            if most == 1:
                break
        return best, most

    def _likeness(self, row: ExternalConfirmation, project: Any) -> float | None:
        """Return how similar the names are; None where the source gives none."""
        stated = _names_of(row)
        if not stated:
            return None
        weights, words, _having = self._words(row.agency_id)
        return name_similarity(stated, words[project.id], weights)

    def _words_of(self, agency_id: int) -> tuple[WordWeights, dict[int, dict[str, Words]], dict[str, set[int]]]:
        """Return the weights of words, the words of each project's names, and the projects that have each word."""
        words = {each.id: words_of(each._mapping) for each in self._of_agency.get(agency_id, ())}
        having: dict[str, set[int]] = {}
        for project_id, names in words.items():
            for word in set().union(*names.values()):
                having.setdefault(word, set()).add(project_id)
        return WordWeights(Counter({word: len(ids) for word, ids in having.items()})), words, having


def _names_of(row: ExternalConfirmation) -> dict[str, Words]:
    return words_of({"name_kk": row.name_kk, "name_ru": row.name_ru})


def import_confirmations(actor: Actor, file_name: str, content: bytes) -> dict[str, int]:
    """Import a signed file in one transaction, whole or not at all; returns the counts.

    What an older file says changes nothing that a newer one stated. Facts of a certain match are confirmed where the
    record has the same value and the policy in force trusts the source with them; what the source no longer says ends
    the confirmations that it gave. Raises RoleNotAllowed, and Invalid as ``read_signed_file``.
    """
    actor.require(Permission.PLACEMENTS_CONFIRM)
    file = read_signed_file(content, known_systems())
    counts = dict.fromkeys(COUNTS, 0) | {"total": len(file.rows)}
    with transaction() as session:
        lock_flags_for_review()
        advisory_lock(session, IMPORT_LOCK)
        agencies = last_successors({stated["agency"] for stated in file.rows})
        stored = _stored(file)
        candidates = Candidates({*agencies.values()})
        changed: list[tuple[ExternalConfirmation, _Former]] = []
        for stated in sorted(file.rows, key=itemgetter("reference")):
            row = stored.get(stated["reference"])
            if stated["agency"] not in agencies:
                counts["other_agencies"] += 1
            elif row is not None and row.sequence >= file.sequence:
                counts["not_newer"] += 1
            else:
                counts["created" if row is None else "updated"] += 1
                row = row or ExternalConfirmation(source=file.source.code, project_id=None, match_state=None)
                former = _Former(row)
                _write(row, file, stated, agencies[stated["agency"]])
                _match(row, candidates, is_renamed=former.is_renamed(row))
                session.add(row)
                changed.append((row, former))
        session.flush()
        projects = _locked({each for row, former in changed for each in (row.project_id, former.project_id) if each})
        newest = _newest(file, projects)
        for row, former in changed:
            if former.project_id is not None:
                project = projects[former.project_id]
                ended = end_confirmations_of(actor, project, former.no_longer_stated(row), _source(row))
                counts["ended"] += len(ended) * _is_visible(actor, project)
            # What a newer file said of the object counts: an older one that was kept back confirms nothing.
            if row.project_id is not None and newest.get(row.project_id, 0) <= file.sequence:
                project = projects[row.project_id]
                counts["confirmed"] += _confirm(actor, project, row) * _is_visible(actor, project)
        if changed:
            details = {"issuer": file.source.code, "sequence": file.sequence, "sha256": file.sha256, **counts}
            details["file_name"] = printable_file_name(file_name)
            journal.record(actor, "external-confirmations.imported", f"state-system:{file.source.code}", details)
    return counts


def decide_external_match(
    actor: Actor, confirmation_id: int, number: str, state: MatchState, remark: str | None = None
) -> None:
    """Decide whether a confirmation is about a project of its agency. A rejected project is not proposed again.

    No fact is confirmed by it: that takes a proposal, and a second person. Raises RoleNotAllowed,
    ConfirmationNeedsAPerson, ExternalConfirmationNotFound, ProjectNotFound, MatchIsCertain, and Invalid for a project
    of another agency.
    """
    require_confirmer(actor)
    with transaction() as session:
        advisory_lock(session, IMPORT_LOCK)
        row = find_external_confirmation(actor, confirmation_id)
        project = find_project(actor, number)
        if project.agency_id != row.agency_id or project.withdrawn_at is not None:
            raise invalid("/project", "external-match-other-agency")
        # Nobody decides over a project that they may not see.
        if row.match_state == MatchState.MATCHED or (row.project is None and row.project_id is not None):
            raise MatchIsCertain(source=row.source)
        others = {*(row.rejected or ())} - {str(project.id)}
        if state is MatchState.CONFIRMED:
            row.project_id, row.match_state, row.rejected = project.id, state.value, sorted(others) or None
        else:
            row.rejected = sorted({*others, str(project.id)})
            if row.project_id in (None, project.id):
                row.project_id, row.match_state = Candidates({row.agency_id}).match(row)
        row.decided_account_id, row.decided_at, row.remark, row.changed_at = actor.account_id, now(), remark, now()
        details = {"source": row.source, "reference": row.reference, "match_state": state.value, "remark": remark}
        known = {name: value for name, value in details.items() if value is not None}
        journal.record(actor, "external-confirmation.match-decided", f"project:{project.number}", known)


def evidence_of(row: ExternalConfirmation) -> str:
    """Return what a confirmation rests on: the document, the system and its number there, and the file."""
    return f"{row.source} {row.reference}: {row.kind} № {row.document_number}, {row.document_on}; SHA-256 {row.sha256}"


class _Former:
    """What a confirmation stated before the file."""

    def __init__(self, row: ExternalConfirmation) -> None:
        self.project_id = row.project_id
        self.facts: Mapping[str, str] = row.facts or {}
        self.names = [getattr(row, name) for name in NAMED_BY]

    def is_renamed(self, row: ExternalConfirmation) -> bool:
        """Return True where the source now names the object otherwise."""
        return self.names != [getattr(row, name) for name in NAMED_BY]

    def no_longer_stated(self, row: ExternalConfirmation) -> set[str]:
        """Return the facts that the source stood by and no longer does, or not of this project for certain."""
        if row.is_revoked or row.project_id != self.project_id or row.match_state != MatchState.MATCHED:
            return {*self.facts}
        gone = {name for name, value in self.facts.items() if row.facts.get(name) != value}
        return gone | {fact for fact, given_with in GIVEN_WITH.items() if given_with in gone}


def _write(row: ExternalConfirmation, file: SignedFile, stated: Mapping[str, Any], agency_id: int) -> None:
    for name in STATED:
        setattr(row, name, stated[name])
    # Of what is revoked, the facts that it was about stay to be seen.
    row.facts = stated["facts"] or row.facts or {}
    row.project_number, row.is_revoked, row.agency_bin = stated["project"], stated["revoked"], stated["agency"]
    row.agency_id, row.changed_at = agency_id, now()
    row.sequence, row.issued_at, row.sha256 = file.sequence, file.issued_at, file.sha256


def _match(row: ExternalConfirmation, candidates: Candidates, *, is_renamed: bool) -> None:
    if is_renamed:
        row.rejected = row.decided_account_id = row.decided_at = row.remark = None
        row.match_state = None
    project_id, state = candidates.match(row)
    if state == MatchState.MATCHED or row.match_state != MatchState.CONFIRMED:
        row.project_id, row.match_state = project_id, state


def _confirm(actor: Actor, project: Project, row: ExternalConfirmation) -> int:
    """Confirm the facts that need no person; returns how many."""
    trusted = dict(policy_in_force().trusted_sources).get(row.source, ())
    is_known = project.agency_id == row.agency_id and project.withdrawn_at is None
    if row.is_revoked or row.match_state != MatchState.MATCHED or not is_known:
        return 0
    count = 0
    for fact in sorted({*trusted} & {*row.facts} - {*confirmed_facts(project.confirmed_facts)}):
        # Half of what is confirmed is what the fact is given with: the day of a conclusion, the contract of a consent.
        with_it = GIVEN_WITH.get(fact, fact)
        if all(row.facts.get(name) == recorded(project, name) for name in (fact, with_it)):
            confirm_fact_by_source(actor, project, fact, row.facts[fact], evidence_of(row), _source(row))
            count += 1
    return count


def _source(row: ExternalConfirmation) -> Source:
    return Source(row.source, row.reference)


def _is_visible(actor: Actor, project: Project) -> bool:
    return actor.may(Permission.RESTRICTED_READ) or not project.is_restricted


def _locked(ids: Collection[int]) -> dict[int, Project]:
    statement = select(Project).join(Project.agency).options(contains_eager(Project.agency)).order_by(Project.id)
    locked = statement.where(is_among(PROJECT.id, sorted(ids))).with_for_update(of=Project)
    rows = require_transaction().scalars(locked.execution_options(populate_existing=True))
    return {each.id: each for each in rows}


def _newest(file: SignedFile, ids: Collection[int]) -> dict[int, int]:
    """Return of each project the sequence of the newest file in which the source names it."""
    newest = select(EXTERNAL.c.project_id, func.max(EXTERNAL.c.sequence)).where(
        EXTERNAL.c.source == file.source.code, is_among(EXTERNAL.c.project_id, sorted(ids))
    )
    return {row[0]: row[1] for row in require_transaction().execute(newest.group_by(EXTERNAL.c.project_id))}


def _stored(file: SignedFile) -> dict[str, ExternalConfirmation]:
    references = is_among(table_of(ExternalConfirmation).c.reference, [stated["reference"] for stated in file.rows])
    statement = select(ExternalConfirmation).where(ExternalConfirmation.source == file.source.code, references)
    rows = require_transaction().scalars(statement.execution_options(populate_existing=True))
    return {each.reference: each for each in rows}
