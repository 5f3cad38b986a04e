"""Form fields: label, control, hint and choices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from registry.core.field_types import Choice, Day, Text, Whole, YesNo
from registry.core.translations import lazy_text
from registry.freeze.current import policy_in_force
from registry.freeze.vocabulary import WorkType
from registry.projects.fields import FIELDS as KINDS
from registry.projects.fields import REQUIRED
from registry.web.forms import as_typed
from registry.web.labels import AMOUNTS, field_label, options
from registry.web.translations import gettext

# Controls that keep line breaks; browsers remove them from the value of every other input.
MULTILINE: Final = ("area", "note")
LINE_BREAKS: Final = str.maketrans("", "", "\r\n")
MAX_RADIOS: Final = 8
LONG_TEXT: Final = 500
NUMBERED: Final = 3

HINTS: Final[Mapping[str, str]] = {
    "agency": lazy_text("Whose project it is."),
    "external_id": lazy_text("The number of the project in your own accounts. It must be unique within the agency."),
    "object_code": lazy_text("The same for all projects on one system, so that they are seen together."),
    "name_kk": lazy_text("Enter a name in Kazakh or in Russian; one is enough."),
    "name_ru": lazy_text("Enter a name in Kazakh or in Russian; one is enough."),
    "purpose": lazy_text("What it is for, in a few sentences."),
    "platform_key": lazy_text("If the object is on QazTech: the key that QazTech gave it."),
    "onboarding_due_on": lazy_text(
        "If the object is being onboarded to QazTech: the date by which it will be finished."
    ),
    "contract_signed_on": lazy_text("The earlier of this date and the next one counts as the beginning."),
    "pilot_started_on": lazy_text("A pilot lasts twelve months at most."),
    "commissioned_on": lazy_text("When the result of this project went into operation."),
    "object_commissioned_on": lazy_text("For work on something that existed before: when that went into operation."),
    "ended_on": lazy_text("Only for a project that is finished or stopped."),
    "budget_kzt": lazy_text("Whole tenge, without tiyn."),
    "object_original_cost_kzt": lazy_text(
        "What the object cost when it was made. For a modification it sets the limit."
    ),
    "consent_number": lazy_text("The number of the letter. A modification needs it."),
    "supplier_bin": lazy_text("Twelve digits."),
    "url": lazy_text("Begins with https://"),
    "is_ai": lazy_text("Learns from data or decides by itself."),
}
WORK_TYPE_HINTS: Final[Mapping[str, str]] = {
    WorkType.CREATION: lazy_text("A new object."),
    WorkType.DEVELOPMENT: lazy_text("New functions of an object that is in operation already."),
    WorkType.MODIFICATION: lazy_text(
        "A change of an object in operation within %(percent)s %% of its original cost and with the authorised body’s "
        "consent."
    ),
    WorkType.MAINTENANCE: lazy_text("Fixes and upkeep without new functions."),
    WorkType.MIGRATION: lazy_text("The move of an object to QazTech."),
}


@dataclass(frozen=True, slots=True)
class Field:
    """One form field. ``control``: text, day, money, area, note, select, radios, yes_no, file, password, check.

    ``hints``: explanation of each choice. ``when``: the CSS class that displays the field only after a certain choice.
    """

    name: str
    control: str
    label: str
    hint: str = ""
    choices: Sequence[tuple[str, str]] = ()
    when: str = ""
    hints: Mapping[str, str] = field(default_factory=dict)


def form_field(
    name: str, control: str, *, label: str = "", hint: str = "", choices: Sequence[tuple[str, str]] = (), when: str = ""
) -> Field:
    """Return a field with its default label and hint unless they are given."""
    usual = HINTS.get(name)
    return Field(name, control, label or field_label(name), hint or (gettext(usual) if usual else ""), choices, when)


def present_text(field: Field, value: object) -> str:
    """Format a stored value as its control displays it, and as a browser submits it unchanged."""
    text = as_typed(value)
    return text if field.control in MULTILINE else text.translate(LINE_BREAKS)


def project_field(name: str) -> Field:
    """Return the form field of a project field by its type; mandatory fields are marked."""
    if name in REQUIRED:
        mark = gettext("(required)")
        needed = replace(_project_field(name), label=f"{field_label(name)} {mark}")
        return replace(needed, hints=work_type_hints()) if name == "work_type" else needed
    return _project_field(name)


def work_type_hints() -> dict[str, str]:
    """Return the explanations of the kinds of work."""
    limit = {"percent": policy_in_force().modification_limit_percent}
    return {kind: gettext(text) % limit if "%" in text else gettext(text) for kind, text in WORK_TYPE_HINTS.items()}


def _project_field(name: str) -> Field:
    match KINDS[name]:
        case Choice(options=words):
            return form_field(name, "radios" if len(words) <= MAX_RADIOS else "select", choices=options(name))
        case Day():
            return form_field(name, "day")
        case YesNo():
            return form_field(name, "yes_no")
        case Whole() if name.endswith(AMOUNTS):
            return form_field(name, "money")
        case Whole(largest=largest) if largest == NUMBERED:
            return form_field(name, "radios", choices=options(name))
        case Text(limit=limit) if limit > LONG_TEXT:
            return form_field(name, "area")
    return form_field(name, "text")
