"""Inventory pages: upload, preview, apply."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from flask import render_template, request

from registry.accounts.actors import Actor
from registry.accounts.roles import Permission
from registry.agencies.views.choices import agency_names
from registry.core.errors import Invalid, Problem, invalid
from registry.core.transactions import transaction
from registry.http.request_bodies import read_form
from registry.platform.inventory import apply_inventory, count_confirmed_projects
from registry.platform.pending_uploads import store_upload, take_upload
from registry.projects.views.links import projects_numbered
from registry.web.blueprint import Answer, pages, redirect_to
from registry.web.flash import flash_message
from registry.web.forms import Form, invalid_form
from registry.web.translations import gettext as _

# The threshold above which losses need a confirmation: many losses at once suggest a truncated file.
MIN_LOST: Final = 5
LOST_FRACTION: Final = 10
CONFIRMATION_FIELD: Final = "many_lost"


class LossNotConfirmed(Exception):
    """The inventory would withdraw more verifications than the threshold; ``summary`` is its effect."""

    def __init__(self, summary: Mapping[str, Any]) -> None:
        super().__init__(summary["lost"])
        self.summary = summary


@pages.page("/inventory", needs=Permission.PLACEMENTS_CONFIRM, methods=("GET", "POST"), takes_file=True)
def inventory(actor: Actor) -> Answer:
    """Upload an inventory and preview its effect; nothing is written."""
    if request.method != "POST":
        return render_template("platform/inventory.html", form=Form(), summary=None)
    try:
        name, content = uploaded_file()
        summary = apply_inventory(actor, name, content, dry_run=True)
    except Invalid as error:
        return render_template("platform/inventory.html", form=invalid_form({}, error, "file"), summary=None), 422
    waiting = store_upload(actor, name, content)
    return _preview(actor, Form(), summary, waiting, count_confirmed_projects(actor))


@pages.page("/inventory/<row_id:waiting>/apply", needs=Permission.PLACEMENTS_CONFIRM, methods=("POST",))
def apply_waiting_inventory(actor: Actor, waiting: int) -> Answer:
    """Apply the previewed inventory; above the threshold only with the confirmation box ticked."""
    before = count_confirmed_projects(actor)
    try:
        with transaction():
            name, content = take_upload(actor, waiting)
            summary = apply_inventory(actor, name, content, dry_run=False)
            require_loss_confirmation(summary, before)
    except LossNotConfirmed as error:
        form = Form({}, [Problem(f"/{CONFIRMATION_FIELD}", "required")])
        return _preview(actor, form, error.summary, waiting, before), 422
    flash_message(
        _("The inventory is applied: %(matched)s confirmed, %(lost)s lost their confirmation.")
        % {"matched": summary["matched"], "lost": summary["lost"]}
    )
    return redirect_to("inventory")


def exceeds_loss_limit(summary: Mapping[str, Any], confirmed: int) -> bool:
    """True when at least ``MIN_LOST`` and more than a tenth of the confirmed projects would lose their confirmation."""
    return bool(summary["lost"] >= MIN_LOST and summary["lost"] * LOST_FRACTION > confirmed)


def require_loss_confirmation(summary: Mapping[str, Any], confirmed: int) -> None:
    """Raise LossNotConfirmed when the losses exceed the threshold and were not confirmed in the form."""
    if exceeds_loss_limit(summary, confirmed) and request.form.get(CONFIRMATION_FIELD) != "yes":
        raise LossNotConfirmed(summary)


def _preview(actor: Actor, form: Form, summary: Mapping[str, Any], waiting: int, confirmed: int) -> str:
    numbers = [*summary["rows"]["lost"], *(row["number"] for row in summary["rows"]["mismatched"])]
    return render_template(
        "platform/inventory.html",
        form=form,
        summary=summary,
        waiting=waiting,
        confirmed=confirmed,
        many_lost=exceeds_loss_limit(summary, confirmed),
        tick=CONFIRMATION_FIELD,
        projects=projects_numbered(actor, numbers),
        agencies=agency_names(row["agency"] for row in summary["rows"]["unregistered"]),
    )


def uploaded_file() -> tuple[str, bytes]:
    """The name and content of the uploaded file. Raises Invalid when none was selected."""
    selected = request.files.get("file")
    if selected is None or not selected.filename:
        raise invalid("/file", "page-choose-file")
    upload = read_form()[1]["file"]
    return upload.name, upload.content
