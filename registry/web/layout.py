"""Page layout: menu by role, breadcrumbs, and language switch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from flask import current_app, request, url_for

from registry.accounts.roles import AGENCY_ROLES, Permission
from registry.core.settings import support_uri
from registry.core.translations import Language, lazy_text
from registry.web.blueprint import address_in, page_address
from registry.web.current_user import current_user, is_without_session
from registry.web.formats import gettext

# Whom to ask for help: the contact of REGISTRY_SUPPORT_CONTACT, on the sign-in page and on error pages.


@dataclass(frozen=True, slots=True)
class Support:
    """The contact as text, and the address of a link to it."""

    text: str
    address: str


def support() -> Support | None:
    """Return the contact, None when the operator named none."""
    text: str | None = current_app.config.get("SUPPORT_CONTACT")
    return None if text is None else Support(text, support_uri(text) or "")


@dataclass(frozen=True, slots=True)
class Item:
    """A menu item. ``here`` is true on its own page, ``within`` on pages below it."""

    text: str
    address: str
    here: bool
    within: bool


# (endpoint, text, permission, side: "agency", "oversight", or None for both). Those of FURTHER are below "More pages"
# for everybody whose items do not fit on one line.
MENU: Final = (
    ("home", lazy_text("Home"), Permission.PROJECTS_READ, None),
    ("overview_page", lazy_text("Overview"), Permission.OVERVIEW_READ, "oversight"),
    ("projects", lazy_text("Projects"), Permission.PROJECTS_READ, None),
    ("cases", lazy_text("Cases"), Permission.CASES_READ, None),
    ("orders", lazy_text("Orders"), Permission.ORDERS_READ, "oversight"),
    ("letters", lazy_text("Letters"), Permission.CASES_READ, None),
    ("requests", lazy_text("Requests"), Permission.REQUESTS_READ, None),
    ("approvals", lazy_text("Approvals"), Permission.APPROVALS_READ, None),
    ("register", lazy_text("Register"), Permission.PROJECTS_WRITE, None),
    ("imports", lazy_text("Import"), Permission.IMPORTS_RUN, None),
    ("audits", lazy_text("Audits"), Permission.AUDITS_READ, None),
    ("policies", lazy_text("Policy"), Permission.POLICIES_READ, None),
    ("compliance_report", lazy_text("Compliance"), Permission.REPORTS_READ, None),
    ("government_reports", lazy_text("Reports to the Government"), Permission.GOVERNMENT_REPORTS_READ, None),
    ("inventory", lazy_text("Platform inventory"), Permission.PLACEMENTS_CONFIRM, None),
    ("products", lazy_text("Products of the platform"), Permission.PROJECTS_READ, None),
    ("journal", lazy_text("Journal"), Permission.JOURNAL_READ, None),
    ("agencies", lazy_text("Agencies"), Permission.AGENCIES_READ, "oversight"),
    ("people", lazy_text("People"), Permission.PEOPLE_READ, None),
    ("absences", lazy_text("Absences"), Permission.CASES_LEAD, "oversight"),
    ("case_templates", lazy_text("Templates"), Permission.CASES_LEAD, "oversight"),
    ("tokens", lazy_text("Tokens"), Permission.TOKENS_READ, None),
)
MAX_ON_ONE_LINE: Final = 8
FURTHER: Final = frozenset(
    {
        "overview_page",
        "approvals",
        "government_reports",
        "orders",
        "letters",
        "inventory",
        "products",
        "journal",
        "agencies",
        "people",
        "policies",
        "absences",
        "case_templates",
        "tokens",
    }
)


@dataclass(frozen=True, slots=True)
class Menu:
    """The items of the menu; ``further`` are below *More*."""

    main: list[Item]
    further: list[Item]


def menu() -> Menu:
    """Return the menu items that the user's role may use; none while the password must be changed."""
    shown = Menu([], [])
    actor = current_user().actor
    if actor is None or current_user().must_change_password:
        return shown
    side = "agency" if actor.role in AGENCY_ROLES else "oversight"
    offered = [each for each in MENU if actor.may(each[2]) and each[3] in (None, side)]
    is_long = len(offered) > MAX_ON_ONE_LINE
    for endpoint, text, _permission, _side in offered:
        address = url_for(f"web.{endpoint}")
        within = request.path.startswith(f"{address}/") if address != "/" else False
        items = shown.further if is_long and endpoint in FURTHER else shown.main
        items.append(Item(gettext(text), address, request.path == address, within))
    return shown


def crumbs(*steps: tuple[str, str]) -> list[tuple[str, str]]:
    """Return breadcrumbs: ``(text, URL)`` of the pages above this one, starting with home."""
    return [(gettext("Home"), url_for("web.home")), *steps]


def switch_address(language: Language) -> str:
    """Return the URL that displays this page in another language. A submitted form is displayed empty."""
    if is_without_session():
        return address_in(language)
    return url_for("web.switch_language", language=language, back=page_address())
