"""Pages of approvals: what waits for me, all that I may see, and one approval with its decision."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, Final

from flask import render_template, url_for
from sqlalchemy import select

from registry.accounts.models import Account
from registry.accounts.roles import Actor, Permission
from registry.accounts.same_person import is_another_person
from registry.agencies.pages import agency_names
from registry.approvals import queries, service
from registry.approvals.models import KINDS, MAX_NAMED_PROJECTS, Approval, ApprovalState
from registry.approvals.schemas import REJECTION, REMARK
from registry.core.clock import local_date
from registry.core.database import db
from registry.core.translations import lazy_text
from registry.freeze.policy import policy_in_force
from registry.http.responses import document_download
from registry.projects.documents import names_of_documents
from registry.projects.models import Project
from registry.projects.queries import projects_numbered
from registry.signatures.pages import is_to_be_signed, sent_signature, signing_page
from registry.signatures.service import ActToSign, shown_signatures, signature_settings
from registry.web.blueprint import Answer, flash_message, pages, redirect_to
from registry.web.formats import gettext as _, moment, numbered, short_day
from registry.web.forms import Form, answer_decision
from registry.web.labels import choice_label, display_value, field_label, name_in_page_language, options
from registry.web.lists import (
    ListCell,
    ListPage,
    TableColumn,
    render_list_page,
    requested_filters,
    requested_page,
    tag_of,
)

FILTERS: Final = ("kind", "state")
ACCOUNT_SUBJECT: Final = "account:"
MAX_WAITING: Final = 50
# Values of a proposal that are numbers of projects, and how many of them its page lists.
PROJECT_LISTS: Final = ("flagged", "changed_since_audit", "lost")
MAX_LISTED: Final = 20


@pages.page("/approvals", needs=Permission.APPROVALS_READ)
def approvals(actor: Actor) -> Answer:
    """List what waits for the actor's decision, and below it all approvals that the actor may see."""
    filters = requested_filters(FILTERS)
    waiting = queries.waiting_for(actor, MAX_WAITING)
    listing = queries.approvals_beside(waiting).read(actor, filters, requested_page())
    shown = [*waiting, *listing.items]
    names = _agencies(shown), names_of_subjects(shown), _projects(actor, shown)
    page = ListPage(
        title=_("Approvals"),
        endpoint="approvals",
        columns=[
            TableColumn(_("Proposal"), None, partial(_approval_cell, *names), "main"),
            TableColumn(_("State"), None, _state_cell),
            TableColumn(_("Reason"), None, lambda item: ListCell(_reason(item))),
            TableColumn(
                _("Proposed by"), None, lambda item: ListCell(item["proposed_by"], moment(item["proposed_at"]))
            ),
        ],
        empty=_("There are no approvals here."),
        about=_("What one person proposed and another person decides."),
        fields=[
            ("kind", _("Kind"), options("approval_kind")),
            ("state", _("State"), options("approval_state")),
        ],
        has_tables=False,
    )
    first = _("Waiting for you") if waiting else _("Nothing waits for your decision.")
    sections = [(first, waiting), (_("All approvals"), listing.items)]
    return render_list_page(page, replace(listing, items=shown), filters, actor, sections=sections)


def _approval_cell(
    agencies: Mapping[str, str], subjects: Mapping[str, str], projects: Mapping[str, Project], item: Mapping[str, Any]
) -> ListCell:
    project = projects.get(item["project"])
    name = "" if project is None else name_in_page_language(project)
    below = (subjects.get(item["subject"]), name, agencies.get(item["agency"]), item["project"])
    title = f"{choice_label('approval_kind', item['kind'])} {numbered(item['id'])}"
    return ListCell(title, " · ".join(filter(None, below)), url_for("web.approval_page", approval_id=item["id"]))


def _state_cell(item: Mapping[str, Any]) -> ListCell:
    until = item["expires_at"] if item["state"] == ApprovalState.WAITING else None
    below = "" if until is None else ": ".join((_("Decide by"), short_day(local_date(until))))
    return ListCell("", below, tag=tag_of("approval_state", item["state"]))


@pages.page("/approvals/<row_id:approval_id>", needs=Permission.APPROVALS_READ)
def approval_page(actor: Actor, approval_id: int) -> Answer:
    """Show an approval and, to whoever may decide it, the decision."""
    return _page(actor, queries.read_approval(actor, approval_id), Form())


@pages.page("/approvals/<row_id:approval_id>/documents/<row_id:document_id>", needs=Permission.APPROVALS_READ)
def approval_document(actor: Actor, approval_id: int, document_id: int) -> Answer:
    """Download a document; uploaded content is never rendered in the service's origin."""
    document, content = queries.read_approval_document(actor, approval_id, document_id)
    return document_download(document.name, content)


# Fields of changes whose choices have another name elsewhere: "outcome" those of a closed case.
VOCABULARIES: Final = {"outcome": "commission_outcome"}
# The service of each decision, and the message that it was made.
DECISIONS: Final[Mapping[str, tuple[Callable[..., object], str]]] = {
    "approval": (service.approve, lazy_text("Approved. It has taken effect.")),
    "rejection": (service.reject, lazy_text("Rejected. Nothing has changed.")),
    "cancellation": (service.cancel, lazy_text("The proposal is cancelled.")),
}
DECIDE: Final = f"/approvals/<row_id:approval_id>/<any({','.join(DECISIONS)}):decision>"


