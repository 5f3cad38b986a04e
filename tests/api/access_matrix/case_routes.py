"""Routes of cases and of what belongs to their work: reports, letters, inbox, saved views."""

from __future__ import annotations

from registry.accounts.roles import Role
from registry.core.clock import today
from tests.api.access_matrix.bodies import (
    a_commission_decision,
    a_document,
    a_lawsuit,
    a_new_report,
    a_template,
    a_view,
    proposal,
)
from tests.api.access_matrix.roles import (
    AGENCY,
    ALL,
    CASE_READERS,
    EDITORS,
    JOURNAL_READERS,
    REPORT_READERS,
    REVIEWERS,
    Try,
)

CASEWORK: dict[str, Try] = {
    "list_all_cases": Try("/cases", CASE_READERS, owned=False),
    "read_case": Try("/cases/{case}", CASE_READERS),
    "list_all_government_reports": Try("/government-reports", REPORT_READERS | {Role.LEADER}, owned=False),
    "create_government_report": Try("/government-reports", REVIEWERS, 201, a_new_report, owned=False),
    # Leaders read issued ones, and this one is not.
    "read_government_report": Try("/government-reports/{report}", REPORT_READERS, owned=False, unseen={Role.LEADER}),
    "patch_government_report": Try(
        "/government-reports/{report}", REVIEWERS, 200, lambda world: {"findings_ru": "Меньше."}, owned=False
    ),
    # A later number was given.
    "delete_government_report": Try("/government-reports/{report}", REVIEWERS, 409, owned=False),
    "freeze_government_report": Try(
        "/government-reports/{report}/freeze", REVIEWERS, 200, lambda world: {}, owned=False
    ),
    # Its sections are not written.
    "submit_government_report": Try(
        "/government-reports/{report}/submission", REVIEWERS, 422, lambda world: {}, owned=False
    ),
    "approve_government_report": Try(
        "/government-reports/{report}/approval", REVIEWERS, 409, lambda world: {}, owned=False
    ),
    "return_government_report": Try(
        "/government-reports/{report}/return", REVIEWERS, 409, lambda world: {"remark": "Why?"}, owned=False
    ),
    "correct_government_report": Try(
        "/government-reports/{report}/corrections",
        REVIEWERS,
        409,
        lambda world: {"reason": "Wrong.", "due_on": str(today())},
        owned=False,
    ),
    "download_government_report_as_pdf": Try(
        "/government-reports/{report}.pdf", REPORT_READERS, owned=False, unseen={Role.LEADER}
    ),
    "download_government_report_data": Try(
        "/government-reports/{report}/data.json", REPORT_READERS, owned=False, unseen={Role.LEADER}
    ),
    "export_government_report_as_csv": Try(
        "/exports/government-reports/{report}.csv", REPORT_READERS, owned=False, unseen={Role.LEADER}
    ),
    "create_case": Try("/cases", REVIEWERS, 409, lambda world: {"project": world.reviewed.number}, owned=False),
    "claim_case": Try("/cases/{case}/claim", REVIEWERS, 200, lambda world: {}),
    "assign_case": Try("/cases/{case}/assign", REVIEWERS, 422, lambda world: {"assignee": "nobody"}),
    "release_case": Try("/cases/{case}/release", REVIEWERS, 200, lambda world: {}),
    # Given back, the case is new again: nothing more than a claim or a comment fits it.
    "ask_case": Try("/cases/{case}/ask", REVIEWERS, 409, lambda world: {"comment": "Why?"}),
    "answer_case": Try("/cases/{case}/answer", EDITORS, 409, lambda world: {"comment": "So."}),
    "propose_case": Try("/cases/{case}/propose", REVIEWERS, 409, proposal),
    "approve_case": Try("/cases/{case}/approve", {Role.SUPERVISOR}, 409, lambda world: {}),
    "return_case": Try("/cases/{case}/return", REVIEWERS, 409, lambda world: {}),
    "refer_case": Try("/cases/{case}/refer", REVIEWERS, 409, lambda world: {}),
    "confirm_case": Try("/cases/{case}/confirm", REVIEWERS, 409, lambda world: {}),
    "withdraw_case": Try("/cases/{case}/withdraw", REVIEWERS, 409, lambda world: {}),
    "appeal_case": Try("/cases/{case}/appeal", EDITORS, 409, lambda world: {"comment": "No."}),
    "comment_case": Try("/cases/{case}/comment", REVIEWERS | EDITORS, 200, lambda world: {"comment": "Seen."}),
    "list_case_templates": Try("/case-templates", REVIEWERS, owned=False),
    "create_case_template": Try("/case-templates", {Role.SUPERVISOR}, 201, a_template, owned=False),
    "read_case_template": Try("/case-templates/{template}", REVIEWERS, owned=False),
    "patch_case_template": Try(
        "/case-templates/{template}", {Role.SUPERVISOR}, 200, lambda world: {"title": "Начало работ"}, owned=False
    ),
    "delete_case_template": Try("/case-templates/{template}", {Role.SUPERVISOR}, 204, owned=False),
    "record_commission_decision": Try("/cases/{case}/commission-decision", REVIEWERS, 409, form=a_commission_decision),
    "record_court": Try("/cases/{case}/court", REVIEWERS, 409, form=a_lawsuit),
    "list_case_documents": Try("/cases/{case}/documents", CASE_READERS),
    "create_case_document": Try("/cases/{case}/documents", REVIEWERS | EDITORS, 201, form=a_document),
    "download_case_document": Try("/cases/{case}/documents/{case_document}", CASE_READERS),
    "list_letters_of_case": Try("/cases/{case}/letters", CASE_READERS),
    "download_evidence_of_case": Try("/cases/{case}/evidence.zip", JOURNAL_READERS),
    "download_evidence_of_project": Try("/projects/{number}/evidence.zip", JOURNAL_READERS),
    "download_evidence_of_audit": Try("/audits/{audit}/evidence.zip", JOURNAL_READERS, owned=False),
    "list_appeals": Try("/appeals", ALL, owned=False),
    "export_appeals_as_csv": Try("/exports/appeals.csv", ALL, owned=False),
    "export_appeals_as_xlsx": Try("/exports/appeals.xlsx", ALL, owned=False),
    "export_appeals_as_ndjson": Try("/exports/appeals.ndjson", ALL, owned=False),
    "list_orders": Try("/orders", ALL, owned=False),
    "export_orders_as_csv": Try("/exports/orders.csv", ALL, owned=False),
    "export_orders_as_xlsx": Try("/exports/orders.xlsx", ALL, owned=False),
    "export_orders_as_ndjson": Try("/exports/orders.ndjson", ALL, owned=False),
    "list_all_letters": Try("/letters", CASE_READERS, owned=False),
    "read_letter": Try("/letters/{letter}", CASE_READERS),
    "download_letter_as_pdf": Try("/letters/{letter}.pdf", CASE_READERS),
    "download_letter_as_html": Try("/letters/{letter}.html", CASE_READERS),
    "export_timeline_as_ndjson": Try("/exports/timeline.ndjson", CASE_READERS, owned=False),
    "export_letters_as_csv": Try("/exports/letters.csv", CASE_READERS, owned=False),
    "claim_many_cases": Try("/cases/claim", REVIEWERS, 200, lambda world: {"cases": [world.case_id]}, owned=False),
    "assign_many_cases": Try(
        "/cases/assign", REVIEWERS, 200, lambda world: {"cases": [world.case_id], "assignee": "nobody"}, owned=False
    ),
    "ask_many_cases": Try("/cases/ask", REVIEWERS, 200, lambda world: {"cases": [world.case_id]}, owned=False),
    "open_many_cases": Try(
        "/cases/open", REVIEWERS, 200, lambda world: {"projects": [world.reviewed.number]}, owned=False
    ),
    "search": Try("/search?q=qaztech", ALL, owned=False),
    "list_inbox": Try("/inbox", CASE_READERS, owned=False),
    "read_inbox": Try("/inbox/read", ALL, 200, lambda world: {"all": True}, owned=False),
    "list_views": Try("/views", ALL, owned=False),
    "create_view": Try("/views", ALL, 201, a_view, owned=False),
    # Another person's, shared within oversight.
    "delete_view": Try("/views/{view}", {Role.SUPERVISOR}, 204, owned=False, unseen=AGENCY),
    "watch_case": Try("/cases/{case}/watch", CASE_READERS, 204),
    "unwatch_case": Try("/cases/{case}/watch", CASE_READERS, 204),
    "watch_project": Try("/projects/{number}/watch", CASE_READERS, 204),
    "unwatch_project": Try("/projects/{number}/watch", CASE_READERS, 204),
    "propose_many_cases": Try(
        "/cases/propose", REVIEWERS, 200, lambda world: {"cases": [world.case_id], **proposal(world)}, owned=False
    ),
    "approve_many_cases": Try(
        "/cases/approve",
        {Role.SUPERVISOR},
        200,
        lambda world: {"cases": [{"case": world.case_id, "etag": '"read"'}]},
        owned=False,
    ),
    "confirm_many_cases": Try("/cases/confirm", REVIEWERS, 200, lambda world: {"cases": [world.case_id]}, owned=False),
}
