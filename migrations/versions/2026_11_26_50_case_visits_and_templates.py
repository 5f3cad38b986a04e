"""Up to which entry of its timeline a person has seen a case, and templates of questions and reasons."""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa
from alembic import op

from registry.core.database import Instant

revision = "2026_11_26_50"
down_revision = "2026_11_26_40"
branch_labels = None
depends_on = None
# Beside the folder of this file, also in a wheel.
TEXTS = Path(__file__).parents[1] / "case_templates.toml"
TITLES = {
    "question": {"kk": "Түсіндіру және құжаттар", "ru": "Пояснения и документы"},
    "reason": {"kk": "Негіздеме", "ru": "Обоснование"},
}


def upgrade() -> None:
    """Add the tables. Nobody has seen a case yet, so that nothing is marked as new at once."""
    op.create_table(
        "case_visits",
        sa.Column("case_id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("event_id", sa.Integer(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["principals.id"], name="fk_case_visits_account_id_principals"),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name="fk_case_visits_case_id_cases"),
        sa.ForeignKeyConstraint(["event_id"], ["case_events.id"], name="fk_case_visits_event_id_case_events"),
        sa.PrimaryKeyConstraint("case_id", "account_id", name="pk_case_visits"),
    )
    templates = op.create_table(
        "case_templates",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("rule", sa.String(60), nullable=True),
        sa.Column("language", sa.String(2), nullable=False),
        sa.Column("title", sa.String(200), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("changed_at", Instant(), nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_case_templates"),
    )
    op.create_index("ix_case_templates_rule_kind", "case_templates", ["rule", "kind"])
    op.bulk_insert(templates, _shipped())


def _shipped() -> list[dict[str, object]]:
    """The first templates: for each rule a question and a reason, in both languages."""
    rules = tomllib.loads(TEXTS.read_text(encoding="utf-8"))
    added = datetime(2026, 11, 26, tzinfo=UTC)
    return [
        {
            "kind": kind,
            "rule": rule,
            "language": language,
            "title": TITLES[kind][language],
            "text": texts[f"{kind}_{language}"],
            "version": 1,
            "changed_at": added,
            "changed_by": None,
        }
        for rule, texts in rules.items()
        for kind in TITLES
        for language in ("kk", "ru")
    ]


def downgrade() -> None:
    """Drop the tables, with the templates that supervisors wrote."""
    op.drop_table("case_templates")
    op.drop_table("case_visits")
