"""Acts that programs of people sign, approvals and reports, and each way round a signature that the policy requires."""

from __future__ import annotations

import io
import json
import zipfile
from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from registry.accounts.absences import record_absence
from registry.accounts.models import account_named
from registry.accounts.roles import SCHEDULE, Role
from registry.agencies.models import Agency
from registry.core.clock import now, today
from registry.core.database import db, transaction
from registry.core.installation import keyed_hash
from registry.freeze.policy import first_policy
from registry.journal.checkpoints import make_checkpoint
from registry.letters.models import Letter
from registry.projects.models import Project
from registry.requests.approval_kinds import propose_restriction
from registry.signatures.models import Signature, Signer
from registry.signatures.service import IIN_OF_SIGNER
from tests.api.callers import Caller, caller, code, codes, done
from tests.cases.casework import flagged_case, status
from tests.cases.cast import audit
from tests.factories import a_project, a_service_token, a_token, an_actor, an_agency, project_values, with_account
from tests.fixtures.web import SignedIn
from tests.government_reports.steps import begin, submitted
from tests.present import Present
from tests.signatures.certificates import DAY, IIN, Centre, Holder, rsa_key
from tests.signatures.test_signing import NO_BREACH as TYPED_NO_BREACH, ORDERED, confirmed, content_of, signed

pytestmark = pytest.mark.usefixtures("signatures")
OTHER_IIN = "900202400456"
Require = Callable[..., None]
Values = dict[str, Any]
ACTIONS = ("propose", "approve")
PROPOSAL, NO_BREACH = (
    {name.removeprefix("propose-"): value for name, value in typed.items()} for typed in (ORDERED, TYPED_NO_BREACH)
)


@pytest.fixture
def required(monkeypatch: pytest.MonkeyPatch) -> Require:
    """Have the policy require signatures."""
    return lambda *names: monkeypatch.setattr(
        "registry.freeze.policy._current", [replace(first_policy(), signed=names)]
    )


class Program(Caller):
    """A token of a person who has signed before, with the key of a holder."""

    def __init__(self, client: FlaskClient, role: Role, iin: str, holder: Holder, agency: Agency | None = None) -> None:
        super().__init__(client, a_token(role, agency, name := f"{role.value} {iin}"))
        self.holder = holder
        account = account_named(name)
        assert account
        with transaction() as session:
            hashed = keyed_hash(IIN_OF_SIGNER, iin)
            session.add(Signer(account_id=account.id, iin_hash=hashed, registered_at=now()))

    def prepared(self, act: str, subject: str, values: Values | None = None) -> Values:
        """What is signed of an act."""
        return done(self.post("/signatures/content", {"act": act, "subject": subject, "values": values or {}}))

    def signature(self, prepared: Values, holder: Holder | None = None) -> Values:
        """What goes with the request of the act."""
        cms = (holder or self.holder).sign(b64decode(prepared["content"]))
        return {"signature": {"signed_at": prepared["signed_at"], "cms": b64encode(cms).decode()}}

    def sign(self, act: str, subject: str, values: Values | None = None) -> Values:
        """The body of the act's request."""
        return (values or {}) | self.signature(self.prepared(act, subject, values))


@pytest.fixture
def reviewer(client: FlaskClient, centre: Centre) -> Program:
    return Program(client, Role.REVIEWER, OTHER_IIN, centre.person(OTHER_IIN))


@pytest.fixture
def supervisor(client: FlaskClient, centre: Centre) -> Program:
    return Program(client, Role.SUPERVISOR, IIN, centre.person(name="ГЛАВА"))


def claimed(reviewer: Program) -> tuple[str, str]:
    """The path of a case under review, and its subject."""
    _, case = flagged_case()
    done(reviewer.post(f"{case}/claim", {}))
    return case, f"case:{case.rpartition('/')[2]}"


def a_restriction() -> int:
    proposer = with_account(an_actor(Role.SUPERVISOR, name="dana"))
    return propose_restriction(proposer, a_project().number, {"is_restricted": True, "reason": "State secret"}).id


