"""Labels of fields and of their choices, in English, marked for the catalogues."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from flask import Flask

import registry.models  # noqa: F401 - every vocabulary is known then
from registry.accounts.models import AccountStatus, TokenStatus
from registry.agencies.fields import AGENCY_BODY
from registry.approvals.models import EFFECT_LABELS, ApprovalState
from registry.cases import vocabulary
from registry.cases.vocabulary import AppealOutcome, AppealState, OrderState, Status
from registry.changes.models import ChangeType
from registry.core.fields import AMOUNT, YEAR
from registry.core.translations import DEFAULT_LANGUAGE, LANGUAGE_NAMES, OFFICIAL_LANGUAGES, lazy_text
from registry.exemptions.schemas import EXEMPTION_BODY
from registry.flags.models import AuditStatus
from registry.freeze.facts import CLAIMED
from registry.freeze.vocabulary import OF_FIELDS, Choices, Severity
from registry.government_reports.models import GovernmentReportStatus
from registry.government_reports.schemas import REPORT_BODY
from registry.imports.models import ROW_OUTCOMES, ImportState
from registry.platform.inventory import ROW as INVENTORY_ROW
from registry.platform.products import PRODUCT
from registry.platform.schemas import ONBOARDING, RESTRICTION, VERIFICATION
from registry.policies.models import PolicyState
from registry.procurement.models import MatchState, NoProject
from registry.procurement.schemas import CONTRACT
from registry.projects.schemas import PROJECT, PROJECT_BODY
from registry.projects.vocabulary import AttestationState, FreezeStatus
from registry.requests.models import RequestState
from registry.signatures.models import SignableAct
from registry.state_systems.models import ExternalState
from registry.state_systems.schemas import EXTERNAL_CONFIRMATION
from registry.web.current_user import page_locale
from registry.web.formats import NOTHING, day, deadline, gettext, moment, money
from registry.webhooks.models import TEST_EVENT, DeliveryState

# Labels of choices by field. The vocabularies of the slices hold them, and name their field.


def _labels(choices: Iterable[Choices]) -> dict[str, str]:
    return {choice.value: choice.label for choice in choices}


# Forms and filters offer the choices in this order.
CHOICE_LABELS: Final[Mapping[str, Mapping[str, str]]] = {
    **{field: _labels(choices) for field, choices in OF_FIELDS.items()},
    "severity": _labels(reversed(Severity)),
    "flagged": {severity.value: severity.flagged_label for severity in Severity.worst_first()},
    "row_outcome": ROW_OUTCOMES,
    # Two actions have other labels in some statuses.
    "case_action": {
        **_labels(vocabulary.ActionName),
        "reopen": lazy_text("Reopen the review"),
        "withdraw_order": lazy_text("Withdraw the order"),
        "withdraw_question": lazy_text("Withdraw the question"),
        "withdraw_proposal": lazy_text("Withdraw the proposal"),
        "withdraw_referral": lazy_text("Withdraw the referral"),
    },
    "case_event": {
        **{action.value: action.event_label for action in vocabulary.ActionName},
        **_labels(vocabulary.AuditEvent),
        **_labels(vocabulary.FurtherEvent),
    },
    "court_outcome": _labels(AppealOutcome),
    "why": _labels(NoProject),
    "approval_effect": EFFECT_LABELS,
    "signed_act": _labels(SignableAct),
    "sign_act": {act.value: act.button for act in SignableAct},
    "webhook_event": _labels(ChangeType) | {TEST_EVENT: lazy_text("Test")},
    "language": LANGUAGE_NAMES,
}


# The records whose schemas carry the labels of their fields.
RECORDS: Final = (
    # First, because another date is due elsewhere.
    REPORT_BODY,
    CONTRACT,
    EXTERNAL_CONFIRMATION,
    PRODUCT,
    INVENTORY_ROW,
    *(PROJECT, PROJECT_BODY, AGENCY_BODY, EXEMPTION_BODY, VERIFICATION, ONBOARDING, RESTRICTION),
)
FIELDS: Final[Mapping[str, str]] = {
    **{
        name: field.metadata["label"]
        for record in RECORDS
        for name, field in record.fields.items()
        if field.metadata.get("label")
    },
    **vocabulary.CASE_FIELDS,
    # Names that belong to no record: filters, parameters, facts of earlier revisions, fields of accounts.
    "registered_on": lazy_text("Registered"),
    "match": lazy_text("Match"),
    # Of an inventory.
    "file_name": lazy_text("File"),
    "sha256": "SHA-256",
    "flagged": lazy_text("Records with a medium or high flag that it confirms"),
    "changed_since_audit": lazy_text("Records changed since the last audit that it confirms"),
    "lost": lazy_text("Records that lose their confirmation"),
    "order_migrate_by": lazy_text("Order to migrate by"),
    "order_end_by": lazy_text("Order to end by"),
    "earlier_rules": lazy_text("Rules that an edit ended"),
    "former_rules": lazy_text("Rules that a former record came under"),
    "contradictions": lazy_text("What contradicts"),
    CLAIMED: lazy_text("Claimed, not confirmed"),
    "fact": lazy_text("Fact"),
    "counted_with": lazy_text("Counted with"),
    "counted_elsewhere": lazy_text("Counted with, of other agencies"),
    "total_kzt": lazy_text("Together"),
    "contract": lazy_text("Contract"),
    "no_project": lazy_text("Why it belongs to no project"),
    "portal_contracts": lazy_text("Contracts on the procurement portal"),
    "portal_signed_on": lazy_text("Signed on, by the portal"),
    "portal_sum_kzt": lazy_text("Sum, by the portal"),
    "portal_sum_before_kzt": lazy_text("Sum before, by the portal"),
    "amended_on": lazy_text("Amended on"),
    "least_cost_kzt": lazy_text("Least original cost stated"),
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
    "link_kind": lazy_text("Kind of link"),
    "target": lazy_text("Other project"),
    "recovery_code": lazy_text("Recovery code"),
    "attestation": lazy_text("Confirmed as true"),
    "migration_plan": lazy_text("Migration plan"),
    "case_status": lazy_text("Status of the case"),
    "issued_on": lazy_text("Date of the letter"),
}
# Parameters of messages that name a field.
LABELLED_PARAMS: Final = ("other", "field", "column")
DAYS: Final = ("_on", "migrate_by", "end_by", "valid_from", "valid_to")
DEADLINES: Final = ("due_on", "appeal_until")
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
        return "; ".join(_entry(field, each) for each in value)
    if field in (CLAIMED, "fact"):
        return "; ".join(field_label(name) for name in str(value).split(", "))
    if field in DEADLINES:
        return deadline(value)
    if field.endswith(DAYS):
        return day(value)
    if field.endswith(INSTANTS):
        return moment(value)
    if field.endswith(AMOUNTS):
        return money(value)
    return choice_label(CHOICES_OF.get(field, field).removeprefix(EARLIER), value)


def display_fact(fact: str, value: str) -> str:
    """Format the value of a fact of the record, which its confirmation keeps as text."""
    return display_value(fact, int(value) if fact.endswith(AMOUNTS) else value)


def labelled_facts(facts: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return fields of a record as choices, each with its value."""
    return [(name, f"{field_label(name)}: {display_value(name, value)}") for name, value in facts.items()]


