"""Work: what waits for the user, as one list of the sources declared here; and the page of the settings."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from flask import redirect, render_template, url_for

from registry.accounts.absences import substitutions
from registry.accounts.account_changes import pending_tokens
from registry.accounts.models import Account
from registry.accounts.queries import active_and_invited_people, all_tokens
from registry.accounts.roles import AGENCY_ROLES, Actor, Permission, Role
from registry.accounts.same_person import ownerless_accounts
from registry.accounts.service import local_changes_since, previous_sign_in
from registry.accounts.views.people import list_pending
from registry.agencies.pages import agency_names
from registry.approvals.pages import names_of_subjects
from registry.approvals.queries import count_waiting_for, waiting_for
from registry.audits.pages import rule_titles
from registry.audits.queries import AUDIT_LIST
from registry.cases.list_pages import own_assignees
from registry.cases.lists import APPEAL_LIST, count_cases, list_cases
from registry.core.clock import local_date, national_calendar, today
from registry.core.lists import Listing, Page
from registry.core.translations import lazy_text
from registry.freeze.vocabulary import Severity
from registry.government_reports.models import GovernmentReportStatus
from registry.government_reports.queries import GOVERNMENT_REPORT_LIST
from registry.help.setup import setup_to_show
from registry.inbox.queries import INBOX, count_unread
from registry.journal.pages import action_label, principal_label
from registry.policies.queries import list_policies
from registry.procurement.models import ContractMatch
from registry.procurement.pages import contract_title
from registry.procurement.queries import CONTRACT_LIST
from registry.projects.attestations import count_attestations
from registry.projects.drafts import drafts_of
from registry.projects.queries import PROJECT_LIST, list_projects, projects_numbered
from registry.reports.overview import DAYS, coming_rules
from registry.requests.models import RequestState
from registry.requests.queries import REQUEST_LIST, kinds_to_decide, of_kinds
from registry.state_systems.models import ExternalState
from registry.state_systems.pages import object_name, source_name
from registry.state_systems.queries import EXTERNAL_LIST
from registry.web.blueprint import ANY_SIGNED_IN, Answer, pages
from registry.web.current_user import page_locale
from registry.web.formats import day, gettext as _
from registry.web.labels import choice_label, name_in_page_language, role_name
from registry.web.layout import settings_groups

# As many lines of each source; its heading has the number of all, and leads to the others.
AT_MOST: Final = 10
WHOLE: Final = Page(AT_MOST, count="exact")
SOON: Final = timedelta(days=60)
# More projects than a register has.
MOST: Final = 10**6
# Those who keep the calendar file.
CALENDAR_ROLES: Final = (Role.OPERATOR, Role.ADMINISTRATOR)
P: Final = Permission


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A line: what to do, the record by its project or its name, who asks, due until, and since when it waits."""

    what: str
    address: str
    project: str | None = None
    record: str = ""
    by: str | None = None
    due: date | None = None
    since: datetime | None = None
    case: int | None = None

    @property
    def is_overdue(self) -> bool:
        """True from the day after the due date."""
        return self.due is not None and self.due < today()

    @property
    def since_on(self) -> date | None:
        """The local date since which it waits."""
        return None if self.since is None else local_date(self.since)

    @property
    def urgency(self) -> tuple[date, datetime]:
        """Sort by the due date, then by what waits longest."""
        return self.due or date.max, self.since or datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Group:
    """The tasks of a source: the first lines, the number of all, and the address of the list of them."""

    tasks: Sequence[Task]
    count: int
    address: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """Where tasks come from. ``of_agencies``: for agencies alone, or for oversight alone."""

    text: str
    needs: Permission
    read: Callable[[Actor], Group]
    of_agencies: bool | None = None


def _group(tasks: Iterable[Task], endpoint: str, count: int | None = None, **filters: Any) -> Group:
    lines = list(tasks)
    return Group(lines[:AT_MOST], len(lines) if count is None else count, url_for(f"web.{endpoint}", **filters))


def _of_case(what: str, case: int, project: str, place: Mapping[str, Any] | None = None, **more: Any) -> Task:
    address = url_for("web.case", case_id=case, **(place or {}))
    return Task(what=what, address=address, project=project, record=_("Case %(id)s") % {"id": case}, case=case, **more)


