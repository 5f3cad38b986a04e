"""The demo's reports to the Government: one that was issued, and a draft."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

from sqlalchemy import func, select

from registry.core.database import db
from registry.core.transactions import transaction
from registry.demo.people import REVIEWER, SECOND_REVIEWER, SUPERVISOR, demo_actor
from registry.demo.records import Act
from registry.government_reports.models import GovernmentReport
from registry.government_reports.queries import find_report_to_change
from registry.government_reports.service import (
    approve_government_report,
    begin_government_report,
    change_government_report,
    freeze_figures,
    submit_government_report,
)

TEXTS: Final = {
    "introduction_kk": "Есеп мемлекеттік цифрлық объектілерді QazTech платформасынан тыс құруға қойылған мораторийдің "
    "сақталуы туралы дайындалды.",
    "introduction_ru": "Отчёт подготовлен о соблюдении моратория на создание государственных цифровых объектов вне "
    "платформы QazTech.",
    "findings_kk": "Ескертпелердің көбі мораторий кезінде басталған жаңа объектілерге және расталмаған орналастыруға "
    "қатысты.",
    "findings_ru": "Большинство замечаний касается новых объектов, начатых во время моратория, и неподтверждённого "
    "размещения.",
    "measures_kk": "Маңыздылығы жоғары жобалар бойынша нұсқамалар беріліп, оларды орындау мерзімдері белгіленді.",
    "measures_ru": "По проектам высокой важности выданы предписания, установлены сроки их исполнения.",
    "conclusions_kk": "Орналасуын растауды жеделдету және нұсқамалардың орындалуын бақылау қажет.",
    "conclusions_ru": "Необходимо ускорить подтверждение размещения и контролировать исполнение предписаний.",
}


def _begin(day: date) -> None:
    values = {"period_end": day - timedelta(days=12), "due_on": day - timedelta(days=2), "responsible": SUPERVISOR}
    author = demo_actor(SECOND_REVIEWER)
    number = begin_government_report(author, values).number
    change_government_report(author, find_report_to_change(number), TEXTS)
    freeze_figures(author, number)
    submit_government_report(author, number)


def _approve(name: str) -> Act:
    def act(_day: date) -> None:
        with transaction():
            approve_government_report(demo_actor(name), find_report_to_change(_last_number()))

    return act


def _draft(day: date) -> None:
    values = {"period_end": day, "due_on": day + timedelta(days=20), "responsible": SUPERVISOR}
    texts = {name: TEXTS[name] for name in ("introduction_kk", "introduction_ru")}
    begin_government_report(demo_actor(SECOND_REVIEWER), {**values, **texts})


def _last_number() -> str:
    newest = select(func.max(GovernmentReport.id)).scalar_subquery()
    return db.session.scalars(select(GovernmentReport).where(GovernmentReport.id == newest)).one().number


# By working days before the loading.
REPORT_ACTS: Final[tuple[tuple[int, Act], ...]] = (
    (6, _begin),
    (5, _approve(REVIEWER)),
    (4, _approve(SUPERVISOR)),
    (2, _draft),
)
