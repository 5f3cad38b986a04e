"""The endpoints of confirmed facts, of restrictions, of the platform inventory, and of products of the platform."""

from collections.abc import Mapping
from typing import Any, Final

from flask.views import MethodView

from registry.accounts.roles import Permission
from registry.api.blueprint import LOCATION, ApiBlueprint, current_actor
from registry.api.exports import add_exports
from registry.api.parameters import ListArguments
from registry.api.uploads import ROW_ERROR_PROPERTIES, TABLE_TEXT, DryRun, UploadedFile, row_error
from registry.approvals.api import proposed, proposed_instead
from registry.approvals.models import Approval
from registry.approvals.schemas import APPROVAL, EXAMPLE as APPROVAL_EXAMPLE
from registry.core.database import transaction
from registry.core.fields import DAY_SCHEMA, BaseSchema, InputField, Objects, ReadOnly, Timestamp, nullable, object_of
from registry.core.values import InvalidValue
from registry.http.requests import SentFile, request_locale
from registry.platform.inventory import REQUIRED, ROW
from registry.platform.models import Environment
from registry.platform.products import PRODUCT, PRODUCT_BODY, PRODUCT_LIST, save_product
from registry.platform.queries import INVENTORY_LIST, find_inventory
from registry.platform.schemas import ENDING, FACT, ONBOARDING, RESTRICTION, VERIFICATION
from registry.projects.api import etag_data, project_row
from registry.projects.schemas import PROJECT
from registry.requests import platform_approvals
from registry.requests.approval_kinds import propose_restriction
from registry.requests.confirmation import (
    ENDING as ENDING_KIND,
    FACT as FACT_KIND,
    ONBOARDING as ONBOARDING_KIND,
    PLACEMENT,
    confirm_or_propose,
)

# Confirmed facts and restrictions: what reviewers, operators and supervisors confirm and decide.

blp = ApiBlueprint(
    "confirmations", __name__, description="What lifts a suspicion is confirmed by reviewer or operator, not claimed."
)
THE_PROJECT: Final = "The project as it is now."

WAITS: Final = "It waits for another person."


def confirmed(number: str, kind: str, values: Mapping[str, Any]) -> Any:
    """Return the project as it is now, or the proposal where two people confirm it."""
    with transaction():
        project, approval = confirm_or_propose(current_actor(), number, kind, values)
        if approval is not None:
            return proposed_instead(approval)
        row = project_row(project)
    blp.set_etag(etag_data(row))
    return row


@blp.route("/projects/<number>/placement-verification", methods=["POST"])
@blp.requires(Permission.PLACEMENTS_CONFIRM, operation="confirm_placement")
@blp.arguments(VERIFICATION)
@blp.idempotent
@blp.etag
@blp.response(200, PROJECT, description=THE_PROJECT)
@blp.alt_response(202, schema=APPROVAL, description=WAITS, example=APPROVAL_EXAMPLE, headers=LOCATION)
def confirm_placement(values: Mapping[str, Any], number: str) -> Any:
    """Confirm that a project lives on QazTech.

    One person does where the last inventory lists the key for the agency, and the key confirms no other project;
    otherwise it is a proposal, with a document of the project, and another person approves it, one of the two a
    supervisor.
    """
    return confirmed(number, PLACEMENT, values)


@blp.route("/projects/<number>/onboarding-confirmation", methods=["POST"])
@blp.requires(Permission.PLACEMENTS_CONFIRM, operation="confirm_move")
@blp.arguments(ONBOARDING)
@blp.idempotent
@blp.etag
@blp.response(200, PROJECT, description=THE_PROJECT)
@blp.alt_response(202, schema=APPROVAL, description=WAITS, example=APPROVAL_EXAMPLE, headers=LOCATION)
def confirm_move(values: Mapping[str, Any], number: str) -> Any:
    """Confirm that a project moves to QazTech by a date, at most six months ahead.

    It can be extended once, by a reviewer. While a medium or high flag of the project is active, or no audit has
    judged it as it stands, it is a proposal, with a document of the project, and another person approves it, one of
    the two a supervisor.
    """
    return confirmed(number, ONBOARDING_KIND, values)


