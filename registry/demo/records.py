"""Demo records: days, people, systems of the regions, and acts on records, each with its day."""

import csv
import io
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, time, timedelta
from pathlib import Path
from typing import Any, Final

from sqlalchemy import select

from registry.accounts.models import account_actor, account_named
from registry.accounts.passwords import generate_password
from registry.accounts.roles import LOCAL, Actor, Role
from registry.accounts.service import NewPerson, add_person, person_named
from registry.agencies.models import Agency, Region
from registry.agencies.service import agency_by_bin
from registry.approvals.service import approve
from registry.cases.commission import propose_exemption
from registry.core.clock import national_calendar, today
from registry.core.database import db, transaction
from registry.core.translations import translate
from registry.freeze.dates import add_months
from registry.freeze.vocabulary import AgencyKind, Placement
from registry.imports.models import IMPORT_QUEUE, ImportRun
from registry.imports.service import import_now
from registry.imports.worker import run_import
from registry.platform.confirmations import confirm_ending, confirm_onboarding, verify_placement
from registry.platform.inventory import apply_inventory
from registry.platform.models import Environment
from registry.platform.products import import_products
from registry.procurement.file_imports import import_contracts
from registry.procurement.match_decisions import decide_match
from registry.procurement.models import Contract, MatchState
from registry.projects.documents import add_document
from registry.projects.migration_plans import confirm_plan, save_plan
from registry.projects.models import Project
from registry.projects.service import change_project, find_project_to_change
from registry.requests.approval_kinds import propose_restriction

# Demo calendar: dates relative to the day of loading, and the rows of the demo's files.

MORNING: Final = time(9, 10)
AUDIT_TIME: Final = time(2)
BETWEEN_ACTS: Final = timedelta(minutes=13)
DATA: Final = Path(__file__).with_name("data")
# The demo's events lie under the freeze, however early in 2026 it is loaded.
FREEZE_START: Final = date(2026, 1, 5)
DAYS_FROM_NOW: Final = re.compile(r"@(-?[0-9]{1,4})")
# Working days before the loading on which agencies register their projects, in three parts. The first part is old
# enough for a review deadline of 20 working days to have passed.
PARTS: Final = (24, 12, 5)
SECOND: Final = {AgencyKind.LOCAL_EXECUTIVE, AgencyKind.STATE_LEGAL_ENTITY}
THIRD: Final = {AgencyKind.QUASI_PUBLIC, AgencyKind.SUBSIDIARY, AgencyKind.NATIONAL_SECURITY, AgencyKind.PRIVATE}
HEALTH: Final = "990340900110"


def working_day(day: date, before: int) -> date:
    """Return the date so many working days before a day; after it when negative."""
    return national_calendar().after(day, -before)


def rows_of(name: str, day: date) -> list[dict[str, str]]:
    """Return the rows of a file; ``@-45`` becomes the date 45 days before ``day``, at the earliest FREEZE_START."""
    return [{column: _dated(cell, day) for column, cell in row.items()} for row in _cells(name)]


def projects_of(part: int, day: date) -> list[dict[str, str]]:
    """Return the rows of the projects registered ``part`` working days before the day of loading."""
    kinds = {row["bin"]: row["kind"] for row in _cells("agencies.csv")}
    rows = zip(_cells("projects.csv"), rows_of("projects.csv", day), strict=True)
    return [row for cells, row in rows if _part(cells, row, kinds[row["agency"]], day) == part]