def _entry(field: str, value: Any) -> str:
    return f"{value[YEAR]}: {money(value[AMOUNT])}" if isinstance(value, Mapping) else choice_label(field, value)


# Labels of filters that are no field of a record, and of the ends of a range.
FILTERS: Final[Mapping[str, str]] = {
    "flagged": lazy_text("Flagged"),
    "flagged_until": lazy_text("Flagged if nothing changes, by"),
    "flagged_next_for": lazy_text("Flagged soon, by rule"),
    "open_rule": lazy_text("Open flags by rule"),
    "flag_age": lazy_text("Age of open flags"),
    "is_null": lazy_text("Not stated"),
    "has_security_conclusion": lazy_text("With a security test conclusion"),
    "id": lazy_text("Chosen cases"),
    "overdue": lazy_text("Overdue"),
    "is_assigned": lazy_text("Assigned to a reviewer"),
    "to_approve": lazy_text("Waiting for my approval"),
    "project": lazy_text("Project"),
    "changed_at": lazy_text("Changed"),
}
ENDS: Final[Mapping[str, str]] = {"_from": lazy_text("from"), "_to": lazy_text("to")}
RULE_FILTERS: Final = ("rule", "open_rule", "flagged_next_for")


def filter_text(name: str, value: str, rules: Mapping[str, str]) -> str:
    """Return a filter of a list and its value, which may be invalid. ``rules``: the titles of rules by their code."""
    end = next((each for each in ENDS if name.endswith(each) and name not in FIELDS), "")
    field = name.removesuffix(end)
    label = gettext(FILTERS[field]) if field in FILTERS else field_label(field)
    if end:
        label += ", " + gettext(ENDS[end])
    return f"{label}: " + "; ".join(_filter_value(field, each, rules) for each in value.split(","))


