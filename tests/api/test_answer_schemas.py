"""What the specification says of answers and of bodies to send."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from registry.settings import CHECKOUT

SPECIFICATION: dict[str, Any] = json.loads((CHECKOUT / "docs" / "openapi.json").read_text(encoding="utf-8"))
# Every other property of an answer is always there.
HELD = ("Audit.held_because", "AuditJustRun.held_because")
SOMETIMES = {
    # Letters of earlier versions have neither head nor signature.
    ("IssuedLetter.data", "appeal_outcome"),
    *(
        (f"IssuedLetter.data.texts.{language}", name)
        for language in ("kk", "ru")
        for name in ("issuer", "number", "addressee", "signature")
    ),
    ("AuditJustRun", "changes"),
    ("Case.events", "for_agency"),
    ("Problem", "errors"),
    ("ChangeShown", "record"),
    *(("ProjectBatchResult.items", name) for name in ("number", "changes", "opened", "ended", "problem")),
    # Only with parameters of the list: ``count`` of a page, and records beside its items.
    ("", "count"),
    ("ShortProject", "agency_record"),
    ("ShortProject", "active_flags"),
    ("Flag", "project_record"),
    ("CaseSummary", "project_record"),
    ("Case", "project_record"),
    ("SuccessionShown", "equal_external_ids"),
    ("SuccessionShown", "effects"),
    ("TransferShown", "effects"),
    ("TransferShown", "equal_external_ids"),
    ("WithdrawalShown", "people_needed"),
    ("ConfirmationRequestShown", "document_names"),
    # In a single approval alone; a kind counts only what it touches.
    *(("ApprovalShown", name) for name in ("changes", "effects", "documents", "needs_supervisor")),
    *(
        (f"{each}.effects", name)
        for each in ("ApprovalShown", "SuccessionShown", "TransferShown")
        for name in (
            *("projects", "out_of_scope", "into_scope", "flags", "cases"),
            *("restricted", "readers", "confirmed", "lost"),
            *("people", "service_accounts", "drafts", "agencies_below"),
        )
    ),
    # Totals without restricted projects say so; what held an audit is counted by cause.
    ("", "without_restricted"),
    *((each, name) for each in HELD for name in ("severity_raised", "severity_lowered")),
    *(("Import.undone.left", name) for name in ("agency", "fields", "count", "rules")),
    ("Project", "known_at"),
    ("JudgedProject", "known_at"),
    *(
        (f"{report}.items", f"name_{each}")
        for report in ("AiSystemsShown", "Compliance")
        for each in ("kk", "ru", "en")
    ),
}


def operations() -> Iterator[dict[str, Any]]:
    for methods in SPECIFICATION["paths"].values():
        yield from (operation for name, operation in methods.items() if name != "parameters")


def objects(schema: Any, name: str, done: set[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every object in a schema, by the name of its component and the properties that lead to it."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        if name not in done:
            done.add(name)
            yield from objects(SPECIFICATION["components"]["schemas"][name], name, done)
        return
    if "items" in schema:
        yield from objects(schema["items"], name, done)
    if "properties" in schema:
        yield name, schema
        for inner, property_ in schema["properties"].items():
            yield from objects(property_, f"{name}.{inner}", done)


def objects_of_answers() -> list[tuple[str, dict[str, Any]]]:
    done: set[str] = set()
    responses = [response for operation in operations() for response in operation["responses"].values()]
    responses += SPECIFICATION["components"]["responses"].values()
    contents = [content for response in responses for content in response.get("content", {}).values()]
    return [item for content in contents for item in objects(content.get("schema", {}), "", done)]


def test_answers_state_every_property_as_required() -> None:
    answers = objects_of_answers()

    assert len(answers) > 30
    missing = {
        (name, property_)
        for name, schema in answers
        for property_ in schema["properties"]
        if property_ not in schema.get("required", [])
    }
    assert missing == SOMETIMES


def test_answers_stay_open_to_new_properties_and_bodies_to_send_closed() -> None:
    assert all(schema.get("additionalProperties", True) is not False for _, schema in objects_of_answers())
    sent = [
        content["schema"]
        for operation in operations()
        for content in operation.get("requestBody", {}).get("content", {}).values()
    ]
    assert len(sent) > 20
    for schema in sent:
        (_, body), *_ = objects(schema, "", set())
        assert body["additionalProperties"] is False


def test_required_fields_of_a_project_are_never_null_in_answers() -> None:
    schemas = SPECIFICATION["components"]["schemas"]
    properties = {
        name: schemas[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
        for name, schema in schemas["Project"]["properties"].items()
    }

    never = {name for name, schema in properties.items() if "null" not in schema["type"]}
    assert never == {
        "number", "agency", "object_kind", "work_type", "stage", "placement", "is_restricted", "version",
        "registered_at", "updated_at", "changed_at", "freeze_status", "known_at",
    }  # fmt: skip


def test_every_branch_of_a_choice_of_schemas_has_a_type() -> None:
    def branches(part: Any) -> Iterator[dict[str, Any]]:
        if isinstance(part, dict):
            yield from part.get("anyOf", [])
            for inner in part.values():
                yield from branches(inner)
        elif isinstance(part, list):
            for inner in part:
                yield from branches(inner)

    choices = list(branches(SPECIFICATION))
    assert choices
    assert all("type" in branch for branch in choices)


def test_codes_of_a_vocabulary_are_written_once() -> None:
    def enums(part: Any) -> Iterator[tuple[object, ...]]:
        if isinstance(part, dict):
            yield from [tuple(part["enum"])] if isinstance(part.get("enum"), list) else []
            for inner in part.values():
                yield from enums(inner)
        elif isinstance(part, list):
            for inner in part:
                yield from enums(inner)

    schemas = SPECIFICATION["components"]["schemas"]
    assert schemas["WorkType"]["enum"] == ["creation", "development", "modification", "maintenance", "migration"]
    assert schemas["FundingOrNull"]["type"] == ["string", "null"] and schemas["FundingOrNull"]["enum"][-1] is None
    written = list(enums(SPECIFICATION))
    for name in (
        "AgencyKind",
        "CaseStatus",
        "FreezeStatus",
        "Region",
        "Role",
        "Sector",
        "Severity",
        "Stage",
        "WorkType",
    ):
        assert written.count(tuple(schemas[name]["enum"])) == 1, name
