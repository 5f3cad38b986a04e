"""Filters of project lists: named as the fields, comma-separated values, ranges for dates and amounts, and words."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Select, and_, false, null, or_, select
from sqlalchemy.orm import Session

from registry.accounts.agency_tree import subtree
from registry.accounts.roles import Actor, Permission
from registry.agencies.models import Agency, Region
from registry.core import lists
from registry.core.database import TRANSACTION_OPEN, db, table_of
from registry.core.dialects import estimated_rows, has_word_index, least
from registry.core.errors import Malformed, Problem
from registry.core.fields import Bin, Boolean, Choice, Day, InputField, WholeNumber
from registry.core.lists import bin_numbers, conditions, literal_limit
from registry.core.search import (
    REFERENCE,
    Query,
    contains_text,
    contains_words,
    folded_words,
    matches_words,
    may_have_error,
    reference_of,
    similar_beginnings,
)
from registry.core.values import InvalidValue
from registry.freeze.policy import Policy, policy_in_force
from registry.freeze.rules import REQUIRED_OF_AI, RULES
from registry.freeze.vocabulary import AgencyKind, Severity
from registry.projects import vocabulary
from registry.projects.attestations import attestation_condition
from registry.projects.fields import FIELDS, FILTERED_TEXTS, READ_ONLY, REQUIRED
from registry.projects.migration_plans import plan_condition
from registry.projects.models import HAS_RARE_STATUS, RARE_STATUSES, STATUS, STATUS_COLUMNS, Project
from registry.projects.visibility import IS_RESTRICTED, NOT_WITHDRAWN, visible_projects, withdrawn_condition

# Search of projects by words, planned by how common the words are: both databases would read too much otherwise.
#
# Common words fill a page from the first rows of a list. Rare words are looked up first: in an index of all words on
# PostgreSQL, by one pass over an index of the search texts on SQLite, which is a sixth of the table. Words that nobody
# has are taken for typing errors. What only restricted projects have counts as missing, so that nobody learns of it.

PROJECT: Final = table_of(Project).c
# PostgreSQL: reading and sorting this many rows from the index takes a hundredth of a second.
INDEX_SCAN_LIMIT: Final = 10_000
# SQLite: more are common, and the pass ends with the first ones.
MAX_IDS: Final = 1_000
# Search texts that are read for words similar to a misspelt one.
MAX_TEXTS: Final = 2_000
NOT_RESTRICTED: Final = PROJECT.id.not_in(select(PROJECT.id).where(IS_RESTRICTED))
_KNOWN: Final = "registry.word_search"
Rare = Select[tuple[int]] | tuple[int, ...]


class _Plan(NamedTuple):
    """The query with what misspelt words may mean, and the projects that match it; None for common words."""

    query: Query
    rare: Rare | None


def search_query(text: str, *, references: bool) -> Query | None:
    """Return what a text asks; None without a word. ``references``: it may be an external id or a contract number."""
    words = folded_words(text)
    return Query(tuple((word,) for word in words), reference_of(text) if references else "") if words else None


def has_words(project_id: ColumnElement[int], query: Query) -> ColumnElement[bool]:
    """Return the condition that a project matches, for a statement with a column of project ids.

    The statement must also have ``projects``, which is read for common words only.
    """
    session = db.session()
    known: tuple[object, dict[Query, _Plan]] = session.info.get(_KNOWN, (None, {}))
    # A page asks several times: for the rows, the totals and other lists. A transaction that writes asks each time.
    if session.info.get(TRANSACTION_OPEN) or known[0] is not session.get_transaction():
        known = (None, {})
    if query not in known[1]:
        known[1][query] = _plan(session, query)
        session.info[_KNOWN] = (session.get_transaction(), known[1])
    plan = known[1][query]
    return contains_words(PROJECT.words, plan.query) if plan.rare is None else project_id.in_(plan.rare)


def _plan(session: Session, query: Query) -> _Plan:
    rare = _indexed(session, query) if has_word_index() else _listed(session, query)
    if rare is None or _is_known(session, PROJECT.id.in_(rare)):
        return _Plan(query, rare)
    spellings = [
        (word, *(_similar(session, word) if may_have_error(word, query.words) else ())) for (word,) in query.words
    ]
    corrected = query._replace(words=tuple(spellings))
    if corrected == query:
        return _Plan(query, rare)
    return _Plan(corrected, _indexed(session, corrected) if has_word_index() else _listed(session, corrected))


def _indexed(session: Session, query: Query) -> Select[tuple[int]] | None:
    """Return the planner estimates correctly how common a word is, but may still scan a whole list for a rare one."""
    matches = select(PROJECT.id).where(matches_words(PROJECT.words, query))
    if estimated_rows(session, matches) > INDEX_SCAN_LIMIT:
        return None
    hits = matches.cte().prefix_with("MATERIALIZED")
    return select(hits.c.id)


def _listed(session: Session, query: Query) -> tuple[int, ...] | None:
    matches: Select[Any] = select(PROJECT.id).where(contains_words(PROJECT.words, query))
    ids = tuple(session.scalars(matches.limit(literal_limit(MAX_IDS + 1))))
    return None if len(ids) > MAX_IDS else ids


def _is_known(session: Session, condition: ColumnElement[bool]) -> bool:
    known = select(PROJECT.id).where(condition, NOT_RESTRICTED).limit(literal_limit(1))
    return session.scalar(known) is not None


def _similar(session: Session, word: str) -> list[str]:
    """Return the beginnings of words that a word with one typing error may mean; none for a word that a project has.

    One half of the word is without the error: words with the first half are in the index of PostgreSQL.
    """
    if _is_known(session, matches_words(PROJECT.words, Query(((word,),)))):
        return []
    beginning, end = word[: len(word) // 2], word[len(word) // 2 :]
    for condition in (matches_words(PROJECT.words, Query(((beginning,),))), contains_text(PROJECT.words, end)):
        texts = select(PROJECT.words).where(condition, NOT_RESTRICTED).limit(literal_limit(MAX_TEXTS))
        words = {each for text in session.scalars(texts) for each in text.split() if not each.startswith(REFERENCE)}
        similar = similar_beginnings(word, (each for each in words if each.startswith(beginning) or end in each))
        if similar:
            return similar
    return []


# The filters of lists of what belongs to projects.
OF_PROJECT: Final[Mapping[str, lists.Filter]] = {
    "project": lists.TextFilter(PROJECT.number),
    "agency": lists.BinFilter(table_of(Agency).c.bin),
    "region": lists.ChoiceFilter(PROJECT.region, Region.codes()),
    "sector": lists.ChoiceFilter(PROJECT.sector, vocabulary.Sector.codes()),
}

# When a project started, as SQL. ``freeze/rules.py`` says the same in Python.


def started_on(policy: Policy) -> ColumnElement[Any]:
    """Return the earliest date set among the policy's start clock, NULL for none."""
    columns: list[ColumnElement[Any]] = [PROJECT[name] for name in policy.start_clock]
    return columns[0] if len(columns) == 1 else least(*columns)


