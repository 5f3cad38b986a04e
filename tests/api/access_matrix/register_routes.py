"""Routes of the register: agencies, projects, exemptions, imports, exports, audits, policies."""

from __future__ import annotations

from registry.accounts.roles import Role
from registry.core.clock import today
from tests.api.access_matrix.bodies import (
    a_document,
    a_link,
    a_whole_project,
    an_import,
    an_inventory,
    an_unsigned_file,
    exemption,
    new_project,
    some_contracts,
    verification,
)
from tests.api.access_matrix.roles import (
    ALL,
    AUDIT_READERS,
    CASE_READERS,
    CONFIRMERS,
    EDITORS,
    IMPORTERS_OF_CONTRACTS,
    OVERSIGHT,
    REVIEWERS,
    VERIFIERS,
    WRITERS,
    Try,
)
from tests.factories import a_bin

REGISTER: dict[str, Try] = {
    "list_all_agencies": Try("/agencies", ALL, owned=False),
    "read_agency": Try("/agencies/{bin}", ALL, owned=False),
    "create_agency": Try(
        "/agencies",
        {Role.ADMINISTRATOR},
        201,
        lambda world: {"bin": a_bin(), "name_ru": "Орган", "kind": "private"},
        owned=False,
    ),
    "patch_agency": Try("/agencies/{bin}", {Role.ADMINISTRATOR}, 200, lambda world: {"name_en": "Body"}, owned=False),
    "list_platform_products": Try("/platform-products", ALL, owned=False),
    "put_platform_product": Try(
        "/platform-products/qt-queue",
        {Role.OPERATOR},
        200,
        lambda world: {
            **dict.fromkeys(("name_kk", "name_ru", "description_kk", "description_ru", "contact"), "Кезек"),
            "terms": ["кезек"],
            "product_state": "in_use",
        },
        owned=False,
    ),
    "list_vocabularies": Try("/vocabularies", ALL, owned=False),
    "read_vocabulary": Try("/vocabularies/stage", ALL, owned=False),
    "list_all_projects": Try("/projects", ALL, owned=False),
    "create_project": Try("/projects", WRITERS, 201, new_project, owned=False),
    "create_many_projects": Try(
        "/projects/batch", WRITERS, 200, lambda world: {"items": [new_project(world)]}, owned=False
    ),
    "check_before_registering": Try("/projects/check", WRITERS, 200, new_project, owned=False),
    "read_one_project": Try("/projects/{number}", ALL),
    "patch_project": Try("/projects/{number}", WRITERS, 200, lambda world: {"budget_kzt": 7}),
    "read_project_by_external_id": Try("/agencies/{bin}/projects/{external_id}", ALL),
    "patch_project_by_external_id": Try(
        "/agencies/{bin}/projects/{external_id}", WRITERS, 200, lambda world: {"budget_kzt": 7}
    ),
    "put_project": Try("/agencies/{bin}/projects/{external_id}", WRITERS, 200, a_whole_project),
    "check_before_changing": Try("/projects/{number}/check", WRITERS, 200, lambda world: {"budget_kzt": 7}),
    "attest_project": Try(
        "/projects/{number}/attestation", {Role.AGENCY_EDITOR, Role.AGENCY_ADMINISTRATOR}, 200, lambda world: {}
    ),
    "put_migration_plan": Try(
        "/projects/{number}/migration-plan", WRITERS, 200, lambda world: {"month": "2027-03-01", "responsible": "A. S."}
    ),
    "read_migration_plan": Try("/projects/{number}/migration-plan", ALL),
    "confirm_migration_plan": Try(
        "/projects/{number}/migration-plan/confirmation", REVIEWERS, 404, lambda world: {"planned_at": "2026-11-30"}
    ),
    "read_history": Try("/projects/{number}/history", ALL),
    "read_verdict": Try("/projects/{number}/verdict", ALL),
    "read_similar_projects": Try("/projects/{number}/similar", ALL),
    "read_object": Try("/objects/{number}", ALL),
    "list_links": Try("/projects/{number}/links", ALL),
    "create_link": Try("/projects/{number}/links", REVIEWERS, 201, a_link),
    "delete_link": Try("/projects/{number}/links/{link}", REVIEWERS, 204),
    "list_flags_of_project": Try("/projects/{number}/flags", ALL),
    "confirm_placement": Try("/projects/{number}/placement-verification", CONFIRMERS, 200, verification),
    # The record of the world does not state the fact.
    "confirm_fact": Try(
        "/projects/{number}/fact-confirmation",
        CONFIRMERS,
        409,
        lambda world: {
            "fact": "commissioned_on",
            "value": "2019-04-01",
            "evidence": "Contract 12-7.",
            "documents": [world.document_id],
        },
    ),
    "confirm_move": Try(
        "/projects/{number}/onboarding-confirmation", CONFIRMERS, 409, lambda world: {"due_on": str(today())}
    ),
    "confirm_end": Try(
        "/projects/{number}/ending-confirmation",
        CONFIRMERS,
        409,
        lambda world: {"ended_on": str(today()), "consent_number": "1", "evidence": "Act"},
    ),
    "restrict": Try(
        "/projects/{number}/restriction",
        {Role.SUPERVISOR},
        202,
        lambda world: {"is_restricted": True, "reason": "None"},
    ),
    "list_documents": Try("/projects/{number}/documents", ALL),
    "create_document": Try("/projects/{number}/documents", WRITERS | CONFIRMERS, 201, form=a_document),
    "download_document": Try("/projects/{number}/documents/{document}", ALL),
    "list_all_exemptions": Try("/exemptions", ALL, owned=False),
    "create_exemption": Try("/exemptions", REVIEWERS, 202, exemption, owned=False),
    "read_one_exemption": Try("/exemptions/{exemption}", ALL),
    "revoke_one_exemption": Try("/exemptions/{exemption}/revocation", {Role.SUPERVISOR}, 200, lambda world: {}),
    "list_exemption_documents": Try("/exemptions/{exemption}/documents", ALL),
    "create_exemption_document": Try("/exemptions/{exemption}/documents", {Role.SUPERVISOR}, 201, form=a_document),
    "download_exemption_document": Try("/exemptions/{exemption}/documents/{exemption_document}", ALL),
    "create_platform_inventory": Try("/platform-inventories", CONFIRMERS, owned=False, form=an_inventory),
    "list_platform_inventories": Try("/platform-inventories", CONFIRMERS, owned=False),
    "read_platform_inventory": Try("/platform-inventories/{inventory}", CONFIRMERS, owned=False),
    "read_present_inventory": Try("/platform-inventory", CONFIRMERS, owned=False),
    "change_present_inventory": Try(
        "/platform-inventory", CONFIRMERS, 422, lambda world: {"removed": ["qt-none"]}, owned=False
    ),
    "list_procurement_contracts": Try("/procurement-contracts", ALL, owned=False),
    "read_procurement_contract": Try("/procurement-contracts/{contract}", ALL, of_project=False),
    "import_procurement_contracts": Try(
        "/procurement-contracts/imports", IMPORTERS_OF_CONTRACTS, owned=False, form=some_contracts
    ),
    "decide_procurement_match": Try(
        "/procurement-contracts/{contract}/match-decisions",
        REVIEWERS,
        200,
        lambda world: {"project": world.project.number, "match_state": "confirmed"},
    ),
    "propose_contract_without_project": Try(
        "/procurement-contracts/{contract}/no-project", WRITERS, 409, lambda world: {"why": "not_it", "reason": "1"}
    ),
    "list_external_confirmations": Try("/external-confirmations", ALL, owned=False),
    "read_external_confirmation": Try("/external-confirmations/{external_confirmation}", ALL, of_project=False),
    "import_external_confirmations": Try(
        "/external-confirmations/imports", CONFIRMERS, 422, owned=False, form=an_unsigned_file
    ),
    "decide_external_match": Try(
        "/external-confirmations/{external_confirmation}/match-decisions",
        CONFIRMERS,
        200,
        lambda world: {"project": world.project.number, "match_state": "confirmed"},
    ),
    "create_import": Try("/imports", WRITERS, 202, owned=False, form=an_import),
    # An editor imports, and sees no import of another.
    "read_one_import": Try("/imports/{import_run}", {Role.ADMINISTRATOR}, owned=False, unseen=EDITORS),
    "list_import_errors": Try("/imports/{import_run}/errors", {Role.ADMINISTRATOR}, owned=False, unseen=EDITORS),
    "list_all_imports": Try("/imports", WRITERS, owned=False),
    "list_import_rows": Try("/imports/{import_run}/rows", {Role.ADMINISTRATOR}, owned=False, unseen=EDITORS),
    "answer_import": Try(
        "/imports/{import_run}/answers",
        {Role.ADMINISTRATOR},
        409,
        lambda world: {"answers": {"2": "same"}},
        owned=False,
        unseen=EDITORS,
    ),
    # Only who ran it, and administrators of its agency, may undo an import.
    "undo_import": Try(
        "/imports/{import_run}/undo",
        set(),
        409,
        lambda world: {"reason": "Error"},
        owned=False,
        unseen=EDITORS | {Role.ADMINISTRATOR},
    ),
    "run_import": Try("/imports/{import_run}/run", {Role.ADMINISTRATOR}, 409, owned=False, unseen=EDITORS),
    "download_marked_import": Try(
        "/imports/{import_run}/errors.xlsx", {Role.ADMINISTRATOR}, 409, owned=False, unseen=EDITORS
    ),
    "download_import_template": Try("/imports/template.xlsx", WRITERS, owned=False),
    "export_journal_as_ndjson": Try(
        "/exports/journal.ndjson", {Role.AUDITOR, Role.SUPERVISOR, Role.ADMINISTRATOR}, owned=False
    ),
    "export_journal_as_csv": Try(
        "/exports/journal.csv", {Role.AUDITOR, Role.SUPERVISOR, Role.ADMINISTRATOR}, owned=False
    ),
    **{
        f"export_{name}_as_{ending}": Try(f"/exports/{name}.{ending}", readers, owned=False)
        for name, readers in {
            "agencies": ALL,
            "confirmations": ALL,
            "contracts": ALL,
            "products": ALL,
            "flags": ALL,
            "cases": CASE_READERS,
            "exemptions": ALL,
            "audits": AUDIT_READERS,
            "inventories": CONFIRMERS,
        }.items()
        for ending in ("csv", "xlsx", "ndjson")
    },
    "export_history_as_ndjson": Try("/exports/history.ndjson", ALL, owned=False),
    "export_projects_as_ndjson": Try("/exports/projects.ndjson", ALL, owned=False),
    "export_projects_as_csv": Try("/exports/projects.csv", ALL, owned=False),
    "export_projects_as_xlsx": Try("/exports/projects.xlsx", ALL, owned=False),
    "create_audit": Try("/audits", {Role.OPERATOR, Role.SUPERVISOR}, 201, lambda world: {}, owned=False),
    "confirm_audit": Try(
        "/audits/{audit}/confirmation", {Role.SUPERVISOR}, 409, lambda world: {"reason": "checked"}, owned=False
    ),
    "reject_audit": Try(
        "/audits/{audit}/rejection", {Role.SUPERVISOR}, 409, lambda world: {"reason": "checked"}, owned=False
    ),
    "propose_to_void_audit": Try(
        "/audits/{audit}/voiding",
        {Role.OPERATOR, Role.SUPERVISOR},
        409,
        lambda world: {"reason": "The clock was ahead."},
        owned=False,
    ),
    "void_proposed_audit": Try(
        "/audits/{audit}/voiding-confirmation",
        {Role.OPERATOR, Role.SUPERVISOR},
        409,
        lambda world: {"proposed_at": "2026-03-03T05:10:00.000000Z"},
        owned=False,
    ),
    "list_all_audits": Try("/audits", AUDIT_READERS, owned=False),
    "read_one_audit": Try("/audits/{audit}", AUDIT_READERS, owned=False),
    "verify_audit": Try("/audits/{audit}/verification", VERIFIERS, owned=False),
    "list_changes": Try("/audits/{audit}/changes", AUDIT_READERS, owned=False),
    "follow_changes": Try("/changes?after=0", ALL, owned=False),
    "list_all_flags": Try("/flags", ALL, owned=False),
    "list_policies": Try("/policies", OVERSIGHT, owned=False),
    "read_one_policy": Try("/policies/2026.1", OVERSIGHT, owned=False),
    "read_overview": Try("/overview", OVERSIGHT, owned=False),
    "read_overview_comparison": Try("/overview/comparison?by=region", OVERSIGHT, owned=False),
    "read_overview_history": Try("/overview/history?by=region&of=71", OVERSIGHT, owned=False),
    "create_policy": Try(
        "/policies", {Role.SUPERVISOR}, 201, lambda world: {"version": f"v{a_bin()}", "scope": ["private"]}, owned=False
    ),
    "patch_policy": Try(
        "/policies/{draft}", {Role.SUPERVISOR}, 200, lambda world: {"pilot_limit_months": 6}, owned=False
    ),
    "delete_policy": Try("/policies/{deleted_draft}", {Role.SUPERVISOR}, 204, owned=False),
    "compare_policies": Try("/policies/2026.1/comparison", OVERSIGHT, owned=False),
    "export_policy": Try("/policies/2026.1/file", OVERSIGHT, owned=False),
    "calculate_policy_impact": Try("/policies/{draft}/impact", {Role.SUPERVISOR}, 200, lambda world: {}, owned=False),
    "activate_policy": Try(
        "/policies/{activated_draft}/activation",
        {Role.SUPERVISOR},
        409,
        lambda world: {"impact_digest": "0" * 64, "on": str(today())},
        owned=False,
    ),
    "withdraw_policy_activation": Try("/policies/{activated_draft}/activation", {Role.SUPERVISOR}, 409, owned=False),
    "read_compliance": Try("/reports/compliance", ALL, owned=False),
    "read_ai_systems": Try("/reports/ai-systems", ALL, owned=False),
}
