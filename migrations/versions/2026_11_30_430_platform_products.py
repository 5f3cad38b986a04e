"""Products of the platform that can replace an object.

Revision ID: 2026_11_30_430
Revises: 2026_11_30_210
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "2026_11_30_430"
down_revision = "2026_11_30_210"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table, empty."""
    op.create_table(
        "platform_products",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("code", sa.String(50), nullable=False),
        sa.Column("name_kk", sa.String(200), nullable=False),
        sa.Column("name_ru", sa.String(200), nullable=False),
        sa.Column("name_en", sa.String(200)),
        sa.Column("description_kk", sa.String(1000), nullable=False),
        sa.Column("description_ru", sa.String(1000), nullable=False),
        sa.Column("description_en", sa.String(1000)),
        sa.Column("terms", sa.Text(), nullable=False),
        sa.Column("contact", sa.String(200), nullable=False),
        sa.Column("product_state", sa.String(10), nullable=False),
        sa.UniqueConstraint("code", name="uq_platform_products_code"),
    )


def downgrade() -> None:
    """Drop the table with the products: an earlier release has none."""
    op.drop_table("platform_products")
