"""Import of contracts from files; what a file says otherwise of a known contract waits for a second person.

Rules judge a record by the terms of its contracts, and whoever imports files writes these terms. A file adds contracts
and amendments freely; whatever else it says of a contract could end a finding, or prevent one.
"""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from datetime import date
from hashlib import sha256
from typing import Any, Final, NamedTuple

from sqlalchemy import select

from registry.accounts.agency_tree import last_successors
from registry.accounts.roles import Actor, Permission
from registry.approvals.models import Approval, ApprovalKindCode, Fact, Proposal
from registry.approvals.queries import waiting_approval
from registry.approvals.service import is_out_of_date, propose
from registry.core.database import db, transaction
from registry.core.dialects import is_among
from registry.core.errors import Conflict, invalid
from registry.core.files import printable_file_name
from registry.freeze.dates import iso
from registry.procurement.contract_files import read_contracts
from registry.procurement.matching import lock_matches, match_contracts
from registry.procurement.models import CONTRACT, TERMS, VALUES, ContractSource
from registry.procurement.queries import AboutContract, contract_subject
from registry.procurement.service import planned, record_import, save, words_in_use

# Whose a contract is: its amendments say it too.
OF_WHOM: Final = ("customer_bin", "contract_number", "supplier_bin")
STATED: Final = ("customer_bin", *VALUES)
# So many proposals people can read one by one.
MAX_CORRECTIONS: Final = 50


class ContractCustomerUnknown(Conflict):
    """The customer of a corrected contract is no agency of the register any more."""


def import_contracts(actor: Actor, file_name: str, content: bytes, *, dry_run: bool = False) -> dict[str, Any]:
    """Import the contracts of a file in one transaction, or only count what it would change; returns the counts.

    Contracts of customers that are no agency of the register are left out, and what the portal's service gave stays.
    Corrections of known contracts are proposed, and listed as ``corrections``. Raises RoleNotAllowed, Invalid
    with the row and column of each problem, and what ``_propose`` raises.
    """
    actor.require(Permission.CONTRACTS_IMPORT)
    parts, unsigned = read_contracts(content)
    digest, name = sha256(content).hexdigest(), printable_file_name(file_name)
    with nullcontext() if dry_run else transaction():
        if not dry_run:
            lock_matches()
        changes, counts = planned(parts, ContractSource.FILE, digest)
        counts["unsigned"] = unsigned
        waiting = _corrections_among(changes)
        counts["updated"] -= len(waiting)
        counts["waiting"] = len(waiting)
        listed = _propose(actor, [*waiting.values()], f"{name}, SHA-256 {digest}", dry_run=dry_run)
        if not dry_run:
            written = [row for row in changes if row["id"] not in waiting]
            save(written)
            match_contracts({row["agency_id"] for row in written})
            record_import(actor, ContractSource.FILE, counts, file_name=name, sha256=digest)
    return {"dry_run": dry_run, **counts, "corrections": listed}


class Correction(NamedTuple):
    """A row that waits, and what it corrects."""

    row: Mapping[str, Any]
    former: Mapping[str, Any]

    @property
    def names(self) -> list[str]:
        """The values that the file says otherwise."""
        return [name for name in STATED if self.row[name] != self.former[name] and not name.startswith("source")]


def _corrections_among(changes: Sequence[Mapping[str, Any]]) -> dict[int, Correction]:
    """Return, by their ids, which rows of a file correct contracts, of projects or not.

    Whoever corrects a contract before it is matched ends a finding too; and what waits tells nobody of a project that
    is hidden from them.
    """
    known = [row["id"] for row in changes if row["id"] is not None]
    columns = (CONTRACT.c[name] for name in ("id", "agency_id", *STATED))
    stored = db.session.execute(select(*columns).where(is_among(CONTRACT.c.id, known)))
    former = {row.id: {**row._mapping} for row in stored}
    return {
        row["id"]: Correction(row, of)
        for row in changes
        if (of := former.get(row["id"])) is not None and _corrects(of, row)
    }


