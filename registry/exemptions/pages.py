"""Pages of exemptions that end soon, and of the documents of an exemption."""

from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from operator import attrgetter
from typing import Final

from flask import render_template, request, url_for

from registry.accounts.roles import Actor, Permission
from registry.agencies.pages import add_list_pages
from registry.cases.list_pages import tabs
from registry.core.clock import today
from registry.core.errors import Conflict, Invalid, Malformed, NotAllowed, Problem
from registry.core.lists import Listing, Page
from registry.exemptions.models import Exemption
from registry.exemptions.queries import EXEMPTION_LIST, read_exemption
from registry.exemptions.service import add_exemption_document, read_exemption_document
from registry.http.responses import document_download
from registry.projects.pages import FILE, LETTER, add_letters
from registry.web.blueprint import BOTH, Answer, pages, redirect_to
from registry.web.formats import NOTHING, gettext as _, ngettext, short_day
from registry.web.forms import Form, invalid_form, typed_values
from registry.web.labels import field_label, name_in_page_language
from registry.web.lists import ListCell, ListPage, TableColumn, filter_fields, record_cell

# Pages of exemptions that end soon; after its end the project is flagged again.

CHOICES: Final = ("sector", "region")
FILTERS: Final = (*CHOICES, "agency", "within")
DEFAULT_DAYS: Final = "60"
DAYS: Final = ("30", DEFAULT_DAYS, "90", "180", "365")
# No limit on the end date.
ANY: Final = "any"
COLUMNS: Final = ("decision_number", "decided_on", "valid_from", "valid_to", "scope", "conditions")


def _page(actor: Actor, _filters: Mapping[str, str]) -> ListPage:
    periods = [(days, ngettext("%(num)s day", "%(num)s days", int(days)) % {"num": days}) for days in DAYS]
    return ListPage(
        title=_("Exemptions ending"),
        endpoint="exemptions_ending",
        columns=[
            TableColumn(field_label("number"), attrgetter("project")),
            TableColumn(_("Project"), lambda item: name_in_page_language(item.project_record), _project_cell, "main"),
            TableColumn(field_label("bin"), attrgetter("project_record.agency.bin")),
            TableColumn(field_label("agency"), lambda item: name_in_page_language(item.project_record.agency)),
            *(TableColumn(field_label(name), attrgetter(name)) for name in COLUMNS),
            TableColumn(field_label("valid_to"), None, _end_cell, "state"),
            TableColumn(
                field_label("decision_number"),
                None,
                lambda item: ListCell(item.decision_number, short_day(item.decided_on)),
                "state",
            ),
            TableColumn(field_label("scope"), None, _scope_cell),
            TableColumn(_("Days left"), _days_left),
        ],
        empty=_("No exemption ends in this period."),
        about=_(
            "Decisions of the Commission that are in force. On the day after the exemption ends the project is flagged "
            "again, unless it is corrected or the Commission makes a new decision."
        ),
        fields=[("within", _("Ends within"), [*periods, (ANY, _("Whenever it ends"))]), *filter_fields(*CHOICES)],
        defaults={"within": DEFAULT_DAYS},
        has_preview=True,
        tabs=tabs(actor, {}),
    )


def _project_cell(item: Exemption) -> ListCell:
    project = item.project_record
    address = url_for("web.project", number=item.project)
    return record_cell(project, address, item.project, name_in_page_language(project.agency))


def _end_cell(item: Exemption) -> ListCell:
    left = _days_left(item)
    text = ngettext("%(num)s day left", "%(num)s days left", left) % {"num": left} if left else _("Last day")
    return ListCell(short_day(item.valid_to), text, is_late=not left)


def _scope_cell(item: Exemption) -> ListCell:
    conditions = f"{field_label('conditions')}: {item.conditions}" if item.conditions else ""
    return ListCell(item.scope or NOTHING, conditions)


def _ending(actor: Actor, filters: Mapping[str, str], page: Page) -> Listing:
    narrowed = {name: value for name, value in filters.items() if name != "within"}
    within = filters.get("within", DEFAULT_DAYS)
    if within not in (*DAYS, ANY):
        raise Malformed([Problem("within", "not-a-choice", {"options": ", ".join((*DAYS, ANY))})])
    if within != ANY:
        narrowed["valid_to_to"] = (today() + timedelta(days=int(within))).isoformat()
    return EXEMPTION_LIST.read(actor, {**narrowed, "in_force": "true"}, Page(page.limit, page.cursor, "valid_to"))


def _days_left(item: Exemption) -> int:
    return (item.valid_to - today()).days


add_list_pages("/cases/exemptions-ending", "exemptions_ending", Permission.EXEMPTIONS_READ, FILTERS, _ending, _page)

# Pages of the documents of an exemption: add and download.

ADD: Final = "/exemptions/<row_id:exemption_id>/documents/new"


@pages.page(ADD, needs=Permission.EXEMPTIONS_RECORD, methods=BOTH, takes_file=True)
def add_documents_to_exemption(actor: Actor, exemption_id: int) -> Answer:
    """Add one or several documents to an exemption."""
    if request.method != "POST":
        return _form(actor, exemption_id, Form())
    texts = typed_values(LETTER.fields)
    try:
        add_letters(texts, partial(add_exemption_document, actor, exemption_id))
    except (Invalid, Conflict, NotAllowed) as error:
        return _form(actor, exemption_id, invalid_form(texts, error, FILE)), error.status
    return redirect_to("project", number=read_exemption(actor, exemption_id).project, _anchor="confirmed")


@pages.page("/exemptions/<row_id:exemption_id>/documents/<row_id:document_id>", needs=Permission.EXEMPTIONS_READ)
def exemption_document(actor: Actor, exemption_id: int, document_id: int) -> Answer:
    """Download a document; uploaded content is never rendered in the service's origin."""
    document, content = read_exemption_document(read_exemption(actor, exemption_id), document_id)
    return document_download(document.name, content)


def _form(actor: Actor, exemption_id: int, form: Form) -> str:
    return render_template("exemptions/documents.html", exemption=read_exemption(actor, exemption_id), form=form)
