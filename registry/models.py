"""Every table, imported, so that metadata is whole for migrations and for foreign keys by name."""

# ruff: noqa: F401 - the imports are what this module is for

from importlib import import_module
from pathlib import Path

# Whoever knows every table has the handlers of events connected too.
import registry.hooks
from registry.accounts import absences, account_names, attempts, passwords, sessions, tokens
from registry.core import installation, outbox
from registry.flags import former_flags
from registry.http import responses
from registry.journal import checkpoints, rows, service, verification
from registry.notifications import aitu
from registry.platform import products
from registry.projects import documents, drafts, fingerprints, former_records, links, migration_plans, revisions

# Most tables are in the models.py of their slice.
for path in sorted(Path(__file__).parent.glob("*/models.py")):
    import_module(f"registry.{path.parent.name}.models")
