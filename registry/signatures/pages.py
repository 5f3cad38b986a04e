"""The page on which a person reads and signs an act with NCALayer, and what the form of the act sends after it."""

from base64 import b64encode
from collections.abc import Callable, Sequence
from typing import Final

from flask import Response, make_response, render_template, request

from registry.accounts.roles import Actor
from registry.core.clock import now, rfc3339
from registry.signatures import service
from registry.web.blueprint import CONTENT_SECURITY_POLICY
from registry.web.current_user import TOKEN, page_locale
from registry.web.labels import choice_label

# The button that leads to the page, and what its form adds to that of the act.
SIGN: Final = "sign"
SIGNATURE: Final = "signature"
SIGNED_AT: Final = "signed_at"
# Where NCALayer listens on the computer of whoever signs; its protocol has no other address.
NCALAYER: Final = "wss://127.0.0.1:13579"
POLICY: Final = CONTENT_SECURITY_POLICY.replace("connect-src 'self'", f"connect-src 'self' {NCALAYER}")


def is_to_be_signed() -> bool:
    """Return True when the form asks for the page on which it is signed."""
    return SIGN in request.form


def signing_page(
    actor: Actor,
    to_sign: service.ActToSign,
    *,
    rows: Sequence[tuple[str, str]],
    back: str,
    has_files: bool = False,
) -> Response:
    """Return the page that shows what the form would do and signs it; its form goes where this request went.

    Raises StepUpRequired or SignerNeedsSecondFactor before the first signature of an account, and SignaturesOff.
    """
    service.require_ready_to_sign(actor)
    at = now()
    content = service.content_to_sign(actor, to_sign, at)
    left_out = (TOKEN, SIGN, SIGNATURE, SIGNED_AT)
    page = render_template(
        "signatures/sign.html",
        title=choice_label("sign_act", to_sign.act),
        rows=rows,
        back=back,
        has_files=has_files,
        at=at,
        account=actor.principal,
        action=request.full_path.rstrip("?"),
        sent=[(name, value) for name, value in request.form.items(multi=True) if name not in left_out],
        signed_at=rfc3339(at),
        content=b64encode(content).decode(),
        text=content.decode(),
        address=NCALAYER,
        locale=page_locale(),
    )
    response = make_response(page)
    response.headers["Content-Security-Policy"] = POLICY
    return response


def sent_signature(actor: Actor, act_to_sign: Callable[[], service.ActToSign]) -> service.SignedAct | None:
    """Verify the signature that the form has, as ``check_signature``; None without one.

    An empty one is none that is valid: what a person wanted to sign is not done without a signature.
    """
    cms = request.form.get(SIGNATURE)
    sent = None if cms is None else service.SentSignature(request.form.get(SIGNED_AT, ""), cms)
    return service.check_signature(actor, sent, act_to_sign)