def _of_project(what: str, number: str, **more: Any) -> Task:
    return Task(what=what, address=url_for("web.project", number=number), project=number, **more)


def _counted(lines: Iterable[tuple[str, int, str]]) -> list[Task]:
    return [Task(what=": ".join((_(text), str(count))), address=address) for text, count, address in lines if count]


# Cases, appeals, and what the inbox has of them.


def _cases(actor: Actor, filters: Mapping[str, str], what: Callable[[Any], str], asks: bool = False) -> Group:
    listing = list_cases(actor, filters, WHOLE, page_locale())
    tasks = []
    for case in listing.items:
        proposal = case["proposal"] if asks else None
        since = proposal and datetime.fromisoformat(proposal["proposed_at"])
        more = {"by": proposal and proposal["proposed_by"], "due": case["due_on"], "since": since}
        tasks.append(_of_case(what(case), case["id"], case["project"], filters, **more))
    return _group(tasks, "cases", listing.count, **filters)


def _order(case: Mapping[str, Any]) -> str:
    """Return the order that the case waits for, the newest that has not ended, and until when it may be appealed."""
    order = next((each for each in reversed(case["decisions"]) if each["ended_because"] is None), None)
    if order is None:
        return choice_label("case_status", case["status"])
    what = choice_label("decision", order["decision"])
    if order["appeal_until"] is None:
        return what
    return _("%(order)s (appeal until %(day)s)") % {"order": what, "day": day(order["appeal_until"])}


def _questions(actor: Actor) -> Group:
    return _cases(actor, {"status": "awaiting_agency"}, lambda _case: _("Answer the question"))


def _orders(actor: Actor) -> Group:
    return _cases(actor, {"status": "remediation"}, _order)


def _own_cases(actor: Actor) -> Group:
    filters = {"status": "under_review,awaiting_confirmation", "assignee": own_assignees(actor)}
    return _cases(actor, filters, lambda case: choice_label("case_status", case["status"]))


def _proposals(actor: Actor) -> Group:
    filters = {"to_approve": "true"}
    return _cases(actor, filters, lambda case: choice_label("decision", case["proposal"]["decision"]), asks=True)


def _team_cases(actor: Actor) -> Group:
    of_new, of_overdue = count_cases(actor, [{"status": "new"}, {"overdue": "true"}])
    lines = (
        (lazy_text("Cases not assigned yet"), of_new, url_for("web.cases", status="new")),
        (lazy_text("Overdue cases"), of_overdue, url_for("web.cases", overdue="true")),
    )
    return _group(_counted(lines), "cases", of_new + of_overdue)


def _appeals(actor: Actor) -> Group:
    listing = APPEAL_LIST.read(actor, {"state": "open"}, WHOLE)
    tasks = (
        _of_case(
            choice_label("decision", each["decision"]),
            each["case_id"],
            each["project"],
            due=each["due_on"],
            since=each["appealed_at"],
        )
        for each in listing.items
    )
    return _group(tasks, "appeals", listing.count, state="open")


def _unread(actor: Actor) -> Group:
    tasks = []
    for entry in INBOX.read(actor, {"unread": "true"}, WHOLE).items:
        audit = entry["by"].removeprefix("audit:")
        author = entry["by"] if audit == entry["by"] else _("Audit %(id)s") % {"id": audit}
        what = choice_label("inbox_kind", entry["kind"])
        more = {"by": author, "due": entry["due_on"], "since": entry["at"]}
        tasks.append(_of_case(what, entry["case"], entry["project"], **more))
    return _group(tasks, "inbox", count_unread(actor), unread="true")


# What one person proposed or asked for and another decides.


def _held_audits(actor: Actor) -> Group:
    held = AUDIT_LIST.read(actor, {"status": "held"}, WHOLE).items
    what = lazy_text("The audit of %(day)s is held")
    tasks = (
        Task(what=_(what) % {"day": day(run["on"])}, address=url_for("web.audit", audit_id=run["id"])) for run in held
    )
    return _group(tasks, "audits")


