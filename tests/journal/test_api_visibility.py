"""Visibility of journal entries about restricted projects."""

from __future__ import annotations

import ast
from datetime import date
from pathlib import Path

from sqlalchemy import select

import registry
from registry.agencies.models import Agency
from registry.core.database import db, transaction
from registry.exemptions.service import record_exemption
from registry.flags.models import Flag
from registry.journal import service as journal
from registry.journal.queries import KINDS, OTHER_KINDS, PROJECT_KINDS
from registry.letters.models import Letter
from registry.platform.inventory import apply_inventory
from registry.projects.documents import add_document
from registry.projects.models import Project
from registry.requests.models import RequestKind
from registry.requests.service import ask
from tests.api.access_matrix.world_making import a_proposed_exemption
from tests.api.callers import Caller
from tests.cases.cast import AIGERIM, SAULE, act, audit, case_of
from tests.factories import ADMINISTRATOR, a_project, an_agency, restrict

KINDS_OF_A_PROJECT = ("project", "approval", "case", "document", "exemption", "flag", "letter", "request")
EXEMPTION = {
    "decision_number": "12",
    "decided_on": date(2026, 1, 15),
    "valid_from": date(2027, 1, 1),
    "valid_to": date(2027, 2, 1),
}


def a_transfer() -> dict[str, object]:
    return {"to": an_agency().bin, "on": date(2036, 1, 1), "act": "No. 1", "reason": "They merge."}


def subjects_of(project: Project) -> dict[str, str]:
    """Journal entries with a subject of every kind that belongs to the project."""
    flag = db.session.scalars(select(Flag.id).where(Flag.project_id == project.id)).first()
    document = add_document(SAULE, project, "contract.pdf", "application/pdf", b"%PDF-1.7").id
    exemption = record_exemption(SAULE, {"project": project.number, **EXEMPTION}).id
    case = act(AIGERIM, case_of(project), "claim")
    act(AIGERIM, case, "ask", "Why?")
    letter = db.session.scalars(select(Letter.id).where(Letter.case_id == case.id)).one()
    keys = {
        "approval": a_proposed_exemption(project)["scanned_approval"],
        "letter": letter,
        "project": project.number,
        "case": case_of(project).id,
        "document": document,
        "exemption": exemption,
        "flag": flag,
        "request": ask(ADMINISTRATOR, RequestKind.TRANSFER, project.number, a_transfer()).id,
    }
    subjects = {kind: f"{kind}:{key}" for kind, key in keys.items()}
    with transaction():
        for subject in subjects.values():
            journal.record(SAULE, "tests.recorded", subject, {})
    return subjects


