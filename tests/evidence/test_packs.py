"""Evidence packs: what they have, for whom, and that a change of anything in them is found without the register."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from registry.accounts.roles import SCHEDULE, Role
from registry.agencies.models import Agency
from registry.core.database import db
from registry.flags.models import AuditRun
from registry.journal.checkpoints import checkpoint_keys, make_checkpoint
from registry.projects.documents import add_document
from registry.projects.models import Project
from registry.projects.service import find_project
from tests.api.callers import caller
from tests.cases.cast import AIGERIM, OPERATOR, SAULE, act, audit, case_of, migrate_by
from tests.factories import a_project, restrict
from tests.fixtures.web import SignedIn
from tests.present import Present

CONTRACT = b"%PDF-1.7 the contract"


@pytest.fixture
def project(agency: Agency, present: Present) -> Project:
    """A project with a document, whose case has an order."""
    present.set(date(2026, 3, 2))
    made = a_project(agency)
    add_document(OPERATOR, find_project(OPERATOR, made.number), "../../шарт: 1.pdf", "application/pdf", CONTRACT)
    audit()
    case = act(AIGERIM, case_of(made), "claim")
    act(AIGERIM, case, "propose", migrate_by(date(2026, 8, 1)))
    act(SAULE, case, "return", "A month more.")
    act(AIGERIM, case, "propose", migrate_by(date(2026, 9, 1)))
    act(SAULE, case, "approve")
    make_checkpoint(SCHEDULE)
    return made


def pack_of(client: FlaskClient, address: str, folder: Path, role: Role = Role.AUDITOR) -> Path:
    """Download the pack, and unpack it as its guide says."""
    answer = caller(client, role).get(f"{address}/evidence.zip")
    assert (answer.status_code, answer.mimetype) == (200, "application/zip")
    zipfile.ZipFile(io.BytesIO(answer.data)).extractall(folder)
    return folder


def verified(folder: Path, *more: str) -> tuple[int, str]:
    """Run the pack's own program, without the register."""
    program = [sys.executable, "-I", str(folder / "verify.py"), *more]
    done = subprocess.run(program, capture_output=True, text=True, check=False, cwd=folder)
    return done.returncode, done.stdout + done.stderr


def acts_of(folder: Path) -> list[dict[str, Any]]:
    """Return the acts of a pack."""
    return [json.loads(line) for line in (folder / "acts.ndjson").read_text().splitlines()]


def document_of(folder: Path) -> str:
    """Return where the pack has its only document."""
    [listed] = json.loads((folder / "documents.json").read_bytes())
    return f"documents/{listed['id']}.pdf"


def key() -> str:
    """The verifier key as an auditor has it from elsewhere."""
    return checkpoint_keys()[0].verifier_key


@pytest.mark.on_both
def test_pack_of_a_case_has_what_a_court_reads_and_verifies_alone(
    client: FlaskClient, project: Project, tmp_path: Path
) -> None:
    case = case_of(project)
    folder = pack_of(client, f"/cases/{case.id}", tmp_path)
    code, output = verified(folder, "--key", key())
    assert (code, output[: len(f"case:{case.id}: ")]) == (0, f"case:{case.id}: "), output
    names = {each.relative_to(folder).as_posix() for each in folder.rglob("*") if each.is_file()}
    assert names >= {
        *("project.json", "history.json", "flags.kk.json", "flags.ru.json", f"cases/{case.id}.json", "summary.pdf"),
        *(document_of(folder), "documents.json", "letters/QL-2026-000001.json", "letters/QL-2026-000001.pdf"),
        *("acts.ndjson", "checkpoint.txt", "keys.txt", "manifest.json", "manifest.note", "verify.py", "VERIFY.txt"),
    }
    approved = [each.id for each in case.decisions if each.outcome == "approved"]
    assert [each.name for each in folder.glob("known/*")] == [f"decision-{id}.json" for id in approved]
    assert (folder / document_of(folder)).read_bytes() == CONTRACT
    [policy] = folder.glob("policies/*.toml")
    assert policy.stem == db.session.scalars(db.select(AuditRun.policy_digest)).one()
    actions = [json.loads(act["hashed"])[4] for act in acts_of(folder)]
    assert {"project.registered", "document.added", "case.approve", "letter.issued"} <= {*actions}
    assert json.loads((folder / "manifest.json").read_bytes())["restricted"] is False


@pytest.mark.on_both
def test_pack_of_a_project_has_its_cases_and_that_of_an_audit_its_changes(
    client: FlaskClient, project: Project, tmp_path: Path
) -> None:
    case = case_of(project)
    whole = pack_of(client, f"/projects/{project.number}", tmp_path / "project")
    audit_id = db.session.scalars(db.select(AuditRun.id)).one()
    of_audit = pack_of(client, f"/audits/{audit_id}", tmp_path / "audit")
    assert verified(whole)[0] == 0 and (whole / f"cases/{case.id}.json").exists()
    assert verified(of_audit)[0] == 0
    [change] = json.loads((of_audit / "changes.json").read_bytes())
    assert (change["project"], change["change"]) == (project.number, "opened")
    assert not (of_audit / "project.json").exists()