def _filter_value(name: str, value: str, rules: Mapping[str, str]) -> str:
    if name in RULE_FILTERS:
        return rules.get(value, value)
    if name == "is_null":
        return field_label(value)
    if name == "flag_age":
        age, _, severity = value.partition("-")
        return (
            f"{choice_label(name, age)}, {choice_label('severity', severity)}" if severity else choice_label(name, age)
        )
    try:
        if name.endswith(AMOUNTS):
            return money(int(value))
        if name in ("flagged_until", *DEADLINES) or (name.endswith(INSTANTS) and "T" not in value):
            return day(value)
        field = "case_status" if name == "status" else name
        return display_value(field, value == "true" if value in ("true", "false") else value)
    except ValueError:
        return value


def options(field: str) -> list[tuple[str, str]]:
    """Return ``(choice, label)`` of all choices of a field."""
    return [(value, gettext(text)) for value, text in CHOICE_LABELS[field].items()]


def choices(field: str) -> list[str]:
    """Return the codes of all choices of a field, in the order in which pages display them."""
    return list(CHOICE_LABELS[field])


def role_name(role: str) -> str:
    """Return the label of a role."""
    return choice_label("role", role)


def name_in_page_language(named: Any, field: str = "name") -> str:
    """Return the name, or another text, of a record in the page's language, else in the nearest one that it has."""
    language = page_locale()
    order = (f"{field}_{each}" for each in (language, *reversed(OFFICIAL_LANGUAGES), DEFAULT_LANGUAGE))
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
        display_fact=display_fact,
        filter_text=filter_text,
        role_name=role_name,
        known_fields=lambda: FIELDS,
    )
    app.add_template_filter(name_in_page_language, "named")
    app.add_template_filter(field_label, "field_label_of")
    app.add_template_test(lambda name, record: getattr(record, name) is None, "missing_in")


# Colours of tags: of severities by their rank, of statuses by a table; statuses without a line are grey.

