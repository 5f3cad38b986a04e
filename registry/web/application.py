"""Registers the pages and static files with the Flask application."""

import hashlib
import mimetypes
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Final

from flask import Flask, Response, redirect, render_template, request, url_for
from jinja2 import FileSystemLoader, StrictUndefined
from werkzeug.http import quote_etag

from registry.accounts.oidc_configuration import sign_in_configuration
from registry.accounts.oidc_provider import has_provider
from registry.accounts.service import change_own_language
from registry.audits.pages import main_findings
from registry.core.clock import now
from registry.core.errors import RouteNotFound
from registry.core.translations import LANGUAGE_NAMES, LANGUAGES
from registry.help import pages as help_pages
from registry.http.requests import ROW_ID, RowIdConverter
from registry.http.responses import not_modified
from registry.http.security import FlaskSession
from registry.inbox.pages import follows_case, follows_project, unread_count, unread_entries_of_case
from registry.open_data.models import PUBLICATION
from registry.web.blueprint import ANY_SIGNED_IN, BOTH, Actor, Answer, Public, local_address, pages, redirect_to
from registry.web.current_user import current_user, page_locale, set_language_cookie
from registry.web.errors import failure_message, init_error_pages, row_error_message
from registry.web.formats import init_formats, init_translations
from registry.web.forms import year_rows
from registry.web.labels import init_labels, severity_rank, tag_colour
from registry.web.layout import crumbs, menu, section_pages, support, switch_address
from registry.web.lists import list_address

# Static files: styles, scripts and fonts, from this host alone. An address with the digest may be cached for a year.
#
# docs/adr/0005-own-code-and-libraries.md: why not WhiteNoise.

FOLDER: Final = Path(__file__).with_name("assets")
TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
    ".txt": "text/plain; charset=utf-8",
}
FOR_A_YEAR: Final = "max-age=31536000, immutable"
FOR_A_DAY: Final = "max-age=86400"


@dataclass(frozen=True, slots=True)
class Asset:
    """A file as it is served."""

    content: bytes
    content_type: str
    digest: str


# Read once: 0.6 ms, for each address of an asset on a page.
@cache
def load_assets() -> dict[str, Asset]:
    """Return every file of the folder by its path in it, read once."""
    assets = {}
    for path in sorted(FOLDER.rglob("*")):
        kind = TYPES.get(path.suffix) or mimetypes.types_map.get(path.suffix)
        if path.is_file() and kind is not None:
            content = path.read_bytes()
            digest = hashlib.sha256(content).hexdigest()[:16]
            assets[path.relative_to(FOLDER).as_posix()] = Asset(content, kind, digest)
    return assets


def asset_url(name: str) -> str:
    """Return the address of a file, which changes with its content."""
    return url_for("web.asset", name=name, v=load_assets()[name].digest)


@pages.page("/assets/<path:name>", needs=Public("styles and scripts are no secret, and the sign-in page needs them"))
def asset(name: str) -> Answer:
    """One file."""
    entry = load_assets().get(name)
    if entry is None:
        raise RouteNotFound
    unchanged = not_modified(entry.digest)
    if unchanged is not None:
        return unchanged
    response = Response(entry.content, content_type=entry.content_type)
    response.headers["ETag"] = quote_etag(entry.digest)
    response.headers["Cache-Control"] = FOR_A_YEAR if request.args.get("v") == entry.digest else FOR_A_DAY
    return response


# Welcome page and language switch.


@pages.page("/", needs=Public("says what this is, to whoever comes"))
def welcome() -> Answer:
    """Display the welcome page, or redirect signed-in users to their home page."""
    if current_user().actor is not None:
        return redirect_to("home")
    return render_template("welcome.html")


@pages.page("/sign-in/again", needs=ANY_SIGNED_IN)
def signed_in_again(_actor: Actor) -> Answer:
    """After a sign-in in a new tab: the form is in the other one."""
    return render_template("signed_in_again.html")


@pages.page("/language/<language>", needs=Public("a language is chosen before signing in"), methods=BOTH)
def switch_language(language: str) -> Answer:
    """Store the chosen language, of whoever is signed in with the account, and go back."""
    chosen = next((language_code for language_code in LANGUAGES if language_code == language), None)
    if chosen is None:
        raise RouteNotFound
    actor = current_user().actor
    if request.method == "POST" and actor is not None:
        change_own_language(actor, chosen)
    response = redirect(local_address(request.args.get("back")) or "/", 303)
    set_language_cookie(response, chosen)
    return response


# Importing a module of pages registers its routes: of each slice, and in a slice by its name.
SLICES: Final = Path(__file__).parents[1]
for module in sorted(path for name in ("*pages.py", "views/[!_]*.py") for path in SLICES.glob(f"*/{name}")):
    import_module(".".join(("registry", *module.relative_to(SLICES).with_suffix("").parts)))


# Each slice has its own template folder; shared templates are in web/.
TEMPLATES: Final = [Path(__file__).with_name("templates"), *sorted(SLICES.glob("*/templates"))]


def attach_web(app: Flask) -> None:
    """Register the views, template filters and error pages."""
    app.session_interface = FlaskSession()
    app.url_map.converters[ROW_ID] = RowIdConverter
    app.jinja_loader = FileSystemLoader(TEMPLATES)
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
    app.jinja_env.globals.update(
        asset_url=asset_url,
        crumbs=crumbs,
        error_text=row_error_message,
        failure_text=failure_message,
        follows_case=follows_case,
        follows_project=follows_project,
        has_open_data=lambda: app.config[PUBLICATION] is not None,
        help_address=help_pages.help_address,
        languages=LANGUAGE_NAMES,
        list_address=list_address,
        menu=menu,
        own_help_address=help_pages.own_help_address,
        page_language=page_locale,
        password_sign_in=lambda: sign_in_configuration().passwords,
        present_moment=now,
        single_sign_on=has_provider,
        section_pages=section_pages,
        support=support,
        severity_rank=severity_rank,
        shell_command=lambda words: f"{app.config['COMMAND']} {words}",
        switch_address=switch_address,
        tag_colour=tag_colour,
        unread_count=unread_count,
        unread_entries_of_case=unread_entries_of_case,
        visitor=current_user,
        year_rows=year_rows,
    )
    init_translations(app)
    init_formats(app)
    init_labels(app)
    app.add_template_filter(main_findings, "main_findings")
    init_error_pages(app)
    app.register_blueprint(pages)
