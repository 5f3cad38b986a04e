"""Agencies: read by all, kept by administrators."""

from __future__ import annotations

from typing import Final

from registry.accounts.actors import Actor
from registry.accounts.roles import Permission
from registry.agencies.queries import OPTIONS, SORTS, list_agencies
from registry.agencies.schemas import AGENCY, AGENCY_BODY, AGENCY_EXAMPLE, AGENCY_PATCH
from registry.agencies.service import Agency, agency_by_bin, agency_to_change, change_agency, register_agency
from registry.api.blueprint import BASE, Routes
from registry.api.declared import Answer, Answers, Call, JsonBody
from registry.api.filter_parameters import BIN_SCHEMA, SEVERAL, WORDS_SCHEMA, one_of, several_of
from registry.core.pagination import Listing
from registry.http.etag import make_tag
from registry.http.query_parameters import Parameter
from registry.http.request_bodies import MERGE_PATCH

routes = Routes("agencies", "Organisations that must register, each known by its BIN.")
FILTERS: Final = (
    *(Parameter(name, SEVERAL, one_of(options)) for name, options in OPTIONS.items()),
    Parameter("bin", SEVERAL, several_of(BIN_SCHEMA)),
    Parameter("parent_bin", f"BINs of the agencies above. {SEVERAL}", several_of(BIN_SCHEMA)),
    Parameter("q", "Words, or their beginnings, in names and BIN.", WORDS_SCHEMA),
)


def agency_of(_actor: Actor, bin: str) -> Agency:
    """The agency that the path names. Raises AgencyNotFound."""
    return agency_by_bin(bin)


def agency_to_patch(_actor: Actor, bin: str) -> Agency:
    """The same, locked."""
    return agency_to_change(bin)


def tag_of(agency: Agency) -> str:
    """The agency's entity tag."""
    return make_tag("agency", agency.bin, agency.version)


@routes.declare(
    "GET",
    "/agencies",
    needs=Permission.AGENCIES_READ,
    query=FILTERS,
    paged=True,
    sorts=SORTS,
    answers=Answers(AGENCY, example={"items": [AGENCY_EXAMPLE], "next": None}, lists=True),
)
def list_all_agencies(call: Call) -> Listing:
    """List agencies."""
    return list_agencies(call.by, call.query, call.page)


@routes.declare(
    "POST",
    "/agencies",
    needs=Permission.AGENCIES_WRITE,
    body=JsonBody(
        AGENCY_BODY, {name: AGENCY_EXAMPLE[name] for name in ("bin", "name_kk", "name_ru", "kind", "region")}
    ),
    answers=Answers(AGENCY, AGENCY_EXAMPLE, 201, "Registered.", headers=("Location", "ETag")),
)
def create_agency(call: Call) -> Answer:
    """Register an agency."""
    agency = register_agency(call.by, call.values)
    return Answer(agency, f"{BASE}/agencies/{agency.bin}", tag_of(agency))


@routes.declare(
    "GET",
    "/agencies/<bin>",
    needs=Permission.AGENCIES_READ,
    subject=agency_of,
    answers=Answers(AGENCY, AGENCY_EXAMPLE, headers=("ETag",)),
)
def read_agency(call: Call) -> Answer:
    """Read an agency."""
    return Answer(call.subject, tag=tag_of(call.subject))


@routes.declare(
    "PATCH",
    "/agencies/<bin>",
    needs=Permission.AGENCIES_WRITE,
    subject=agency_of,
    locks=agency_to_patch,
    tag=tag_of,
    if_match=True,
    body=JsonBody(AGENCY_PATCH, {"name_en": "Ministry of Health", "email": None}, MERGE_PATCH),
    answers=Answers(AGENCY, AGENCY_EXAMPLE, headers=("ETag",)),
)
def patch_agency(call: Call) -> Answer:
    """Change an agency. A field that is null is cleared, an absent one stays."""
    change_agency(call.by, call.subject, call.values)
    return Answer(call.subject, tag=tag_of(call.subject))
