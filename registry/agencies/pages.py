"""Pages of agencies: list, register, edit, one agency, and how other pages choose agencies."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from flask import redirect, render_template, request, url_for
from sqlalchemy import Select, select

from registry.accounts.roles import Actor, Permission
from registry.agencies.fields import AGENCY_BODY, AGENCY_PATCH, APPROVED_FIELDS
from registry.agencies.models import Agency
from registry.agencies.queries import AGENCY_LIST, agencies_above, ids_with_words, open_agencies_below
from registry.agencies.service import agency_by_bin, agency_to_change, change_agency, own_agencies, register_agency
from registry.approvals.queries import waiting_about
from registry.cases.lists import ANY_OPEN
from registry.core.database import db, kazakh_key, transaction
from registry.core.errors import NotFound, Problem
from registry.core.fields import is_bin
from registry.core.lists import Listing, Page
from registry.core.search import words_of
from registry.projects.filters import AGENCY, BELOW, YES
from registry.reports.compliance import UNFLAGGED, agency_overview
from registry.requests.queries import REQUEST_LIST
from registry.web import labels, lists
from registry.web.blueprint import BOTH, Answer, flash_changes, flash_message, pages, redirect_to
from registry.web.formats import gettext as _
from registry.web.forms import FormPage, answer_form, present_text, schema_field

# Agencies in forms and lists: choices, and names by BIN.

MAX_CHOICES: Final = 200


def agency_choices(actor: Actor) -> list[tuple[str, str]]:
    """``(BIN, name)`` of the actor's open agencies by name; empty when there are too many to choose from."""
    rows = db.session.execute(_own(actor).limit(MAX_CHOICES + 1)).all()
    if len(rows) > MAX_CHOICES:
        return []
    choices = [(agency.bin, f"{labels.name_in_page_language(agency)} ({agency.bin})") for agency in rows]
    return sorted(choices, key=lambda choice: kazakh_key(choice[1]))


def agency_defaults(actor: Actor) -> dict[str, str]:
    """Return the initial values of a draft: the actor's agency and its region."""
    agency = None if actor.agency_id is None else db.session.get(Agency, actor.agency_id)
    return {} if agency is None else {"agency": agency.bin, "region": agency.region or ""}


def agency_names(bins: Iterable[str]) -> dict[str, str]:
    """Return the names of agencies by BIN, in the page's language."""
    names = (Agency.bin, Agency.name_kk, Agency.name_ru, Agency.name_en)
    rows = db.session.execute(select(*names).where(Agency.bin.in_(set(bins))))
    return {agency.bin: labels.name_in_page_language(agency) for agency in rows}


def agency_name(number: str | None) -> str:
    """Return the name of the agency with that BIN; the BIN itself when there is none."""
    if number is None:
        return ""
    try:
        return labels.name_in_page_language(agency_by_bin(number))
    except NotFound:
        return number


# Agency filter of lists: a text field that takes a BIN or a name, with suggestions from the server.

# More suggestions than a person reads.
MAX_SUGGESTIONS: Final = 10
MAX_LENGTH: Final = 500


@dataclass(frozen=True, slots=True)
class AgencyFilter:
    """The filter field: the BIN or the text entered, the agency's name, and agencies with the words of that text.

    ``below`` is None in a list that cannot include subordinate agencies. ``is_known`` is False for a text that is
    neither the BIN of an agency nor its name.
    """

    given: str
    name: str
    below: bool | None
    is_known: bool = True
    suggestions: Sequence[tuple[str, str]] = ()


def agency_filter(actor: Actor, filters: Mapping[str, str], *, with_below: bool = False) -> AgencyFilter | None:
    """Return the agency filter of a list; None for actors with a single agency."""
    given = filters.get(AGENCY, "")
    if not given and actor.agency_id is not None and len(db.session.execute(_own(actor).limit(2)).all()) == 1:
        return None
    below = filters.get(BELOW) == YES if with_below else None
    if given and not _is_number(given):
        suggestions = suggested_agencies(actor, given)
        return AgencyFilter(given, given, below, bool(suggestions), suggestions)
    numbers = [number.strip() for number in given.split(",")] if given else []
    names = list(map(agency_name, numbers))
    return AgencyFilter(given, ", ".join(names), below, not set(names).intersection(numbers))


def names_no_agency(filters: Mapping[str, str]) -> bool:
    """True for an agency filter that the list would refuse: a text that is no BIN. Its page lists nothing, and asks."""
    return AGENCY in filters and not all(is_bin(part.strip()) for part in filters[AGENCY].split(","))


Read = Callable[[Actor, Mapping[str, str], Page], Listing]


