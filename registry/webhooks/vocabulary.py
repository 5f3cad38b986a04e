"""Closed vocabularies of webhooks: states of deliveries, why attempts fail, why webhooks are disabled."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from registry.changes.vocabulary import ChangeType
from registry.core.translations import lazy_text
from registry.freeze.vocabulary import Choices


class DeliveryState(Choices):
    """States of a delivery. Of each subject one delivery waits at most; later ones are queued behind it."""

    QUEUED = "queued", lazy_text("Behind an earlier event")
    WAITING = "waiting", lazy_text("Waiting")
    DELIVERED = "delivered", lazy_text("Delivered")
    GIVEN_UP = "given_up", lazy_text("Given up")
    DROPPED = "dropped", lazy_text("No longer visible")


class DeliveryError(Choices):
    """Why an attempt failed."""

    TARGET = "target-not-allowed", lazy_text("The address of the receiver is not allowed")
    NAME = "name-not-resolved", lazy_text("The host name has no address")
    CONNECTION = "connection-failed", lazy_text("No connection")
    CERTIFICATE = "certificate-invalid", lazy_text("The certificate is not valid")
    TIMEOUT = "timeout", lazy_text("No answer within 10 seconds")
    RESPONSE = "response-invalid", lazy_text("The answer is no HTTP")
    STATUS = "status", lazy_text("The answer is no success")
    SECRET = "secret-unreadable", lazy_text("The secret cannot be read: rotate it")


class DisabledReason(Choices):
    """Why a webhook is disabled."""

    OWNER = "owner", lazy_text("Disabled by its owner")
    FAILURES = "failures", lazy_text("A week without a successful delivery")
    GONE = "gone", lazy_text("The receiver answered that it is gone (410)")
    RIGHTS = "rights", lazy_text("The owner’s account or role has changed")
    RESTORED = "restored", lazy_text("A backup was restored: enable it again after a check")


TEST_EVENT: Final = "webhook.test"
EVENT_LABELS: Final[Mapping[str, str]] = {
    ChangeType.AGENCY_REGISTERED: lazy_text("Agency registered"),
    ChangeType.AGENCY_CHANGED: lazy_text("Agency changed"),
    ChangeType.AGENCY_CLOSED: lazy_text("Agency closed"),
    ChangeType.PROJECT_REGISTERED: lazy_text("Project registered"),
    ChangeType.PROJECT_CHANGED: lazy_text("Project changed"),
    ChangeType.PROJECT_PASSED_ON: lazy_text("Project passed on to another agency"),
    ChangeType.PROJECT_WITHDRAWN: lazy_text("Project withdrawn"),
    ChangeType.PROJECT_RESTORED: lazy_text("Project restored"),
    ChangeType.PROJECT_WITHDRAWN_FROM_VIEW: lazy_text("Project no longer visible"),
    ChangeType.PROJECT_RETURNED_TO_VIEW: lazy_text("Project visible again"),
    ChangeType.FLAG_OPENED: lazy_text("Flag opened"),
    ChangeType.FLAG_CHANGED: lazy_text("Flag changed"),
    ChangeType.FLAG_REOPENED: lazy_text("Flag reopened"),
    ChangeType.FLAG_CLEARED: lazy_text("Flag cleared"),
    ChangeType.CASE_OPENED: lazy_text("Case opened"),
    ChangeType.CASE_CHANGED: lazy_text("Case changed"),
    ChangeType.CASE_REOPENED: lazy_text("Case reopened"),
    ChangeType.CASE_CLOSED: lazy_text("Case closed"),
    ChangeType.EXEMPTION_RECORDED: lazy_text("Exemption recorded"),
    ChangeType.EXEMPTION_CHANGED: lazy_text("Exemption changed"),
    ChangeType.EXEMPTION_REVOKED: lazy_text("Exemption revoked"),
    ChangeType.IMPORT_ADDED: lazy_text("Import queued"),
    ChangeType.IMPORT_CHANGED: lazy_text("Import changed"),
    ChangeType.IMPORT_DONE: lazy_text("Import done"),
    ChangeType.IMPORT_FAILED: lazy_text("Import failed"),
    ChangeType.AUDIT_SUCCEEDED: lazy_text("Audit succeeded"),
    ChangeType.AUDIT_HELD: lazy_text("Audit held"),
    ChangeType.AUDIT_REJECTED: lazy_text("Audit rejected"),
    ChangeType.AUDIT_FAILED: lazy_text("Audit failed"),
    ChangeType.AUDIT_MISSED: lazy_text("Audit missed"),
    ChangeType.AUDIT_VOIDED: lazy_text("Audit voided"),
    TEST_EVENT: lazy_text("Test"),
}
