"""Documents that belong to entries of a case's timeline and to exemptions, with the numbers of their letters."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "2026_11_26_29"
down_revision = "2026_11_26_28"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Documents from before belong to their projects."""
    op.add_column("documents", sa.Column("belongs_to", sa.String(10), nullable=True))
    op.add_column("documents", sa.Column("outgoing_number", sa.String(100), nullable=True))
    op.add_column("documents", sa.Column("incoming_number", sa.String(100), nullable=True))
    op.create_table(
        "case_documents",
        sa.Column("document_id", sa.Integer(), nullable=False),
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("event_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_case_documents_case_id_cases"),
        sa.ForeignKeyConstraint(["document_id"], ["documents.id"], name="fk_case_documents_document_id_documents"),
        sa.ForeignKeyConstraint(["event_id"], ["case_events.id"], name="fk_case_documents_event_id_case_events"),
        sa.PrimaryKeyConstraint("document_id", name="pk_case_documents"),
    )
    op.create_index("ix_case_documents_case_id", "case_documents", ["case_id"])
    op.create_index("ix_case_documents_event_id", "case_documents", ["event_id"])
    op.create_table(
        "exemption_documents",
        sa.Column("document_id", sa.Integer(), nullable=False),
        sa.Column("exemption_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["document_id"], ["documents.id"], name="fk_exemption_documents_document_id_documents"),
        sa.ForeignKeyConstraint(
            ["exemption_id"], ["exemptions.id"], name="fk_exemption_documents_exemption_id_exemptions"
        ),
        sa.PrimaryKeyConstraint("document_id", name="pk_exemption_documents"),
    )
    op.create_index("ix_exemption_documents_exemption_id", "exemption_documents", ["exemption_id"])


def downgrade() -> None:
    """Drop them, with the documents of cases and exemptions: among a project's own, its agency would see them all."""
    op.drop_table("exemption_documents")
    op.drop_table("case_documents")
    op.execute("DELETE FROM documents WHERE belongs_to IN ('case', 'exemption')")
    op.drop_column("documents", "incoming_number")
    op.drop_column("documents", "outgoing_number")
    op.drop_column("documents", "belongs_to")
