"""Contracts as files and the portal have them: merged with what is stored, classified, and matched with projects."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Any, Final

from flask import current_app
from sqlalchemy import select, update

from registry.accounts.agency_tree import last_successors
from registry.accounts.roles import Actor
from registry.core.clock import now
from registry.core.database import db, require_transaction, transaction
from registry.core.dialects import insert_rows
from registry.core.errors import NotAllowed
from registry.core.search import folded_words, reference_of
from registry.journal import service as journal
from registry.procurement.classification import PROCUREMENT_WORDS, ItWords, it_words
from registry.procurement.contract_files import ContractPart
from registry.procurement.matching import lock_matches, match_contracts
from registry.procurement.models import CONTRACT, TERMS, VALUES, Contract, ContractSource

CHUNK: Final = 500
COUNTS: Final = ("total", "created", "updated", "unchanged", "from_portal", "unsigned", "other_customers")
# Of an amendment, what the contract has only where nothing is known of it as first signed.
FILLED: Final = tuple(name for name in VALUES if name not in ("signed_on", "sum_kzt", "current_sum_kzt", "amendments"))


class MatchNeedsAPerson(NotAllowed):
    """Service accounts do not decide which contract is that of a project."""


def record_import(actor: Actor, source: ContractSource, counts: Mapping[str, int], **details: object) -> None:
    """Journal what an import changed, if anything, in the open transaction."""
    if counts["created"] or counts["updated"]:
        journal.record(actor, "contracts.imported", f"contracts:{source}", {**details, **counts})


def planned(
    parts: Iterable[ContractPart], source: ContractSource, digest: str | None
) -> tuple[list[dict[str, Any]], dict[str, int]]:
    """Return the rows to write, with an ``id`` where the contract is known, and the counts of an import."""
    ordered = sorted(parts, key=attrgetter("number_sys", "amendment"))
    grouped = [(number, list(group)) for number, group in groupby(ordered, attrgetter("number_sys"))]
    agencies = last_successors({part.values["customer_bin"] for _, group in grouped for part in group})
    stored = _stored([number for number, _ in grouped])
    changes: list[dict[str, Any]] = []
    counts = dict.fromkeys((name for name in COUNTS if name != "unsigned"), 0)
    counts["total"] = len(grouped)
    for number, group in grouped:
        customer = group[0].values["customer_bin"]
        former = stored.get(number)
        if former is not None and former["source"] == ContractSource.PORTAL and source is ContractSource.FILE:
            counts["from_portal"] += 1
        elif customer not in agencies:
            counts["other_customers"] += 1
        else:
            values = merged(former, group) | {"customer_bin": customer}
            is_same = former is not None and all(former[name] == value for name, value in values.items())
            counts["unchanged" if is_same else "updated" if former else "created"] += 1
            if not is_same:
                row = {**values, "source": source.value, "source_sha256": digest, "number_sys": number}
                row |= {"agency_id": agencies[customer], "id": former and former["id"]}
                if former and any(former[name] != values[name] for name in (*TERMS, "amendments")):
                    row |= dict.fromkeys(("no_project", "no_project_reason"))
                changes.append(row)
    return changes, counts


def merged(former: Mapping[str, Any] | None, parts: Sequence[ContractPart]) -> dict[str, Any]:
    """Return what is known of a contract with these parts of it besides what is stored."""
    values = {name: None if former is None else former[name] for name in VALUES if not name.startswith("source")}
    amendments = {each["number"]: each for each in values["amendments"] or ()}
    for part in parts:
        if part.amendment == 0:
            supplier = values["supplier_bin"]
            values |= {name: value for name, value in part.values.items() if name != "contract_status"}
            if values["supplier_bin"] != supplier and "supplier_name" not in part.values:
                values["supplier_name"] = None
        else:
            signed_on = part.values["signed_on"].isoformat()
            amendments[part.amendment] = {
                "number": part.amendment,
                "signed_on": signed_on,
                "sum_kzt": part.values["sum_kzt"],
            }
            values |= {name: part.values[name] for name in FILLED if name in part.values and values[name] is None}
        if part.amendment >= max(amendments, default=0):
            values["contract_status"] = part.values.get("contract_status") or values["contract_status"]
    values.pop("customer_bin", None)
    values["amendments"] = [amendments[number] for number in sorted(amendments)] or None
    last = values["amendments"][-1]["sum_kzt"] if values["amendments"] else None
    values["current_sum_kzt"] = values["sum_kzt"] if last is None else last
    return values


def save(changes: Sequence[Mapping[str, Any]]) -> None:
    """Write the rows of ``planned`` in the open transaction."""
    session = require_transaction()
    lock_matches()
    words, at = words_in_use(), now()
    new = []
    for row in changes:
        verdict = words.verdict(row["procurement_codes"] or (), row["description_kk"], row["description_ru"])
        known = {**row, **verdict_columns(verdict), "words": search_text(row), "changed_at": at}
        if known.pop("id") is None:
            new.append(known)
        else:
            session.execute(update(CONTRACT).where(CONTRACT.c.id == row["id"]).values(**known))
    insert_rows(session, Contract, new)


def classify_and_match() -> None:
    """Judge every contract by the list of words as it is now, and match all with the projects as they are now.

    One transaction for each agency, so that nobody waits for the whole.
    """
    words = words_in_use()
    columns = (CONTRACT.c[name] for name in ("id", "is_it", "it_reason", "procurement_codes", *TEXTS))
    statement = select(*columns)
    for agency_id in db.session.scalars(select(CONTRACT.c.agency_id).distinct()).all():
        with transaction() as session:
            for row in session.execute(statement.where(CONTRACT.c.agency_id == agency_id)).all():
                verdict = words.verdict(row.procurement_codes or (), row.description_kk, row.description_ru)
                if (row.is_it, row.it_reason) != verdict:
                    changed = update(CONTRACT).where(CONTRACT.c.id == row.id)
                    session.execute(changed.values(**verdict_columns(verdict)))
            match_contracts([agency_id])


def words_in_use() -> ItWords:
    """Return the list of words of the installation."""
    words: ItWords = current_app.config.get(PROCUREMENT_WORDS) or it_words("")
    return words


TEXTS: Final = ("description_kk", "description_ru")


def verdict_columns(verdict: tuple[bool, str | None]) -> dict[str, Any]:
    """Return the columns of a verdict."""
    return dict(zip(("is_it", "it_reason"), verdict, strict=True))


def search_text(row: Mapping[str, Any]) -> str:
    """Return what ``q`` searches of a contract: words of its descriptions and supplier, and its numbers."""
    texts = " ".join(row[name] for name in (*TEXTS, "supplier_name") if row[name])
    numbers = (row["number_sys"], row["contract_number"] or "")
    return " " + " ".join(filter(None, [*folded_words(texts), *map(reference_of, numbers)]))


def _stored(numbers: Sequence[str]) -> dict[str, Mapping[str, Any]]:
    columns = [CONTRACT.c[name] for name in ("id", "number_sys", "customer_bin", *VALUES)]
    stored: dict[str, Mapping[str, Any]] = {}
    for start in range(0, len(numbers), CHUNK):
        rows = db.session.execute(select(*columns).where(CONTRACT.c.number_sys.in_(numbers[start : start + CHUNK])))
        stored |= {row["number_sys"]: row for row in rows.mappings()}
    return stored