# Filters that only pages have: with the agencies below the chosen one, and of projects the kind of agency.

AGENCY: Final = "agency"
BELOW: Final = "below"
KIND: Final = "kind"
YES: Final = "true"


def split_agency_filters(filters: Mapping[str, str]) -> tuple[dict[str, str], list[ColumnElement[bool]]]:
    """Split off the page-only filters: returns the other filters, and the conditions of the page-only ones.

    Raises Malformed.
    """
    shared, clauses = split_below({name: value for name, value in filters.items() if name != KIND})
    kinds = {name: value for name, value in filters.items() if name == KIND}
    return shared, [
        *conditions({KIND: lists.ChoiceFilter(Agency.kind.expression, AgencyKind.codes())}, kinds),
        *clauses,
    ]


def split_below(filters: Mapping[str, str]) -> tuple[dict[str, str], list[ColumnElement[bool]]]:
    """Split off ``below`` with its agency: returns the other filters, and the condition on Project.

    Raises Malformed.
    """
    shared = {name: value for name, value in filters.items() if name != BELOW}
    if filters.get(BELOW) != YES or AGENCY not in shared:
        return shared, []
    try:
        numbers = bin_numbers(shared.pop(AGENCY))
    except InvalidValue as error:
        raise Malformed([Problem(AGENCY, error.code, error.params)]) from error
    roots = db.session.scalars(select(Agency.id).where(Agency.bin.in_(numbers)))
    return shared, [or_(false(), *(Project.agency_id.in_(select(subtree(root).c.id)) for root in roots))]


