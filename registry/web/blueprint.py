"""Pages, each declaring who may see it. Before its view runs: the person, the origin, the CSRF token, the permission.

A view acts on POST only and is never called with HEAD: that is answered as GET, and the server leaves out the body.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, Final

from flask import Blueprint, redirect, request, url_for
from werkzeug.wrappers import Response

from registry.accounts.actors import Actor
from registry.accounts.roles import Permission
from registry.extensions import csrf
from registry.http.cross_origin import require_same_origin
from registry.http.request_bodies import limit_form
from registry.http.required_permission import REQUIRED_PERMISSION, Public, RequiredPermission
from registry.web.current_user import current_user
from registry.web.parent_links import page_address

Answer = str | Response | tuple[str, int]
OpenView = Callable[..., Answer]
SIGN_IN: Final = "web.sign_in"
CHANGE_FIRST: Final = "web.own_password"
# A page that only somebody signed in may see, whatever the role.
ANY_SIGNED_IN: Final = Permission.AGENCIES_READ


class Pages(Blueprint):
    """The blueprint of all pages."""

    def page(
        self,
        rule: str,
        *,
        needs: RequiredPermission,
        methods: tuple[str, ...] = ("GET",),
        takes_file: bool = False,
        before_password_change: bool = False,
    ) -> Callable[[OpenView], OpenView]:
        """Make the decorated view the page's. It is given the actor first, unless the page is open.

        ``before_password_change``: the page is there for somebody who has to change the password first.
        """

        def register(view: OpenView) -> OpenView:
            @wraps(view)
            def handle(**path: Any) -> Answer:
                if request.method == "HEAD":
                    with _head_as_get():
                        return answer(path)
                return answer(path)

            def answer(path: dict[str, Any]) -> Answer:
                if takes_file:
                    limit_form()
                actor = current_user().actor
                if request.method == "POST":
                    require_same_origin()
                if actor is None and not isinstance(needs, Public):
                    # Before the CSRF token, which ended with the session: nothing is done, and nothing is lost.
                    return to_sign_in()
                if current_user().must_change_password and not (before_password_change or isinstance(needs, Public)):
                    return redirect(url_for(CHANGE_FIRST), 303)
                if request.method == "POST":
                    csrf.protect()
                if isinstance(needs, Public) or actor is None:
                    return view(**path)
                actor.require(needs)
                return view(actor, **path)

            setattr(handle, REQUIRED_PERMISSION, needs)
            self.add_url_rule(rule, endpoint=view.__name__, view_func=handle, methods=list(methods))
            return view

        return register


@contextmanager
def _head_as_get() -> Iterator[None]:
    """Let what runs inside see GET, so that no ``method == "GET"`` of a view takes HEAD for a form."""
    request.method = "GET"
    try:
        yield
    finally:
        request.method = "HEAD"


def to_sign_in() -> Response:
    """Send somebody who is not signed in to the form, and back to this page, or to that of the form, afterwards."""
    ended = "yes" if request.method == "POST" else None
    return redirect(url_for(SIGN_IN, back=page_address(), ended=ended), 303)


def local_address(sent: str | None) -> str | None:
    """An address of this service to go back to, None for any other: nobody is led elsewhere by a link to us."""
    if sent and sent.startswith("/") and not sent.startswith(("//", "/\\")) and sent.isprintable() and "\\" not in sent:
        return sent
    return None


def redirect_to(endpoint: str, **values: Any) -> Response:
    """Go on to a page after something was done, so that reloading does not do it again."""
    return redirect(url_for(f"web.{endpoint}", **values), 303)


pages = Pages("web", __name__)
__all__ = ["ANY_SIGNED_IN", "Actor", "Answer", "Permission", "Public", "local_address", "pages", "redirect_to"]