@pytest.mark.on_both
def test_programs_of_two_people_sign_an_order(
    client: FlaskClient, reviewer: Program, supervisor: Program, required: Require
) -> None:
    required("orders")
    case, subject = claimed(reviewer)
    assert code(reviewer.post(f"{case}/propose", PROPOSAL)) == "signature-required"
    body = reviewer.sign("case.propose", subject, PROPOSAL)
    assert code(reviewer.post(f"{case}/propose", body | {"reason_ru": "Другое."})) == "signature-out-of-date"
    assert status(case) == "under_review"
    done(reviewer.post(f"{case}/propose", body))
    assert code(supervisor.post(f"{case}/approve", {"signature": None})) == "signature-required"
    body = supervisor.sign("case.approve", subject, {"comment": "Agreed."})
    for _ in range(2):
        # The same request again gets the same answer.
        done(supervisor.post(f"{case}/approve", body, Idempotency_Key="approve"))
    assert code(supervisor.post(f"{case}/approve", body)) == "case-action-not-possible"
    first, second = db.session.scalars(select(Signature).order_by(Signature.id))
    assert [(each.act, each.subject) for each in (first, second)] == [(f"case.{a}", subject) for a in ACTIONS]
    assert json.loads(second.content)["values"]["comment"] == "Agreed."
    assert (second.certificate_issuer, second.method, second.stamped_at) == ("ҰКО", "python", None)
    # Whoever holds the letter of the order sees who signed it.
    letter = db.session.scalars(select(Letter)).one()
    [shown] = client.get(f"/verify/{letter.code}.json").get_json()["signatures"]
    assert (shown["certificate_subject"], shown["certificate_issuer"], shown["revocation"]) == (
        "ГЛАВА",
        "ҰКО",
        "unknown",
    )
    assert "signed by ГЛАВА" in (page := client.get(f"/verify/{letter.code}").text) and IIN not in page + str(shown)


