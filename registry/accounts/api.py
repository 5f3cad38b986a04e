"""Endpoints of accounts, tokens and own sessions."""

from collections.abc import Mapping
from typing import Any, Final

from flask.views import MethodView

from registry.accounts import schemas, tokens
from registry.accounts.account_changes import confirm_account, disable_account, enable_account
from registry.accounts.account_management import find_managed_account, require_account_manager
from registry.accounts.agency_tree import agency_id_of
from registry.accounts.handover import hand_over
from registry.accounts.models import AccountKind, AccountStatus, account_id_in
from registry.accounts.queries import ACCOUNT_LIST, TOKEN_LIST, account_row, read_account, token_row
from registry.accounts.roles import PERMISSIONS, Actor, Permission, Role, Scope, sorted_scopes
from registry.accounts.service import changes_in, create_person, edit_account, new_person
from registry.accounts.sessions import end_own_session, list_sessions
from registry.api.blueprint import API_PREFIX, LOCATION, ApiBlueprint, current_actor
from registry.api.parameters import ListArguments, PageSchema
from registry.approvals.api import proposed
from registry.approvals.schemas import APPROVAL
from registry.core.database import transaction
from registry.core.errors import Invalid, Problem
from registry.core.lists import Listing
from registry.requests.approval_kinds import ADMISSION, propose_admission

# The accounts endpoints: who may see an account reads it, administrators write those that they manage.

blp = ApiBlueprint("accounts", __name__, description="People and service accounts.", integrator=("read_own_account",))
ONLY_OF: Final = {AccountKind.PERSON: ("owner",), AccountKind.SERVICE: ("email", "language")}
FIELD_OF: Final = {"owner": "field-of-services", "email": "field-of-people", "language": "field-of-people"}
PASSWORD: Final = "password"  # noqa: S105 - the name of a property


def etag_data(row: Mapping[str, Any]) -> tuple[object, ...]:
    """Return what the entity tag of an account is made from: everything that it shows."""
    return "account", *row.values()


@blp.route("/me", methods=["GET"])
@blp.requires(Permission.OWN_ACCOUNT_READ, operation="read_own_account")
@blp.response(200, schemas.OwnAccount)
def read_own_account() -> Any:
    """Read the own account, and what the token may be used for."""
    actor = current_actor()
    row = account_row(actor.account_id or 0)
    return {
        **row,
        "key_id": actor.token_key_id,
        "token_role": actor.role.value,
        "scopes": sorted_scopes(list(Scope) if actor.scopes is None else actor.scopes),
        "permissions": sorted(each.value for each in PERMISSIONS[actor.role] if actor.may(each)),
    }


@blp.route("/accounts")
class Accounts(MethodView):
    """All accounts."""

    @blp.listing(ACCOUNT_LIST, schemas.ACCOUNT, operation="list_all_accounts")
    def get(self, query: ListArguments) -> Any:
        """List accounts, by default by name. An agency administrator sees those of the own agency and below it."""
        return ACCOUNT_LIST.read(current_actor(), *query)

    @blp.requires(Permission.PEOPLE_MANAGE, operation="create_account")
    @blp.arguments(schemas.AccountBody)
    @blp.idempotent(secret=PASSWORD)
    @blp.etag
    @blp.response(201, schemas.AccountWithPassword, description="Created.", headers=LOCATION)
    def post(self, values: Mapping[str, Any]) -> Any:
        """Create an account.

        A person with an e-mail address is invited where there is a mail server. Any other gets a password, which is
        shown once and changed at the first sign-in.
        """
        account_id, password = _create(current_actor(), values)
        row = account_row(account_id)
        blp.set_etag(etag_data(row))
        shown = {**row, PASSWORD: password if row["status"] != AccountStatus.PENDING else None}
        return shown, {"Location": f"{API_PREFIX}/accounts/{account_id}", "Cache-Control": "no-store"}


