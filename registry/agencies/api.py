"""The agencies endpoints: everybody reads, administrators write."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from flask.views import MethodView

from registry.accounts.roles import Permission
from registry.agencies.models import Agency
from registry.agencies.queries import OPTIONS, SORTS, list_agencies
from registry.agencies.schemas import AGENCY, AGENCY_BODY, AGENCY_EXAMPLE, AGENCY_PATCH
from registry.agencies.service import agency_by_bin, agency_to_change, change_agency, register_agency
from registry.api.blueprint import API_PREFIX, LINK, LOCATION, ApiBlueprint, current_actor
from registry.api.exports import ListExport, add_exports
from registry.api.parameters import (
    BIN_SCHEMA,
    SEVERAL,
    WORDS_SCHEMA,
    ListArguments,
    PageSchema,
    list_query,
    one_of,
    page_response,
    several_of,
)
from registry.core.database import transaction
from registry.http.parameters import Parameter
from registry.journal.read_replica import use_read_replica

blp = ApiBlueprint("agencies", __name__, description="Organisations that must register, each known by its BIN.")
FILTERS: Final = (
    *(Parameter(name, SEVERAL, one_of(options)) for name, options in OPTIONS.items()),
    Parameter("bin", SEVERAL, several_of(BIN_SCHEMA)),
    Parameter("parent_bin", f"BINs of the agencies above. {SEVERAL}", several_of(BIN_SCHEMA)),
    Parameter("is_closed", "true: those that another one succeeded; false: the others.", {"type": "boolean"}),
    Parameter("q", "Words, or their beginnings, in names and BIN.", WORDS_SCHEMA),
)
add_exports(blp, ListExport("agencies", Permission.AGENCIES_READ, FILTERS, AGENCY, list_agencies, sort="bin"))
REGISTRATION_EXAMPLE: Final = {name: AGENCY_EXAMPLE[name] for name in ("bin", "name_kk", "name_ru", "kind", "region")}


def etag_data(agency: Agency) -> tuple[object, ...]:
    """What the entity tag of an agency is made from."""
    return "agency", agency.bin, agency.version


@blp.route("/agencies")
class Agencies(MethodView):
    """All agencies."""

    @blp.requires(Permission.AGENCIES_READ)
    @blp.doc(operationId="list_all_agencies")
    @blp.arguments(list_query(FILTERS, tuple(SORTS)), location="query")
    @blp.response(200, PageSchema(AGENCY), example={"items": [AGENCY_EXAMPLE], "next": None}, headers=LINK)
    def get(self, query: ListArguments) -> Any:
        """List agencies."""
        use_read_replica()
        return page_response(list_agencies(current_actor(), *query))

    @blp.requires(Permission.AGENCIES_WRITE)
    @blp.doc(operationId="create_agency")
    @blp.arguments(AGENCY_BODY, example=REGISTRATION_EXAMPLE)
    @blp.idempotent
    @blp.etag
    @blp.response(201, AGENCY, description="Registered.", example=AGENCY_EXAMPLE, headers=LOCATION)
    def post(self, values: Mapping[str, Any]) -> Any:
        """Register an agency."""
        agency = register_agency(current_actor(), values)
        blp.set_etag(etag_data(agency))
        return agency, {"Location": f"{API_PREFIX}/agencies/{agency.bin}"}


@blp.route("/agencies/<bin>")
class AgencyByBin(MethodView):
    """One agency."""

    @blp.requires(Permission.AGENCIES_READ)
    @blp.doc(operationId="read_agency")
    @blp.etag
    @blp.response(200, AGENCY, example=AGENCY_EXAMPLE)
    def get(self, bin: str) -> Any:
        """Read an agency."""
        agency = agency_by_bin(bin)
        blp.set_etag(etag_data(agency))
        return agency

    @blp.requires(Permission.AGENCIES_WRITE)
    @blp.doc(operationId="patch_agency")
    @blp.etag
    @blp.arguments(AGENCY_PATCH, location="merge_patch", example={"name_en": "Ministry of Health", "email": None})
    @blp.idempotent
    @blp.response(200, AGENCY, example=AGENCY_EXAMPLE)
    def patch(self, values: Mapping[str, Any], bin: str) -> Any:
        """Change an agency. A field that is null is cleared, an absent one stays."""
        with transaction():
            agency = agency_to_change(bin)
            blp.check_etag(etag_data(agency))
            change_agency(current_actor(), agency, values)
            blp.set_etag(etag_data(agency))
        return agency