# Filters of projects by what slices above know of them, such as their flags. ``registry/hooks.py`` attaches them.

Condition = Callable[[str], ColumnElement[bool]]
_conditions: Final[dict[str, Condition]] = {}


def link_filter(name: str, condition: Condition) -> None:
    """Let the filter of that name be this condition on the table of projects, made of the parameter's value."""
    _conditions[name] = condition


def linked_condition(name: str, value: str) -> ColumnElement[bool]:
    """Return the condition of a filter. Raises InvalidValue for a value that the filter does not take."""
    return _conditions[name](value)


# A statement with a filter of these columns reads the table of statuses too.
OF_STATUS: Final = frozenset(column.name for column in STATUS_COLUMNS)
READ_ONLY_DAYS: Final = tuple(name for name in READ_ONLY if name.endswith("_on"))


def project_conditions(actor: Actor, raw: Mapping[str, str]) -> list[ColumnElement[bool]]:
    """Return the conditions of a list of projects: visibility for the actor, and the filters.

    Withdrawn projects are left out unless the filter ``withdrawn`` or ``freeze_status`` names them. The statement must
    join Agency. Raises Malformed with a problem for each unknown filter or invalid value.
    """
    return [*visible_projects(actor), *filter_conditions(raw, references=reads_references(actor))]


def reads_references(actor: Actor) -> bool:
    """Return whether ``q`` finds external ids and contract numbers too: never for the public."""
    return actor.may(Permission.PROJECTS_READ)


def filter_conditions(raw: Mapping[str, str], *, references: bool = False) -> list[ColumnElement[bool]]:
    """Return the conditions of ``project_conditions`` without those of visibility. ``references``: as above."""
    withdrawn_too = "withdrawn" in raw or vocabulary.FreezeStatus.WITHDRAWN in raw.get("freeze_status", "").split(",")
    read = {name.removesuffix("_from").removesuffix("_to") for name in (*raw, *raw.get("is_null", "").split(","))}
    joined = () if OF_STATUS.isdisjoint(read) else (STATUS.c.project_id == PROJECT.id,)
    filters = FILTERS if references else PUBLIC_FILTERS
    return [*(() if withdrawn_too else (NOT_WITHDRAWN,)), *conditions(filters, raw), *joined]


def _has_freeze_status(codes: list[str]) -> ColumnElement[bool]:
    # SQLite reads a partial index only for a statement that repeats its condition.
    rare = (HAS_RARE_STATUS,) if set(codes) <= set(RARE_STATUSES) else ()
    return and_(STATUS.c.freeze_status.in_(codes), *rare)


def _search(text: str, *, references: bool) -> ColumnElement[bool]:
    """Full-text search with word prefixes in names, purpose and number; matches nothing without a word."""
    query = search_query(text, references=references)
    return has_words(PROJECT.id, query) if query else false()


def _started_on() -> ColumnElement[Any]:
    return started_on(policy_in_force())


def _linked(name: str, kind: lists.PlainFilter, takes: str = "") -> dict[str, lists.Filter]:
    return {name: lists.CustomFilter(partial(linked_condition, name), kind, takes)}


def _of(kind: type[InputField], further: Iterable[str] = ()) -> dict[str, lists.Column]:
    """Return the columns of the fields of a kind, and further ones, by name."""
    names = (*(name for name, field in FIELDS.items() if isinstance(field, kind) and name != "object_class"), *further)
    return {name: _started_on if name == "started_on" else PROJECT[name] for name in names}


def _ranges(kind: type[lists.RangeFilter], columns: Mapping[str, lists.Column]) -> dict[str, lists.Filter]:
    ranges = [lists.range_filters(kind, name, column) for name, column in columns.items()]
    return {name: known for each in ranges for name, known in each.items()}