def recorded_kinds() -> set[str]:
    """The subject kinds in all calls of ``journal.record`` in the code."""
    kinds = set()
    for path in Path(registry.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("journal.record", "record_entry"):
                subject = node.args[2]
                if ast.unparse(subject) == "signature.subject":
                    # That of the act that is signed, which has an entry of its own.
                    continue
                start = subject.values[0] if isinstance(subject, ast.JoinedStr) else subject
                assert isinstance(start, ast.Constant), f"{path}:{node.lineno}: write the subject as f'kind:{{key}}'"
                kinds.add(str(start.value).partition(":")[0])
    return kinds


def test_every_recorded_subject_kind_has_a_visibility_rule() -> None:
    recorded = recorded_kinds()
    assert {"project", "case", "agency", "audit", "import", "inventory", "person", "token"} <= recorded
    assert recorded <= KINDS
    assert {"project", *PROJECT_KINDS} == set(KINDS_OF_A_PROJECT)
    assert not OTHER_KINDS & {"project", *PROJECT_KINDS}


def test_restricted_subject_is_hidden_from_administrators(
    administrator: Caller, supervisor: Caller, agency: Agency
) -> None:
    hidden, shown = a_project(agency), a_project(agency)
    audit()
    subjects, others = subjects_of(hidden), subjects_of(shown)

    def seqs(who: Caller, subject: str) -> list[int]:
        return [each["seq"] for each in who.get(f"/journal?subject={subject}").get_json()["items"]]

    before = {kind: seqs(administrator, subjects[kind]) for kind in KINDS_OF_A_PROJECT}
    restrict(hidden.number)

    whole = {each["seq"] for each in administrator.get("/journal?limit=500").get_json()["items"]}
    for kind, known in before.items():
        assert known and not whole & set(known), kind
        assert seqs(administrator, subjects[kind]) == [], kind
        assert seqs(administrator, others[kind]) and set(known) <= set(seqs(supervisor, subjects[kind])), kind

    restrict(hidden.number, is_restricted=False)
    for kind, known in before.items():
        assert set(known) <= set(seqs(administrator, subjects[kind])), kind


def test_reading_restricted_subject_is_journalled(supervisor: Caller, agency: Agency) -> None:
    project = a_project(agency)
    audit()
    subjects = subjects_of(project)
    restrict(project.number)

    def reads() -> list[tuple[str, object]]:
        items = supervisor.get("/journal?action=restricted.read").get_json()["items"]
        return [(each["subject"], each["details"]) for each in items]

    for place, kind in enumerate(KINDS_OF_A_PROJECT, 1):
        assert supervisor.get(f"/journal?subject={subjects[kind]}&action=tests.recorded").get_json()["items"]
        assert reads() == [(f"project:{project.number}", {"what": "journal"})] * place, kind
        # Reading about readings adds none: a client that follows the journal arrives at its end.
        assert len(reads()) == place


def test_pages_of_a_filtered_journal_are_full_and_complete(administrator: Caller, agency: Agency) -> None:
    projects = [a_project(agency) for _ in range(6)]
    audit()
    for project in projects:
        act(AIGERIM, case_of(project), "claim")
    whole = [entry["seq"] for entry in administrator.get("/journal?limit=500").get_json()["items"]]
    hidden = {f"{kind}:{key}" for p in projects[::2] for kind, key in (("project", p.number), ("case", case_of(p).id))}
    for project in projects[::2]:
        restrict(project.number)
    seen, cursor = [], ""
    while cursor is not None:
        page = administrator.get(f"/journal?limit=2{cursor and f'&cursor={cursor}'}").get_json()
        assert len(page["items"]) == 2 or page["next"] is None
        assert not hidden & {entry["subject"] for entry in page["items"]}
        seen += [entry["seq"] for entry in page["items"]]
        cursor = page["next"]
    # Of each of the three: its registration and its claimed case.
    assert len(set(whole)) - len(set(seen) & set(whole)) == 6 and seen == sorted(set(seen), reverse=True)


def test_audit_entries_count_no_restricted_project_for_administrators(
    administrator: Caller, supervisor: Caller, agency: Agency
) -> None:
    hidden, shown = a_project(agency), a_project(agency)
    restrict(hidden.number)
    run = audit()

    def details(caller: Caller, action: str) -> dict[str, object]:
        (entry,) = caller.get(f"/journal?subject=audit:{run.id}&action={action}").get_json()["items"]
        return dict(entry["details"])

    narrowed, whole = details(administrator, "audit.succeeded"), details(supervisor, "audit.succeeded")
    assert (narrowed["projects_judged"], narrowed["projects_flagged"], narrowed["flags_opened"]) == (1, 1, 1)
    assert (whole["projects_judged"], whole["projects_flagged"], whole["flags_opened"]) == (2, 2, 2)
    assert "restricted" not in narrowed
    visible = case_of(shown).id
    assert details(administrator, "cases.followed") == {"opened": {"count": 1, "first": visible, "last": visible}}
    assert details(supervisor, "cases.followed")["opened"] == {
        "count": 2,
        "first": case_of(hidden).id,
        "last": visible,
    }


def test_inventory_entry_counts_nothing_for_who_may_not_see_restricted_projects(
    administrator: Caller, supervisor: Caller, agency: Agency
) -> None:
    project = a_project(agency, placement="on_platform", platform_key="qt-1")
    restrict(project.number)
    apply_inventory(
        SAULE, "list.csv", f"platform_key,agency,verified_on\nqt-1,{agency.bin},2026-01-10\n".encode(), False
    )

    (hidden,) = administrator.get("/journal?action=inventory.applied").get_json()["items"]
    (whole,) = supervisor.get("/journal?action=inventory.applied").get_json()["items"]

    assert whole["details"]["matched"] == 1
    assert set(hidden["details"]) == {"file_name", "sha256", "total", "rejected", "deployments"}
