"""Templates: stored texts of questions and reasons, for a rule or for any, in Kazakh or Russian.

Supervisors manage them; the first ones come with the migration of the table (``migrations/case_templates.toml``). A
text may name what ``filled`` fills in.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Any, Final

from sqlalchemy import select

from registry.accounts.roles import Actor, Permission
from registry.cases.decisions import BILINGUAL, TEXTS, language_of, proposal_problems
from registry.cases.models import Case, CaseTemplate
from registry.cases.schemas import MAX_TEXT_LENGTH
from registry.cases.vocabulary import TemplateKind
from registry.core import lists
from registry.core.clock import now
from registry.core.database import db, require_transaction
from registry.core.errors import Invalid, NotFound, Problem, invalid
from registry.core.translations import OFFICIAL_LANGUAGES, Language
from registry.freeze.dates import format_last_day
from registry.freeze.rules import RULES
from registry.journal import service as journal
from registry.projects.models import Project

FIELDS: Final = ("kind", "rule", "language", "title", "text")


class CaseTemplateNotFound(NotFound):
    """No template has this id."""


TEMPLATE_LIST: Final = lists.RecordList[Actor](
    name="case-templates",
    permission=Permission.CASES_REVIEW,
    rows=lambda _actor: select(CaseTemplate),
    unique=CaseTemplate.id.expression,
    filters={
        "kind": lists.ChoiceFilter(CaseTemplate.kind.expression, TemplateKind.codes()),
        "rule": lists.ChoiceFilter(CaseTemplate.rule.expression, RULES),
        "language": lists.ChoiceFilter(CaseTemplate.language.expression, OFFICIAL_LANGUAGES),
    },
    default_sort="id",
)


def templates_for(actor: Actor, kind: str, rules: Collection[str], language: Language) -> list[CaseTemplate]:
    """Return the templates for the rules of a case and for any rule: those in the language first, then by rule and
    title.
    """
    if not actor.may(Permission.CASES_REVIEW):
        return []
    fitting = CaseTemplate.rule.in_(sorted(rules)) | CaseTemplate.rule.is_(None)
    templates: Sequence[CaseTemplate] = db.session.scalars(
        select(CaseTemplate).where(CaseTemplate.kind == kind, fitting)
    ).all()
    return sorted(templates, key=lambda each: (each.language != language, each.rule is None, each.rule or "", each.id))


def find_template(actor: Actor, template_id: int) -> CaseTemplate:
    """Return the template with that id. Raises RoleNotAllowed and CaseTemplateNotFound."""
    actor.require(Permission.CASES_REVIEW)
    template = db.session.get(CaseTemplate, template_id)
    if template is None:
        raise CaseTemplateNotFound(id=template_id)
    return template


def find_template_to_change(actor: Actor, template_id: int) -> CaseTemplate:
    """Return the same, locked until the open transaction ends, for a supervisor."""
    actor.require(Permission.CASES_LEAD)
    require_transaction()
    statement = select(CaseTemplate).where(CaseTemplate.id == template_id).with_for_update()
    template = db.session.scalar(statement.execution_options(populate_existing=True))
    if template is None:
        raise CaseTemplateNotFound(id=template_id)
    return template


def add_template(actor: Actor, values: Mapping[str, Any]) -> CaseTemplate:
    """Add a template from validated values, in the open transaction. Raises RoleNotAllowed and Invalid."""
    actor.require(Permission.CASES_LEAD)
    _require_known_placeholders(values)
    template = CaseTemplate(
        **{name: values.get(name) for name in FIELDS}, version=1, changed_at=now(), changed_by=actor.principal
    )
    require_transaction().add(template)
    db.session.flush()
    journal.record(
        actor, "case-template.added", f"case-template:{template.id}", {name: values.get(name) for name in FIELDS}
    )
    return template


def change_template(actor: Actor, template: CaseTemplate, values: Mapping[str, Any]) -> list[str]:
    """Change a locked template. Return the names of the changed fields. Raises RoleNotAllowed and Invalid."""
    actor.require(Permission.CASES_LEAD)
    _require_known_placeholders(values)
    changed = {name: values[name] for name in FIELDS if name in values and values[name] != getattr(template, name)}
    if changed:
        before = {name: getattr(template, name) for name in changed}
        for name, value in changed.items():
            setattr(template, name, value)
        template.version += 1
        template.changed_at, template.changed_by = now(), actor.principal
        db.session.flush()
        changes = [{"field": name, "old": before[name], "new": value} for name, value in changed.items()]
        journal.record(actor, "case-template.changed", f"case-template:{template.id}", {"changes": changes})
    return list(changed)


def delete_template(actor: Actor, template: CaseTemplate) -> None:
    """Delete a locked template; the journal keeps its text. Raises RoleNotAllowed."""
    actor.require(Permission.CASES_LEAD)
    details = {name: getattr(template, name) for name in FIELDS}
    journal.record(actor, "case-template.deleted", f"case-template:{template.id}", details)
    db.session.delete(template)
    db.session.flush()


def _require_known_placeholders(values: Mapping[str, Any]) -> None:
    unknown = unknown_placeholders(values.get("text") or "")
    if unknown:
        raise invalid("/text", "placeholder-unknown", name=unknown[0])


# Placeholders of templates, and what stands for them on a case: names and dates, never more than these.
#
# They are replaced one by one, and a text that is filled in is not searched again: what an agency has named its
# project is displayed as it is.

PLACEHOLDERS: Final = ("project", "number", "agency", "deadline")
PLACEHOLDER: Final = re.compile(r"\{([^{}]*)\}")
# The texts of a proposal that may have placeholders.
IN_PROPOSAL: Final = (*BILINGUAL, *TEXTS)
# For a date that is not entered yet, so that it is seen to be missing.
BLANK: Final = "____"


def unknown_placeholders(text: str) -> list[str]:
    """Return the names in braces that nothing is filled in for."""
    return [name for name in PLACEHOLDER.findall(text) if name not in PLACEHOLDERS]


def filled(text: str, values: Mapping[str, str]) -> str:
    """Return the text with its placeholders replaced; what has no value is a blank to fill in."""
    return PLACEHOLDER.sub(lambda match: values.get(match[1]) or BLANK if match[1] in PLACEHOLDERS else match[0], text)


def placeholder_values(project: Project, language: str, deadline: date | None) -> dict[str, str]:
    """Return what stands for the placeholders on a case of the project, in the language."""
    return {
        "project": name_in(project, language),
        "number": project.number,
        "agency": name_in(project.agency, language),
        "deadline": "" if deadline is None else format_last_day(deadline, language),
    }


def require_proposal_of_many(values: Mapping[str, Any]) -> None:
    """Raise Invalid unless the values can be proposed on some case, and every placeholder can be filled in."""
    problems = proposal_problems(values)
    for name in IN_PROPOSAL:
        named = PLACEHOLDER.findall(values.get(name) or "")
        wrong = [
            each for each in named if each not in PLACEHOLDERS or (each == "deadline" and not values.get("due_on"))
        ]
        problems += [Problem(f"/{name}", "placeholder-unknown", {"name": each}) for each in wrong[:1]]
    if problems:
        raise Invalid(problems)


def filled_proposal(case: Case, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a proposal for several cases with its texts filled in for one of them. Raises Invalid for a long text."""
    completed = dict(values)
    for name in IN_PROPOSAL:
        text = values.get(name)
        if text is None:
            continue
        language = name[-2:] if name in TEXTS else values.get("language") or language_of(text)
        text = completed[name] = filled(text, placeholder_values(case.project_record, language, values.get("due_on")))
        if len(text) > MAX_TEXT_LENGTH:
            raise invalid(f"/{name}", "too-long", limit=MAX_TEXT_LENGTH, length=len(text))
    return completed


def name_in(named: Any, language: str) -> str:
    """Return the name of a project or agency in the language, else in the other one that it has."""
    order = (f"name_{language}", "name_ru", "name_kk")
    return next((name for name in (getattr(named, each, None) for each in order) if name), "")
