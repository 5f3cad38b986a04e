"""What requests send: valid content for each route."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import Any

from werkzeug.datastructures import FileStorage

from registry.cases.decisions import TEXTS
from registry.core.clock import today
from tests.api.access_matrix.world import World
from tests.factories import a_bin, an_agency, project_values


def succession(_world: World) -> dict[str, Any]:
    return {"successor": an_agency().bin, **an_act()}


def transfer(_world: World) -> dict[str, Any]:
    return {"to": an_agency().bin, **an_act()}


def a_confirmation(_world: World) -> dict[str, Any]:
    return {"kind": "placement", **verification(_world)}


def a_webhook(_world: World | None = None) -> dict[str, Any]:
    return {"url": "https://receiver.example.kz/qaztech"}


def an_act() -> dict[str, Any]:
    return {"on": str(today() + timedelta(days=1)), "act": "No. 1", "reason": "They merge."}


def new_project(world: World) -> dict[str, Any]:
    return {"agency": world.agency.bin, **project_values()}


def a_whole_project(_world: World) -> dict[str, Any]:
    return {name: value for name, value in project_values(placement="on_platform").items() if name != "external_id"}


def verification(world: World) -> dict[str, Any]:
    return {"platform_key": f"k-{world.agency.bin}", "verified_on": str(today()), "evidence": "List"}


def exemption(world: World) -> dict[str, Any]:
    day = str(today())
    return {
        "project": world.project.number,
        "decision_number": "1",
        "decided_on": day,
        "valid_from": day,
        "valid_to": day,
        "documents": [world.document_id],
    }


def proposal(_world: World) -> dict[str, Any]:
    due = str(today() + timedelta(days=30))
    return {"decision": "stop", "due_on": due, **dict.fromkeys(TEXTS, "1")}


def a_new_report(_world: World) -> dict[str, Any]:
    return {"period_end": str(today()), "due_on": str(today()), "responsible": "answers for reports"}


def a_link(world: World) -> dict[str, Any]:
    return {"kind": "part_of", "target": world.reviewed.number}


def a_document(_world: World) -> dict[str, Any]:
    return {"file": FileStorage(io.BytesIO(b"x"), "b.txt")}


def a_template(_world: World | None = None) -> dict[str, Any]:
    return {"kind": "question", "language": "ru", "title": "Начало", "text": "Когда начаты работы?"}


def a_view(_world: World | None = None) -> dict[str, Any]:
    return {"name": f"Сохранённая {a_bin()}", "list": "projects", "query": {"stage": "creation", "sort": "number"}}


def a_commission_decision(world: World) -> dict[str, Any]:
    decided = {"outcome": "granted", "decision_number": "5-1", "decided_on": str(today()), "valid_to": str(today())}
    return {**a_document(world), **decided}


def a_lawsuit(world: World) -> dict[str, Any]:
    return {**a_document(world), "on": str(today())}


def an_import(world: World) -> dict[str, Any]:
    file = f"agency,external_id,name_ru,object_kind,work_type,stage,placement\n{world.agency.bin},A-1,Система,,,,\n"
    return {"file": FileStorage(io.BytesIO(file.encode()), "projects.csv"), "kind": "projects"}


def an_inventory(world: World) -> dict[str, Any]:
    file = f"platform_key,agency,verified_on\nk-1,{world.agency.bin},{today()}\n"
    return {"file": FileStorage(io.BytesIO(file.encode()), "list.csv"), "dry_run": "true"}


def some_contracts(world: World) -> dict[str, Any]:
    row = f"{world.agency.bin},{world.agency.bin}/260001/00,2026-02-12,1000,Портал"
    file = f"customer_bin,contract_number_sys,sign_date,contract_sum_wnds,description_ru\n{row}\n"
    return {"file": FileStorage(io.BytesIO(file.encode()), "contracts.csv"), "dry_run": "true"}


def an_unsigned_file(world: World) -> dict[str, Any]:
    return {"file": FileStorage(io.BytesIO(b"{}"), "confirmations.jws")}


def a_person(world: World) -> dict[str, Any]:
    return {"kind": "person", "name": f"person {a_bin()}", "role": "agency_viewer", "agency": world.agency.bin}
