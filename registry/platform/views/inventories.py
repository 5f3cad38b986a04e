"""QazTech's own list: sent, shown what it would do, and applied when somebody says yes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from flask import render_template, request

from registry.accounts.actors import Actor
from registry.accounts.roles import Permission
from registry.agencies.views.filter_choices import agency_names
from registry.core.errors import Invalid, Problem, invalid
from registry.core.transactions import transaction
from registry.http.request_bodies import read_form
from registry.platform.inventory import apply_inventory, confirmed_records
from registry.platform.pending_uploads import store_upload, take_upload
from registry.projects.views.links import projects_numbered
from registry.web.blueprint import Answer, pages, redirect_to
from registry.web.flash import flash_message
from registry.web.forms import Form, invalid_form
from registry.web.translations import gettext as _

# As with audits: few may vanish any day, many at once are more likely a file cut short.
MANY: Final = 5
A_PART: Final = 10
TICK: Final = "many_lost"


class ManyWouldLose(Exception):
    """The list would end more confirmations than anybody said yes to; ``summary`` tells what it would have done."""

    def __init__(self, summary: Mapping[str, Any]) -> None:
        super().__init__(summary["lost"])
        self.summary = summary


@pages.page("/inventory", needs=Permission.PLACEMENTS_CONFIRM, methods=("GET", "POST"), takes_file=True)
def inventory(actor: Actor) -> Answer:
    """Send the list; the answer tells what it would do, and nothing is written."""
    if request.method != "POST":
        return render_template("platform/inventory.html", form=Form(), summary=None)
    try:
        sent = sent_file()
        summary = apply_inventory(actor, sent[0], sent[1], dry_run=True)
    except Invalid as refused:
        return render_template("platform/inventory.html", form=invalid_form({}, refused, "file"), summary=None), 422
    waiting = store_upload(actor, *sent)
    return _shown(actor, Form(), summary, waiting, confirmed_records(actor))


@pages.page("/inventory/<row_id:waiting>/apply", needs=Permission.PLACEMENTS_CONFIRM, methods=("POST",))
def apply_waiting_inventory(actor: Actor, waiting: int) -> Answer:
    """Write what was shown; where many would lose their confirmation, only when that was ticked."""
    before = confirmed_records(actor)
    try:
        with transaction():
            name, content = take_upload(actor, waiting)
            summary = apply_inventory(actor, name, content, dry_run=False)
            require_a_tick(summary, before)
    except ManyWouldLose as refused:
        return _shown(actor, Form({}, [Problem(f"/{TICK}", "required")]), refused.summary, waiting, before), 422
    flash_message(
        _("The inventory is applied: %(matched)s confirmed, %(lost)s lost their confirmation.")
        % {"matched": summary["matched"], "lost": summary["lost"]}
    )
    return redirect_to("inventory")


def many_lost(summary: Mapping[str, Any], confirmed: int) -> bool:
    """True when more than a tenth of the confirmed records, and not just some few, would lose their confirmation."""
    return bool(summary["lost"] >= MANY and summary["lost"] * A_PART > confirmed)


def require_a_tick(summary: Mapping[str, Any], confirmed: int) -> None:
    """Raise ManyWouldLose unless few would, or it was ticked that they are gone."""
    if many_lost(summary, confirmed) and request.form.get(TICK) != "yes":
        raise ManyWouldLose(summary)


def _shown(actor: Actor, form: Form, summary: Mapping[str, Any], waiting: int, confirmed: int) -> str:
    named = [*summary["rows"]["lost"], *(row["number"] for row in summary["rows"]["mismatched"])]
    return render_template(
        "platform/inventory.html",
        form=form,
        summary=summary,
        waiting=waiting,
        confirmed=confirmed,
        many_lost=many_lost(summary, confirmed),
        tick=TICK,
        projects=projects_numbered(actor, named),
        agencies=agency_names(summary["rows"]["unregistered"]),
    )


def sent_file() -> tuple[str, bytes]:
    """Name and bytes of the file that was chosen. Raises Invalid when none was."""
    chosen = request.files.get("file")
    if chosen is None or not chosen.filename:
        raise invalid("/file", "required")
    sent = read_form()[1]["file"]
    return sent.name, sent.content
