"""Form fields: label, control, hint and choices."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from registry.core.fields import AnyDay, Bin, Boolean, Choice, InputField, Text, WholeNumber
from registry.core.list_fields import Entries, Telephone, YearlyAmounts
from registry.core.translations import lazy_text
from registry.freeze.current import policy_in_force
from registry.freeze.vocabulary import WorkType
from registry.projects.fields import FIELDS
from registry.web.forms import as_typed
from registry.web.labels import AMOUNTS, field_label, options
from registry.web.translations import gettext

# Controls that keep line breaks; browsers remove them from the value of every other input.
MULTILINE: Final = ("area", "note")
# Amounts are displayed in groups of three digits, as people write them; years stay whole.
AMOUNT_CONTROLS: Final = ("money", "years")
DIGITS: Final = re.compile("[0-9]+:?")
LINE_BREAKS: Final = str.maketrans("", "", "\r\n")
MAX_RADIOS: Final = 8
LONG_TEXT: Final = 500
NUMBERED: Final = 3

WORK_TYPE_HINTS: Final[Mapping[str, str]] = {
    WorkType.CREATION: lazy_text("A new object."),
    WorkType.DEVELOPMENT: lazy_text("New functions of an object that is in operation already."),
    WorkType.MODIFICATION: lazy_text(
        "A change of an object in operation within %(percent)s%% of its original cost and with the authorised body’s "
        "consent."
    ),
    WorkType.MAINTENANCE: lazy_text("Fixes and upkeep without new functions."),
    WorkType.MIGRATION: lazy_text("The move of an object to QazTech."),
}


@dataclass(frozen=True, slots=True)
class Field:
    """One form field. ``control``: text, day, money, digits, telephone, years, area, note, select, radios, yes_no,
    file, password, check, checkboxes, agency (a BIN or a name, with suggestions).

    ``hints``: explanation of each choice. ``when``: the CSS class that displays the field only after a certain choice.
    ``fold``: heading of the part of the form, closed at first, that has the field.
    """

    name: str
    control: str
    label: str
    hint: str = ""
    choices: Sequence[tuple[str, str]] = ()
    when: str = ""
    hints: Mapping[str, str] = field(default_factory=dict)
    fold: str = ""


def form_field(
    name: str, control: str, *, label: str = "", hint: str = "", choices: Sequence[tuple[str, str]] = (), when: str = ""
) -> Field:
    """Return a field, with the label of its name unless another one is given."""
    return Field(name, control, label or field_label(name), hint, choices, when)


def schema_field(field: InputField) -> Field:
    """Return the form field of a schema's field: its label, its hint, and the control of its type."""
    name = str(field.name)
    control, choices = _control(name, field)
    return Field(name, control, gettext(field.label), gettext(field.hint) if field.hint else "", choices)


def present_text(field: Field, value: object) -> str:
    """Format a stored value as its control displays it, and as a browser submits it unchanged."""
    text = DIGITS.sub(_in_groups, as_typed(value)) if field.control in AMOUNT_CONTROLS else as_typed(value)
    return text if field.control in MULTILINE else text.translate(LINE_BREAKS)


def _in_groups(digits: re.Match[str]) -> str:
    """The digits in groups of three; a year before its colon as it is."""
    text = digits[0]
    if text.endswith(":"):
        return text
    first = len(text) % 3
    return " ".join(filter(None, (text[:first], *(text[place : place + 3] for place in range(first, len(text), 3)))))


def project_field(name: str) -> Field:
    """Return the form field of a project field; mandatory fields are marked."""
    field = schema_field(FIELDS[name])
    if FIELDS[name].required:
        mark = gettext("(required)")
        field = replace(field, label=f"{field.label} {mark}")
    return replace(field, hints=work_type_hints()) if name == "work_type" else field


def work_type_hints() -> dict[str, str]:
    """Return the explanations of the kinds of work."""
    limit = {"percent": policy_in_force().modification_limit_percent}
    return {kind: gettext(text) % limit if "%" in text else gettext(text) for kind, text in WORK_TYPE_HINTS.items()}


def _control(name: str, field: InputField) -> tuple[str, Sequence[tuple[str, str]]]:
    match field:
        case Choice(options=codes):
            return "radios" if len(codes) <= MAX_RADIOS else "select", options(name)
        case AnyDay():
            return "day", ()
        case Boolean():
            return "yes_no", ()
        case WholeNumber() if name.endswith(AMOUNTS):
            return "money", ()
        case WholeNumber(largest=largest) if largest == NUMBERED:
            return "radios", options(name)
        case Text(limit=limit) if limit > LONG_TEXT:
            return "area", ()
        case Entries():
            return "note", ()
        case YearlyAmounts():
            return "years", ()
        case Telephone():
            return "telephone", ()
        case Bin():
            return "digits", ()
    return "text", ()