# By rank, the lowest first. registry.css has as many classes ``--severity-<rank>``.
SEVERITY_COLOURS: Final = ("blue", "orange", "red", "magenta", "purple")
OTHERS: Final = "grey"
ROW_COLOURS: Final = {"created": "green", "updated": "blue", "rejected": "red"}
STATUS_COLOURS: Final[Mapping[str, Mapping[Choices, str]]] = {
    "freeze_status": {
        FreezeStatus.FLAGGED: "red",
        FreezeStatus.TO_MIGRATE: "turquoise",
        FreezeStatus.CLEAR: "green",
        FreezeStatus.EXEMPT: "purple",
        FreezeStatus.ACCEPTED: "teal",
    },
    "attestation": {AttestationState.DUE: "yellow", AttestationState.OVERDUE: "orange"},
    "audit_status": {
        AuditStatus.SUCCEEDED: "green",
        AuditStatus.HELD: "orange",
        AuditStatus.FAILED: "red",
        AuditStatus.RUNNING: "blue",
    },
    "policy_state": {PolicyState.IN_FORCE: "green", PolicyState.SCHEDULED: "blue", PolicyState.DRAFT: "yellow"},
    "import_state": {ImportState.DONE: "green", ImportState.FAILED: "red", ImportState.RUNNING: "blue"},
    "case_status": {
        Status.NEW: "blue",
        Status.UNDER_REVIEW: "teal",
        Status.AWAITING_AGENCY: "yellow",
        Status.AWAITING_APPROVAL: "purple",
        Status.WITH_COMMISSION: "purple",
        Status.REMEDIATION: "orange",
        Status.AWAITING_CONFIRMATION: "green",
    },
    "order_state": {
        OrderState.IN_FORCE: "blue",
        OrderState.OVERDUE: "red",
        OrderState.TO_CONFIRM: "yellow",
        OrderState.FULFILLED: "green",
        OrderState.SUSPENDED: "purple",
        OrderState.IN_COURT: "purple",
    },
    "appeal_state": {AppealState.OPEN: "yellow", AppealState.IN_COURT: "purple"},
    "account_status": {AccountStatus.ACTIVE: "green", AccountStatus.INVITED: "blue", AccountStatus.PENDING: "yellow"},
    "request_state": {RequestState.WAITING: "yellow", RequestState.CONFIRMED: "green", RequestState.REFUSED: "red"},
    "match_state": {MatchState.MATCHED: "green", MatchState.CONFIRMED: "green", MatchState.TO_CHECK: "yellow"},
    "external_state": {
        ExternalState.TO_CHECK: "yellow",
        ExternalState.DIFFERS: "red",
        ExternalState.TO_CONFIRM: "yellow",
        ExternalState.CONFIRMED: "green",
    },
    "approval_state": {ApprovalState.WAITING: "yellow", ApprovalState.APPROVED: "green", ApprovalState.REJECTED: "red"},
    "report_status": {
        GovernmentReportStatus.DRAFT: "blue",
        GovernmentReportStatus.IN_REVIEW: "yellow",
        GovernmentReportStatus.RETURNED: "orange",
        GovernmentReportStatus.ISSUED: "green",
    },
    "delivery_state": {
        DeliveryState.DELIVERED: "green",
        DeliveryState.WAITING: "yellow",
        DeliveryState.QUEUED: "blue",
        DeliveryState.GIVEN_UP: "red",
    },
    "token_status": {TokenStatus.VALID: "green", TokenStatus.PENDING: "yellow"},
}


# Lines of the areas of charts by CSS class, as SVG paths; severities by rank. Other areas are plain.
SHARE_PATTERNS: Final[Mapping[str, str]] = {
    "severity-1": "M1 3h2M5 7h2",
    "severity-2": "M-2 10L10 -2M-2 2L2 -2M6 10L10 6",
    "severity-4": "M0 6L4 2L8 6",
    "severity-5": "M4 0v8",
    FreezeStatus.TO_MIGRATE: "M0 4h8",
    FreezeStatus.EXEMPT: "M2 0v8M6 0v8",
    FreezeStatus.ACCEPTED: "M0 0L8 8M8 0L0 8",
    FreezeStatus.UNAUDITED: "M0 2h8M0 6h8",
}


def severity_rank(severity: str) -> int:
    """Return the rank of a severity for CSS classes, at most the number of colours; 0 for the plan."""
    return min(Severity(severity).rank, len(SEVERITY_COLOURS))


def tag_colour(field: str, code: str) -> str:
    """Return the colour of the tag of a field's choice."""
    if code == Severity.PLAN:
        return STATUS_COLOURS["freeze_status"][FreezeStatus.TO_MIGRATE]
    if field in ("severity", "flagged"):
        return SEVERITY_COLOURS[severity_rank(code) - 1]
    if field == "row_outcome":
        return ROW_COLOURS.get(code, OTHERS)
    return next((colour for choice, colour in STATUS_COLOURS.get(field, {}).items() if choice == code), OTHERS)


def share_class(share: str) -> str:
    """Return the CSS class of a share: a freeze status, for flagged projects the rank of their severity."""
    status, _underscore, severity = share.partition("_")
    return f"severity-{severity_rank(severity)}" if status == FreezeStatus.FLAGGED and severity else share
