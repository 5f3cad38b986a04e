"""Pages of procurement contracts: the list, the import, a contract, and an agency's contracts beside its projects."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from operator import itemgetter
from typing import Any, Final

from flask import render_template, request, url_for

from registry.accounts.roles import Actor, Permission
from registry.agencies.pages import add_list_pages
from registry.agencies.service import agency_by_bin
from registry.approvals.models import Approval
from registry.approvals.queries import waiting_about
from registry.core.errors import Conflict, Invalid, NotAllowed, NotFound, Problem
from registry.core.translations import lazy_text
from registry.procurement import queries
from registry.procurement.coverage import Coverage, coverage_by_agency
from registry.procurement.file_imports import import_contracts
from registry.procurement.match_decisions import decide_match, propose_no_project
from registry.procurement.matching import CERTAIN_REASON, PART_REASON
from registry.procurement.models import Contract, ContractMatch, MatchState
from registry.procurement.schemas import MATCH_DECISION, NO_PROJECT_PROPOSAL
from registry.projects.queries import list_projects, projects_numbered
from registry.web.blueprint import Answer, flash_message, pages, redirect_to
from registry.web.formats import NOTHING, gettext as _, money, money_in_short, short_day
from registry.web.forms import Form, invalid_form, typed_values, uploaded_file
from registry.web.labels import field_label, name_in_page_language
from registry.web.lists import ListCell, ListPage, Tab, TableColumn, filter_fields, render_list, requested_page, tag_of

FILTERS: Final = (
    *("q", "agency", "number_sys", "contract_number", "supplier_bin", "project", "is_it", "match"),
    *("signed_on_from", "signed_on_to"),
)
SORTS: Final = {
    "-signed_on": lazy_text("Last signed first"),
    "-current_sum_kzt": lazy_text("Largest sum first"),
    "id": lazy_text("As imported"),
}
IT_ONLY: Final = "true"
FILES: Final = (
    *("number_sys", "contract_number", "customer_bin", "signed_on", "sum_kzt", "current_sum_kzt"),
    *("description_kk", "description_ru", "supplier_bin", "supplier_name", "contract_status"),
)
# A card of a contract beside its project takes 2 KB of the page.
ON_PAGE: Final = 12
WITHOUT_CONTRACT: Final = "projects"
REASONS: Final = {
    CERTAIN_REASON: lazy_text("the portal’s number"),
    "contract_number": lazy_text("contract number"),
    "supplier_bin": lazy_text("supplier"),
    "signed_on": lazy_text("date"),
    "sum_kzt": lazy_text("sum"),
    "name": lazy_text("name"),
    PART_REASON: lazy_text("another contract of the project"),
}


def _page(actor: Actor, _filters: Mapping[str, str]) -> ListPage:
    may_import = actor.may(Permission.CONTRACTS_IMPORT)
    return ListPage(
        title=_("Procurement contracts"),
        endpoint="contracts",
        columns=[
            TableColumn(_("Contract"), None, _contract_cell, "main"),
            TableColumn(_("Project"), _projects, _match_cell),
            TableColumn(
                field_label("signed_on"), None, lambda row: ListCell(_day(row["signed_on"])), "day", "-signed_on"
            ),
            TableColumn(field_label("supplier_name"), None, lambda row: ListCell(row["supplier_name"] or NOTHING)),
            TableColumn(field_label("current_sum_kzt"), None, _sum_cell, "number", "-current_sum_kzt"),
            *(TableColumn(field_label(name), itemgetter(name)) for name in FILES),
            TableColumn(field_label("is_it"), lambda row: _("Yes") if row["is_it"] else _("No")),
            TableColumn(field_label("it_reason"), itemgetter("it_reason")),
        ],
        empty=_("No contract matches."),
        about=_(
            "Contracts of agencies as the state procurement portal has them. Which of them are about information "
            "technology is decided by a list of codes and words; each contract names the entry that decided."
        ),
        words=_("Words of the description or the supplier, or a number"),
        fields=[*filter_fields("match"), ("is_it", field_label("is_it"), [(IT_ONLY, _("Yes")), ("false", _("No"))])],
        dates=("signed_on",),
        sorts=SORTS,
        records=queries.CONTRACT_LIST,
        buttons=[(_("Import contracts"), url_for("web.contract_import"))] if may_import else [],
    )


def contract_title(row: Mapping[str, Any]) -> str:
    """Return what a contract is about, in the page's language; its number where it does not say."""
    named = {"name_kk": row["description_kk"], "name_ru": row["description_ru"], "name_en": None}
    return name_in_page_language(named) if any(named.values()) else row["number_sys"]