# In the order of the documentation: by kinds of fields.
FILTERS: Final[Mapping[str, lists.Filter]] = {
    "q": lists.WordsFilter(
        partial(_search, references=True),
        "Words, or their beginnings, in names, purpose and number; or an external id or contract number.",
    ),
    **{
        name: lists.ChoiceFilter(PROJECT[name], field.options)
        for name, field in FIELDS.items()
        if isinstance(field, Choice)
    },
    "object_class": lists.CodesFilter(
        lambda codes: PROJECT.object_class.in_(map(int, codes)), vocabulary.ObjectClass.codes()
    ),
    "freeze_status": lists.CodesFilter(_has_freeze_status, vocabulary.FreezeStatus.codes()),
    "severity": lists.ChoiceFilter(STATUS.c.severity, Severity.codes()),
    "attestation": lists.CodesFilter(
        lambda codes: attestation_condition(*map(vocabulary.AttestationState, codes)),
        vocabulary.AttestationState.codes(),
    ),
    "withdrawn": lists.CodesFilter(withdrawn_condition, vocabulary.WithdrawnProjects.codes()),
    "migration_plan": lists.CodesFilter(plan_condition, vocabulary.PlanState.codes()),
    "number": lists.TextFilter(PROJECT.number),
    "agency": lists.BinFilter(table_of(Agency).c.bin),
    **{
        name: (lists.BinFilter if isinstance(FIELDS[name], Bin) else lists.TextFilter)(PROJECT[name])
        for name in FILTERED_TEXTS
    },
    **{name: lists.BooleanFilter(column) for name, column in _of(Boolean, ["is_restricted"]).items()},
    **_linked("flagged", lists.BooleanFilter(null())),
    "has_security_conclusion": lists.PredicateFilter(
        or_(PROJECT.security_conclusion_number.is_not(None), PROJECT.security_conclusion_on.is_not(None))
    ),
    "ai_incomplete": lists.PredicateFilter(
        and_(PROJECT.is_ai.is_(True), or_(*(PROJECT[name].is_(None) for name in REQUIRED_OF_AI))),
        takes="Projects whose entry on their AI system lacks what `ai.incomplete` asks for.",
    ),
    "is_null": lists.NullFilter(
        {
            **{name: PROJECT[name] for name in FIELDS if name not in REQUIRED},
            **{name: _started_on if name == "started_on" else PROJECT[name] for name in READ_ONLY_DAYS},
            "severity": STATUS.c.severity,
        }
    ),
    "budget_programme": lists.BeginningFilter(
        PROJECT.budget_programme, takes=f"How it begins: `047` is also `047-100`. {lists.SEVERAL}"
    ),
    **_linked("rule", lists.ChoiceFilter(null(), tuple(RULES)), f"Rules of active flags. {lists.SEVERAL}"),
    **_linked(
        "open_rule",
        lists.ChoiceFilter(null(), tuple(RULES)),
        f"Rules of open flags, neither exempt nor accepted. {lists.SEVERAL}",
    ),
    **_linked(
        "flag_age",
        lists.ChoiceFilter(null(), vocabulary.FLAG_AGES),
        f"How many days open flags are open, at least; `31-high`: of this severity only. {lists.SEVERAL}",
    ),
    **_linked(
        "flagged_until", lists.DateFilter(null()), "A date: projects that are flagged by then if nothing changes."
    ),
    **_linked(
        "flagged_next_for",
        lists.ChoiceFilter(null(), tuple(RULES)),
        f"Rules that flag projects within a year if nothing changes. {lists.SEVERAL}",
    ),
    **_ranges(lists.DateFilter, _of(Day, READ_ONLY_DAYS)),
    **_ranges(
        lists.InstantFilter,
        {column.name: column for column in (PROJECT.registered_at, PROJECT.updated_at, STATUS.c.changed_at)},
    ),
    **_ranges(lists.AmountFilter, _of(WholeNumber)),
}
# The public finds no project by an external id or a contract number.
PUBLIC_FILTERS: Final[Mapping[str, lists.Filter]] = {
    **FILTERS,
    "q": lists.WordsFilter(partial(_search, references=False)),
}
