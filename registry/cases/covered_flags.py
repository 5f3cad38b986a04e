"""The flags that cases cover, as they are shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from registry.accounts.actors import Actor
from registry.cases.models import CaseFlag
from registry.core.database import db
from registry.core.languages import Language
from registry.flags.audit_runs import last_good_date
from registry.flags.queries import FLAG, flag_representation, flag_rows
from registry.freeze.current import policy_in_force
from registry.projects.visibility import visible_projects


def flags_of_cases(actor: Actor, ids: Sequence[int], language: Language) -> dict[int, list[dict[str, Any]]]:
    """The flags that each of some cases covers, cleared ones too, oldest first."""
    statement = (
        flag_rows(CaseFlag.case_id.expression, visible_projects(actor))
        .join(CaseFlag, CaseFlag.flag_id == FLAG.id)
        .where(CaseFlag.case_id.in_(ids))
        .order_by(FLAG.id)
    )
    last_on = last_good_date()
    flags: dict[int, list[dict[str, Any]]] = {case_id: [] for case_id in ids}
    for row in db.session.execute(statement).mappings():
        shown = flag_representation(actor, {**row}, policy_in_force(), last_on, language)
        flags[row["_sort"]].append(shown)
    return flags
