"""The flags endpoint: what the audits found, over all projects that the caller may see."""

from typing import Any

from registry.api.blueprint import ApiBlueprint, current_actor
from registry.api.expand import PROJECT, expand_parameter, split_expand, with_projects
from registry.api.exports import add_exports
from registry.api.parameters import ListArguments
from registry.flags.queries import FLAG_LIST, list_flags
from registry.flags.schemas import FLAG
from registry.http.requests import request_locale
from registry.journal.read_replica import use_read_replica

blp = ApiBlueprint(
    "flags",
    __name__,
    description="One rule's finding on one project, from the audit that opened it to its end.",
    integrator=("list_all_flags", "export_flags_as_ndjson"),
)
add_exports(blp, FLAG_LIST, FLAG, lambda actor, filters, page: list_flags(actor, filters, page, request_locale()))


@blp.route("/flags", methods=["GET"])
@blp.listing(FLAG_LIST, FLAG, operation="list_all_flags", more=[expand_parameter(PROJECT)])
def list_all_flags(query: ListArguments) -> Any:
    """List flags, the newest first: active ones and cleared ones, each with its clause and what to do next."""
    use_read_replica()
    filters, expand = split_expand(query.filters, PROJECT)
    listing = list_flags(current_actor(), filters, query.page, request_locale())
    return with_projects(current_actor(), listing, expand)
