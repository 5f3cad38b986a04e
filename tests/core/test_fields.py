"""Field types: validation of values, and conversion of texts from forms and tables."""

from __future__ import annotations

from datetime import date

import pytest
from marshmallow import ValidationError

from registry.core.errors import Problem
from registry.core.fields import (
    AnyDay,
    BaseSchema,
    Bin,
    Boolean,
    Choice,
    Day,
    Email,
    Ids,
    InputField,
    Text,
    Url,
    WholeNumber,
)
from registry.core.values import FieldError


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
