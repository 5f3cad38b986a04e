"""Rules that a policy file may leave out: they are then disabled, so that older files stay valid."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Final

from registry.freeze.policy import RulePolicy, Wording

DISABLED_RULES: Final[Mapping[str, RulePolicy]] = {
    "integrity.unattested": RulePolicy(
        enabled=False,
        severity="low",
        title={
            "kk": "Жазбаның дұрыстығы уақтылы расталмаған",
            "ru": "Достоверность записи не подтверждена в срок",
            "en": "Record not confirmed as still true",
        },
        remedy={
            "kk": "Жазбаны тексеріп, қажет болса түзетіңіз де, дұрыс екенін растаңыз.",
            "ru": "Проверьте запись, при необходимости исправьте её и подтвердите, что она верна.",
            "en": "Check the record, correct it where needed, and confirm that it is true.",
        },
        clauses=(
            Wording(
                act={
                    "kk": "Тізілім саясаты",
                    "ru": "Политика реестра",
                    "en": "Policy of the registry",
                },
                text={
                    "kk": "ұйым өз жазбаларының әлі де дұрыс екенін мерзімді түрде растайды.",
                    "ru": "организация периодически подтверждает, что её записи по-прежнему верны.",
                    "en": "the agency confirms from time to time that its records are still true.",
                },
                in_force_from=date(2026, 1, 1),
            ),
        ),
        kk_reviewed=False,
    )
}
