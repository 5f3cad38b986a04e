"""Pages that lead to others: the settings."""

from __future__ import annotations

from flask import render_template

from registry.accounts.roles import Actor
from registry.web.blueprint import ANY_SIGNED_IN, Answer, pages
from registry.web.layout import settings_groups


@pages.page("/settings", needs=ANY_SIGNED_IN)
def settings(actor: Actor) -> Answer:
    """List the pages of the settings that the user may open."""
    return render_template("work/settings.html", groups=settings_groups(actor))
