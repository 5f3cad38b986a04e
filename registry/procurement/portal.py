"""Client of the procurement portal's service, and the queue of agencies whose contracts are fetched each night.

``POST /v3/graphql`` with a Bearer token gives at most 200 contracts, newest first, and in ``extensions.pageInfo``
whether there are more and the id after which they follow. Each page is one transaction with the place where the next
one goes on, so that a fetch that is killed continues, and a page is imported whole or not at all.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, time, timedelta
from http import HTTPStatus
from typing import Any, Final

import requests
from marshmallow import ValidationError
from sqlalchemy import select, true, update

from registry.accounts.roles import Actor
from registry.agencies.models import Agency
from registry.core.clock import local_instant, now, today
from registry.core.database import db, table_of, transaction
from registry.core.dialects import insert_or_ignore
from registry.core.errors import Invalid
from registry.core.queues import Lease, LeaseLost, Queue
from registry.procurement.contract_files import ContractPart, read_objects
from registry.procurement.matching import match_contracts
from registry.procurement.models import ContractSource, PortalFetch
from registry.procurement.service import planned, record_import, save

URL: Final = "https://ows.goszakup.gov.kz/v3/graphql"
PAGE: Final = 200
QUERY: Final = """query ($filter: ContractFiltersInput, $limit: Int, $after: Int) {
  Contract(filter: $filter, limit: $limit, after: $after) {
    id contractNumber contractNumberSys customerBin supplierBiin contractSumWnds refCurrencyCode signDate
    descriptionKz descriptionRu deleted Supplier { nameRu } RefContractStatus { nameRu }
    ContractUnits { Plans { refEnstruCode } }
  }
}"""
TIMEOUT_S: Final = (5, 60)
MAX_ANSWER: Final = 20 << 20
LEASE: Final = timedelta(minutes=5)
FIRST_WAIT: Final = timedelta(minutes=1)
MAX_WAIT: Final = timedelta(hours=6)
# After the portal's own night work; local time.
FETCHED_AT: Final = time(4, 0)
# What changed on the day of the last fetch may have changed after it.
OVERLAP: Final = timedelta(days=1)
MAX_NAMED: Final = 5
MAX_ID: Final = 1 << 63
ROW: Final = table_of(PortalFetch)


class PortalFailed(Exception):
    """The portal gave no page of contracts. The message says why."""


@dataclass(frozen=True, slots=True)
class Portal:
    """Where the service is, and the token that the operator was given. Never shown or logged."""

    url: str
    token: str


@dataclass(frozen=True, slots=True)
class PortalPage:
    """A page of contracts, the id after which the next one follows, None on the last, and what could not be read."""

    parts: list[ContractPart]
    after_id: int | None
    unread: list[str]


def portal_address(text: str) -> str:
    """Return the address of ``REGISTRY_PROCUREMENT_URL``. Raises ValidationError."""
    if not text.startswith(("https://", "http://")) or any(map(str.isspace, text)):
        raise ValidationError(f"expected an address such as {URL}, got {text!r}")
    return text


PARSERS: Final[dict[str, Callable[..., object]]] = {"portal_address": portal_address}


def fetch_due_contracts(portal: Portal, actor: Actor) -> int:
    """Fetch the contracts of each agency that is due, page by page; returns how many pages were imported."""
    _keep_rows()
    queue = Queue(PortalFetch, PortalFetch.next_try_at, LEASE, true())
    pages = 0
    while True:
        with transaction():
            row = queue.next_due(order_by=(PortalFetch.next_try_at, PortalFetch.id))
            if row is None:
                return pages
            lease, after, since = queue.lease(row), row.after_id, row.fetched_on
            agency_id = row.agency_id
        customer = db.session.scalar(select(Agency.bin).where(Agency.id == agency_id)) or ""
        with suppress(LeaseLost):
            pages += _fetch(queue, lease, portal, actor, customer, after, since)


def fetch_all_again() -> None:
    """Let every agency be due now."""
    with transaction() as session:
        session.execute(update(ROW).values(next_try_at=now()))


def failing_fetches() -> list[tuple[str, str]]:
    """Return the BINs of agencies whose last fetch failed, or left contracts out, and why."""
    rows = select(Agency.bin, PortalFetch.error).join(Agency, Agency.id == PortalFetch.agency_id)
    return [(row.bin, row.error) for row in db.session.execute(rows.where(PortalFetch.error.is_not(None)))]


def read_page(portal: Portal, customer: str, after: int | None, since: date | None) -> PortalPage:
    """Ask for a page of a customer's contracts, of those that changed since a day. Raises PortalFailed."""
    conditions: dict[str, Any] = {"customerBin": customer}
    if since is not None:
        conditions["lastUpdateDate"] = [(since - OVERLAP).isoformat()]
    variables = {"filter": conditions, "limit": PAGE, "after": after}
    answer = _ask(portal, {"query": QUERY, "variables": variables})
    try:
        contracts = [*(answer["data"]["Contract"] or ())]
        info = answer["extensions"]["pageInfo"]
        next_id = int(info["lastId"]) if info["hasNextPage"] and contracts else None
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise PortalFailed("the answer has no page of contracts") from error
    if next_id is not None and not 0 < next_id < (MAX_ID if after is None else after):
        raise PortalFailed("the portal names no page after this one: ids go down")
    parts: list[ContractPart] = []
    unread = []
    for contract in contracts:
        try:
            own = read_objects([contract])[0]
        except (Invalid, AttributeError) as error:
            unread.append(_named(contract, _wrong(error)))
        else:
            parts += (each for each in own if each.values["customer_bin"] == customer)
            if any(each.values["customer_bin"] != customer for each in own):
                unread.append(_named(contract, "of another customer"))
    return PortalPage(parts, next_id, unread)


