"""Saving and deleting views."""

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError

from registry.accounts.models import Account, find_account
from registry.accounts.roles import Actor, Permission
from registry.core.clock import now
from registry.core.database import require_transaction, transaction, violates
from registry.core.errors import Conflict, Invalid, NotAllowed
from registry.journal import service as journal
from registry.saved_views.models import SavedView
from registry.saved_views.queries import LISTS, SavedViewNotFound, is_own, problems_of_query, visible_views

MAX_VIEWS: Final = 50


class ViewNameTaken(Conflict):
    """The owner has a view with this name."""


class TooManyViews(Conflict):
    """The owner has ``MAX_VIEWS`` views."""


class ViewsNeedAnAccount(NotAllowed):
    """The actor has no account to which a view could belong: a command on the server."""


def save_view(actor: Actor, values: Mapping[str, Any]) -> SavedView:
    """Save a view of the actor from validated values: ``name``, ``list``, ``query`` and ``shared``.

    Raises RoleNotAllowed, Invalid for a query that the list refuses, ViewNameTaken and TooManyViews.
    """
    actor.require(Permission.OWN_ACCOUNT_MANAGE)
    actor.require(LISTS[values["list"]].permission)
    if actor.account_id is None:
        raise ViewsNeedAnAccount
    problems = problems_of_query(actor, values["list"], values["query"], is_new=True)
    if problems:
        raise Invalid(problems)
    with transaction() as session:
        # Locks out another view of the same owner until both the number and the name are checked.
        session.execute(select(Account.id).where(Account.id == actor.account_id).with_for_update())
        name = values["name"]
        if session.scalar(select(SavedView.id).where(is_own(actor), SavedView.name == name)) is not None:
            raise ViewNameTaken(name=name)
        if (session.scalar(select(func.count(SavedView.id)).where(is_own(actor))) or 0) >= MAX_VIEWS:
            raise TooManyViews(most=MAX_VIEWS)
        shared = values.get("shared") is True
        view = SavedView(
            account_id=actor.account_id,
            agency_id=actor.agency_id if shared else None,
            list=values["list"],
            name=name,
            query=dict(values["query"]),
            shared=shared,
            created_at=now(),
        )
        session.add(view)
        try:
            session.flush()
        except IntegrityError as error:
            if not violates(error, "uq_saved_views_account_id_name"):
                raise
            raise ViewNameTaken(name=name) from error
        if shared:
            journal.record(actor, "saved-view.added", f"saved-view:{view.id}", _details(view))
    return view


def delete_view(actor: Actor, view_id: int) -> None:
    """Delete an own view, or a shared one for who may delete those of others.

    Raises RoleNotAllowed and SavedViewNotFound.
    """
    actor.require(Permission.OWN_ACCOUNT_MANAGE)
    with transaction() as session:
        statement = select(SavedView).where(visible_views(actor), SavedView.id == view_id).with_for_update()
        view = session.scalar(statement.execution_options(populate_existing=True))
        if view is None:
            raise SavedViewNotFound(id=view_id)
        if view.account_id is None or view.account_id != actor.account_id:
            actor.require(Permission.SHARED_VIEWS_DELETE)
        if view.shared:
            journal.record(actor, "saved-view.deleted", f"saved-view:{view.id}", _details(view))
        session.delete(view)


def _details(view: SavedView) -> dict[str, Any]:
    # Without the filters: they may name a restricted project, which not every reader of the journal may see.
    return {"name": view.name, "list": view.list}


# What becomes of views when accounts change their agency, and when an agency is succeeded.

IN_SQL: Final[dict[str, Any]] = {"execution_options": {"synchronize_session": False}}


def leave_shared_views(account_id: int) -> None:
    """Leave shared views to the agency, or to oversight, that the account has left; own ones stay with the account."""
    left = SavedView.agency_id.is_distinct_from(find_account(account_id).agency_id)
    shared = update(SavedView).where(SavedView.account_id == account_id, SavedView.shared.is_(True), left)
    require_transaction().execute(shared.values(account_id=None), **IN_SQL)


def pass_on_views(former_id: int, successor_id: int) -> None:
    """Share with an agency's successor what was shared with the agency."""
    of_former = update(SavedView).where(SavedView.agency_id == former_id)
    require_transaction().execute(of_former.values(agency_id=successor_id), **IN_SQL)
