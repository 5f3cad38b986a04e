"""Routes of requests for decisions, accounts, tokens and webhooks."""

from __future__ import annotations

from registry.accounts.roles import Role
from registry.core.clock import today
from tests.api.access_matrix.bodies import a_confirmation, a_person, a_webhook, succession, transfer
from tests.api.access_matrix.roles import (
    ALL,
    APPROVERS,
    CASE_READERS,
    CONFIRMERS,
    MANAGERS,
    REVIEWERS,
    TOKEN_READERS,
    WRITERS,
    Try,
)

REQUESTS_AND_ACCOUNTS: dict[str, Try] = {
    # One waits for a decision already, and everybody who may ask has permission.
    "ask_succession": Try("/agencies/{bin}/succession", {Role.ADMINISTRATOR}, 409, succession, owned=False),
    "list_all_successions": Try("/successions", CASE_READERS, owned=False),
    "read_succession": Try("/successions/{succession}", CASE_READERS, of_project=False),
    "refuse_succession": Try(
        "/successions/{refused_succession}/refusal",
        {Role.SUPERVISOR},
        200,
        lambda world: {"reason": "No."},
        owned=False,
    ),
    "confirm_succession": Try(
        "/successions/{succession}/confirmation", {Role.SUPERVISOR}, 200, lambda world: {}, owned=False
    ),
    "cancel_succession": Try(
        "/successions/{succession}/cancellation", {Role.ADMINISTRATOR}, 200, lambda world: {}, owned=False
    ),
    "ask_transfer": Try("/projects/{number}/transfer", {Role.ADMINISTRATOR}, 409, transfer),
    "list_all_transfers": Try("/transfers", CASE_READERS, owned=False),
    "read_transfer": Try("/transfers/{transfer}", CASE_READERS),
    "refuse_transfer": Try(
        "/transfers/{refused_transfer}/refusal",
        {Role.SUPERVISOR},
        200,
        lambda world: {"reason": "No."},
        owned=False,
    ),
    "confirm_transfer": Try(
        "/transfers/{transfer}/confirmation", {Role.SUPERVISOR}, 200, lambda world: {}, owned=False
    ),
    "cancel_transfer": Try(
        "/transfers/{transfer}/cancellation", {Role.ADMINISTRATOR}, 200, lambda world: {}, owned=False
    ),
    "ask_confirmation": Try("/projects/{number}/confirmation-requests", WRITERS, 409, a_confirmation),
    "list_all_confirmation_requests": Try("/confirmation-requests", CASE_READERS, owned=False),
    "read_confirmation_request": Try("/confirmation-requests/{confirmation_request}", CASE_READERS),
    "refuse_confirmation_request": Try(
        "/confirmation-requests/{refused_confirmation_request}/refusal",
        CONFIRMERS,
        200,
        lambda world: {"reason": "No."},
        owned=False,
    ),
    "confirm_confirmation_request": Try(
        "/confirmation-requests/{confirmation_request}/confirmation", CONFIRMERS, 200, lambda world: {}, owned=False
    ),
    "cancel_confirmation_request": Try(
        "/confirmation-requests/{confirmation_request}/cancellation", WRITERS, 200, lambda world: {}
    ),
    "ask_withdrawal": Try("/projects/{number}/withdrawal", WRITERS, 409, lambda world: {"reason": "Twice."}),
    "propose_agency_change": Try(
        "/agencies/{bin}/changes",
        {Role.ADMINISTRATOR},
        202,
        lambda world: {"kind": "private", "act": "No. 1", "reason": "So."},
        owned=False,
    ),
    "list_approvals": Try("/approvals", APPROVERS | {Role.AUDITOR}, owned=False),
    "read_approval": Try(
        "/approvals/{approval}", APPROVERS | {Role.AUDITOR}, owned=False, unseen={Role.AGENCY_ADMINISTRATOR}
    ),
    "download_approval_document": Try(
        "/approvals/{scanned_approval}/documents/{scan}",
        APPROVERS | {Role.AUDITOR},
        owned=False,
        unseen={Role.AGENCY_ADMINISTRATOR},
    ),
    "reject_proposal": Try(
        "/approvals/{rejected_approval}/rejection",
        {Role.SUPERVISOR, Role.AGENCY_ADMINISTRATOR},
        200,
        lambda world: {"reason": "No."},
        owned=False,
        unseen={Role.AGENCY_ADMINISTRATOR},
    ),
    "cancel_proposal": Try(
        "/approvals/{cancelled_approval}/cancellation",
        {Role.ADMINISTRATOR, Role.AGENCY_ADMINISTRATOR},
        200,
        lambda world: {},
        owned=False,
        unseen={Role.AGENCY_ADMINISTRATOR},
    ),
    # Where nothing is signed electronically.
    "prepare_signature": Try(
        "/signatures/content",
        ALL,
        403,
        lambda world: {"act": "case.appeal", "subject": f"case:{world.case_id}", "values": {}},
        owned=False,
    ),
    "approve_proposal": Try(
        "/approvals/{approval}/approval",
        {Role.SUPERVISOR, Role.AGENCY_ADMINISTRATOR},
        200,
        lambda world: {},
        owned=False,
        unseen={Role.AGENCY_ADMINISTRATOR},
    ),
    "list_all_withdrawals": Try("/withdrawals", CASE_READERS, owned=False),
    "read_withdrawal": Try("/withdrawals/{withdrawal}", CASE_READERS),
    "refuse_withdrawal": Try(
        "/withdrawals/{refused_withdrawal}/refusal", REVIEWERS, 200, lambda world: {"reason": "No."}, owned=False
    ),
    # A project of a serious flag waits for a second person, who is a supervisor.
    "confirm_withdrawal": Try("/withdrawals/{withdrawal}/confirmation", REVIEWERS, 200, lambda world: {}, owned=False),
    "cancel_withdrawal": Try("/withdrawals/{withdrawal}/cancellation", WRITERS, 200, lambda world: {}),
    "restore_withdrawn_project": Try(
        "/withdrawals/{withdrawal}/restoration", {Role.SUPERVISOR}, 200, lambda world: {"reason": "It exists."}
    ),
    "read_own_account": Try("/me", ALL, owned=False),
    "list_all_accounts": Try("/accounts", {*MANAGERS, Role.AUDITOR}, owned=False),
    "create_account": Try("/accounts", MANAGERS, 201, a_person, owned=False),
    "read_account": Try("/accounts/{account}", ALL, unseen=ALL - MANAGERS - {Role.AUDITOR}, of_project=False),
    "patch_account": Try("/accounts/{account}", MANAGERS, 200, lambda world: {"email": "a@example.kz"}),
    # It waits for no confirmation. Supervisors see only accounts that do.
    "confirm_account": Try(
        "/accounts/{account}/confirmation",
        {Role.ADMINISTRATOR, Role.SUPERVISOR},
        409,
        lambda world: {"role": "agency_viewer"},
        owned=False,
        unseen={Role.SUPERVISOR},
    ),
    "disable_account": Try("/accounts/{account}/disabling", MANAGERS, 200, lambda world: {}),
    "enable_account": Try("/accounts/{account}/enabling", MANAGERS, 200, lambda world: {}),
    # It is admitted already.
    "propose_restricted_access": Try(
        "/accounts/{account}/restricted-access", MANAGERS, 409, lambda world: {"reason": "She needs it."}
    ),
    # The receiver is nobody that exists.
    "hand_over_work": Try("/accounts/{account}/handover", MANAGERS, 422, lambda world: {"to": "nobody"}),
    "list_all_tokens": Try("/tokens", ALL, owned=False),
    "create_token": Try("/tokens", ALL, 201, lambda world: {}, owned=False),
    "revoke_token": Try("/tokens/{key}", ALL - {Role.AUDITOR}, 204, unseen=ALL - MANAGERS - {Role.AUDITOR}),
    "create_service_token": Try("/accounts/{service}/tokens", MANAGERS, 201, lambda world: {}),
    "list_own_sessions": Try("/sessions", ALL, owned=False),
    # A session of somebody else is none.
    "end_own_session": Try("/sessions/q4CkGZbYx1kS0w2e", ALL, 404, owned=False),
    # The webhook of another account, which those see who list its tokens.
    "list_webhooks": Try("/webhooks", ALL, owned=False),
    "create_webhook": Try("/webhooks", ALL, 201, a_webhook, owned=False),
    "read_webhook": Try("/webhooks/{webhook}", TOKEN_READERS, unseen=ALL - TOKEN_READERS, of_project=False),
    "patch_webhook": Try(
        "/webhooks/{webhook}", TOKEN_READERS, 403, lambda world: {"enabled": False}, unseen=ALL - TOKEN_READERS
    ),
    "rotate_webhook_secret": Try(
        "/webhooks/{webhook}/secret-rotation", TOKEN_READERS, 403, lambda world: {}, unseen=ALL - TOKEN_READERS
    ),
    "replay_webhook": Try(
        "/webhooks/{webhook}/replay",
        TOKEN_READERS,
        403,
        lambda world: {"since": str(today())},
        unseen=ALL - TOKEN_READERS,
    ),
    "test_webhook": Try("/webhooks/{webhook}/test", TOKEN_READERS, 403, lambda world: {}, unseen=ALL - TOKEN_READERS),
    "list_webhook_deliveries": Try(
        "/webhooks/{webhook}/deliveries", TOKEN_READERS, 403, unseen=ALL - TOKEN_READERS, of_project=False
    ),
    "delete_webhook": Try("/webhooks/{webhook}", MANAGERS, 204, unseen=ALL - TOKEN_READERS),
    "read_team": Try("/reports/team", {Role.SUPERVISOR}, owned=False),
    "list_checkpoints": Try("/checkpoints", ALL, owned=False),
    "list_checkpoint_keys": Try("/checkpoint-keys", ALL, owned=False),
    "read_checkpoint": Try("/checkpoints/7", ALL, 404, owned=False),
    "read_consistency_proof": Try("/checkpoints/7/consistency-proof?from=5", ALL, 404, owned=False),
    "make_checkpoint": Try("/checkpoints", {Role.AUDITOR, Role.SUPERVISOR, Role.ADMINISTRATOR}, 200, owned=False),
    "read_inclusion_proof": Try(
        "/journal/7/inclusion-proof?size=9", {Role.AUDITOR, Role.SUPERVISOR, Role.ADMINISTRATOR}, 404, owned=False
    ),
    "read_journal": Try("/journal", {Role.AUDITOR, Role.SUPERVISOR, Role.ADMINISTRATOR}, owned=False),
}
