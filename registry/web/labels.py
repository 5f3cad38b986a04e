"""What fields and their words are called on the pages. Texts in English, marked for the catalogues."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from flask import Flask

from registry.cases.views.labels import CASE_FIELDS
from registry.web.choice_labels import ROLES, WORDS
from registry.web.current_user import page_language
from registry.web.formats import NOTHING, day, moment, money
from registry.web.translations import gettext, marked

FIELDS: Final[Mapping[str, str]] = {
    "number": marked("Number"),
    "agency": marked("Agency"),
    "external_id": marked("Your own reference"),
    "object_code": marked("Code of the object"),
    "name_kk": marked("Name in Kazakh"),
    "name_ru": marked("Name in Russian"),
    "name_en": marked("Name in English"),
    "purpose": marked("Purpose"),
    "sector": marked("Sector"),
    "object_kind": marked("Kind of object"),
    "work_type": marked("Kind of work"),
    "stage": marked("Stage"),
    "placement": marked("Hosting"),
    "platform_key": marked("Key on QazTech"),
    "onboarding_due_on": marked("Onboarding due date"),
    "specification_approved_on": marked("Specification approved on"),
    "contract_signed_on": marked("Contract signed on"),
    "work_started_on": marked("Work started on"),
    "pilot_started_on": marked("Pilot started on"),
    "commissioned_on": marked("Result commissioned on"),
    "object_commissioned_on": marked("Object in operation since"),
    "planned_end_on": marked("Planned end"),
    "ended_on": marked("Ended on"),
    "contract_number": marked("Contract number"),
    "supplier_bin": marked("Supplier’s BIN"),
    "budget_kzt": marked("Budget"),
    "object_original_cost_kzt": marked("Original cost of the object"),
    "consent_number": marked("Number of the authorised body’s consent"),
    "funding": marked("Funding"),
    "region": marked("Region"),
    "url": marked("Web address"),
    "object_class": marked("Class of the object"),
    "is_ai": marked("Uses artificial intelligence"),
    "holds_personal_data": marked("Holds personal data"),
    "responsible_name": marked("Responsible person"),
    "responsible_position": marked("Position"),
    "responsible_email": marked("E-mail"),
    "placement_verified_on": marked("Placement on QazTech confirmed on"),
    "onboarding_confirmed_on": marked("Onboarding confirmed on"),
    "ending_confirmed_on": marked("Ending confirmed on"),
    "is_restricted": marked("Restricted"),
    "started_on": marked("Started on"),
    "registered_at": marked("Registered"),
    "updated_at": marked("Last changed"),
    "changed_at": marked("Last change, audits included"),
    "registered_on": marked("Registered"),
    "order_migrate_by": marked("Order to migrate by"),
    "earlier_started_on": marked("Started on, as recorded earlier"),
    "earlier_work_type": marked("Kind of work, as recorded earlier"),
    "earlier_stage": marked("Stage, as recorded earlier"),
    "earlier_ended_on": marked("Ended on, as recorded earlier"),
    "earlier_placement": marked("Hosting, as recorded earlier"),
    "file": marked("File"),
    "name": marked("Name"),
    "role": marked("Role"),
    "language": marked("Language"),
    "password": marked("Password"),
    "on": marked("Date"),
    "expires_in": marked("Valid for"),
    "freeze_status": marked("Freeze status"),
    "severity": marked("Severity"),
    "bin": marked("BIN"),
    "kind": marked("Kind of agency"),
    "parent_bin": marked("BIN of the parent agency"),
    "email": marked("E-mail"),
    "verified_on": marked("Confirmed on"),
    "due_on": marked("Due on"),
    "evidence": marked("Evidence"),
    "decision_number": marked("Number of the decision"),
    "decided_on": marked("Decided on"),
    "valid_from": marked("Valid from"),
    "valid_to": marked("Valid to"),
    "scope": marked("What it covers"),
    "conditions": marked("Conditions"),
    "reason": marked("Reason"),
    **CASE_FIELDS,
}
# Parameters of messages that name a field.
LABELLED_PARAMS: Final = ("other", "field", "column")
DAYS: Final = ("_on", "migrate_by", "valid_from", "valid_to", "appeal_until")
AMOUNTS: Final = "_kzt"
INSTANTS: Final = "_at"
EARLIER: Final = "earlier_"
WORDS_OF: Final = {"withdrawn_from": "case_status"}


def field_label(name: str) -> str:
    """What a field is called."""
    text = FIELDS.get(name)
    return name if text is None else gettext(text)


def word(field: str, value: str | int | bool | None) -> str:
    """What a word of a field is called; the word itself for one without a name."""
    if isinstance(value, bool):
        return gettext("Yes") if value else gettext("No")
    text = WORDS.get(field, {}).get(str(value))
    return str(value) if text is None else gettext(text)


def shown(field: str, value: Any) -> str:
    """A field's value as a person reads it; a dash for none. Takes what JSON holds, too."""
    if value is None or value == "":
        return NOTHING
    if field.endswith(DAYS):
        return day(value)
    if field.endswith(INSTANTS):
        return moment(value)
    if field.endswith(AMOUNTS):
        return money(value)
    return word(WORDS_OF.get(field, field).removeprefix(EARLIER), value)


def options(field: str) -> list[tuple[str, str]]:
    """``(word, name)`` of all that a field may hold."""
    return [(value, gettext(text)) for value, text in WORDS[field].items()]


def role_name(role: str) -> str:
    """What a role is called."""
    return gettext(ROLES[role]) if role in ROLES else role


def name_in_page_language(named: Any) -> str:
    """The name of a project or agency in the page's language, or the nearest one that it has."""
    get = named.get if isinstance(named, Mapping) else lambda key: getattr(named, key)
    language = page_language()
    order = [language, *(other for other in ("ru", "kk", "en") if other != language)]
    return next((str(get(f"name_{each}")) for each in order if get(f"name_{each}")), "")


def attach_labels(app: Flask) -> None:
    """Give them to the templates."""
    app.jinja_env.globals.update(
        field_label=field_label,
        word=word,
        options=options,
        shown=shown,
        role_name=role_name,
        known_fields=lambda: FIELDS,
    )
    app.add_template_filter(name_in_page_language, "named")
    app.add_template_filter(field_label, "field_label_of")
    app.add_template_test(lambda name, record: getattr(record, name) is None, "missing_in")
