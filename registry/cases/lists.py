"""Cases, orders and appeals as they are shown: one case, paginated lists of which work lists are filters, and the watch
list.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, Subquery, and_, case, exists, false, func, not_, or_, select
from sqlalchemy.orm import aliased, contains_eager, selectinload

from registry.accounts.models import Account
from registry.accounts.roles import AGENCY_ROLES, Actor, Permission
from registry.accounts.same_person import accounts_ever_named, acted
from registry.agencies.models import Agency
from registry.agencies.queries import BY_NAME, ids_with_each
from registry.agencies.service import own_agencies
from registry.cases import transitions
from registry.cases.decisions import TEXTS, can_be_appealed, with_both_languages
from registry.cases.models import Appeal, Case, CaseDecision, CaseFlag, Order
from registry.cases.queries import flags_of_cases, missing_for_appeal
from registry.cases.service import documents_by_event
from registry.cases.vocabulary import AppealOutcome, AppealState, DecisionEnd, DecisionKind, OrderState, Outcome, Status
from registry.cases.workflow import ACCEPTING, OPEN, ORDERING
from registry.core import lists
from registry.core.clock import local_date, rfc3339, today
from registry.core.database import db
from registry.core.search import Query, contains_words, folded_words, reference_of
from registry.core.translations import Language
from registry.core.values import InvalidValue, plain_number
from registry.flags.models import SEVERITY_RANK, Flag, rank
from registry.flags.queries import active_flags_of
from registry.freeze.policy import policy_in_force
from registry.freeze.rules import RULES
from registry.freeze.vocabulary import FINAL_STAGES, Placement, Severity
from registry.projects.filters import OF_PROJECT, has_words, split_below
from registry.projects.models import Project
from registry.projects.queries import BUDGET_ENDS, PROJECT_LIST, list_projects
from registry.projects.visibility import among_visible, journal_restricted_reads, visible_projects

# Representation of a case. Agencies see neither internal notes nor proposals that are not approved.


def show_case(actor: Actor, case: Case, language: Language) -> dict[str, Any]:
    """Return the whole case: its summary, its timeline and the actions that the actor may take now."""
    actions = transitions.possible_actions(actor, case, transitions.waiting_proposal(case))
    return show_cases(actor, [case], language)[0] | {
        "events": _events(actor, case, documents_by_event(actor, case)),
        "actions": [name for name in actions if name != "appeal" or can_be_appealed(case)],
        "appeal": _appeal(actor, case),
    }


APPEAL_SHOWN: Final = ("id", "decision_id", "appealed_at", "appealed_by", "suspends", "outcome", "decided_at")
COURT_SHOWN: Final = ("new_decision_id", "in_court_on", "settled_on", "court_outcome")


def _appeal(actor: Actor, case: Case) -> dict[str, Any] | None:
    """Return the last appeal of the case; to oversight also who is missing to decide on it, and who may not."""
    made = transitions.newest_appeal(case)
    if made is None:
        return None
    shown = {name: _plain(getattr(made, name)) for name in (*APPEAL_SHOWN, *COURT_SHOWN)}
    appealed = None if actor.role in AGENCY_ROLES else transitions.appealed_decision(case)
    return shown | {
        "missing": [] if appealed is None or made.outcome is not None else missing_for_appeal(case, appealed),
        "is_barred": appealed is not None and not transitions.took_no_part(actor, appealed),
    }


def show_cases(actor: Actor, cases: Sequence[Case], language: Language) -> list[dict[str, Any]]:
    """Return the cases as lists display them, in the same order, with two queries for all of them."""
    ids = [case.id for case in cases]
    flags = flags_of_cases(actor, ids, language)
    decisions = {case.id: _decisions(actor, case) for case in cases}
    return [
        {
            "id": case.id,
            "project": case.project_record.number,
            "agency": case.project_record.agency.bin,
            "status": case.status,
            "severity": case.severity,
            "assignee": case.assignee,
            "flags": flags[case.id],
            "proposal": next((shown for shown in decisions[case.id] if shown["outcome"] is None), None),
            "decisions": [shown for shown in decisions[case.id] if shown["outcome"] == "approved"],
            "due_on": case.due_on,
            "is_overdue": is_overdue(case),
            "opened_at": case.opened_at,
            "closed_at": case.closed_at,
            "exempt_since": case.exempt_since,
            "outcome": case.outcome,
            "changed_at": case.changed_at,
        }
        for case in cases
    ]


def is_overdue(case: Case) -> bool:
    """True from the day after the due date."""
    return case.due_on is not None and case.due_on < today()


def _decisions(actor: Actor, case: Case) -> list[dict[str, Any]]:
    for_agency = actor.role in AGENCY_ROLES
    decisions = []
    for decision in case.decisions:
        if for_agency and decision.outcome != "approved":
            continue
        shown = with_both_languages({name: _plain(getattr(decision, name)) for name in DECISION_SHOWN})
        shown["missing_texts"] = [name for name in TEXTS if shown[name] is None]
        if for_agency:
            shown["comment"] = None
        decisions.append(shown)
    return decisions


DECISION_SHOWN = (
    "id",
    "decision",
    "reason_code",
    "reason",
    "legal_basis",
    *TEXTS,
    "due_on",
    "comment",
    "proposed_by",
    "proposed_at",
    "outcome",
    "decided_by",
    "decided_at",
    "appeal_until",
    "ended_because",
)


def _events(actor: Actor, case: Case, documents: Mapping[int, Any]) -> list[dict[str, Any]]:
    for_agency = actor.role in AGENCY_ROLES
    return [
        {
            "id": event.id,
            "at": rfc3339(event.at),
            "action": event.action,
            "by": event.by,
            "from": event.from_status,
            "to": event.to_status,
            "comment": event.comment if event.comment_visible_to_agency or not for_agency else None,
            "details": event.details,
            "documents": documents.get(event.id, []),
            **({} if for_agency else {"for_agency": event.comment_visible_to_agency}),
        }
        for event in case.events
        if event.visible_to_agency or not for_agency
    ]


def _plain(value: Any) -> Any:
    if hasattr(value, "hour"):
        return rfc3339(value)
    return value.isoformat() if hasattr(value, "isoformat") else value


# Text search of cases: by the number of the case or project, words of the project, and words of its agency.

# Numbers of cases fit into 64 bits.
MAX_ID_DIGITS = 18


def case_search(text: str) -> ColumnElement[bool]:
    """Return the condition on cases joined with their projects: each word is in the project or in its agency.

    A whole number also finds the case with this number. A text without a word finds nothing.
    """
    words = _longest(folded_words(text))
    if not words:
        return false()
    agencies = ids_with_each(words)
    in_project = [word for word in words if not agencies[word]]
    reference = reference_of(text)
    # One search of projects where it is enough, so that rare words lead to few cases.
    query = Query(tuple((word,) for word in in_project), reference if in_project == words else "")
    conditions = [has_words(Case.project_id.expression, query)] if in_project else []
    for word in words:
        if agencies[word]:
            has_word = contains_words(Project.words.expression, Query(((word,),)))
            conditions.append(or_(has_word, Project.agency_id.in_(sorted(agencies[word]))))
    others = [has_words(Case.project_id.expression, Query((), reference))] if reference and not query.reference else []
    number = case_number(text)
    return or_(and_(*conditions), *others, *([] if number is None else [Case.id == number]))


def case_number(text: str) -> int | None:
    """Return the number of a case that the text is, with or without ``#`` or ``№`` before it; None for any other
    text.
    """
    return plain_number(text.strip().lstrip("#№").strip(), MAX_ID_DIGITS)


def _longest(words: list[str]) -> list[str]:
    """Return each word once, and none that is the beginning of another: what has the longer one has it too.

    The ids of agencies in the statement are then at most as many as the words of their names.
    """
    return [word for word, following in pairwise([*sorted({*words}), ""]) if not following.startswith(word)]


ASSIGNEE: Final = "assignee"
# Filters and sorts that read the project of a case, and the one that reads its agency.
OF_THE_AGENCY: Final = "agency"
OF_THE_PROJECT: Final = frozenset({"project", OF_THE_AGENCY, "region", "sector", "q", "budget_kzt"})
# The value of the filter ``status`` for every open case.
ANY_OPEN: Final = ",".join(status.value for status in OPEN)


def list_cases(
    actor: Actor,
    filters: Mapping[str, str],
    page: lists.Page,
    language: Language,
    *,
    only: Sequence[ColumnElement[bool]] = (),
) -> lists.Listing:
    """Return a page of cases, by default ordered by due date. Restricted projects on the page are journalled as read.

    ``only``: further conditions. Raises RoleNotAllowed, and Malformed for an invalid filter, sort or cursor.
    """
    actor.require(Permission.CASES_READ)
    key, descending = CASE_LIST.sort_key(page.sort)
    columns = (Case.id.expression, key.column.label("_sort"))
    page_ids = CASE_LIST.matching(actor, filters, *columns, reads=[key.name], only=only)
    if page.cursor is not None:
        page_ids = page_ids.where(lists.after(key, Case.id.expression, descending, page.cursor))
    page_ids = page_ids.order_by(*lists.order_by(key, Case.id.expression, descending)).limit(
        lists.literal_limit(page.limit + 1)
    )
    rows = [
        {"case": case, "_sort": value, "_id": case.id}
        for case, value in db.session.execute(_with_projects(page_ids.subquery("page_ids"), key, descending))
    ]
    listing = lists.build_page(rows, page, key, descending)
    cases = [row["case"] for row in listing.items]
    restricted = [case.project_record.number for case in cases if case.project_record.is_restricted]
    shown = show_cases(actor, cases, language)
    journal_restricted_reads(actor, restricted, "cases")
    return lists.with_count(
        replace(listing, items=shown), lambda: CASE_LIST.matching(actor, filters, CASE_LIST.unique), page
    )


def list_timelines(actor: Actor, filters: Mapping[str, str], page: lists.Page, language: Language) -> lists.Listing:
    """Return the entries of the timelines of a page of cases, as ``list_cases`` has it and as the actor sees them."""
    listing = list_cases(actor, filters, page, language)
    ids = [each["id"] for each in listing.items]
    statement = select(Case).where(Case.id.in_(ids)).options(selectinload(Case.events)).order_by(Case.id)
    cases = {case.id: case for case in db.session.scalars(statement)}
    documents = documents_by_event(actor, *cases.values())
    entries = [
        {"case": each["id"], "project": each["project"], "event": event}
        for each in listing.items
        for event in _events(actor, cases[each["id"]], documents)
    ]
    return lists.Listing(entries, listing.next)


def _matching(
    actor: Actor,
    filters: Mapping[str, str],
    *columns: Any,
    reads: Sequence[str] = (),
    only: Sequence[ColumnElement[bool]] = (),
) -> Select[Any]:
    """Return the query of these columns of the visible cases that match. Raises Malformed.

    ``columns`` are of Case, or of the sorts that it ``reads``. It reads projects and agencies only where a filter or
    the sort needs them: of 30,000 cases the narrow table is read and sorted in a quarter of the time.
    """
    # The search is the last condition: it costs most.
    raw = {name: filters[name] for name in sorted(filters, key=lambda name: name == lists.WORDS)}
    statement = select(*columns).select_from(Case).where(*CASE_LIST.criteria(actor, raw), *only)
    if ASSIGNEE in reads:
        statement = statement.outerjoin(Account, Account.id == Case.assignee_account_id)
    names = {*filters, *reads}
    # An agency has few projects, and their cases are page_ids from them.
    if not names & OF_THE_PROJECT and own_agencies(actor) is None:
        return statement.where(*among_visible(actor, Case.project_id.expression))
    statement = statement.join(Case.project_record).where(*visible_projects(actor))
    return statement.join(Project.agency) if OF_THE_AGENCY in names else statement


def _with_projects(page_ids: Subquery, key: lists.SortKey, descending: bool) -> Select[Any]:
    """Return the cases of one page with their projects and agencies, in the same order."""
    in_order = lists.order_by(replace(key, column=page_ids.c["_sort"]), page_ids.c.id, descending)
    return (
        select(Case, page_ids.c["_sort"])
        .join(page_ids, page_ids.c.id == Case.id)
        .join(Case.project_record)
        .join(Project.agency)
        .order_by(*in_order)
        .options(contains_eager(Case.project_record).contains_eager(Project.agency), selectinload(Case.decisions))
        .execution_options(populate_existing=True)
    )


def count_cases(actor: Actor, lists: Sequence[Mapping[str, str]]) -> list[int]:
    """Count the visible open cases of each filter set, in one query. Filters on projects are not supported.

    Raises RoleNotAllowed and Malformed.
    """
    actor.require(Permission.CASES_READ)
    if not lists:
        return []
    open_cases = (Case.status != Status.CLOSED, *among_visible(actor, Case.project_id.expression))
    # Each by its own index: one pass over all open cases takes four times as long.
    counts = [
        select(func.count()).select_from(Case).where(*open_cases, *CASE_LIST.criteria(actor, filters)).scalar_subquery()
        for filters in lists
    ]
    return [int(count) for count in db.session.execute(select(*counts)).one()]


def position_of(after_case: Case, sort: str | None) -> str:
    """Return the cursor that continues a list of this order after the case. Raises Malformed."""
    key, descending = CASE_LIST.sort_key(sort)
    statement = select(key.column).select_from(Case).join(Case.project_record).join(Project.agency)
    statement = statement.outerjoin(Account, Account.id == Case.assignee_account_id).where(Case.id == after_case.id)
    return lists.cursor_after(key, descending, db.session.scalar(statement), after_case.id)


def _to_approve(actor: Actor) -> ColumnElement[bool]:
    # Four-eyes principle: nobody approves their own proposal, whatever their role.
    if not actor.may(Permission.CASES_APPROVE):
        return false()
    proposed = select(CaseDecision.id).where(CaseDecision.case_id == Case.id, CaseDecision.outcome.is_(None))
    own = acted(actor, CaseDecision.proposed_account_id.expression, CaseDecision.proposed_by.expression)
    by_another = exists(proposed.where(not_(own)))
    appealed = select(Appeal.id).join(CaseDecision, CaseDecision.id == Appeal.decision_id)
    decided_it = or_(own, acted(actor, CaseDecision.decided_account_id.expression, CaseDecision.decided_by.expression))
    later = aliased(CaseDecision)
    # As ``order_on_appeal``: until a decision that can be appealed, or that closed the case.
    is_over = exists(
        select(later.id)
        .where(later.case_id == Case.id, later.outcome == "approved", later.id >= Appeal.new_decision_id)
        .where(or_(later.appeal_until.is_not(None), later.decision.in_(ACCEPTING)))
    )
    is_open = or_(Appeal.outcome.is_(None), and_(Appeal.new_decision_id.is_not(None), not_(is_over)))
    is_barred = exists(appealed.where(Appeal.case_id == Case.id, is_open, decided_it))
    return and_(Case.status == Status.AWAITING_APPROVAL, by_another, not_(is_barred))


@dataclass(frozen=True, slots=True)
class AccountFilter(lists.TextFilter):
    """Names of accounts, separated by commas: also former ones, which stay with their account."""

    def compared(self, column: ColumnElement[Any], value: str) -> ColumnElement[bool]:
        """Return the condition on the column itself, of ids."""
        return column.in_(accounts_ever_named(lists.split_values(value)))


def _of_rules(rules: list[str]) -> ColumnElement[bool]:
    """At least one active flag of the case is of these rules."""
    covered = select(Flag.id).join(CaseFlag, CaseFlag.flag_id == Flag.id)
    return exists(covered.where(CaseFlag.case_id == Case.id, Flag.status != "cleared", Flag.rule.in_(rules)))


def _of_ids(value: str) -> ColumnElement[bool]:
    ids = [plain_number(each, MAX_ID_DIGITS) for each in lists.split_values(value)]
    if None in ids:
        raise InvalidValue("expected-ids")
    return Case.id.in_(ids)


def _main_rule() -> ColumnElement[str]:
    """The rule of the most severe active flag of the case; NULL without one."""
    covered = select(Flag.rule).join(CaseFlag, CaseFlag.flag_id == Flag.id)
    covered = covered.where(CaseFlag.case_id == Case.id, Flag.status != "cleared")
    return covered.order_by(rank(Flag.severity.expression).desc(), Flag.id).limit(1).scalar_subquery()


CASE_LIST: Final = lists.ListDeclaration[Actor](
    name="cases",
    permission=Permission.CASES_READ,
    filters={
        "id": lists.CustomFilter(_of_ids, lists.TextFilter(Case.id.expression), "Ids of cases."),
        "status": lists.ChoiceFilter(Case.status.expression, Status.codes()),
        ASSIGNEE: AccountFilter(Case.assignee_account_id.expression),
        "is_assigned": lists.PredicateFilter(Case.assignee_account_id.is_not(None)),
        **OF_PROJECT,
        "severity": lists.ChoiceFilter(Case.severity.expression, tuple(SEVERITY_RANK)),
        # In SQL, comparing a NULL date gives NULL, and such a case is not overdue.
        "overdue": lists.PredicateFilter(lambda: and_(Case.due_on.is_not(None), Case.due_on < today())),
        "outcome": lists.ChoiceFilter(Case.outcome.expression, Outcome.codes()),
        **lists.date_filters("due_on", Case.due_on.expression),
        **lists.instant_filters("opened_at", Case.opened_at.expression),
        **lists.instant_filters("closed_at", Case.closed_at.expression),
        **lists.instant_filters("changed_at", Case.changed_at.expression),
        "is_null": lists.NullFilter(
            {
                ASSIGNEE: Case.assignee_account_id.expression,
                **{name: getattr(Case, name).expression for name in ("due_on", "closed_at", "outcome", "exempt_since")},
            }
        ),
        "rule": lists.CodesFilter(_of_rules, tuple(RULES)),
        "to_approve": lists.ReaderFilter(lambda actor: lists.PredicateFilter(lambda: _to_approve(actor))),
        "q": lists.WordsFilter(case_search),
    },
    sorts={
        **lists.sort_keys(Case.due_on.expression, Case.opened_at.expression, Case.changed_at.expression),
        "severity": lists.SortKey("severity", rank(Case.severity.expression), int),
        **lists.sort_keys(Case.id.expression),
        # As projects are sorted: PostgreSQL has indexes of both orders.
        "budget_kzt": lists.SortKey("budget_kzt", Project.budget_kzt.expression, int, nullable=True, ends=BUDGET_ENDS),
        ASSIGNEE: lists.SortKey(ASSIGNEE, Account.name.expression, str, nullable=True),
        **lists.sort_keys(Case.outcome.expression, Case.closed_at.expression),
        BY_NAME.name: BY_NAME,
        "rule": lists.SortKey("rule", _main_rule(), str, nullable=True),
    },
    default_sort="due_on",
    negatable=True,
    counted=True,
    split=split_below,
    statement=_matching,
    unique=Case.id.expression,
    amount=("budget_kzt", Case.project_id.expression),
)


# Watch list: projects whose findings are too weak to open a case.


def list_watched(actor: Actor, filters: Mapping[str, str], page: lists.Page, language: Language) -> lists.Listing:
    """Return a page of the watch list: project summaries with their ``flags``, newest first.

    Accepts the filters of projects. Raises RoleNotAllowed, and Malformed for an invalid filter, sort or cursor.
    """
    actor.require(Permission.CASES_READ)
    listing = list_projects(actor, filters, page, only=_is_watched())
    flags = active_flags_of(actor, [row["number"] for row in listing.items], language)
    return replace(listing, items=[{**row, "flags": flags[row["number"]]} for row in listing.items])


def _is_watched() -> list[ColumnElement[bool]]:
    """Conditions: an open flag that is not of the plan, no flag of the severity that opens cases, and no open case."""
    threshold = SEVERITY_RANK[policy_in_force().case_from_severity]
    weak = [name for name, rank in SEVERITY_RANK.items() if rank < threshold]
    active = select(Flag.id).where(Flag.project_id == Project.id)
    return [
        exists(active.where(Flag.status == "open", Flag.severity.in_(weak), Flag.severity != Severity.PLAN.value)),
        ~exists(active.where(Flag.status != "cleared", Flag.severity.not_in(weak))),
        ~exists(select(Case.id).where(Case.project_id == Project.id, Case.status != Status.CLOSED)),
    ]


def _matching_watched(actor: Actor, raw: Mapping[str, str], *columns: Any, only: Any, **more: Any) -> Select[Any]:
    return PROJECT_LIST.matching(actor, raw, *columns, only=[*only, *_is_watched()], **more)


WATCH_LIST: Final = replace(PROJECT_LIST, name="watch-list", statement=_matching_watched)


# The registers of orders and of appeals: what agencies have to do, by when, and what they contest.

ENDS: Final = {
    # An appeal that is decided led to another decision.
    DecisionEnd.APPEALED: OrderState.REPLACED,
    DecisionEnd.REPLACED: OrderState.REPLACED,
    DecisionEnd.WITHDRAWN: OrderState.WITHDRAWN,
}


# The appeal of the decision behind an order, and the one that this decision decided.
OF_ORDER: Final = aliased(Appeal)
DECIDED: Final = aliased(Appeal)


def _state() -> ColumnElement[str]:
    ends = case({end.value: state.value for end, state in ENDS.items()}, value=Order.ended_because)
    is_open = OF_ORDER.id.is_not(None) & OF_ORDER.outcome.is_(None)
    return case(
        (is_open & (Order.ended_because == DecisionEnd.APPEALED.value), OrderState.SUSPENDED.value),
        (OF_ORDER.outcome == AppealOutcome.REVOKED.value, OrderState.REVOKED.value),
        (Order.ended_at.is_not(None), ends),
        (Case.status == Status.AWAITING_CONFIRMATION.value, OrderState.TO_CONFIRM.value),
        (Case.status == Status.CLOSED.value, OrderState.FULFILLED.value),
        (DECIDED.in_court_on.is_not(None) & DECIDED.settled_on.is_(None), OrderState.IN_COURT.value),
        (Order.due_on < today(), OrderState.OVERDUE.value),
        else_=OrderState.IN_FORCE.value,
    )


def _is_claimed() -> ColumnElement[bool]:
    """Condition: the record says that the order is carried out, and nobody has confirmed it."""
    moved = (Project.placement == Placement.ON_PLATFORM.value) & Project.placement_verified_on.is_(None)
    ended = Project.stage.in_(FINAL_STAGES) & Project.ending_confirmed_on.is_(None)
    claims = case((Order.decision == DecisionKind.MIGRATE_BY.value, moved), else_=ended)
    return Order.ended_at.is_(None) & (Case.status != Status.CLOSED.value) & claims


def _rows(actor: Actor) -> Select[Any]:
    columns = (Order.id, Order.decision, Order.due_on, Order.approved_at, Order.ended_at, CaseDecision.case_id)
    return (
        select(*columns, Project.number.label("project"), Project.is_restricted, Agency.bin.label("agency"))
        .add_columns(_state().label("state"), _is_claimed().label("fulfilment_claimed"))
        .join(CaseDecision, CaseDecision.order_id == Order.id)
        .join(Case, Case.id == CaseDecision.case_id)
        .outerjoin(OF_ORDER, OF_ORDER.decision_id == CaseDecision.id)
        .outerjoin(DECIDED, DECIDED.new_decision_id == CaseDecision.id)
        .join(Project, Project.id == Order.project_id)
        .join(Agency, Agency.id == Project.agency_id)
        .where(*visible_projects(actor))
    )


def _shown(actor: Actor, rows: Sequence[Any]) -> list[dict[str, Any]]:
    return [{**row, "days_left": _days_left(row)} for row in _with_cases(actor, rows, "orders")]


def _with_cases(actor: Actor, rows: Sequence[Any], what: str) -> list[dict[str, Any]]:
    journal_restricted_reads(actor, [row["project"] for row in rows if row["is_restricted"]], what)
    reads_cases = actor.may(Permission.CASES_READ)
    return [{**row, "case": row["case_id"] if reads_cases else None} for row in rows]


COUNTING: Final = (OrderState.IN_FORCE, OrderState.OVERDUE, OrderState.IN_COURT)


def _days_left(row: Any) -> int | None:
    counts = row["due_on"] is not None and row["state"] in COUNTING
    return (row["due_on"] - today()).days if counts else None


ORDER_LIST: Final = lists.RecordList(
    name="orders",
    permission=Permission.ORDERS_READ,
    rows=_rows,
    unique=Order.id.expression,
    shown=_shown,
    filters={
        "state": lists.ChoiceFilter(_state, OrderState.codes()),
        "fulfilment_claimed": lists.PredicateFilter(_is_claimed),
        "decision": lists.ChoiceFilter(Order.decision.expression, tuple(DecisionKind(each).value for each in ORDERING)),
        **OF_PROJECT,
        **lists.date_filters("due_on", Order.due_on.expression),
        **lists.instant_filters("approved_at", Order.approved_at.expression),
    },
    sorts={
        **lists.sort_keys(Order.id.expression, Order.due_on.expression, Project.budget_kzt.expression),
        BY_NAME.name: BY_NAME,
    },
    negatable=True,
    amount=("budget_kzt", Order.project_id.expression),
)


# What still binds the agency, or would without its appeal.
OPEN_STATES: Final = (*COUNTING, OrderState.TO_CONFIRM, OrderState.SUSPENDED)


def order_of_project(actor: Actor, project_id: int) -> dict[str, Any] | None:
    """Return a project's newest order as the list has it, and the day of its approval as ``ordered_on``; None where it
    has ended.
    """
    newest = _rows(actor).where(Order.project_id == project_id).order_by(Order.id.desc()).limit(1)
    row = db.session.execute(newest).mappings().first()
    if row is None or row["state"] not in OPEN_STATES:
        return None
    binds = row["state"] in COUNTING
    return {**row, "days_left": _days_left(row), "binds": binds, "ordered_on": local_date(row["approved_at"])}


# Appeals, each of one decision.


def _appeal_state() -> ColumnElement[str]:
    return case(
        (Appeal.outcome.is_(None), AppealState.OPEN.value),
        (Appeal.settled_on.is_not(None), AppealState.SETTLED.value),
        (Appeal.in_court_on.is_not(None), AppealState.IN_COURT.value),
        else_=AppealState.DECIDED.value,
    )


def _appeals(actor: Actor) -> Select[Any]:
    of_appeal = ("id", "case_id", "appealed_at", "suspends", "outcome", "decided_at", "in_court_on", "settled_on")
    columns = [getattr(Appeal, name) for name in (*of_appeal, "court_outcome")]
    due_on = case((Appeal.outcome.is_(None), Case.due_on)).label("due_on")
    return (
        select(*columns, Project.number.label("project"), Project.is_restricted, Agency.bin.label("agency"))
        .add_columns(CaseDecision.decision, due_on, _appeal_state().label("state"))
        .join(CaseDecision, CaseDecision.id == Appeal.decision_id)
        .join(Case, Case.id == Appeal.case_id)
        .join(Project, Project.id == Case.project_id)
        .join(Agency, Agency.id == Project.agency_id)
        .where(*visible_projects(actor))
    )


APPEAL_LIST: Final = lists.RecordList(
    name="appeals",
    permission=Permission.ORDERS_READ,
    rows=_appeals,
    unique=Appeal.id.expression,
    shown=lambda actor, rows: _with_cases(actor, rows, "appeals"),
    filters={
        "state": lists.ChoiceFilter(_appeal_state, AppealState.codes()),
        "outcome": lists.ChoiceFilter(Appeal.outcome.expression, AppealOutcome.codes()),
        **OF_PROJECT,
        **lists.instant_filters("appealed_at", Appeal.appealed_at.expression),
    },
    sorts=lists.sort_keys(Appeal.id.expression),
    negatable=True,
)
