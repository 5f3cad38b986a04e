"""Pages of the templates of questions and reasons, for supervisors: list, add, change, delete."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from flask import render_template, url_for

from registry.accounts.actors import Actor
from registry.accounts.roles import Permission
from registry.audits.pages import rule_titles
from registry.cases.schemas import TEMPLATE_BODY, TEMPLATE_PATCH
from registry.cases.text_templates import (
    FIELDS,
    PLACEHOLDERS,
    add_template,
    change_template,
    delete_template,
    filters_of_templates,
    find_template,
    find_template_to_change,
    list_templates,
)
from registry.core.transactions import transaction
from registry.core.translations import LANGUAGE_NAMES, OFFICIAL_LANGUAGES
from registry.web.blueprint import Answer, pages, redirect_to
from registry.web.flash import flash_changes, flash_message
from registry.web.formats import gettext as _
from registry.web.forms import FormPage, answer_form, as_typed, form_field
from registry.web.labels import options
from registry.web.lists import first_address, next_address, requested_filters, requested_page

BOTH: Final = ("GET", "POST")


@pages.page("/cases/templates", needs=Permission.CASES_LEAD)
def case_templates(actor: Actor) -> Answer:
    """List the templates, narrowed by kind, rule and language."""
    filters = requested_filters(tuple(filters_of_templates()))
    listing = list_templates(actor, filters, requested_page())
    return render_template(
        "cases/text_templates.html",
        items=listing.items,
        filters=filters,
        kinds=options("template_kind"),
        rules=list(rule_titles().items()),
        titles=rule_titles(),
        language_names=LANGUAGE_NAMES,
        languages_of_texts=[(code, LANGUAGE_NAMES[code]) for code in OFFICIAL_LANGUAGES],
        next_address=next_address(listing.next),
        first_address=first_address(),
    )


@pages.page("/cases/templates/new", needs=Permission.CASES_LEAD, methods=BOTH)
def new_case_template(actor: Actor) -> Answer:
    """Add a template."""

    def act(values: dict[str, Any]) -> Answer:
        with transaction():
            add_template(actor, values)
        flash_message(_("Template added."))
        return redirect_to("case_templates")

    return answer_form(_form(_("Add a template"), _("Add")), act)


@pages.page("/cases/templates/<row_id:template_id>", needs=Permission.CASES_LEAD, methods=BOTH)
def case_template(actor: Actor, template_id: int) -> Answer:
    """Change a template."""
    template = find_template(actor, template_id)

    def act(values: dict[str, Any]) -> Answer:
        with transaction():
            changes = change_template(actor, find_template_to_change(actor, template_id), values)
        flash_changes(changes)
        return redirect_to("case_templates")

    present = {name: as_typed(getattr(template, name)) for name in FIELDS}
    page = replace(
        _form(_("Change the template"), _("Save")), schema=TEMPLATE_PATCH, edits=True, revision=template.version
    )
    return answer_form(page, act, present)


@pages.page("/cases/templates/<row_id:template_id>/deletion", needs=Permission.CASES_LEAD, methods=("POST",))
def delete_case_template(actor: Actor, template_id: int) -> Answer:
    """Delete a template; the journal keeps its text."""
    with transaction():
        delete_template(actor, find_template_to_change(actor, template_id))
    flash_message(_("Template deleted."))
    return redirect_to("case_templates")


def _form(title: str, submit: str) -> FormPage:
    hint = _("These are filled in: %(names)s.") % {"names": ", ".join(f"{{{name}}}" for name in PLACEHOLDERS)}
    languages = [(code, LANGUAGE_NAMES[code]) for code in OFFICIAL_LANGUAGES]
    return FormPage(
        title,
        submit,
        url_for("web.case_templates"),
        [
            form_field("kind", "radios", label=_("Used for"), choices=options("template_kind")),
            form_field(
                "rule", "select", hint=_("Without a rule the template is offered on every case."), choices=_rules()
            ),
            form_field("language", "radios", label=_("Language"), choices=languages),
            form_field("title", "text", label=_("Title")),
            form_field("text", "area", label=_("Text"), hint=hint),
        ],
        TEMPLATE_BODY,
        labels={"kind": _("Used for")},
    )


def _rules() -> list[tuple[str, str]]:
    return list(rule_titles().items())
