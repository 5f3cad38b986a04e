"""Pages of letters: the register, and each letter with its documents."""

from __future__ import annotations

from typing import Final

from flask import redirect, render_template, request

from registry.accounts.actors import Actor
from registry.accounts.roles import Permission
from registry.agencies.views.filter_choices import address_with_agency, agency_filter, names_no_agency
from registry.core.pagination import Listing
from registry.core.translations import lazy_text
from registry.letters.exports import COLUMNS, letter_rows
from registry.letters.queries import list_letters, read_letter
from registry.letters.views.documents import html_response, pdf_response
from registry.web.blueprint import Answer, pages
from registry.web.current_user import page_locale
from registry.web.downloads import ENDINGS, download_list
from registry.web.lists import first_address, next_address, requested_filters, requested_page

FILTERS: Final = ("q", "number", "kind", "agency", "project", "issued_on_from", "issued_on_to")
SORTS: Final = {"-id": lazy_text("Newest first"), "id": lazy_text("Oldest first")}


@pages.page("/letters", needs=Permission.CASES_READ)
def letters(actor: Actor) -> Answer:
    """List the letters that match the filters."""
    address = address_with_agency(actor)
    if address is not None:
        return redirect(address)
    filters = requested_filters(FILTERS)
    listing = Listing([], None) if names_no_agency(filters) else list_letters(actor, filters, requested_page())
    return render_template(
        "letters/list.html",
        actor=actor,
        items=listing.items,
        filters=filters,
        narrowed=any(name != "q" for name in filters),
        kept=[name for name in ("number", "project") if name in filters],
        agency=agency_filter(actor, filters),
        sorts=SORTS,
        sort=request.args.get("sort") or "-id",
        next_address=next_address(listing.next),
        first_address=first_address(),
    )


@pages.page(f"/letters.<{ENDINGS}:ending>", needs=Permission.CASES_READ)
def letters_table(actor: Actor, ending: str) -> Answer:
    """Download all matching letters as a table."""
    filters = requested_filters(FILTERS)
    return download_list(ending, "letters", COLUMNS, lambda page: list_letters(actor, filters, page), letter_rows)


@pages.page("/letters/<number>", needs=Permission.CASES_READ)
def letter(actor: Actor, number: str) -> Answer:
    """Display a letter in the page's language; on an English page in Russian."""
    shown = read_letter(actor, number)
    language = "kk" if page_locale() == "kk" else "ru"
    return render_template(
        "letters/letter.html", letter=shown, text=shown["data"]["texts"][language], language=language
    )


@pages.page("/letters/<number>.pdf", needs=Permission.CASES_READ)
def letter_as_pdf(actor: Actor, number: str) -> Answer:
    """Download the letter as PDF/A."""
    return pdf_response(read_letter(actor, number))


@pages.page("/letters/<number>.html", needs=Permission.CASES_READ)
def letter_as_html(actor: Actor, number: str) -> Answer:
    """Display the letter alone, for printing."""
    return html_response(read_letter(actor, number))
