"""One's own second factors: add an authenticator app or a passkey, remove one, create recovery codes."""

from __future__ import annotations

from typing import Final

from flask import jsonify, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from registry.accounts.attempts import TooManyAttempts
from registry.accounts.current_user import FactorSession
from registry.accounts.factors.ceremonies import CeremonyExpired, latest_ceremony
from registry.accounts.factors.management import (
    FactorNotFound,
    LastFactorRequired,
    OwnFactor,
    generate_recovery_codes,
    is_last_required,
    list_factors,
    remove_factor,
)
from registry.accounts.factors.models import MAX_FACTOR_NAME_LENGTH, CeremonyKind, FactorKind
from registry.accounts.factors.passkeys import (
    begin_passkey_registration,
    finish_passkey_registration,
    relying_party,
)
from registry.accounts.factors.totp import begin_totp_enrolment, finish_totp_enrolment
from registry.accounts.factors.verification import (
    FactorAlreadyEnrolled,
    require_enrolment_allowed,
    require_fresh_factor,
)
from registry.accounts.views.second_factor import back_address, json_answer, sent_credential
from registry.core.errors import Invalid, Problem
from registry.http.error_handlers import status_of
from registry.web.blueprint import ANY_SIGNED_IN, Actor, Answer, pages, redirect_to
from registry.web.current_user import factor_session, set_session_cookie
from registry.web.errors import error_message
from registry.web.flash import flash_message
from registry.web.formats import gettext as _
from registry.web.forms import Form, invalid_form
from registry.web.labels import choice_label

BOTH: Final = ("GET", "POST")
KINDS: Final = {kind.value: kind for kind in (FactorKind.TOTP, FactorKind.PASSKEY)}


@pages.page("/account/factors/new", needs=ANY_SIGNED_IN, before_factor=True)
def new_factor(_actor: Actor) -> Answer:
    """Choose which second factor to add."""
    session = factor_session()
    if session.awaits_factor and session.has_factor:
        return redirect_to("second_factor", back=back_address())
    require_enrolment_allowed(session)
    own = list_factors(session.actor).factors
    return render_template(
        "accounts/new_factor.html",
        back=back_address(),
        awaits_factor=session.awaits_factor,
        has_app=any(factor.kind is FactorKind.TOTP for factor in own),
        passkeys=relying_party() is not None,
    )


@pages.page("/account/factors/app/start", needs=ANY_SIGNED_IN, methods=("POST",), before_factor=True)
def start_app(_actor: Actor) -> Answer:
    """Begin to enrol an authenticator app."""
    begin_totp_enrolment(factor_session())
    return redirect_to("new_app", back=back_address())


@pages.page("/account/factors/app", needs=ANY_SIGNED_IN, methods=BOTH, before_factor=True)
def new_app(_actor: Actor) -> Answer:
    """Display the QR code of an enrolment that has begun, and finish it with a code of the app."""
    session, back = factor_session(), back_address()
    if request.method != "POST":
        if latest_ceremony(session, CeremonyKind.TOTP_ENROLMENT) is None:
            return redirect_to("new_factor", back=back)
        return _app_page(session, Form(), back)
    code = request.form.get("code", "")
    if not code.strip():
        return _app_page(session, Form({}, [Problem("/code", "enter-code")]), back), 422
    try:
        secret = finish_totp_enrolment(session, code)
    except (Invalid, TooManyAttempts) as error:
        return _app_page(session, invalid_form({}, error, "code"), back), status_of(error)
    except (CeremonyExpired, FactorAlreadyEnrolled) as error:
        flash_message(error_message(error), "error" if isinstance(error, CeremonyExpired) else "information")
        return redirect_to("new_factor" if session.awaits_factor else "my_account")
    added = factor_session(secret)
    if list_factors(added.actor).recovery_codes_left:
        flash_message(_("The authenticator app is added."))
        response: Response = redirect(back, 303)
    else:
        response = make_response(_codes_page(generate_recovery_codes(added), back))
    set_session_cookie(response, secret)
    return response


@pages.page("/account/factors/passkeys/options", needs=ANY_SIGNED_IN, methods=("POST",), before_factor=True)
def new_passkey_options(_actor: Actor) -> Answer:
    """The options for the browser to create a passkey, as JSON."""
    return json_answer(lambda: Response(begin_passkey_registration(factor_session()), mimetype="application/json"))


@pages.page("/account/factors/passkeys", needs=ANY_SIGNED_IN, methods=("POST",), before_factor=True)
def add_passkey(_actor: Actor) -> Answer:
    """Add the passkey of the browser's response."""

    def add() -> Response:
        name = request.args.get("name", "")[:MAX_FACTOR_NAME_LENGTH]
        secret = finish_passkey_registration(factor_session(), sent_credential(), name)
        if list_factors(factor_session(secret).actor).recovery_codes_left:
            flash_message(_("The passkey is added."))
            response = jsonify(location=back_address())
        else:
            # The page sends the form that creates the codes, which are in the answer to it.
            response = jsonify(form="recovery-codes")
        set_session_cookie(response, secret)
        return response

    return json_answer(add)


@pages.page("/account/factors/<any(totp,passkey):kind>/<row_id:factor_id>/removal", needs=ANY_SIGNED_IN, methods=BOTH)
def remove_own_factor(actor: Actor, kind: str, factor_id: int) -> Answer:
    """Remove one of the user's own factors, after a confirmation page."""
    session = factor_session()
    require_fresh_factor(session)
    if request.method == "GET":
        own = list_factors(actor).factors
        factor = next((each for each in own if each.kind is KINDS[kind] and each.id == factor_id), None)
        if factor is None:
            raise FactorNotFound(id=factor_id)
        if is_last_required(actor, own):
            flash_message(error_message(LastFactorRequired()), "error")
            return redirect_to("my_account")
        consequences = _("You can no longer sign in with it.")
        if len(own) == 1:
            consequences += " " + _("It is your last second factor: your recovery codes go with it.")
        return render_template(
            "question.html",
            subject=factor_name(factor),
            act=_("Remove second factor"),
            explanation=consequences,
            back=url_for("web.my_account"),
        )
    try:
        remove_factor(session, KINDS[kind], factor_id)
    except LastFactorRequired as error:
        flash_message(error_message(error), "error")
    else:
        flash_message(_("The second factor is removed."))
    return redirect_to("my_account")


@pages.page("/account/recovery-codes", needs=ANY_SIGNED_IN, methods=BOTH)
def recovery_codes(actor: Actor) -> Answer:
    """Create recovery codes in place of the present ones; they are displayed once."""
    session = factor_session()
    if not session.has_factor:
        return redirect_to("my_account")
    require_fresh_factor(session)
    if request.method == "GET":
        return render_template(
            "question.html",
            subject=actor.principal,
            act=_("Create recovery codes"),
            explanation=_("You get ten new codes, which are displayed once. Your present codes no longer work."),
            back=url_for("web.my_account"),
        )
    back = request.form.get("back") and back_address()
    return _codes_page(generate_recovery_codes(session), back or url_for("web.my_account"))


def factor_name(factor: OwnFactor) -> str:
    """A factor as its owner knows it: the name of a passkey, else its kind."""
    return factor.name or choice_label("factor_kind", factor.kind.value)


def _app_page(session: FactorSession, form: Form, back: str) -> str:
    return render_template("accounts/new_app.html", form=form, back=back, enrolment=begin_totp_enrolment(session))


def _codes_page(codes: list[str], back: str) -> str:
    return render_template("accounts/recovery_codes.html", codes=codes, back=back)