@blp.route("/accounts/<row_id:id>")
class AccountById(MethodView):
    """One account."""

    @blp.requires(Permission.OWN_ACCOUNT_READ, operation="read_account")
    @blp.etag
    @blp.response(200, schemas.ACCOUNT)
    def get(self, id: int) -> Any:
        """Read an account: the own one, those that one lists, and pending ones that one may confirm."""
        return _answer(read_account(current_actor(), id))

    @blp.requires(Permission.PEOPLE_MANAGE, operation="patch_account")
    @blp.etag
    @blp.arguments(schemas.ACCOUNT_PATCH, location="merge_patch")
    @blp.response(200, schemas.ACCOUNT)
    def patch(self, values: Mapping[str, Any], id: int) -> Any:
        """Change an account. A new role or agency ends its sessions and tokens; the former name stays reserved."""
        actor = current_actor()
        require_account_manager(actor)
        with transaction():
            # Locked before the tag is compared.
            find_managed_account(actor, id)
            blp.check_etag(etag_data(account_row(id)))
            edit_account(actor, id, changes_in(values))
            row = account_row(id)
        return _answer(row)


@blp.route("/accounts/<row_id:id>/confirmation", methods=["POST"])
@blp.requires(Permission.ACCOUNTS_CONFIRM, operation="confirm_account")
@blp.arguments(schemas.AccountConfirmation)
@blp.idempotent(secret=PASSWORD)
@blp.etag
@blp.response(200, schemas.AccountWithPassword)
def confirm(values: Mapping[str, Any], id: int) -> Any:
    """Confirm a pending account as the second person.

    Of a person's new password the second half is shown, once; another administrator sees the first on the pages.
    """
    actor = current_actor()
    read_account(actor, id)
    password = confirm_account(actor, id, Role(values["role"]), values.get("email"))
    row = account_row(id)
    blp.set_etag(etag_data(row))
    return {**row, PASSWORD: password}, {"Cache-Control": "no-store"}


@blp.route("/accounts/<row_id:id>/restricted-access", methods=["POST"])
@blp.requires(Permission.PEOPLE_MANAGE, operation="propose_restricted_access")
@blp.arguments(ADMISSION)
@blp.response(
    202, APPROVAL, description="It waits for an administrator of the agency, or a supervisor.", headers=LOCATION
)
def propose_restricted_access(values: Mapping[str, Any], id: int) -> Any:
    """Propose that an account reads the restricted projects of its agency; another person approves it.

    What a system administrator makes or changes is proposed with the change.
    """
    return proposed(propose_admission(current_actor(), id, values))


@blp.route("/accounts/<row_id:id>/disabling", methods=["POST"])
@blp.requires(Permission.PEOPLE_MANAGE, operation="disable_account")
@blp.arguments(schemas.NoFields, required=False, example={})
@blp.etag
@blp.response(200, schemas.ACCOUNT)
def disable(_values: Mapping[str, Any], id: int) -> Any:
    """Disable an account. Its sessions and tokens end at once."""
    disable_account(current_actor(), id)
    return _answer(account_row(id))


@blp.route("/accounts/<row_id:id>/enabling", methods=["POST"])
@blp.requires(Permission.PEOPLE_MANAGE, operation="enable_account")
@blp.arguments(schemas.NoFields, required=False, example={})
@blp.etag
@blp.response(200, schemas.ACCOUNT)
def enable(_values: Mapping[str, Any], id: int) -> Any:
    """Enable an account. Earlier sessions and tokens stay ended; an oversight role waits for a confirmation."""
    enable_account(current_actor(), id)
    return _answer(account_row(id))


@blp.route("/accounts/<row_id:id>/handover", methods=["POST"])
@blp.requires(Permission.PEOPLE_MANAGE, operation="hand_over_work")
@blp.arguments(schemas.HandOverBody)
@blp.response(200, schemas.HandedOver)
def hand_over_work(values: Mapping[str, Any], id: int) -> Any:
    """Hand all open work of a person over to another one, in one step."""
    actor = current_actor()
    require_account_manager(actor)
    with transaction():
        # The account of the path is looked for first: 404 before 422.
        find_managed_account(actor, id)
        return hand_over(actor, id, account_id_in("to", values["to"]))


def _answer(row: Mapping[str, Any]) -> Mapping[str, Any]:
    return blp.tagged(row, etag_data(row))


def _create(actor: Actor, values: Mapping[str, Any]) -> tuple[int, str | None]:
    kind, role = AccountKind(values["kind"]), Role(values["role"])
    problems = [Problem(f"/{name}", FIELD_OF[name]) for name in ONLY_OF[kind] if values.get(name) is not None]
    if problems:
        raise Invalid(problems)
    if kind is AccountKind.SERVICE:
        agency_id = agency_id_of(values.get("agency"))
        owner = account_id_in("owner", values["owner"]) if values.get("owner") else None
        return tokens.add_service_account(actor, values["name"], role, agency_id, owner).id, None
    person, password = create_person(actor, new_person(values))
    return person.account_id, password


