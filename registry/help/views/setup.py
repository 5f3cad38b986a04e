"""The setup checklist: its page, and the forms on it."""

from __future__ import annotations

from flask import render_template

from registry.accounts.actors import Actor
from registry.accounts.roles import Permission
from registry.help.setup import hide_setup, setup_facts
from registry.notifications.test_email import queue_test_email
from registry.web.blueprint import Answer, pages, redirect_to
from registry.web.flash import flash_message
from registry.web.translations import gettext as _


@pages.page("/setup", needs=Permission.AGENCIES_WRITE)
def setup(actor: Actor) -> Answer:
    """Display the checklist, also when it is complete or hidden."""
    return render_template("help/setup.html", setup=setup_facts(actor))


@pages.page("/setup/hidden", needs=Permission.AGENCIES_WRITE, methods=("POST",))
def setup_hidden(actor: Actor) -> Answer:
    """Take the checklist off the user's home page."""
    hide_setup(actor)
    flash_message(_("The list is no longer on Home. It stays under Help."))
    return redirect_to("home")


@pages.page("/setup/test-email", needs=Permission.AGENCIES_WRITE, methods=("POST",))
def setup_test_email(actor: Actor) -> Answer:
    """Send a test e-mail to the user."""
    address = queue_test_email(actor)
    flash_message(_("A test e-mail to %(address)s is on its way. Reload this page in a minute.") % {"address": address})
    return redirect_to("setup")
