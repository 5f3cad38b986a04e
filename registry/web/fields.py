"""The fields of forms: how each is asked, with a hint where the name alone does not say it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from registry.records.project_fields import FIELDS as KINDS
from registry.records.values import Choice, Day, Text, Whole, YesNo
from registry.web.catalogues import gettext, marked
from registry.web.labels import AMOUNTS, field_label, options

MOST_RADIOS: Final = 8
LONG_TEXT: Final = 500
NUMBERED: Final = 3

HINTS: Final[Mapping[str, str]] = {
    "agency": marked("Whose project it is."),
    "external_id": marked("The number of the project in your own accounts. It must be unique within the agency."),
    "object_code": marked("The same for all projects on one system, so that they are seen together."),
    "name_ru": marked("A name in Kazakh or in Russian is enough."),
    "purpose": marked("What it is for, in a few sentences."),
    "platform_key": marked("If the object is on QazTech: the key that QazTech gave it."),
    "onboarding_due_on": marked("If it is moving to QazTech: the day by which the move will be finished."),
    "contract_signed_on": marked("The earlier of this date and the next one counts as the beginning."),
    "pilot_started_on": marked("A pilot lasts twelve months at most."),
    "commissioned_on": marked("When the result of this project went into operation."),
    "object_commissioned_on": marked("For work on something that existed before: when that went into operation."),
    "ended_on": marked("Only for what is finished or given up."),
    "budget_kzt": marked("Whole tenge, without tiyn."),
    "object_original_cost_kzt": marked("What the object cost when it was made. For a modification it sets the limit."),
    "consent_number": marked("The number of the letter. A modification needs it."),
    "supplier_bin": marked("Twelve digits."),
    "url": marked("Begins with https://"),
    "is_ai": marked("Learns from data or decides by itself."),
}


@dataclass(frozen=True, slots=True)
class Field:
    """One question. ``control``: text, day, money, area, note, select, radios, yes_no, file, password, check.

    ``when``: what has to be chosen in the form before the question is shown, by the name of the style that shows it.
    """

    name: str
    control: str
    label: str
    hint: str = ""
    choices: Sequence[tuple[str, str]] = ()
    when: str = ""


def asked(
    name: str, control: str, *, label: str = "", hint: str = "", choices: Sequence[tuple[str, str]] = (), when: str = ""
) -> Field:
    """A question with the field's usual name and hint, unless others are given."""
    usual = HINTS.get(name)
    return Field(name, control, label or field_label(name), hint or (gettext(usual) if usual else ""), choices, when)


def project_field(name: str) -> Field:
    """How a field of a project is asked, by the kind of its value."""
    match KINDS[name]:
        case Choice(options=words):
            return asked(name, "radios" if len(words) <= MOST_RADIOS else "select", choices=options(name))
        case Day():
            return asked(name, "day")
        case YesNo():
            return asked(name, "yes_no")
        case Whole() if name.endswith(AMOUNTS):
            return asked(name, "money")
        case Whole(largest=largest) if largest == NUMBERED:
            return asked(name, "radios", choices=options(name))
        case Text(limit=limit) if limit > LONG_TEXT:
            return asked(name, "area")
    return asked(name, "text")