@pages.page(DECIDE, needs=Permission.APPROVALS_READ, methods=("POST",))
def decide_approval(actor: Actor, approval_id: int, decision: str) -> Answer:
    """Approve, reject or cancel. The permission of each is checked by its service."""

    def act(reason: str | None) -> Answer:
        decide, done = DECISIONS[decision]
        if decision == "approval":
            act_to_sign = partial(service.read_act_to_sign, actor, approval_id, reason)
            if is_to_be_signed():
                return _signing_page(actor, approval_id, act_to_sign())
            service.approve(actor, approval_id, reason, signed=sent_signature(actor, act_to_sign))
        else:
            decide(actor, approval_id, reason)
        flash_message(_(done))
        return redirect_to("approval_page", approval_id=approval_id)

    schema = REJECTION if decision == "rejection" else REMARK
    queries.find_approval(actor, approval_id)
    return answer_decision(schema, act, lambda form: _page(actor, queries.find_approval(actor, approval_id), form))


def _signing_page(actor: Actor, approval_id: int, to_sign: ActToSign) -> Answer:
    shown = queries.show_one(actor, queries.find_approval(actor, approval_id))
    rows = [
        (_("Proposal"), f"{choice_label('approval_kind', shown['kind'])} {numbered(approval_id)}"),
        (_("Project"), shown["project"]),
        (_("Agency"), _agencies([shown]).get(shown["agency"])),
        (_("Reason"), _reason(shown)),
        *(
            (
                field_label(change["name"]),
                display_value(VOCABULARIES.get(change["name"], change["name"]), change["after"]),
            )
            for change in shown["changes"]
            # What is taken away is signed too.
            if change["before"] or change["after"]
        ),
        (_("Documents"), ", ".join(name for _id, name in names_of_documents(shown["documents"]))),
        (_("Proposed by"), f"{shown['proposed_by']}, {moment(shown['proposed_at'])}"),
        (_("Remark"), to_sign.values.get("comment")),
    ]
    return signing_page(
        actor,
        to_sign,
        rows=[(label, value) for label, value in rows if value],
        back=url_for("web.approval_page", approval_id=approval_id),
    )


def _page(actor: Actor, approval: Approval, form: Form) -> str:
    shown = queries.show_one(actor, approval)
    waits = shown["state"] == ApprovalState.WAITING
    kind = KINDS[approval.kind]
    return render_template(
        "approvals/detail.html",
        actor=actor,
        approval=shown,
        reason=_reason(shown),
        agencies=_agencies([shown]),
        projects=_projects(actor, [shown, *({"project": number} for number in _named(shown))]),
        project_lists=PROJECT_LISTS,
        max_listed=MAX_LISTED,
        max_named=MAX_NAMED_PROJECTS,
        documents=names_of_documents(shown["documents"]),
        contract=approval.payload.get("contract"),
        form=form,
        here=url_for("web.approval_page", approval_id=approval.id),
        may_decide=waits and service.may_decide(actor, approval),
        is_another=is_another_person(actor, [approval.proposer], approval.proposed_at),
        is_out_of_date=waits and service.is_out_of_date(approval),
        may_cancel=waits and actor.may(kind.proposes),
        vocabularies=VOCABULARIES,
        may_sign=signature_settings() is not None,
        must_sign="approvals" in policy_in_force().signed,
        signatures=shown_signatures(f"approval:{approval.id}"),
    )


def _reason(item: Mapping[str, Any]) -> str:
    # One that the service itself gave is translated; what people wrote has no translation.
    text: str = item["reason"]
    return _(text)


def _named(item: Mapping[str, Any]) -> list[str]:
    """Return the numbers of the projects that the page of an approval lists."""
    lists = (change["after"] or [] for change in item["changes"] if change["name"] in PROJECT_LISTS)
    return [number for numbers in lists for number in numbers[:MAX_LISTED]]


def _agencies(items: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    return agency_names(item["agency"] for item in items if item["agency"])


def names_of_subjects(items: Collection[Mapping[str, Any]]) -> dict[str, str]:
    """Return the names of the accounts and of the other records that approvals are about, by subject."""
    names = _accounts(items)
    for code in {item["kind"] for item in items}:
        names |= KINDS[code].names_of({item["subject"] for item in items if item["kind"] == code})
    return names


def _accounts(items: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    subject = ACCOUNT_SUBJECT
    ids = [int(item["subject"].removeprefix(subject)) for item in items if item["subject"].startswith(subject)]
    if not ids:
        return {}
    rows = db.session.execute(select(Account.id, Account.name).where(Account.id.in_(ids)))
    return {f"{subject}{account_id}": name for account_id, name in rows}


def _projects(actor: Actor, items: Iterable[Mapping[str, Any]]) -> Mapping[str, Project]:
    return projects_numbered(actor, {item["project"] for item in items if item["project"]})
