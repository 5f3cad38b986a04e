"""Values as people write them: texts, lists, address ranges, and the field types that check them."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import pytest
from hypothesis import given, strategies as st
from marshmallow import ValidationError

from registry.agencies.fields import AGENCY_FIELDS
from registry.agencies.models import AGENCY_KINDS, REGIONS
from registry.core.errors import Problem
from registry.core.fields import (
    AnyDay,
    BaseSchema,
    Bin,
    Boolean,
    Choice,
    Day,
    Email,
    Entries,
    Ids,
    InputField,
    Telephone,
    Text,
    Url,
    WholeNumber,
    YearlyAmounts,
)
from registry.core.networks import is_in_ranges, is_range_within, network_of, normalised_range
from registry.core.values import FieldError, InvalidValue, read_period
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
        *("02.03.26", "2-Mar-26", "2 марта 26 г."),
    ],
)
def test_date_is_read_day_first(text: str) -> None:
    assert read(DAY, text) == "2026-03-02"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("02.03.61", "date-year-short"),
        ("2-Mar-90", "date-year-short"),
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


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("I квартал 2026 г.", "2026-01-01", "2026-03-31"),
        ("ІІ кв. 2026", "2026-04-01", "2026-06-30"),
        ("2026 жылғы 3-тоқсан", "2026-07-01", "2026-09-30"),
        ("2026 год, 4-й квартал", "2026-10-01", "2026-12-31"),
        ("Q1 2027", "2027-01-01", "2027-03-31"),
        ("второе полугодие 2026 года", "2026-07-01", "2026-12-31"),
        ("1 жартыжылдық 2026", "2026-01-01", "2026-06-30"),
        ("02.2028", "2028-02-01", "2028-02-29"),
        ("декабрь 2026", "2026-12-01", "2026-12-31"),
        ("2026 ж.", "2026-01-01", "2026-12-31"),
        ("I–IV кварталы 2026 г.", "2026-01-01", "2026-12-31"),
        ("II кв. 2026 – II кв. 2027", "2026-04-01", "2027-06-30"),
        ("2026 жылғы 2–3-тоқсан", "2026-04-01", "2026-09-30"),
        ("январь – март 2026 года", "2026-01-01", "2026-03-31"),
        ("март 2026 – 4 квартал 2027", "2026-03-01", "2027-12-31"),
        ("с 2026 по 2028 годы", "2026-01-01", "2028-12-31"),
        ("до конца 2027 года", "2027-01-01", "2027-12-31"),
    ],
)
def test_period_has_its_first_and_last_day(text: str, first: str, last: str) -> None:
    assert read_period(text) == (date.fromisoformat(first), date.fromisoformat(last))


@pytest.mark.parametrize(
    "text",
    [
        "5 квартал 2026",
        "13.2026",
        "2027–2026",
        "III-I квартал 2026",
        "2025-2026-2027",
        "квартал 2026",
        "01.02-2026",
        "0",
    ],
)
def test_text_that_is_no_single_period_has_no_days(text: str) -> None:
    assert read_period(text) is None


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
    fields = (DAY, NUMBER, BIN, Boolean(), FIELDS["stage"], FIELDS["contract_number"], AGENCY_FIELDS["region"])
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


class Record(BaseSchema):
    """A record with an optional and a required field."""

    note = Text(5)
    code = Text(5, required=True)
    day = AnyDay()
    kind = Choice(("a", "b"), nullable=False)


RECORD = Record()


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        (Text(), "  two\r\nlines ", "two\nlines"),
        (Text(), " \u200b ", None),
        (Text(), None, None),
        (Choice(("a", "b")), "b", "b"),
        (AnyDay(), "0001-01-01", date(1, 1, 1)),
        (Day(), "1991-12-16", date(1991, 12, 16)),
        (WholeNumber(), 0, 0),
        (Boolean(), False, False),
        (Bin(), "050340004478", "050340004478"),
        (Email(), "a@b.kz", "a@b.kz"),
        (Url(), "https://example.kz/a?b=1", "https://example.kz/a?b=1"),
        (Ids(2), [1, 2], [1, 2]),
    ],
)
def test_valid_value_is_accepted(field: InputField, value: object, expected: object) -> None:
    assert field.deserialize(value) == expected


@pytest.mark.parametrize(
    ("field", "value", "error"),
    [
        (Text(), 5, FieldError("expected-text")),
        (Text(3), "four", FieldError("too-long", {"limit": 3, "length": 4})),
        (Text(), "a\x00", FieldError("control-character", {"character": "U+0000"})),
        (Text(required=True), " \u200b ", "required"),
        (Text(required=True), None, "required"),
        (Choice(("a", "b"), nullable=False), None, "required"),
        (Choice(("a", "b")), "c", FieldError("not-a-choice", {"options": "a, b"})),
        (AnyDay(), "01.02.2026", FieldError("expected-date")),
        (AnyDay(), "2026-02-30", FieldError("no-such-date")),
        (
            Day(date(2060, 12, 31)),
            "1991-12-15",
            FieldError("date-out-of-range", {"earliest": "1991-12-16", "latest": "2060-12-31"}),
        ),
        (WholeNumber(), True, FieldError("expected-whole-number")),
        (WholeNumber(), 1.0, FieldError("expected-whole-number")),
        (WholeNumber(1, 3), 4, FieldError("number-out-of-range", {"smallest": 1, "largest": 3})),
        (Boolean(), 1, FieldError("expected-true-or-false")),
        (Bin(), "050340004479", FieldError("bin-invalid")),
        (Email(), "a@b", FieldError("email-invalid")),
        (Url(), "ftp://example.kz", FieldError("url-invalid")),
        (Url(), "https://a:b@example.kz", FieldError("url-with-credentials")),
        (Ids(2), [1, 2, 3], FieldError("number-of-ids", {"largest": 2})),
        (Ids(), [True], FieldError("expected-ids")),
    ],
)
def test_invalid_value_has_a_code_and_parameters(field: InputField, value: object, error: object) -> None:
    with pytest.raises(ValidationError) as raised:
        field.deserialize(value)
    assert raised.value.messages == [error]


@pytest.mark.parametrize(
    ("field", "text", "value"),
    [
        (Text(), " a ", "a"),
        (Text(), " \t", None),
        (WholeNumber(), " 1 200\u00a0000 ", 1_200_000),
        (WholeNumber(), "\u2212007", -7),
        (WholeNumber(), "twelve", "twelve"),
        (WholeNumber(), "-", None),
        (Boolean(), "Иә", True),
        (Boolean(), "no", False),
        (Boolean(), "maybe", "maybe"),
        (Bin(), "0503 4000 4478", "050340004478"),
        (AnyDay(), "20/1/2026", "2026-01-20"),
        (AnyDay(), "2026-01-20", "2026-01-20"),
    ],
)
def test_text_of_a_form_becomes_its_json_value(field: InputField, text: str, value: object) -> None:
    assert field.from_text(text) == value


def test_form_reports_blank_required_field_and_leaves_absent_ones_alone() -> None:
    assert RECORD.load_texts({"code": " ", "day": "1.2.2026", "kind": ""}) == (
        {"day": date(2026, 2, 1)},
        (Problem("/code", "required"),),
    )
    assert RECORD.load_texts({"note": ""}) == ({"note": None}, ())


def test_filled_values_are_loaded_and_blank_ones_are_left_to_the_service() -> None:
    assert RECORD.load_filled({"code": None, "note": "too long", "kind": "a"}) == (
        {"code": None, "kind": "a"},
        (Problem("/note", "too-long", {"limit": 5, "length": 8}),),
    )


TWO_YEARS = [{"year": 2026, "amount_kzt": 1_000_000}, {"year": 2027, "amount_kzt": 2_000_000}]


def codes(field: InputField, text: str) -> list[str]:
    """The codes of the errors of a text of a form."""
    with pytest.raises(ValidationError) as caught:
        field.deserialize(field.from_text(text))
    return [getattr(error, "code", str(error)) for error in caught.value.messages]


@pytest.mark.parametrize(
    "text",
    [
        "2026: 1000000; 2027: 2000000",
        "2027: 2 000 000 ₸\r\n2026: 1 000 000 ₸\r\n",
        "2026 – 1\u00a0000\u00a0000;2027=2000000;",
    ],
)
def test_years_are_read_as_people_write_them_and_sorted(text: str) -> None:
    field = YearlyAmounts()
    assert field.deserialize(field.from_text(text)) == TWO_YEARS


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("1000000", "years-invalid"),
        ("2026: 1; потом 2", "years-invalid"),
        ("2026: 1; 2026: 2", "year-twice"),
        ("2026: много", "expected-whole-number"),
        ("2026:", "required"),
        ("2026: 1.2 млн", "number-in-words"),
        ("1990: 1", "number-out-of-range"),
        ("2026: -1", "number-out-of-range"),
        ("; ".join(f"{year}: 1" for year in range(2000, 2031)), "too-many-entries"),
    ],
)
def test_years_that_cannot_be_read_have_an_error(text: str, code: str) -> None:
    assert codes(YearlyAmounts(), text) == [code]


def test_blank_years_and_an_empty_list_are_missing() -> None:
    field = YearlyAmounts()
    assert field.from_text(" ; \n ") is None
    assert field.deserialize([]) is None


def test_entries_are_lines_or_between_semicolons_and_each_once() -> None:
    field = Entries()
    assert field.deserialize(field.from_text("eGov\r\n Шлюз ;eGov;; ")) == ["eGov", "Шлюз"]
    assert field.deserialize([]) is None


@pytest.mark.parametrize(
    ("entries", "code"),
    [
        ("eGov", "expected-texts"),
        ([1], "expected-texts"),
        (["a;b"], "entry-with-separator"),
        (["a\nb"], "control-character"),
        (["a" * 201], "too-long"),
        (["a"] * 51, "too-many-entries"),
    ],
)
def test_entries_that_are_no_list_of_short_texts_have_an_error(entries: Any, code: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        Entries().deserialize(entries)
    assert caught.value.code == code


@pytest.mark.parametrize(
    "text",
    [
        "+7 7172 74 00 00",
        "8 (7172) 74-00-00",
        "+7 (7172) 74-00-00, вн. 1234",
        "74-00-00 ext 12",
        "77172740000, 77011112233",
    ],
)
def test_telephone_numbers_are_kept_as_written(text: str) -> None:
    assert Telephone().deserialize(f" {text} ") == text


@pytest.mark.parametrize("text", ["нет", "12", "+7 717 звоните", "a@example.kz", "+7 7172 74 00 00; 1"])
def test_text_that_is_no_telephone_number_has_an_error(text: str) -> None:
    assert codes(Telephone(), text) == ["telephone-invalid"]


@pytest.mark.parametrize(
    ("text", "normalised"),
    [
        ("10.1.0.7", "10.1.0.7/32"),
        ("10.1.0.0/16", "10.1.0.0/16"),
        ("10.1.0.0/255.255.0.0", "10.1.0.0/16"),
        ("2001:DB8:0::/32", "2001:db8::/32"),
        ("::1", "::1/128"),
    ],
)
def test_range_is_normalised(text: str, normalised: str) -> None:
    assert normalised_range(text) == normalised


@pytest.mark.parametrize("text", ["10.1.0.7/8", "10.1.0.0/33", "", "a", "10.1", " 10.1.0.0/16", "10.1.0.0/-1"])
def test_malformed_range_is_rejected(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        normalised_range(text)


@given(st.ip_addresses(v=4), st.integers(0, 32))
def test_address_is_in_the_range_around_it_in_both_forms(address: ipaddress.IPv4Address, prefix: int) -> None:
    around = str(ipaddress.ip_network((int(address), prefix), strict=False))
    assert is_in_ranges(str(address), [around]) and is_in_ranges(f"::ffff:{address}", [around])
    assert not is_in_ranges(str(address), ["2001:db8::/32"]) and not is_in_ranges(str(address), [])


def test_range_is_within_itself_and_wider_ones_of_the_same_version() -> None:
    assert is_range_within("10.1.0.0/16", ["192.0.2.0/24", "10.0.0.0/8"])
    assert is_range_within("10.1.0.0/16", ["10.1.0.0/16"])
    assert not is_range_within("10.0.0.0/8", ["10.1.0.0/16"])
    assert not is_range_within("::/0", ["0.0.0.0/0"])
    assert not is_range_within("10.1.0.0/16", [])


def test_ipv6_subscriber_is_one_caller() -> None:
    assert network_of("2001:db8::1") == network_of("2001:db8::ffff:1") == "2001:db8::/64"
    assert network_of("::ffff:10.1.0.7") == "10.1.0.7" and network_of("unknown") == "unknown"