@blp.route("/projects/<number>/ending-confirmation", methods=["POST"])
@blp.requires(Permission.PLACEMENTS_CONFIRM, operation="confirm_end")
@blp.arguments(ENDING)
@blp.idempotent
@blp.etag
@blp.response(200, PROJECT, description=THE_PROJECT)
@blp.alt_response(202, schema=APPROVAL, description=WAITS, example=APPROVAL_EXAMPLE, headers=LOCATION)
def confirm_end(values: Mapping[str, Any], number: str) -> Any:
    """Confirm that the work ended with the authorised body's consent.

    While a medium or high flag of the project is active, or no audit has judged it as it stands, it is a proposal,
    with a document of the project, and another person approves it, one of the two a supervisor.
    """
    return confirmed(number, ENDING_KIND, values)


@blp.route("/projects/<number>/fact-confirmation", methods=["POST"])
@blp.requires(Permission.PLACEMENTS_CONFIRM, operation="confirm_fact")
@blp.arguments(FACT)
@blp.idempotent
@blp.etag
@blp.response(202, APPROVAL, description=WAITS, example=APPROVAL_EXAMPLE, headers=LOCATION)
def confirm_fact(values: Mapping[str, Any], number: str) -> Any:
    """Confirm a fact that counts only when confirmed, with a document of the project.

    It is a proposal, and another person approves it, one of the two a supervisor. Editing the fact ends the
    confirmation.
    """
    return confirmed(number, FACT_KIND, values)


@blp.route("/projects/<number>/restriction", methods=["PUT"])
# Without ``etag``: a restriction needs no If-Match, because it replaces nothing that was read before.
@blp.requires(Permission.PROJECTS_RESTRICT, operation="restrict")
@blp.arguments(RESTRICTION, idempotent=False)
@blp.response(202, APPROVAL, description="It waits for another supervisor.", example=APPROVAL_EXAMPLE, headers=LOCATION)
def restrict(values: Mapping[str, Any], number: str) -> Any:
    """Propose to show a project to supervisor, auditor and its own agency only, or to all again.

    Another supervisor approves it.
    """
    return proposed(propose_restriction(current_actor(), number, values))


# The platform inventories endpoint: QazTech's own list of what lives on it.

inventories_blp = ApiBlueprint(
    "platform-inventories",
    __name__,
    description="QazTech's own list, by which placements are verified in bulk.",
    integrator=True,
)

COUNT: Final = {"type": "integer", "minimum": 0}
TEXT: Final = {"type": "string"}
NUMBERS: Final = {"type": "array", "items": {"type": "string", "description": "A project's number."}}
MISMATCHED: Final = object_of(**dict.fromkeys(("number", "platform_key", "placement", "agency", "listed_agency"), TEXT))
UNREGISTERED: Final = object_of(platform_key=TEXT, agency=TEXT, row={"type": "integer"})
DEPLOYED: Final = object_of(
    platform_key=TEXT,
    environments={"type": ["array", "null"], "items": {"type": "string", "enum": list(Environment.codes())}},
    last_deployed_on=nullable(dict(DAY_SCHEMA)),
)
ROWS: Final = object_of(
    **dict.fromkeys(("matched", "lost", "shared", "flagged", "changed_since_audit"), NUMBERS),
    mismatched={"type": "array", "items": MISMATCHED},
    unregistered={"type": "array", "items": UNREGISTERED},
    deployments={"type": "array", "items": DEPLOYED},
)
# Of each kind in one request.
MAX_CHANGES: Final = 5000
ROW_ERRORS: Final = {"type": "array", "items": object_of(**ROW_ERROR_PROPERTIES)}


COUNT_OR_NULL: Final = nullable(COUNT)


class InventoryForm(BaseSchema):
    """QazTech's list."""

    file = UploadedFile(
        f"{TABLE_TEXT} Also a JSON array, up to 4 MiB, or NDJSON. Columns: platform_key, agency, verified_on; "
        "environments and last_deployed_on are optional."
    )
    dry_run = DryRun()
    reason = platform_approvals.REASON


class InventorySummary(BaseSchema):
    """What an inventory changed, or would change."""

    dry_run = ReadOnly("True when nothing was written.", {"type": "boolean"})
    matched = ReadOnly("Placements that the list verifies.", COUNT)
    lost = ReadOnly("Placements that vanished from the list and lose their verification.", COUNT)
    shared = ReadOnly("Records that stay unconfirmed, because their key confirms another object.", COUNT)
    flagged = ReadOnly("Placements with an active medium or high flag that it verifies.", COUNT)
    changed_since_audit = ReadOnly(
        "Placements that it verifies of projects that were registered or changed since the last audit.", COUNT
    )
    mismatched = ReadOnly("Records that have a key of the list but say that they live elsewhere.", COUNT)
    unregistered = ReadOnly("Keys of the list that no record has.", COUNT)
    deployments = ReadOnly("Keys whose deployments it reports; the oldest first.", COUNT)
    needs_approval = ReadOnly("Of a dry run: whether a second person must approve it.", {"type": "boolean"})
    total = ReadOnly("Rows in the list.", COUNT)
    rejected = ReadOnly("Bad rows.", COUNT)
    rows = ReadOnly("What stands behind the counts, at most 1,000 of each.", ROWS)
    errors = ReadOnly("The bad rows, at most 1,000.", ROW_ERRORS)


