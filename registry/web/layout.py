"""Page layout: menu by role, pages of its sections, breadcrumbs, and language switch."""

from dataclasses import dataclass
from itertools import groupby
from typing import Final

from flask import current_app, request, url_for

from registry.accounts.roles import AGENCY_ROLES, Actor, Permission, Role
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
class Place:
    """A page that the menu leads to. ``about`` and ``group`` are its line on the page of the settings.

    ``also``: where the pages that belong to it begin, besides its own address.
    """

    endpoint: str
    text: str
    needs: Permission
    about: str | None = None
    group: str | None = None
    also: tuple[str, ...] = ()

    @property
    def address(self) -> str:
        """Return the page's URL."""
        return url_for(f"web.{self.endpoint}")


@dataclass(frozen=True, slots=True)
class Section:
    """An entry of the menu and its pages. It leads to the first of them that the user may open."""

    text: str
    places: tuple[Place, ...]

    def offered(self, actor: Actor) -> list[Place]:
        """Return the pages that the actor may open."""
        return [place for place in self.places if actor.may(place.needs)]


@dataclass(frozen=True, slots=True)
class Item:
    """A menu item. ``here`` is true on its own page, ``within`` on pages below it."""

    text: str
    address: str
    here: bool
    within: bool


P: Final = Permission
WORK: Final = Section(
    lazy_text("Work"),
    (
        Place("home", lazy_text("Your tasks"), P.CASES_READ),
        Place("inbox", lazy_text("Inbox"), P.CASES_READ),
        Place("requests", lazy_text("Requests"), P.REQUESTS_READ),
        Place("approvals", lazy_text("Approvals"), P.APPROVALS_READ),
        Place("accounts_to_confirm", lazy_text("Accounts to confirm"), P.ACCOUNTS_CONFIRM),
    ),
)
CASES: Final = Section(
    lazy_text("Cases"),
    (Place("cases", lazy_text("Cases"), P.CASES_READ), Place("letters", lazy_text("Letters"), P.CASES_READ)),
)
ORDERS: Final = Section(
    lazy_text("Orders"),
    (Place("orders", lazy_text("Orders"), P.ORDERS_READ), Place("appeals", lazy_text("Appeals"), P.ORDERS_READ)),
)
PROJECTS: Final = Section(
    lazy_text("Projects"),
    (
        Place("projects", lazy_text("Projects"), P.PROJECTS_READ, also=("/objects/", "/exemptions/")),
        Place("flags", lazy_text("Flags"), P.PROJECTS_READ),
        Place("contracts", lazy_text("Contracts"), P.CONTRACTS_READ),
        Place("external_confirmations", lazy_text("State systems"), P.PROJECTS_READ),
        Place("register", lazy_text("Register"), P.PROJECTS_WRITE),
        Place("imports", lazy_text("Import"), P.IMPORTS_RUN),
        Place("attestations", lazy_text("Records to confirm"), P.PROJECTS_ATTEST),
    ),
)
AUDITS: Final = Section(lazy_text("Audits"), (Place("audits", lazy_text("Audits"), P.AUDITS_READ),))
FIGURES: Final = Section(
    lazy_text("Figures"),
    (
        Place("overview_page", lazy_text("Figures"), P.REPORTS_READ),
        Place("ai_systems_report", lazy_text("AI systems"), P.REPORTS_READ),
        Place("government_reports", lazy_text("Reports to the Government"), P.GOVERNMENT_REPORTS_READ),
    ),
)
PEOPLE: Final = lazy_text("People and access")
REGISTER: Final = lazy_text("The register")
RULES: Final = lazy_text("Rules and texts")
OWN: Final = lazy_text("Your own")
SETTINGS: Final = Section(
    lazy_text("Settings"),
    (
        Place("settings", lazy_text("All settings"), P.PROJECTS_READ),
        Place("people", lazy_text("People"), P.PEOPLE_READ, lazy_text("Who may sign in, with which role."), PEOPLE),
        Place("absences", lazy_text("Absences"), P.CASES_LEAD, lazy_text("Who is absent, and their deputies."), PEOPLE),
        Place(
            "tokens", lazy_text("Tokens"), P.TOKENS_READ, lazy_text("Service accounts, and keys for programs."), PEOPLE
        ),
        Place(
            "agencies",
            lazy_text("Agencies"),
            P.AGENCIES_READ,
            lazy_text("Agencies, their BINs, and which is above which."),
            REGISTER,
        ),
        Place(
            "inventory",
            lazy_text("Platform inventory"),
            P.PLACEMENTS_CONFIRM,
            lazy_text("What is really on QazTech, to compare with what is claimed."),
            REGISTER,
        ),
        Place(
            "products",
            lazy_text("Products of the platform"),
            P.PROJECTS_READ,
            lazy_text("What QazTech offers ready for use."),
            REGISTER,
        ),
        Place(
            "journal",
            lazy_text("Journal"),
            P.JOURNAL_READ,
            lazy_text("Who did what, when and from where."),
            REGISTER,
            also=("/checkpoints/",),
        ),
        Place("setup", lazy_text("First steps"), P.AGENCIES_WRITE, lazy_text("What a new register needs."), REGISTER),
        Place("policies", lazy_text("Policy"), P.POLICIES_READ, lazy_text("Rules, limits and their versions."), RULES),
        Place(
            "case_templates",
            lazy_text("Templates"),
            P.CASES_LEAD,
            lazy_text("Ready texts for questions and decisions."),
            RULES,
        ),
        Place(
            "my_account",
            lazy_text("My account"),
            P.OWN_ACCOUNT_READ,
            lazy_text("Your password, second factor, language, notifications and tokens."),
            OWN,
        ),
        Place("saved_views", lazy_text("Saved views"), P.PROJECTS_READ, lazy_text("Lists with your filters."), OWN),
        Place("webhooks", lazy_text("Webhooks"), P.OWN_ACCOUNT_READ, lazy_text("Messages to your program."), OWN),
    ),
)
OF_OVERSIGHT: Final = (WORK, CASES, ORDERS, PROJECTS, AUDITS, FIGURES, SETTINGS)
OF_AGENCIES: Final = (WORK, PROJECTS, Section(CASES.text, CASES.places + ORDERS.places), FIGURES, SETTINGS)
OF_LEADERS: Final = (FIGURES, ORDERS, PROJECTS, SETTINGS)


