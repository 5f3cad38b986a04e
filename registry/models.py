"""Every table, imported, so that metadata is whole for migrations and for foreign keys by name."""

# ruff: noqa: F401 - the imports are what this module is for

# Whoever knows every table has the handlers of events connected too.
import registry.hooks
from registry.accounts import absences, account_names, attempts, models as accounts, password_links, sessions, tokens
from registry.agencies import models as agencies
from registry.approvals import tables as approval_table
from registry.audits import models as audits
from registry.cases import models as case_tables
from registry.changes import models as change_tables
from registry.core import installation, outbox
from registry.exemptions import models as exemptions
from registry.flags import former_flags, models as flags
from registry.government_reports import models as government_reports
from registry.http import responses
from registry.imports import models as import_runs
from registry.inbox import models as inbox
from registry.journal import checkpoints, rows as journal_rows, service as journal, verification as journal_verification
from registry.letters import models as letters
from registry.notifications import aitu as aitu_links, models as email_tables
from registry.open_data import models as open_data
from registry.platform import models as platform, products as platform_products
from registry.policies import models as policy_versions
from registry.procurement import models as procurement
from registry.projects import (
    documents,
    drafts,
    fingerprints,
    former_records,
    links,
    migration_plans,
    models as project_table,
    revisions,
)
from registry.requests import models as request_table
from registry.saved_views import models as saved_views
from registry.signatures import models as signatures
from registry.state_systems import models as state_systems
from registry.webhooks import models as webhooks
