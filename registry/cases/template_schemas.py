"""Schemas of templates in requests and responses."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from registry.cases.schemas import MAX_TEXT_LENGTH, TEXT_SCHEMA
from registry.cases.vocabulary import TemplateKind
from registry.core.base_schema import BaseSchema
from registry.core.fields import Choice, Text
from registry.core.json_schemas import nullable
from registry.core.languages import OFFICIAL_LANGUAGES
from registry.core.response_fields import ReadOnly, Timestamp
from registry.core.translations import lazy_text
from registry.freeze.rules import RULES


class TemplateBody(BaseSchema):
    """A template to add."""

    READ_ONLY: ClassVar[frozenset[str]] = frozenset({"id", "version", "changed_at", "changed_by"})

    kind = Choice(TemplateKind.codes(), description="What it is for.", required=True, label=lazy_text("Used for"))
    rule = Choice(RULES, description="The rule that it is for; null for any.")
    language = Choice(OFFICIAL_LANGUAGES, description="Its language.", required=True, label=lazy_text("Language"))
    title = Text(200, description="By which it is chosen.", required=True, label=lazy_text("Title"))
    text = Text(
        MAX_TEXT_LENGTH,
        description="The text; `{project}`, `{number}`, `{agency}` and `{deadline}` are filled in.",
        required=True,
        label=lazy_text("Text"),
    )


class TemplatePatch(TemplateBody):
    """Changes of a template."""


class Template(TemplateBody):
    """A template in responses."""

    id = ReadOnly("Its id.", {"type": "integer"})
    version = ReadOnly("Rises with every change.", {"type": "integer"})
    changed_at = Timestamp("When it was last changed.")
    changed_by = ReadOnly("By whom; null for one that came with the service.", nullable(TEXT_SCHEMA))


TEMPLATE: Final = Template()
TEMPLATE_BODY: Final = TemplateBody()
# Partial: what is required of a template may be absent, but not null.
TEMPLATE_PATCH: Final = TemplatePatch(partial=True)
SENT: Final[dict[str, Any]] = {
    "kind": "question",
    "rule": "freeze.creation",
    "language": "ru",
    "title": "Начало работ",
    "text": "Когда начаты работы по проекту «{project}»? Ответьте до {deadline}.",
}
EXAMPLE: Final[dict[str, Any]] = {
    **SENT,
    "id": 1,
    "version": 1,
    "changed_at": "2026-11-26T09:00:00.000000Z",
    "changed_by": None,
}
