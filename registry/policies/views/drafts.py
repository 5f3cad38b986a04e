"""Forms of drafts: a new one, and its thresholds and rules."""

from __future__ import annotations

from typing import Any, Final

from flask import url_for

from registry.accounts.actors import Actor
from registry.accounts.roles import Permission
from registry.audits.views.findings import rule_titles
from registry.core.base_schema import BaseSchema
from registry.core.fields import AnyDay, Choice, InputField, Text, WholeNumber
from registry.core.transactions import transaction
from registry.freeze.policy import NOT_JUDGED, Policy
from registry.freeze.policy_document import policy_document
from registry.freeze.rules import RULES
from registry.freeze.vocabulary import Severity
from registry.policies.models import MAX_VERSION_LENGTH
from registry.policies.queries import list_policies
from registry.policies.schemas import VersionName
from registry.policies.service import change_draft, draft_policy, draft_to_change, find_draft
from registry.policies.views.labels import setting_label
from registry.web.blueprint import Answer, pages, redirect_to
from registry.web.fields import Field, form_field
from registry.web.flash import flash_message
from registry.web.form_pages import FormPage, answer_form
from registry.web.forms import as_typed
from registry.web.labels import choice_label
from registry.web.translations import gettext as _

OFF: Final = "off"
# Form name → rule. A full stop in the name of a marshmallow field would mean a nested value.
RULE_FIELDS: Final = {f"rule-{name.replace('.', '-')}": name for name in RULES}
CLOCK_PREFIX: Final = "clock-"
APPEALS: Final = "appeal_suspends"
YES: Final = "yes"
NO: Final = "no"
DAYS: Final = ("cutoff", "migration_deadline")
SEVERITIES: Final = ("edit_severity", "case_from_severity")
# Name → smallest and largest, as registry/freeze/policy_shape.py has them.
NUMBERS: Final = {
    "pilot_limit_months": (1, 600),
    "modification_limit_percent": (0, 100),
    "verification_grace_days": (0, 3650),
    "onboarding_limit_months": (1, 600),
    "attestation_months": (0, 600),
    "safety_belt_percent": (0, 100),
    "safety_belt_minimum": (0, 1_000_000_000),
    "document_quota_mib": (1, 1_000_000),
    f"{CLOCK_PREFIX}answer": (1, 3650),
    f"{CLOCK_PREFIX}review": (1, 3650),
    f"{CLOCK_PREFIX}appeal": (1, 3650),
}


class NewDraft(BaseSchema):
    """A draft to begin on its page."""

    version = VersionName(MAX_VERSION_LENGTH, required=True)
    based_on = Text(required=True)


def _fields() -> dict[str, InputField]:
    days: dict[str, InputField] = {name: AnyDay(required=True) for name in DAYS}
    numbers = {name: WholeNumber(*limits, required=True) for name, limits in NUMBERS.items()}
    rules = {name: Choice((OFF, *Severity.codes()), required=True) for name in RULE_FIELDS}
    choices = {
        "edit_severity": Choice((NOT_JUDGED, *Severity.codes()), required=True),
        "case_from_severity": Choice(Severity, required=True),
        APPEALS: Choice((YES, NO), required=True),
    }
    return {**days, **choices, **numbers, **rules}


NEW_DRAFT: Final = NewDraft()
SETTINGS: Final = type("DraftSettings", (BaseSchema,), {"__doc__": "Settings of a draft on its page.", **_fields()})()


@pages.page("/policies/new", needs=Permission.POLICIES_WRITE, methods=("GET", "POST"))
def new_policy(actor: Actor) -> Answer:
    """Begin a draft from another version."""
    versions = [(each.version, each.version) for each in list_policies(actor)]
    page = FormPage(
        _("Draft a policy"),
        _("Create the draft"),
        url_for("web.policies"),
        [
            form_field("version", "text", label=_("Version"), hint=_("Such as 2026.2. It cannot be changed later.")),
            form_field("based_on", "select", label=_("Based on"), choices=versions),
        ],
        NEW_DRAFT,
        intro=_("A draft begins with every setting of another version. Nothing changes until it is activated."),
    )

    def act(values: dict[str, Any]) -> Answer:
        draft_policy(actor, values)
        flash_message(_("The draft is created."))
        return redirect_to("edit_policy", version=values["version"])

    in_force = next((each.version for each in list_policies(actor) if each.state == "in_force"), "")
    return answer_form(page, act, {"based_on": in_force})


@pages.page("/policies/<version>/edit", needs=Permission.POLICIES_WRITE, methods=("GET", "POST"))
def edit_policy(actor: Actor, version: str) -> Answer:
    """Change the thresholds of a draft, and which rules are on with which severity."""
    record = find_draft(actor, version)
    policy = record.policy
    page = FormPage(
        _("Change the draft"),
        _("Save the draft"),
        url_for("web.policy", version=version),
        _form_fields(),
        SETTINGS,
        intro=_("Texts, clauses, scope and expected verdicts are changed through the API."),
        subject=_("Version %(version)s") % {"version": version},
        edits=True,
        revision=None if record.stored is None else record.stored.revision,
        headings={DAYS[0]: _("Thresholds and dates"), next(iter(RULE_FIELDS)): _("Severity of the rules")},
    )

    def act(values: dict[str, Any]) -> Answer:
        with transaction():
            change_draft(actor, draft_to_change(actor, version), _settings(values))
        flash_message(_("The draft is saved."))
        return redirect_to("policy", version=version)

    return answer_form(page, act, _present(policy))


def _form_fields() -> list[Field]:
    titles = rule_titles()
    severities = [(code, choice_label("severity", code)) for code in reversed(Severity.codes())]
    return [
        *(form_field(name, "day", label=setting_label(name)) for name in DAYS),
        form_field(
            "edit_severity",
            "select",
            label=setting_label("edit_severity"),
            choices=[*severities, (NOT_JUDGED, _("Off"))],
        ),
        form_field("case_from_severity", "select", label=setting_label("case_from_severity"), choices=severities),
        form_field(APPEALS, "select", label=setting_label(APPEALS), choices=[(YES, _("Yes")), (NO, _("No"))]),
        *(form_field(name, "digits", label=setting_label(name.replace(CLOCK_PREFIX, "clocks."))) for name in NUMBERS),
        *(
            form_field(field, "select", label=titles.get(name, name), choices=[*severities, (OFF, _("Off"))])
            for field, name in RULE_FIELDS.items()
        ),
    ]


def _present(policy: Policy) -> dict[str, str]:
    document = policy_document(policy)
    clocks = {f"{CLOCK_PREFIX}{name}": number for name, number in document["clocks"].items()}
    plain = {name: as_typed({**document, **clocks}[name]) for name in (*DAYS, *SEVERITIES, *NUMBERS)}
    in_form = {field: policy.rules[name] for field, name in RULE_FIELDS.items()}
    rules = {field: rule.severity if rule.enabled else OFF for field, rule in in_form.items()}
    return {**plain, APPEALS: as_typed(policy.appeal_suspends), **rules}


def _settings(values: dict[str, Any]) -> dict[str, Any]:
    settings: dict[str, Any] = {"clocks": {}, "rules": {}}
    for name, value in values.items():
        if name in RULE_FIELDS:
            rule = {"enabled": False} if value == OFF else {"enabled": True, "severity": value}
            settings["rules"][RULE_FIELDS[name]] = rule
        elif name.startswith(CLOCK_PREFIX):
            settings["clocks"][name.removeprefix(CLOCK_PREFIX)] = value
        elif name == APPEALS:
            settings[name] = value == YES
        else:
            settings[name] = value
    return settings