def _approvals(actor: Actor) -> Group:
    waiting = waiting_for(actor, AT_MOST)
    names = names_of_subjects(waiting)
    tasks = (
        Task(
            what=choice_label("approval_kind", each["kind"]),
            address=url_for("web.approval_page", approval_id=each["id"]),
            project=each["project"],
            record=names.get(each["subject"], each["subject"].partition(":")[2]),
            by=each["proposed_by"],
            due=local_date(each["expires_at"]),
            since=each["proposed_at"],
        )
        for each in waiting
    )
    return _group(tasks, "approvals", count_waiting_for(actor))


def _requests(actor: Actor) -> Group:
    kinds = kinds_to_decide(actor)
    filters = {"state": RequestState.WAITING.value}
    listing = REQUEST_LIST.read(actor, filters, WHOLE, only=of_kinds(kinds)) if kinds else Listing([], None, 0)
    names = agency_names(each["agency"] for each in listing.items)
    tasks = (
        Task(
            what=choice_label("request_kind", each["request_kind"]),
            address=url_for("web.request_page", request_id=each["id"]),
            project=each["project"],
            record="" if each["project"] else names[each["agency"]],
            by=each["asked_by"],
            due=each["on"],
            since=each["asked_at"],
        )
        for each in listing.items
    )
    return _group(tasks, "requests", listing.count, request_kind=",".join(kind.value for kind in kinds), **filters)


def _accounts(actor: Actor) -> Group:
    address = url_for("web.accounts_to_confirm")
    rows = [row["account"] for row in list_pending(actor) if row["can_confirm"]]
    accounts = (
        Task(
            what=_("Confirm the account"),
            address=address,
            record=f"{account.name}, {role_name(account.role)}",
            by=", ".join(account.askers),
        )
        for account in rows
    )
    tokens = (
        Task(
            what=_("Confirm the token"),
            address=address,
            record=row["name"],
            by=row["asked_by"],
            since=row["pending_since"],
        )
        for row in pending_tokens(actor)
        if row["can_confirm"]
    )
    return _group([*accounts, *tokens], "accounts_to_confirm")


def _policies(actor: Actor) -> Group:
    drafts = [each.stored for each in list_policies(actor) if each.stored is not None and each.in_force_from is None]
    tasks = (
        Task(
            what=_("Check the draft and put it in force"),
            address=url_for("web.policy", version=draft.version),
            record=draft.version,
            by=draft.drafted_by,
        )
        for draft in drafts
        if actor.who not in draft.editors
    )
    return _group(tasks, "policies")


def _reports(actor: Actor) -> Group:
    filters = {"status": ",".join(status for status in GovernmentReportStatus.codes() if status != "issued")}
    listing = GOVERNMENT_REPORT_LIST.read(actor, filters, WHOLE)
    tasks = (
        Task(
            what=choice_label("report_status", each["status"]),
            address=url_for("web.government_report", report_number=each["number"]),
            record=each["number"],
            by=each["responsible"],
            due=each["due_on"],
        )
        for each in listing.items
    )
    return _group(tasks, "government_reports", listing.count, **filters)


# Projects.


def _projects(actor: Actor, what: str, **filters: str) -> Group:
    listed = list_projects(actor, filters, Page(AT_MOST)).items
    tasks = (_of_project(what, each["number"], due=each.get("onboarding_due_on")) for each in listed)
    return _group(tasks, "projects", PROJECT_LIST.count(actor, filters, MOST), **filters)


def _plans(actor: Actor) -> Group:
    return _projects(actor, _("Confirm the migration plan"), migration_plan="planned")


def _onboarding(actor: Actor) -> Group:
    until = (today() + SOON).isoformat()
    what = _("Finish onboarding, or ask for an extension")
    return _projects(actor, what, placement="onboarding", onboarding_due_on_to=until)


def _flagged(actor: Actor) -> Group:
    filters = {"freeze_status": "flagged"}
    tasks: list[Task] = []
    for severity in Severity.worst_first():
        listed = list_projects(actor, {**filters, "severity": severity.value}, Page(AT_MOST)).items
        tasks += (_of_project(choice_label("flagged", severity.value), each["number"]) for each in listed)
    return _group(tasks, "projects", PROJECT_LIST.count(actor, filters, MOST), **filters)


