"""The endpoints of vocabularies: the codes of closed sets, with the labels that pages have for them."""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from marshmallow import fields

from registry.accounts.roles import Permission
from registry.api.blueprint import ApiBlueprint
from registry.api.specification import VOCABULARIES
from registry.cases.vocabulary import AppealOutcome, AppealState, CommissionOutcome, OrderState
from registry.core.errors import NotFound
from registry.core.fields import BaseSchema, ReadOnly, shown_object
from registry.core.translations import LANGUAGES, translate
from registry.freeze.rules import FactState
from registry.freeze.vocabulary import AiRisk
from registry.http.responses import make_tag
from registry.imports.models import ImportKind, ImportState
from registry.platform.models import Environment
from registry.platform.products import ProductState
from registry.projects.vocabulary import AttestationState, LinkKind, ObjectClass, PlanState
from registry.webhooks.models import DeliveryError, DeliveryState, DisabledReason

# Those of the specification, under its names for them, and those that it has in one place only.
CHOICES: Final = {
    **VOCABULARIES,
    **{
        choices.__name__: choices
        for choices in (
            *(AiRisk, AppealOutcome, AppealState, AttestationState, CommissionOutcome, DeliveryError, DeliveryState),
            *(
                DisabledReason,
                Environment,
                FactState,
                ImportKind,
                ImportState,
                LinkKind,
                ObjectClass,
                OrderState,
                PlanState,
            ),
            ProductState,
        )
    },
}
TEXT: Final[dict[str, Any]] = {"type": "string"}
LABELS: Final = shown_object(dict.fromkeys(LANGUAGES, TEXT))


class Vocabulary(BaseSchema):
    """A closed vocabulary."""

    name = ReadOnly("Its name.", TEXT)
    codes = ReadOnly(
        "The codes in their order; later releases may add some.",
        {"type": "array", "items": shown_object({"code": TEXT, "labels": LABELS})},
    )


VOCABULARY: Final = Vocabulary()
HIGH: Final = {"code": "high", "labels": {"kk": "Жоғары", "ru": "Высокая", "en": "High"}}
EXAMPLE: Final = {"name": "severity", "codes": [HIGH]}


class VocabulariesShown(BaseSchema):
    """All of them."""

    items = fields.List(fields.Nested(VOCABULARY), dump_only=True, metadata={"description": "In the order of names."})


class VocabularyNotFound(NotFound):
    """There is no vocabulary of that name."""


@cache
def vocabularies() -> Mapping[str, Mapping[str, Any]]:
    """Return all vocabularies by name; their names are those of the specification with hyphens."""
    named = {re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower(): choices for name, choices in CHOICES.items()}
    return {
        name: {"name": name, "codes": [{"code": each.value, "labels": _labels(each.label)} for each in named[name]]}
        for name in sorted(named)
    }


def _labels(text: str) -> dict[str, str]:
    return {language: translate(text, language) for language in LANGUAGES}


blp = ApiBlueprint(
    "vocabularies", __name__, description="Closed vocabularies, with the labels of their codes.", integrator=True
)


@blp.route("/vocabularies", methods=["GET"])
@blp.requires(Permission.PROJECTS_READ, operation="list_vocabularies")
@blp.etag
@blp.response(200, VocabulariesShown(), example={"items": [EXAMPLE]})
def list_vocabularies() -> Any:
    """List all vocabularies with their codes, and the label of each in Kazakh, Russian and English."""
    shown = list(vocabularies().values())
    return blp.tagged({"items": shown}, make_tag("vocabularies", shown))


@blp.route("/vocabularies/<name>", methods=["GET"])
@blp.requires(Permission.PROJECTS_READ, operation="read_vocabulary")
@blp.etag
@blp.response(200, VOCABULARY, example=EXAMPLE)
def read_vocabulary(name: str) -> Any:
    """Read a vocabulary, such as `stage` or `case-status`."""
    shown = vocabularies().get(name)
    if shown is None:
        raise VocabularyNotFound(name=name)
    return blp.tagged(shown, make_tag("vocabulary", shown))
