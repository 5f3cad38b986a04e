"""Bulk creation of people from a table: each row is a person; a dry run reports the same and writes nothing."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Final

from registry.accounts.account_changes import email_of
from registry.accounts.account_management import may_give, require_account_manager
from registry.accounts.account_names import skeleton
from registry.accounts.models import account_named, role_problems, taken_name
from registry.accounts.oidc_configuration import sign_in_configuration
from registry.accounts.passwords import can_be_invited
from registry.accounts.roles import Actor, Role
from registry.accounts.schemas import AccountFields
from registry.accounts.service import NewPerson, create_person, new_person, person_problems
from registry.core.database import transaction
from registry.core.errors import Invalid, Problem, invalid
from registry.core.spreadsheets.reader import Row, Table, check_columns, has_content, open_table, require_upload_size
from registry.core.spreadsheets.rows import cell_fields, load_row, row_error
from registry.core.spreadsheets.writer import plain_workbook
from registry.core.translations import LANGUAGE_NAMES, Language, translate
from registry.core.values import comparable

# The fields of a person in forms and tables.
PERSON: Final = AccountFields(exclude=("owner",))


def role_and_agency_problems(texts: Mapping[str, str]) -> list[Problem]:
    """Return the problems of a role and an agency that do not fit each other, in a form where other fields may be
    invalid.
    """
    role = texts.get("role", "")
    if role not in Role.codes():
        return []
    # Any id: only whether there is an agency counts.
    return role_problems(Role(role), 0 if texts.get("agency", "").strip() else None)


# Columns of a table of people: recognised by code, by label in three languages, or by what clerks call them.

COLUMNS: Final = ("name", "email", "role", "agency", "language")
REQUIRED_COLUMNS: Final = ("name", "role")
HEADERS: Final[Mapping[str, tuple[str, ...]]] = {
    "name": ("Name", "Full name", "Имя", "ФИО", "Ф.И.О.", "Фамилия и имя", "Имя и фамилия", "Аты", "Аты-жөні", "ТАӘ"),
    "email": ("E-mail", "E-mail address", "Электронная почта", "Почта", "Адрес электронной почты", "Электрондық пошта"),
    "role": ("Role", "Роль", "Рөлі", "Рөл"),
    "agency": ("Agency", "BIN", "Организация", "БИН", "БИН организации", "Ұйым", "БСН", "Ұйымның БСН-і", "ҰйымБСН"),
    "language": ("Language", "Язык", "Язык уведомлений", "Тіл", "Тілі"),
}
# Columns that clerks add for themselves, and nobody's data.
NOTES: Final = {"", *map(comparable, ("№", "№ п/п", "№ р/с", "п/п", "р/с", "No.", "Примечание", "Ескерту", "Note"))}
NAMES: Final[Mapping[str, str]] = {comparable(text): name for name in COLUMNS for text in (name, *HEADERS[name])}
# Titles may stand above the header.
ROWS_SEARCHED: Final = 20
MIN_KNOWN: Final = 2


def people_columns(table: Table) -> tuple[int, tuple[str, ...]]:
    """Return the number of the header's record, and the code of each column; "" for one that is a note.

    Raises Invalid at ``/file`` for an empty table, and for unknown, duplicate and missing columns.
    """
    records = [each for each in islice(table.records(), ROWS_SEARCHED) if has_content(each[1])]
    if not records:
        raise invalid("/file", "file-empty")
    number, cells = next((each for each in records if _count_known(each[1]) >= MIN_KNOWN), records[0])
    while cells and not cells[-1].strip():
        cells = cells[:-1]
    keys = map(comparable, cells)
    columns = tuple("" if key in NOTES else NAMES.get(key, cell.strip()) for key, cell in zip(keys, cells, strict=True))
    check_columns(filter(None, columns), COLUMNS, REQUIRED_COLUMNS)
    return number, columns


def _count_known(cells: list[str]) -> int:
    return len({NAMES[key] for key in map(comparable, cells) if key in NAMES})


# The template of a table of people: headers in the reader's language, and lists to choose roles and languages from.

ROWS: Final = 200
WIDTH: Final = 32
HEADER: Final = {"bold": True, "bg_color": "#D2E2F1", "border": 1}
NEEDED: Final = {**HEADER, "bg_color": "#FFF7BF"}
# A BIN begins with zeros, which a number would lose.
TEXT: Final = {"num_format": "@"}


def write_people_template(path: Path, labels: Mapping[str, str], roles: Sequence[Role], language: Language) -> None:
    """Write the template for who may give these roles; ``labels``: of the columns, in the language.

    Columns with a yellow header are required.
    """
    choices = {"role": [translate(role.label, language) for role in roles], "language": list(LANGUAGE_NAMES.values())}
    with plain_workbook(path) as workbook:
        sheet = workbook.add_worksheet()
        looks: dict[str, Any] = {
            name: workbook.add_format(look) for name, look in (("", HEADER), ("needed", NEEDED), ("text", TEXT))
        }
        for place, name in enumerate(COLUMNS):
            sheet.set_column(place, place, WIDTH, looks["text"])
            sheet.write_string(0, place, labels[name], looks["needed" if name in REQUIRED_COLUMNS else ""])
            if name in choices:
                sheet.data_validation(1, place, ROWS, place, {"validate": "list", "source": choices[name]})
        sheet.freeze_panes(1, 0)


MAX_ROWS: Final = 200


@dataclass(frozen=True, slots=True)
class ImportedPerson:
    """A person whom a row creates. Its ``outcome`` is ``invited``, ``pending``, ``provider`` or ``password``."""

    row: int
    name: str
    email: str | None
    role: str
    agency: str | None
    language: str
    outcome: str
    password: str | None = field(default=None, repr=False)


@dataclass(slots=True)
class PeopleImport:
    """The people created, or that a dry run would create, and the errors of the refused rows.

    ``unchanged``: the names of people who were added before with the same address, role and agency.
    """

    created: list[ImportedPerson] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    refused: int = 0
    errors: list[dict[str, Any]] = field(default_factory=list)


def import_people(actor: Actor, content: bytes, *, dry_run: bool) -> PeopleImport:
    """Create a person for each valid row of a CSV or XLSX file, in one transaction.

    Whoever has an e-mail address is invited where there is a mail server; others get a one-time password. Accounts
    whose role requires two people become pending. Raises RoleNotAllowed, AccountsNeedAPerson, and Invalid at
    ``/file`` for a file that is not such a table.
    """
    require_account_manager(actor)
    require_upload_size(content)
    table = open_table(content)
    header, columns = people_columns(table)
    rows = list(table.rows(header, len(columns)))
    if not rows:
        raise invalid("/file", "file-empty")
    if len(rows) > MAX_ROWS:
        raise invalid("/file", "too-many-people", limit=MAX_ROWS)
    with transaction():
        return _import_rows(actor, columns, rows, dry_run=dry_run)


def _import_rows(actor: Actor, columns: tuple[str, ...], rows: Iterable[Row], *, dry_run: bool) -> PeopleImport:
    result = PeopleImport()
    fields = cell_fields(columns, PERSON)
    # The rows of names.
    seen: dict[str, int] = {}
    for row in rows:
        values, problems = load_row(row, columns, fields, REQUIRED_COLUMNS)
        new = None if problems else _new_person(values, problems)
        if new is not None and _is_unchanged(actor, row, new, seen):
            result.unchanged.append(new.name)
            continue
        if new is not None:
            problems += _problems(actor, row, new, seen)
        if new is None or problems:
            result.refused += 1
            result.errors += [row_error(row.number, problem) for problem in problems]
        else:
            result.created.append(_create(actor, row, new, values.get("agency"), dry_run=dry_run))
    return result


def _new_person(values: Mapping[str, Any], problems: list[Problem]) -> NewPerson | None:
    """Return the person of a row; None, with a problem added, when the agency is unknown."""
    try:
        return new_person(values)
    except Invalid as error:
        problems += error.problems
        return None


def _is_unchanged(actor: Actor, row: Row, new: NewPerson, seen: dict[str, int]) -> bool:
    """True for the first row of a person whom the actor manages and who has what the row says, but for the language."""
    account = account_named(new.name)
    if account is None or not account.is_person or not may_give(actor, Role(account.role), account.agency_id):
        return False
    email = email_of(account)
    if (account.role, account.agency_id, email) != (new.role.value, new.agency_id, new.email):
        return False
    return seen.setdefault(skeleton(new.name), row.number) == row.number


def _problems(actor: Actor, row: Row, new: NewPerson, seen: dict[str, int]) -> list[Problem]:
    problems = person_problems(new.name, new)
    if not problems and not may_give(actor, new.role, new.agency_id):
        problems.append(Problem("/role", "role-not-yours-to-give", {"role": new.role.value}))
    name_skeleton = skeleton(new.name)
    first = seen.setdefault(name_skeleton, row.number)
    taken = taken_name(new.name)
    if first != row.number:
        problems.append(Problem("/name", "name-twice", {"row": first}))
    elif taken is not None:
        problems.append(Problem("/name", "account-name-taken", {"name": new.name, "taken": taken}))
    return problems


def _create(actor: Actor, row: Row, new: NewPerson, agency: str | None, *, dry_run: bool) -> ImportedPerson:
    has_password = sign_in_configuration().allows_password(new.name)
    is_pending = new.role.needs_two_people and not actor.acts_alone
    password = None if dry_run else create_person(actor, new)[1]
    # Whoever confirms a pending account is displayed another one.
    shown = password if has_password and not is_pending else None
    is_invited = can_be_invited(new.email)
    outcome = "pending" if is_pending else "invited" if is_invited else "password" if has_password else "provider"
    return ImportedPerson(
        row.number, new.name, new.email, new.role.value, agency, new.language, outcome, password=shown
    )