def add_list_pages(
    path: str,
    name: str,
    needs: Permission,
    names: Collection[str],
    read: Read,
    page_of: Callable[[Actor, Mapping[str, str]], lists.ListPage],
    usual: Callable[[Actor], dict[str, str]] = lambda _actor: {},
    *,
    has_tables: bool = True,
) -> None:
    """Register the page of a list with an agency filter, and its downloads: the endpoints ``name``, ``name_table``.

    ``names``: of its filters. ``read``: reads a page of it. ``usual``: the filters of an address without any.
    """

    def show(actor: Actor) -> Answer:
        if not request.args and (filters := usual(actor)):
            return redirect_to(name, **filters)
        address = address_with_agency(actor)
        if address is not None:
            return redirect(address)
        filters = lists.requested_filters(names)
        return list_page(actor, filters, read, page_of(actor, filters))

    def table(actor: Actor, ending: str) -> Answer:
        filters = lists.requested_filters(names)
        columns = page_of(actor, {}).columns
        return lists.download_list(ending, name.replace("_", "-"), columns, lambda page: read(actor, filters, page))

    show.__name__, table.__name__ = name, f"{name}_table"
    pages.page(path, needs=needs)(show)
    if has_tables:
        pages.page(f"{path}.<{lists.ENDINGS}:ending>", needs=needs)(table)


def list_page(actor: Actor, filters: Mapping[str, str], read: Read, page: lists.ListPage) -> str:
    """Return the page of a list with an agency filter."""
    listing = Listing([], None) if names_no_agency(filters) else read(actor, filters, lists.requested_page())
    agency = agency_filter(actor, filters, with_below=page.with_below)
    return lists.render_list_page(page, listing, filters, actor, agency)


def suggested_agencies(actor: Actor, text: str) -> list[tuple[str, str]]:
    """``(BIN, name)`` of the first open agencies, by name, that have the words of a text in their BIN or a name."""
    rows = db.session.execute(_own(actor).where(Agency.id.in_(ids_with_words(text[:MAX_LENGTH], misspelt=True)))).all()
    choices = [(agency.bin, labels.name_in_page_language(agency)) for agency in rows]
    return sorted(choices, key=lambda choice: kazakh_key(choice[1]))[:MAX_SUGGESTIONS]


def address_with_agency(actor: Actor) -> str | None:
    """Return the address of the same list for the agency whose name was entered; None without a name, or with an
    unclear one.

    A name is clear when it is the whole name of one agency in any language, or only one agency has its words.
    """
    text = request.args.get(AGENCY, "").strip()
    if not text or _is_number(text):
        return None
    numbers = _agencies_named(actor, text)
    if len(numbers) != 1:
        return None
    others = [(name, value) for name, value in request.args.items(multi=True) if name not in (AGENCY, "cursor")]
    return f"{request.path}?{urlencode([*others, (AGENCY, numbers[0])])}"


def with_bins(actor: Actor, names: Collection[str], texts: Mapping[str, str]) -> tuple[dict[str, str], list[Problem]]:
    """Return the texts of a form whose fields of these names take an agency's BIN or its name, with the BIN in place
    of the name; and a problem for each name that no agency or several have.
    """
    converted, problems = dict(texts), []
    for name in names:
        text = texts.get(name, "").strip()
        if not text or _is_number(text):
            continue
        numbers = _agencies_named(actor, text)
        if len(numbers) == 1:
            converted[name] = numbers[0]
        else:
            code = "agency-name-ambiguous" if numbers else "agency-name-unknown"
            problems.append(Problem(f"/{name}", code))
    return converted, problems


def _agencies_named(actor: Actor, text: str) -> list[str]:
    """Return the BINs of the open agencies whose whole name in any language is the text; of all with its words if none
    is.
    """
    if len(text) > MAX_LENGTH:
        # Its first words alone could be the name of an agency that is not meant.
        return []
    rows = db.session.execute(_own(actor).where(Agency.id.in_(ids_with_words(text)))).all()
    words = words_of(text)
    exact = [row for row in rows if words in [words_of(each or "") for each in (row.name_kk, row.name_ru, row.name_en)]]
    return [row.bin for row in exact or rows]


@pages.page("/agencies/suggestions", needs=Permission.AGENCIES_READ)
def agency_suggestions(actor: Actor) -> Answer:
    """The options of the agency field for the text entered so far."""
    return render_template("agencies/suggestions.html", matches=suggested_agencies(actor, request.args.get("q", "")))


def _own(actor: Actor) -> Select[str, str | None, str | None, str | None]:
    names = (Agency.bin, Agency.name_kk, Agency.name_ru, Agency.name_en)
    statement = select(*names).where(Agency.closed_on.is_(None))
    own = own_agencies(actor)
    return statement if own is None else statement.where(Agency.id.in_(own))


def _is_number(text: str) -> bool:
    return all(part.strip().isdigit() for part in text.split(","))


# The page of an agency, and the agencies as a tree, one level at a time.

MAX_REQUESTS: Final = 10
MAX_AGENCIES: Final = 500


