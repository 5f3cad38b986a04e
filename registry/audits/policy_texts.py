"""Texts of the policies that audits used, by their digest: a later policy does not make a past audit unreadable."""

from __future__ import annotations

from hashlib import sha256

from sqlalchemy import String, Text
from sqlalchemy.orm import Mapped, mapped_column

from registry.core.database import Model, db
from registry.core.dialects import insert_or_ignore
from registry.core.transactions import require_transaction
from registry.freeze.policy import Policy
from registry.freeze.policy_file import PolicyInvalid
from registry.policies.queries import parsed


class PolicyText(Model):
    """A policy as its TOML file; ``digest`` is the SHA-256 of the text."""

    __tablename__ = "policy_texts"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    version: Mapped[str] = mapped_column(String(200))
    text: Mapped[str] = mapped_column(Text)


def save_policy_text(policy: Policy) -> None:
    """Store the text of a policy in the open transaction, once."""
    if policy.text:
        row = {"digest": policy.digest, "version": policy.version, "text": policy.text}
        require_transaction().execute(insert_or_ignore(PolicyText).values(**row).on_conflict_do_nothing())


def policy_of_digest(digest: str) -> Policy | None:
    """Return the policy with that digest; None when it is not stored, was altered, or is no valid policy any more."""
    text = db.session.scalar(db.select(PolicyText.text).where(PolicyText.digest == digest))
    if text is None or sha256(text.encode()).hexdigest() != digest:
        return None
    try:
        return parsed(text)
    except PolicyInvalid:
        return None