def forge_act(folder: Path) -> None:
    """Change an act with everything that is computed from it, as somebody would who knows the format."""
    acts = acts_of(folder)
    forged = next(act for act in acts if "case.approve" in act["hashed"])
    text = forged["hashed"].replace("case.approve", "case.returns").encode()
    forged |= {"hashed": text.decode(), "hash": sha256(text).hexdigest(), "leaf_hash": sha256(b"\0" + text).hexdigest()}
    (folder / "acts.ndjson").write_text("".join(f"{json.dumps(act)}\n" for act in acts))
    manifest = json.loads((folder / "manifest.json").read_bytes())
    manifest["files"]["acts.ndjson"] = sha256((folder / "acts.ndjson").read_bytes()).hexdigest()
    (folder / "manifest.json").write_text(json.dumps(manifest))


def change_act(folder: Path) -> None:
    """Change the text of an act alone."""
    lines = (folder / "acts.ndjson").read_text().replace("case.approve", "case.returns")
    (folder / "acts.ndjson").write_text(lines)


def exchange_document(folder: Path) -> None:
    """Exchange a document, and the manifest with it."""
    (folder / document_of(folder)).write_bytes(b"%PDF-1.7 another")


def later_date(folder: Path) -> None:
    """Change when the pack was made."""
    manifest = (folder / "manifest.json").read_text().replace('"made_at": "2026', '"made_at": "2027')
    (folder / "manifest.json").write_text(manifest)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (change_act, "its text was changed"),
        (forge_act, "it is not in the journal of the checkpoint"),
        (exchange_document, ".pdf: no act of the journal has its SHA-256"),
        (later_date, "manifest.json: it is not the one that was signed"),
        (lambda folder: (folder / "project.json").write_text("{}"), "project.json: the file was changed"),
        (lambda folder: (folder / "history.json").unlink(), "history.json: the file is missing"),
        (lambda folder: (folder / "more.txt").write_text("x"), "more.txt: the file does not belong to the pack"),
        (lambda folder: (folder / "checkpoint.txt").write_text("x"), "this is no complete evidence pack"),
    ],
)
def test_whatever_is_changed_in_a_pack_is_found(
    client: FlaskClient, project: Project, tmp_path: Path, change: Callable[[Path], object], message: str
) -> None:
    folder = pack_of(client, f"/cases/{case_of(project).id}", tmp_path)
    change(folder)
    code, output = verified(folder, "--key", key())
    assert code in (1, 2) and message in output, output


def test_acts_newer_than_the_checkpoint_are_counted_and_proven_by_the_next_one(
    client: FlaskClient, project: Project, tmp_path: Path
) -> None:
    case = case_of(project)
    act(AIGERIM, case, "comment", "Позвонили.")
    before = verified(pack_of(client, f"/cases/{case.id}", tmp_path / "before"))
    assert before[0] == 0 and "1 are newer" in before[1]
    make_checkpoint(SCHEDULE)
    assert "0 are newer" in verified(pack_of(client, f"/cases/{case.id}", tmp_path / "after"))[1]


def test_pack_needs_a_checkpoint(client: FlaskClient, agency: Agency) -> None:
    answer = caller(client, Role.AUDITOR).get(f"/projects/{a_project(agency).number}/evidence.zip")
    assert (answer.status_code, answer.get_json()["type"]) == (409, "urn:qaztech-registry:problem:checkpoint-missing")


def test_pack_of_another_key_is_refused(client: FlaskClient, project: Project, tmp_path: Path) -> None:
    folder = pack_of(client, f"/cases/{case_of(project).id}", tmp_path)
    other = key().replace("registry", "registrz")
    code, output = verified(folder, "--key", other)
    assert code == 1 and "no key that is named has signed it" in output


def test_pack_of_a_restricted_project_is_for_those_who_may_read_it_and_is_marked(
    client: FlaskClient, project: Project, tmp_path: Path
) -> None:
    restrict(project.number)
    case = case_of(project)
    assert caller(client, Role.ADMINISTRATOR).get(f"/cases/{case.id}/evidence.zip").status_code == 404
    assert caller(client, Role.ADMINISTRATOR).get(f"/projects/{project.number}/evidence.zip").status_code == 404
    folder = pack_of(client, f"/cases/{case.id}", tmp_path)
    assert json.loads((folder / "manifest.json").read_bytes())["restricted"] is True
    assert verified(folder)[0] == 0
    audit_id = db.session.scalars(db.select(AuditRun.id)).one()
    whole = pack_of(client, f"/audits/{audit_id}", tmp_path / "whole")
    narrow = pack_of(client, f"/audits/{audit_id}", tmp_path / "narrow", Role.ADMINISTRATOR)
    assert [json.loads((each / "manifest.json").read_bytes())["restricted"] for each in (whole, narrow)] == [
        True,
        False,
    ]
    assert any(act["redacted"] and act["hashed"] is None for act in acts_of(narrow))
    assert project.number.encode() not in b"".join(each.read_bytes() for each in narrow.rglob("*") if each.is_file())
    assert verified(narrow)[0] == 0


def test_page_of_a_case_gives_auditors_its_pack(signed_in: SignedIn, project: Project) -> None:
    case = case_of(project)
    auditor = signed_in(Role.AUDITOR)
    page = auditor.get(f"/cases/{case.id}").text
    assert f'href="/cases/{case.id}/evidence.zip"' in page
    for address in (f"/cases/{case.id}", f"/projects/{project.number}", f"/audits/{case.opened_by_audit}"):
        answer = auditor.get(f"{address}/evidence.zip")
        assert (answer.status_code, answer.mimetype) == (200, "application/zip")
        assert ".zip" in answer.headers["Content-Disposition"]
    assert f'/cases/{case.id}/evidence.zip"' not in signed_in(Role.REVIEWER).get(f"/cases/{case.id}").text
