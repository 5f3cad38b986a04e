"""What people enter and upload on the tour."""

from __future__ import annotations

from typing import Final

AGENCY: Final = "990340900110"
BAD_TABLE: Final = (
    "agency,external_id,name_ru,object_kind,work_type,stage,placement,budget_kzt\n"
    f"{AGENCY},GAL-1,Проба,system,creation,planning,nowhere,много\n"
    f"{AGENCY},,Без номера,system,creation,planning,unknown,1\n"
)
DRAFT: Final = {
    "agency": AGENCY,
    "name_ru": "Электронная система лекарственного обеспечения",
    "name_kk": "Дәрі-дәрмекпен қамтамасыз етудің электрондық жүйесі",
    "object_kind": "system",
    "work_type": "creation",
    "stage": "creation",
    "placement": "off_platform",
    "contract_signed_on": "02.03.2026",
    "budget_kzt": "48500000",
    "region": "71",
    "sector": "07",
}

# Of another agency, and like HEALTH-003.
OTHER_AGENCY: Final = "110240901232"
TWIN: Final = {
    "name_ru": "Создание системы обеспечения лекарствами",
    "name_kk": "Дәрі-дәрмекпен қамтамасыз ету жүйесін құру",
    "object_kind": "system",
    "work_type": "creation",
    "stage": "planning",
    "placement": "on_platform",
    "supplier_bin": "130740910411",
}
CLERKS_TABLE: Final = (
    "Реестр проектов;;;;;;;;;\n"
    "№ п/п;БИН;Внутренний номер;Название;Вид объекта;Вид работ;Стадия;Размещение;Дата договора;Сумма, ₸\n"
    f"1;{AGENCY};HEALTH-003;Портал озёр;сайт;Развитие;ОЭ;вне QazTech;02.11.2026;1 200 000,00 ₸\n"
    f"2;{AGENCY};А-2;Учёт рек;ИС;Создание;Планирование;Пока неизвестно;03.11.2026;5 000 000\n"
    f"3;{AGENCY};А-3;Реестр болот;ИС;Создание;Планирование;Пока неизвестно;скоро;1.2 млн\n"
    "Итого;;;;;;;;;6 200 000\n"
)
UNKNOWN_COLUMNS: Final = (
    "Реестр проектов;;;;;\n№;Шифр;Что это;Вид работ;Бюджет, тенге;Примечание\n"
    "1;А-1;Портал озёр;Создание;1 200 000;срочно\n2;А-2;Учёт рек;Развитие;5 000 000;\n"
)