def as_csv(rows: Sequence[dict[str, str]]) -> bytes:
    """Encode the rows as a CSV file for import."""
    out = io.StringIO()
    writer = csv.DictWriter(out, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


def _part(cells: dict[str, str], row: dict[str, str], kind: str, day: date) -> int:
    """Return the agency's part, or the first later one that follows every date in the row."""
    first, second, third = PARTS
    own = third if kind in THIRD else second if kind in SECOND or row["agency"] == HEALTH else first
    happened = max((row[name] for name, cell in cells.items() if cell.startswith("@-")), default="")
    return next((part for part in PARTS if part <= own and happened <= str(working_day(day, part))), third)


def _cells(name: str) -> list[dict[str, str]]:
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _dated(cell: str, day: date) -> str:
    match = DAYS_FROM_NOW.fullmatch(cell)
    return max(day + timedelta(days=int(match[1])), FREEZE_START).isoformat() if match else cell


# Demo people: their names, roles and actors.

# Source in the journal, which distinguishes the demo's actions from later ones.
SOURCE: Final = "demo"
ADMINISTRATOR: Final = "Динара Утепова"
OPERATOR: Final = "Тимур Касымов"
REVIEWER: Final = "Айгерим Сарсенова"
SECOND_REVIEWER: Final = "Болат Жумагулов"
SUPERVISOR: Final = "Сауле Искакова"
SECOND_SUPERVISOR: Final = "Гульмира Садыкова"


def _people() -> tuple[Mapping[str, str], ...]:
    return tuple(rows_of("people.csv", date.min))


def first_of_each_role() -> dict[Role, str]:
    """Return the first person of each role."""
    return {role: next(row["name"] for row in _people() if row["role"] == role) for role in Role}


def shown_people() -> list[tuple[Role, str]]:
    """Return whom ``scripts/run --demo`` shows: the first of each role, and a second supervisor.

    A policy is activated, and a report issued, by another supervisor than the one who wrote it.
    """
    people = list(first_of_each_role().items())
    place = people.index((Role.SUPERVISOR, SUPERVISOR)) + 1
    return [*people[:place], (Role.SUPERVISOR, SECOND_SUPERVISOR), *people[place:]]


def demo_actor(name: str) -> Actor:
    """Return the person as an actor."""
    account = account_named(name)
    # The demo is loaded by a command on the machine.
    if account is not None:
        return account_actor(account, LOCAL, SOURCE)
    row = next(row for row in _people() if row["name"] == name)
    agency_id = agency_by_bin(row["agency"]).id if row["agency"] else None
    return Actor(name, Role(row["role"]), agency_id, SOURCE, is_person=True, credential=LOCAL)


def add_people() -> None:
    """Create accounts with random passwords, which an administrator has to replace."""
    for row in _people():
        if person_named(row["name"]) is None:
            new = demo_actor(row["name"])
            add_person(
                demo_actor(ADMINISTRATOR),
                NewPerson(new.principal, new.role, new.agency_id, row["email"], "en"),
                generate_password(),
            )


# The demo's regional systems: the rows of their registration, and of the platform's inventory.

ON_PLATFORM_AT_FIRST: Final = 6
# Spread the moves to the platform over regions and agencies, and unevenly: a square, and a prime.
FACTOR: Final = 53
PRIME: Final = 131


def systems() -> list[dict[str, str]]:
    """Return the rows of the systems as they were registered, in the order in which they move to the platform."""
    kinds = enumerate(_cells("regional_systems.csv"))
    rows = [_row(kind, region, number) for number, kind in kinds for region in Region]
    order = [rows[place] for place in sorted(range(len(rows)), key=lambda number: number * number * FACTOR % PRIME)]
    for row in order[:ON_PLATFORM_AT_FIRST]:
        row["placement"], row["platform_key"] = Placement.ON_PLATFORM.value, platform_key_of(row)
    return order


def inventory_rows() -> list[dict[str, str]]:
    """Return the rows of the platform's inventory of today on the regional systems."""
    names = [row["external_id"] for row in systems()]
    statement = (
        select(Project.platform_key, Agency.bin, Project.placement_verified_on)
        .join(Agency, Agency.id == Project.agency_id)
        .where(Project.external_id.in_(names), Project.placement_verified_on.is_not(None))
        .order_by(Project.id)
    )
    columns = ("platform_key", "agency", "verified_on")
    deployed = {"environments": Environment.PRODUCTION.value, "last_deployed_on": str(today() - timedelta(days=8))}
    return [dict(zip(columns, map(str, row), strict=True)) | deployed for row in db.session.execute(statement)]


def platform_key_of(row: dict[str, str]) -> str:
    """Return the key of a system on the platform."""
    return f"qt-{row['external_id'].lower()}"


def _row(kind: dict[str, str], region: Region, number: int) -> dict[str, str]:
    tenths = 6 + (number + int(region.value)) % 9
    names = {
        f"name_{language}": f"{kind[f'name_{language}']}: {translate(region.label, language)}"
        for language in ("kk", "ru", "en")
    }
    return {
        "agency": kind["agency"],
        "external_id": f"{kind['code']}-{region.value}",
        "object_code": f"REG-{kind['code']}-{region.value}",
        **names,
        "purpose": kind["purpose"],
        "sector": kind["sector"],
        "object_kind": "system",
        "work_type": "maintenance",
        "stage": "operation",
        "placement": Placement.OFF_PLATFORM.value,
        "platform_key": "",
        "contract_signed_on": f"2025-0{1 + number}-15",
        "work_started_on": f"2025-0{2 + number}-01",
        "object_commissioned_on": f"{2013 + int(region.value) % 9}-0{1 + number}-20",
        "budget_kzt": str(int(kind["budget_kzt"]) * tenths // 10),
        "funding": "republican_budget",
        "region": region.value,
        "object_class": "2",
        "is_ai": "false",
        "holds_personal_data": kind["holds_personal_data"],
    }


Act = Callable[[date], object]


# Plans of the migration: of which systems, by their place in the order of the moves, in waves of so many, and how
# many of the plans are confirmed.
PLANNED_FROM: Final = 55
PLANNED_UNTIL: Final = 85
WAVE: Final = 12
CONFIRMED_PLANS: Final = 18
RESPONSIBLE: Final = ("Отдел развития информационных систем", "Управление цифровизации", "Е. Ахметов, начальник отдела")
OBSTACLES: Final[Mapping[int, str]] = {
    2: "Лицензия СУБД не передаётся на платформу, ждём закупки.",
    13: "Интеграция с ведомственной шиной не проверена на платформе.",
    25: "Нет описания программных интерфейсов от поставщика.",
}

# An empty page, in place of a scanned decision.
DECISION: Final = (
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
    b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
)


class InvalidDemoData(RuntimeError):
    """The demo data cannot be imported, which is a programming error."""


def import_agencies() -> None:
    """Import the demo agencies, and the products of the platform."""
    import_rows("agencies", "agencies.csv", rows_of("agencies.csv", today()))
    import_products(demo_actor(OPERATOR), as_csv(rows_of("products.csv", today())))


def import_part(part: int, day: date) -> None:
    """Import the projects registered ``part`` working days before the day of loading."""
    import_rows("projects", f"projects-{PARTS.index(part) + 1}.csv", projects_of(part, day))


def inventory(_day: date) -> None:
    """Import the platform inventory of the day."""
    content = as_csv([*rows_of("inventory.csv", today()), *inventory_rows()])
    apply_inventory(demo_actor(OPERATOR), "inventory.csv", content, dry_run=False, is_trusted=True)


def contracts(day: date) -> None:
    """Import contracts of the procurement portal."""
    import_contracts(demo_actor(OPERATOR), "contracts.csv", as_csv(rows_of("contracts.csv", day)))


def contract_of(external_id: str, number_sys: str) -> Act:
    """Return an action: confirm that a contract is that of a project."""

    def act(_day: date) -> None:
        contract_id = db.session.scalars(select(Contract.id).where(Contract.number_sys == number_sys)).one()
        decide_match(demo_actor(REVIEWER), contract_id, _project(external_id).number, MatchState.CONFIRMED)

    return act


def onboarding(external_id: str, due: int) -> Act:
    """Return an action: confirm onboarding with a due date so many working days after the loading."""
    return lambda day: confirm_onboarding(demo_actor(REVIEWER), _project(external_id), working_day(day, -due))


def ending(actor: str, external_id: str, consent_number: str, evidence: str) -> Act:
    """Return an action: confirm an ending."""
    return lambda _day: confirm_ending(demo_actor(actor), _project(external_id), today(), consent_number, evidence)


def exemption(external_id: str, number: str, until: int, scope: str, conditions: str) -> Act:
    """Return an action: record an exemption in force until so many working days after the loading."""

    def record(day: date) -> None:
        values: dict[str, Any] = {
            "project": _project(external_id).number,
            "decision_number": number,
            "decided_on": working_day(today(), 2),
            "valid_from": today(),
            "valid_to": working_day(day, -until),
            "scope": scope,
            "conditions": conditions,
        }
        letter = add_document(
            demo_actor(SUPERVISOR), _project(external_id), "decision.pdf", "application/pdf", DECISION
        )
        approval = propose_exemption(demo_actor(SUPERVISOR), {**values, "documents": [letter.id]})
        approve(demo_actor(SECOND_SUPERVISOR), approval.id)

    return record


def restriction(external_id: str, reason: str) -> Act:
    """Return an action: restrict a project."""

    def restrict(_day: date) -> None:
        values = {"is_restricted": True, "reason": reason}
        approval = propose_restriction(demo_actor(SUPERVISOR), _project(external_id).number, values)
        approve(demo_actor(SECOND_SUPERVISOR), approval.id)

    return restrict


def migration_plans(day: date) -> None:
    """Plan the migration of systems that are outside the platform, and confirm the first plans."""
    this_month = day.replace(day=1)
    for number, row in enumerate(systems()[PLANNED_FROM:PLANNED_UNTIL]):
        wave = number // WAVE
        month = add_months(this_month, 1 + wave * 2 + number % 2)
        values = {
            "month": month,
            "wave": str(wave + 1),
            "responsible": RESPONSIBLE[number % len(RESPONSIBLE)],
            "obstacles": OBSTACLES.get(number),
        }
        planned = _project(row["external_id"]).number
        plan = save_plan(demo_actor(ADMINISTRATOR), planned, values)
        if number < CONFIRMED_PLANS:
            confirm_plan(demo_actor(REVIEWER), planned, plan.version)


def edit(actor: str, external_id: str, **changes: Any) -> Act:
    """Return an action: edit a project as an agency."""
    return lambda _day: change_project(demo_actor(actor), _project(external_id), changes)


def on_the_last_day(day: date) -> None:
    """Edit projects today; some edits clear a flag, some raise one."""
    reviewer, administrator = demo_actor(REVIEWER), demo_actor(ADMINISTRATOR)
    verified = _project("NDSMED-004")
    verify_placement(reviewer, verified, str(verified.platform_key), day, "Письмо оператора платформы № 512")
    change_project(administrator, _project("NDS-009"), {"stage": "archived"})
    confirm_ending(reviewer, _project("NDS-009"), day, "ЦР-26/305", "Акт вывода из эксплуатации")
    change_project(administrator, _project("ROADS-002"), {"stage": "terminated"})
    # Moves a start to before the freeze, changes the work type of a creation, and claims a move to the platform.
    change_project(administrator, _project("ROADS-003"), {"work_started_on": date(2025, 12, 28)})
    change_project(administrator, _project("ARALDIG-003"), {"work_type": "development"})
    change_project(
        demo_actor("Гульнара Сеитова"), _project("SARY-005"), {"placement": "on_platform", "platform_key": "qt-sary-05"}
    )


# Actions by working days before the loading.
ACTS: Final[tuple[tuple[int, Act], ...]] = (
    (23, inventory),
    (4, contracts),
    (3, contract_of("HEALTH-005", "990340900110/260033")),
    (16, ending(SECOND_REVIEWER, "EDU-008", "ЦР-26/214", "Акт вывода из эксплуатации № 118")),
    (
        16,
        exemption(
            "TRANSPORT-001",
            "14-К/3",
            120,
            "Дорожное оборудование, которое нельзя разместить на платформе",
            "Перенос аналитического модуля на QazTech до окончания срока",
        ),
    ),
    (
        14,
        exemption(
            "EDU-004",
            "14-К/5",
            5,
            "Завершение этапа, нужного для тестирования этого учебного года",
            "Без расширения предмета договора",
        ),
    ),
    (12, onboarding("HEALTH-007", 70)),
    (9, migration_plans),
    (11, inventory),
    (5, onboarding("NDS-006", -3)),
    (4, inventory),
    (4, restriction("NDS-010", "Сведения о расположении площадки")),
    (3, edit("Мадина Нургалиева", "LAND-006", object_commissioned_on=date(2016, 9, 1))),
    (2, edit("Серик Калиев", "TAX-008", placement="off_platform")),
)


def import_rows(kind: str, name: str, rows: list[dict[str, str]]) -> None:
    """Import rows under the name of a file, once. Raises InvalidDemoData when a row is rejected."""
    run = db.session.scalar(select(ImportRun).where(ImportRun.file_name == name))
    if run is None:
        run = import_now(demo_actor(ADMINISTRATOR), kind, False, name, as_csv(rows))
    elif run.lease_until is not None:
        # The process that imported it was interrupted.
        with transaction():
            lease = IMPORT_QUEUE.lease(run)
        run = run_import(lease)
    if run.rejected or run.state != "done":
        raise InvalidDemoData(f"{name}: {run.state}, {run.rejected} rows rejected")


def _project(external_id: str) -> Project:
    number = db.session.scalars(select(Project.number).where(Project.external_id == external_id)).one()
    return find_project_to_change(demo_actor(SUPERVISOR), number)
