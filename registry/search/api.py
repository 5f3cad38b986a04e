"""The endpoint of the search."""

from collections.abc import Mapping
from typing import Any, Final

from marshmallow import fields

from registry.accounts.models import AccountStatus
from registry.accounts.roles import Permission, Role
from registry.api.blueprint import ApiBlueprint, current_actor
from registry.api.parameters import NO_CONTROLS, filter_query
from registry.cases.vocabulary import Status
from registry.core.fields import DAY_SCHEMA, BaseSchema, ReadOnly, nullable
from registry.freeze.vocabulary import AgencyKind, Severity
from registry.http.requests import Parameter, request_locale
from registry.letters.models import LetterKind
from registry.projects.vocabulary import FreezeStatus
from registry.search.service import search

# What the search returns: the first matches of each kind, each with what names it and where it stands.

TEXT: Final[dict[str, Any]] = {"type": "string"}
OPTIONAL: Final[dict[str, Any]] = nullable(TEXT)
SEVERITY: Final[dict[str, Any]] = {"type": "string", "enum": list(Severity.codes())}


class _Named(BaseSchema):
    name_kk = ReadOnly("Name in Kazakh.", OPTIONAL)
    name_ru = ReadOnly("Name in Russian.", OPTIONAL)
    name_en = ReadOnly("Name in English.", OPTIONAL)


class FoundProject(_Named):
    """A project that matches."""

    number = ReadOnly("Its number.", TEXT)
    agency = ReadOnly("The agency's BIN.", TEXT)
    freeze_status = ReadOnly("As of the last audit or decision.", {**TEXT, "enum": list(FreezeStatus.codes())})
    severity = ReadOnly("Of its most severe open flag.", nullable(SEVERITY))


class FoundAgency(_Named):
    """An agency that matches."""

    bin = ReadOnly("Its BIN.", TEXT)
    kind = ReadOnly("Its kind.", {**TEXT, "enum": list(AgencyKind.codes())})
    closed_on = ReadOnly("The first day on which it no longer exists.", nullable(dict(DAY_SCHEMA)))


class FoundCase(BaseSchema):
    """A case that matches."""

    id = ReadOnly("Its number.", {"type": "integer"})
    project = ReadOnly("The project's number.", TEXT)
    agency = ReadOnly("The agency's BIN.", TEXT)
    status = ReadOnly("Where it stands.", {**TEXT, "enum": list(Status.codes())})
    severity = ReadOnly("Of its most severe active flag.", SEVERITY)
    due_on = ReadOnly("The deadline of the next action.", nullable(dict(DAY_SCHEMA)))


class FoundLetter(BaseSchema):
    """A letter that matches."""

    number = ReadOnly("Its number.", TEXT)
    kind = ReadOnly("What it says.", {**TEXT, "enum": list(LetterKind.codes())})
    issued_on = ReadOnly("Its date.", dict(DAY_SCHEMA))
    case = ReadOnly("The case.", {"type": "integer"})
    project = ReadOnly("The project's number.", TEXT)
    agency = ReadOnly("BIN of the agency when it was issued.", TEXT)
    stands = ReadOnly("Whether it still holds.", {"type": "boolean"})


class FoundPerson(BaseSchema):
    """A person who matches."""

    id = ReadOnly("The account.", {"type": "integer"})
    name = ReadOnly("What the person signs in with.", TEXT)
    role = ReadOnly("What the account may do.", {**TEXT, "enum": list(Role.codes())})
    agency = ReadOnly("BIN of the agency; null for oversight roles.", OPTIONAL)
    status = ReadOnly("Only people with an active account sign in.", {**TEXT, "enum": list(AccountStatus.codes())})


class _Matches(BaseSchema):
    more = fields.Function(
        lambda listing: listing.next is not None,
        metadata={"description": "Whether the list of this kind has more.", "type": "boolean"},
    )


class ProjectsFound(_Matches):
    """The newest projects that match."""

    items = fields.List(fields.Nested(FoundProject), dump_only=True)


class AgenciesFound(_Matches):
    """The first agencies that match, by name."""

    items = fields.List(fields.Nested(FoundAgency), dump_only=True)


class CasesFound(_Matches):
    """The newest cases that match."""

    items = fields.List(fields.Nested(FoundCase), dump_only=True)


class LettersFound(_Matches):
    """The newest letters that match."""

    items = fields.List(fields.Nested(FoundLetter), dump_only=True)


class PeopleFound(_Matches):
    """The first people who match, by name."""

    items = fields.List(fields.Nested(FoundPerson), dump_only=True)


class SearchResult(BaseSchema):
    """The matches of each kind; none of what the caller may not list."""

    projects = fields.Nested(ProjectsFound, dump_only=True)
    agencies = fields.Nested(AgenciesFound, dump_only=True)
    cases = fields.Nested(CasesFound, dump_only=True)
    letters = fields.Nested(LettersFound, dump_only=True)
    people = fields.Nested(PeopleFound, dump_only=True)


blp = ApiBlueprint("search", __name__, description="Search of the whole register.")
VISIBLE: Final = "[^\\s\\u0000-\\u001f\\u007f-\\u009f\\ufffd]"
WORDS: Final = Parameter(
    "q",
    "Words, or their beginnings, of names, purposes and agencies; or a number, BIN, or part of a person's name.",
    {"type": "string", "minLength": 2, "pattern": f"^{NO_CONTROLS}*{VISIBLE}{NO_CONTROLS}*{VISIBLE}{NO_CONTROLS}*$"},
    required=True,
)


@blp.route("/search", methods=["GET"])
@blp.requires(Permission.PROJECTS_READ, operation="search")
@blp.arguments(filter_query([WORDS]), location="query")
@blp.response(200, SearchResult)
def search_all(query: Mapping[str, str]) -> Any:
    """Search projects, agencies, cases, letters and people: the first five of each that the caller may list."""
    return search(current_actor(), query.get(WORDS.name, ""), request_locale())