def _coming(actor: Actor) -> Group:
    titles = rule_titles()
    tasks: list[Task] = []
    for rule, counts in coming_rules(actor).items():
        for days, count in zip(DAYS, counts, strict=True):
            due = today() + timedelta(days=days)
            address = url_for("web.projects", flagged_next_for=rule, flagged_until=due.isoformat())
            tasks += (replace(task, due=due) for task in _counted([(titles.get(rule, rule), count, address)]))
    # A project can stand in several lines, one of the nearer date in that of the later too.
    filters = {"flagged_until": (today() + timedelta(days=max(DAYS))).isoformat()}
    return _group(tasks, "projects", PROJECT_LIST.count(actor, filters, MOST) if tasks else 0, **filters)


def _attestations(actor: Actor) -> Group:
    counts, address = count_attestations(actor), url_for("web.attestations")
    texts = {"overdue": lazy_text("Confirmation overdue"), "due": lazy_text("Confirmation due within 30 days")}
    lines = ((texts[state], count, address) for state, count in counts.items())
    return _group(_counted(lines), "attestations", sum(counts.values()))


def _contracts(actor: Actor, what: str, match: ContractMatch) -> Group:
    filters = {"is_it": "true", "match": match.value}
    listing = CONTRACT_LIST.read(actor, filters, WHOLE)
    tasks = (
        Task(
            what=what,
            address=url_for("web.contract", contract_id=row["id"]),
            record=f"{contract_title(row)} · {name_in_page_language(row['agency'])}",
            since=row["changed_at"],
        )
        for row in listing.items
    )
    return _group(tasks, "contracts", listing.count, **filters)


def _contracts_without_project(actor: Actor) -> Group:
    return _contracts(actor, _("Register its project"), ContractMatch.UNMATCHED)


def _contracts_to_check(actor: Actor) -> Group:
    return _contracts(actor, _("Confirm or reject the match"), ContractMatch.TO_CHECK)


def _external_confirmations(actor: Actor) -> Group:
    texts = {
        ExternalState.TO_CHECK.value: _("Confirm or reject the match"),
        ExternalState.TO_CONFIRM.value: _("Propose the confirmation"),
    }
    filters = {"external_state": ",".join(texts)}
    listing = EXTERNAL_LIST.read(actor, filters, WHOLE)
    tasks = (
        Task(
            what=texts[row["external_state"]],
            address=url_for("web.external_confirmation", confirmation_id=row["id"]),
            record=f"{object_name(row)} · {source_name(row['source'])}",
            since=row["changed_at"],
        )
        for row in listing.items
    )
    return _group(tasks, "external_confirmations", listing.count, **filters)


def _drafts(actor: Actor) -> Group:
    tasks = (
        Task(
            what=_("Finish the registration"),
            address=url_for("web.register_resume", draft_id=draft.id),
            record=draft.values.get("name_ru") or draft.values.get("name_kk") or _("Without a name"),
            since=draft.updated_at,
        )
        for draft in drafts_of(actor)
    )
    return _group(tasks, "register")


# Accounts.


def _people(actor: Actor) -> Group:
    invited = active_and_invited_people(actor).invited
    ending = len(all_tokens(actor, "ending"))
    lines = (
        (lazy_text("Invited, no password chosen yet"), invited, url_for("web.people", status="invited")),
        (lazy_text("Tokens that end within 14 days"), ending, url_for("web.tokens", show="ending")),
    )
    return _group(_counted(lines), "people", invited + ending)


def _ownerless(actor: Actor) -> Group:
    def line(account: Account) -> Task:
        address = url_for("web.change_service_owner", account_id=account.id)
        return Task(what=_("Name an owner"), address=address, record=account.name)

    return _group(map(line, ownerless_accounts(actor)), "tokens")


def _commands(actor: Actor) -> Group:
    since = previous_sign_in(actor)
    tasks = (
        Task(
            what=action_label(entry.action),
            address=url_for("web.journal_entry", seq=entry.seq),
            record=entry.subject.partition(":")[2],
            by=principal_label(entry.principal),
            since=datetime.fromisoformat(entry.at),
        )
        for entry in ([] if since is None else local_changes_since(actor, since, AT_MOST))
    )
    return _group(tasks, "journal")


