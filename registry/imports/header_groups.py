"""Groups of headers: what "Наименование" means below "Поставщик", "Дата" below "Договор".

The names of a column below its group are aliases of fields. Below an organisation a name or a BIN is never the
project's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from registry.core.values import comparable


class Group(NamedTuple):
    """Names of a group, and of the columns below it by field. ``is_other``: of somebody else than the project."""

    names: Sequence[str]
    fields: Mapping[str, Sequence[str]]
    is_other: bool = False


BIN: Final = ("БИН", "БСН", "BIN", "БИН/ИИН", "ИИН/БИН", "БСН/ЖСН", "БИН (ИИН)")
NAME: Final = ("Наименование", "Название", "Атауы", "Name", "Наименование организации", "Полное наименование")
GROUPS: Final = (
    Group(
        (
            *("Поставщик", "Исполнитель", "Подрядчик", "Разработчик", "Поставщик услуг", "Подрядная организация"),
            *("Исполнитель работ", "Сведения об исполнителе", "Сведения о поставщике", "Данные поставщика"),
            *("Орындаушы", "Жеткізуші", "Мердігер", "Өнім беруші", "Әзірлеуші", "Supplier", "Contractor"),
        ),
        {"supplier_bin": BIN, "supplier_name": NAME},
        is_other=True,
    ),
    Group(
        (
            *("Заказчик", "Организация", "Государственный орган", "Госорган", "ГО", "Владелец", "Собственник"),
            *("Собственник ИС", "Владелец ИС", "Тапсырыс беруші", "Ұйым", "Мемлекеттік орган", "Меншік иесі", "Agency"),
        ),
        {"agency": (*BIN, *NAME)},
        is_other=True,
    ),
    Group(
        (
            *(
                "Договор",
                "Контракт",
                "Сведения о договоре",
                "Реквизиты договора",
                "Данные договора",
                "Шарт",
                "Contract",
            ),
            *("Договор о государственных закупках", "Келісімшарт", "Шарт деректері"),
        ),
        {
            "contract_number": ("Номер", "№", "Нөмірі", "Number"),
            "contract_signed_on": ("Дата", "Дата подписания", "Дата заключения", "Күні", "Жасалған күні", "Date"),
            "budget_kzt": ("Сумма", "Стоимость", "Цена", "Сомасы", "Құны", "Amount"),
            "supplier_name": ("Исполнитель", "Поставщик", "Подрядчик", "Орындаушы", "Жеткізуші"),
        },
    ),
    Group(
        (
            *("Ответственное лицо", "Ответственный", "Контактное лицо", "Ответственный сотрудник", "Контакты"),
            *("Ответственный исполнитель", "Жауапты адам", "Жауапты тұлға", "Байланыс", "Responsible person"),
        ),
        {
            "responsible_name": ("ФИО", "Ф.И.О.", "Имя", "Фамилия, имя, отчество", "Аты-жөні", "ТАӘ", "Name"),
            "responsible_position": ("Должность", "Лауазымы", "Position"),
            "responsible_phone": ("Телефон", "Тел.", "Номер телефона", "Telephone"),
            "responsible_email": ("Электронная почта", "Эл. почта", "E-mail", "Почта", "Электрондық пошта"),
        },
    ),
    Group(
        ("Проект", "Сведения о проекте", "Жоба", "Объект", "Система", "ИС", "Объект информатизации", "Жүйе", "Project"),
        {
            "external_id": ("Код", "Шифр", "ID", "Номер", "Коды"),
            "name_ru": ("Наименование", "Название", "Name"),
            "name_kk": ("Атауы",),
        },
    ),
    Group(
        ("Наименование", "Название", "Наименование проекта", "Название проекта", "Наименование ИС", "Атауы", "Name"),
        {
            "name_kk": ("на казахском", "на казахском языке", "каз", "каз.", "на гос. языке", "қазақша", "қаз.", "kk"),
            "name_ru": ("на русском", "на русском языке", "рус", "рус.", "орысша", "орыс.", "ru"),
            "name_en": ("на английском", "на английском языке", "англ", "англ.", "ағылшынша", "en"),
        },
    ),
    Group(
        ("Сроки", "Сроки реализации", "Срок реализации", "Сроки проекта", "Сроки работ", "Мерзімдері", "Мерзімі"),
        {
            "work_started_on": ("Начало (факт)", "Фактическое начало", "Басталуы (нақты)"),
            "planned_end_on": ("Окончание (план)", "Плановое окончание", "Завершение (план)", "Аяқталуы (жоспар)"),
            "ended_on": ("Окончание (факт)", "Фактическое окончание", "Завершение (факт)", "Аяқталуы (нақты)"),
        },
    ),
    Group(
        ("Заключение ИБ", "Заключение об испытаниях", "Испытания ИБ", "Испытания на соответствие требованиям ИБ"),
        {"security_conclusion_number": ("Номер", "№"), "security_conclusion_on": ("Дата",)},
    ),
)
OTHER_GROUPS: Final = frozenset(comparable(name) for group in GROUPS if group.is_other for name in group.names)
# What a column of an organisation may be called below its group, and means nothing else there.
ORGANISATION: Final = frozenset(
    map(comparable, (*BIN, *NAME, "Адрес", "Телефон", "Email", "Регион", "ФИО", "Руководитель"))
)


def group_aliases() -> Iterator[tuple[str, str]]:
    """Field and header, of each column below each group."""
    for group in GROUPS:
        for field, names in group.fields.items():
            yield from ((field, f"{above} {name}") for above in group.names for name in names)


def header_texts(own: str, levels: Sequence[str]) -> list[str]:
    """The texts that may name a column below ``levels`` of groups: with its groups, nearest first, then alone.

    Below an organisation a BIN, a name or a telephone is that organisation's, and does not stand alone.
    """
    groups = [group for group in reversed(list(dict.fromkeys(levels))) if group != own]
    texts = [f"{group} {own}" for group in groups]
    texts += [" ".join(reversed([own, *groups[:count]])) for count in range(2, len(groups) + 1)]
    if comparable(own) in ORGANISATION and any(comparable(group) in OTHER_GROUPS for group in groups):
        return texts
    return list(dict.fromkeys([*texts, own]))
