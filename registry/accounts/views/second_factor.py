"""Second factors: verifying one in a session, and adding or removing those of the own account."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from flask import jsonify, make_response, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from registry.accounts import factors
from registry.accounts.attempts import TooManyAttempts
from registry.accounts.models import MAX_FACTOR_NAME_LENGTH, CeremonyKind, FactorKind
from registry.accounts.passwords import SignInBusy
from registry.accounts.roles import STEP_UP_MAX_AGE, Actor, StepUpRequired
from registry.accounts.sessions import FactorSession
from registry.core.errors import Conflict, Invalid, Problem, RegistryError
from registry.web.blueprint import (
    ANY_SIGNED_IN,
    BOTH,
    Answer,
    flash_message,
    local_address,
    pages,
    redirect_to,
    to_second_factor,
)
from registry.web.current_user import factor_session, set_session_cookie
from registry.web.errors import error_message, flash_outcome, problem_message
from registry.web.formats import gettext as _
from registry.web.forms import Form, invalid_form, question_page
from registry.web.labels import choice_label

# The second factor at the sign-in, and the confirmation that it is still the same person (step-up).

# What a form may send, its field, and the service that verifies it.
CHECKS: Final[dict[str, tuple[str, Callable[[FactorSession, str], str]]]] = {
    FactorKind.TOTP.value: ("code", factors.verify_totp),
    FactorKind.RECOVERY_CODE.value: ("recovery_code", factors.use_recovery_code),
    "password": ("password", factors.confirm_password),
}
EMPTY: Final = {"password": "enter-current-password"}
ERRORS: Final = (Invalid, Conflict, TooManyAttempts, SignInBusy)
MAX_CODE_LENGTH: Final = 200


@pages.page("/sign-in/second-factor", needs=ANY_SIGNED_IN, methods=BOTH, before_factor=True)
def second_factor(_actor: Actor) -> Answer:
    """Verify a second factor, or the password of an account without one, and continue."""
    session, back = factor_session(), back_address()
    if session.awaits_factor and not session.has_factor:
        return redirect_to("new_factor", back=back)
    if request.method != "POST":
        return _page(session, Form(), back)
    name, verify = CHECKS.get(request.form.get("kind", ""), CHECKS["totp"])
    text = request.form.get(name, "")[:MAX_CODE_LENGTH]
    if not text.strip():
        problem = Problem(f"/{name}", EMPTY.get(name, "enter-code"))
        return _page(session, Form({}, [problem]), back), 422
    try:
        secret = verify(session, text)
    except ERRORS as error:
        if isinstance(error, Invalid):
            form = Form({}, [replace(problem, pointer=f"/{name}") for problem in error.problems])
        else:
            form = invalid_form({}, error, name)
        return _page(session, form, back), error.status
    response = redirect(back, 303)
    set_session_cookie(response, secret)
    return response


@pages.page("/sign-in/second-factor/done", needs=ANY_SIGNED_IN)
def step_up_done(_actor: Actor) -> Answer:
    """After a confirmation in a new tab: the form is in the other one."""
    return render_template("accounts/step_up_done.html")


@pages.page("/sign-in/second-factor/passkey-options", needs=ANY_SIGNED_IN, methods=("POST",), before_factor=True)
def passkey_options(_actor: Actor) -> Answer:
    """The options for the browser to verify a passkey, as JSON."""
    return json_answer(
        lambda: Response(factors.begin_passkey_verification(factor_session()), mimetype="application/json")
    )


@pages.page("/sign-in/second-factor/passkey", needs=ANY_SIGNED_IN, methods=("POST",), before_factor=True)
def verify_passkey(_actor: Actor) -> Answer:
    """Verify the passkey of the browser's response."""
    return json_answer(lambda: _verified(factors.finish_passkey_verification(factor_session(), sent_credential())))


def back_address() -> str:
    """Return the page to continue with, by default the home page."""
    return local_address(request.values.get("back")) or url_for("web.home")


def sent_credential() -> dict[str, object]:
    """Return the browser's response in a JSON body; empty when the body is none."""
    body = request.get_json(silent=True)
    credential = body.get("credential") if isinstance(body, dict) else None
    return credential if isinstance(credential, dict) else {}


def json_answer(act: Callable[[], Response]) -> Response:
    """Return what ``act`` returns, or its error as JSON: a text for the page, or where to go first."""
    try:
        return act()
    except StepUpRequired:
        response = jsonify(location=to_second_factor().location)
    except RegistryError as error:
        problems = [problem_message(problem) for problem in getattr(error, "problems", ())]
        response = jsonify(error=" ".join(problems) or error_message(error))
        response.status_code = error.status
    return response


def _verified(secret: str) -> Response:
    response = jsonify(location=back_address())
    set_session_cookie(response, secret)
    return response