class ListedRows(Objects):
    """Rows of the inventory, checked as those of a file."""

    def __init__(self, **options: Any) -> None:
        super().__init__(MAX_CHANGES, "", **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> list[dict[str, Any]]:
        return [] if value == [] else super()._deserialize(value, attr, data, **kwargs)

    @property
    def json_schema(self) -> dict[str, Any]:
        """An array of rows; of changes that only remove keys it may be empty."""
        inputs = ROW.inputs.items()
        row = object_of(**{name: nullable(each.json_schema, allow_none=bool(each.allow_none)) for name, each in inputs})
        row = {**row, "required": [*REQUIRED], "additionalProperties": False}
        return {"type": "array", "items": row, "maxItems": self.most}


class PlatformKeys(InputField):
    """A list of keys."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> list[str]:  # noqa: ARG002 - marshmallow's
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise InvalidValue("expected-texts")
        if len(value) > MAX_CHANGES:
            raise InvalidValue("number-of-items", largest=MAX_CHANGES)
        return value

    @property
    def json_schema(self) -> dict[str, Any]:
        """An array of keys."""
        return {"type": "array", "items": dict(TEXT), "maxItems": MAX_CHANGES}


class InventoryChanges(BaseSchema):
    """What changed in QazTech's list."""

    listed = ListedRows(description="Rows that are new or differ; each replaces that of its key.")
    removed = PlatformKeys(description="Keys that the list no longer has.")
    reason = platform_approvals.REASON


class AppliedInventory(BaseSchema):
    """An inventory that was applied."""

    id = ReadOnly("Its id.", {"type": "integer"})
    applied_at = Timestamp("When.")
    applied_by = ReadOnly("By whom.", TEXT)
    file_name = ReadOnly("The name of the file.", TEXT)
    sha256 = ReadOnly("SHA-256 (hex) of what was sent.", TEXT)
    are_changes = ReadOnly("True when it changed the inventory before it, and did not replace it.", {"type": "boolean"})
    total = ReadOnly("Rows in the list.", COUNT)
    rejected = ReadOnly("Bad rows.", COUNT)
    deployments = ReadOnly("Keys whose deployments it reported; null of inventories from before.", COUNT_OR_NULL)
    matched = ReadOnly(
        "Placements that it verified. This and the counts that follow are null for who may not see restricted "
        "projects, where it was applied by somebody who may.",
        COUNT_OR_NULL,
    )
    lost = ReadOnly("Placements that lost their verification.", COUNT_OR_NULL)
    shared = ReadOnly("Records that stayed unconfirmed, because their key confirms another object.", COUNT_OR_NULL)
    flagged = ReadOnly("Placements with an active medium or high flag that it verified.", COUNT_OR_NULL)
    changed_since_audit = ReadOnly("Placements of records that no audit had judged as they stood.", COUNT_OR_NULL)
    mismatched = ReadOnly("Records with a key of the list that said that they live elsewhere.", COUNT_OR_NULL)
    unregistered = ReadOnly("Keys of the list that no record had.", COUNT_OR_NULL)


class PresentInventory(AppliedInventory):
    """The last inventory, whose tag `PATCH` asks for."""

    keys = ReadOnly("How many keys one person may confirm by it.", COUNT)


add_exports(inventories_blp, INVENTORY_LIST, AppliedInventory(), INVENTORY_LIST.read)


@inventories_blp.route("/platform-inventories", methods=["GET"])
@inventories_blp.listing(INVENTORY_LIST, AppliedInventory(), operation="list_platform_inventories")
def list_platform_inventories(query: ListArguments) -> Any:
    """List the inventories that were applied, the newest first."""
    return INVENTORY_LIST.read(current_actor(), *query)


@inventories_blp.route("/platform-inventories/<row_id:id>", methods=["GET"])
@inventories_blp.requires(Permission.PLACEMENTS_CONFIRM, operation="read_platform_inventory")
@inventories_blp.response(200, AppliedInventory)
def read_platform_inventory(id: int) -> Any:
    """Read an applied inventory."""
    return find_inventory(current_actor(), id)


@inventories_blp.route("/platform-inventory")
class PresentInventoryView(MethodView):
    """The inventory that was applied last."""

    @inventories_blp.requires(Permission.PLACEMENTS_CONFIRM, operation="read_present_inventory")
    @inventories_blp.etag
    @inventories_blp.response(200, PresentInventory)
    def get(self) -> Any:
        """Read the inventory that was applied last, whose tag a change names."""
        inventory = find_inventory(current_actor(), None)
        return inventories_blp.tagged(inventory, _tag(inventory))

    @inventories_blp.requires(Permission.PLACEMENTS_CONFIRM, operation="change_present_inventory")
    @inventories_blp.etag
    @inventories_blp.arguments(InventoryChanges, location="changes")
    @inventories_blp.response(200, InventorySummary())
    @inventories_blp.alt_response(202, schema=APPROVAL, description=WAITS, example=APPROVAL_EXAMPLE, headers=LOCATION)
    def patch(self, changes: dict[str, Any]) -> Any:
        """Change the present inventory: rows that are new or differ, and keys that it no longer has.

        All are applied, or none; a key to remove that the inventory does not have is an error. Two people are needed as
        for a whole list; losses are counted with those of the day.
        """
        reason = changes.pop("reason", None)
        actor = current_actor()
        with transaction():
            platform_approvals.lock_inventory()
            inventories_blp.check_etag(_tag(find_inventory(actor, None)))
            done = platform_approvals.change_inventory(actor, changes, reason)
            # What waits has changed nothing yet.
            inventories_blp.set_etag(_tag(find_inventory(actor, None)))
        return proposed_instead(done) if isinstance(done, Approval) else _shown(done)


def _tag(inventory: Mapping[str, Any]) -> tuple[object, ...]:
    return ("platform-inventory", inventory["id"])


@inventories_blp.route("/platform-inventories", methods=["POST"])
@inventories_blp.requires(Permission.PLACEMENTS_CONFIRM, operation="create_platform_inventory")
@inventories_blp.arguments(InventoryForm(), location="multipart")
@inventories_blp.idempotent
@inventories_blp.response(200, InventorySummary())
@inventories_blp.alt_response(202, schema=APPROVAL, description="It waits for another person.", headers=LOCATION)
def create_platform_inventory(form: Mapping[str, Any]) -> Any:
    """Verify placements by QazTech's list.

    What matches is verified, what vanished loses its verification. A dry run tells it before anything is written.
    By hand, a list that verifies projects with a medium or high flag, or that no audit has judged as they stand,
    or takes more than a tenth of the verifications away, with what was lost by hand in the last 30 days, is a
    proposal, and another person approves it, one of the two a supervisor; so is one that reports deployments. The
    platform's own program acts at once, unless its lists of one day take more than a tenth of the verifications away,
    and more than 5, or set so many deployments back.
    """
    file: SentFile = form["file"]
    if form["dry_run"]:
        return _shown(platform_approvals.preview_inventory(current_actor(), file.name, file.content))
    done = platform_approvals.import_inventory(current_actor(), file.name, file.content, form.get("reason"))
    return proposed_instead(done) if isinstance(done, Approval) else _shown(done)


def _shown(summary: Mapping[str, Any]) -> Mapping[str, Any]:
    return {**summary, "errors": [row_error(error, request_locale()) for error in summary["errors"]]}


# Products of the platform: everybody reads them, the platform's operators write them.

products_blp = ApiBlueprint(
    "platform-products",
    __name__,
    description="Products of QazTech that can replace an object (Digital Code, 90(2)).",
    integrator=("list_platform_products",),
)
add_exports(products_blp, PRODUCT_LIST, PRODUCT, PRODUCT_LIST.read, sort="code")


@products_blp.route("/platform-products", methods=["GET"])
@products_blp.listing(PRODUCT_LIST, PRODUCT, operation="list_platform_products")
def list_platform_products(query: ListArguments) -> Any:
    """List the products of the platform."""
    return PRODUCT_LIST.read(current_actor(), *query)


@products_blp.route("/platform-products/<code>", methods=["PUT"])
@products_blp.requires(Permission.PRODUCTS_WRITE, operation="put_platform_product")
@products_blp.arguments(PRODUCT_BODY, idempotent=False)
@products_blp.response(200, PRODUCT)
def put_platform_product(values: Mapping[str, Any], code: str) -> Any:
    """Register a product of the platform, or replace all its values. A withdrawn one is proposed to nobody."""
    return save_product(current_actor(), code, values)
