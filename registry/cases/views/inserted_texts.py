"""Templates on the page of a case: which ones a form offers, and the form with the chosen text in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, Final

from flask import request

from registry.accounts.actors import Actor
from registry.audits.pages import active_only, rule_titles
from registry.cases.filled_texts import filled, name_in
from registry.cases.models import Case
from registry.cases.schemas import MAX_TEXT_LENGTH
from registry.cases.text_templates import CaseTemplate, find_template, templates_for
from registry.cases.vocabulary import ActionName, TemplateKind
from registry.core.clock import today
from registry.core.languages import LANGUAGE_NAMES
from registry.core.value_checks import InvalidValue
from registry.core.values.dates import read_day
from registry.core.working_days import national_calendar
from registry.freeze.current import policy_in_force
from registry.freeze.dates import format_date
from registry.web.current_user import page_locale
from registry.web.formats import gettext as _

# The button that fills the field instead of sending the form.
INSERT: Final = "insert"
MAX_ID_DIGITS: Final = 9
# The action's field that takes the text, and which templates it offers. A reason has a field for each language.
FIELDS: Final[Mapping[str, tuple[str, TemplateKind]]] = {
    ActionName.ASK: ("comment", TemplateKind.QUESTION),
    ActionName.PROPOSE: ("reason", TemplateKind.REASON),
}


def offered_templates(
    actor: Actor, actions: Iterable[str], flags: Iterable[Mapping[str, Any]]
) -> dict[str, list[tuple[str, str]]]:
    """Map each action that takes a template to the ids and labels of those that fit the rules of the active flags."""
    rules = {flag["rule"] for flag in active_only(flags)}
    titles = rule_titles()
    return {
        action: [
            (str(each.id), _label(each, titles))
            for each in templates_for(actor, FIELDS[action][1], rules, page_locale())
        ]
        for action in actions
        if action in FIELDS
    }


def with_inserted_text(actor: Actor, case: Case, action: str, texts: Mapping[str, str]) -> dict[str, str]:
    """Return the form's texts with the chosen template after what the field has. Raises CaseTemplateNotFound."""
    if action not in FIELDS:
        return dict(texts)
    chosen = request.form.get(f"{action}-template", "")
    if not (chosen.isascii() and chosen.isdigit() and len(chosen) <= MAX_ID_DIGITS):
        return dict(texts)
    field, kind = FIELDS[action]
    template = find_template(actor, int(chosen))
    values = {
        "project": name_in(case.project_record, template.language),
        "number": case.project_record.number,
        "agency": name_in(case.project_record.agency, template.language),
        "deadline": _deadline(kind, texts, template.language),
    }
    name = f"{action}-{field}_{template.language}" if kind is TemplateKind.REASON else f"{action}-{field}"
    before = texts.get(name, "").strip()
    text = filled(template.text, values)
    joined = f"{before}\n\n{text}" if before else text
    return {**texts, name: joined[:MAX_TEXT_LENGTH], f"{action}-template": ""}


def _deadline(kind: TemplateKind, texts: Mapping[str, str], language: str) -> str:
    """By when the agency would answer a question asked today; of a proposal the date that is entered, if it is one."""
    day: date | None
    if kind is TemplateKind.QUESTION:
        day = national_calendar().after(today(), policy_in_force().deadlines.answer)
    else:
        day = _entered(texts.get(f"{ActionName.PROPOSE.value}-due_on", ""))
    return "" if day is None else format_date(day, language)


def _label(template: CaseTemplate, titles: Mapping[str, str]) -> str:
    about = _("Any rule") if template.rule is None else titles.get(template.rule, template.rule)
    return f"{about}: {template.title} ({LANGUAGE_NAMES[template.language]})"


def _entered(text: str) -> date | None:
    try:
        return date.fromisoformat(read_day(text)) if text.strip() else None
    except (InvalidValue, ValueError):
        return None
