"""The templates of questions and reasons: reviewers read them, supervisors manage them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from flask.views import MethodView

from registry.accounts.roles import Permission
from registry.api.blueprint import API_PREFIX, ApiBlueprint, current_actor
from registry.api.operation_docs import LINK, LOCATION
from registry.api.pages import PageSchema, page_response
from registry.api.parameters import ListArguments, list_query, plain_parameters
from registry.cases.schemas import EXAMPLE, SENT, TEMPLATE, TEMPLATE_BODY, TEMPLATE_PATCH
from registry.cases.text_templates import (
    CaseTemplate,
    add_template,
    change_template,
    delete_template,
    filters_of_templates,
    find_template,
    find_template_to_change,
    list_templates,
)
from registry.core.transactions import transaction
from registry.http.etag import make_tag, require_fresh_if_named

blp = ApiBlueprint("case-templates", __name__, description="Texts to begin questions and reasons with.")
FILTERS: Final = plain_parameters(filters_of_templates())


def etag_data(template: CaseTemplate) -> tuple[object, ...]:
    """What the entity tag is made from."""
    return "case-template", template.id, template.version


@blp.route("/case-templates")
class CaseTemplates(MethodView):
    """All templates."""

    @blp.requires(Permission.CASES_REVIEW)
    @blp.doc(operationId="list_case_templates")
    @blp.arguments(list_query(FILTERS), location="query")
    @blp.response(200, PageSchema(TEMPLATE), example={"items": [EXAMPLE], "next": None}, headers=LINK)
    def get(self, query: ListArguments) -> Any:
        """List the templates, the oldest first."""
        return page_response(list_templates(current_actor(), query.filters, query.page))

    @blp.requires(Permission.CASES_LEAD)
    @blp.doc(operationId="create_case_template")
    @blp.arguments(TEMPLATE_BODY, example=SENT)
    @blp.idempotent
    @blp.etag
    @blp.response(201, TEMPLATE, description="Added.", example=EXAMPLE, headers=LOCATION)
    def post(self, values: Mapping[str, Any]) -> Any:
        """Add a template."""
        with transaction():
            template = add_template(current_actor(), values)
        blp.set_etag(etag_data(template))
        return template, {"Location": f"{API_PREFIX}/case-templates/{template.id}"}


@blp.route("/case-templates/<row_id:id>")
class CaseTemplateById(MethodView):
    """One template."""

    @blp.requires(Permission.CASES_REVIEW)
    @blp.doc(operationId="read_case_template")
    @blp.etag
    @blp.response(200, TEMPLATE, example=EXAMPLE)
    def get(self, id: int) -> Any:
        """Read a template."""
        template = find_template(current_actor(), id)
        blp.set_etag(etag_data(template))
        return template

    @blp.requires(Permission.CASES_LEAD)
    @blp.doc(operationId="patch_case_template")
    @blp.etag
    @blp.arguments(TEMPLATE_PATCH, location="merge_patch", example={"title": "Contract and start"})
    @blp.idempotent
    @blp.response(200, TEMPLATE, example=EXAMPLE)
    def patch(self, values: Mapping[str, Any], id: int) -> Any:
        """Change a template. A rule that is null is any rule."""
        with transaction():
            template = find_template_to_change(current_actor(), id)
            blp.check_etag(etag_data(template))
            change_template(current_actor(), template, values)
            blp.set_etag(etag_data(template))
        return template

    @blp.requires(Permission.CASES_LEAD)
    @blp.doc(operationId="delete_case_template")
    @blp.honours("IfMatch")
    @blp.response(204, description="Deleted.")
    def delete(self, id: int) -> None:
        """Delete a template; the journal keeps its text. With `If-Match`, only in the state that was read."""
        with transaction():
            template = find_template_to_change(current_actor(), id)
            require_fresh_if_named(make_tag(*etag_data(template)))
            delete_template(current_actor(), template)
