"""Import of the platform inventory: verifies matching projects and withdraws verifications of unlisted ones."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from hashlib import sha256
from operator import itemgetter
from typing import Any, Final, NamedTuple

from flask import current_app
from sqlalchemy import delete, func, or_, select, union

from registry.accounts.account_names import FormerName
from registry.accounts.roles import Actor, Permission
from registry.agencies.models import Agency
from registry.agencies.service import agencies_by_id, closed_problem
from registry.core.clock import now, today
from registry.core.database import db, require_transaction, table_of, transaction
from registry.core.dialects import insert_rows
from registry.core.errors import Invalid, NotFound, Problem
from registry.core.fields import BaseSchema, Bin, Choice, Day, Entries, Text, split_entries
from registry.core.files import printable_file_name
from registry.core.spreadsheets.reader import check_columns, is_json, json_objects, open_sheet, require_upload_size
from registry.core.spreadsheets.rows import ImportResult, cell_fields, load_row
from registry.core.translations import lazy_text
from registry.core.values import InvalidValue, is_blank
from registry.freeze.dates import iso
from registry.journal import service as journal
from registry.platform.confirmations import lock_keys, same_objects
from registry.platform.deployments import VALUES, keep_deployments, last_deployments
from registry.platform.models import DEPLOYMENT, Confirmation, Environment, Inventory, InventoryKey, PendingUpload
from registry.projects.bulk_writes import ProjectChange, update_projects
from registry.projects.models import CHANGEABLE, Project
from registry.projects.revisions import differences
from registry.projects.visibility import NOT_WITHDRAWN, visible_projects

# Rows of the platform inventory: platform key, agency and verification date, environments and the last deployment.


ENVIRONMENT: Final = Choice(Environment)


class Environments(Entries):
    """Environments of the platform, by their codes; a text may have their labels."""

    def check_entry(self, entry: str) -> None:
        """Raise InvalidValue for what is no environment."""
        if entry not in Environment.codes():
            raise InvalidValue("not-a-choice", options=", ".join(Environment.codes()))

    @property
    def json_schema(self) -> dict[str, Any]:
        """An array of codes."""
        return {"type": "array", "items": ENVIRONMENT.json_schema}

    def from_text(self, text: str) -> object:
        """Return the codes."""
        return None if is_blank(text) else [ENVIRONMENT.from_text(entry) for entry in split_entries(text)]


class InventoryFields(BaseSchema):
    """The columns of the inventory."""

    platform_key = Text(description="The object's key on QazTech.", required=True)
    agency = Bin(description="BIN of the agency whose object it is.", required=True)
    verified_on = Day(description="On QazTech since.", required=True)
    environments = Environments(description="In which it has something.", label=lazy_text("Environments"))
    last_deployed_on = Day(
        description="When something of it was last deployed, in whatever environment; null for never. Absent where "
        "deployments are not reported.",
        label=lazy_text("Last deployed on"),
    )


ROW: Final = InventoryFields()
COLUMNS: Final = tuple(ROW.inputs)
REQUIRED: Final = tuple(name for name, each in ROW.inputs.items() if each.required)
DEPLOYED_ON: Final = "last_deployed_on"


@dataclass(frozen=True, slots=True)
class InventoryRow:
    """A valid row; ``agency`` is the BIN. ``is_reported``: it reports deployments, if there were any."""

    row: int
    agency: str
    agency_id: int
    verified_on: date
    environments: list[str] | None = None
    last_deployed_on: date | None = None
    is_reported: bool = False


# A row as it was read: its number, its valid values, the problems of the others, and whether it reports deployments.
ReadRow = tuple[int, Mapping[str, Any], Sequence[Problem], bool]


def read_rows(content: bytes) -> Iterator[ReadRow]:
    """Yield the rows of CSV, XLSX, a JSON array or NDJSON. Raises Invalid with pointer ``/file``.

    A table with the column of the last deployment reports deployments of all its keys, an object of its own.
    """
    if is_json(content):
        return read_objects(json_objects(content))
    sheet = open_sheet(content)
    check_columns(sheet.columns, COLUMNS, REQUIRED)
    fields, is_reported = cell_fields(sheet.columns, ROW), DEPLOYED_ON in sheet.columns
    return ((row.number, *load_row(row, sheet.columns, fields, REQUIRED), is_reported) for row in sheet.rows())


def read_objects(objects: Iterable[tuple[int, Mapping[str, Any]]]) -> Iterator[ReadRow]:
    """Yield numbered JSON objects as rows."""
    return ((number, *ROW.load_with_problems(each), DEPLOYED_ON in each) for number, each in objects)


def check_rows(
    read: Iterable[ReadRow], agencies: Mapping[str, Agency], latest: date
) -> tuple[ImportResult, dict[str, InventoryRow], set[str]]:
    """Check rows; returns the errors, the valid rows by platform key, and the keys of invalid rows.

    Of several rows with the same key only the first is valid. ``agencies``: all by BIN; dates after ``latest``
    are invalid.
    """
    outcome = ImportResult()
    rows: dict[str, InventoryRow] = {}
    bad_keys: set[str] = set()
    for number, values, read_problems, is_reported in read:
        problems = [*read_problems]
        key, agency, day = values.get("platform_key"), values.get("agency"), values.get("verified_on")
        if agency is not None and agency not in agencies:
            problems.append(Problem("/agency", "agency-unknown", {"bin": agency}))
        elif agency is not None and (closed := closed_problem(agencies[agency], "/agency")) is not None:
            problems.append(closed)
        problems += [
            Problem(f"/{name}", "date-after-today")
            for name in ("verified_on", DEPLOYED_ON)
            if (given := values.get(name)) is not None and given > latest
        ]
        if key in rows:
            problems.append(Problem("/platform_key", "platform-key-twice", {"row": rows[key].row}))
        if problems or key is None or agency is None or day is None:
            outcome.reject(number, problems)
            if key is not None:
                bad_keys.add(key)
        else:
            deployed = values.get("environments"), values.get(DEPLOYED_ON), is_reported
            rows[key] = InventoryRow(number, agency, agencies[agency].id, day, *deployed)
    return outcome, rows, bad_keys


# The key in ``app.config``: the name of the account of the platform's own program, None where nobody is trusted.
PLATFORM_ACCOUNT: Final = "PLATFORM_ACCOUNT"
# In a stored summary: the list is the platform's own, or a second person approved it.
TRUSTED: Final = "is_trusted"
# It counts restricted projects too; and it changed the list before, and did not replace it.
SEEN_WITH_RESTRICTED: Final = "seen_with_restricted"
ARE_CHANGES: Final = "are_changes"
# Of how many keys it took deployments back.
SET_BACK: Final = "set_back"
MAX_DETAILS: Final = 1000
# The number of errors reported for an inventory that is rejected as a whole.
MAX_REPORTED_ERRORS: Final = 50
CHUNK: Final = 500
# The name of what programs push.
CHANGES: Final = "changes.json"
COMPARED_COLUMNS: Final = (
    *("id", "number", "agency_id", "placement", "platform_key", "placement_verified_on", "is_restricted"),
)


class Write(NamedTuple):
    """A change of a project: the day from which it is confirmed; None when it loses its confirmation."""

    project_id: int
    number: str
    verified_on: date | None
    was_confirmed: bool
    is_restricted: bool


@dataclass(slots=True)
class Plan:
    """The effect of an inventory on what somebody may see: what to write, and the summary's rows."""

    sees_restricted: bool
    writes: list[Write] = field(default_factory=list)
    matched: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    shared: list[str] = field(default_factory=list)
    mismatched: list[dict[str, Any]] = field(default_factory=list)
    unregistered: list[dict[str, Any]] = field(default_factory=list)

    def write(self, record: Any, verified_on: date | None) -> None:
        """Let a project be confirmed from that day on, or lose its confirmation."""
        was_confirmed = record.placement_verified_on is not None
        self.writes.append(Write(record.id, record.number, verified_on, was_confirmed, record.is_restricted))
        if verified_on is None:
            self.lost.append(record.number)

    @property
    def confirms(self) -> list[Write]:
        """What it confirms, for the first time or from another day on."""
        return [write for write in self.writes if write.verified_on is not None]


