"""Puts the pages into the application."""

from __future__ import annotations

from flask import Flask
from jinja2 import StrictUndefined

from registry.http.row_ids import ROW_ID, RowId
from registry.settings import Settings
from registry.store.clock import now
from registry.web import (
    account,
    agencies,
    audits,
    case_page,
    cases,
    confirmations,
    exemptions,
    front,
    home,
    imports,
    inventories,
    journal,
    pending_accounts,
    people,
    project_edit,
    project_page,
    projects,
    registration,
    reports,
    signing_in,
    tokens,
    watch_list,
)
from registry.web.assets import asset_url
from registry.web.catalogues import attach_texts
from registry.web.error_pages import attach_error_pages
from registry.web.findings import main_findings
from registry.web.form_tokens import FIELD, form_token
from registry.web.formats import attach_formats
from registry.web.labels import attach_labels
from registry.web.layout import LANGUAGE_NAMES, crumbs, menu, switch_address
from registry.web.pages import pages
from registry.web.refusal_texts import failure_text, row_error_text
from registry.web.said import FlashCookie
from registry.web.visitors import page_language, visitor

# Importing a module of pages declares them.
WITH_PAGES = (
    account,
    agencies,
    audits,
    case_page,
    cases,
    confirmations,
    exemptions,
    front,
    home,
    imports,
    inventories,
    journal,
    pending_accounts,
    people,
    project_edit,
    project_page,
    projects,
    registration,
    reports,
    signing_in,
    tokens,
    watch_list,
)


def attach_web(app: Flask, settings: Settings) -> None:
    """Register the pages, what their templates use, and how their errors look."""
    app.config.update(
        SESSION_COOKIE_NAME="registry_notice",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=(settings.public_url or "").startswith("https:"),
    )
    app.session_interface = FlashCookie()
    app.url_map.converters[ROW_ID] = RowId
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
    app.jinja_env.globals.update(
        asset_url=asset_url,
        crumbs=crumbs,
        error_text=row_error_text,
        failure_text=failure_text,
        form_token=form_token,
        form_token_field=FIELD,
        languages=LANGUAGE_NAMES,
        menu=menu,
        page_language=page_language,
        present_moment=now,
        switch_address=switch_address,
        visitor=visitor,
    )
    attach_texts(app)
    attach_formats(app)
    attach_labels(app)
    app.add_template_filter(main_findings, "main_findings")
    attach_error_pages(app)
    app.register_blueprint(pages)
