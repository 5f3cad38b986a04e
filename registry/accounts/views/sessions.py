"""The sessions of one's own account: end one, or all others. The page of the account lists them."""

from __future__ import annotations

from flask import redirect, url_for

from registry.accounts.own_sessions import end_other_sessions, end_own_session, list_sessions
from registry.web.blueprint import ANY_SIGNED_IN, Actor, Answer, pages, redirect_to
from registry.web.current_user import clear_session_cookie
from registry.web.flash import flash_message
from registry.web.formats import gettext as _
from registry.web.formats import ngettext


@pages.page("/account/sessions/<session_id>/end", needs=ANY_SIGNED_IN, methods=("POST",))
def end_one_session(actor: Actor, session_id: str) -> Answer:
    """End one of the user's own sessions; the present one is a sign-out."""
    is_current = any(session.public_id == session_id and session.is_current for session in list_sessions(actor))
    end_own_session(actor, session_id)
    if not is_current:
        flash_message(_("The session is ended."))
        return redirect_to("my_account")
    response = redirect(url_for("web.welcome"), 303)
    clear_session_cookie(response)
    return response


@pages.page("/account/sessions/end-others", needs=ANY_SIGNED_IN, methods=("POST",))
def end_all_other_sessions(actor: Actor) -> Answer:
    """End all sessions of the account but the present one."""
    count = end_other_sessions(actor)
    if count:
        flash_message(ngettext("%(num)s session is ended.", "%(num)s sessions are ended.", count) % {"num": count})
    else:
        flash_message(_("You have no other sessions."), "information")
    return redirect_to("my_account")
