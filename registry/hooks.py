"""What slices attach to slices below them: handlers of events, columns and filters.

Handlers of an event run in the order given here, and lock rows in it: projects, flags, cases, audits.
"""

from registry.accounts import models as accounts
from registry.accounts.roles import Permission
from registry.accounts.tokens import read_with_sign_in
from registry.agencies.service import agency_changed
from registry.approvals.models import register_kind
from registry.audits.queries import move_in_last_audit
from registry.cases.commission import CommissionDecision
from registry.cases.decisions import accepted_since
from registry.cases.models import case_acted, case_id_of_flag, case_seen
from registry.cases.service import hand_over_cases
from registry.changes.service import number_changes
from registry.core.database import after_rollback, before_commit, before_journal
from registry.exemptions.service import exempt_since
from registry.flags import queries as flags
from registry.flags.freeze_status import update_freeze_status_of_agency
from registry.flags.models import lock_flags_for_review
from registry.freeze.policy import connect_later_versions
from registry.government_reports.service import hand_over_reports
from registry.imports.models import pass_on_imports
from registry.inbox.service import mark_seen
from registry.journal.service import entries_appended
from registry.letters.service import discard_pending, issue_pending, prepare_letter
from registry.notifications.immediate import enqueue_entries
from registry.notifications.models import pass_on_emails
from registry.open_data.service import withhold, withhold_restricted
from registry.policies.queries import NEWEST_ACTIVATION, later_policy, note_activation
from registry.procurement.file_imports import ContractCorrection
from registry.procurement.match_decisions import ContractNoProject, MatchConfirmation, MatchRejection
from registry.procurement.matching import contracts_changing
from registry.procurement.models import pass_on_contracts
from registry.projects.drafts import clear_agency_of_drafts, hand_over_drafts
from registry.projects.edits import link_decisions
from registry.projects.filters import link_filter
from registry.projects.models import project_restricted, project_restricting, project_withdrawn
from registry.requests import approval_kinds, platform_approvals
from registry.requests.kinds import agency_succeeded
from registry.saved_views.service import leave_shared_views, pass_on_views
from registry.state_systems.models import pass_on_external_confirmations
from registry.webhooks.queue import disable_of_admitted, pass_on_webhooks

connect_later_versions(later_policy)
read_with_sign_in(NEWEST_ACTIVATION, note_activation)

register_kind(approval_kinds.AgencyChange())
register_kind(CommissionDecision())
register_kind(approval_kinds.Restriction())
register_kind(approval_kinds.RestrictedReader())
register_kind(platform_approvals.PlacementApproval())
register_kind(platform_approvals.OnboardingApproval())
register_kind(platform_approvals.EndingApproval())
register_kind(platform_approvals.RecordFactApproval())
register_kind(platform_approvals.InventoryApproval())
register_kind(approval_kinds.LinkRemoval())
register_kind(MatchRejection())
register_kind(MatchConfirmation())
register_kind(ContractNoProject())
register_kind(ContractCorrection())

agency_changed.connect(update_freeze_status_of_agency)

# Audits count restricted projects, and judge by contracts.
project_restricting.connect(lock_flags_for_review)
contracts_changing.connect(lock_flags_for_review)
project_restricted.connect(move_in_last_audit)
project_restricted.connect(withhold_restricted)
project_withdrawn.connect(withhold)

case_acted.connect(prepare_letter)
entries_appended.connect(enqueue_entries)
before_journal.connect(issue_pending)
after_rollback.connect(discard_pending)
# After the journal, which connects itself when it is imported.
before_commit.connect(number_changes)


accounts.not_admitted.connect(approval_kinds.propose_with_change)
accounts.admitted.connect(disable_of_admitted)

accounts.agency_changed_of_account.connect(clear_agency_of_drafts)
accounts.agency_changed_of_account.connect(leave_shared_views)

accounts.work_handed_over.connect(hand_over_drafts)
accounts.drafts_handed_over.connect(hand_over_drafts)
accounts.work_handed_over.connect(hand_over_cases)
accounts.work_handed_over.connect(hand_over_reports)

case_seen.connect(mark_seen)

agency_succeeded.connect(pass_on_imports)
agency_succeeded.connect(pass_on_contracts)
agency_succeeded.connect(pass_on_external_confirmations)
agency_succeeded.connect(pass_on_emails)
agency_succeeded.connect(pass_on_views)
agency_succeeded.connect(pass_on_webhooks)

link_decisions(exempt_since)
link_decisions(accepted_since)

link_filter("flagged", flags.has_open_flag)
link_filter("rule", flags.has_active_flag_of_rule)
link_filter("open_rule", flags.has_open_flag_of_rule)
link_filter("flag_age", flags.has_open_flag_of_age)
link_filter("flagged_until", flags.is_flagged_until)
link_filter("flagged_next_for", flags.is_flagged_next_for)

flags.link_column("case", case_id_of_flag, Permission.CASES_READ)
