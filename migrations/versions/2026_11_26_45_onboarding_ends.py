"""An index of the ends of onboarding, which the overview counts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from registry.core import online_migrations

revision = "2026_11_26_45"
down_revision = "2026_11_26_44"
branch_labels = None
depends_on = None

INDEX = "ix_projects_onboarding"
IS_ONBOARDING = sa.text("placement = 'onboarding'")


def upgrade() -> None:
    """Create it; on PostgreSQL concurrently."""
    online_migrations.create_index(
        INDEX, "projects", ["onboarding_due_on"], sqlite_where=IS_ONBOARDING, postgresql_where=IS_ONBOARDING
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_index(INDEX, "projects")
