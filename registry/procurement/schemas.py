"""Schemas of procurement contracts in requests and responses."""

from typing import Any, Final

from registry.core.fields import BaseSchema, Choice, ReadOnly, Text, Timestamp, nullable, object_of
from registry.core.translations import lazy_text
from registry.freeze.contract_differences import ContractDifference
from registry.procurement.models import MAX_TEXT, SHOWN_STATES, ContractMatch, ContractSource, MatchState, NoProject

INTEGER: Final[dict[str, Any]] = {"type": "integer"}
TEXT: Final[dict[str, Any]] = {"type": "string"}
DAY: Final[dict[str, Any]] = {"type": "string", "format": "date"}
INSTANT: Final[dict[str, Any]] = {"type": "string", "format": "date-time"}
TEXT_OR_NULL: Final = nullable(TEXT)
SUM: Final = nullable({"type": "integer", "minimum": 0})
LIST_OF_TEXTS: Final[dict[str, Any]] = {"type": ["array", "null"], "items": TEXT}
AMENDMENTS: Final[dict[str, Any]] = {
    "type": ["array", "null"],
    "items": object_of(number=INTEGER, signed_on=nullable(DAY), sum_kzt=SUM),
}
STATES: Final = {"type": "string", "enum": list(SHOWN_STATES)}
MATCHES: Final[dict[str, Any]] = {
    "type": "array",
    "items": object_of(
        project=TEXT,
        match_state=STATES,
        score=INTEGER,
        reasons=LIST_OF_TEXTS,
        differences={"type": "array", "items": {"type": "string", "enum": list(ContractDifference.codes())}},
        decided_at=nullable(INSTANT),
        remark=TEXT_OR_NULL,
    ),
}
NO_PROJECT: Final = nullable(
    object_of(
        why={"type": "string", "enum": list(NoProject.codes())},
        reason=TEXT,
        waits={"type": "boolean", "description": "True until oversight has confirmed it: until then nothing follows."},
    )
)
SUMS: Final[dict[str, Any]] = {
    "contracts": INTEGER,
    "total_kzt": {
        **INTEGER,
        "description": "In whole tenge, as the last amendments have it, without those that belong to no project.",
    },
    **{
        name: {**INTEGER, "description": meaning}
        for match in ContractMatch
        for name, meaning in ((match.value, f"{match.label}."), (f"{match.value}_kzt", "Their sum."))
    },
    "percent": {"type": ["number", "null"], "description": "`matched_kzt` of `total_kzt`; null without any."},
}
COVERAGE: Final[dict[str, Any]] = {
    "anyOf": [object_of(**SUMS, since_cutoff=object_of(**SUMS)), {"type": "null"}],
    "description": "IT contracts of the procurement portal, with those signed since the cutoff; null where none was "
    "read, and for former and later dates.",
}
DECISIONS: Final = (MatchState.CONFIRMED.value, MatchState.REJECTED.value)


class ContractFields(BaseSchema):
    """What the portal says of a contract."""

    contract_number = ReadOnly(
        "The number that the customer gave it.", TEXT_OR_NULL, label=lazy_text("Contract number")
    )
    signed_on = ReadOnly("When it was signed.", nullable(DAY), label=lazy_text("Signed on"))
    sum_kzt = ReadOnly(
        "As first signed, in whole tenge with VAT; null in another currency.", SUM, label=lazy_text("Sum as signed")
    )
    current_sum_kzt = ReadOnly("By the last amendment.", SUM, label=lazy_text("Sum now"))
    description_kk = ReadOnly("In Kazakh.", TEXT_OR_NULL, label=lazy_text("Description in Kazakh"))
    description_ru = ReadOnly("In Russian.", TEXT_OR_NULL, label=lazy_text("Description in Russian"))
    supplier_bin = ReadOnly(
        "Null also where the supplier is an individual.", TEXT_OR_NULL, label=lazy_text("BIN of the supplier")
    )
    supplier_name = ReadOnly("Its name.", TEXT_OR_NULL, label=lazy_text("Supplier"))
    contract_status = ReadOnly("As the portal calls it.", TEXT_OR_NULL, label=lazy_text("Status on the portal"))
    procurement_codes = ReadOnly(
        "Codes of the unified nomenclature (ЕНС ТРУ).", LIST_OF_TEXTS, label=lazy_text("Codes of the nomenclature")
    )
    amendments = ReadOnly(
        "By their numbers; the sum of each is the new one.", AMENDMENTS, label=lazy_text("Amendments")
    )
    source = ReadOnly("Where it was last read.", {"type": "string", "enum": list(ContractSource.codes())})
    source_sha256 = ReadOnly("Of the file from which it was read.", TEXT_OR_NULL)


