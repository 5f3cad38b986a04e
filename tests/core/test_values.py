"""Values as people write them, in forms and tables alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from registry.agencies.fields import AGENCY_FIELDS
from registry.agencies.vocabulary import AGENCY_KINDS, REGIONS
from registry.core.fields import AnyDay, Bin, Boolean, InputField, WholeNumber
from registry.core.values import InvalidValue
from registry.projects import vocabulary as projects
from registry.projects.fields import FIELDS

PROJECT_SPELLINGS = (
    projects.STAGES,
    projects.PLACEMENTS,
    projects.WORK_TYPES,
    projects.FUNDINGS,
    projects.OBJECT_KINDS,
)

DAY, NUMBER, BIN = AnyDay(), WholeNumber(), Bin()


def read(field: InputField, text: str) -> object:
    """Return the JSON value of the text, or the code of its error with an exclamation mark."""
    try:
        return field.from_text(text)
    except InvalidValue as error:
        return f"!{error.code}"


@pytest.mark.parametrize(
    "text",
    [
        *("02.03.2026", "2/3/2026", "2-3-2026", "2026-03-02", "2026.03.02", "2026-3-2", " 02.03.2026\u00a0", "46083"),
        *(
            "02.03.2026 г.",
            "02.03.2026г",
            "02.03.2026\u00a0ж.",
            "2 марта 2026 года",
            "«02» марта 2026 г.",
            "2 мар. 2026",
        ),
        *("2 наурыз 2026 ж.", "2026 жылғы 2 наурыз", "2026 ж. 2 наурыз", "March 2, 2026", "2 March 2026"),
        *("2026-03-02T00:00:00", "02.03.2026 0:00:00", "46083.0", "02 . 03 . 2026", "02\u201303\u20132026"),
    ],
)
def test_date_is_read_day_first(text: str) -> None:
    assert read(DAY, text) == "2026-03-02"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("02.03.26", "date-year-short"),
        ("2-Mar-26", "date-year-short"),
        ("2/13/2026", "date-month-wrong"),
        ("01.02.2026\u201303.04.2026", "date-range"),
        ("с 01.02.2026 по 03.04.2026", "date-range"),
        ("2025\u20132026 гг.", "date-range"),
        ("2026", "date-incomplete"),
        ("2026 г.", "date-incomplete"),
        ("03.2026", "date-incomplete"),
        ("март 2026 г.", "date-incomplete"),
        ("I квартал 2026", "date-incomplete"),
        ("2026 жылғы 1-тоқсан", "date-incomplete"),
    ],
)
def test_uncertain_date_is_refused(text: str, code: str) -> None:
    assert read(DAY, text) == f"!{code}"


@pytest.mark.parametrize("text", ["20260302", "скоро", "02.03", "2 мармелада 2026", "\uff10\uff12.03.2026"])
def test_text_that_is_no_date_stays_text(text: str) -> None:
    assert read(DAY, text) == text


@pytest.mark.parametrize(
    "text",
    [
        *("1200000", "1 200 000", "1\u00a0200\u00a0000", "1\u202f200\u202f000", "1,200,000", "1.200.000", "1'200'000"),
        *("1 200 000,00 ₸", "1 200 000.00", "1,200,000.00", "1.200.000,00", "1200000,0", "1200000.0"),
        *("1 200 000 тг.", "1 200 000 тенге", "1 200 000 теңге", "KZT 1200000", "₸1,200,000", "0001200000"),
    ],
)
def test_amount_is_read_in_whole_tenge(text: str) -> None:
    assert read(NUMBER, text) == 1_200_000


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("1.2 млн", "number-in-words"),
        ("1,2 млрд. тенге", "number-in-words"),
        ("500 тыс. ₸", "number-in-words"),
        ("500 мың теңге", "number-in-words"),
        ("1,200", "number-ambiguous"),
        ("1.200", "number-ambiguous"),
        ("1 200,000", "number-ambiguous"),
        ("1 200,50", "number-with-fraction"),
        ("1200000.0000000001", "number-with-fraction"),
        ("0,001", "number-with-fraction"),
        ("1.2E+06", "number-shortened"),
        ("$100", "amount-not-in-tenge"),
        ("100 руб.", "amount-not-in-tenge"),
    ],
)
def test_amount_is_never_rounded_or_guessed(text: str, code: str) -> None:
    assert read(NUMBER, text) == f"!{code}"


@pytest.mark.parametrize("text", ["12 00", "(500)", "=1+1", "100\u2013200", "много", "1,2,3", "1,200.000,00"])
def test_text_that_is_no_number_stays_text(text: str) -> None:
    assert read(NUMBER, text) == text


@pytest.mark.parametrize(
    "text",
    [
        *("050340004478", "50340004478", "50340004478.0", "0503 4000 4478", "5.0340004478E+10", "5,0340004478E+10"),
        *("БИН 050340004478", "'050340004478", "050340004478\u00a0", "БСН: 050340004478"),
    ],
)
def test_bin_gets_its_zeros_back(text: str) -> None:
    assert read(BIN, text) == "050340004478"


def test_bin_that_lost_digits_is_refused() -> None:
    assert read(BIN, "5.0E+10") == "!number-shortened"
    assert read(BIN, "50340004") == "50340004"


@pytest.mark.parametrize(
    ("name", "texts", "code"),
    [
        ("stage", ("operation", "Промышленная эксплуатация", "в  эксплуатации", "өнеркәсіптік пайдалану"), "operation"),
        ("stage", ("In operation", "ЭКСПЛУАТАЦИЯ", "«Эксплуатация»"), "operation"),
        ("stage", ("Прекращен", "прекращён "), "terminated"),
        ("work_type", ("Развитие", "дамыту", "development", "Development"), "development"),
        ("placement", ("Вне платформы QazTech", "вне платформы «QazTech»", "off_platform"), "off_platform"),
        ("object_kind", ("Цифровая система", "ИС", "Цифрлық жүйе", "информационная\nсистема"), "system"),
        ("sector", ("7", "07", "7.0", "Здравоохранение", "07 - Здравоохранение", "Денсаулық сақтау"), "07"),
        ("region", ("71", "г. Астана", "Астана қ.", "71 Астана", "город Астана"), "71"),
        ("region", ("Алматинская обл.", "Алматы облысы", "Алматинская область"), "19"),
        ("region", ("г.Алматы", "Алматы", "Алматы қаласы"), "75"),
        ("funding", ("Республиканский бюджет", "РБ", "Республикалық бюджет"), "republican_budget"),
        ("object_class", ("2", "Второй", "II", "2 класс", "Екінші", "2.0"), 2),
        ("is_ai", ("да", "ДА ", "Иә", "yes", "1", "true", "Истина"), True),
        ("is_ai", ("нет", "Жоқ", "no", "0", "FALSE"), False),
        ("purpose", ("Учёт ",), "Учёт"),
    ],
)
def test_choice_is_read_by_its_label_in_any_language(name: str, texts: tuple[str, ...], code: object) -> None:
    assert [read(FIELDS[name], text) for text in texts] == [code] * len(texts)


@pytest.mark.parametrize("text", ["Разработка", "ПЭ", "создание и развитие", "\uff17\uff11"])
def test_word_with_two_meanings_is_no_choice(text: str) -> None:
    for name in ("stage", "work_type", "region"):
        assert read(FIELDS[name], text) == text


@pytest.mark.parametrize("text", ["", " ", "\u00a0", "-", " \u2013 ", "\u2014"])
def test_dash_is_no_value(text: str) -> None:
    fields = (DAY, NUMBER, BIN, Boolean(), FIELDS["stage"], AGENCY_FIELDS["region"])
    assert [read(field, text) for field in fields] == [None] * len(fields)


def test_dash_is_a_text() -> None:
    assert read(FIELDS["purpose"], "-") == "-"


@pytest.mark.parametrize(
    ("name", "text", "code"),
    [
        ("stage", "өнеркəсiптiк пайдалану", "operation"),
        ("stage", "Онеркасиптик пайдалану", "operation"),
        ("work_type", "Сопровождeние", "maintenance"),
        ("work_type", "Дамыту / Развитие", "development"),
        ("work_type", "Создание/развитие", "Создание/развитие"),
        ("object_kind", "Информационная система (ИС)", "system"),
        ("object_kind", "Информационная система (портал)", "Информационная система (портал)"),
        ("funding", "?", "?"),
        ("funding", "с", "с"),
        ("is_ai", "иə", True),
    ],
)
def test_choice_is_read_without_kazakh_letters_and_in_two_languages(name: str, text: str, code: object) -> None:
    assert FIELDS[name].from_text(text) == code


def test_month_is_read_without_kazakh_letters() -> None:
    assert FIELDS["contract_signed_on"].from_text("2026 ж. 2 кантар") == "2026-01-02"


@pytest.mark.parametrize("spellings", [*PROJECT_SPELLINGS, REGIONS, AGENCY_KINDS])
def test_spellings_are_words(spellings: Mapping[str, Sequence[str]]) -> None:
    assert all(not isinstance(words, str) and min(map(len, words)) > 0 for words in spellings.values())