@dataclass(frozen=True, slots=True)
class ListedKeys:
    """A file that was read: its valid rows by key, the keys of bad rows, and the errors.

    ``removed``: of changes of the present inventory, the keys that they take from it; None for a whole list.
    """

    file_name: str
    sha256: str
    rows: Mapping[str, InventoryRow]
    bad_keys: set[str]
    outcome: ImportResult
    removed: frozenset[str] | None = None

    def leaves(self, key: str | None) -> bool:
        """Return True when a key without a valid row stays as it is: of a whole list, one that could not be read."""
        return key in self.bad_keys if self.removed is None else key not in self.removed


def apply_inventory(
    actor: Actor, file_name: str, content: bytes, dry_run: bool, *, is_trusted: bool = False
) -> dict[str, Any]:
    """Apply the inventory in one transaction, or only compute its effect; returns the summary.

    It asks nobody: callers are commands that load data, and what has decided that one person is enough. ``is_trusted``:
    as of ``apply_plan``. Raises what ``read_inventory`` and ``apply_plan`` raise.
    """
    actor.require(Permission.PLACEMENTS_CONFIRM)
    listed = read_inventory(file_name, content)
    if dry_run:
        return summary_of(plan_inventory(actor, listed), listed, dry_run=True)
    with transaction():
        return apply_plan(actor, listed, plan_inventory(actor, listed, lock=True), is_trusted=is_trusted)