def _fetch(
    queue: Queue[PortalFetch],
    lease: Lease,
    portal: Portal,
    actor: Actor,
    customer: str,
    after: int | None,
    since: date | None,
) -> int:
    try:
        page = read_page(portal, customer, after, since)
    except PortalFailed as failed:
        with queue.leased(lease) as row:
            row.error, row.tries = str(failed), row.tries + 1
            row.next_try_at = now() + min(FIRST_WAIT * 2 ** min(row.tries - 1, 10), MAX_WAIT)
        return 0
    with queue.leased(lease) as row:
        changes, counts = planned(page.parts, ContractSource.PORTAL, None)
        save(changes)
        record_import(actor, ContractSource.PORTAL, counts, agency=customer)
        row.error = "; ".join(page.unread[:MAX_NAMED]) or (row.error if after is not None and not row.tries else None)
        row.tries, row.after_id = 0, page.after_id
        row.began_on = row.began_on or today()
        row.next_try_at = now()
        if page.after_id is None:
            row.fetched_on, row.began_on = row.began_on, None
            row.next_try_at = local_instant(today() + timedelta(days=1), FETCHED_AT)
            match_contracts([row.agency_id])
    return 1


def _ask(portal: Portal, body: Mapping[str, Any]) -> Any:
    headers = {"Authorization": f"Bearer {portal.token}"}
    try:
        answer = requests.post(portal.url, json=body, headers=headers, timeout=TIMEOUT_S, allow_redirects=False)
    except requests.RequestException as error:
        raise PortalFailed(f"the portal cannot be reached: {type(error).__name__}") from error
    if answer.status_code != HTTPStatus.OK:
        raise PortalFailed(f"the portal answers {answer.status_code}")
    try:
        reply = answer.json() if len(answer.content) <= MAX_ANSWER else None
    except (ValueError, RecursionError) as error:
        raise PortalFailed("the answer is no JSON") from error
    if not isinstance(reply, dict) or reply.get("errors"):
        raise PortalFailed(f"the portal refuses the query: {_printable((reply or {}).get('errors'))[:200]}")
    return reply


def _named(contract: Any, wrong: str) -> str:
    number = contract.get("contractNumberSys") if isinstance(contract, Mapping) else None
    return f"{_printable(number)[:60]}: {wrong}"


def _wrong(error: Exception) -> str:
    problems = error.problems if isinstance(error, Invalid) else ()
    return ", ".join(f"{each.pointer.rpartition('/')[2]} {each.code}" for each in problems) or "unreadable"


def _printable(value: Any) -> str:
    """Return what the portal says without what a database cannot keep."""
    return "".join(filter(str.isprintable, str(value)))


def _keep_rows() -> None:
    """Add a row for each open agency that has none, and take away those of closed ones."""
    due = now()
    known = set(db.session.scalars(select(PortalFetch.agency_id)))
    opened = set(db.session.scalars(select(Agency.id).where(Agency.closed_on.is_(None))))
    new = [{"agency_id": each, "next_try_at": due, "tries": 0} for each in sorted(opened - known)]
    with transaction() as session:
        if new:
            session.execute(insert_or_ignore(PortalFetch).on_conflict_do_nothing(), new)
        if closed := known - opened:
            session.execute(ROW.delete().where(ROW.c.agency_id.in_(closed)))