# The tokens endpoints. A token is shown once, when it is created.

tokens_blp = ApiBlueprint("tokens", __name__, description="Bearer tokens. A token never may more than its account.")
SECRET: Final = "token"  # noqa: S105 - the name of a property


@tokens_blp.route("/tokens")
class Tokens(MethodView):
    """The own tokens, and those that the role lists."""

    @tokens_blp.listing(TOKEN_LIST, schemas.Token, operation="list_all_tokens")
    def get(self, query: ListArguments) -> Any:
        """List the own tokens and, for account administrators and auditors, others; by default the newest first."""
        return TOKEN_LIST.read(current_actor(), *query)

    @tokens_blp.requires(Permission.OWN_ACCOUNT_MANAGE, operation="create_token")
    @tokens_blp.arguments(schemas.TokenBody)
    @tokens_blp.idempotent(secret=SECRET)
    @tokens_blp.response(201, schemas.NewToken, description="Created.")
    def post(self, values: Mapping[str, Any]) -> Any:
        """Create a token of the own account, never wider than the token of this request."""
        return _shown_once(tokens.issue_own_token(current_actor(), **_parameters(values)))


@tokens_blp.route("/tokens/<key_id>", methods=["DELETE"])
@tokens_blp.requires(Permission.OWN_ACCOUNT_MANAGE, operation="revoke_token")
@tokens_blp.response(204, description="Revoked.")
def revoke_token(key_id: str) -> None:
    """Revoke a token. It and the own tokens that it created stop working at once; again changes nothing."""
    _revoke(current_actor(), key_id)


@tokens_blp.route("/accounts/<row_id:id>/tokens", methods=["POST"])
@tokens_blp.requires(Permission.TOKENS_MANAGE, Permission.TOKENS_READ, operation="create_service_token")
@tokens_blp.arguments(schemas.TokenBody)
@tokens_blp.idempotent(secret=SECRET)
@tokens_blp.response(201, schemas.NewToken, description="Created.")
def create_service_token(values: Mapping[str, Any], id: int) -> Any:
    """Create a token of a service account; with an oversight role it waits for a second person's confirmation."""
    return _shown_once(tokens.issue_service_token(current_actor(), id, **_parameters(values)))


def _revoke(actor: Actor, key_id: str) -> None:
    try:
        tokens.revoke_own_token(actor, key_id)
    except tokens.TokenNotFound:
        # Who sees others' tokens and may not revoke them learns that; to everybody else they are not there.
        if not actor.may(Permission.TOKENS_READ):
            raise
        tokens.revoke(actor, key_id)


def _parameters(values: Mapping[str, Any]) -> dict[str, Any]:
    role = values.get("role")
    return {
        "lifetime": values.get("expires_in"),
        "role": None if role is None else Role(role),
        "scopes": values.get("scopes"),
        "addresses": values.get("addresses") or (),
        "purpose": values.get("purpose"),
    }


def _shown_once(issued: tokens.IssuedToken) -> tuple[dict[str, Any], dict[str, str]]:
    return {**token_row(issued.key_id), SECRET: issued.text}, {"Cache-Control": "no-store"}


# The sessions endpoints: the browser sessions of the caller's own account.
#
# Reading them needs the scope ``accounts:write`` too: where and when a person works is not for every program that
# has a token to read the register.

sessions_blp = ApiBlueprint("sessions", __name__, description="The open browser sessions of one's own account.")


@sessions_blp.route("/sessions", methods=["GET"])
@sessions_blp.requires(Permission.OWN_ACCOUNT_MANAGE, operation="list_own_sessions")
@sessions_blp.response(200, PageSchema(schemas.SESSION))
def list_own_sessions() -> Any:
    """List the own open sessions, the last used first, all on one page. Service accounts have none."""
    return Listing(list_sessions(current_actor()), None)


@sessions_blp.route("/sessions/<id>", methods=["DELETE"])
@sessions_blp.requires(Permission.OWN_ACCOUNT_MANAGE, operation="end_own_session")
@sessions_blp.response(204, description="Ended.")
def end_session_by_id(id: str) -> None:
    """End an own session."""
    end_own_session(current_actor(), id)
