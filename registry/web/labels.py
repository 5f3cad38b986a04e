"""Labels of fields and of their choices, in English, marked for the catalogues."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from flask import Flask

from registry.cases.views.labels import CASE_FIELDS
from registry.core.languages import DEFAULT_LANGUAGE, OFFICIAL_LANGUAGES
from registry.core.translations import lazy_text
from registry.web.choice_labels import CHOICE_LABELS
from registry.web.current_user import page_locale
from registry.web.formats import NOTHING, day, moment, money
from registry.web.translations import gettext

FIELDS: Final[Mapping[str, str]] = {
    "number": lazy_text("Number"),
    "agency": lazy_text("Agency"),
    "external_id": lazy_text("Your own reference"),
    "object_code": lazy_text("Code of the object"),
    "name_kk": lazy_text("Name in Kazakh"),
    "name_ru": lazy_text("Name in Russian"),
    "name_en": lazy_text("Name in English"),
    "purpose": lazy_text("Purpose"),
    "sector": lazy_text("Sector"),
    "object_kind": lazy_text("Kind of object"),
    "work_type": lazy_text("Kind of work"),
    "stage": lazy_text("Stage"),
    "placement": lazy_text("Hosting"),
    "platform_key": lazy_text("Key on QazTech"),
    "onboarding_due_on": lazy_text("Onboarding due date"),
    "specification_approved_on": lazy_text("Specification approved on"),
    "contract_signed_on": lazy_text("Contract signed on"),
    "work_started_on": lazy_text("Work started on"),
    "pilot_started_on": lazy_text("Pilot started on"),
    "commissioned_on": lazy_text("Result commissioned on"),
    "object_commissioned_on": lazy_text("Object in operation since"),
    "planned_end_on": lazy_text("Planned end"),
    "ended_on": lazy_text("Ended on"),
    "contract_number": lazy_text("Contract number"),
    "supplier_bin": lazy_text("Supplier’s BIN"),
    "budget_kzt": lazy_text("Budget"),
    "object_original_cost_kzt": lazy_text("Original cost of the object"),
    "consent_number": lazy_text("Number of the authorised body’s consent"),
    "funding": lazy_text("Funding"),
    "region": lazy_text("Region"),
    "url": lazy_text("Web address"),
    "object_class": lazy_text("Class of the object"),
    "is_ai": lazy_text("Uses artificial intelligence"),
    "holds_personal_data": lazy_text("Holds personal data"),
    "responsible_name": lazy_text("Responsible person"),
    "responsible_position": lazy_text("Position"),
    "responsible_email": lazy_text("E-mail"),
    "placement_verified_on": lazy_text("Placement on QazTech confirmed on"),
    "onboarding_confirmed_on": lazy_text("Onboarding confirmed on"),
    "ending_confirmed_on": lazy_text("Ending confirmed on"),
    "is_restricted": lazy_text("Restricted"),
    "started_on": lazy_text("Started on"),
    "registered_at": lazy_text("Registered"),
    "updated_at": lazy_text("Last changed"),
    "changed_at": lazy_text("Last change, audits included"),
    "registered_on": lazy_text("Registered"),
    "order_migrate_by": lazy_text("Order to migrate by"),
    "earlier_started_on": lazy_text("Started on, as recorded earlier"),
    "earlier_work_type": lazy_text("Kind of work, as recorded earlier"),
    "earlier_stage": lazy_text("Stage, as recorded earlier"),
    "earlier_ended_on": lazy_text("Ended on, as recorded earlier"),
    "earlier_placement": lazy_text("Hosting, as recorded earlier"),
    "file": lazy_text("File"),
    "name": lazy_text("Name"),
    "role": lazy_text("Role"),
    "language": lazy_text("Language"),
    "password": lazy_text("Password"),
    "on": lazy_text("Date"),
    "expires_in": lazy_text("Valid for"),
    "freeze_status": lazy_text("Freeze status"),
    "severity": lazy_text("Severity"),
    "bin": lazy_text("BIN"),
    "kind": lazy_text("Kind of agency"),
    "parent_bin": lazy_text("BIN of the parent agency"),
    "email": lazy_text("E-mail"),
    "verified_on": lazy_text("Confirmed on"),
    "due_on": lazy_text("Due on"),
    "evidence": lazy_text("Evidence"),
    "decision_number": lazy_text("Number of the decision"),
    "decided_on": lazy_text("Decided on"),
    "valid_from": lazy_text("Valid from"),
    "valid_to": lazy_text("Valid to"),
    "scope": lazy_text("What it covers"),
    "conditions": lazy_text("Conditions"),
    "reason": lazy_text("Reason"),
    **CASE_FIELDS,
}
# Parameters of messages that name a field.
LABELLED_PARAMS: Final = ("other", "field", "column")
DAYS: Final = ("_on", "migrate_by", "valid_from", "valid_to", "appeal_until")
AMOUNTS: Final = "_kzt"
INSTANTS: Final = "_at"
EARLIER: Final = "earlier_"
CHOICES_OF: Final = {"withdrawn_from": "case_status"}


def field_label(name: str) -> str:
    """Return the label of a field."""
    text = FIELDS.get(name)
    return name if text is None else gettext(text)


def choice_label(field: str, value: str | int | bool | None) -> str:
    """Return the label of a field's choice; the choice itself when it has no label."""
    if isinstance(value, bool):
        return gettext("Yes") if value else gettext("No")
    text = CHOICE_LABELS.get(field, {}).get(str(value))
    return str(value) if text is None else gettext(text)


def display_value(field: str, value: Any) -> str:
    """Format a field's value, also in its JSON form; a dash for None."""
    if value is None or value == "":
        return NOTHING
    if field.endswith(DAYS):
        return day(value)
    if field.endswith(INSTANTS):
        return moment(value)
    if field.endswith(AMOUNTS):
        return money(value)
    return choice_label(CHOICES_OF.get(field, field).removeprefix(EARLIER), value)


def options(field: str) -> list[tuple[str, str]]:
    """Return ``(choice, label)`` of all choices of a field."""
    return [(value, gettext(text)) for value, text in CHOICE_LABELS[field].items()]


def choices(field: str) -> list[str]:
    """Return the codes of all choices of a field, in the order in which pages display them."""
    return list(CHOICE_LABELS[field])


def role_name(role: str) -> str:
    """Return the label of a role."""
    return choice_label("role", role)


def name_in_page_language(named: Any) -> str:
    """Return the name of a project or agency in the page's language, else in the nearest one that it has."""
    language = page_locale()
    order = (f"name_{each}" for each in (language, *reversed(OFFICIAL_LANGUAGES), DEFAULT_LANGUAGE))
    names = (named.get(key) if isinstance(named, Mapping) else getattr(named, key, None) for key in order)
    return next((str(name) for name in names if name), "")


def init_labels(app: Flask) -> None:
    """Register the template functions."""
    app.jinja_env.globals.update(
        field_label=field_label,
        choice_label=choice_label,
        choices=choices,
        options=options,
        display_value=display_value,
        role_name=role_name,
        known_fields=lambda: FIELDS,
    )
    app.add_template_filter(name_in_page_language, "named")
    app.add_template_filter(field_label, "field_label_of")
    app.add_template_test(lambda name, record: getattr(record, name) is None, "missing_in")
