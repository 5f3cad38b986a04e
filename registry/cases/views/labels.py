"""Labels of the fields of cases. Their choices are in ``registry/cases/vocabulary.py``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from registry.core.translations import lazy_text

CASE_FIELDS: Final[Mapping[str, str]] = {
    "status": lazy_text("Status"),
    "assignee": lazy_text("Reviewer"),
    "comment": lazy_text("Comment"),
    "decision": lazy_text("Decision"),
    "reason_code": lazy_text("Why there is no breach"),
    "legal_basis": lazy_text("Legal basis"),
    "reason_kk": lazy_text("Reason in Kazakh"),
    "reason_ru": lazy_text("Reason in Russian"),
    "legal_basis_kk": lazy_text("Legal basis in Kazakh"),
    "legal_basis_ru": lazy_text("Legal basis in Russian"),
    "appeal_until": lazy_text("Appeal possible until"),
    "proposed_by": lazy_text("Proposed by"),
    "for_agency": lazy_text("The agency may read it"),
    "withdrawn_from": lazy_text("Was"),
    "rule": lazy_text("Rule"),
    "outcome": lazy_text("Outcome"),
    "closed_at": lazy_text("Closed"),
    "opened_at": lazy_text("Opened"),
}
