"""Table of policy versions, and their states."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from registry.accounts.account_names import MAX_NAME_LENGTH
from registry.core.database import Instant, Model
from registry.core.translations import lazy_text
from registry.freeze.vocabulary import Choices

# States of a version of the policy.


class PolicyState(Choices, field="policy_state"):
    """Where a version stands."""

    DRAFT = "draft", lazy_text("Draft")
    SCHEDULED = "scheduled", lazy_text("Scheduled")
    IN_FORCE = "in_force", lazy_text("In force")
    FORMER = "former", lazy_text("Former")


# The table of policy versions after the first, which is the policy file.

MAX_VERSION_LENGTH = 50


class PolicyVersion(Model):
    """A version of the policy: a draft until it is activated, then never changed.

    ``text`` is its TOML, as a policy file. ``verdict_cases`` are the expected verdicts.
    ``editors``: ``Actor.who`` of everybody who wrote the draft. ``in_force_from``: the day from which audits use it;
    None for a draft.
    ``promise``: the changes that the impact showed at the activation, as ids of projects, and ``checked_at`` when an
    audit compared its changes with them (``registry/audits/policy_activation.py``). ``revision`` counts changes.
    """

    __tablename__ = "policy_versions"

    id: Mapped[int] = mapped_column(primary_key=True)
    version: Mapped[str] = mapped_column(String(MAX_VERSION_LENGTH), unique=True)
    based_on: Mapped[str] = mapped_column(String(200))
    text: Mapped[str] = mapped_column(Text)
    digest: Mapped[str] = mapped_column(String(64))
    verdict_cases: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    drafted_by: Mapped[str] = mapped_column(String(MAX_NAME_LENGTH))
    drafted_at: Mapped[datetime] = mapped_column(Instant)
    editors: Mapped[list[int | str]] = mapped_column(JSON)
    revision: Mapped[int] = mapped_column(default=1)
    in_force_from: Mapped[date | None] = mapped_column(unique=True)
    activated_by: Mapped[str | None] = mapped_column(String(MAX_NAME_LENGTH))
    activated_at: Mapped[datetime | None] = mapped_column(Instant)
    impact_digest: Mapped[str | None] = mapped_column(String(64))
    # Long for a policy that changes many projects, and read by one audit only.
    promise: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True), deferred=True)
    checked_at: Mapped[datetime | None] = mapped_column(Instant)
