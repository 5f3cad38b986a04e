"""Every route: how it is called rightly, who may call it, and what it answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from registry.accounts.roles import Role
from tests.api.access_matrix.case_routes import CASEWORK
from tests.api.access_matrix.register_routes import REGISTER
from tests.api.access_matrix.request_and_account_routes import REQUESTS_AND_ACCOUNTS
from tests.api.access_matrix.roles import AGENCY, Try
from tests.api.access_matrix.world import World
from tests.api.callers import MERGE_PATCH, Caller

TRIES: dict[str, Try] = {**REGISTER, **CASEWORK, **REQUESTS_AND_ACCOUNTS}


def send(who: Caller, operation: str, method: str, world: World) -> Any:
    """Call an operation rightly about a world."""
    return prepared(operation, method, world)(who)


def prepared(operation: str, method: str, world: World) -> Callable[[Caller], Any]:
    """A right call of an operation about a world: what its body names exists already."""
    tried = TRIES[operation]
    path = path_of(operation, world)
    if tried.form is not None:
        form = tried.form(world)
        return lambda who: who.form(path, form)
    if tried.body is None:
        return lambda who: who.call(method, path)
    body = tried.body(world)
    if method == "PATCH":
        return lambda who: who.call(method, path, json=body, content_type=MERGE_PATCH, headers={"If-Match": "*"})
    return lambda who: who.call(method, path, json=body)


def path_of(operation: str, world: World) -> str:
    """The path of an operation about a world."""
    return TRIES[operation].path.format(
        bin=world.agency.bin,
        number=world.project.number,
        external_id=world.project.external_id,
        document=world.document_id,
        exemption=world.exemption_id,
        audit=world.audit_id,
        import_run=world.import_id,
        case=world.case_id,
        account=world.account_id,
        service=world.service_id,
        key=world.key_id,
        **world.requests,
        link=world.link_id,
        letter=world.letter,
        template=world.template_id,
        **world.reports,
    )


def expected(role: Role, operation: str, where: str) -> int:
    """The status that the contract promises."""
    tried = TRIES[operation]
    foreign = where == "foreign" and role in AGENCY
    if role in tried.unseen:
        return 404
    if role not in tried.allowed:
        return 403
    if foreign and operation in ("create_project", "put_project", "check_before_registering", "create_account"):
        return 403
    if foreign and tried.owned:
        return 404
    return tried.good
