"""Lists that are one text in forms and tables: amounts by year, integrations; and telephone numbers."""

from __future__ import annotations

from typing import Any

import pytest
from marshmallow import ValidationError

from registry.core.fields import Entries, InputField, Telephone, YearlyAmounts
from registry.core.values import InvalidValue

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