def read_inventory(file_name: str, content: bytes) -> ListedKeys:
    """Read a file. A key in an invalid row does not count as unlisted.

    Raises Invalid (pointer ``/file``), also for an inventory without a valid row, since it would withdraw every
    verification.
    """
    require_upload_size(content)
    outcome, rows, bad_keys = check_rows(read_rows(content), agencies_by_bin(), today())
    if not rows:
        raise Invalid(
            [Problem("/file", "inventory-without-rows", {"rejected": outcome.rejected}), *_row_problems(outcome)]
        )
    return ListedKeys(printable_file_name(file_name), sha256(content).hexdigest(), rows, bad_keys, outcome)


def read_changes(content: bytes) -> ListedKeys:
    """Read changes of the present inventory: JSON with ``listed`` rows, which replace those of their keys, and
    ``removed`` keys. All of them are valid, or none is applied. Raises Invalid.
    """
    sent = json.loads(content)
    listed = sent.get("listed") or []
    # Trimmed as the keys of rows are: a key with a space would silently stay.
    removed = [key.strip() for key in sent.get("removed") or []]
    outcome, rows, _ = check_rows(read_objects(enumerate(listed)), agencies_by_bin(), today())
    problems = [
        Problem("/".join(("/listed", str(each["row"]), *filter(None, [each["column"]]))), each["code"], each["params"])
        for each in outcome.errors
    ]
    both = [place for place, key in enumerate(removed) if key in rows]
    problems += [Problem(f"/removed/{place}", "platform-key-listed-too") for place in both]
    unknown = {*removed} - {*rows} - _present_keys()
    problems += [
        Problem(f"/removed/{place}", "platform-key-not-listed") for place, key in enumerate(removed) if key in unknown
    ]
    if not (listed or removed):
        problems.append(Problem("", "inventory-without-changes"))
    if problems:
        raise Invalid(problems[:MAX_REPORTED_ERRORS])
    return ListedKeys(CHANGES, sha256(content).hexdigest(), rows, set(), outcome, frozenset(removed))