class Contract(ContractFields):
    """A contract of an agency."""

    id = ReadOnly("Its id.", INTEGER)
    number_sys = ReadOnly(
        "The portal's number, without the ending of amendments.", TEXT, label=lazy_text("Number on the portal")
    )
    customer_bin = ReadOnly("BIN of the customer.", TEXT, label=lazy_text("BIN of the customer"))
    is_it = ReadOnly(
        "Whether it is about information technology, by the operator's list.",
        {"type": "boolean"},
        label=lazy_text("Information technology"),
    )
    it_reason = ReadOnly("The entry of the list that decided.", TEXT_OR_NULL, label=lazy_text("Because of"))
    matches = ReadOnly("Projects of which it is, may be, or is not the contract; those that the caller sees.", MATCHES)
    no_project = ReadOnly("Why it belongs to no project; null until its agency says so.", NO_PROJECT)
    changed_at = Timestamp("When it was last read with other values.")


FORMER: Final = {
    name: field.json_schema for name, field in ContractFields().dump_fields.items() if isinstance(field, ReadOnly)
}


class ContractDetail(Contract):
    """A contract with its past."""

    former = ReadOnly(
        "What the portal said before, the newest first.", {"type": "array", "items": object_of(until=INSTANT, **FORMER)}
    )


class MatchDecision(BaseSchema):
    """Whether a contract is that of a project."""

    project = Text(description="The project's number.", required=True)
    match_state = Choice(DECISIONS, description="What is decided.", required=True)
    remark = Text(MAX_TEXT, description="Why.", label=lazy_text("Remark"))


class NoProjectProposal(BaseSchema):
    """Why a contract belongs to no project."""

    why = Choice(NoProject, description="What its agency says.", label=lazy_text("Why"), required=True)
    reason = Text(MAX_TEXT, description="The reason.", label=lazy_text("Reason"), required=True)


COUNT: Final = {"type": "integer", "minimum": 0}
CORRECTION: Final = object_of(
    number_sys=TEXT,
    changes={"type": "array", "items": TEXT, "description": "The values that the file says otherwise."},
    approval={**nullable(INTEGER), "description": "The id of the proposal; null while nothing is written."},
)


class ContractImport(BaseSchema):
    """What an import changed, or would change."""

    dry_run = ReadOnly("True when nothing was written.", {"type": "boolean"})
    total = ReadOnly("Contracts in the file.", COUNT)
    created = ReadOnly("New contracts.", COUNT)
    updated = ReadOnly("Contracts with other values.", COUNT)
    unchanged = ReadOnly("Contracts as before.", COUNT)
    from_portal = ReadOnly("Contracts that the portal's service gave, and that a file does not change.", COUNT)
    unsigned = ReadOnly("Rows without a day of signing, or deleted.", COUNT)
    other_customers = ReadOnly("Contracts of customers that are no agency of the register.", COUNT)
    waiting = ReadOnly("Contracts whose correction waits for another person; they stay as they are.", COUNT)
    corrections = ReadOnly("Each of these.", {"type": "array", "items": CORRECTION})


CONTRACT: Final = Contract()
CONTRACT_DETAIL: Final = ContractDetail()
NO_PROJECT_PROPOSAL: Final = NoProjectProposal()
MATCH_DECISION: Final = MatchDecision()