@pages.page("/agencies/<bin>", needs=Permission.AGENCIES_READ)
def agency(actor: Actor, bin: str) -> Answer:
    """Show an agency: those around it, its projects, cases and orders, and its requests."""
    shown = agency_by_bin(bin)
    return render_template(
        "agencies/detail.html",
        actor=actor,
        agency=shown,
        overview=agency_overview(actor, shown),
        unflagged_statuses=UNFLAGGED,
        any_open=ANY_OPEN,
        share_class=labels.share_class,
        share_patterns=labels.SHARE_PATTERNS,
        requests=_requests(actor, bin),
        approvals=waiting_about(actor, subject=f"agency:{bin}"),
    )


def _requests(actor: Actor, bin_number: str) -> list[Any]:
    """Return the newest requests of the agency, for those who may read requests."""
    if not actor.may(Permission.REQUESTS_READ):
        return []
    return REQUEST_LIST.read(actor, {"agency": bin_number}, Page(MAX_REQUESTS)).items


@pages.page("/agencies/tree", needs=Permission.AGENCIES_READ)
def agency_tree(actor: Actor) -> Answer:
    """List the open agencies at the top, or directly below one, each with how many are directly below it."""
    number = request.args.get("within") or None
    top = None if number is None else agency_by_bin(number)
    rows = open_agencies_below(top, MAX_AGENCIES + 1)
    ordered = sorted(rows[:MAX_AGENCIES], key=lambda row: kazakh_key(labels.name_in_page_language(row[0])))
    return render_template(
        "agencies/tree.html",
        actor=actor,
        above=[] if top is None else [*agencies_above(top), top],
        rows=[{"agency": each, "below": below} for each, below in ordered],
        is_cut=len(rows) > MAX_AGENCIES,
    )


# Pages of agencies: list, register, edit.

FILTERS: Final = ("q", "kind", "region")


@pages.page("/agencies", needs=Permission.AGENCIES_READ)
def agencies(actor: Actor) -> Answer:
    """List all agencies."""
    filters = lists.requested_filters(FILTERS)
    may_write = actor.may(Permission.AGENCIES_WRITE)
    shown = lists.ListPage(
        title=_("Agencies"),
        endpoint="agencies",
        columns=_columns(),
        empty=_("No agency matches."),
        words=_("Words in the name, or the BIN"),
        fields=lists.filter_fields("kind", "region"),
        buttons=[(_("Register an agency"), url_for("web.new_agency"))] if may_write else [],
        links=[(_("Agencies as a tree"), url_for("web.agency_tree"))],
        help=("administrator", "register-agencies", _("How to register agencies")) if may_write else None,
        has_tables=False,
    )
    return lists.render_list_page(shown, AGENCY_LIST.read(actor, filters, lists.requested_page(50)), filters, actor)


def _columns() -> list[lists.TableColumn]:
    return [
        lists.TableColumn(
            labels.field_label("agency"),
            None,
            lambda item: lists.record_cell(
                item, url_for("web.agency", bin=item.bin), item.bin, _("Closed") if item.closed_on else ""
            ),
            "main",
        ),
        lists.plain_column(labels.field_label("kind"), lambda item: labels.choice_label("kind", item.kind)),
        lists.plain_column(
            labels.field_label("region"), lambda item: labels.display_value("region", item.region), "state"
        ),
        lists.TableColumn(_("More"), None, _projects_cell, "state"),
    ]


def _projects_cell(item: Agency) -> lists.ListCell:
    return lists.ListCell(
        _("Projects"), "", url_for("web.projects", agency=item.bin), row=labels.name_in_page_language(item)
    )


@pages.page("/agencies/new", needs=Permission.AGENCIES_WRITE, methods=BOTH)
def new_agency(actor: Actor) -> Answer:
    """Register an agency."""
    page = FormPage(
        _("Register an agency"),
        _("Register"),
        url_for("web.agencies"),
        [schema_field(field) for field in AGENCY_BODY.inputs.values()],
        AGENCY_BODY,
    )

    def act(values: Mapping[str, Any]) -> Answer:
        register_agency(actor, values)
        flash_message(_("The agency is registered."))
        return redirect_to("agencies", q=values["bin"])

    return answer_form(page, act)


@pages.page("/agencies/<bin>/edit", needs=Permission.AGENCIES_WRITE, methods=BOTH)
def edit_agency(actor: Actor, bin: str) -> Answer:
    """Change an agency."""
    agency = agency_by_bin(bin)
    page = FormPage(
        _("Change the agency"),
        _("Save changes"),
        url_for("web.agencies"),
        [schema_field(field) for field in AGENCY_PATCH.inputs.values() if field.name not in APPROVED_FIELDS],
        AGENCY_PATCH,
        _("Kind and parent of an agency change by a proposal, on the page of the agency."),
        subject=bin,
        edits=True,
    )

    def act(values: Mapping[str, Any]) -> Answer:
        with transaction():
            changes = change_agency(actor, agency_to_change(bin), values)
        flash_changes(changes)
        return redirect_to("agencies", q=bin)

    return answer_form(
        page, act, {field.name: present_text(field, getattr(agency, field.name)) for field in page.fields}
    )
