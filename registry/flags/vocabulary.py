"""Closed vocabularies of flags and audits."""

from __future__ import annotations

from registry.core.translations import lazy_text
from registry.freeze.vocabulary import Choices


class FlagStatus(Choices):
    """Statuses of a flag. A flag that is not cleared is active."""

    OPEN = "open", lazy_text("Open")
    EXEMPT = "exempt", lazy_text("Exempt")
    ACCEPTED = "accepted", lazy_text("Accepted")
    CLEARED = "cleared", lazy_text("Cleared")


class AuditStatus(Choices):
    """Statuses of an audit run."""

    RUNNING = "running", lazy_text("Running")
    SUCCEEDED = "succeeded", lazy_text("Done")
    HELD = "held", lazy_text("Held")
    REJECTED = "rejected", lazy_text("Rejected")
    FAILED = "failed", lazy_text("Failed")
    MISSED = "missed", lazy_text("Missed")
    VOIDED = "voided", lazy_text("Voided")


class Trigger(Choices):
    """What started an audit run."""

    SCHEDULE = "schedule", lazy_text("Nightly")
    MANUAL = "manual", lazy_text("Manual")
    CATCH_UP = "catch_up", lazy_text("Catch-up")


class HeldCause(Choices):
    """What changed for a project that the change threshold counts, since the last successful audit."""

    CONFIRMATION_LOST = "confirmation_lost", lazy_text("A confirmation of the platform was lost")
    RECORD_CHANGED = "record_changed", lazy_text("The record was changed")
    ORDER_ENDED = "order_ended", lazy_text("An order ended")
    AGENCY_CHANGED = "agency_changed", lazy_text("The agency was changed")
    POLICY_CHANGED = "policy_changed", lazy_text("The policy was changed")
    TIME_PASSED = "time_passed", lazy_text("A date was reached, nothing else")


class HeldDecisionKind(Choices):
    """What a supervisor decides on a held audit."""

    CONFIRMED = "confirmed", lazy_text("Confirmed")
    REJECTED = "rejected", lazy_text("Rejected")


class FlagChange(Choices):
    """What an audit changes on a flag."""

    OPENED = "opened", lazy_text("Flag opened")
    REOPENED = "reopened", lazy_text("Flag reopened")
    EXEMPTED = "exempted", lazy_text("Exempt by the Commission")
    ACCEPTED = "accepted", lazy_text("Accepted")
    UNACCEPTED = "unaccepted", lazy_text("No longer accepted")
    RAISED = "raised", lazy_text("Severity raised")
    LOWERED = "lowered", lazy_text("Severity lowered")
    CLEARED = "cleared", lazy_text("Flag cleared")