def menu() -> list[Item]:
    """Return the sections of the menu that the user may open; none while the password must be changed."""
    here = _here()
    return [_item(section.text, places[0], here in places) for section, places in _offered() if places]


def section_pages() -> list[Item]:
    """Return the pages of the section to which this page belongs, without those of the person alone."""
    here = _here()
    places = next((places for _section, places in _offered() if here in places), [])
    return [_item(place.text, place, place is here) for place in places if place.group != OWN]


def settings_groups(actor: Actor) -> dict[str, list[Place]]:
    """Return the pages of the settings that the actor may open, by group."""
    places = [place for place in SETTINGS.offered(actor) if place.group]
    return {str(group): list(of_group) for group, of_group in groupby(places, lambda place: place.group)}


def crumbs(*steps: tuple[str, str]) -> list[tuple[str, str]]:
    """Return breadcrumbs: ``(text, URL)`` of the pages above this one, starting with its section of the menu."""
    here, offered = _here(), _offered()
    sections = [each for each in offered if here in each[1]] or offered or [(WORK, list(WORK.places))]
    section, places = sections[0]
    root = (gettext(section.text), places[0].address)
    first = steps[0][1].partition("?")[0] if steps else request.path
    return list(steps) if first == root[1] else [root, *steps]


def _item(text: str, place: Place, within: bool) -> Item:
    return Item(gettext(text), place.address, request.path == place.address, within)


def _offered() -> list[tuple[Section, list[Place]]]:
    actor = current_user().actor
    if actor is None or current_user().must_change_password:
        return []
    sections = OF_LEADERS if actor.role is Role.LEADER else OF_AGENCIES if actor.role in AGENCY_ROLES else OF_OVERSIGHT
    return [(section, places) for section in sections if (places := section.offered(actor))]


def _here() -> Place | None:
    """Return the page of the menu that this page is or belongs to: the one with the longest address."""
    above = [
        place
        for _section, places in _offered()
        for place in places
        if f"{request.path}/".startswith((f"{place.address}/", *place.also))
    ]
    return max(above, key=lambda place: len(place.address), default=None)


def switch_address(language: Language) -> str:
    """Return the URL that displays this page in another language. A submitted form is displayed empty."""
    if is_without_session():
        return address_in(language)
    return url_for("web.switch_language", language=language, back=page_address())
