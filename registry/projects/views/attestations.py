"""Pages on which an agency confirms that its records are still true: one record, or several after looking at them."""

from __future__ import annotations

from typing import Final

from flask import render_template, request

from registry.accounts.actors import Actor
from registry.accounts.roles import Permission
from registry.core.errors import Conflict, NotFound
from registry.core.transactions import transaction
from registry.projects.attestations import attest_project, attestation_of, records_to_attest
from registry.projects.service import find_project_to_change
from registry.web.blueprint import Answer, pages, redirect_to
from registry.web.errors import error_message
from registry.web.flash import flash_message
from registry.web.formats import gettext as _
from registry.web.formats import ngettext

MAX_AT_ONCE: Final = 100
CHOSEN: Final = "record"


@pages.page("/projects/<number>/attestation", needs=Permission.PROJECTS_ATTEST, methods=("POST",))
def attest(actor: Actor, number: str) -> Answer:
    """Confirm one record, from its page."""
    try:
        _attest(actor, number, request.form.get("version", ""))
    except Conflict as error:
        flash_message(error_message(error), "error")
    else:
        flash_message(_("You confirmed that the record is true."))
    return redirect_to("project", number=number)


@pages.page("/attestations", needs=Permission.PROJECTS_ATTEST)
def attestations(actor: Actor) -> Answer:
    """List the records of the user's agencies whose confirmation is due or overdue, the earliest first."""
    records = records_to_attest(actor, MAX_AT_ONCE)
    rows = [(project, attestation_of(project)) for project in records]
    return render_template("projects/attestations.html", actor=actor, rows=rows)


@pages.page("/attestations/confirmation", needs=Permission.PROJECTS_ATTEST, methods=("POST",))
def attest_chosen(actor: Actor) -> Answer:
    """Confirm the chosen records, each in a transaction of its own: one that was changed meanwhile stops no other."""
    chosen = list(dict.fromkeys(request.form.getlist(CHOSEN)))[:MAX_AT_ONCE]
    if not chosen:
        flash_message(_("Choose at least one record."), "error")
        return redirect_to("attestations")
    confirmed = 0
    for each in chosen:
        number, _separator, version = each.partition(" ")
        try:
            _attest(actor, number, version)
        except (Conflict, NotFound) as error:
            flash_message(error_message(error), "error")
        else:
            confirmed += 1
    if confirmed:
        text = ngettext("You confirmed %(num)s record.", "You confirmed %(num)s records.", confirmed)
        flash_message(text % {"num": confirmed})
    return redirect_to("attestations")


def _attest(actor: Actor, number: str, version: str) -> None:
    # A version that is no number is none of the record's.
    seen = int(version) if version.isascii() and version.isdigit() and len(version) < 10 else 0
    with transaction():
        attest_project(actor, find_project_to_change(actor, number), seen)
