"""The second factor at the sign-in, and the confirmation that it is still the same person (step-up)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from flask import jsonify, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from registry.accounts.attempts import TooManyAttempts
from registry.accounts.current_user import FactorSession
from registry.accounts.factors.management import list_factors, use_recovery_code
from registry.accounts.factors.models import FactorKind
from registry.accounts.factors.passkeys import (
    begin_passkey_verification,
    finish_passkey_verification,
    relying_party,
)
from registry.accounts.factors.totp import verify_totp
from registry.accounts.factors.verification import confirm_password, has_password
from registry.accounts.passwords import SignInBusy
from registry.accounts.step_up import STEP_UP_MAX_AGE, StepUpRequired
from registry.core.errors import Conflict, Invalid, Problem, RegistryError
from registry.http.error_handlers import status_of
from registry.web.blueprint import ANY_SIGNED_IN, Actor, Answer, local_address, pages, redirect_to, to_second_factor
from registry.web.current_user import factor_session, set_session_cookie
from registry.web.errors import error_message, problem_message
from registry.web.forms import Form, invalid_form

# What a form may send, its field, and the service that verifies it.
CHECKS: Final[dict[str, tuple[str, Callable[[FactorSession, str], str]]]] = {
    FactorKind.TOTP.value: ("code", verify_totp),
    FactorKind.RECOVERY_CODE.value: ("recovery_code", use_recovery_code),
    "password": ("password", confirm_password),
}
EMPTY: Final = {"password": "enter-current-password"}
ERRORS: Final = (Invalid, Conflict, TooManyAttempts, SignInBusy)
MAX_CODE_LENGTH: Final = 200


@pages.page("/sign-in/second-factor", needs=ANY_SIGNED_IN, methods=("GET", "POST"), before_factor=True)
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
        return _page(session, form, back), status_of(error)
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
    return json_answer(lambda: Response(begin_passkey_verification(factor_session()), mimetype="application/json"))


@pages.page("/sign-in/second-factor/passkey", needs=ANY_SIGNED_IN, methods=("POST",), before_factor=True)
def verify_passkey(_actor: Actor) -> Answer:
    """Verify the passkey of the browser's response."""
    return json_answer(lambda: _verified(finish_passkey_verification(factor_session(), sent_credential())))


def back_address() -> str:
    """The page to continue with, by default the home page."""
    return local_address(request.values.get("back")) or url_for("web.home")


def sent_credential() -> dict[str, object]:
    """The browser's response in a JSON body; empty when the body is none."""
    body = request.get_json(silent=True)
    credential = body.get("credential") if isinstance(body, dict) else None
    return credential if isinstance(credential, dict) else {}


def json_answer(act: Callable[[], Response]) -> Response:
    """What ``act`` returns, or its error as JSON: a text for the page, or where to go first."""
    try:
        return act()
    except StepUpRequired:
        response = jsonify(location=to_second_factor().location)
    except RegistryError as error:
        problems = [problem_message(problem) for problem in getattr(error, "problems", ())]
        response = jsonify(error=" ".join(problems) or error_message(error))
        response.status_code = status_of(error)
    return response


def _verified(secret: str) -> Response:
    response = jsonify(location=back_address())
    set_session_cookie(response, secret)
    return response


def _page(session: FactorSession, form: Form, back: str) -> str:
    own = list_factors(session.actor)
    kinds = {factor.kind.value for factor in own.factors}
    return render_template(
        "accounts/second_factor.html",
        form=form,
        back=back,
        awaits_factor=session.awaits_factor,
        has_factor=session.has_factor,
        has_app=FactorKind.TOTP.value in kinds,
        has_passkey=FactorKind.PASSKEY.value in kinds and relying_party() is not None,
        has_codes=own.recovery_codes_left > 0,
        # Whoever must have a factor and has none here signed in with that of the OpenID Connect provider.
        by_password=not session.actor.second_factor_required and has_password(session),
        minutes=int(STEP_UP_MAX_AGE.total_seconds() // 60),
        unsaved="unsaved" in request.args,
    )
