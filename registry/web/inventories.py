"""QazTech's own list: sent, shown what it would do, and applied when somebody says yes."""

from __future__ import annotations

from flask import render_template, request

from registry.access.actors import Actor
from registry.access.roles import Permission
from registry.http.bodies import read_form
from registry.records.inventory import apply_inventory
from registry.records.waiting_files import keep_waiting, take_waiting
from registry.store.errors import Invalid, invalid
from registry.store.transaction import transaction
from registry.web.catalogues import gettext as _
from registry.web.forms import Form, refused_form
from registry.web.pages import Answer, pages, see
from registry.web.said import say


@pages.page("/inventory", needs=Permission.PLACEMENTS_CONFIRM, methods=("GET", "POST"), takes_file=True)
def inventory(by: Actor) -> Answer:
    """Send the list; the answer tells what it would do, and nothing is written."""
    if request.method == "GET":
        return render_template("inventory.html", form=Form(), summary=None, waiting=None)
    try:
        sent = sent_file()
        summary = apply_inventory(by, sent[0], sent[1], dry_run=True)
    except Invalid as refused:
        return render_template(
            "inventory.html", form=refused_form({}, refused, "file"), summary=None, waiting=None
        ), 422
    waiting = keep_waiting(by, *sent)
    return render_template("inventory.html", form=Form(), summary=summary, waiting=waiting)


@pages.page("/inventory/<row_id:waiting>/apply", needs=Permission.PLACEMENTS_CONFIRM, methods=("POST",))
def apply_waiting_inventory(by: Actor, waiting: int) -> Answer:
    """Write what was shown."""
    with transaction():
        name, content = take_waiting(by, waiting)
        summary = apply_inventory(by, name, content, dry_run=False)
    say(
        _("The list is applied: %(matched)s confirmed, %(lost)s lost their confirmation.")
        % {"matched": summary["matched"], "lost": summary["lost"]}
    )
    return see("inventory")


def sent_file() -> tuple[str, bytes]:
    """Name and bytes of the file that was chosen. Raises Invalid when none was."""
    chosen = request.files.get("file")
    if chosen is None or not chosen.filename:
        raise invalid("/file", "required")
    sent = read_form()[1]["file"]
    return sent.name, sent.content
