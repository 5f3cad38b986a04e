"""Safe methods: HEAD, OPTIONS and GET change nothing on any route, with existing rows."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from flask import Flask
from werkzeug.routing import AnyConverter, Rule

from registry.accounts.models import account_named
from registry.accounts.roles import AGENCY_ROLES, Actor, Permission, Role
from registry.accounts.service import person_named
from registry.accounts.tokens import add_service_account, issue
from registry.core.clock import now, today
from registry.core.database import db, transaction
from registry.imports.service import queue_import
from registry.platform.inventory import store_upload
from registry.projects.drafts import save_draft, start_draft
from registry.projects.service import find_project_to_change, restrict_project
from tests.api.access_matrix.world import World
from tests.api.access_matrix.world_making import a_world
from tests.factories import ADMINISTRATOR, a_project, a_token, an_actor, an_agency, bearer, project_values, with_account
from tests.fixtures.web import SignedIn
from tests.present import Present

# Flask answers HEAD by the view of GET, and OPTIONS itself: one role asks for both; by day of views that act on POST,
# which may take HEAD for it.
ASKS_ALL = Role.SUPERVISOR
# All at night. Together these may read every page; by day each page is read by the first of them that may.
ROLES = (Role.SUPERVISOR, Role.ADMINISTRATOR, Role.AUDITOR, Role.AGENCY_EDITOR)
# Writes allowed for safe requests, each with its reason.
ALLOWED = {
    ("web_sessions", "last_used_at"): "a session ends after idle time",
    ("tokens", "last_used_at"): "an administrator sees which tokens are still in use",
    ("tokens", "last_used_from"): "and from where",
    ("journal", "restricted.read"): "each reading of a restricted project is journalled",
    ("journal_head", "seq"): "moves with the journal",
    ("journal_head", "hash"): "moves with the journal",
}
PROJECTS_FILE = b"agency,external_id,name_ru,object_kind,work_type,stage,placement\n"
COMPLETE_DRAFT = {name: str(value) for name, value in project_values().items()}
Contents = dict[str, dict[tuple[Any, ...], dict[str, Any]]]


def contents() -> Contents:
    """Return every row of every table by its primary key."""
    tables: Contents = {}
    for name, table in db.metadata.tables.items():
        rows = db.session.execute(table.select()).mappings()
        tables[name] = {tuple(row[column.name] for column in table.primary_key): dict(row) for row in rows}
    db.session.commit()
    return tables


def changes(before: Contents, after: Contents) -> set[tuple[str, str]]:
    """Return ``(table, column)`` of changed rows, ``(journal, action)`` of new entries, and added or removed rows."""
    changed = set()
    for name, rows in after.items():
        old = before[name]
        changed |= {(name, "row removed") for key in old if key not in rows}
        for key, row in rows.items():
            if key not in old:
                changed.add((name, row["action"] if name == "journal" else "row added"))
            else:
                changed |= {(name, column) for column, value in row.items() if value != old[key][column]}
    return changed


def addresses(app: Flask, values: dict[str, object], ids: dict[str, object]) -> Iterator[tuple[Rule, str]]:
    """Return each route with the URL of an existing resource."""
    for rule in app.url_map.iter_rules():
        named = {name: values[name] for name in rule.arguments if name in values}
        for name, converter in rule._converters.items():
            if isinstance(converter, AnyConverter):
                named[name] = min(converter.items)
        if "id" in rule.arguments:
            # "/accounts/<row_id:id>/handover": the collection stands before the id.
            named["id"] = ids[next(part for part in ids if f"/{part}/<" in rule.rule)]
        if "/letters/<" in rule.rule:
            named["number"] = ids["letters"]
        missing = rule.arguments - named.keys()
        assert not missing, f"{rule.rule}: name a row that exists for {missing}"
        built = rule.build(named)
        yield rule, built[1]


def rows_of(world: World, actor: Actor) -> tuple[dict[str, object], dict[str, object]]:
    """Create rows for the arguments of every route; personal ones belong to the actor."""
    draft = start_draft(actor) if actor.may(Permission.PROJECTS_WRITE) else None
    if draft is not None:
        save_draft(actor, draft.id, {"agency": world.agency.bin, **COMPLETE_DRAFT})
    inventory = f"platform_key,agency,verified_on\nk-1,{world.agency.bin},{today()}\n".encode()
    run = queue_import(actor, "projects", True, "p.csv", PROJECTS_FILE) if actor.may(Permission.IMPORTS_RUN) else None
    person = person_named("other.reviewer")
    service = account_named("safe methods") or add_service_account(ADMINISTRATOR, "safe methods", Role.OPERATOR, None)
    values = {
        "bin": world.agency.bin,
        "number": world.project.number,
        "external_id": world.project.external_id,
        "document_id": world.document_id,
        "case_id": world.case_id,
        "contract_id": world.requests["contract"],
        "confirmation_id": world.requests["external_confirmation"],
        "approval_id": world.requests["scanned_approval"],
        "mapping_id": 1,
        "entry_id": 999,
        "link_id": world.link_id,
        "report_number": world.reports["report"],
        "request_id": world.requests["transfer"],
        "template_id": world.template_id,
        "view_id": world.requests["view"],
        "webhook_id": world.requests["webhook"],
        "exemption_id": world.exemption_id,
        "audit_id": world.audit_id,
        "import_id": world.import_id if run is None else run.id,
        "draft_id": 1 if draft is None else draft.id,
        "waiting": store_upload(actor, "list.csv", inventory),
        "person_id": person.id,
        "account_id": service.id,
        "absence_id": 999,
        "factor_id": 999,
        "session_id": "none",
        "key_id": issue(ADMINISTRATOR, "other.reviewer", Role.REVIEWER, None, None).key_id,
        "seq": 1,
        "size": 1,
        "step": "what",
        "section": "what",
        "action": "claim",
        "language": "en",
        "code": "AAAABBBBCCCCDDDD",
        "version": "2026.1",
        "name": "registry.css",
    }
    ids = {
        "case-templates": world.template_id,
        "documents": world.document_id,
        "accounts": service.id,
        "sessions": "none",
        "imports": values["import_id"],
        "approvals": world.requests["scanned_approval"],
        "audits": world.audit_id,
        "exemptions": world.exemption_id,
        "links": world.link_id,
        "platform-inventories": world.requests["inventory"],
        "procurement-contracts": world.requests["contract"],
        "external-confirmations": world.requests["external_confirmation"],
        "letters": world.letter,
        "successions": world.requests["succession"],
        "transfers": world.requests["transfer"],
        "confirmation-requests": world.requests["confirmation_request"],
        "withdrawals": world.requests["withdrawal"],
        "views": world.requests["view"],
        "webhooks": world.requests["webhook"],
    }
    return values, ids


def test_no_view_answers_head_itself(app: Flask) -> None:
    views = {endpoint: getattr(view, "view_class", None) for endpoint, view in app.view_functions.items()}
    assert [endpoint for endpoint, view in views.items() if hasattr(view, "head")] == []


def test_safe_method_changes_no_row(app: Flask, signed_in: SignedIn, present: Present, nightly: bool) -> None:
    present.set(now())
    home = an_agency()
    world = a_world(home)
    other = signed_in(Role.REVIEWER, name="other.reviewer")
    assert other.client.get("/home").status_code == 200
    supervisor = an_actor(Role.SUPERVISOR)
    with transaction():
        hidden = find_project_to_change(supervisor, a_project(home).number)
        restrict_project(supervisor, hidden, True, "Secret")
    seen: set[tuple[str, str]] = set()
    wrong = []
    read: set[str] = set()
    for role in Role if nightly else ROLES:
        agency = home if role in AGENCY_ROLES else None
        visit = signed_in(role, agency)
        headers = bearer(a_token(role, agency, f"{role.value}.web"))
        values, ids = rows_of(world, with_account(an_actor(role, agency, f"{role.value}.web")))
        # Long enough after the sign-in that the last use of session and token is written.
        present.move(timedelta(minutes=2))
        # Compared once a role: reading all tables takes longer than the requests.
        before = contents()
        for rule, path in addresses(app, values, ids):
            if rule.rule in read and not nightly:
                continue
            statuses = {}
            asks_all = role is ASKS_ALL and ("POST" in rule.methods or nightly)
            for method in ("HEAD", "OPTIONS", "GET") if asks_all else ("GET",):
                with visit.client.open(path, method=method, headers=headers) as answer:
                    statuses[method] = answer.status_code
                    has_body = method == "HEAD" and answer.data != b""
                    wrong += [(role.value, path, "HEAD with a body")] if has_body else []
            if statuses["GET"] < 400:
                read.add(rule.rule)
            if max(statuses.values()) >= 500 or statuses.get("HEAD", statuses["GET"]) != statuses["GET"]:
                wrong.append((role.value, path, statuses))
        changed = changes(before, contents())
        seen |= changed
        wrong += [(role.value, *change) for change in changed - ALLOWED.keys()]
    assert wrong == []
    assert seen == ALLOWED.keys()
