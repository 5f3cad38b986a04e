"""Successions and transfers that no supervisor confirmed, and that have not taken effect, wait for one again.

Administrators confirmed some for a later day. Where another one waits about the same subject, it is cancelled instead.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "2026_11_29_92"
down_revision = "2026_11_29_91"
branch_labels = None
depends_on = None

PLANNED = """
state = 'confirmed' AND carried_out_at IS NULL AND kind IN ('succession', 'transfer')
AND NOT EXISTS (SELECT 1 FROM principals WHERE principals.name = requests.decided_by AND principals.role = 'supervisor')
"""
ANOTHER = """
EXISTS (
    SELECT 1 FROM requests AS other
    WHERE other.id <> requests.id AND other.kind = requests.kind AND other.agency_id = requests.agency_id
    AND coalesce(other.project_id, 0) = coalesce(requests.project_id, 0)
    AND (other.state = 'waiting' OR (other.id > requests.id AND other.state = 'confirmed'
         AND other.carried_out_at IS NULL))
)
"""


def upgrade() -> None:
    """Cancel those beside another one, and let the others wait."""
    cancelled = "state = 'cancelled', decision_reason = 'No supervisor has confirmed it.'"
    op.execute(sa.text(f"UPDATE requests SET {cancelled} WHERE {PLANNED} AND {ANOTHER}"))  # noqa: S608
    waiting = "state = 'waiting', decided_by = NULL, decided_at = NULL, decision_reason = NULL"
    op.execute(sa.text(f"UPDATE requests SET {waiting} WHERE {PLANNED}"))  # noqa: S608


def downgrade() -> None:
    """They go on waiting."""