def _contract_cell(row: Mapping[str, Any]) -> ListCell:
    below = f"{row['number_sys']} · {name_in_page_language(row['agency'])}"
    return ListCell(contract_title(row), below, url_for("web.contract", contract_id=row["id"]))


def _match_cell(row: Mapping[str, Any]) -> ListCell:
    kept = [each for each in row["matches"] if each["match_state"] != MatchState.REJECTED]
    if not kept:
        return ListCell(NOTHING)
    first, *others = kept
    below = _("and %(count)s more") % {"count": len(others)} if others else ""
    address = url_for("web.project", number=first["project"])
    return ListCell(first["project"], below, address, tag_of("match_state", first["match_state"]))


def _projects(row: Mapping[str, Any]) -> str:
    return ", ".join(each["project"] for each in row["matches"] if each["match_state"] != MatchState.REJECTED)


def _sum_cell(row: Mapping[str, Any]) -> ListCell:
    return ListCell(money(row["current_sum_kzt"]), _("amended") if row["amendments"] else "")


def sum_of(row: Mapping[str, Any]) -> str:
    """Return the sum of a contract now, and as it was signed where an amendment changed it."""
    total, first = row["current_sum_kzt"], row["sum_kzt"]
    changed = _("signed for %(sum)s") % {"sum": money(first)} if first is not None and first != total else ""
    return f"{money(total)} ({changed})" if changed else money(total)


def _day(day: Any) -> str:
    return NOTHING if day is None else short_day(day)


def _usual(_actor: Actor) -> dict[str, str]:
    return {"is_it": IT_ONLY}


add_list_pages("/contracts", "contracts", Permission.CONTRACTS_READ, FILTERS, queries.CONTRACT_LIST.read, _page, _usual)


@pages.page("/contracts/import", needs=Permission.CONTRACTS_IMPORT, methods=("GET", "POST"), takes_file=True)
def contract_import(actor: Actor) -> Answer:
    """Check a download of the portal, or import it."""
    if request.method != "POST":
        return render_template("procurement/import.html", form=Form(), summary=None, rows=())
    try:
        name, content = uploaded_file()
        summary = import_contracts(actor, name, content, dry_run="check" in request.form)
    except Invalid as error:
        rows = [_row_error(problem) for problem in error.problems if problem.pointer.startswith("/file/")]
        problems = [Problem("/file", "contracts-invalid")] if rows else error.problems
        return render_template("procurement/import.html", form=Form({}, problems), summary=None, rows=rows), 422
    return render_template("procurement/import.html", form=Form(), summary=summary, rows=())


def _row_error(problem: Problem) -> dict[str, Any]:
    row, _separator, column = problem.pointer.removeprefix("/file/").partition("/")
    return {"row": row, "column": column, "code": problem.code, "params": problem.params}


@pages.page("/contracts/<row_id:contract_id>", needs=Permission.CONTRACTS_READ)
def contract(actor: Actor, contract_id: int) -> Answer:
    """Show a contract beside the projects that it matches or may match, and what the portal said of it before."""
    return _contract_page(actor, contract_id, Form())


@pages.page("/contracts/<row_id:contract_id>/match", needs=Permission.CONTRACTS_MATCH, methods=("POST",))
def decide_contract_match(actor: Actor, contract_id: int) -> Answer:
    """Confirm or reject that the contract is that of a project, and go on with those to check of the agency."""
    return answer_match_decision(
        partial(decide_match, actor, contract_id),
        partial(_contract_page, actor, contract_id),
        lambda: redirect_to("agency_contracts", bin=queries.find_contract(actor, contract_id).agency.bin),
    )


def answer_match_decision(
    decide: Callable[[str, MatchState, str | None], Approval | None],
    page: Callable[[Form], str],
    then: Callable[[], Answer],
) -> Answer:
    """Read the form of a decision on a match, decide, and go on; with problems show the page again."""
    texts = typed_values(("project", "match_state", "remark"))
    values, problems = MATCH_DECISION.load_texts(texts)
    missing = [Problem(f"/{name}", "required") for name in ("project", "match_state") if name not in texts]
    if problems := (*problems, *missing):
        return page(Form(texts, problems)), 422
    state = MatchState(values["match_state"])
    try:
        approval = decide(values["project"], state, values.get("remark"))
    except (Invalid, Conflict, NotAllowed, NotFound) as error:
        return page(invalid_form(texts, error, "project")), error.status
    if approval is not None:
        flash_message(_("Your proposal is sent. Nothing changes until another person approves it."))
        return redirect_to("approval_page", approval_id=approval.id)
    is_confirmed = state is MatchState.CONFIRMED
    flash_message(
        _("The match is confirmed.") if is_confirmed else _("The match is rejected: it is not proposed again.")
    )
    return then()


