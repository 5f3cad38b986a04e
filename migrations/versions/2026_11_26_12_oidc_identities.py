"""Identities of the OpenID Connect provider, and the sessions that they started."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from registry.core.database import Instant

revision = "2026_11_26_12"
down_revision = "2026_11_26_11"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table, and columns that sessions with a password leave empty."""
    op.create_table(
        "oidc_identities",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("account_id", sa.Integer(), sa.ForeignKey("principals.id"), nullable=False),
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.UniqueConstraint("issuer", "subject", name="uq_oidc_identities_issuer_subject"),
    )
    op.create_index("ix_oidc_identities_account_id", "oidc_identities", ["account_id"])
    op.add_column("web_sessions", sa.Column("provider_session", sa.Text()))
    op.add_column("web_sessions", sa.Column("id_token", sa.Text()))
    with op.batch_alter_table("web_sessions") as batch:
        batch.add_column(sa.Column("oidc_identity_id", sa.Integer()))
        batch.create_foreign_key(
            "fk_web_sessions_oidc_identity_id_oidc_identities", "oidc_identities", ["oidc_identity_id"], ["id"]
        )


def downgrade() -> None:
    """Drop them. People who only sign in at the provider have no password and cannot sign in until they get one."""
    with op.batch_alter_table("web_sessions") as batch:
        batch.drop_constraint("fk_web_sessions_oidc_identity_id_oidc_identities", type_="foreignkey")
        for name in ("oidc_identity_id", "id_token", "provider_session"):
            batch.drop_column(name)
    op.drop_table("oidc_identities")