def _propose(actor: Actor, corrections: Sequence[Correction], reason: str, *, dry_run: bool) -> list[dict[str, Any]]:
    """Propose each correction; returns them as the import lists them.

    A contract of which another correction waits keeps that one. Raises NeedsTwoPeople for programs, and Invalid for
    more than anybody would read.
    """
    if len(corrections) > MAX_CORRECTIONS:
        raise invalid("/file", "contract-corrections-too-many", largest=MAX_CORRECTIONS, count=len(corrections))
    listed = []
    for each in corrections:
        subject = contract_subject(each.former["id"])
        waiting = waiting_approval(ApprovalKindCode.CONTRACT_CORRECTION, subject)
        if not dry_run and (waiting is None or is_out_of_date(waiting)):
            payload = {
                "contract": each.former["id"],
                "number_sys": each.row["number_sys"],
                "names": each.names,
                "values": {name: _as_json(each.row[name]) for name in STATED},
            }
            # Of no project: whoever imports sees each contract, and none of the projects that are hidden from them.
            proposal = Proposal(subject, reason, payload, each.former["agency_id"])
            waiting = propose(actor, ApprovalKindCode.CONTRACT_CORRECTION, proposal)
        approval = None if waiting is None else waiting.id
        listed.append({"number_sys": each.row["number_sys"], "changes": each.names, "approval": approval})
    return listed


class ContractCorrection(AboutContract):
    """Another date, sum, number, supplier, customer or description of a contract, as a file has it."""

    code = ApprovalKindCode.CONTRACT_CORRECTION
    proposes = Permission.CONTRACTS_IMPORT
    decides = Permission.CONTRACTS_MATCH
    outlives_withdrawal = True

    def facts(self, approval: Approval) -> Sequence[Fact]:
        """Return the contract, and each value that the file says otherwise."""
        stored, proposed, number = _stored(approval), approval.payload["values"], approval.payload["number_sys"]
        return [
            Fact("contract", number, number),
            *(Fact(name, _shown(stored[name]), _shown(proposed[name])) for name in approval.payload["names"]),
        ]

    def seen(self, approval: Approval) -> Any:
        """Return all that is stored of the contract: the proposal was made from it."""
        return _stored(approval)

    def lock(self, approval: Approval) -> None:  # noqa: ARG002 - the base's
        """Wait until no other transaction matches contracts."""
        lock_matches()

    def apply(self, actor: Actor, approval: Approval) -> dict[str, Any]:  # noqa: ARG002 - the base's
        """Write what the file says, and match the contract again. Raises ContractCustomerUnknown."""
        values = dict(approval.payload["values"])
        agency_id = last_successors({values["customer_bin"]}).get(values["customer_bin"])
        if agency_id is None:
            raise ContractCustomerUnknown(bin=values["customer_bin"])
        values["signed_on"] = values["signed_on"] and date.fromisoformat(values["signed_on"])
        values |= dict.fromkeys(("no_project", "no_project_reason"))
        number = approval.payload["number_sys"]
        save([{**values, "number_sys": number, "id": approval.payload["contract"], "agency_id": agency_id}])
        match_contracts({agency_id, approval.agency_id or agency_id})
        return {"contract": number, "changes": approval.payload["names"]}


def _corrects(former: Mapping[str, Any], row: Mapping[str, Any]) -> bool:
    """Return whether a row says of a contract more than what it adds.

    The contract itself may come after its amendments, and then adds all but whose it is.
    """
    is_begun = former["signed_on"] is not None
    if any(former[name] != row[name] for name in (TERMS if is_begun else OF_WHOM)):
        return True
    words = words_in_use()
    was_it, is_it = (
        words.verdict(each["procurement_codes"] or (), each["description_kk"], each["description_ru"]).is_it
        for each in (former, row)
    )
    if was_it and not is_it:
        return True
    known, stated = former["amendments"] or [], row["amendments"] or []
    if not is_begun:
        return any(each not in stated for each in known)
    added = [each["sum_kzt"] for each in stated[len(known) :] if each["sum_kzt"] is not None]
    lowest = former["current_sum_kzt"]
    return stated[: len(known)] != known or (lowest is not None and min(added, default=lowest) < lowest)


def _stored(approval: Approval) -> dict[str, Any]:
    statement = select(*(CONTRACT.c[name] for name in STATED)).where(CONTRACT.c.id == approval.payload["contract"])
    return {name: _as_json(value) for name, value in db.session.execute(statement).mappings().one().items()}


def _as_json(value: Any) -> Any:
    return iso(value) if isinstance(value, date) else value


def _shown(value: Any) -> Any:
    """Return the value as a page of an approval shows it: amendments as texts."""
    if isinstance(value, list) and value and isinstance(value[0], Mapping):
        return [f"{each['number']}: {each['signed_on']}, {each['sum_kzt']}" for each in value]
    return value