@pages.page("/contracts/<row_id:contract_id>/no-project", needs=Permission.PROJECTS_WRITE, methods=("POST",))
def propose_contract_no_project(actor: Actor, contract_id: int) -> Answer:
    """Say that the contract belongs to no project; oversight decides."""
    texts = typed_values(("why", "reason"))
    values, problems = NO_PROJECT_PROPOSAL.load_texts(texts)
    missing = [Problem(f"/{name}", "required") for name in ("why", "reason") if name not in texts]
    if problems := (*missing, *problems):
        return _contract_page(actor, contract_id, Form(texts, problems)), 422
    try:
        propose_no_project(actor, contract_id, values["why"], values["reason"])
    except (Conflict, NotAllowed) as error:
        return _contract_page(actor, contract_id, invalid_form(texts, error, "reason")), error.status
    flash_message(_("Your proposal is sent. Nothing changes until another person approves it."))
    return redirect_to("contract", contract_id=contract_id)


def _contract_page(actor: Actor, contract_id: int, form: Form) -> str:
    row = queries.read_contract(actor, contract_id)
    return render_template(
        "procurement/contract.html",
        actor=actor,
        row=row,
        form=form,
        approvals=waiting_about(actor, subject=queries.contract_subject(contract_id)),
        rejected=queries.rejected_no_project(contract_id),
        **_shown_with(actor, [row]),
    )


@pages.page("/agencies/<bin>/contracts", needs=Permission.CONTRACTS_READ)
def agency_contracts(actor: Actor, bin: str) -> Answer:
    """Compare the IT contracts of an agency with its projects: matched, to check, and each without the other."""
    agency = agency_by_bin(bin)
    sums = coverage_by_agency(actor, Contract.agency_id == agency.id).get(agency.id, Coverage()).every
    counts = {code: getattr(sums, code) for code in ContractMatch.codes()}
    counts[WITHOUT_CONTRACT] = queries.projects_without_contract(actor, agency)
    shown = request.args.get("show")
    if shown not in (*ContractMatch.codes(), WITHOUT_CONTRACT):
        first = (ContractMatch.TO_CHECK, ContractMatch.UNMATCHED)
        shown = next((code.value for code in first if counts[code]), ContractMatch.MATCHED.value)
    page = requested_page(ON_PAGE)
    if shown == WITHOUT_CONTRACT:
        listing = list_projects(actor, {}, page, only=queries.without_contract(agency))
    else:
        only = (Contract.agency_id == agency.id,)
        listing = queries.CONTRACT_LIST.read(actor, {"is_it": IT_ONLY, "match": shown}, page, only=only)
    contracts = [] if shown == WITHOUT_CONTRACT else listing.items
    numbers = [each["number"] for each in listing.items] if shown == WITHOUT_CONTRACT else []
    return render_list(
        "procurement/agency.html",
        listing,
        actor=actor,
        agency=agency,
        shown=shown,
        tabs=_tabs(agency.bin, counts, shown),
        sums=sums,
        **_shown_with(actor, contracts, numbers),
    )


def _tabs(bin: str, counts: Mapping[str, int], shown: str) -> list[Tab]:
    texts = {
        ContractMatch.TO_CHECK.value: _("To check"),
        ContractMatch.UNMATCHED.value: _("Contracts without a project"),
        WITHOUT_CONTRACT: _("Projects without a contract"),
        ContractMatch.NO_PROJECT.value: _("Belong to no project"),
        ContractMatch.MATCHED.value: _("Matched"),
    }
    return [
        Tab(text, url_for("web.agency_contracts", bin=bin, show=code), code == shown, counts[code], in_line=True)
        for code, text in texts.items()
    ]


def _shown_with(actor: Actor, contracts: list[Any], numbers: Sequence[str] = ()) -> dict[str, Any]:
    """Return what templates show of contracts besides their rows: projects by number, and how things are called."""
    matched = [match["project"] for row in contracts for match in row["matches"]]
    return {
        "projects": projects_numbered(actor, [*matched, *numbers]),
        "title_of": contract_title,
        "sum_of": sum_of,
        "reasons": {code: _(text) for code, text in REASONS.items()},
        "in_short": money_in_short,
    }
