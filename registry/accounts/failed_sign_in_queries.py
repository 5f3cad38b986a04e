"""The list of failed and refused sign-ins of the last 90 days."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, or_, select

from registry.accounts.account_names import clean_name
from registry.accounts.actors import Actor
from registry.accounts.failed_sign_ins import FailedSignIn, name_hash_of
from registry.accounts.roles import Permission
from registry.accounts.same_person import every_name_of
from registry.core.database import db
from registry.core.errors import Malformed, Problem
from registry.core.filters import MAX_VALUE_LENGTH
from registry.core.pagination import Listing, Page, SortKey, after, build_page, order_by
from registry.core.value_checks import control_character

FILTERS: Final = ("name", "source")
COLUMNS: Final = ("last_at", "at", "count", "name", "source", "reason", "request_id")
LAST_AT: Final = SortKey("last_at", FailedSignIn.last_at.expression, datetime)
UNIQUE: Final = FailedSignIn.id.expression


def list_failed_sign_ins(actor: Actor, filters: Mapping[str, str], page: Page) -> Listing:
    """A page of failed sign-ins, the latest first. Raises RoleNotAllowed, and Malformed for a wrong filter or cursor.

    ``name``: what was entered. Of an account also its other names; a name that no account has is looked for by its
    hash, and is None in the rows. ``source``: the address.
    """
    actor.require(Permission.JOURNAL_READ)
    columns = [getattr(FailedSignIn, name) for name in COLUMNS]
    statement = select(*columns, FailedSignIn.last_at.label("_sort"), FailedSignIn.id.label("_id"))
    statement = statement.where(*_conditions(filters))
    if page.cursor is not None:
        statement = statement.where(after(LAST_AT, UNIQUE, True, page.cursor))
    statement = statement.order_by(*order_by(LAST_AT, UNIQUE, True)).limit(page.limit + 1)
    return build_page(db.session.execute(statement).mappings().all(), page, LAST_AT, True)


def _conditions(filters: Mapping[str, str]) -> list[ColumnElement[bool]]:
    values: dict[str, Any] = {name: filters[name].strip() for name in FILTERS if name in filters}
    wrong = [name for name, value in values.items() if len(value) > MAX_VALUE_LENGTH or control_character(value)]
    if wrong:
        raise Malformed([Problem(name, "not-usable") for name in wrong])
    conditions: list[ColumnElement[bool]] = []
    if "name" in values:
        name = clean_name(values["name"])
        named = FailedSignIn.name.in_(every_name_of({name, values["name"]}))
        conditions.append(or_(named, FailedSignIn.name_hash == name_hash_of(name)))
    if "source" in values:
        conditions.append(FailedSignIn.source == values["source"])
    return conditions