SOURCES: Final = (
    Source(lazy_text("Audits that wait"), P.AUDITS_RUN, _held_audits),
    Source(lazy_text("Questions to answer"), P.CASES_READ, _questions, True),
    Source(lazy_text("Orders to carry out"), P.CASES_READ, _orders, True),
    Source(lazy_text("Decisions waiting for approval"), P.CASES_APPROVE, _proposals),
    Source(lazy_text("Appeals"), P.CASES_APPROVE, _appeals),
    Source(lazy_text("Your cases"), P.CASES_REVIEW, _own_cases),
    Source(lazy_text("Approvals"), P.APPROVALS_DECIDE, _approvals),
    Source(lazy_text("Requests"), P.REQUESTS_READ, _requests),
    Source(lazy_text("Accounts to confirm"), P.ACCOUNTS_CONFIRM, _accounts),
    Source(lazy_text("Policy"), P.POLICIES_ACTIVATE, _policies),
    Source(lazy_text("Reports to the Government"), P.GOVERNMENT_REPORTS_WRITE, _reports),
    Source(lazy_text("Migration plans"), P.CASES_REVIEW, _plans),
    Source(lazy_text("Records to confirm"), P.PROJECTS_ATTEST, _attestations),
    Source(lazy_text("Onboarding that ends within 60 days, or has ended"), P.PROJECTS_READ, _onboarding, True),
    Source(lazy_text("Flagged soon if nothing changes"), P.PROJECTS_READ, _coming, True),
    Source(lazy_text("IT contracts without a project"), P.PROJECTS_WRITE, _contracts_without_project, True),
    Source(lazy_text("Contracts to check"), P.CONTRACTS_MATCH, _contracts_to_check),
    Source(lazy_text("Confirmations from other state systems"), P.PLACEMENTS_CONFIRM, _external_confirmations),
    Source(lazy_text("Unread"), P.CASES_READ, _unread),
    Source(lazy_text("Flagged projects, highest severity first"), P.PROJECTS_READ, _flagged, True),
    Source(lazy_text("Your drafts"), P.PROJECTS_WRITE, _drafts),
    Source(lazy_text("Done on the command line since you last signed in"), P.ACCOUNTS_CONFIRM, _commands),
    Source(lazy_text("Service accounts without an owner"), P.PEOPLE_MANAGE, _ownerless),
    Source(lazy_text("People"), P.PEOPLE_MANAGE, _people, True),
    Source(lazy_text("Team"), P.CASES_REVIEW, _team_cases),
)


@pages.page("/home", needs=ANY_SIGNED_IN)
def home(actor: Actor) -> Answer:
    """Display what waits for the user, the most urgent first; who has no cases begins with the figures."""
    if not actor.may(Permission.CASES_READ):
        return redirect(url_for("web.overview_page"), 303)
    groups = _groups(actor)
    is_agency = actor.role in AGENCY_ROLES
    tasks = [task for group in groups for task in group.tasks]
    return render_template(
        "worklist/tasks.html",
        actor=actor,
        groups=groups,
        count=sum(group.count for group in groups),
        overdue=sum(task.is_overdue for task in tasks),
        projects=projects_numbered(actor, {task.project for task in tasks if task.project}),
        is_new=is_agency and PROJECT_LIST.count(actor, {}, 0) == 0,
        setup=None if is_agency else setup_to_show(actor),
        substitutes=[each for each in substitutions() if each.deputy_id == actor.account_id],
        estimated=national_calendar().estimated_next_year(today()) if actor.role in CALENDAR_ROLES else [],
    )


def _groups(actor: Actor) -> list[Group]:
    """Return the sources that have tasks, the most urgent first. A case that waits is not listed as unread again."""
    is_agency = actor.role in AGENCY_ROLES
    groups: list[Group] = []
    for source in SOURCES:
        if not actor.may(source.needs) or source.of_agencies not in (None, is_agency):
            continue
        group = source.read(actor)
        if source.read is _unread:
            known = {task.case for group in groups for task in group.tasks}
            kept = [task for task in group.tasks if task.case not in known]
            group = replace(group, tasks=kept, count=group.count - len(group.tasks) + len(kept))
        if group.tasks:
            tasks = sorted(group.tasks, key=lambda task: task.urgency)
            groups.append(replace(group, text=_(source.text), tasks=tasks))
    return sorted(groups, key=lambda group: group.tasks[0].due or date.max)


@pages.page("/settings", needs=ANY_SIGNED_IN)
def settings(actor: Actor) -> Answer:
    """List the pages of the settings that the user may open."""
    return render_template("worklist/settings.html", groups=settings_groups(actor))