def apply_plan(
    actor: Actor,
    listed: ListedKeys,
    plan: Plan,
    *,
    is_trusted: bool,
    flagged: Sequence[str] = (),
    changed_since_audit: Sequence[str] = (),
    approval: int | None = None,
) -> dict[str, Any]:
    """Apply a plan that was made with a lock, in the open transaction; returns the summary.

    ``is_trusted``: the list is the platform's own or was approved by a second person, so that its keys count where one
    person confirms a placement. ``flagged``, ``changed_since_audit``: as in ``summary_of``. Raises RoleNotAllowed.
    """
    actor.require(Permission.PLACEMENTS_CONFIRM)
    session = require_transaction()
    summary = summary_of(plan, listed, dry_run=False, flagged=flagged, changed_since_audit=changed_since_audit)
    inventory = Inventory(
        at=now(),
        by=actor.principal,
        file_name=listed.file_name,
        sha256=listed.sha256,
        summary={
            **summary,
            TRUSTED: is_trusted,
            SEEN_WITH_RESTRICTED: plan.sees_restricted,
            ARE_CHANGES: listed.removed is not None,
            SET_BACK: count_set_back(listed).keys if is_trusted else 0,
        },
    )
    session.add(inventory)
    session.flush()
    for start in range(0, len(plan.writes), CHUNK):
        _write(actor, inventory.id, {each.project_id: each.verified_on for each in plan.writes[start : start + CHUNK]})
    _keep_keys(inventory.id, listed, is_trusted)
    if is_trusted:
        # The word of one person ends no finding, and makes none.
        deployments = {key: {name: getattr(row, name) for name in VALUES} for key, row in listed.rows.items()}
        keep_deployments(inventory.id, deployments, listed.leaves)
    counts = {name: value for name, value in summary.items() if isinstance(value, int) and name != "dry_run"}
    details = {"file_name": listed.file_name, "sha256": listed.sha256, "approval": approval, **counts}
    known = {name: value for name, value in details.items() if value is not None}
    journal.record(actor, "inventory.applied", f"inventory:{inventory.id}", known)
    return summary


def lists_key(agency_id: int, platform_key: str) -> bool:
    """Return True when the last inventory lists the key for the agency, and not on the word of one person alone."""
    of_agency = select(InventoryKey.platform_key).where(
        InventoryKey.platform_key == platform_key, InventoryKey.agency_id == agency_id
    )
    return db.session.scalar(of_agency) is not None


def _present_keys() -> set[str]:
    """Return the keys that the present inventory has, reports deployments of, or could take the confirmation from."""
    project = table_of(Project).c
    is_confirmed = (project.placement_verified_on.is_not(None), project.is_restricted.is_(False))
    tables = (table_of(InventoryKey).c.platform_key, DEPLOYMENT.c.platform_key)
    return set(db.session.scalars(union(*map(select, tables), select(project.platform_key).where(*is_confirmed))))


def agencies_by_bin() -> dict[str, Agency]:
    """Return all agencies."""
    return {agency.bin: agency for agency in agencies_by_id().values()}


def _keep_keys(inventory_id: int, listed: ListedKeys, is_trusted: bool) -> None:
    """Replace the keys by those of this list; of a list that one person applied, none is new."""
    session = require_transaction()
    table = table_of(InventoryKey)
    known = {row.platform_key: row for row in session.execute(select(table))}
    kept = []
    for key, row in listed.rows.items():
        is_known = key in known and known[key].agency_id == row.agency_id
        if is_trusted or is_known:
            day = row.verified_on if is_trusted else known[key].verified_on
            kept.append({"platform_key": key, "agency_id": row.agency_id, "verified_on": day})
    unread = [key for key in known if key not in listed.rows and listed.leaves(key)]
    kept += [
        {"platform_key": key, "agency_id": known[key].agency_id, "verified_on": known[key].verified_on}
        for key in unread
    ]
    session.execute(delete(table))
    insert_rows(session, InventoryKey, [{**row, "inventory_id": inventory_id} for row in kept])


def _oldest_first(listed: tuple[str, InventoryRow]) -> tuple[date, str]:
    key, row = listed
    return row.last_deployed_on or date.min, key


def _row_problems(outcome: ImportResult) -> list[Problem]:
    errors = outcome.errors[:MAX_REPORTED_ERRORS]
    places = ["/".join(str(error[name]) for name in ("row", "column") if error[name]) for error in errors]
    return [
        Problem(f"/file/{place}", error["code"], error["params"]) for place, error in zip(places, errors, strict=True)
    ]


def count_confirmed_projects(actor: Actor) -> int:
    """Return the number of projects visible to the actor that are confirmed on the platform."""
    verified = (
        select(func.count())
        .select_from(table_of(Project))
        .where(table_of(Project).c.placement_verified_on.is_not(None), NOT_WITHDRAWN, *visible_projects(actor))
    )
    return int(db.session.execute(verified).scalar_one())


