"""Exemptions in force as the register knew them at an earlier moment."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import func, or_, select

from registry.core.database import db
from registry.exemptions.models import Exemption


def exemptions_known_at(at: datetime, day: date, after: int, to: int) -> dict[int, int]:
    """Return the last recorded exemption in force on the day, by project, for project ids in ``after < id <= to``.

    It was recorded by then and not revoked yet.
    """
    known = (
        Exemption.recorded_at <= at,
        or_(Exemption.revoked_at.is_(None), Exemption.revoked_at > at),
        Exemption.valid_from <= day,
        Exemption.valid_to >= day,
    )
    statement = (
        select(Exemption.project_id, func.max(Exemption.id))
        .where(Exemption.project_id > after, Exemption.project_id <= to, *known)
        .group_by(Exemption.project_id)
    )
    return dict(db.session.execute(statement).all())
