"""Rows as the procurement portal's downloads have them, by the public description of its services (version 3)."""

from __future__ import annotations

import json
from typing import Any

from registry.accounts.roles import Role
from registry.agencies.models import Agency
from registry.approvals.service import approve
from registry.core.database import db
from registry.procurement.match_decisions import decide_match
from registry.procurement.models import Contract, MatchState
from tests.factories import an_actor, with_account

SUPPLIER = "120440026517"


def reject_match(contract_id: int, number: str) -> None:
    """Let two people reject that a contract is that of a project."""
    reviewer = with_account(an_actor(Role.REVIEWER))
    approval = decide_match(reviewer, contract_id, number, MatchState.REJECTED, "Другая система")
    assert approval is not None
    approve(with_account(an_actor(Role.SUPERVISOR)), approval.id)


def row_of(agency: Agency | str, **values: str) -> dict[str, str]:
    """A signed contract of an agency, by default about an information system."""
    customer = agency if isinstance(agency, str) else agency.bin
    number = values.pop("number", "260001")
    return {
        "id": "4998364",
        "contract_number": "ИС-2026/17",
        "contract_number_sys": f"{customer}/{number}/00",
        "customer_bin": customer,
        "supplier_biin": SUPPLIER,
        "supplier_name_ru": "ТОО «Жүйе»",
        "sign_date": "2026-02-12 10:03:16",
        "contract_sum_wnds": "60000000.00",
        "ref_currency_code": "KZT",
        "description_kz": "Есепке алудың ақпараттық жүйесін әзірлеу",
        "description_ru": "Разработка информационной системы учёта",
        "ref_enstru_code": "620111.000.000000",
        "deleted": "0",
    } | values


def object_of(row: dict[str, str], id: int = 1) -> dict[str, Any]:
    """The same contract as the GraphQL service gives it."""
    return {
        "id": id,
        "contractNumber": row["contract_number"],
        "contractNumberSys": row["contract_number_sys"],
        "customerBin": row["customer_bin"],
        "supplierBiin": row["supplier_biin"],
        "contractSumWnds": float(row["contract_sum_wnds"]),
        "refCurrencyCode": row["ref_currency_code"],
        "signDate": row["sign_date"],
        "descriptionKz": row["description_kz"],
        "descriptionRu": row["description_ru"],
        "deleted": 0,
        "Supplier": {"nameRu": row["supplier_name_ru"]},
        "RefContractStatus": {"nameRu": "Действует"},
        "ContractUnits": [{"Plans": {"refEnstruCode": row["ref_enstru_code"]}}],
    }


def ndjson_of(*rows: dict[str, str]) -> bytes:
    """The contracts as NDJSON of the service."""
    return "\n".join(json.dumps(object_of(row), ensure_ascii=False) for row in rows).encode()


def the_contract() -> Contract:
    """The only contract there is."""
    db.session.expire_all()
    (contract,) = db.session.query(Contract).all()
    return contract