def _page(session: FactorSession, form: Form, back: str) -> str:
    own = factors.list_factors(session.actor)
    kinds = {factor.kind.value for factor in own.factors}
    return render_template(
        "accounts/second_factor.html",
        form=form,
        back=back,
        awaits_factor=session.awaits_factor,
        has_factor=session.has_factor,
        has_app=FactorKind.TOTP.value in kinds,
        has_passkey=FactorKind.PASSKEY.value in kinds and factors.relying_party() is not None,
        has_codes=own.recovery_codes_left > 0,
        # Whoever must have a factor and has none here signed in with that of the OpenID Connect provider.
        by_password=not session.actor.second_factor_required and factors.has_password(session),
        minutes=int(STEP_UP_MAX_AGE.total_seconds() // 60),
        unsaved="unsaved" in request.args,
    )


# One's own second factors: add an authenticator app or a passkey, remove one, create recovery codes.

KINDS: Final = {kind.value: kind for kind in (FactorKind.TOTP, FactorKind.PASSKEY)}


@pages.page("/account/factors/new", needs=ANY_SIGNED_IN, before_factor=True)
def new_factor(_actor: Actor) -> Answer:
    """Choose which second factor to add."""
    session = factor_session()
    if session.awaits_factor and session.has_factor:
        return redirect_to("second_factor", back=back_address())
    factors.require_enrolment_allowed(session)
    own = factors.list_factors(session.actor).factors
    return render_template(
        "accounts/new_factor.html",
        back=back_address(),
        awaits_factor=session.awaits_factor,
        has_app=any(factor.kind is FactorKind.TOTP for factor in own),
        passkeys=factors.relying_party() is not None,
    )


@pages.page("/account/factors/app/start", needs=ANY_SIGNED_IN, methods=("POST",), before_factor=True)
def start_app(_actor: Actor) -> Answer:
    """Begin to enrol an authenticator app."""
    factors.begin_totp_enrolment(factor_session())
    return redirect_to("new_app", back=back_address())


@pages.page("/account/factors/app", needs=ANY_SIGNED_IN, methods=BOTH, before_factor=True)
def new_app(_actor: Actor) -> Answer:
    """Display the QR code of an enrolment that has begun, and finish it with a code of the app."""
    session, back = factor_session(), back_address()
    if request.method != "POST":
        if factors.latest_ceremony(session, CeremonyKind.TOTP_ENROLMENT) is None:
            return redirect_to("new_factor", back=back)
        return _app_page(session, Form(), back)
    code = request.form.get("code", "")
    if not code.strip():
        return _app_page(session, Form({}, [Problem("/code", "enter-code")]), back), 422
    try:
        secret = factors.finish_totp_enrolment(session, code)
    except (Invalid, TooManyAttempts) as error:
        return _app_page(session, invalid_form({}, error, "code"), back), error.status
    except (factors.CeremonyExpired, factors.FactorAlreadyEnrolled) as error:
        flash_message(error_message(error), "error" if isinstance(error, factors.CeremonyExpired) else "information")
        return redirect_to("new_factor" if session.awaits_factor else "my_account")
    added = factor_session(secret)
    if factors.list_factors(added.actor).recovery_codes_left:
        flash_message(_("The authenticator app is added."))
        response: Response = redirect(back, 303)
    else:
        response = make_response(_codes_page(factors.generate_recovery_codes(added), back))
    set_session_cookie(response, secret)
    return response


@pages.page("/account/factors/passkeys/options", needs=ANY_SIGNED_IN, methods=("POST",), before_factor=True)
def new_passkey_options(_actor: Actor) -> Answer:
    """The options for the browser to create a passkey, as JSON."""
    return json_answer(
        lambda: Response(factors.begin_passkey_registration(factor_session()), mimetype="application/json")
    )


@pages.page("/account/factors/passkeys", needs=ANY_SIGNED_IN, methods=("POST",), before_factor=True)
def add_passkey(_actor: Actor) -> Answer:
    """Add the passkey of the browser's response."""

    def add() -> Response:
        name = request.args.get("name", "")[:MAX_FACTOR_NAME_LENGTH]
        secret = factors.finish_passkey_registration(factor_session(), sent_credential(), name)
        if factors.list_factors(factor_session(secret).actor).recovery_codes_left:
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
    factors.require_fresh_factor(session)
    if request.method == "GET":
        own = factors.list_factors(actor).factors
        factor = next((each for each in own if each.kind is KINDS[kind] and each.id == factor_id), None)
        if factor is None:
            raise factors.FactorNotFound(id=factor_id)
        if factors.is_last_required(actor, own):
            flash_message(error_message(factors.LastFactorRequired()), "error")
            return redirect_to("my_account")
        consequences = _("You can no longer sign in with it.")
        if len(own) == 1:
            consequences += " " + _("It is your last second factor: your recovery codes go with it.")
        return question_page(factor_name(factor), _("Remove second factor"), consequences, url_for("web.my_account"))
    with flash_outcome(_("The second factor is removed.")):
        factors.remove_factor(session, KINDS[kind], factor_id)
    return redirect_to("my_account")


@pages.page("/account/recovery-codes", needs=ANY_SIGNED_IN, methods=BOTH)
def recovery_codes(actor: Actor) -> Answer:
    """Create recovery codes in place of the present ones; they are displayed once."""
    session = factor_session()
    if not session.has_factor:
        return redirect_to("my_account")
    factors.require_fresh_factor(session)
    if request.method == "GET":
        consequences = _("You get ten new codes, which are displayed once. Your present codes no longer work.")
        return question_page(actor.principal, _("Create recovery codes"), consequences, url_for("web.my_account"))
    back = request.form.get("back") and back_address()
    return _codes_page(factors.generate_recovery_codes(session), back or url_for("web.my_account"))


def factor_name(factor: factors.OwnFactor) -> str:
    """Return a factor as its owner knows it: the name of a passkey, else its kind."""
    return factor.name or choice_label("factor_kind", factor.kind.value)


def _app_page(session: FactorSession, form: Form, back: str) -> str:
    return render_template(
        "accounts/new_app.html", form=form, back=back, enrolment=factors.begin_totp_enrolment(session)
    )


def _codes_page(codes: list[str], back: str) -> str:
    return render_template("accounts/recovery_codes.html", codes=codes, back=back)
