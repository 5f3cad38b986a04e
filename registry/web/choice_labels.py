"""Labels of choices by field. The vocabularies of the slices hold them; here each gets the name of its field."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from registry.accounts.factors.models import FactorKind
from registry.accounts.roles import Role
from registry.accounts.scopes import Scope
from registry.accounts.vocabulary import AccountKind, AccountStatus, TokenStatus
from registry.agencies.vocabulary import Region
from registry.approvals.vocabulary import EFFECT_LABELS, ApprovalKindCode, ApprovalState
from registry.cases.vocabulary import (
    ActionName,
    AuditEvent,
    CommissionOutcome,
    DecisionKind,
    FurtherEvent,
    Outcome,
    ReasonCode,
    Status,
    TemplateKind,
)
from registry.core.languages import LANGUAGE_NAMES
from registry.core.translations import lazy_text
from registry.flags.vocabulary import AuditStatus, FlagChange, FlagStatus, HeldCause, HeldDecisionKind, Trigger
from registry.freeze.choices import Choices
from registry.freeze.vocabulary import AgencyKind, Placement, Severity, Stage, WorkType
from registry.government_reports.vocabulary import GovernmentReportStatus, Section
from registry.imports.vocabulary import ROW_OUTCOMES, ImportKind, ImportState
from registry.inbox.vocabulary import EntryKind
from registry.letters.vocabulary import LetterEnd, LetterKind
from registry.notifications.vocabulary import ChannelChoice
from registry.platform.vocabulary import ConfirmationKind
from registry.policies.vocabulary import PolicyState
from registry.projects.vocabulary import (
    AttestationState,
    DocumentKind,
    FlagAge,
    FreezeStatus,
    Funding,
    LinkKind,
    ObjectClass,
    ObjectKind,
    Sector,
    WithdrawnProjects,
)
from registry.requests.vocabulary import RequestKind, RequestState, SuccessionKind
from registry.saved_views.vocabulary import ViewList
from registry.webhooks.vocabulary import EVENT_LABELS, DeliveryError, DeliveryState, DisabledReason


def _labels(choices: Iterable[Choices]) -> dict[str, str]:
    return {choice.value: choice.label for choice in choices}


# Forms and filters offer the choices in this order.
CHOICE_LABELS: Final[Mapping[str, Mapping[str, str]]] = {
    "role": _labels(Role),
    "kind": _labels(AgencyKind),
    "object_kind": _labels(ObjectKind),
    "work_type": _labels(WorkType),
    "stage": _labels(Stage),
    "placement": _labels(Placement),
    "funding": _labels(Funding),
    "sector": _labels(Sector),
    "region": _labels(Region),
    "object_class": _labels(ObjectClass),
    "freeze_status": _labels(FreezeStatus),
    "attestation": _labels(AttestationState),
    "withdrawn": _labels(WithdrawnProjects),
    "severity": _labels(Severity.worst_first()),
    "flagged": {severity.value: severity.flagged_label for severity in Severity.worst_first()},
    "flag_status": _labels(FlagStatus),
    "flag_age": _labels(FlagAge),
    "audit_status": _labels(AuditStatus),
    "trigger": _labels(Trigger),
    "letter_kind": _labels(LetterKind),
    "letter_end": _labels(LetterEnd),
    "held_cause": _labels(HeldCause),
    "held_decision": _labels(HeldDecisionKind),
    "change": _labels(FlagChange),
    "document_kind": _labels(DocumentKind),
    "link_kind": _labels(LinkKind),
    "import_state": _labels(ImportState),
    "import_kind": _labels(ImportKind),
    "row_outcome": ROW_OUTCOMES,
    "case_status": _labels(Status),
    # While an order is in force, two actions have other labels.
    "case_action": {
        **_labels(ActionName),
        "reopen": lazy_text("Reopen the review"),
        "withdraw_order": lazy_text("Withdraw the order"),
    },
    "case_event": {
        **{action.value: action.event_label for action in ActionName},
        **_labels(AuditEvent),
        **_labels(FurtherEvent),
    },
    "decision": _labels(DecisionKind),
    "outcome": _labels(Outcome),
    "reason_code": _labels(ReasonCode),
    "template_kind": _labels(TemplateKind),
    "commission_outcome": _labels(CommissionOutcome),
    "account_kind": _labels(AccountKind),
    "account_status": _labels(AccountStatus),
    "token_status": _labels(TokenStatus),
    "scope": _labels(Scope),
    "approval_kind": _labels(ApprovalKindCode),
    "approval_state": _labels(ApprovalState),
    "approval_effect": EFFECT_LABELS,
    "request_kind": _labels(RequestKind),
    "request_state": _labels(RequestState),
    "confirmation_kind": _labels(ConfirmationKind),
    "succession_kind": _labels(SuccessionKind),
    "report_status": _labels(GovernmentReportStatus),
    "report_section": _labels(Section),
    "factor_kind": _labels(FactorKind),
    "inbox_kind": _labels(EntryKind),
    "inbox_section": {kind.value: kind.heading for kind in EntryKind},
    "policy_state": _labels(PolicyState),
    "view_list": _labels(ViewList),
    "notice_channels": _labels(ChannelChoice),
    "webhook_event": EVENT_LABELS,
    "delivery_state": _labels(DeliveryState),
    "delivery_error": _labels(DeliveryError),
    "disabled_reason": _labels(DisabledReason),
    "language": LANGUAGE_NAMES,
}
