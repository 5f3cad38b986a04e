"""Cross-origin requests in a browser: the service's own pages work, and a sibling host has no effect."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from flask import Flask, Response, request, request_finished
from playwright.sync_api import Browser

from registry.accounts.roles import Role, local_actor
from registry.accounts.service import find_person
from tests.web.browser import context, follow, served, sign_in
from tests.web.tour_stop import PASSWORD, person_name

# Browser behaviour does not depend on the database.
pytestmark = pytest.mark.on_either
# The page may not read the response, but the request has the session cookie.
FETCH = "url => fetch(url, {method: 'HEAD', mode: 'no-cors', credentials: 'include'}).catch(() => null)"
ADMINISTRATOR = person_name(Role.ADMINISTRATOR)


def named(address: str, host: str) -> str:
    """Return the URL under another host name of this machine."""
    return f"http://{host}.example.test:{urlsplit(address).port}"


@pytest.mark.parametrize("host", [None, "registry"])
def test_own_forms_work_with_fetch_metadata_and_with_origin_alone(
    browser: Browser, address: str, host: str | None
) -> None:
    # Over plain HTTP a browser sends Fetch Metadata only to localhost, and only Origin to other hosts.
    base = named(address, host) if host else address
    opened = context(browser, base)
    page = opened.new_page()
    sent = []
    page.on("request", lambda request: sent.append(request.all_headers()) if request.method == "POST" else None)

    sign_in(page, ADMINISTRATOR)

    assert page.url == f"{base}/home"
    assert [headers.get("sec-fetch-site") for headers in sent] == [None if host else "same-origin"]
    assert [headers["origin"] for headers in sent] == [base]
    opened.close()


def test_sibling_host_neither_acts_with_head_nor_signs_anybody_in(
    browser: Browser, demo: tuple[Flask, dict[str, object]], address: str
) -> None:
    answered = []

    def note(_app: Flask, response: Response) -> None:
        # A stylesheet or font of the previous page may still be loading.
        if not request.path.startswith("/assets/"):
            answered.append((request.method, "registry_session" in request.cookies, response.status_code))

    sibling = Flask("sibling")
    service = named(address, "registry")
    form = f'<form action="{service}/sign-in" method="post"><input name="name" value="{ADMINISTRATOR}">'
    form += f'<input name="password" value="{PASSWORD}"><button>Go</button></form>'
    sibling.add_url_rule("/", view_func=lambda: form)
    opened = context(browser, service)
    page = opened.new_page()
    sign_in(page, ADMINISTRATOR)
    with served(sibling) as elsewhere:
        page.goto(named(elsewhere, "sibling"))
        disabling = f"{service}/people/{demo[1]['person']}/disabled"
        with request_finished.connected_to(note, demo[0]):
            page.evaluate(FETCH, disabling)
        with demo[0].app_context():
            disabled = find_person(local_actor(Role.ADMINISTRATOR), int(str(demo[1]["person"]))).is_disabled
        follow(page, "button")
        refused = page.text_content("main")
    opened.close()

    assert (answered, disabled) == ([("HEAD", True, 200)], False)
    assert refused is not None and "This form was sent from another site" in refused