def count_of_one(name: str, since: datetime, program: str | None) -> int:
    """Return the sum of a count of the summaries of inventories since a moment that one person applied alone, or, with
    its name, the platform's own program.
    """
    lost, is_trusted = Inventory.summary[name].as_integer(), Inventory.summary[TRUSTED].as_boolean()
    by_one = func.coalesce(is_trusted, False).is_(False) if program is None else Inventory.by == program
    return db.session.scalar(select(func.sum(lost)).where(Inventory.at > since, by_one)) or 0


class SetBack(NamedTuple):
    """Of how many keys a list takes deployments back, of how many that are reported."""

    keys: int
    known: int


def count_set_back(listed: ListedKeys) -> SetBack:
    """Return how many keys a list says were last deployed earlier than is known, or lists without saying it any more.

    Keys that vanish are left out: their projects lose the confirmation, which is counted as such.
    """
    known = last_deployments()
    known_rows = [(listed.rows[key], day) for key, day in known.items() if key in listed.rows]
    taken_back = sum(
        not row.is_reported or (day is not None and (row.last_deployed_on or date.min) < day) for row, day in known_rows
    )
    return SetBack(taken_back, len(known))


def plan_inventory(viewer: Actor, listed: ListedKeys, *, lock: bool = False) -> Plan:
    """Return the effect of a list on the projects that the viewer may see; others stay as they are.

    ``lock``: nothing of it changes until the open transaction ends.
    """
    rows = listed.rows
    if lock:
        lock_keys(require_transaction())
    statement = (
        select(*(table_of(Project).c[name] for name in COMPARED_COLUMNS), Agency.bin)
        .join(Agency, Agency.id == Project.agency_id)
        .where(or_(Project.platform_key.is_not(None), Project.placement_verified_on.is_not(None)), NOT_WITHDRAWN)
        .order_by(Project.id)
    )
    if lock:
        statement = statement.with_for_update(of=Project)
    sees_restricted = viewer.may(Permission.RESTRICTED_READ)
    plan = Plan(sees_restricted)
    recorded: set[str] = set()
    # The projects that each key confirms.
    holders: dict[str, list[int]] = {}
    # Of projects with one key a confirmed one comes first, then the one that was registered first.
    records = sorted(db.session.execute(statement), key=lambda record: record.placement_verified_on is None)
    for record in records:
        row = rows.get(record.platform_key)
        is_matched = row is not None and record.placement == "on_platform" and record.agency_id == row.agency_id
        is_confirmed = record.placement_verified_on is not None
        if record.is_restricted and not sees_restricted:
            # It stays as it is; if it is confirmed, its key confirms no other object.
            if is_confirmed:
                holders.setdefault(record.platform_key, []).append(record.id)
            continue
        recorded.add(record.platform_key)
        held_by = holders.get(record.platform_key)
        if row is None:
            if is_confirmed and not listed.leaves(record.platform_key):
                plan.write(record, None)
        elif not is_matched:
            values = {"number": record.number, "platform_key": record.platform_key, "placement": record.placement}
            plan.mismatched.append({**values, "agency": record.bin, "listed_agency": row.agency})
        elif held_by and not (is_confirmed and same_objects(db.session(), record.id, held_by)):
            # That a second project concerns the listed object is a link of one reviewer: two people confirm it.
            plan.shared.append(record.number)
            if is_confirmed:
                plan.write(record, None)
        else:
            holders.setdefault(record.platform_key, []).append(record.id)
            plan.matched.append(record.number)
            if record.placement_verified_on != row.verified_on:
                plan.write(record, row.verified_on)
    for numbers in (plan.matched, plan.lost, plan.shared):
        numbers.sort()
    plan.mismatched.sort(key=itemgetter("number"))
    plan.unregistered = [
        {"platform_key": key, "agency": row.agency, "row": row.row} for key, row in rows.items() if key not in recorded
    ]
    return plan


