"""The agencies endpoints: everybody reads, administrators write."""

from collections.abc import Mapping
from typing import Any

from flask.views import MethodView

from registry.accounts.roles import Permission
from registry.agencies.fields import AGENCY, AGENCY_BODY, AGENCY_PATCH
from registry.agencies.models import Agency
from registry.agencies.queries import AGENCY_LIST
from registry.agencies.service import agency_by_bin, agency_to_change, change_agency, register_agency
from registry.api.blueprint import API_PREFIX, LOCATION, ApiBlueprint, current_actor
from registry.api.exports import add_exports
from registry.api.parameters import ListArguments
from registry.core.database import transaction
from registry.journal.read_replica import use_read_replica

blp = ApiBlueprint(
    "agencies",
    __name__,
    description="Organisations that must register, each known by its BIN.",
    integrator=("list_all_agencies", "read_agency"),
)
add_exports(blp, AGENCY_LIST, AGENCY, AGENCY_LIST.read, sort="bin")


def etag_data(agency: Agency) -> tuple[object, ...]:
    """Return what the entity tag of an agency is made from."""
    return "agency", agency.bin, agency.version


@blp.route("/agencies")
class Agencies(MethodView):
    """All agencies."""

    @blp.listing(AGENCY_LIST, AGENCY, operation="list_all_agencies")
    def get(self, query: ListArguments) -> Any:
        """List agencies."""
        use_read_replica()
        return AGENCY_LIST.read(current_actor(), *query)

    @blp.requires(Permission.AGENCIES_WRITE, operation="create_agency")
    @blp.arguments(AGENCY_BODY)
    @blp.etag
    @blp.response(201, AGENCY, description="Registered.", headers=LOCATION)
    def post(self, values: Mapping[str, Any]) -> Any:
        """Register an agency."""
        agency = register_agency(current_actor(), values)
        blp.set_etag(etag_data(agency))
        return agency, {"Location": f"{API_PREFIX}/agencies/{agency.bin}"}


@blp.route("/agencies/<bin>")
class AgencyByBin(MethodView):
    """One agency."""

    @blp.requires(Permission.AGENCIES_READ, operation="read_agency")
    @blp.etag
    @blp.response(200, AGENCY)
    def get(self, bin: str) -> Any:
        """Read an agency."""
        agency = agency_by_bin(bin)
        return blp.tagged(agency, etag_data(agency))

    @blp.requires(Permission.AGENCIES_WRITE, operation="patch_agency")
    @blp.etag
    @blp.arguments(AGENCY_PATCH, location="merge_patch")
    @blp.response(200, AGENCY)
    def patch(self, values: Mapping[str, Any], bin: str) -> Any:
        """Change an agency. A field that is null is cleared, an absent one stays."""
        with transaction():
            agency = agency_to_change(bin)
            blp.check_etag(etag_data(agency))
            change_agency(current_actor(), agency, values)
            blp.set_etag(etag_data(agency))
        return agency
