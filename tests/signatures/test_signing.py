"""Actions on cases that people sign: what a signature is good for, and what it is not."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
import zipfile
from base64 import b64decode, b64encode
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from html import unescape
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Connection, select, update

from registry.accounts.roles import SCHEDULE, Role
from registry.accounts.sessions import WebSession
from registry.agencies.models import Agency
from registry.core.clock import now, rfc3339
from registry.core.database import db, transaction
from registry.freeze.policy import first_policy
from registry.journal.checkpoints import make_checkpoint
from registry.projects.models import Project
from registry.requests.approval_kinds import propose_restriction
from registry.signatures.models import Signature, Signer
from registry.signatures.service import (
    SIGNATURES,
    ActToSign,
    SentSignature,
    attach,
    check_signature,
    content_to_sign,
    forget_signer,
    rekey_signatures,
    stored_cms,
)
from registry.signatures.verification import SignatureOutOfDate
from tests.api.callers import caller
from tests.cases.casework import LAW, ORDER, flagged_case, send, status
from tests.cases.cast import in_days
from tests.factories import ADMINISTRATOR, a_project, an_actor, with_account
from tests.fixtures.web import SignedIn, Visit
from tests.present import Present
from tests.signatures.certificates import IIN, Centre, Holder
from tests.statements import statements
from tests.web.forms import untouched_form

OTHER_IIN = "900202400456"
FORM = "data-sign"
ORDERED = {"propose-decision": "stop", "propose-due_on": in_days(30).isoformat(), **ORDER}
NO_BREACH = {"propose-decision": "no_breach", "propose-reason_code": "wrong_data", **LAW}
pytestmark = pytest.mark.usefixtures("signatures")


@pytest.fixture
def reviewer(signed_in: SignedIn) -> Visit:
    return confirmed(signed_in(Role.REVIEWER))


@pytest.fixture
def supervisor(signed_in: SignedIn) -> Visit:
    return confirmed(signed_in(Role.SUPERVISOR))


def confirmed(visit: Visit) -> Visit:
    """The visit after its step-up."""
    with transaction() as session:
        session.execute(update(WebSession).values(factor_at=now(), factor_kind="totp"))
    return visit


def offered(visit: Visit, case: str, action: str, **fields: object) -> str:
    """Return the page on which the action is signed."""
    code, page = send(visit, case, action, sign="yes", **fields)
    assert code == 200 and FORM in page, page
    return page


def content_of(page: str) -> bytes:
    """Return the bytes that NCALayer would sign."""
    match = re.search(r'data-sign="([^"]+)"', page)
    assert match
    return b64decode(unescape(match[1]))


def signed(page: str, holder: Holder) -> dict[str, str]:
    """Return what the form of the page sends when the holder has signed it."""
    fields = untouched_form(page, "signed_at")
    return fields | {"signature": b64encode(holder.sign(content_of(page))).decode()}


def submit(visit: Visit, case: str, action: str, fields: dict[str, str]) -> tuple[int, str]:
    answer = visit.client.post(f"{case}/{action}", data=fields, follow_redirects=True)
    return answer.status_code, answer.text


def proposed(visit: Visit, **fields: object) -> str:
    """Return a case on which the visitor proposed a decision."""
    _, case = flagged_case()
    send(visit, case, "claim")
    send(visit, case, "propose", **(fields or NO_BREACH))
    assert status(case) == "awaiting_approval"
    return case


def test_proposal_and_approval_are_stored_with_their_signatures(
    reviewer: Visit, supervisor: Visit, centre: Centre, client: FlaskClient
) -> None:
    _, case = flagged_case()
    send(reviewer, case, "claim")
    page = offered(reviewer, case, "propose", **NO_BREACH)
    assert "No breach" in page and "Письмо от 3 февраля." in page and status(case) == "under_review"
    assert submit(reviewer, case, "propose", signed(page, centre.person(OTHER_IIN)))[0] == 200
    page = offered(supervisor, case, "approve")
    assert "Письмо от 3 февраля." in page
    shown = submit(supervisor, case, "approve", signed(page, person := centre.person(name="ИВАНОВ")))[1]
    assert status(case) == "closed"
    first, second = db.session.scalars(select(Signature).order_by(Signature.id))
    assert (first.act, second.act, second.signed_by) == ("case.propose", "case.approve", "supervisor.web")
    assert first.content.encode() != second.content.encode() == content_of(page)
    assert "signed by ИВАНОВ" in shown and second.certificate_serial in shown
    # The IIN is in the certificate alone, which is stored encrypted.
    everything = str([vars(each) for each in (first, second)])
    assert IIN not in everything and IIN.encode() in (stored_cms(second) or b"")
    entries = caller(client, Role.AUDITOR).get("/journal?action=signature.attached&limit=1").get_json()["items"]
    assert entries[0]["details"]["certificate"] == f"{person.certificate.serial_number:x}"
    assert entries[0]["details"]["sha256"] == second.cms_digest and IIN not in str(entries)


def test_page_that_signs_connects_to_ncalayer_and_no_other_page_does(reviewer: Visit) -> None:
    _, case = flagged_case()
    send(reviewer, case, "claim")
    assert "13579" not in reviewer.get(case).headers["Content-Security-Policy"]
    answer = reviewer.send(f"{case}/propose", page=case, sign="yes", **NO_BREACH)
    policy = answer.headers["Content-Security-Policy"]
    assert "connect-src 'self' wss://127.0.0.1:13579;" in policy and "unsafe" not in policy


def test_signature_is_good_for_what_was_signed_alone(reviewer: Visit, centre: Centre) -> None:
    _, case = flagged_case()
    _, other = flagged_case()
    for each in (case, other):
        send(reviewer, each, "claim")
    fields = signed(offered(reviewer, case, "propose", **NO_BREACH), centre.person())
    for changed in (
        fields | {"propose-reason_ru": "Другая причина."},
        fields | {"propose-comment": "Unseen."},
        fields | {"signed_at": fields["signed_at"].replace(":", ":0", 1)},
        fields | {"signed_at": ""},
        *(fields | {"signature": each} for each in ("AAAA", "", "A" * 10_000_000)),
    ):
        assert submit(reviewer, case, "propose", changed)[0] in (403, 409)
    seen = re.search('name="seen" value="([^"]+)"', reviewer.get(other).text)
    assert seen and submit(reviewer, other, "propose", fields | {"seen": seen[1]})[0] == 409
    assert [status(each) for each in (case, other)] == ["under_review", "under_review"]
    assert db.session.scalars(select(Signature)).all() == []
    assert submit(reviewer, case, "propose", fields)[0] == 200 and status(case) == "awaiting_approval"


@pytest.mark.on_both
def test_signature_is_used_once(reviewer: Visit, centre: Centre) -> None:
    _, case = flagged_case()
    send(reviewer, case, "claim")
    fields = signed(offered(reviewer, case, "propose", **NO_BREACH), centre.person())
    assert submit(reviewer, case, "propose", fields)[0] == 200
    send(reviewer, case, "withdraw")
    del fields["seen"], fields["events"]
    code, page = submit(reviewer, case, "propose", fields)
    assert (code, status(case)) == (409, "under_review") and "already used for another action" in page


def test_signature_is_out_of_date_after_half_an_hour(reviewer: Visit, centre: Centre, present: Present) -> None:
    _, case = flagged_case()
    send(reviewer, case, "claim")
    fields = signed(offered(reviewer, case, "propose", **NO_BREACH), centre.person())
    present.move(timedelta(minutes=31))
    assert submit(reviewer, case, "propose", fields)[0] == 409 and status(case) == "under_review"


def test_approval_signs_the_proposal_that_it_approves(reviewer: Visit, supervisor: Visit, centre: Centre) -> None:
    case = proposed(reviewer)
    fields = signed(offered(supervisor, case, "approve"), centre.person())
    send(reviewer, case, "withdraw")
    send(reviewer, case, "propose", **NO_BREACH | {"propose-reason_ru": "Ничего не нарушено."})
    del fields["seen"], fields["events"]
    assert submit(supervisor, case, "approve", fields)[0] == 409 and status(case) == "awaiting_approval"


def test_page_of_an_approval_displays_what_it_takes_away(supervisor: Visit) -> None:
    project, reason = a_project(), "State secret"
    with transaction() as session:
        session.execute(update(Project).where(Project.id == project.id).values(is_restricted=True))
    proposer = with_account(an_actor(Role.SUPERVISOR, name="dana"))
    approval = propose_restriction(proposer, project.number, {"is_restricted": False, "reason": reason}).id
    here = f"/approvals/{approval}"
    page = supervisor.send(f"{here}/approval", here, sign="yes", reason="").text
    assert FORM in page and re.search(r"Restricted</dt><dd[^>]*>No</dd>", page)


@pytest.mark.on_both
def test_account_is_signed_for_by_one_person_and_a_person_signs_for_one_account(
    reviewer: Visit, supervisor: Visit, centre: Centre
) -> None:
    _, case = flagged_case()
    send(reviewer, case, "claim")
    page = offered(reviewer, case, "propose", **NO_BREACH)
    submit(reviewer, case, "propose", signed(page, centre.person(IIN)))
    # The supervisor's account with the key of the reviewer: one person, who would count as two.
    page = offered(supervisor, case, "approve")
    code, text = submit(supervisor, case, "approve", signed(page, centre.person(IIN)))
    assert code == 403 and "belongs to another person" in text
    send(reviewer, case, "withdraw")
    page = offered(reviewer, case, "propose", **NO_BREACH)
    assert submit(reviewer, case, "propose", signed(page, centre.person(OTHER_IIN)))[0] == 403
    assert len(db.session.scalars(select(Signature)).all()) == 1
    [signer] = db.session.scalars(select(Signer))
    assert IIN not in signer.iin_hash
    forget_signer(ADMINISTRATOR, signer.account_id, "reviewer.web")
    assert submit(reviewer, case, "propose", signed(page, centre.person(OTHER_IIN)))[0] == 200


def test_first_signature_of_an_account_takes_a_second_factor(signed_in: SignedIn) -> None:
    visit = signed_in(Role.REVIEWER)
    _, case = flagged_case()
    send(visit, case, "claim")
    code, page = send(visit, case, "propose", sign="yes", **NO_BREACH)
    assert code == 403 and "after a second factor" in page and FORM not in page
    assert offered(confirmed(visit), case, "propose", **NO_BREACH)


def test_order_takes_signatures_of_both_where_the_policy_says_so(
    reviewer: Visit, supervisor: Visit, centre: Centre, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = proposed(reviewer, **ORDERED)
    monkeypatch.setattr("registry.freeze.policy._current", [replace(first_policy(), signed=("orders",))])
    code, page = send(supervisor, case, "approve")
    assert code == 403 and "with an electronic signature" in page and status(case) == "awaiting_approval"
    number = int(case.rpartition("/")[2])
    answer = caller(client, Role.SUPERVISOR).post(f"{case}/approve", {})
    assert (answer.status_code, answer.get_json()["type"]) == (403, "urn:qaztech-registry:problem:signature-required")
    tag = caller(client, Role.SUPERVISOR).get(case).headers["ETag"]
    many = caller(client, Role.SUPERVISOR).post("/cases/approve", {"cases": [{"case": number, "etag": tag}]})
    assert many.get_json()["refused"][0]["code"] == "signature-required"
    assert submit(supervisor, case, "approve", signed(offered(supervisor, case, "approve"), centre.person()))[0] == 200
    assert status(case) == "remediation"
    _, other = flagged_case()
    send(reviewer, other, "claim")
    assert send(reviewer, other, "propose", **ORDERED)[0] == 403
    # Its letter can be read before, and what is no order needs none.
    assert send(reviewer, other, "propose", preview="yes", **ORDERED)[0] == 200
    assert send(reviewer, other, "propose", **NO_BREACH)[0] == 200


def test_agency_signs_its_appeal_and_sees_no_proposals(
    reviewer: Visit, supervisor: Visit, signed_in: SignedIn, agency: Agency, centre: Centre
) -> None:
    _, case = flagged_case(agency)
    send(reviewer, case, "claim")
    page = offered(reviewer, case, "propose", **ORDERED)
    submit(reviewer, case, "propose", signed(page, centre.person(OTHER_IIN, "РЕЦЕНЗЕНТ")))
    submit(supervisor, case, "approve", signed(offered(supervisor, case, "approve"), centre.person(name="ГЛАВА")))
    editor = confirmed(signed_in(Role.AGENCY_EDITOR, agency))
    assert "ГЛАВА" in (shown := editor.get(case).text) and "РЕЦЕНЗЕНТ" not in shown
    page = offered(editor, case, "appeal", **{"appeal-comment": "The contract is older."})
    assert submit(editor, case, "appeal", signed(page, centre.person("770303300789", "АГЕНТ")))[0] == 200
    assert "АГЕНТ" in editor.get(case).text


def test_without_the_setting_nothing_is_offered_read_or_verified(
    app: Flask, reviewer: Visit, centre: Centre, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, case = flagged_case()
    send(reviewer, case, "claim")
    fields = signed(offered(reviewer, case, "propose", **NO_BREACH), centre.person())
    monkeypatch.setitem(app.config, SIGNATURES, None)
    with statements(connection) as sent:
        assert "electronic signature" not in reviewer.get(case).text
        assert submit(reviewer, case, "propose", fields)[0] == 403 and status(case) == "under_review"
        del fields["signature"]
        assert submit(reviewer, case, "propose", fields)[0] == 200 and status(case) == "awaiting_approval"
    assert not [each for each in sent if "signatures" in each or "signers" in each]


def test_signatures_go_on_after_a_change_of_the_secret_key(
    app: Flask, reviewer: Visit, centre: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, case = flagged_case()
    send(reviewer, case, "claim")
    page = offered(reviewer, case, "propose", **NO_BREACH)
    submit(reviewer, case, "propose", signed(page, centre.person()))
    before, previous = stored_cms(db.session.scalars(select(Signature)).one()), app.config["SECRET_KEY"]
    hashed = db.session.scalars(select(Signer.iin_hash)).one()
    monkeypatch.setitem(app.config, "SECRET_KEY", "another secret key of this register")
    assert stored_cms(db.session.scalars(select(Signature)).one()) is None
    assert rekey_signatures(previous) == 1
    db.session.expire_all()
    assert stored_cms(db.session.scalars(select(Signature)).one()) == before
    assert db.session.scalars(select(Signer.iin_hash)).one() != hashed
    assert rekey_signatures("a key that nobody had") == 0


def test_evidence_pack_has_the_signed_bytes_and_the_signature_which_openssl_verifies(
    reviewer: Visit, centre: Centre, client: FlaskClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, case = flagged_case()
    send(reviewer, case, "claim")
    page = offered(reviewer, case, "propose", **NO_BREACH)
    submit(reviewer, case, "propose", signed(page, centre.person()))
    make_checkpoint(SCHEDULE)
    # What was signed stays signed when nobody signs any more.
    monkeypatch.setitem(client.application.config, SIGNATURES, None)
    answer = caller(client, Role.AUDITOR).get(f"{case}/evidence.zip")
    zipfile.ZipFile(io.BytesIO(answer.data)).extractall(pack := tmp_path / "pack")
    assert subprocess.run([sys.executable, "-I", pack / "verify.py"], check=False, cwd=pack).returncode == 0
    [listed] = json.loads((pack / "signatures.json").read_bytes())
    stem = pack / "signatures" / str(listed["id"])
    assert stem.with_suffix(".json").read_bytes() == content_of(page) and "cms" not in listed
    assert (listed["certificate_issuer"], listed["method"], listed["stamped_at"]) == ("ҰКО", "python", None)
    guide = (pack / "VERIFY.txt").read_text()
    command = guide[guide.index("openssl cms") : guide.index("\n\nsummary.pdf")].replace("/1.", f"/{listed['id']}.")
    assert subprocess.run(command.split(), check=False, cwd=pack).returncode == 0
    # A signature that is exchanged is none that the journal knows.
    stem.with_suffix(".p7s").write_bytes(centre.person(OTHER_IIN).sign(content_of(page)))
    manifest = json.loads((pack / "manifest.json").read_bytes())
    manifest["files"][f"signatures/{listed['id']}.p7s"] = sha256(stem.with_suffix(".p7s").read_bytes()).hexdigest()
    (pack / "manifest.json").write_text(json.dumps(manifest))
    done = subprocess.run(
        [sys.executable, "-I", pack / "verify.py"], check=False, cwd=pack, capture_output=True, text=True
    )
    assert done.returncode != 0 and f"signatures/{listed['id']}.p7s: no act" in done.stdout + done.stderr


def test_agency_signs_a_registration(signed_in: SignedIn, agency: Agency, centre: Centre) -> None:
    editor = confirmed(signed_in(Role.AGENCY_EDITOR, agency))
    copied = editor.send(f"/projects/{a_project(agency).number}/copy", page="/register")
    address = re.sub("/[a-z]+$", "/check", copied.request.path)
    offer = editor.send(address, sign="yes")
    assert FORM in offer.text and "120,000,000" in offer.text
    fields = signed(offer.text, centre.person(name="РЕДАКТОР"))
    wrong = fields | {"signature": signed(offer.text, centre.person(usages=["digital_signature"]))["signature"]}
    refused = editor.client.post(address, data=wrong)
    assert refused.status_code == 422 and "not for signing documents" in refused.text
    assert db.session.scalars(select(Signature)).all() == []
    shown = editor.client.post(address, data=fields, follow_redirects=True)
    assert "signed by РЕДАКТОР" in shown.text
    number = shown.request.path.rpartition("/")[2]
    stored = db.session.scalars(select(Signature)).one()
    assert (stored.act, stored.subject) == ("project.register", f"project:{number}")
    assert json.loads(stored.content)["subject"] == f"agency:{agency.bin}"


def test_signature_is_out_of_date_when_the_case_changed_while_it_was_verified(centre: Centre) -> None:
    actor = with_account(replace(an_actor(Role.REVIEWER), factor_at=now()))
    at, to_sign = now(), ActToSign("case.propose", "case:1", {"decision": "stop"})
    cms = b64encode(centre.person().sign(content_to_sign(actor, to_sign, at))).decode()
    signed_act = check_signature(actor, SentSignature(rfc3339(at), cms), lambda: to_sign)
    for other in (
        to_sign._replace(values={"decision": "write_off"}),
        to_sign._replace(act="case.approve"),
        to_sign._replace(subject="case:2"),
    ):
        with pytest.raises(SignatureOutOfDate), transaction():
            attach(actor, other, signed_act)
    another = with_account(replace(an_actor(Role.SUPERVISOR), factor_at=now()))
    with pytest.raises(SignatureOutOfDate), transaction():
        attach(another, to_sign, signed_act)