def test_signed_request_that_dies_before_its_answer_is_stored_is_done_when_it_is_sent_again(
    reviewer: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    case, subject = claimed(reviewer)
    body = reviewer.sign("case.propose", subject, NO_BREACH)

    def dies(*_args: object) -> None:
        raise OSError

    with monkeypatch.context() as broken:
        broken.setattr("registry.http.responses._store", dies)
        assert reviewer.post(f"{case}/propose", body, Idempotency_Key="propose").status_code == 500
    assert status(case) == "under_review"
    done(reviewer.post(f"{case}/propose", body, Idempotency_Key="propose"))
    assert reviewer.post(f"{case}/propose", body, Idempotency_Key="propose").headers["Idempotency-Replayed"] == "true"


def test_signature_of_one_act_is_none_of_another(reviewer: Program, supervisor: Program) -> None:
    case, subject = claimed(reviewer)
    other, other_subject = claimed(reviewer)
    body = reviewer.sign("case.propose", subject, NO_BREACH)
    assert code(reviewer.post(f"{other}/propose", body)) == "signature-out-of-date"
    done(reviewer.post(f"{case}/propose", body))
    done(reviewer.post(f"{case}/withdraw", {}))
    assert code(reviewer.post(f"{case}/propose", body)) == "signature-used"
    done(reviewer.post(f"{other}/propose", NO_BREACH))
    prepared = supervisor.prepared("case.approve", other_subject)
    # What was read is another proposal meanwhile.
    done(reviewer.post(f"{other}/withdraw", {}))
    done(reviewer.post(f"{other}/propose", NO_BREACH | {"reason_ru": "Ничего не нарушено."}))
    sent = supervisor.signature(prepared)
    assert code(supervisor.post(f"{other}/approve", sent)) == "signature-out-of-date"
    assert status(other) == "awaiting_approval" and len(db.session.scalars(select(Signature)).all()) == 1


def test_certificate_counts_only_for_its_own_person_and_while_it_is_in_force(
    reviewer: Program, centre: Centre, signatures: Path, present: Present
) -> None:
    case, subject = claimed(reviewer)
    prepared = reviewer.prepared("case.propose", subject, NO_BREACH)
    revoked = centre.person(OTHER_IIN)
    centre.revoke(signatures, revoked.certificate.serial_number)
    forged = Holder(rsa_key(8), reviewer.holder.certificate)
    for holder, expected in (
        (centre.person(IIN), "certificate-of-another-person"),
        (centre.person(OTHER_IIN, until=-DAY, since=-2 * DAY), "certificate-not-in-force"),
        (revoked, "certificate-revoked"),
        (forged, "signature-wrong"),
        (centre.person(OTHER_IIN, usages=["digital_signature"]), "certificate-not-for-signing"),
        (Centre(keys=4).person(OTHER_IIN), "certificate-not-trusted"),
    ):
        answer = reviewer.post(f"{case}/propose", NO_BREACH | reviewer.signature(prepared, holder))
        assert (answer.status_code, code(answer)) == (403, expected)
    late = NO_BREACH | reviewer.signature(prepared)
    present.move(timedelta(minutes=31))
    assert code(reviewer.post(f"{case}/propose", late)) == "signature-out-of-date"
    assert status(case) == "under_review" and db.session.scalars(select(Signature)).all() == []


@pytest.mark.parametrize(
    "sent", ["CMS", [], {"cms": "AAAA"}, {"signed_at": 1, "cms": "AAAA"}, {"signed_at": "", "cms": "", "iin": IIN}]
)
def test_signature_of_another_shape_is_invalid(reviewer: Program, sent: object) -> None:
    case, _ = claimed(reviewer)
    answer = reviewer.post(f"{case}/propose", NO_BREACH | {"signature": sent})
    assert codes(answer) == {("/signature", "expected-signature")} and status(case) == "under_review"


def test_several_orders_together_are_not_approved_where_each_takes_a_signature(
    reviewer: Program, supervisor: Program, required: Require
) -> None:
    case, subject = claimed(reviewer)
    done(reviewer.post(f"{case}/propose", PROPOSAL))
    required("orders")
    seen = {"case": int(subject.partition(":")[2]), "etag": supervisor.get(case).headers["ETag"]}
    many = supervisor.sign("case.approve", subject) | {"cases": [seen]}
    assert codes(supervisor.post("/cases/approve", many)) == {("/signature", "unknown-field")}
    [refused] = done(supervisor.post("/cases/approve", {"cases": [seen]}))["refused"]
    assert refused["code"] == "signature-required" and "several actions at once cannot be signed" in refused["message"]
    assert status(case) == "awaiting_approval"


def test_program_signs_for_nobody_but_the_person_of_its_token(
    client: FlaskClient, reviewer: Program, centre: Centre
) -> None:
    case, subject = claimed(reviewer)
    body = {"act": "case.propose", "subject": subject, "values": NO_BREACH}
    sent = NO_BREACH | reviewer.signature(reviewer.prepared("case.propose", subject, NO_BREACH))
    service = Caller(client, a_service_token(Role.REVIEWER))
    assert code(service.post("/signatures/content", body)) == "service-account-signs"
    assert code(service.post(f"{case}/propose", sent)) == "service-account-signs"
    # Who has not signed on a page could be anybody who has the token.
    new = caller(client, Role.REVIEWER)
    assert code(new.post("/signatures/content", body)) == "signer-needs-second-factor"
    for wrong in ({"subject": "case:999999"}, {"subject": "case:x"}):
        assert code(reviewer.post("/signatures/content", body | wrong)) == "case-not-found"
    assert codes(reviewer.post("/signatures/content", body | {"subject": "approval:1"})) == {
        ("/subject", "signed-subject")
    }
    assert codes(reviewer.post("/signatures/content", body | {"values": {"decision": "x"}})) == {
        ("/values/decision", "not-a-choice")
    }
    assert code(reviewer.post("/signatures/content", {"act": "case.approve", "subject": subject})) == "role-not-allowed"


def test_deputy_signs_with_no_certificate_but_the_deputys_own(
    client: FlaskClient, reviewer: Program, centre: Centre
) -> None:
    case, subject = claimed(reviewer)
    deputy = Program(client, Role.REVIEWER, IIN, centre.person())
    absent, stands_in = (account_named(f"reviewer {iin}") for iin in (OTHER_IIN, IIN))
    assert absent and stands_in
    record_absence(with_account(an_actor(Role.SUPERVISOR)), absent.id, stands_in.id, today(), today())
    prepared = deputy.prepared("case.propose", subject, NO_BREACH)
    refused = deputy.post(f"{case}/propose", NO_BREACH | deputy.signature(prepared, reviewer.holder))
    assert code(refused) == "certificate-of-another-person"
    done(deputy.post(f"{case}/propose", NO_BREACH | deputy.signature(prepared)))
    assert db.session.scalars(select(Signature.signed_by)).one() == f"reviewer {IIN}"


def test_registration_is_signed_by_api(client: FlaskClient, centre: Centre) -> None:
    agency = an_agency()
    editor = Program(client, Role.AGENCY_EDITOR, IIN, centre.person(), agency)
    values = {**project_values(external_id=None), "agency": agency.bin}
    body = editor.sign("project.register", f"agency:{agency.bin}", values)
    assert code(editor.post("/projects", body | {"name_ru": "Другое имя"})) == "signature-out-of-date"
    answer = editor.post("/projects", body, Idempotency_Key="once")
    assert answer.status_code == 201
    assert editor.post("/projects", body, Idempotency_Key="once").get_json() == answer.get_json()
    assert code(editor.post("/projects", body)) == "signature-used"
    stored = db.session.scalars(select(Signature)).one()
    assert (
        stored.subject == f"project:{answer.get_json()['number']}"
        and len(db.session.scalars(select(Project)).all()) == 1
    )


def test_approval_takes_a_signature_on_every_way_where_the_policy_says_so(
    client: FlaskClient, supervisor: Program, signed_in: SignedIn, centre: Centre, required: Require
) -> None:
    required("approvals")
    by_program, by_person = a_restriction(), a_restriction()
    assert code(supervisor.post(f"/approvals/{by_program}/approval", {})) == "signature-required"
    body = supervisor.sign("approval.approve", f"approval:{by_program}", {"reason": "Seen."})
    assert code(supervisor.post(f"/approvals/{by_person}/approval", body)) == "signature-out-of-date"
    assert (
        code(supervisor.post(f"/approvals/{by_program}/approval", body | {"reason": "Other."}))
        == "signature-out-of-date"
    )
    approved = done(supervisor.post(f"/approvals/{by_program}/approval", body))
    make_checkpoint(SCHEDULE)
    zipped = caller(client, Role.AUDITOR).get(f"/projects/{approved['project']}/evidence.zip").data
    with zipfile.ZipFile(io.BytesIO(zipped)) as pack:
        [listed] = json.loads(pack.read("signatures.json"))
        assert b64decode(body["signature"]["cms"]) == pack.read(f"signatures/{listed['id']}.p7s")
    assert (approved["state"], listed["subject"]) == ("approved", f"approval:{by_program}")
    saule, here = confirmed(signed_in(Role.SUPERVISOR)), f"/approvals/{by_person}"
    page = saule.get(here).text
    assert "Approve with an electronic signature" in page and ">Approve<" not in page
    refused = saule.send(f"{here}/approval", here, reason="")
    assert refused.status_code == 403 and "requires your electronic signature" in refused.text
    page = saule.send(f"{here}/approval", here, reason="Seen.", sign="yes").text
    assert "State secret" in page and json.loads(content_of(page))["values"]["comment"] == "Seen."
    shown = saule.client.post(
        f"{here}/approval", data=signed(page, centre.person("770303300789", "САУЛЕ")), follow_redirects=True
    ).text
    assert "Approved. It has taken effect." in shown and "signed by САУЛЕ" in shown
    assert "Issued by ҰКО." in shown and "Verified by the register itself." in shown and "770303300789" not in shown


def test_proposal_whose_subject_changed_is_neither_offered_nor_approved(supervisor: Program) -> None:
    approval = a_restriction()
    body = supervisor.sign("approval.approve", f"approval:{approval}")
    with transaction() as session:
        session.scalars(select(Project)).one().is_restricted = True
    assert code(supervisor.post(f"/approvals/{approval}/approval", body)) == "approval-out-of-date"
    offered = supervisor.post("/signatures/content", {"act": "approval.approve", "subject": f"approval:{approval}"})
    assert code(offered) == "approval-out-of-date"


def test_report_is_issued_with_the_signatures_of_both(
    client: FlaskClient, reviewer: Program, supervisor: Program, signed_in: SignedIn, required: Require
) -> None:
    required("reports")
    a_project()
    audit()
    number = submitted(begin().number).number
    here, subject = f"/government-reports/{number}", f"government-report:{number}"
    assert code(reviewer.post(f"{here}/approval", {})) == "signature-required"
    early = supervisor.sign("government-report.approve", subject)
    done(reviewer.post(f"{here}/approval", reviewer.sign("government-report.approve", subject)))
    # What was signed had no first approval.
    assert code(supervisor.post(f"{here}/approval", early)) == "signature-out-of-date"
    issued = done(supervisor.post(f"{here}/approval", supervisor.sign("government-report.approve", subject)))
    assert issued["status"] == "issued"
    assert "signed by ГЛАВА" in signed_in(Role.AUDITOR).get(here).text