def summary_of(
    plan: Plan,
    listed: ListedKeys,
    *,
    dry_run: bool,
    flagged: Sequence[str] = (),
    changed_since_audit: Sequence[str] = (),
) -> dict[str, Any]:
    """Return the counts of a plan, details of each under ``rows`` and the bad rows, both cut at 1,000.

    ``errors``: ``{row, column, code, params}``. ``flagged``: the projects with a serious flag that it confirms;
    ``changed_since_audit``: those that it confirms and no audit has judged as they stand.
    """
    outcome = listed.outcome
    rows: dict[str, Sequence[Any]] = {
        "matched": plan.matched,
        "lost": plan.lost,
        "mismatched": plan.mismatched,
        "shared": plan.shared,
        "flagged": flagged,
        "changed_since_audit": changed_since_audit,
        "unregistered": plan.unregistered,
        "deployments": [
            {"platform_key": key, "environments": row.environments, DEPLOYED_ON: iso(row.last_deployed_on)}
            for key, row in sorted(listed.rows.items(), key=_oldest_first)
            if row.is_reported
        ],
    }
    return {
        "dry_run": dry_run,
        **{name: len(items) for name, items in rows.items()},
        "total": len(listed.rows) + outcome.rejected,
        "rejected": outcome.rejected,
        "rows": {name: list(items[:MAX_DETAILS]) for name, items in rows.items()},
        "errors": outcome.errors[:MAX_DETAILS],
    }


def _write(actor: Actor, inventory_id: int, dates: Mapping[int, date | None]) -> None:
    names = ("id", "number", "version", *CHANGEABLE)
    statement = select(*(table_of(Project).c[name] for name in names)).where(Project.id.in_(list(dates)))
    verified, lost, confirmations = [], [], []
    at = now()
    for row in db.session.execute(statement.order_by(Project.id)):
        before = dict(zip(names, row, strict=True))
        day = dates[row.id]
        after = {**before, "placement_verified_on": day}
        change = ProjectChange(after, differences(before, after))
        if day is None:
            lost.append(change)
            continue
        verified.append(change)
        facts = {"verified_on": day.isoformat(), "platform_key": row.platform_key}
        confirmation = {"project_id": row.id, "kind": "placement", "at": at, "by": actor.principal, "facts": facts}
        confirmations.append({**confirmation, "inventory_id": inventory_id})
    update_projects(actor, verified, "placement.verified", {"inventory": inventory_id})
    update_projects(actor, lost, "placement.verification-lost", {"inventory": inventory_id})
    insert_rows(require_transaction(), Confirmation, confirmations)


def is_platform_program(actor: Actor) -> bool:
    """True for the service account of ``REGISTRY_PLATFORM_ACCOUNT``, whose inventories are trusted as they are.

    Not for one that had another name: an administrator renames alone, but a supervisor agrees to a new account.
    """
    is_service = not (actor.is_person or actor.is_local)
    if not is_service or actor.principal != current_app.config.get(PLATFORM_ACCOUNT):
        return False
    return db.session.scalar(select(FormerName.id).where(FormerName.account_id == actor.account_id).limit(1)) is None


# Pending uploads: files whose preview was displayed and that wait for their owner's confirmation.

UPLOAD_RETENTION: Final = timedelta(days=1)


class PendingUploadNotFound(NotFound):
    """The upload does not exist any more, or belongs to someone else."""


def store_upload(actor: Actor, file_name: str, content: bytes) -> int:
    """Store a file until it is confirmed and return its id. Deletes the owner's earlier uploads and expired ones."""
    with transaction() as session:
        at = now()
        session.execute(
            delete(PendingUpload).where(
                (PendingUpload.account_id == actor.account_id) | (PendingUpload.uploaded_at < at - UPLOAD_RETENTION)
            )
        )
        file = PendingUpload(account_id=actor.account_id, file_name=file_name, content=content, uploaded_at=at)
        session.add(file)
        session.flush()
    return file.id


def read_upload(actor: Actor, file_id: int) -> tuple[str, bytes]:
    """Return the file's name and content. Raises PendingUploadNotFound."""
    row = db.session.execute(
        select(PendingUpload.file_name, PendingUpload.content).where(
            PendingUpload.id == file_id, PendingUpload.account_id == actor.account_id
        )
    ).one_or_none()
    if row is None:
        raise PendingUploadNotFound(id=file_id)
    return row.file_name, row.content


def take_upload(actor: Actor, file_id: int) -> tuple[str, bytes]:
    """Return the file's name and content, and delete it in the open transaction. Raises PendingUploadNotFound."""
    session = require_transaction()
    upload = read_upload(actor, file_id)
    session.execute(delete(PendingUpload).where(PendingUpload.id == file_id))
    return upload
