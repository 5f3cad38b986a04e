"""Texts to begin questions and reasons with, for the rules on contracts and deployments; and back."""

# ruff: noqa: E501 - texts as people read them

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import sqlalchemy as sa
from alembic import op

from registry.core.database import Instant

revision = "2026_12_01_635"
down_revision = "2026_11_30_634"
branch_labels = None
depends_on = None

COLUMNS: Final = ("kind", "rule", "language", "title", "text", "version")
TABLE: Final = sa.table("case_templates", *map(sa.column, COLUMNS), sa.column("changed_at", Instant()))
TITLES: Final = {
    "question_kk": "Түсіндіру және құжаттар",
    "question_ru": "Пояснения и документы",
    "reason_kk": "Негіздеме",
    "reason_ru": "Обоснование",
}
TEXTS: Final = {
    "platform.idle": {
        "question_kk": "QazTech-те орналасқан «{project}» ({number}) объектісінде ұзақ уақыт ештеңе өрістетілмеген. Объект пайдаланылып жатыр ма және келесі нұсқа қашан өрістетіледі? {deadline} күніне дейін хабарлаңыз.",
        "question_ru": "На размещённом на QazTech объекте «{project}» ({number}) давно ничего не развёртывалось. До {deadline} сообщите, эксплуатируется ли объект и когда будет развёрнута следующая версия.",
        "reason_kk": "«{project}» объектісінде ұзақ уақыт ештеңе өрістетілмеген.",
        "reason_ru": "На объекте «{project}» давно ничего не развёртывалось.",
    },
    "contract.signed-later": {
        "question_kk": "Сатып алу порталы бойынша «{project}» ({number}) шартына жазбада көрсетілген күннен кейін қол қойылған. Айырмашылық неден екенін {deadline} күніне дейін түсіндіріп, шартты тіркеңіз.",
        "question_ru": "По данным портала закупок договор по объекту «{project}» ({number}) подписан позже, чем указано в записи. До {deadline} объясните расхождение и приложите договор.",
        "reason_kk": "Сатып алу порталы бойынша «{project}» шартына жазбада көрсетілген күннен кейін қол қойылған.",
        "reason_ru": "По данным портала закупок договор по объекту «{project}» подписан позже, чем указано в записи.",
    },
    "contract.sum-above-budget": {
        "question_kk": "Сатып алу порталы бойынша «{project}» ({number}) шарттарының сомасы жазбадағы бюджеттен асады. Айырмашылық неден екенін {deadline} күніне дейін түсіндіріп, құжаттарды тіркеңіз.",
        "question_ru": "По данным портала закупок сумма договоров по объекту «{project}» ({number}) больше бюджета в записи. До {deadline} объясните расхождение и приложите документы.",
        "reason_kk": "Сатып алу порталы бойынша «{project}» шарттарының сомасы жазбадағы бюджеттен асады.",
        "reason_ru": "По данным портала закупок сумма договоров по объекту «{project}» больше бюджета в записи.",
    },
    "contract.raised-after-cutoff": {
        "question_kk": "«{project}» ({number}) шартының сомасы мораторий басталғаннан кейін қосымша келісіммен өсірілген. Қандай жұмыс қосылғанын {deadline} күніне дейін түсіндіріп, келісімді тіркеңіз.",
        "question_ru": "Сумма договора по объекту «{project}» ({number}) увеличена дополнительным соглашением после начала моратория. До {deadline} объясните, какие работы добавлены, и приложите соглашение.",
        "reason_kk": "«{project}» шартының сомасы мораторий басталғаннан кейін өсірілген.",
        "reason_ru": "Сумма договора по объекту «{project}» увеличена после начала моратория.",
    },
    "contract.split": {
        "question_kk": "«{project}» ({number}) бойынша бір өнім берушімен қысқа мерзімде бірнеше шарт жасалған. Шарттар неге бөлек екенін {deadline} күніне дейін түсіндіріп, оларды тіркеңіз.",
        "question_ru": "По объекту «{project}» ({number}) за короткое время заключено несколько договоров с одним поставщиком. До {deadline} объясните, почему договоры отдельные, и приложите их.",
        "reason_kk": "«{project}» бойынша бір өнім берушімен қысқа мерзімде бірнеше шарт жасалған.",
        "reason_ru": "По объекту «{project}» за короткое время заключено несколько договоров с одним поставщиком.",
    },
}


def upgrade() -> None:
    added = datetime(2026, 12, 1, tzinfo=UTC)
    rows = []
    for rule, texts in TEXTS.items():
        for name, text in texts.items():
            kind, language = name.split("_")
            values = (kind, rule, language, TITLES[name], text, 1)
            rows.append(dict(zip(COLUMNS, values, strict=True)) | {"changed_at": added})
    op.bulk_insert(TABLE, rows)


def downgrade() -> None:
    op.execute(sa.delete(TABLE).where(TABLE.c.rule.in_(TEXTS)))
