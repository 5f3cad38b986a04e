"""Labels of fields and of their choices, in English, marked for the catalogues."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from flask import Flask

from registry.agencies.schemas import AGENCY_BODY
from registry.cases.views.labels import CASE_FIELDS
from registry.core.languages import DEFAULT_LANGUAGE, OFFICIAL_LANGUAGES
from registry.core.text_lists import AMOUNT, YEAR
from registry.core.translations import lazy_text
from registry.exemptions.schemas import EXEMPTION_BODY
from registry.government_reports.schemas import REPORT_BODY
from registry.platform.schemas import ONBOARDING, RESTRICTION, VERIFICATION
from registry.projects.schemas import PROJECT, PROJECT_BODY
from registry.web.choice_labels import CHOICE_LABELS
from registry.web.current_user import page_locale
from registry.web.formats import NOTHING, day, moment, money
from registry.web.translations import gettext

# The records whose schemas carry the labels of their fields.
RECORDS: Final = (
    # First, because another date is due elsewhere.
    REPORT_BODY,
    *(PROJECT, PROJECT_BODY, AGENCY_BODY, EXEMPTION_BODY, VERIFICATION, ONBOARDING, RESTRICTION),
)
FIELDS: Final[Mapping[str, str]] = {
    **{
        name: field.metadata["label"]
        for record in RECORDS
        for name, field in record.fields.items()
        if field.metadata.get("label")
    },
    **CASE_FIELDS,
    # Names that belong to no record: filters, parameters, facts of earlier revisions, fields of accounts.
    "registered_on": lazy_text("Registered"),
    "order_migrate_by": lazy_text("Order to migrate by"),
    "earlier_rules": lazy_text("Rules that an edit ended"),
    "former_rules": lazy_text("Rules that a former record came under"),
    "earlier_contract_signed_on": lazy_text("Contract signed on, as recorded earlier"),
    "earlier_work_started_on": lazy_text("Work started on, as recorded earlier"),
    "earlier_pilot_started_on": lazy_text("Pilot started on, as recorded earlier"),
    "earlier_commissioned_on": lazy_text("In operation on, as recorded earlier"),
    "earlier_object_commissioned_on": lazy_text("Object in operation since, as recorded earlier"),
    "earlier_budget_kzt": lazy_text("Budget, as recorded earlier"),
    "earlier_object_original_cost_kzt": lazy_text("Original cost of the object, as recorded earlier"),
    "earlier_consent_number": lazy_text("Consent number, as recorded earlier"),
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
    "password_again": lazy_text("The same password again"),
    "first_day": lazy_text("First day"),
    "last_day": lazy_text("Last day"),
    "deputy": lazy_text("Deputy"),
    "to": lazy_text("New holder"),
    "owner": lazy_text("Owner"),
    "on": lazy_text("Date"),
    "expires_in": lazy_text("Valid for"),
    "scopes": lazy_text("Scopes"),
    "addresses": lazy_text("Addresses"),
    "code": lazy_text("Code"),
    "successor": lazy_text("BIN of the successor"),
    "projects": lazy_text("Projects that pass on"),
    "act": lazy_text("Act"),
    "reads_restricted": lazy_text("Reads restricted projects"),
    "withdrawn": lazy_text("Withdrawn projects"),
    "duplicate_of": lazy_text("Registered already as"),
    "recovery_code": lazy_text("Recovery code"),
    "attestation": lazy_text("Confirmed as true"),
}
# Parameters of messages that name a field.
LABELLED_PARAMS: Final = ("other", "field", "column")
DAYS: Final = ("_on", "migrate_by", "valid_from", "valid_to", "appeal_until")
AMOUNTS: Final = "_kzt"
INSTANTS: Final = "_at"
EARLIER: Final = "earlier_"
CHOICES_OF: Final = {"withdrawn_from": "case_status", "factor": "factor_kind"}


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
    if isinstance(value, list):
        return "; ".join(_entry(each) for each in value)
    if field.endswith(DAYS):
        return day(value)
    if field.endswith(INSTANTS):
        return moment(value)
    if field.endswith(AMOUNTS):
        return money(value)
    return choice_label(CHOICES_OF.get(field, field).removeprefix(EARLIER), value)


def _entry(value: Any) -> str:
    return f"{value[YEAR]}: {money(value[AMOUNT])}" if isinstance(value, Mapping) else str(value)


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
