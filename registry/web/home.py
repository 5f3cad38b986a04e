"""The first page of somebody signed in: what needs you."""

from __future__ import annotations

from flask import render_template

from registry.access.actors import Actor
from registry.web.pages import ANYBODY_SIGNED_IN, Answer, pages


@pages.page("/home", needs=ANYBODY_SIGNED_IN)
def home(by: Actor) -> Answer:
    """What needs the person."""
    return render_template("home.html", by=by)
